"""Answers in wire form for tests, written by hand so that any of them can be made wrong."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from struct import pack

from filterd.wire.names import name_from_text

A, CNAME, AAAA, DNAME, SVCB, HTTPS = 1, 5, 28, 39, 64, 65
ANSWER, AUTHORITY, ADDITIONAL = 1, 2, 3

Answer = tuple[int, bytes]
"""section and the bytes of one record"""


def record(
    rtype: int, data: bytes, *, owner: str = "query.example", section: int = ANSWER, rclass: int = 1
) -> Answer:
    """One record with a TTL of 60 s."""
    return section, name_from_text(owner) + pack("!HHIH", rtype, rclass, 60, len(data)) + data


def alias(target: str, *, rtype: int = CNAME, section: int = ANSWER) -> Answer:
    """A CNAME or DNAME."""
    return record(rtype, name_from_text(target), section=section)


def address(text: str, *, section: int = ANSWER) -> Answer:
    """An A or AAAA record."""
    packed = ip_address(text).packed
    return record(A if len(packed) == 4 else AAAA, packed, section=section)


def service(
    target: str = ".", hints: Sequence[str] = (), *, rtype: int = HTTPS, section: int = ANSWER
) -> Answer:
    """An HTTPS or SVCB record with address hints."""
    packed = [ip_address(hint).packed for hint in hints]
    data = pack("!H", 1) + name_from_text(target)
    for key, size in ((4, 4), (6, 16)):
        value = b"".join(hint for hint in packed if len(hint) == size)
        if value:
            data += pack("!HH", key, len(value)) + value
    return record(rtype, data, section=section)


def message(*records: Answer, name: str = "query.example", qtype: int = A) -> bytes:
    """An answer with these records, put into their sections."""
    ordered = sorted(records, key=lambda entry: entry[0])
    counts = [sum(1 for section, _ in ordered if section == wanted) for wanted in (1, 2, 3)]
    header = pack("!HHHHHH", 0x1234, 0x8180, 1, *counts)
    question = name_from_text(name) + pack("!HH", qtype, 1)
    return header + question + b"".join(data for _, data in ordered)
