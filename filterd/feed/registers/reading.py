"""The reader of each form of a register."""

from __future__ import annotations

from filterd.feed.registers.csv_document import parse_csv
from filterd.feed.registers.json_document import parse_json
from filterd.feed.registers.listed import parse_listed
from filterd.feed.registers.parsed import ParsedDocument, Tell, quiet
from filterd.feed.registers.poland import parse_poland
from filterd.model.register import RegisterKind


def parse(kind: RegisterKind, data: bytes, *, zone: str, whole: bool, tell: Tell = quiet) -> ParsedDocument:
    """A document of a register as it is written; ``zone`` is that of times without one, ``whole`` says that
    absence means unblock. Raises RegisterSyntaxError."""
    if kind is RegisterKind.CSV:
        return parse_csv(data, whole=whole, tell=tell)
    if kind in (RegisterKind.JSON, RegisterKind.TICKETS):  # of a ticket we make such a document
        return parse_json(data, whole=whole, tell=tell)
    if kind is RegisterKind.POLAND:
        return parse_poland(data, zone, whole=whole, tell=tell)
    return parse_listed(data, whole=whole, tell=tell)
