"""A file with a right checksum and wrong content opens or is a SnapshotError, never anything else.

What opens is safe to search: under AddressSanitizer this shows reads outside the sealed memory.
"""

from __future__ import annotations

import hashlib
import io
import random

import pytest

from filterd.policy import snapshot_layout
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.canonical import wire_of
from filterd.policy.snapshot import Snapshot, match_packed, match_wire
from filterd.policy.snapshot_layout import SnapshotError
from filterd.policy.snapshot_reference import SnapshotTable, match_name

KEY = bytes(range(16))
NAMES = [f"n{number}.test" for number in range(40)]
ROUNDS = 1000


def small_file() -> bytes:
    builder = Builder(KEY)
    for targets, text in (
        ([3, MANDATORY_TARGET + 2], "".join(f"{name}\n" for name in sorted(NAMES))),
        ([4], "@192.0.2.0/24\n@2001:db8::/32\nn1.test exact allow\ntest below\n"),
        ([MANDATORY_TARGET + 700], "n2.test exact\nn3.test\n"),
    ):
        builder.begin_list(targets)
        builder.add_run(text.encode())
    return b"".join(builder.finish({"lists": []}, 1, 2, bytes(32)))


def mutated(content: bytes, rng: random.Random, places: list[int]) -> bytes:
    """A few bytes changed where something stands, or anywhere; the checksum right again."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at = rng.choice(places) if rng.random() < 0.9 else rng.randrange(len(changed))
        changed[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, changed[at] ^ 1 << rng.randrange(8)])
    end = snapshot_layout.CHECKSUM_AT + snapshot_layout.CHECKSUM_SIZE
    changed[snapshot_layout.CHECKSUM_AT : end] = bytes(snapshot_layout.CHECKSUM_SIZE)
    changed[snapshot_layout.CHECKSUM_AT : end] = hashlib.sha256(changed).digest()
    return bytes(changed)


def test_mutated_files() -> None:
    content = small_file()
    header = snapshot_layout.read_header(content[: snapshot_layout.HEADER_SIZE], len(content))
    places = [
        *range(8, snapshot_layout.CHECKSUM_AT),
        *(at for at in range(header.table_offset, header.entries_offset) if content[at]),
        *range(header.entries_offset, len(content)),
    ]
    rng = random.Random(20261125)
    opened = refused = 0
    for _ in range(ROUNDS):
        changed = mutated(content, rng, places)
        try:
            snapshot = Snapshot.read(io.BytesIO(changed), len(changed), KEY)
        except SnapshotError:
            refused += 1
            continue
        opened += 1
        search(snapshot)
    assert opened > ROUNDS // 10
    assert refused > ROUNDS // 10


def search(snapshot: Snapshot) -> None:
    """Follow everything that a search can reach."""
    for name in NAMES:
        match_wire(snapshot, None, KEY, wire_of(f"www.{name}"), b"\1" * 3)
        match_wire(snapshot, None, KEY, wire_of(name), b"")
    for address in (bytes([192, 0, 2, 1]), b"\x20\x01\x0d\xb8" + bytes(12)):
        match_packed(snapshot, None, KEY, address, b"")


def test_both_twins_refuse_the_same_files() -> None:
    content = small_file()
    header = snapshot_layout.read_header(content[: snapshot_layout.HEADER_SIZE], len(content))
    places = [*range(header.entries_offset, header.meta_offset)]
    places += [at for at in range(header.table_offset, header.entries_offset) if content[at]]
    rng = random.Random(7)
    for _ in range(40):
        changed = mutated(content, rng, places)
        try:
            native = Snapshot.read(io.BytesIO(changed), len(changed), KEY)
        except SnapshotError:
            with pytest.raises(SnapshotError):
                SnapshotTable(changed, KEY)
            continue
        reference = SnapshotTable(changed, KEY)
        for name in NAMES[:5]:
            found = match_wire(native, None, KEY, wire_of(name), b"")
            assert found.bits == match_name(reference, None, KEY, wire_of(name), b"").bits
