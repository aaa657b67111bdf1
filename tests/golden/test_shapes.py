"""Shapes of documents and commands, and the folder of golden files that is compared as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from tests.golden.option import differences, write
from tests.golden.shapes import lines, parameters, shape, text


@pytest.mark.parametrize(
    ("documents", "shaped"),
    [
        ([1], "integer"),
        ([1, None, 2.0, True, "x"], "boolean|integer|null|number|string"),
        (["2027-01-15T08:00:00Z", ""], "string|time"),
        ([[1, None], ["x"], []], ["integer|null|string"]),
        ([[]], []),
        ([{"b": 1, "a": "x"}, {"b": None, "a": "y"}], {"b": "integer|null", "a": "string"}),
        ([{"a": 1}, {"a": 2, "b": 3}], {"a": "integer", "b?": "integer"}),
        ([{"2027-01-15": 1}, {"night": None}, {}], {"*": "integer|null"}),
        ([{"a": None}, {"a": {"b": [1]}}], {"a": {"anyOf": ["null", {"b": ["integer"]}]}}),
        ([[{"a": 1}], {}], {"anyOf": [{}, [{"a": "integer"}]]}),
    ],
)
def test_the_shape_of_documents(documents: list[Any], shaped: object) -> None:
    assert shape(documents) == shaped


def test_keys_keep_their_order() -> None:
    assert text(shape([{"b": 1, "a": 2}])) == '{\n "b": "integer",\n "a": "integer"\n}\n'
    assert lines([("b", {"type": "null"}), ("a", 1)]) == '{\n "b": {"type": "null"},\n "a": 1\n}\n'


def test_the_parameters_of_a_command() -> None:
    @click.command()
    @click.argument("names", nargs=-1)
    @click.argument("id")
    @click.option("--mode", type=click.Choice(["a", "b"]), required=True)
    @click.option("--count", "-c", type=click.IntRange(1, 5))
    @click.option("--on/--off")
    @click.option("--name", multiple=True)
    def command() -> None:
        """Take these."""

    assert parameters(command) == {
        "names": "text repeated",
        "id": "text required",
        "--mode": "a|b required",
        "--count, -c": "integer range",
        "--on, --off": "flag",
        "--name": "text repeated",
    }


def test_a_folder_holds_the_files_that_were_written_last(tmp_path: Path) -> None:
    folder = tmp_path / "commands"
    write(folder, {"a.json": "1\n", "b.json": "2\n"})
    write(folder, {"b.json": "2\n", "c.json": "3\n"})
    assert {path.name for path in folder.iterdir()} == {"b.json", "c.json"}
    assert [*differences(folder, {"b.json": "2\n", "c.json": "3\n"})] == []


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"b.json": "2\n"}, "-1"),
        ({"a.json": "1\n", "b.json": "2\n", "c.json": "3\n"}, "+3"),
        ({"a.json": "1\n", "b.json": "x\n"}, "+x"),
    ],
)
def test_a_folder_differs_by_a_file_or_by_a_line(tmp_path: Path, texts: dict[str, str], told: str) -> None:
    folder = tmp_path / "commands"
    write(folder, {"a.json": "1\n", "b.json": "2\n"})
    assert told in [*differences(folder, texts)]
