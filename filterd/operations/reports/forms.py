"""A report as JSON and as CSV, for machines: the same report makes the same bytes. Pure."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any

from filterd.operations.reports.shape import FigureTable, Label, RangeReport, Value

FORMAT = "filterd report v1"
COLUMNS = ("figure", "value", "unit", "section", "table", "row", "column")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(report: RangeReport) -> dict[str, Any]:
    """The report as JSON has it."""
    return {
        "format": FORMAT,
        "kind": report.kind,
        "head": asdict(report.head),
        "warnings": list(report.warnings),
        "figures": report.figures(),
        "sections": [
            {"id": section.id, "tables": [_table(each) for each in section.tables]}
            for section in report.sections
        ],
    }


def _table(table: FigureTable) -> dict[str, Any]:
    return {
        "id": table.id,
        "columns": list(table.columns),
        "left_off": table.left_off,
        "rows": [
            {"label": _label(row.label), "figures": [asdict(each) for each in row.figures]}
            for row in table.rows
        ],
    }


def _label(label: Label) -> str:
    return f"{label.text}: {label.more}" if label.more else label.text


def as_json(report: RangeReport) -> bytes:
    """The report as a JSON document."""
    text = json.dumps(plain(report), ensure_ascii=False, indent=1, sort_keys=False, allow_nan=False)
    return f"{text}\n".encode()


def as_csv(report: RangeReport) -> bytes:
    """One row for each figure (RFC 4180), in UTF-8. A text that a spreadsheet would take for a formula has an
    apostrophe before it; a number never has."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for section in report.sections:
        for table in section.tables:
            for row in table.rows:
                for column, each in zip(table.columns, row.figures, strict=True):
                    place = (each.unit.value, section.id, table.id, _label(row.label), column)
                    writer.writerow((cell(each.id), cell(each.value), *(cell(part) for part in place)))
    return file.getvalue().encode()


def cell(value: Value) -> str:
    """A value as CSV has it: what a spreadsheet would take for a formula with an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return repr(value)


def text_of(found: str) -> str:
    """The text that :func:`cell` made this cell of."""
    return found[1:] if found.startswith("'") and found[1:].startswith(_FORMULA) else found
