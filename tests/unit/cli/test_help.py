"""Help is never cut, and what was mistyped is told with what was probably meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main

Run = Callable[..., Result]


def paths(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group, the whole first."""
    found = [path]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += paths(child, (*path, name))
    return found


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("path", paths(main), ids=" ".join)
def test_no_help_is_cut(path: tuple[str, ...], width: int) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"], prog_name="filterd", terminal_width=width)
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line for line in lines if line.rstrip().endswith(("...", "…"))] == []
    assert max(map(len, lines)) <= width
    assert shown.stdout.startswith("Usage: filterd ")


def test_a_group_shows_the_first_sentence_of_each_command() -> None:
    shown = CliRunner().invoke(main, ["subscriber", "--help"], terminal_width=80)
    words = " ".join(shown.stdout.split())
    assert "import Register lines from a CSV file; running it again changes nothing." in words
    assert (
        "export Print everything that is held of a subscriber (it is JSON with and without --json)." in words
    )


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("subscribr list", "Did you mean 'subscriber'?"),
        ("subscriber lst", "Did you mean 'list'?"),
        ("feed udpate", "Did you mean 'update'?"),
        ("subscriber list --proflie x", "Did you mean '--profile'?"),
        ("subscriber show csa-1", "did you mean casa-1?"),
        ("subscriber show CASA-1", "did you mean casa-1?"),
        ("binding add 192.0.2.9 casa1", "did you mean casa-1?"),
        ("profile show childen", "did you mean children?"),
        ("subscriber set-profile casa-1 childen", "did you mean children?"),
        ("feed show starter-adlt", "did you mean starter-adult?"),
        ("feed update starter-adlt", "did you mean starter-adult?"),
        ("order show o1", "did you mean O-1?"),
        ("order approve 1", "did you mean O-1?"),
    ],
)
def test_what_was_probably_meant(answer: Callable[..., Any], run: Run, line: str, meant: str) -> None:
    answer("subscriber", "add", "casa-1")
    demand = ("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "R")
    answer("order", "add", "a.test.example", *demand)
    refused = run(*line.split())
    assert refused.exit_code in (1, 2)
    assert meant in refused.stderr


def test_nothing_is_guessed_of_what_is_like_nothing(run: Run) -> None:
    for line in ("subscriber show zzz", "profile show zzz", "order show O-77", "zzz"):
        assert "did you mean" not in run(*line.split()).stderr.casefold()
