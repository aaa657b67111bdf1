"""The record of reports as files of a pack: one of JSON Lines for each table, and its head."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from filterd.model import evidence_format
from filterd.model.audit_chain import canonical
from filterd.model.report_record import ReportRecord
from filterd.operations.plain_values import moment
from filterd.operations.reports import forms

_OF_ORDERS = ("orders", "deadlines", "effects", "arrivals")
"""the tables whose rows name an order"""
DIGEST_COLUMNS = ("node", "list", "version", "digest", "since", "until")


def only(record: ReportRecord, order: str) -> ReportRecord:
    """The rows of one order, and nothing of any other or of the installation as a whole."""
    kept: dict[str, Any] = {
        name: tuple(each for each in rows if each.order == order) if name in _OF_ORDERS else ()
        for name, rows in record.tables().items()
    }
    return replace(record, **kept)


def files(record: ReportRecord) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file."""
    yield evidence_format.HEAD, (canonical(asdict(record.head)) + "\n").encode()
    for name, rows in record.tables().items():
        lines = (canonical(asdict(each)) + "\n" for each in rows)
        yield f"{evidence_format.RECORD}{name}.jsonl", "".join(lines).encode()


def digests(record: ReportRecord) -> bytes:
    """The digests of lists per node as a table for people, as safe in a spreadsheet as the CSV of reports;
    times in UTC. A node as a whole has no list."""
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(DIGEST_COLUMNS)
    for each in record.list_periods:
        row = (each.node, each.label, each.version, each.digest, moment(each.since), moment(each.until))
        writer.writerow(map(forms.cell, row))
    return made.getvalue().encode()
