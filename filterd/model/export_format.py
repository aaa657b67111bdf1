"""The form of an export of the audit trail: records, tables, and what is shown of an entry. Pure.

An export is a file of lines, each the canonical JSON (:func:`.audit_chain.canonical`) of one record, with a
newline behind it. ``docs/verify-export.md`` describes every record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from filterd.model.audit_chain import AuditEntry, StoredEntry, canonical, content_digest
from filterd.model.order_rows import ROW_DIGEST

FORMAT = "filterd export v1"
SEAL = "export"
"""the kind of the seal's signature (``model.signed_text``)"""
HEADER, ENTRY, WITHHELD, DAMAGED = "header", "entry", "withheld", "damaged"
CHECKPOINT, ANCHOR, ROW, SEALED = "checkpoint", "anchor", "row", "seal"
LONGEST_LINE = 64 * 1024 * 1024
"""bytes: more than an order with the most names has"""


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table whose rows rest on the trail."""

    name: str
    actions: tuple[str, ...]
    """those whose newest entry on a subject says what its row is; none: each whose ``after`` has the parts"""
    parts: tuple[str, ...] = ()
    """the parts of the entry's ``after`` that are the row; none: all of it"""
    ends: tuple[str, ...] = ()
    """actions that leave a subject without a row, once they say that it is retired"""


TABLES = (
    ExportTable("adoption", ("feed.adopt", "feed.enable", "feed.change", "feed.retire")),
    ExportTable("feed", ("feed.update", "feed.hold"), ("version", "digest", "names"), ("feed.retire",)),
    ExportTable("lifting", ("exception.add", "exception.end", "suspension.add", "suspension.end")),
    ExportTable("order", (), (ROW_DIGEST,)),
    ExportTable("page", ("page.record",), ("digest", "facts")),
)
"""in the order of an export"""

SHOWN = frozenset(
    (
        *("order", "feed", "list", "snapshot", "node", "probe", "page", "key", "checkpoint", "anchor"),
        *("statement", "exception", "suspension", "profile", "hold", "store", "register"),
        *("request", "handover"),
    )
)
"""the entries that are shown in whole: the first word of their action and the kind of their subject are among
these. All others are withheld"""
_PERSONAL_KEYS = frozenset(("line", "lines", "line_count", "subscriber", "subscribers"))
_LINE = re.compile(r"line:[0-9]+")


def is_shown(entry: AuditEntry) -> bool:
    """True if an export shows an entry in whole: it is of a kind that is shown, and nothing in it tells of a
    line."""
    if not {entry.action.partition(".")[0], entry.subject.partition(":")[0]} <= SHOWN:
        return False
    return not any(map(_tells_of_a_line, (entry.before, entry.after)))


def _tells_of_a_line(value: object) -> bool:
    if isinstance(value, str):
        return _LINE.fullmatch(value) is not None
    if isinstance(value, Mapping):
        named = any(value.get(each) for each in _PERSONAL_KEYS)
        return named or any(map(_tells_of_a_line, value.values()))
    return isinstance(value, list) and any(map(_tells_of_a_line, value))


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as a line."""
    return canonical(record).encode() + b"\n"


def entry_record(stored: StoredEntry, *, shown: bool) -> dict[str, Any]:
    """The record of an entry. One that is withheld has its content digest; one of before there was a salt has
    its hash alone, since anybody could try out what it says."""
    found: dict[str, Any] = {"sequence": stored.sequence, "hash": stored.hash}
    if shown:
        values = {each.name: getattr(stored.entry, each.name) for each in fields(AuditEntry)}
        return {"kind": ENTRY, **found, **values, "salt": stored.salt}
    content = content_digest(stored.entry, stored.salt) if stored.salt else ""
    return {"kind": WITHHELD, **found, "content": content}


def row_record(table: str, subject: str, row: object) -> dict[str, Any]:
    """The record of a row: an object, of an order the list of values that its digest covers, or that digest
    alone."""
    return {"kind": ROW, "table": table, "subject": subject, "row": row}
