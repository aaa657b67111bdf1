"""What commands print: JSON where asked for, tables on a terminal, aligned plain text in a pipe.

A command makes plain values (:func:`plain`) for JSON and rows for people, both from the same frozen values.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import click


def plain(value: object) -> Any:
    """Frozen values as JSON knows them: dataclasses as objects, enums as words, bytes as hex."""
    if isinstance(value, Enum):
        return getattr(value, "word", value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def show_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table; ``empty`` is what is said on standard error where there is no row."""
    cells = [[text(cell) for cell in row] for row in rows]
    if not cells:
        click.echo(empty, err=True)
    elif sys.stdout.isatty():
        _rich_table(columns, cells)
    else:
        _plain_table(columns, cells)


def show_fields(pairs: Sequence[tuple[str, object]]) -> None:
    """One thing, a line for each of its parts."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {text(value)}".rstrip())


def text(value: object) -> str:
    """A value in a cell: nothing for None, yes or no for booleans, words for enums, commas in lists."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)
    return str(value)


def moment(seconds: float | None) -> str:
    """A time in Unix seconds as UTC, to the second; nothing for 0 and None."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def done(message: str) -> None:
    """What was done, for a person; a pipe and ``--json`` get the result only."""
    click.echo(message, err=True)


Tell = Callable[[str, int, int], None]
"""told what is being done, how many are done, and of how many"""


@contextmanager
def progress(title: str) -> Iterator[Tell | None]:
    """A bar on a terminal while something long runs, moved by the function it yields; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda what, done, total: bar.update(
            task, description=what or title, completed=done, total=total
        )


def _plain_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    lines = [list(columns), *cells]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, header_style="bold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
