"""Reads the lines of an export, whatever the file holds: each record with its place, and nothing without a
limit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from filterd.model.audit_chain import canonical
from filterd.model.export_format import LONGEST_LINE

DEEPEST = 64
"""levels of objects and lists in a record; the same in both verifiers, whatever their stacks hold"""


class ExportFormatError(ValueError):
    """A line is no record, or has not the form that it must have; the message says why."""


@dataclass(frozen=True, slots=True)
class ExportLine:
    """A line of an export."""

    number: int
    """from 1"""
    offset: int
    """bytes before it"""
    digest: str
    """SHA-256 of these"""
    data: bytes
    """with its newline"""


class LineSource(Protocol):
    """Gives the lines of a file, one after the other."""

    def readline(self, limit: int, /) -> bytes:
        """The next line with its newline, at most so many bytes of it; nothing at the end."""


def lines_of(file: LineSource) -> Iterator[ExportLine]:
    """The lines of an export. Raises ExportFormatError for one that is too long or has no end, where nothing
    more is read."""
    number, offset, digest = 0, 0, hashlib.sha256()
    while data := file.readline(LONGEST_LINE + 1):
        number += 1
        if not data.endswith(b"\n"):
            msg = "it is too long" if len(data) > LONGEST_LINE else "it has no end: the file was cut"
            raise ExportFormatError(msg)
        yield ExportLine(number, offset, digest.hexdigest(), data)
        offset += len(data)
        digest.update(data)


def record_of(line: ExportLine) -> dict[str, Any]:
    """The record of a line. Raises ExportFormatError for anything but canonical JSON of an object; keys that
    stand there twice are none."""
    try:
        record = json.loads(line.data, parse_constant=_no_constant)
        same = canonical(record).encode() + b"\n" == line.data
        is_deep = _depth(record) > DEEPEST
    except (ValueError, RecursionError) as error:
        msg = "it is no JSON"
        raise ExportFormatError(msg) from error
    if not isinstance(record, dict):
        msg = "it is no object"
        raise ExportFormatError(msg)
    if not same:
        msg = "it is not in canonical form"
        raise ExportFormatError(msg)
    if is_deep:
        msg = "it is too deep"
        raise ExportFormatError(msg)
    return record


def _depth(value: Any) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, parts), default=0)


def _no_constant(text: str) -> NoReturn:
    msg = f"{text} is no JSON"
    raise ValueError(msg)


def require_parts(value: Any, types: dict[str, type], optional: dict[str, type] | None = None) -> None:
    """Raise ExportFormatError where an object has not exactly these parts, each of its type."""
    known = {**types, **(optional or {})}
    if not isinstance(value, dict) or not types.keys() <= value.keys() <= known.keys():
        msg = "it has not the parts of its kind"
        raise ExportFormatError(msg)
    for name, part in value.items():
        wanted = known[name]
        if wanted is not object and type(part) is not wanted:
            msg = f"its {name} is of a wrong type"
            raise ExportFormatError(msg)
