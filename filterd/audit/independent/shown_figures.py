"""Compares what a pack shows for machines with the figures and rows behind it. Plain Python 3.8+.

It is a part of recompute-report.py: the sections of a report's JSON, its CSV, and the table of digests.
"""

import csv
import io
import time

FORMULA = ("=", "+", "-", "@", "\t", "\r")
DIGESTS = "digests/list-digests.csv"


def of_report(pack, name, report, computed):
    """The faults of the sections and of the CSV of a report. ``computed``: its figures, by id."""
    faults, shown = [], {}
    for section in report["sections"]:
        for table in section["tables"]:
            for row in table["rows"]:
                shown.update({each["id"]: each["value"] for each in row["figures"]})
    faults += _differ(name + " sections", shown, computed)
    name = name[: -len(".json")] + ".csv"
    rows = list(csv.reader(io.StringIO(pack.read(name).decode(), newline="")))
    cells = {each[0]: each[1] for each in rows[1:]}
    if len(cells) != len(rows) - 1:
        faults.append(name + ": a figure stands there twice")
    values = {_cell(each): computed[each] for each in computed}
    return faults + _differ(name, {each: _value(cells[each], values.get(each)) for each in cells}, values)


def _differ(name, shown, computed):
    return [
        "%s: %s is %r, and %r as computed"
        % (name, each, shown.get(each, "missing"), computed.get(each, "none"))
        for each in sorted({*shown, *computed})
        if each not in shown or each not in computed or shown[each] != computed[each]
    ][:100]


def _cell(text):
    """A text as CSV has it."""
    return "'" + text if text.startswith(FORMULA) else text


def _value(cell, wanted):
    """The wanted value where a cell shows it; else the cell."""
    if isinstance(wanted, str):
        return wanted if cell == _cell(wanted) else cell
    try:
        return (float(cell) if cell else None) if cell == "" or wanted is not None else cell
    except ValueError:
        return cell


def of_digests(pack, record):
    """The faults of the table of digests: one row for each of ``list_periods``."""
    rows = list(csv.reader(io.StringIO(pack.read(DIGESTS).decode(), newline="")))
    wanted = [
        [
            *(_cell(row[name]) for name in ("node", "label", "version", "digest")),
            _moment(row["since"]),
            _moment(row["until"]),
        ]
        for row in record.rows("list_periods")
    ]
    return [] if rows[1:] == wanted else [DIGESTS + ": it is not what follows from the record"]


def _moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else ""
