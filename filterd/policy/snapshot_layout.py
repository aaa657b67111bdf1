"""The snapshot file's layout and name, and the errors of opening one. Shared by the native code,
its twin, and everything that publishes a snapshot or picks one up.

All numbers little-endian. Sections follow the header in this order, each at a multiple of 64 bytes: table,
entries, sets, mandatory ids, meta (JSON, ends the file). See docs/decisions/0031-snapshot-file.md.

Errors::

    SnapshotError (ValueError)
    ├── SnapshotTruncatedError      shorter or longer than its header says
    ├── SnapshotVersionError        no snapshot, or of a version this build does not read
    ├── SnapshotDamagedError        the checksum does not fit, or an id or offset points outside
    └── SnapshotKeyError            made under another installation's fingerprint key
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

MAGIC = b"FLTRDSN1"
VERSION = 1
HEADER_SIZE = 192
CHECKSUM_AT = 160
CHECKSUM_SIZE = 32
KEY_ID_SIZE = 8
ALIGNMENT = 64
SLOT_SIZE = 12
SPARE_SLOTS = 256
MIN_SLOTS = 65536
MAX_ENTRIES = 0xFFFFFF
ENTRY_SIZE = 24
SET_SIZE = 72
CLASS_BITS = 512
"""bits of a set of classes"""

HISTORY = "history"
"""the word in the meta for the hash of the change at the snapshot's revision: that number in another history
has another hash"""
DIRECTORY = "snapshots"
"""the directory of published snapshots, below ``state_dir``"""
CURRENT = "current"
"""the file in it that holds the name of the snapshot in force"""
SUFFIX = ".snapshot"
OLD_POINTER = re.compile(rb"[^\s/.][^\s/]*\s*")
"""what a version before wrote into a file that names a snapshot: the name without a checksum"""
_NAME_DIGITS = 12
_NAME = re.compile(rf"[0-9]+-[0-9a-f]+{re.escape(SUFFIX)}")

_HEADER = struct.Struct("<8sIIQQQQQQI4xQI4xQI4xQQ8s32s32s")


class SnapshotError(ValueError):
    """A snapshot that cannot be used; the message says what is wrong with it."""


class SnapshotTruncatedError(SnapshotError):
    """The file is shorter or longer than its header says."""


class SnapshotVersionError(SnapshotError):
    """No snapshot at all, or of a version that this build does not read."""


class SnapshotDamagedError(SnapshotError):
    """The checksum does not fit, or an id or offset in it points outside."""


class SnapshotKeyError(SnapshotError):
    """Made under another fingerprint key."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first 192 bytes. Offsets are bytes from the file's start; ``built_at`` is in Unix seconds."""

    built_at_revision: int
    built_at: int
    slots: int
    used: int
    table_offset: int
    entries_offset: int
    entries_count: int
    sets_offset: int
    sets_count: int
    mandatory_offset: int
    mandatory_count: int
    meta_offset: int
    meta_length: int
    key_id: bytes
    digest: bytes
    checksum: bytes = bytes(CHECKSUM_SIZE)

    def pack(self) -> bytes:
        """The header's bytes."""
        return _HEADER.pack(MAGIC, VERSION, HEADER_SIZE, *astuple(self))

    @property
    def file_size(self) -> int:
        """The length of the whole file."""
        return self.meta_offset + self.meta_length


def read_header(start: bytes, size: int) -> Header:
    """The header of a file of ``size`` bytes that begins with ``start``. SnapshotError unless they fit."""
    if len(start) < HEADER_SIZE:
        message = f"the snapshot is truncated: {len(start)} bytes, its header alone has {HEADER_SIZE}"
        raise SnapshotTruncatedError(message)
    magic, version, header_size, *fields = _HEADER.unpack(start[:HEADER_SIZE])
    if magic != MAGIC:
        message = f"this is no snapshot: it begins with {magic!r}"
        raise SnapshotVersionError(message)
    if (version, header_size) != (VERSION, HEADER_SIZE):
        message = f"the snapshot is of version {version}, this build reads version {VERSION}"
        raise SnapshotVersionError(message)
    header = Header(*fields)
    if header.file_size != size:
        message = f"the snapshot is truncated or damaged: {size} bytes, its header says {header.file_size}"
        raise SnapshotTruncatedError(message)
    _check_sections(header)
    return header


def _check_sections(header: Header) -> None:
    """Refuse a section that is not inside the file, aligned, and behind the one before it."""
    sections = (
        (header.table_offset, (header.slots + SPARE_SLOTS) * SLOT_SIZE),
        (header.entries_offset, header.entries_count * ENTRY_SIZE),
        (header.sets_offset, header.sets_count * SET_SIZE),
        (header.mandatory_offset, header.mandatory_count * 4),
        (header.meta_offset, header.meta_length),
    )
    end = HEADER_SIZE
    for offset, length in sections:
        if offset < end or offset % ALIGNMENT:
            message = f"the snapshot is damaged: a section at {offset}, where {end} is the first free byte"
            raise SnapshotDamagedError(message)
        end = offset + length
    if header.slots < MIN_SLOTS or header.used > header.slots:
        message = f"the snapshot is damaged: {header.used} names in {header.slots} slots"
        raise SnapshotDamagedError(message)


def file_name(revision: int, digest: str) -> str:
    """The name of a snapshot's file; ``digest`` in hexadecimal."""
    return f"{revision}-{digest[:_NAME_DIGITS]}{SUFFIX}"


def is_file_name(name: str) -> bool:
    """Return whether :func:`file_name` could have made this."""
    return _NAME.fullmatch(name) is not None


def revision_of(name: str) -> int:
    """The revision in a file's name; 0 where it has none."""
    number = name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def pointer_to(name: str) -> bytes:
    """The content of a file that names a snapshot, such as :data:`CURRENT`; the file has a checksum too
    (filterd.disk.checked_file)."""
    return name.encode() + b"\n"


def named_in(pointer: bytes) -> str:
    """The file name in such a content; empty where it is no plain name, which could lead elsewhere."""
    try:
        name = pointer.decode("ascii").strip()
    except UnicodeDecodeError:
        return ""
    return "" if name.startswith(".") or "/" in name else name


def check_byte_order(order: str) -> None:
    """ImportError for another ``sys.byteorder`` than the file's: native code copies numbers as they lie."""
    if order != "little":
        message = f"snapshots are little-endian, this machine is {order}-endian"
        raise ImportError(message)


def key_id(key: bytes) -> bytes:
    """The mark of the fingerprint key in the header: enough to tell keys apart, not to find one."""
    return hashlib.sha256(key).digest()[:KEY_ID_SIZE]


def check_key(header: Header, key: bytes) -> None:
    """SnapshotKeyError unless the snapshot was made under ``key``."""
    if header.key_id != key_id(key):
        message = "the snapshot was made under another fingerprint key: build it again on this installation"
        raise SnapshotKeyError(message)


def check_checksum(header: Header, found: bytes) -> None:
    """SnapshotDamagedError unless the checksum in the header is ``found``."""
    if header.checksum != found:
        message = "the snapshot is damaged: its checksum does not fit"
        raise SnapshotDamagedError(message)


def read_meta(text: bytes) -> dict[str, Any]:
    """The meta as JSON values. SnapshotDamagedError when it is no JSON object."""
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"the snapshot is damaged: its meta is no JSON: {error}"
        raise SnapshotDamagedError(message) from None
    if not isinstance(meta, dict):
        message = f"the snapshot is damaged: its meta is no JSON object but {type(meta).__name__}"
        raise SnapshotDamagedError(message)
    return meta


def read_prefixes(meta: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """The IPv4 and IPv6 prefix lengths in use, ascending. SnapshotDamagedError when there are none."""
    found = meta.get("address_prefixes")
    if not isinstance(found, dict):
        message = "the snapshot is damaged: its meta has no address prefixes"
        raise SnapshotDamagedError(message)
    four, six = found.get("4"), found.get("6")
    for lengths, most in ((four, 32), (six, 128)):
        if not _ascending(lengths, most):
            message = f"the snapshot is damaged: address prefix lengths {lengths!r}"
            raise SnapshotDamagedError(message)
    return list(four or ()), list(six or ())


def _ascending(lengths: object, most: int) -> bool:
    """Return whether it is a list of different lengths in ascending order, none above ``most``."""
    if not isinstance(lengths, list) or not all(type(n) is int and 0 <= n <= most for n in lengths):
        return False
    return lengths == sorted(set(lengths))
