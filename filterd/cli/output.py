"""Prints the results of commands: JSON on request, tables on a terminal, aligned plain text in a pipe.

From the same frozen values a command makes plain values for JSON (:func:`plain`) and rows for people.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from filterd.operations.plain_values import moment as moment
from filterd.operations.plain_values import plain as plain
from filterd.operations.plain_values import with_times

FOLDED = 16
"""the widest unfolded word in a table on a narrow terminal; a longer one is folded, never truncated"""
GAP = 2
"""spaces between two columns"""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\dZ)")


def show_json(value: object) -> None:
    """Print one JSON document on standard output. Its times are texts in ISO 8601, in UTC; null for none."""
    click.echo(json.dumps(with_times(plain(value)), indent=2, ensure_ascii=False))


@contextmanager
def json_list() -> Iterator[Callable[[object], None]]:
    """Print a JSON list item by item, by the function that is yielded, in the form of :func:`show_json`."""
    count = 0

    def put(item: object) -> None:
        nonlocal count
        text = json.dumps(with_times(plain(item)), indent=2, ensure_ascii=False)
        click.echo((",\n" if count else "[\n") + textwrap.indent(text, "  "), nl=False)
        count += 1

    yield put
    click.echo("\n]" if count else "[]")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print a table; without rows, print ``empty`` on standard error."""
    cells = [[text(cell) for cell in row] for row in rows]
    if not cells:
        click.echo(empty, err=True)
    elif sys.stdout.isatty():
        _rich_table(columns, cells)
    else:
        _plain_table(columns, cells)


def show_fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Print one object, a line for each field; ``-`` for an empty one. A terminal folds long fields."""
    width = max(len(name) for name, _ in pairs) + GAP
    for name, value in pairs:
        cell = text(value) or "-"
        if sys.stdout.isatty():
            cell = _folded(cell, width)
        click.echo(f"{click.style(name, bold=True)}{' ' * (width - len(name))}{cell}")


def text(value: object) -> str:
    """The text of a value: empty for None, yes or no for booleans, words for enums, commas in lists."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)
    return str(value)


def local_moment(seconds: float | None, zone: str) -> str:
    """The time in UTC and in the local time of the zone; empty for 0 and None."""
    if not seconds:
        return ""
    try:
        wall = datetime.fromtimestamp(seconds, ZoneInfo(zone))
    except (ValueError, OverflowError, OSError):
        return moment(seconds)
    return f"{moment(seconds)} ({wall:%Y-%m-%d %H:%M} in {zone})"


def origin(*, shipped: bool) -> str:
    """The origin of a policy entry in a word."""
    return "shipped" if shipped else "own"


def done(message: str) -> None:
    """Tell on standard error what was done; standard output gets only results."""
    click.echo(message, err=True)


def warn(message: str, remedy: str) -> None:
    """Print a warning, which stops nothing, and what to do, on standard error."""
    click.echo(f"warning: {message}\n  what to do: {remedy}", err=True)


Tell = Callable[[str, int, int], None]
"""takes the present step, the number of items done, and the total"""


@contextmanager
def progress(title: str) -> Iterator[Tell | None]:
    """Show a progress bar on a terminal, moved by the function that is yielded; yields None elsewhere."""
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


def _folded(cell: str, indent: int) -> str:
    """Fold the text to the width of the terminal, with all lines but the first indented."""
    room = max(shutil.get_terminal_size().columns - indent, FOLDED)
    lines = textwrap.wrap(cell, room, break_on_hyphens=False) or [""]
    return ("\n" + " " * indent).join(lines)


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    rows = [[_MOMENT.sub(r"\1 \2", cell) for cell in row] for row in cells]
    widths = _widths(columns, rows, console.width - GAP * (len(columns) - 1))
    if not widths:
        _records(columns, cells)
        return
    table = Table(box=None, header_style="bold", padding=(0, GAP, 0, 0), pad_edge=False)
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """The widths of the columns; empty if the terminal is too narrow.

    Each column needs its longest word; the first one names the row and is never folded. The remaining width
    goes first to the columns that need the least.
    """
    lines = [list(columns), *rows]
    indexes = range(len(columns))
    whole = [max(len(line[index]) for line in lines) for index in indexes]
    words = [max(max(map(len, line[index].split()), default=0) for line in lines) for index in indexes]
    widths = [whole[0], *(min(width, FOLDED) for width in words[1:])]
    room -= sum(widths)
    if room < 0:
        return []
    for index in sorted(indexes, key=lambda index: whole[index] - widths[index]):
        more = min(whole[index] - widths[index], room)
        widths[index] += more
        room -= more
    return widths


def _records(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print a table for which the terminal is too narrow: a paragraph for each row."""
    for number, row in enumerate(cells):
        if number:
            click.echo()
        show_fields([(column, cell) for column, cell in zip(columns, row, strict=True) if cell])
