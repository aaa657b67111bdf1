"""The readable reference of the native codec: the same functions, statuses and values, in plain Python.

Here are names and records; :mod:`filterd.wire.upstream_answers_reference` has record data and answers, and
:mod:`filterd.wire.queries_reference` queries.
Nothing on the query path calls it; tests hold the two equal. Inside, a refusal is the exception
:class:`Refused`; to callers it becomes the status that it carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from filterd.wire.message import ResourceRecord
from filterd.wire.names import name_from_text as name_from_text
from filterd.wire.names import name_to_text as name_to_text
from filterd.wire.status import Status

HEADER_SIZE = 12
MAX_NAME = 255
MAX_POINTERS = 16
QR = 0x8000
OPT = 41


class Refused(Exception):  # noqa: N818 - a verdict on the bytes, not an error of ours
    """The bytes cannot be what they claim to be."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


def u16(data: bytes, at: int) -> int:
    """Two bytes, big-endian; the caller has checked that they are there."""
    return int.from_bytes(data[at : at + 2], "big")


def u32(data: bytes, at: int) -> int:
    """Four bytes, big-endian; the caller has checked that they are there."""
    return int.from_bytes(data[at : at + 4], "big")


def need(condition: bool, status: Status) -> None:
    """Refuse the bytes unless the condition holds."""
    if not condition:
        raise Refused(status)


# --- names ---


def read_name(message: bytes, start: int, end: int | None = None) -> tuple[bytes, int]:
    """The uncompressed name at an offset, as sent, and the offset behind it; nothing from ``end`` on is read.

    What a pointer leads to must lie, all of it, before the labels that it continues (behind the header): it
    is "a prior occurrence" (RFC 1035 §4.1.4), which also makes every read end.
    """
    length = len(message) if end is None else end
    name = b""
    position = segment = start
    after = None
    pointers = 0
    while True:
        need(position < length, Status.TRUNCATED)
        size = message[position]
        if size == 0:
            return name + b"\0", position + 1 if after is None else after
        if size >= 0xC0:
            need(position + 1 < length, Status.TRUNCATED)
            target = u16(message, position) & 0x3FFF
            after = position + 2 if after is None else after
            pointers += 1
            backwards = HEADER_SIZE <= target < segment
            need(backwards and pointers <= MAX_POINTERS, Status.BAD_POINTER)
            length = segment
            position = segment = target
            continue
        need(size <= 63, Status.BAD_LABEL)
        need(len(name) + size + 2 <= MAX_NAME, Status.NAME_TOO_LONG)
        need(position + size < length, Status.TRUNCATED)
        name += message[position : position + size + 1]
        position += size + 1


def skip_name(message: bytes, start: int) -> int:
    """The offset behind the name at an offset; where its pointer leads is not looked at."""
    position = start
    while True:
        need(position < len(message), Status.TRUNCATED)
        size = message[position]
        if size == 0:
            return position + 1
        if size >= 0xC0:
            need(position + 1 < len(message), Status.TRUNCATED)
            need(HEADER_SIZE <= u16(message, position) & 0x3FFF < start, Status.BAD_POINTER)
            return position + 2
        need(size <= 63, Status.BAD_LABEL)
        position += size + 1
        need(position - start < MAX_NAME, Status.NAME_TOO_LONG)


def name_at(message: bytes, offset: int) -> tuple[bytes, int] | Status:
    """The lower-cased name at an offset and the offset behind it."""
    try:
        name, after = read_name(message, offset)
    except Refused as refused:
        return refused.status
    return name.lower(), after


# --- records ---


class RecordSpan(NamedTuple):
    """The place of a record in its message."""

    section: int
    owner_offset: int
    fixed_offset: int
    """of type, class, TTL and data length"""
    data_offset: int
    end: int
    type: int
    rclass: int
    ttl: int


def first_record(message: bytes) -> int:
    """The offset behind header and questions."""
    need(len(message) >= HEADER_SIZE, Status.TRUNCATED)
    position = HEADER_SIZE
    for _ in range(u16(message, 4)):
        position = skip_name(message, position)
        need(position + 4 <= len(message), Status.TRUNCATED)
        position += 4
    return position


def walk(message: bytes, *, owners: bool) -> Iterator[RecordSpan]:
    """All records in their order; ``owners``: refuse also an owner whose pointer leads to nonsense."""
    position = first_record(message)
    for section in (1, 2, 3):
        for _ in range(u16(message, 4 + 2 * section)):
            owner = position
            position = read_name(message, owner)[1] if owners else skip_name(message, owner)
            need(position + 10 <= len(message), Status.TRUNCATED)
            end = position + 10 + u16(message, position + 8)
            need(end <= len(message), Status.TRUNCATED)
            yield RecordSpan(
                section,
                owner,
                position,
                position + 10,
                end,
                u16(message, position),
                u16(message, position + 2),
                u32(message, position + 4),
            )
            position = end


def records(message: bytes) -> list[ResourceRecord] | Status:
    """All records of a message."""
    try:
        return [
            ResourceRecord(
                place.section,
                read_name(message, place.owner_offset)[0].lower(),
                place.type,
                place.rclass,
                place.ttl,
                place.data_offset,
                message[place.data_offset : place.end],
            )
            for place in walk(message, owners=True)
        ]
    except Refused as refused:
        return refused.status


def options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The options of an OPT record (RFC 6891 §6.1.2)."""
    position = 0
    while position < len(data):
        need(position + 4 <= len(data), Status.BAD_OPTION)
        after = position + 4 + u16(data, position + 2)
        need(after <= len(data), Status.BAD_OPTION)
        yield u16(data, position), data[position + 4 : after]
        position = after
