"""The roster and the contacts as CSV (RFC 4180), in and out. What is wrong is told row by row, at once, and
then nothing of the file is taken."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from filterd.model.duty import ContactKind, DutyContact, Shift
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import roster
from filterd.operations.reports import forms

SHIFTS = ("account", "begins", "ends", "deputy")
CONTACTS = ("kind", "id", "name", "telephone", "mail", "deputy", "note")
MAX_ROWS = 5_000
SHOWN = 10
"""faulty rows that are told"""
T = TypeVar("T")


async def export_shifts(context: Context) -> str:
    """The shifts to come, with local times and offsets."""
    found, now = await roster.look(context), context.clock()
    rows = [
        (
            each.account,
            roster.local(each.begins_at, found.zone),
            roster.local(each.ends_at, found.zone),
            each.deputy,
        )
        for each in found.shifts
        if each.ends_at > now
    ]
    return _text(SHIFTS, rows)


async def export_contacts(context: Context) -> str:
    """Everybody who can be reached."""
    found = await roster.look(context)
    rows = [tuple(str(getattr(each, name)) for name in CONTACTS) for each in found.contacts]
    return _text(CONTACTS, rows)


async def import_shifts(context: Context, text: str, *, replacing: bool = False) -> list[Shift]:
    """Put the shifts of a file on the roster, all or none. Raises OperationError with each faulty row."""

    def made(row: dict[str, str]) -> Shift:
        begins, ends = (input_values.when(row[each], each) for each in ("begins", "ends"))
        return Shift(0, row["account"], begins, ends, row["deputy"])

    return await roster.add_all(context, _rows(text, SHIFTS, made), replacing=replacing)


async def import_contacts(context: Context, text: str) -> list[DutyContact]:
    """Note the contacts of a file, all or none. Raises OperationError with each faulty row."""

    def made(row: dict[str, str]) -> DutyContact:
        kinds = [each.value for each in ContactKind]
        if row["kind"] not in kinds:
            message = f"kind {row['kind'][:32]!r} is none of {', '.join(kinds)}"
            raise OperationError(message)
        rest = {each: row[each] for each in CONTACTS if each != "kind"}
        return roster.checked_contact(DutyContact(kind=ContactKind(row["kind"]), **rest))

    return [await roster.put_contact(context, each) for each in _rows(text, CONTACTS, made)]


def _rows(text: str, columns: Sequence[str], make: Callable[[dict[str, str]], T]) -> list[T]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    found: list[T] = []
    faults: list[str] = []
    try:
        lacking = [each for each in columns[:3] if each not in (reader.fieldnames or ())]
        if lacking:
            faults.append(f"row 1: it lacks the columns {', '.join(lacking)}")
        for row in () if lacking else reader:
            if len(found) + len(faults) >= MAX_ROWS:
                faults.append(f"it has more than {MAX_ROWS} rows")
                break
            try:
                found.append(make({each: forms.text_of((row.get(each) or "").strip()) for each in columns}))
            except OperationError as error:
                faults.append(f"row {reader.line_num}: {error}")
    except csv.Error as error:
        faults.append(f"row {reader.line_num}: {error}")
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        message = f"nothing was taken: {'; '.join(faults[:SHOWN])}{more}"
        raise OperationError(message, f"mend the file; its columns are {', '.join(columns)}")
    return found


def _text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(map(forms.cell, row) for row in rows)
    return out.getvalue()
