"""Renders reports: as an HTML file of its own, as SVG, as the data of a sheet, and as text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from filterd.operations.context import Context
from filterd.operations.policies import policies
from filterd.operations.receipts.pieces import pieces
from filterd.operations.reports.presets import Preset
from filterd.operations.reports.shape import RangeReport
from filterd.web.pages.templating import FOLDER, Templates
from filterd.web.pages.translations import Translations
from filterd.web.published.reporting.view import ShownReport, ShownTable, Titles, shown

STYLES = Path(FOLDER).parent / "static" / "house.css"
_PAPER = {"mx": "us-letter"}


@cache
def _templates() -> Templates:
    return Templates(Translations())


def titles_of(context: Context, language: str) -> dict[str, str]:
    """The titles of authorities, grounds, profiles and categories; of the country in force before others."""
    read = context.kept_policies
    found = policies(context) if read is None else read(context.settings)
    packs = sorted(found.jurisdictions, key=lambda each: each.id == context.settings.jurisdiction)
    texts = {each.id: each.title for each in found.profiles}
    texts |= {each.id: each.title for each in found.categories}
    for pack in packs:
        texts |= {each.id: each.title for each in pack.authorities}
        texts |= {each.id: each.title for each in pack.grounds}
    return {name: text.es if language == "es" else text.en for name, text in texts.items()}


def in_words(report: RangeReport, language: str, titles: Titles, preset: Preset | None = None) -> ShownReport:
    """The report in the words of a language."""
    return shown(report, _templates().translations.of(language), titles, preset)


def as_html(found: ShownReport) -> bytes:
    """The report as one file, which loads nothing."""
    css = STYLES.read_text(encoding="utf-8")
    return _templates().render("report/file.html", found.language, found=found, css=css).encode()


def as_text(found: ShownReport) -> Iterator[str]:
    """The report as lines of text."""
    yield found.title
    yield from (f"{name}: {value}" for name, value in found.facts)
    yield from (f"! {each}" for each in found.warnings)
    for section in found.sections:
        yield ""
        yield f"## {section.title}"
        for table in section.tables:
            yield from _lines(table)


def _lines(table: ShownTable) -> Iterator[str]:
    single = len(table.columns) == 1
    head = () if single else ((table.first, *(name for name, _ in table.columns)),)
    rows = [*head, *((row.label, *(each.text for each in row.cells)) for row in table.rows)]
    yield ""
    yield f"{table.title}{'' if table.rows else ': —'}"
    if not table.rows:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    numbers = (False, *(number for _, number in table.columns))
    for row in rows:
        padded = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, numbers, strict=True)
        )
        yield f"  {'  '.join(padded).rstrip()}"
    if table.left_off:
        yield f"  {table.left_off}"


def sheet(found: ShownReport, country: str) -> dict[str, Any]:
    """The data of the sheet of paper: its texts in pieces between which a line may break."""
    words = _templates().translations.of(found.language)
    return {
        "title": found.title,
        "author": found.provider or "filterd",
        "subtitle": pieces(found.subtitle),
        "lang": found.language,
        "region": country.upper()[:2],
        "paper": _PAPER.get(country, "a4"),
        "facts": [[pieces(name), pieces(value)] for name, value in found.facts],
        "warnings": [pieces(each) for each in found.warnings],
        "rules": pieces(words.text("report.rules")),
        "nothing": pieces(words.text("report.nothing")),
        "attached": words.text("report.attached"),
        "sections": [
            {
                "title": pieces(each.title),
                "text": pieces(each.text),
                "tables": [_sheet_table(table, found.language) for table in each.tables],
            }
            for each in found.sections
        ],
    }


def _sheet_table(table: ShownTable, language: str) -> dict[str, Any]:
    words = _templates().translations.of(language)
    picture = table.picture
    svg = "" if picture is None else _templates().render(
        "report/svg.html", language, found=picture, title=table.title, description=words.text("report.chart")
    )  # fmt: skip
    return {
        "title": pieces(table.title),
        "single": len(table.columns) == 1,
        "head": [pieces(table.first), *(pieces(name) for name, _ in table.columns)],
        "numbers": [number for _, number in table.columns],
        "rows": [
            [pieces(row.label), *({"fixed": each.fixed, "text": pieces(each.text)} for each in row.cells)]
            for row in table.rows
        ],
        "left_off": pieces(table.left_off) if table.left_off else [],
        "chart": {"svg": svg.strip(), "alt": f"{table.title}. {words.text('report.chart')}"} if svg else None,
    }
