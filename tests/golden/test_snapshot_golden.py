"""The canonical dump of a small compiled snapshot: a change of format, key schedule or merging shows here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import ListClass
from filterd.policy.compiler import ListSource, compile_snapshot
from filterd.policy.snapshot_reference import FingerprintEntry, SnapshotTable

KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
SOURCES = [
    ListSource(
        (ListClass("adult-starter", Kind.CATEGORY, 8, "adult"),),
        "2026-01-01",
        [b"adult.example\nok.adult.example allow\nshared.example\nstar.example below\n"],
        title="Adult content",
    ),
    ListSource(
        (ListClass("drugs", Kind.CATEGORY, 9, "drugs"), ListClass("drugs", Kind.CATEGORY, 10, "health")),
        "3",
        [b"a\\046b\\032c.example exact\nshared.example\nstar.example below allow\n"],
    ),
    ListSource((ListClass("malware", Kind.SECURITY, 511),), "9", [b"@198.51.100.0/24\n@2001:db8:bad::/48\n"]),
    ListSource(
        (ListClass("interpol", None, 0),), "12", [b"evil.example exact\nshared.example\n"], secret=b"k" * 32
    ),
    ListSource((ListClass("O-2026-1", None, 256),), "1", [b"@198.51.100.0/24\nshared.example\n"]),
]


def test_compiled_snapshot(golden: Callable[[str, str], None]) -> None:
    compiled = compile_snapshot(SOURCES, KEY, revision=42, built_at=1_767_225_600, meta={"mandates": []})
    golden(
        "snapshot.txt", "".join(f"{line}\n" for line in dump(SnapshotTable(b"".join(compiled.pieces), KEY)))
    )


def dump(table: SnapshotTable) -> Iterator[str]:
    """Header, meta and every slot with what it leads to, in the table's order."""
    yield "[header]"
    for field in dataclasses.fields(table.header):
        value = getattr(table.header, field.name)
        yield f"{field.name} = {value.hex() if isinstance(value, bytes) else value}"
    yield "[meta]"
    yield from json.dumps(table.meta, indent=1, sort_keys=True).splitlines()
    yield "[table]"
    for place, (low, entry, distance) in sorted(table.slots.items()):
        yield f"slot {place} low {low:016x} distance {distance} entry {entry}: {shown(table.node(entry))}"


def shown(node: FingerprintEntry) -> str:
    """The node's sets, in the order of the file."""
    parts = []
    for action in (Action.BLOCK, Action.ALLOW):
        for scope in Scope:
            members = node.sets.get((action, scope))
            if members:
                parts.append(
                    f"{action.word} {scope.word} bits {sorted(members.bits)} ids {list(members.ids)}"
                )
    return "; ".join(parts)
