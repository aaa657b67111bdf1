"""A report in the words of one language: what pages and sheets show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from filterd.operations.reports.presets import Preset
from filterd.operations.reports.shape import (
    Figure,
    FigureRow,
    FigureTable,
    Label,
    LabelKind,
    RangeReport,
    ReportSection,
    Unit,
)
from filterd.web.pages.translations import Words
from filterd.web.published.reporting.pictures import Picture, picture

NONE = "—"
SHORT = 16
"""characters of a digest"""
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_NUMBERS = frozenset((Unit.COUNT, Unit.SECONDS, Unit.DAYS, Unit.SHARE, Unit.YES))
Titles = Mapping[str, str]
"""id of an authority, ground, profile or category -> its title"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table."""

    text: str
    number: bool
    fixed: bool
    """set in letters of one width"""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of a table."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table with its chart."""

    id: str
    title: str
    first: str
    """the head of the column of labels"""
    columns: tuple[tuple[str, bool], ...]
    """name, and whether it has numbers"""
    rows: tuple[ShownRow, ...]
    picture: Picture | None
    left_off: str
    """the words for rows that are not shown; empty: all are"""


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A part of a report."""

    id: str
    title: str
    text: str
    tables: tuple[ShownTable, ...]


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A report."""

    kind: str
    title: str
    subtitle: str
    provider: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    sections: tuple[ShownSection, ...]
    language: str


def shown(report: RangeReport, words: Words, titles: Titles, preset: Preset | None = None) -> ShownReport:
    """The report in words."""
    return _Teller(report, words, titles).report(preset)


@dataclass(frozen=True, slots=True)
class _Teller:
    """One report with the words that it is told in."""

    told: RangeReport
    words: Words
    titles: Titles

    def report(self, preset: Preset | None) -> ShownReport:
        head, words = self.told.head, self.words
        usual = words.text(f"report.{self.told.kind}.title")
        facts = [
            *([(words.text("report.provider"), head.provider)] if head.provider else []),
            (words.text("report.range"), self._range()),
            (words.text("report.made"), self._moment(head.made_at)),
            (words.text("report.zone"), head.zone),
            (words.text("report.trail"), f"{words.number(head.audit_sequence)} · {head.audit_hash[:SHORT]}"),
        ]
        if preset is not None and preset.law:
            facts.insert(0, (words.text("report.law"), preset.law))
        return ShownReport(
            kind=self.told.kind,
            title=usual if preset is None else preset.title[words.language],
            subtitle=self._range(),
            provider=head.provider,
            facts=tuple(facts),
            warnings=tuple(words.text(each, share=self._share(head.growth_share),
                                      names=words.number(head.growth_names)) for each in self.told.warnings),
            sections=tuple(self._section(each) for each in self.told.sections),
            language=words.language,
        )  # fmt: skip

    def _range(self) -> str:
        head = self.told.head
        first, last = (self._local(each) for each in (head.begins_at, head.ends_at - 1))
        return self.words.text("report.from_to", first=self.words.day(first), last=self.words.day(last))

    def _section(self, section: ReportSection) -> ShownSection:
        key = f"report.section.{section.id}"
        return ShownSection(
            section.id,
            self.words.text(f"{key}.title"),
            self.words.text(f"{key}.text"),
            tuple(self._table(each) for each in section.tables),
        )

    def _table(self, table: FigureTable) -> ShownTable:
        words = self.words
        names = tuple(words.text(f"report.column.{each}") for each in table.columns)
        units = [each.unit for each in table.rows[0].figures] if table.rows else []
        single = table.columns == ("value",)
        numbers = [single or each in _NUMBERS for each in units] or [True] * len(names)
        return ShownTable(
            id=table.id,
            title=words.text(f"report.table.{table.id}"),
            first=words.text("report.column.what"),
            columns=tuple(zip(names, numbers, strict=True)),
            rows=tuple(self._row(each) for each in table.rows),
            picture=picture(table, names, self.value, self._label_of),
            left_off=words.text("report.left_off", n=words.number(table.left_off)) if table.left_off else "",
        )

    def _row(self, row: FigureRow) -> ShownRow:
        return ShownRow(self._label_of(row), tuple(self._cell(each) for each in row.figures))

    def _cell(self, figure: Figure) -> Cell:
        return Cell(self.value(figure), figure.unit in _NUMBERS, figure.unit is Unit.DIGEST)

    def _label_of(self, row: FigureRow) -> str:
        return self._label(row.label)

    def _label(self, label: Label) -> str:
        if label.kind is LabelKind.WORD:
            key = f"report.row.{label.text}"
            return self.words.text(key) if self.words.has(key) else label.text.partition(".")[2]
        if label.kind is LabelKind.MONTH:
            return self.words.day(date.fromisoformat(f"{label.text}-01"), "MMM y")  # type: ignore[arg-type]  # Babel takes any pattern
        if label.kind is LabelKind.DATA:
            return ": ".join(each for each in (label.text, label.more) if each)
        parts = [self.titles.get(each, each) for each in (label.text, label.more) if each]
        key = f"report.value.{label.more}"
        if label.kind is LabelKind.AUTHORITY and self.words.has(key):
            parts[-1] = self.words.text(key)
        return ": ".join(parts)

    def value(self, figure: Figure) -> str:
        """A figure as people read it."""
        value = figure.value
        if value is None or value == "":
            return NONE
        if isinstance(value, str):
            return self._text(figure, value)
        if figure.unit is Unit.SHARE:
            return self._share(value)
        if figure.unit is Unit.SECONDS:
            return self._span(value)
        if figure.unit is Unit.MOMENT:
            return self._moment(value) if value else NONE
        if figure.unit is Unit.YES:
            return self.words.text("report.yes" if value else "report.no")
        if figure.unit is Unit.DAYS:
            return self.words.text("report.days", n=self.words.number(value))
        return self.words.number(value)

    def _text(self, figure: Figure, value: str) -> str:
        if figure.unit is Unit.DIGEST:
            return value[:SHORT]
        key = f"report.value.{value}"
        return self.words.text(key) if self.words.has(key) else self.titles.get(value, value)

    def _share(self, value: float) -> str:
        return f"{self.words.number(round(value * 100, 2))} %"

    def _span(self, seconds: float) -> str:
        for unit, key in ((_DAY, "report.days"), (_HOUR, "report.hours"), (_MINUTE, "report.minutes")):
            if seconds >= 2 * unit:
                return self.words.text(key, n=self.words.number(round(seconds / unit, 1)))
        return self.words.text("report.seconds", n=self.words.number(round(seconds, 1)))

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, ZoneInfo(self.told.head.zone))

    def _moment(self, at: float) -> str:
        local = self._local(at)
        return f"{self.words.day(local, 'medium')}, {self.words.clock(local)}"
