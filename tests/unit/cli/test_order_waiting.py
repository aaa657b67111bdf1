"""``--wait`` where no node has anything to do yet: the order is recorded, and nobody adds it twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]
ORDER = ("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "served")
RECORDED = "O-1 is recorded, and nothing has to be given again: "


@pytest.fixture(autouse=True)
def two_people(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation whose orders take two people, and the first of them."""
    installation.write_text(installation.read_text().replace('"approvals": 1', '"approvals": 2'))
    monkeypatch.setenv("SUDO_USER", "daemon")


def test_an_order_that_waits_for_another_person_is_taken_in(run: Run, answer: Answer) -> None:
    added = run("order", "add", "bad.example", *ORDER, "--wait")
    assert added.exit_code == 0
    assert f"{RECORDED}not in force: waits for another person: filterd order approve O-1" in added.stderr
    told = answer("order", "add", "worse.example", *ORDER, "--wait")
    assert (told["reference"], told["state"], told["in_force"]) == ("O-2", "pending", False)
    assert told["next"].endswith("waits for another person: filterd order approve O-2")
    assert [each["reference"] for each in answer("order", "list")] == ["O-1", "O-2"]


def test_an_order_that_begins_later_is_not_waited_for(
    run: Run, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer("order", "add", "bad.example", *ORDER, "--not-before", "2040-01-02T03:04:05Z")
    monkeypatch.setenv("SUDO_USER", "nobody")
    approved = run("order", "approve", "O-1", "--wait")
    assert approved.exit_code == 0
    assert f"{RECORDED}it begins 2040-01-02" in approved.stderr


def test_the_end_of_an_order_that_never_was_in_force(run: Run, answer: Answer) -> None:
    assert "next" not in answer("order", "add", "bad.example", *ORDER)
    ended = run("order", "withdraw", "O-1", "--reason", "a slip", "--wait")
    assert ended.exit_code == 0
    assert f"{RECORDED}no node has anything to change for it now" in ended.stderr
