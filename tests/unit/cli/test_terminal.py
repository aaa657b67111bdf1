"""Tables and fields on a terminal: nothing is cut, at 80 columns neither."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import pytest

from filterd.cli import output

COLUMNS = ("feed", "state", "read at", "why")
ROW = ("a-feed-with-a-very-long-name", "quarantined", "2026-11-25T02:04:18Z", "far fewer names than before")


Terminal = Callable[..., str]


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What a terminal of some columns shows, without its colours."""

    def see(columns: int, show: Callable[..., None], *arguments: object) -> str:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        show(*arguments)
        return click.unstyle(capsys.readouterr().out)

    return see


def words(text: str) -> list[str]:
    return text.replace("T02", " 02").split()


@pytest.mark.parametrize("width", [62, 80, 200])
def test_a_table_loses_no_word(width: int, terminal: Terminal) -> None:
    shown = terminal(width, output.show_table, COLUMNS, [ROW, ROW], "")
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    assert sorted(words(shown)) == sorted(words(" ".join([*COLUMNS, *ROW, *ROW])))


def test_a_table_that_cannot_fit_becomes_paragraphs(terminal: Terminal) -> None:
    shown = terminal(40, output.show_table, COLUMNS, [ROW, (*ROW[:3], "")], "")
    assert shown.count("\n\n") == 1
    assert shown.count("why") == 1
    assert "feed     a-feed-with-a-very-long-name\n" in shown
    assert max(map(len, shown.splitlines())) <= 40


def test_long_fields_are_folded_under_themselves(terminal: Terminal) -> None:
    shown = terminal(30, output.show_fields, [("names", ["one.example", "two.example", "three.example"])])
    assert shown == "names  one.example,\n       two.example,\n       three.example\n"


def test_a_moment_by_the_clock_on_the_wall() -> None:
    shown = output.local_moment(1_800_000_000, "America/Mexico_City")
    assert shown == "2027-01-15T08:00:00Z (2027-01-15 02:00 in America/Mexico_City)"
    assert output.local_moment(0, "UTC") == ""
