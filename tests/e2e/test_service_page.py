"""docs/service-page.md, typed: every ``filterd`` command of its blocks of shell does what the page says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.deployment import Deployment
from tests.meta.test_known_failures import ROOT
from tests.worlds.operations_page import filterd_commands

PAGE = ROOT / "docs/service-page.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filterd = Deployment(tmp_path / "filterd", 1)
    filterd.cli("store", "migrate")
    monkeypatch.setenv("FILTERD_CONFIG", str(filterd.config))
    monkeypatch.chdir(tmp_path)
    for command in filterd_commands(PAGE):
        done = CliRunner().invoke(main, list(command.words))
        assert done.exit_code == 0, f"{command.heading}: filterd {shlex.join(command.words)}: {done.output}"
    first, again = ((tmp_path / "build" / name / "servicio/datos.json") for name in ("pages", "first"))
    assert first.read_bytes() == again.read_bytes()
