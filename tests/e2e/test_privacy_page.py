"""docs/privacy.md, typed: every ``filterd`` command of its blocks of shell does what the page says."""

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

PAGE = ROOT / "docs/privacy.md"
BACKUP = "/srv/backups/monday"


@pytest.fixture
def filterd(tmp_path: Path) -> Deployment:
    """An installation with the shipped policies, a token and a backup, which is not started."""
    made = Deployment(tmp_path / "filterd", 1)
    made.cli("store", "migrate")
    made.cli("token", "add", "billing", "--system", "--role", "provisioning")
    made.cli("backup", str(tmp_path / "monday"))
    return made


def test_the_page_runs(filterd: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILTERD_CONFIG", str(filterd.config))
    request, hold, seen = "", "", set()
    for command in filterd_commands(PAGE):
        if "--node" in command.words:
            continue  # no node runs here; tests/unit/operations/privacy/test_breach.py has one
        words = [
            each.replace("$request", request).replace("$hold", hold).replace(BACKUP, str(tmp_path / "monday"))
            for each in command.words
        ]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, f"{command.heading}: filterd {shlex.join(words)}: {done.output}"
        seen.add(tuple(words[:2]))
        if words[:2] == ["arco", "add"]:
            request = filterd.cli("arco", "list")[0]["request"]
        if words[:2] == ["hold", "add"]:
            hold = filterd.cli("hold", "list")[0]["hold"]
    assert {each for each in seen if each[0] in ("arco", "retention", "breach", "hold")} == {
        *(("arco", each) for each in ("add", "list", "answer", "close")),
        *(("retention", each) for each in ("show", "run", "prove")),
        ("breach", "report"),
        *(("hold", each) for each in ("add", "list", "show", "end")),
    }
    assert filterd.cli("arco", "list") == []
