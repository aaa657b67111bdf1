"""A snapshot's file: what is damaged, truncated, foreign or points outside is refused, by both twins."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filterd.policy import snapshot_layout
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.canonical import wire_of
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.snapshot import Snapshot, contains, match_wire
from filterd.policy.snapshot_layout import (
    Header,
    SnapshotDamagedError,
    SnapshotError,
    SnapshotKeyError,
    SnapshotTruncatedError,
    SnapshotVersionError,
)
from filterd.policy.snapshot_reference import SnapshotTable

KEY = bytes(range(16))
NAMES = [f"name{number}.test" for number in range(12)]


def native(content: bytes, key: bytes = KEY) -> object:
    return Snapshot.read(io.BytesIO(content), len(content), key)


READERS: list[Callable[..., object]] = [native, SnapshotTable]
both = pytest.mark.parametrize("read", READERS, ids=["native", "reference"])


@pytest.fixture(scope="module")
def content() -> bytes:
    builder = Builder(KEY)
    builder.begin_list([3])
    builder.add_run("".join(f"{name}\n" for name in sorted(NAMES)).encode())
    builder.begin_list([MANDATORY_TARGET + 5, MANDATORY_TARGET + 9])
    builder.add_run(b"@192.0.2.0/24\nname3.test exact\n")
    return b"".join(builder.finish({"lists": [{"id": "x"}]}, 42, 1_700_000_000, b"d" * 32))


def stamped(content: bytes) -> bytes:
    """The same file with the checksum that fits it."""
    end = snapshot_layout.CHECKSUM_AT + snapshot_layout.CHECKSUM_SIZE
    zero = content[: snapshot_layout.CHECKSUM_AT] + bytes(snapshot_layout.CHECKSUM_SIZE) + content[end:]
    return zero[: snapshot_layout.CHECKSUM_AT] + hashlib.sha256(zero).digest() + zero[end:]


def header_of(content: bytes) -> Header:
    return snapshot_layout.read_header(content[: snapshot_layout.HEADER_SIZE], len(content))


def with_bytes(content: bytes, at: int, new: bytes) -> bytes:
    """The same file with other bytes at one place, its checksum right."""
    return stamped(content[:at] + new + content[at + len(new) :])


def test_open_reads_a_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "one.snapshot"
    path.write_bytes(content)
    snapshot = Snapshot.open(path, KEY)
    path.write_bytes(b"overwritten")
    path.unlink()
    assert all(contains(snapshot, fingerprint_name(KEY, name)) for name in NAMES)
    assert (snapshot.names, snapshot.size, snapshot.built_at_revision) == (13, len(content), 42)
    assert (snapshot.built_at, snapshot.digest) == (1_700_000_000, (b"d" * 32).hex())
    assert snapshot.meta == {"lists": [{"id": "x"}], "address_prefixes": {"4": [24], "6": []}}
    assert match_wire(snapshot, None, KEY, wire_of("name3.test"), b"").mandatory == ((5, 0, 0), (9, 0, 0))


def test_the_memory_is_sealed(content: bytes) -> None:
    snapshot = Snapshot.read(io.BytesIO(content), len(content), KEY)
    maps = Path("/proc/self/maps").read_text().splitlines()
    sizes = {
        (int(end, 16) - int(start, 16), mode)
        for start, end, mode in ((*line.split()[0].split("-"), line.split()[1]) for line in maps)
    }
    pages = -(-snapshot.size // 4096) * 4096
    assert (pages, "r--p") in sizes


@both
def test_the_wrong_key(read: Callable[..., object], content: bytes) -> None:
    with pytest.raises(SnapshotKeyError, match="another fingerprint key"):
        read(content, bytes(16))


def test_a_key_has_sixteen_bytes(content: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        Snapshot.read(io.BytesIO(content), len(content), b"key")


@both
def test_another_version(read: Callable[..., object], content: bytes) -> None:
    with pytest.raises(SnapshotVersionError, match="version 2, this build reads version 1"):
        read(with_bytes(content, 8, struct.pack("<I", 2)), KEY)
    with pytest.raises(SnapshotVersionError, match="no snapshot"):
        read(b"\x7fELF" + content[4:], KEY)


@both
def test_every_truncation_at_a_border(read: Callable[..., object], content: bytes) -> None:
    header = header_of(content)
    borders = [
        0,
        1,
        8,
        snapshot_layout.HEADER_SIZE,
        header.entries_offset,
        header.sets_offset,
        header.mandatory_offset,
    ]
    borders += [header.meta_offset, len(content)]
    for border in borders:
        for size in {max(border - 1, 0), border, border + 1} - {len(content)}:
            with pytest.raises(SnapshotTruncatedError, match="truncated"):
                read(content[:size].ljust(size, b" "), KEY)


def test_a_file_that_shrinks_while_it_is_read(content: bytes) -> None:
    with pytest.raises(SnapshotTruncatedError, match="ends after 700000 bytes"):
        Snapshot.read(io.BytesIO(content[:700_000]), len(content), KEY)


def places_of_interest(content: bytes) -> list[int]:
    """Every byte that says something, and some of the empty slots."""
    header = header_of(content)
    table = range(header.table_offset, header.entries_offset)
    return [
        *range(snapshot_layout.HEADER_SIZE),
        *(at for at in table if content[at] or at % 9973 == 0),
        *range(header.entries_offset, len(content)),
    ]


@pytest.mark.ring("night")
def test_every_flipped_byte_is_refused(content: bytes) -> None:
    places = places_of_interest(content)
    assert len(places) > 800
    for at in places:
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        with pytest.raises(SnapshotError, match="snapshot"):
            native(bytes(damaged))


@both
def test_a_flipped_bit_in_the_table(read: Callable[..., object], content: bytes) -> None:
    damaged = bytearray(content)
    damaged[header_of(content).table_offset + 5000] ^= 1
    with pytest.raises(SnapshotDamagedError, match="checksum"):
        read(bytes(damaged), KEY)


@both
@pytest.mark.parametrize(
    "fields",
    [
        {"table_offset": 0},
        {"table_offset": 128},
        {"table_offset": 193},
        {"entries_offset": 64},
        {"entries_offset": 1 << 40},
        {"entries_count": 0xFFFFFFFF},
        {"sets_count": 0xFFFFFFFF},
        {"sets_count": 0},
        {"mandatory_count": 0xFFFFFFFF},
        {"mandatory_offset": (1 << 64) - 64},
        {"slots": (1 << 64) - 1},
        {"slots": 65536 + 6},
        {"slots": 100},
        {"slots": 0},
        {"used": 12},
        {"used": 1 << 40},
        {"meta_offset": 256, "meta_length": 0},
        {"entries_count": 1},
        {"sets_count": 1},
        {"mandatory_count": 1},
    ],
    ids=str,
)
def test_sections_that_point_outside(
    read: Callable[..., object], content: bytes, fields: dict[str, Any]
) -> None:
    header = dataclasses.replace(header_of(content), **fields)
    changed = content if header.file_size == len(content) else content[: header.file_size]
    with pytest.raises(SnapshotDamagedError, match="damaged"):
        read(stamped(header.pack() + changed[snapshot_layout.HEADER_SIZE :]), KEY)


def first_slot(content: bytes) -> int:
    """Where the first full slot stands in the file."""
    offset = header_of(content).table_offset
    return next(
        at for at in range(offset, len(content), snapshot_layout.SLOT_SIZE) if any(content[at + 8 : at + 12])
    )


@both
@pytest.mark.parametrize("word", [0xFFFFFF, 0x1000001, 0xFF000001, 5, 0x5000000])
def test_slots_that_no_search_may_follow(read: Callable[..., object], content: bytes, word: int) -> None:
    """An entry that does not exist, or a distance that the place does not have."""
    changed = with_bytes(content, first_slot(content) + 8, struct.pack("<I", word))
    with pytest.raises(SnapshotDamagedError, match="a slot of the table"):
        read(changed, KEY)


@both
def test_the_last_slot_is_empty(read: Callable[..., object], content: bytes) -> None:
    """Every search ends there."""
    header = header_of(content)
    last = header.table_offset + (header.slots + snapshot_layout.SPARE_SLOTS - 1) * snapshot_layout.SLOT_SIZE
    with pytest.raises(SnapshotDamagedError, match="a slot of the table"):
        read(with_bytes(content, last + 8, struct.pack("<I", 1)), KEY)


@both
def test_names_out_of_order(read: Callable[..., object]) -> None:
    """A search ends at a later home: a name that stands behind one would never be found."""
    builder = Builder(KEY)
    step = (1 << 64) // 65536
    for number, home in enumerate((1000, 1000, 1001)):
        builder.add_fingerprint(struct.pack("<QQ", home * step + 99, number), 3, 1, 0)
    content = b"".join(builder.finish({}, 1, 2, bytes(32)))
    read(content, KEY)
    slot = first_slot(content)
    for changes in ({1: 0, 2: 2}, {0: 0, 1: 0, 2: 2}):
        changed = content
        for place, distance in changes.items():
            changed = with_bytes(changed, slot + place * snapshot_layout.SLOT_SIZE + 11, bytes([distance]))
        with pytest.raises(SnapshotDamagedError, match="a slot of the table"):
            read(changed, KEY)


@both
def test_a_name_too_many(read: Callable[..., object], content: bytes) -> None:
    slot = header_of(content).table_offset
    assert not any(content[slot : slot + snapshot_layout.SLOT_SIZE])
    with pytest.raises(SnapshotDamagedError, match="another number of names"):
        read(with_bytes(content, slot + 8, struct.pack("<I", 1)), KEY)


@both
def test_entries_and_sets_that_point_outside(read: Callable[..., object], content: bytes) -> None:
    header = header_of(content)
    with pytest.raises(SnapshotDamagedError, match="an entry names a set"):
        read(with_bytes(content, header.entries_offset, struct.pack("<I", header.sets_count)), KEY)
    set_one = header.sets_offset + snapshot_layout.SET_SIZE
    with pytest.raises(SnapshotDamagedError, match="a set names mandatory ids"):
        read(with_bytes(content, set_one + 64, struct.pack("<II", 0xFFFFFFFF, 3)), KEY)
    with pytest.raises(SnapshotDamagedError, match="set"):
        read(with_bytes(content, header.sets_offset, b"\1"), KEY)


@both
@pytest.mark.parametrize(
    "meta",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"address_prefixes": 3}',
        b'{"address_prefixes": {"4": [33], "6": []}}',
        b'{"address_prefixes": {"4": [-1], "6": []}}',
        b'{"address_prefixes": {"4": [8, 8], "6": []}}',
        b'{"address_prefixes": {"4": [9, 8], "6": []}}',
        b'{"address_prefixes": {"4": [true], "6": []}}',
        b'{"address_prefixes": {"4": [], "6": [129]}}',
        b'{"address_prefixes": {"4": []}}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_meta_that_says_nonsense(read: Callable[..., object], content: bytes, meta: bytes) -> None:
    header = header_of(content)
    changed = dataclasses.replace(header, meta_length=len(meta))
    body = content[snapshot_layout.HEADER_SIZE : header.meta_offset] + meta
    with pytest.raises(SnapshotDamagedError, match="damaged"):
        read(stamped(changed.pack() + body), KEY)


def test_the_byte_order_is_checked_at_import() -> None:
    snapshot_layout.check_byte_order("little")
    with pytest.raises(ImportError, match="this machine is big-endian"):
        snapshot_layout.check_byte_order("big")


def test_a_snapshot_is_not_made_by_hand() -> None:
    with pytest.raises(TypeError, match=r"Snapshot\.open"):
        Snapshot()


def test_a_files_name_says_revision_and_digest_and_is_read_back() -> None:
    name = snapshot_layout.file_name(1207, "0123456789abcdef" * 4)
    assert name == "1207-0123456789ab.snapshot"
    assert snapshot_layout.is_file_name(name)
    assert snapshot_layout.revision_of(name) == 1207
    assert snapshot_layout.named_in(snapshot_layout.pointer_to(name)) == name


@pytest.mark.parametrize(
    "name",
    ["", "1207-.snapshot", "-ab.snapshot", "1207-ab.snapshot.new", "x1-ab.snapshot", "7-ABC.snapshot"],
)
def test_other_names_are_no_snapshots(name: str) -> None:
    assert not snapshot_layout.is_file_name(name)


def test_a_name_without_a_revision_counts_as_the_oldest() -> None:
    assert [snapshot_layout.revision_of(name) for name in ("", "nothing.snapshot", "-1-ab.snapshot")] == [
        0,
        0,
        0,
    ]


@pytest.mark.parametrize(
    "pointer", [b"", b"\n", b"../1-ab.snapshot", b".draft\n", b"/etc/passwd\n", b"\xff\xfe"]
)
def test_a_pointer_that_could_lead_elsewhere_names_nothing(pointer: bytes) -> None:
    assert snapshot_layout.named_in(pointer) == ""
