"""The table of the year, month by month, from the rows of the evidence pack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.worlds.year.clock import BEGINS, ENDS, YEAR, ZONE
from tests.worlds.year.closing import Closed

Rows = Sequence[tuple[str, ...]]
HEADS = ("month", "received", "in force", "ended", "missed", "names blocked", "with the filter")


def months(closed: Closed) -> Rows:
    """A row for each month, the heads first."""
    figures = closed.figures["compliance"]
    rows: list[tuple[str, ...]] = [HEADS]
    for number in range(1, 13):
        month = f"{YEAR}-{number:02}"
        missed = [each for each in closed.record["deadlines"] if _missed(each)]
        rows.append(
            (
                month,
                _count(closed.record["orders"], "received_at", month),
                _count(closed.record["orders"], "accepted_at", month),
                _count(closed.record["orders"], "ended_at", month),
                _count(missed, "due_at", month),
                shown(figures.get(f"growth.{month}.names")),
                shown(figures.get(f"take_up.{month}.opted_in")),
            )
        )
    return rows


def _missed(row: dict[str, Any]) -> bool:
    late = not 0 < row["met_at"] < row["due_at"] + 1
    over = 0 < row["over_at"] < row["due_at"] + 1
    return BEGINS <= row["due_at"] < ENDS and late and not over


def _count(rows: list[dict[str, Any]], column: str, month: str) -> str:
    return str(sum(_month(row[column]) == month for row in rows if row[column]))


def _month(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone(ZONE).strftime("%Y-%m")


def shown(value: object) -> str:
    """A figure as it is shown: an em dash for none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "—" if value is None else str(value)


def as_text(rows: Rows) -> str:
    """Columns for a terminal."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows
    )


def as_markdown(rows: Rows) -> str:
    """A table of a document."""
    head, *rest = rows
    lines = [head, tuple("---" for _ in head), *rest]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)
