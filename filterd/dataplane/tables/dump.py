"""The envelope of a table's dump: what it holds, how many records, the seed, and a checksum over all of it.

    magic "FLTRTBL1" | u32 byte-order mark | u32 kind | u64 records | u64 extra records | 16 bytes seed |
    16 bytes BLAKE2b of everything else | payload

A dump is read by the same kind of machine that wrote it: the payload is native structs, so another byte order
is refused. The seed travels along because the records stand in the order that it gives them, which is what
makes loading a walk from front to back.

TableError
└── DamagedDumpError
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("<8sIIQQ16s16s")
_MAGIC = b"FLTRTBL1"
_ORDER_MARK = 0x01020304
_DIGEST_SIZE = 16
_DIGEST_AT = _HEADER.size - _DIGEST_SIZE


class TableError(Exception):
    """A table cannot take what it was given."""


class DamagedDumpError(TableError):
    """A dump is not what was written: cut, altered, or of another kind."""


class TableKind(IntEnum):
    """The table that a dump is of."""

    LINES = 1
    ADDRESSES = 2


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump taken out of its envelope; ``extra`` counts what hangs off the records (own names of lines)."""

    kind: TableKind
    records: int
    extra: int
    seed: bytes
    payload: memoryview


def envelope(kind: TableKind, records: int, extra: int, seed: bytes, payload: bytes | bytearray) -> bytes:
    """The head of a dump; the payload follows it."""
    head = _HEADER.pack(_MAGIC, _ORDER_MARK, kind, records, extra, seed, bytes(_DIGEST_SIZE))
    return head[:_DIGEST_AT] + _digest(head, payload)


def unseal(dump: bytes | memoryview, kind: TableKind) -> Dump:
    """Check the envelope. Raises :class:`DamagedDumpError` unless it is an unaltered dump of this kind."""
    view = memoryview(dump)
    if len(view) < _HEADER.size:
        msg = f"read a table dump of {len(view)} bytes: shorter than its header"
        raise DamagedDumpError(msg)
    magic, mark, found, records, extra, seed, digest = _HEADER.unpack_from(view)
    if magic != _MAGIC or mark != _ORDER_MARK:
        msg = "read a table dump: not one of this version and byte order"
        raise DamagedDumpError(msg)
    if found != kind:
        msg = f"read a dump of {kind.name.lower()}: found kind {found}"
        raise DamagedDumpError(msg)
    payload = view[_HEADER.size :]
    if _digest(bytes(view[: _HEADER.size]), payload) != digest:
        msg = f"read a dump of {kind.name.lower()}: its checksum does not match, it was cut or altered"
        raise DamagedDumpError(msg)
    return Dump(kind, records, extra, seed, payload)


def _digest(head: bytes, payload: bytes | bytearray | memoryview) -> bytes:
    """BLAKE2b over header (without the digest's own field) and payload."""
    state = hashlib.blake2b(head[:_DIGEST_AT], digest_size=_DIGEST_SIZE)
    state.update(payload)
    return state.digest()
