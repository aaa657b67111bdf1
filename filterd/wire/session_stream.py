"""The stream of sessions from control to the resolver, over the Unix socket ``state_dir/sessions.sock``.

The resolver connects and sends one HELLO: the stream and sequence number that it has (16 zero bytes and 0 for
none). Control goes on behind that number where it still knows what came since; else it begins anew: BEGIN,
FULL frames with every session, END. Changes that happen meanwhile come behind END: each is an absolute value,
so an entry may come twice. From then on CHANGE frames come as things happen, and BEAT every second.

A frame has 32 bytes and then its entries, all little-endian::

    0  4  "fSES"
    4  1  version, 1
    5  1  kind (FrameKind)
    6  1  flags (COMPLETE)
    7  1  0
    8  4  entries (0 to MOST_ENTRIES)
    12 4  0
    16 8  sequence: of the newest change that the receiver has after this frame
    24 8  the stream's id, new at each start of control

An entry has 32 bytes::

    0  16 address: IPv4 as ::ffff:a.b.c.d; in a PORTS entry the IPv4 address, the port (big-endian) and zeros
    16 8  line; 0: nobody has the address now
    24 4  seconds for which it is good, counted from the sending
    28 1  prefix length of the 16 bytes, 0 to 128; of PORTS 32 and the bits of the port
    29 1  table (EntryTable)
    30 1  source (model.session.SessionSource)
    31 1  0
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

VERSION = 1
MAGIC = b"fSES"
FRAME_SIZE = 32
ENTRY_SIZE = 32
MOST_ENTRIES = 1024
COMPLETE = 1
"""the flag of frames from a control that has every session; without it some may be missing, since the state
of before was lost"""

_FRAME = struct.Struct("<4sBBBxI4xQQ")
_ENTRY = struct.Struct("<16sQIBBBx")


class FrameKind(IntEnum):
    """The kinds of frames."""

    HELLO = 1
    BEGIN = 2
    FULL = 3
    END = 4
    CHANGE = 5
    BEAT = 6


class EntryTable(IntEnum):
    """The table that an entry belongs to."""

    ADDRESSES = 0
    PORTS = 1


class StreamError(ValueError):
    """Bytes that are no frame of the stream."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The head of a frame; its entries follow."""

    kind: FrameKind
    sequence: int
    stream: int
    entries: int = 0
    complete: bool = False

    def to_bytes(self) -> bytes:
        """The head's 32 bytes."""
        flags = COMPLETE if self.complete else 0
        return _FRAME.pack(MAGIC, VERSION, self.kind, flags, self.entries, self.sequence, self.stream)

    @classmethod
    def from_bytes(cls, head: bytes) -> Frame:
        """The frame of a head of 32 bytes. Raises StreamError."""
        magic, version, kind, flags, entries, sequence, stream = _FRAME.unpack(head)
        if magic != MAGIC or version != VERSION or entries > MOST_ENTRIES or kind not in set(FrameKind):
            msg = "not a frame of the stream of sessions"
            raise StreamError(msg)
        return cls(FrameKind(kind), sequence, stream, entries, bool(flags & COMPLETE))


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One address or port range and its line; the readable form of what the native code reads and writes."""

    address: bytes
    length: int
    line: int
    left: int
    table: EntryTable = EntryTable.ADDRESSES
    source: int = 0

    def to_bytes(self) -> bytes:
        """The entry's 32 bytes."""
        return _ENTRY.pack(self.address, self.line, self.left, self.length, self.table, self.source)

    @classmethod
    def from_bytes(cls, entry: bytes) -> SessionEntry:
        """The entry of 32 bytes. Raises StreamError."""
        address, line, left, length, table, source = _ENTRY.unpack(entry)
        if length > 128 or table not in set(EntryTable):
            msg = "not an entry of the stream of sessions"
            raise StreamError(msg)
        return cls(address, length, line, left, EntryTable(table), source)
