"""``filterd order due``, ``order reported`` and ``mail test`` at the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]
MEXICO = Path(__file__).parents[3] / "policies/jurisdictions/mx.yaml"
ORDER = (
    *("order", "add", "bad.example", "--authority", "SAT", "--official", "A. Official"),
    *("--document", "500-1", "--ground", "liva-18h", "--reason", "served"),
    *("--received-at", "2024-04-30T12:00:00-06:00"),
)


@pytest.fixture(autouse=True)
def ana(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that every system has runs the commands."""
    monkeypatch.setenv("SUDO_USER", "daemon")


@pytest.fixture(autouse=True)
def mexico(installation: Path) -> None:
    """The rules of Mexico."""
    target = installation.parent / "policies/jurisdictions/mx.yaml"
    target.write_text(MEXICO.read_text(encoding="utf-8"), encoding="utf-8")


def test_what_is_due_on_one_screen(run: Run, answer: Answer) -> None:
    assert "nothing is due" in run("order", "due").stderr
    answer(*ORDER)
    printed = run("order", "due").stdout
    assert "OVERDUE by" in printed
    assert "bad.example" not in printed
    first = answer("order", "due")[0]
    assert (first["order"], first["duty"], first["overdue"]) == ("O-1", "enforce", True)
    # five business days over the 1 of May, a weekend
    assert first["due_at"] == "2024-05-09T05:59:59Z"
    assert [each["duty"] for each in answer("order", "due", "--within", "24h")] == ["enforce"]


@pytest.mark.parametrize("end", [("withdraw",), ("lift", "--document", "L-1")])
def test_who_ends_one_in_an_emergency_is_told_who_must_look_at_it(
    run: Run, answer: Answer, end: tuple[str, ...]
) -> None:
    answer(*ORDER)
    ended = run("order", end[0], "O-1", *end[1:], "--reason", "a hospital", "--emergency")
    assert ended.exit_code == 0
    assert "daemon alone ended O-1: another person looks at it by" in ended.stderr
    assert "filterd order review O-1 --reason" in ended.stderr
    assert "alone ended" in run("order", "show", "O-1").stderr
    duties = {each["duty"]: each for each in answer("order", "due")}
    assert duties["emergency_review"]["overdue"] is False
    assert "emergency_review" in run("order", "due").stdout


def test_a_ground_that_is_not_given_is_missing_and_not_strange(run: Run) -> None:
    given = [each for each in ORDER if each not in ("--ground", "liva-18h")]
    refused = run(*given)
    assert (refused.exit_code, "ground" in refused.stderr) == (2, True)
    assert "mx.yaml does not have" not in refused.stderr
    strange = run(*ORDER[:-6], "--ground", "G 1", *ORDER[-4:])
    assert "a ground that jurisdictions/mx.yaml does not have" in strange.stderr


def test_a_report(run: Run, answer: Answer) -> None:
    answer(*ORDER)
    told = answer("order", "reported", "O-1", "--reference", "acuse 9", "--at", "2026-11-01T10:00:00Z")
    assert told["steps"][-1]["evidence"] == "acuse 9"
    refused = run("order", "reported", "O-9", "--reference", "acuse 9")
    assert (refused.exit_code, "unknown order" in refused.stderr) == (1, True)


def test_a_stretch_of_time_that_is_none(run: Run) -> None:
    wrong = run("order", "due", "--within", "soon")
    assert (wrong.exit_code, "write 90m, 24h, 7d" in wrong.stderr) == (2, True)


def test_mail_without_a_server(run: Run) -> None:
    refused = run("mail", "test")
    assert (refused.exit_code, "mail.server" in refused.stderr) == (1, True)
