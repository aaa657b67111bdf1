"""What commands print: the same values for people and for scripts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from filterd.cli import output
from filterd.model.rule import Action, NameRule, Scope


@dataclass(frozen=True)
class Thing:
    rule: NameRule
    where: object
    key: bytes = b"\x01\xff"


def test_plain_values() -> None:
    thing = Thing(
        NameRule("a.example", Scope.BELOW, Action.ALLOW), (ip_network("192.0.2.0/24"), None, 1.5, True)
    )
    assert output.plain(thing) == {
        "rule": {"name": "a.example", "scope": "below", "action": "allow"},
        "where": ["192.0.2.0/24", None, 1.5, True],
        "key": "01ff",
    }


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_json({"path": Path("/x"), "título": Scope.EXACT})
    assert json.loads(capsys.readouterr().out) == {"path": "/x", "título": "exact"}


def test_a_table_in_a_pipe_is_aligned_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(("name", "opted in"), [("one", True), ("seventeen", None)], "nothing")
    assert capsys.readouterr().out == "name       opted in\none        yes\nseventeen\n"


def test_an_empty_table_says_so_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(("name",), [], "no line is registered")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "no line is registered\n")


def test_fields_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_fields([("a", (1, 2)), ("long name", "")])
    assert capsys.readouterr().out == "a          1, 2\nlong name  -\n"


def test_moments() -> None:
    assert output.moment(0) == output.moment(None) == ""
    assert output.moment(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert output.moment(253_402_343_999) == "253402343999 s after 1970"
    assert output.local_moment(253_402_343_999, "America/Mexico_City") == "253402343999 s after 1970"
