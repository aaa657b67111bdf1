"""``filterd review`` at the command line: a request at the counter, its decision, appeal and figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]


@pytest.fixture
def ana(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that every system has runs the commands."""
    monkeypatch.setenv("SUDO_USER", "daemon")


@pytest.mark.usefixtures("ana")
def test_a_request_from_the_counter_to_the_appeal(
    answer: Answer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = answer("review", "add", "https://Clinic.example/x", "--met", "parental", "--text", "para la tarea")
    printed = run("review", "list")
    assert "clinic.example" in printed.stdout
    assert made["code"] not in printed.stdout
    shown = run("review", "show", made["folio"])
    assert "para la tarea" in shown.stdout
    decide = ("review", "decide", made["folio"], "--outcome", "refused", "--reason", "apuestas")
    assert "refused by daemon" in run(*decide).stdout
    assert "nothing waits" in run("review", "list").stderr
    assert "decided, refused" in run("review", "list", "--closed").stdout
    assert run("review", "appeal", made["folio"], "--code", "22222-22222").exit_code == 1
    appealed = run("review", "appeal", made["folio"], "--code", made["code"])
    assert (appealed.exit_code, "another person" in appealed.stderr) == (0, True)
    same = run(*decide)
    assert (same.exit_code, "another person decides the appeal" in same.stderr) == (1, True)
    monkeypatch.setenv("SUDO_USER", "bin")
    upheld = answer("review", "decide", "1", "--outcome", "upheld", "--reason", "sí", "--exception", "2h")
    assert upheld["appeal"]["exception"] == answer("exception", "list")[0]["number"]
    (half,) = answer("review", "statistics")
    assert (half["reviews"], half["appealed"], half["by_kind"]["unknown"]) == (None, None, None)
    assert "not told" in run("review", "statistics").stdout


def test_without_requests_it_says_so(run: Run) -> None:
    assert "nothing was asked" in run("review", "statistics").stderr
    refused = run("review", "show", "R-2026-ABCDEF")
    assert (refused.exit_code, "review list --closed" in refused.stderr) == (1, True)
    assert run("review", "add", "192.0.2.1").exit_code == 1
