"""Compares what a pack shows for machines with the figures and rows behind it. Plain Python 3.8+.

It is a part of recompute-report.py: the head, the warnings, the sections of a report's JSON with the units
and labels of their rows, its CSV, and the table of digests. Which section a table stands in, the order of the
rows, and how many rows a table leaves off are not compared.
"""

import csv
import io
import re
import time

from order_figures import key

FORMULA = ("=", "+", "-", "@", "\t", "\r")
DIGESTS = "digests/list-digests.csv"
COLUMNS = ["figure", "value", "unit", "section", "table", "row", "column"]
GREW = "report.warning.growth"
UNITS = {
    "seconds": "seconds",
    "days": "days",
    "share": "share",
    "at": "moment",
    "since": "moment",
    "digest": "digest",
    "lasts": "yes",
    "beyond": "yes",
    "kind": "text",
    "category": "text",
}  # the last word of a figure's id -> its unit; all others are counts, but for those of unit()


def of_report(kind, report, computed, head):
    """The faults of all but the figures of a report's JSON. ``computed``: its figures, by id; ``head``: of
    the record."""
    faults = []
    if (report["format"], report["kind"]) != ("filterd report v1", kind):
        faults.append("it is another report than its name says")
    if report["head"] != head:
        faults.append("its head is another than that of the record")
    grew = kind != "categories" and any(
        value == 1 for each, value in computed.items() if re.fullmatch(r"growth\..+\.beyond", each)
    )
    if report["warnings"] != [GREW] * grew:
        faults.append("its warnings are not those that follow from its figures")
    shown = {}
    for table, row, column, figure in cells_of(report):
        name = figure["id"]
        if name in shown:
            faults.append("%s stands there twice" % name)
        shown[name] = figure["value"]
        if figure["unit"] != unit(name):
            faults.append("%s has the unit %s, and not %s" % (name, figure["unit"], unit(name)))
        if not is_labelled(name, table, row, column):
            faults.append("%s stands in another row, column or table: %s, %s" % (name, row, column))
    return (faults + differ(shown, computed))[:100]


def cells_of(report):
    """(table, label of the row, column, figure) of every figure in the sections."""
    for section in report["sections"]:
        for table in section["tables"]:
            for row in table["rows"]:
                if len(row["figures"]) != len(table["columns"]):
                    raise ValueError("a row of %s has not a figure in each column" % table["id"])
                for column, figure in zip(table["columns"], row["figures"]):
                    yield table["id"], row["label"], column, figure


def unit(name):
    """The unit of a figure."""
    table, last = name.partition(".")[0], name.rpartition(".")[2]
    if (table, last) == ("lists", "version"):
        return "text"
    if (table, last) == ("public_lists", "confidential"):
        return "yes"
    return UNITS.get(re.split("[_-]", last)[-1], "count")


def is_labelled(name, table, row, column):
    """True if the id of a figure is that of its table, row and column."""
    if not name.startswith(table + "."):
        return False
    parts = [(row, None), *((row[: at.start()], row[at.end() :]) for at in re.finditer(": ", row))]
    names = {row + "." + column, *([row] if column == "value" else [])}
    for text, more in parts:
        names.add(".".join((table, key(text), column)))
        names.add(".".join((table, key(text), key(more or ""), column)))
    return name in names


def of_table(data, report):
    """The faults of the CSV of a report: a row for each figure of its sections."""
    wanted = [COLUMNS]
    for section in report["sections"]:
        for table, row, column, figure in cells_of({"sections": [section]}):
            place = (figure["unit"], section["id"], table, row, column)
            wanted.append([_cell(each) for each in (figure["id"], figure["value"], *place)])
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    faults = [
        "it has %r, and %r by the JSON" % (told, each) for told, each in zip(rows, wanted) if told != each
    ]
    if len(rows) != len(wanted):
        faults.append("it has %d rows, and %d figures are in the JSON" % (len(rows), len(wanted)))
    return faults[:100]


def differ(shown, computed):
    return [
        "its sections: %s is %r, and %r as computed"
        % (each, shown.get(each, "missing"), computed.get(each, "none"))
        for each in sorted({*shown, *computed})
        if each not in shown or each not in computed or shown[each] != computed[each]
    ]


def _cell(value):
    """A value as CSV has it."""
    if isinstance(value, str):
        return "'" + value if value.startswith(FORMULA) else value
    return "" if value is None else repr(value)


def of_digests(pack, record):
    """The faults of the table of digests: one row for each of ``list_periods``."""
    rows = list(csv.reader(io.StringIO(pack.read(DIGESTS).decode(), newline="")))
    wanted = [["node", "list", "version", "digest", "since", "until"]]
    wanted += [
        [
            *(_cell(row[name]) for name in ("node", "label", "version", "digest")),
            _moment(row["since"]),
            _moment(row["until"]),
        ]
        for row in record.rows("list_periods")
    ]
    return [] if rows == wanted else [DIGESTS + ": it is not what follows from the record"]


def _moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else ""
