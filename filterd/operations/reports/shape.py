"""The shape of a report: sections of tables, in which every figure has a stable dotted id. Pure.

Titles are keys of texts (``report.table.orders``, ``report.row.orders.received``, ``report.column.share``); a
label that is no key is data, and is shown as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from filterd.model.report_record import RecordHead

Value = int | float | str | None
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEX = 12


class Unit(StrEnum):
    """The unit of a figure."""

    COUNT = "count"
    SECONDS = "seconds"
    DAYS = "days"
    SHARE = "share"
    """from 0 to 1"""
    MOMENT = "moment"
    """Unix seconds"""
    TEXT = "text"
    DIGEST = "digest"
    YES = "yes"
    """1 or 0"""


class LabelKind(StrEnum):
    """The way in which the label of a row becomes words."""

    WORD = "word"
    """a key of the texts: ``report.row.<text>``"""
    DATA = "data"
    """shown as it is"""
    GROUND = "ground"
    """an authority and a ground, by their titles in the jurisdiction pack"""
    AUTHORITY = "authority"
    MONTH = "month"
    PROFILE = "profile"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Label:
    """The head of a row."""

    kind: LabelKind
    text: str
    more: str = ""
    """a ground; the second part of a pair"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure."""

    id: str
    value: Value
    unit: Unit


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A row of a table."""

    label: Label
    figures: tuple[Figure, ...]


class ChartKind(StrEnum):
    """The form of a chart."""

    BARS = "bars"
    """a bar for each row"""
    STACK = "stack"
    """a bar for each row, with a part for each column, which together are whole"""
    LINE = "line"
    """a point for each row, in their order"""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of columns of its table, which stands beside it."""

    kind: ChartKind
    columns: tuple[int, ...]
    """of the table, from 0"""


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table. With one column of figures, ``columns`` has the one name ``value``."""

    id: str
    columns: tuple[str, ...]
    rows: tuple[FigureRow, ...]
    chart: Chart | None = None
    left_off: int = 0
    """rows beyond the most that are shown"""


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A part of a report under a heading."""

    id: str
    tables: tuple[FigureTable, ...]


@dataclass(frozen=True, slots=True)
class RangeReport:
    """A report: the same record makes the same one."""

    kind: str
    """``compliance``, ``transparency`` or a part of one"""
    head: RecordHead
    sections: tuple[ReportSection, ...]
    warnings: tuple[str, ...] = ()
    """keys of texts that stand at the top, such as a sudden growth"""

    def tables(self) -> Iterator[FigureTable]:
        """Every table, in order."""
        for section in self.sections:
            yield from section.tables

    def figures(self) -> dict[str, Value]:
        """Id -> value of every figure."""
        return {each.id: each.value for table in self.tables() for row in table.rows for each in row.figures}


Report = RangeReport
"""as other packages name it"""


def key(text: str) -> str:
    """A text as a part of an id: itself where it is plain, else the beginning of its digest."""
    if not text:
        return "none"
    if _KEY.fullmatch(text):
        return text
    return f"x-{hashlib.sha256(text.encode()).hexdigest()[:_HEX]}"


def facts(name: str, *told: tuple[str, Value, Unit], chart: Chart | None = None) -> FigureTable:
    """A table of one figure a row, each with a name of its own."""
    rows = (
        FigureRow(Label(LabelKind.WORD, f"{name}.{each}"), (Figure(f"{name}.{each}", value, unit),))
        for each, value, unit in told
    )
    return FigureTable(name, ("value",), tuple(rows), chart)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table in the making, with the same columns in each row."""

    name: str
    columns: tuple[tuple[str, Unit], ...]

    def row(self, identifier: str, label: Label, values: tuple[Value, ...]) -> FigureRow:
        """A row; ``identifier`` is its part of the ids."""
        figures = (
            Figure(f"{self.name}.{identifier}.{column}", value, unit)
            for (column, unit), value in zip(self.columns, values, strict=True)
        )
        return FigureRow(label, tuple(figures))

    def table(
        self, rows: tuple[FigureRow, ...], chart: Chart | None = None, left_off: int = 0
    ) -> FigureTable:
        """The table of these rows."""
        return FigureTable(self.name, tuple(column for column, _ in self.columns), rows, chart, left_off)
