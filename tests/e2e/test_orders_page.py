"""docs/orders.md, typed by its two people on a running node: every command does what the page says."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main
from tests.e2e.deployment import ROOT, Deployment, ede
from tests.e2e.small import small
from tests.worlds.operations_page import Typed, filterd_commands

pytestmark = pytest.mark.ring("night")

PAGE = ROOT / "docs/orders.md"
PEOPLE = {"ana": "daemon", "luis": "bin"}
"""the people of the page, as accounts that every machine has"""
ACTS = {"add", "approve", "show", "due", "suspend", "resume", "confirm", "lift", "review", "receipt"}
ACTS |= {"execute", "withdraw"}
"""the commands of ``filterd order`` that the page types"""
RECORDS = {(name, "A"): ["203.0.113.7"] for name in ("shop.example", "hosted.example")}
CENSORED = 16
STATES = {
    "approve": "accepted", "suspend": "suspended", "resume": "accepted", "confirm": "accepted",
    "lift": "lifted", "execute": "outside_dns", "withdraw": "withdrawn",
}  # fmt: skip
"""after the act"""


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """A node that runs, under the rules of Mexico, whose orders take two people."""
    with small(tmp_path, RECORDS) as made:
        (made.policies / "jurisdictions").mkdir(exist_ok=True)
        shutil.copy(ROOT / "policies/jurisdictions/mx.yaml", made.policies / "jurisdictions")
        made.write_config(orders={"approvals": 2})
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        with made.serving():
            yield made


def typed(filterd: Deployment, command: Typed, *more: str) -> Result:
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    words = [until if each == "$until" else each for each in command.words]
    environment = {
        **os.environ, "FILTERD_CONFIG": str(filterd.config), "SUDO_USER": PEOPLE[command.person],
    }  # fmt: skip
    return CliRunner().invoke(main, [*words, *more], env=environment)


def test_the_page_runs(filterd: Deployment) -> None:
    commands = list(filterd_commands(PAGE))
    assert {each.words[1] for each in commands} == ACTS
    for command in commands:
        act = command.words[1]
        if act == "approve":
            alone = typed(filterd, Typed("", command.words, "ana"))
            assert (alone.exit_code, "stands behind" in alone.stderr) == (1, True)
        done = typed(filterd, command)
        assert done.exit_code == 0, f"filterd {shlex.join(command.words)}: {done.output}"
        if act == "add":
            assert "waits for another person: filterd order approve" in done.stderr
        if act in STATES:
            assert filterd.cli("order", "show", command.words[2])["state"] == STATES[act]
        if "--wait" in command.words and act != "add":
            blocked = ede(filterd.ask("shop.example")) == [CENSORED]
            assert blocked is (act in ("approve", "resume"))
    steps = [each["kind"] for each in filterd.cli("order", "show", "O-1")["steps"]]
    assert steps == ["suspended", "resumed", "confirmed", "lifted", "emergency", "reviewed"]


def test_an_order_of_the_page_that_waits_is_taken_in_once(filterd: Deployment) -> None:
    first = next(filterd_commands(PAGE))
    assert "--wait" in first.words
    told = json.loads(typed(filterd, first, "--json").stdout)
    assert (told["reference"], told["state"], told["in_force"]) == ("O-1", "pending", False)
    assert "nothing has to be given again" in told["next"]
