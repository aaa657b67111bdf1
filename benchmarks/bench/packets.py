"""Queries as bytes, for the senders and for single questions."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from filterd.wire.names import name_from_text

MUST_BLOCK = 1
FRESH = 2
FRESH_LABEL = "%s" + "0" * 16
"""three letters, and digits that the senders replace by a number of its own for each query"""
COOKIE = 10
CLIENT_COOKIE = bytes(range(1, 9))
_HEADER = b"\1\0\0\1\0\0\0\0\0\1"
_OPT = b"\0\0\x29\x10\0\0\0\0\0"
"""with the size that dnsperf names: caches that go by the whole query know it again"""


def query(name: str, options: bytes = b"", number: int = 0) -> bytes:
    """A recursive query for an A record, with EDNS."""
    head = struct.pack(">H", number) + _HEADER
    return head + name_from_text(name) + b"\0\1\0\1" + _OPT + struct.pack(">H", len(options)) + options


def option(code: int, value: bytes) -> bytes:
    """An EDNS option."""
    return struct.pack(">HH", code, len(value)) + value


def write_entries(path: Path, entries: Iterable[tuple[bytes, int]]) -> Path:
    """A file for the senders: packets and their flags."""
    with path.open("wb") as file:
        file.writelines(struct.pack(">HB", len(packet), flags) + packet for packet, flags in entries)
    return path


def cookie_of(answer: bytes) -> bytes | None:
    """The cookie option's value of an answer without records behind OPT, or None: it is its last option."""
    at = answer.find(struct.pack(">H", COOKIE) + b"\0")
    while at >= 0:
        length = answer[at + 3]
        value = answer[at + 4 : at + 4 + length]
        if value.startswith(CLIENT_COOKIE) and len(value) == length:
            return value
        at = answer.find(struct.pack(">H", COOKIE) + b"\0", at + 1)
    return None
