"""docs/choices.md, typed: every ``filterd`` command of its blocks of shell does what the page says."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.e2e.deployment import Deployment
from tests.meta.test_known_failures import ROOT
from tests.worlds.operations_page import filterd_commands

pytestmark = pytest.mark.ring("night")

PAGE = ROOT / "docs/choices.md"
PLAN = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = {"add", "opt-in", "choose", "plan", "close", "open", "pause", "resume", "allow", "deny", "remove"}
COMMANDS |= {"authorise", "authorisations"}
"""the commands of ``filterd subscriber`` that the page types"""
VARIABLE = "$holiday"


@pytest.fixture
def filterd(tmp_path: Path) -> Deployment:
    """An installation with the shipped policies, which is not started."""
    made = Deployment(tmp_path / "filterd", 1)
    made.cli("store", "migrate")
    return made


def test_the_page_runs(filterd: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILTERD_CONFIG", str(filterd.config))
    (plan,) = PLAN.findall(PAGE.read_text())
    Path("plan.yaml").write_text(plan)
    holiday = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    commands = list(filterd_commands(PAGE))
    assert {each.words[1] for each in commands if each.words[0] == "subscriber"} == COMMANDS
    for command in commands:
        words = [each.replace(VARIABLE, holiday) for each in command.words]
        if words[:2] == ["consent", "end"]:
            chosen = filterd.cli("subscriber", "show", "casa-5")["adjustments"]
            assert chosen["services"]["added"] == ["tiktok"]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, f"{command.heading}: filterd {shlex.join(words)}: {done.output}"
    ended = filterd.cli("subscriber", "show", "casa-5")
    assert (ended["opted_in"], ended["adjustments"], ended["own_names"]) == (False, {}, [])
