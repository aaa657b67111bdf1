"""docs/notices.md, typed: every ``filterd`` command of its blocks of shell does what the page says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.deployment import Deployment
from tests.meta.test_known_failures import ROOT
from tests.worlds.operations_page import filterd_commands

pytestmark = pytest.mark.ring("night")

PAGE = ROOT / "docs/notices.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filterd = Deployment(tmp_path / "filterd", 1)
    filterd.cli("store", "migrate")
    monkeypatch.setenv("FILTERD_CONFIG", str(filterd.config))
    for command in filterd_commands(PAGE):
        done = CliRunner().invoke(main, list(command.words))
        assert done.exit_code == 0, f"{command.heading}: filterd {shlex.join(command.words)}: {done.output}"
    (told,) = filterd.cli("notice", "list", "--line", "L-500")
    assert (told["kind"], told["state"]) == ("opt_in", "kept")
    assert "se encendió con el perfil" in told["text"]["es"]
    shown = CliRunner().invoke(main, ["notice", "show", told["id"]])
    assert "¿No fuiste tú?" in shown.output
    refused = CliRunner().invoke(main, ["notice", "retry", "--all"])
    assert refused.exit_code == 1
    assert "no receiver of notices" in refused.output
