"""Dumps whose checksum is right and whose content cannot be: refused, never half loaded."""

from __future__ import annotations

import struct

import pytest

from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.dump import DamagedDumpError, TableKind, envelope
from filterd.dataplane.tables.lines import Lines

SEED = bytes(16)


def seal(kind: TableKind, records: int, extra: int, payload: bytes) -> bytes:
    return envelope(kind, records, extra, SEED, payload) + payload


def address(octets: bytes, line: int, length_plus_one: int) -> bytes:
    return octets + struct.pack("<QBB6x", line, length_plus_one, 0)


def line(number: int, own_count: int = 0, flags: int = 0) -> bytes:
    return struct.pack("<QqIIB7x", number, 0, 0, own_count, flags)


@pytest.mark.parametrize(
    "records",
    [
        [address(bytes(16), 1, 0)],
        [address(bytes(16), 1, 130)],
        [address(b"\xff" * 16, 1, 9)],
        [address(bytes(16), 1, 129), address(bytes(16), 2, 129)],
    ],
    ids=["empty slot", "length 129", "bits behind the length", "twice"],
)
def test_addresses_that_cannot_be(records: list[bytes]) -> None:
    with pytest.raises(DamagedDumpError):
        Addresses.load(seal(TableKind.ADDRESSES, len(records), 0, b"".join(records)))


@pytest.mark.parametrize(
    ("records", "own"),
    [
        ([line(1), line(1)], b""),
        ([line(1, flags=0x80)], b""),
        ([line(1, own_count=2)], bytes(16)),
        ([line(1)], bytes(16)),
        ([line(1, own_count=2)], b"\xff" * 16 + bytes(16)),
    ],
    ids=["twice", "unknown flag", "own names missing", "own names left over", "own names not ascending"],
)
def test_lines_that_cannot_be(records: list[bytes], own: bytes) -> None:
    with pytest.raises(DamagedDumpError):
        Lines.load(seal(TableKind.LINES, len(records), len(own) // 16, b"".join(records) + own))


def test_counts_that_do_not_fit_the_payload() -> None:
    with pytest.raises(DamagedDumpError):
        Lines.load(seal(TableKind.LINES, 2, 0, line(1)))
    with pytest.raises(DamagedDumpError):
        Lines.load(seal(TableKind.LINES, 1 << 62, 0, b""))
    with pytest.raises(DamagedDumpError):
        Addresses.load(seal(TableKind.ADDRESSES, 1 << 59, 0, b""))
