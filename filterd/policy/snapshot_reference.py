"""The readable twin of ``snapshot``: the file's checks, the search in the table, and the match.

A *node* is one name (or address prefix) with the lists that block it and those that except it, by scope. A
match walks the nodes of a name from the root down; at each one, what the node excepts is taken away and then
what it blocks is added. EXACT rules speak at the full name alone, BELOW rules at every other node.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from filterd.model.rule import Action, Scope
from filterd.policy import snapshot_layout
from filterd.policy.classes import FIRST_FREE_BIT
from filterd.policy.fingerprint_reference import prefix_fingerprint, suffix_fingerprints
from filterd.policy.inquiry_reference import Membership
from filterd.policy.published import COMING

MAX_MANDATORY = 32
MANDATORY_TARGET = 512
_FIELDS = [(action, scope) for action in (Action.BLOCK, Action.ALLOW) for scope in Scope]


@dataclass(frozen=True, slots=True)
class Members:
    """A set: class bits, and mandatory ids in ascending order."""

    bits: frozenset[int] = frozenset()
    ids: tuple[int, ...] = ()


_EMPTY = Members()


@dataclass(frozen=True, slots=True)
class FingerprintEntry:
    """The sets under one fingerprint."""

    sets: Mapping[tuple[Action, Scope], Members]

    def blocked(self, scope: Scope) -> Members:
        """The set that the node blocks at that scope."""
        return self.sets.get((Action.BLOCK, scope), _EMPTY)

    def excepted(self, scope: Scope) -> Members:
        """The set that the node excepts at that scope."""
        return self.sets.get((Action.ALLOW, scope), _EMPTY)


class Table(Protocol):
    """A table of nodes: a snapshot, an overlay, or plain rules."""

    lengths: Mapping[int, Sequence[int]]
    """the prefix lengths in use, by family (4, 6)"""

    def find(self, fingerprint: bytes) -> FingerprintEntry | None:
        """The node under a fingerprint."""


class RuleTable:
    """A table of plain rules, as an overlay is given them: what the built ones must be equal to."""

    def __init__(
        self,
        rules: Iterable[tuple[bytes, int, int, int]] = (),
        prefixes4: Iterable[int] = (),
        prefixes6: Iterable[int] = (),
    ) -> None:
        """Each rule is (fingerprint, target, scope, action), see ``snapshot.Overlay``."""
        found: dict[bytes, dict[tuple[Action, Scope], set[int]]] = {}
        for fingerprint, target, scope, action in rules:
            sets = found.setdefault(fingerprint, {})
            sets.setdefault((Action(action), Scope(scope)), set()).add(target)
        self._nodes = {
            fingerprint: FingerprintEntry({place: _members(targets) for place, targets in sets.items()})
            for fingerprint, sets in found.items()
        }
        self.lengths: Mapping[int, Sequence[int]] = {4: sorted(set(prefixes4)), 6: sorted(set(prefixes6))}

    def find(self, fingerprint: bytes) -> FingerprintEntry | None:
        """The node under a fingerprint."""
        return self._nodes.get(fingerprint)

    def __len__(self) -> int:
        return len(self._nodes)


def _members(targets: Iterable[int]) -> Members:
    """The set that a rule's targets make."""
    ordered = sorted(targets)
    return Members(
        frozenset(t for t in ordered if t < MANDATORY_TARGET),
        tuple(t - MANDATORY_TARGET for t in ordered if t >= MANDATORY_TARGET),
    )


class SnapshotTable:
    """A snapshot's file, read and searched as the format says."""

    def __init__(self, content: bytes, key: bytes) -> None:
        """Raises the SnapshotError that says what is wrong with the file."""
        header = snapshot_layout.read_header(content[: snapshot_layout.HEADER_SIZE], len(content))
        snapshot_layout.check_checksum(header, hashlib.sha256(_without_checksum(content)).digest())
        snapshot_layout.check_key(header, key)
        self.header = header
        self.meta: dict[str, Any] = snapshot_layout.read_meta(content[header.meta_offset :])
        four, six = snapshot_layout.read_prefixes(self.meta)
        self.lengths: Mapping[int, Sequence[int]] = {4: four, 6: six}
        self._sets = _read_sets(content, header)
        self._entries = _read_entries(content, header, len(self._sets))
        self.slots = _read_slots(content, header)

    def find(self, fingerprint: bytes) -> FingerprintEntry | None:
        """The node under a fingerprint: forward from its home until found or past where it would stand."""
        high, low = struct.unpack("<QQ", fingerprint)
        home = high * self.header.slots >> 64
        for distance in range(snapshot_layout.SPARE_SLOTS):
            slot = self.slots.get(home + distance)
            if slot is None or slot[2] < distance:
                return None
            if slot[2] == distance and slot[0] == low:
                return self.node(slot[1])
        return None

    def node(self, entry: int) -> FingerprintEntry:
        """The node of an entry's id."""
        which = self._entries[entry - 1]
        return FingerprintEntry({place: self._sets[i] for place, i in zip(_FIELDS, which, strict=True) if i})


def _without_checksum(content: bytes) -> bytes:
    """The file with its checksum field zero."""
    end = snapshot_layout.CHECKSUM_AT + snapshot_layout.CHECKSUM_SIZE
    return content[: snapshot_layout.CHECKSUM_AT] + bytes(snapshot_layout.CHECKSUM_SIZE) + content[end:]


def _damaged(what: str) -> snapshot_layout.SnapshotDamagedError:
    return snapshot_layout.SnapshotDamagedError(f"the snapshot is damaged: {what}")


def _read_sets(content: bytes, header: snapshot_layout.Header) -> list[Members]:
    ids = struct.unpack_from(f"<{header.mandatory_count}I", content, header.mandatory_offset)
    sets = []
    for i in range(header.sets_count):
        at = header.sets_offset + i * snapshot_layout.SET_SIZE
        bits = int.from_bytes(content[at : at + 64], "little")
        first, count = struct.unpack_from("<II", content, at + 64)
        if first + count > len(ids):
            what = "a set names mandatory ids that do not exist"
            raise _damaged(what)
        members = frozenset(bit for bit in range(snapshot_layout.CLASS_BITS) if bits >> bit & 1)
        sets.append(Members(members, ids[first : first + count]))
    if not sets or sets[0] != _EMPTY:
        what = "set 0 is not empty"
        raise _damaged(what)
    return sets


def _read_entries(content: bytes, header: snapshot_layout.Header, sets: int) -> list[tuple[int, ...]]:
    end = header.entries_offset + header.entries_count * snapshot_layout.ENTRY_SIZE
    entries = list(struct.iter_unpack("<6I", content[header.entries_offset : end]))
    if any(which >= sets for entry in entries for which in entry):
        what = "an entry names a set that does not exist"
        raise _damaged(what)
    return entries


def _read_slots(content: bytes, header: snapshot_layout.Header) -> dict[int, tuple[int, int, int]]:
    """The full slots: place -> (low half of the fingerprint, entry id, distance from home)."""
    slots: dict[int, tuple[int, int, int]] = {}
    last_home = 0
    total = header.slots + snapshot_layout.SPARE_SLOTS
    table = content[header.table_offset : header.table_offset + total * snapshot_layout.SLOT_SIZE]
    for place, (low, word) in enumerate(struct.iter_unpack("<QI", table)):
        if word == 0:
            continue
        entry, distance = word & 0xFFFFFF, word >> 24
        home = place - distance
        reachable = all(before in slots for before in range(home, place))
        if not (1 <= entry <= header.entries_count and last_home <= home < header.slots and reachable):
            what = "a slot of the table is out of place or names an entry that does not exist"
            raise _damaged(what)
        slots[place] = (low, entry, distance)
        last_home = home
    if len(slots) != header.used or total - 1 in slots:
        what = "the table holds another number of names than the header says"
        raise _damaged(what)
    return slots


@dataclass(slots=True)
class Matched:
    """The match of a name or address: the fields of the native one, and its order of ids."""

    bits: set[int] = field(default_factory=set)
    wide: set[int] = field(default_factory=set)
    found: dict[int, tuple[Scope, int]] = field(default_factory=dict)
    overflow: bool = False
    coming: bool = False

    @property
    def mandatory(self) -> tuple[tuple[int, int, int], ...]:
        """(id, scope, place where the rule's name starts) of each id in force, from the root down."""
        return tuple((number, scope, place) for number, (scope, place) in self.found.items())

    def lift(self, members: Members) -> None:
        """An exception takes its lists away."""
        self.bits -= members.bits
        self.wide -= members.bits
        for number in members.ids:
            self.found.pop(number, None)

    def narrow(self, members: Members) -> None:
        """An exception for what is below the full name: it stays blocked, but not all below it."""
        self.wide -= members.bits
        for number in members.ids:
            if number in self.found:
                self.found[number] = (Scope.EXACT, self.found[number][1])

    def block(self, members: Members, scope: Scope, place: int, active: bytes) -> None:
        """A block adds its lists, of the mandatory ones those in force; one that is coming is noted, and no
        exception takes the note away."""
        self.bits |= members.bits
        if scope is not Scope.EXACT:
            self.wide |= members.bits
        for number in members.ids:
            if number >= len(active) or active[number] & 1:
                self._demand(number, scope, place)
            elif active[number] & COMING:
                self.coming = True

    def _demand(self, number: int, scope: Scope, place: int) -> None:
        """Add one mandatory id; one that is there stays, unless it was for the name alone and now is not."""
        known = self.found.get(number)
        if known is None and len(self.found) == MAX_MANDATORY:
            self.overflow = True
        elif known is None or (known[0] is Scope.EXACT and scope is not Scope.EXACT):
            self.found[number] = (scope, place)


def match_name(
    snapshot: Table,
    overlay: Table | None,
    key: bytes,
    wire: bytes,
    active: bytes,
    *,
    of_parent: bool = False,
) -> Matched:
    """The match of a lower-cased wire name; ``active`` is the active set, a byte per mandatory id.

    ``of_parent``: of a DS question, so that of what blocks at the name itself only the fixed classes count.
    """
    fingerprints = suffix_fingerprints(key, wire)
    matched = Matched()
    for place in range(len(fingerprints) - 1, -1, -1):
        if place == 0 and of_parent:
            nodes = [_without_lists(node) for node in _nodes(snapshot, overlay, fingerprints[0])]
            _step(matched, nodes, True, 0, active)
            break
        _step(matched, _nodes(snapshot, overlay, fingerprints[place]), place == 0, place, active)
    return matched


def _without_lists(node: FingerprintEntry) -> FingerprintEntry:
    """A node that blocks no more than the fixed classes: local, special-use, protected, always allowed."""
    fixed = frozenset(range(FIRST_FREE_BIT))
    return FingerprintEntry(
        {
            (action, scope): Members(members.bits & fixed) if action is Action.BLOCK else members
            for (action, scope), members in node.sets.items()
        }
    )


def match_address(
    snapshot: Table, overlay: Table | None, key: bytes, address: bytes, active: bytes
) -> Matched:
    """The match of an address of 4 or 16 bytes: every prefix with rules, from the shortest on."""
    matched = Matched()
    for length, fingerprint in _prefixes(snapshot, overlay, key, address):
        _step(matched, _nodes(snapshot, overlay, fingerprint), False, length, active)
    return matched


def _prefixes(
    snapshot: Table, overlay: Table | None, key: bytes, address: bytes
) -> Iterator[tuple[int, bytes]]:
    """Length and fingerprint of every prefix of the address that may have rules, from the shortest on."""
    family = 4 if len(address) == 4 else 6
    lengths = set(snapshot.lengths[family]) | set(overlay.lengths[family] if overlay is not None else ())
    for length in sorted(lengths):
        yield length, prefix_fingerprint(key, family, length, address)


def _nodes(snapshot: Table, overlay: Table | None, fingerprint: bytes) -> list[FingerprintEntry]:
    """The nodes of both tables, the snapshot's first."""
    found = (table.find(fingerprint) for table in (snapshot, overlay) if table is not None)
    return [node for node in found if node is not None]


def _step(matched: Matched, nodes: list[FingerprintEntry], leaf: bool, place: int, active: bytes) -> None:
    """One node of the walk; ``leaf``: it is the full name."""
    for node in nodes:
        matched.lift(node.excepted(Scope.SUBTREE))
        if leaf:
            matched.lift(node.excepted(Scope.EXACT))
            matched.narrow(node.excepted(Scope.BELOW))
        else:
            matched.lift(node.excepted(Scope.BELOW))
    for node in nodes:
        for scope in (Scope.SUBTREE, Scope.EXACT if leaf else Scope.BELOW):
            matched.block(node.blocked(scope), scope, place, active)


@dataclass(frozen=True)
class ReferenceMatcher:
    """A snapshot with its overlay and the active set, as the verdict asks them."""

    snapshot: Table
    overlay: Table | None
    key: bytes
    active: bytes

    def match_name(self, wire: bytes, *, of_parent: bool = False) -> Membership:
        """The classes and mandates of a lower-cased wire name; ``of_parent``: of a DS question for it."""
        found = match_name(self.snapshot, self.overlay, self.key, wire, self.active, of_parent=of_parent)
        return _membership(found)

    def match_address(self, address: bytes) -> Membership:
        """The classes and mandates of an address of 4 or 16 bytes."""
        return _membership(match_address(self.snapshot, self.overlay, self.key, address, self.active))

    def origin_of_name(self, wire: bytes, bit: int) -> tuple[int, Scope]:
        """Label index and scope of the rule that puts the name into a class; ValueError: none does."""
        fingerprints = suffix_fingerprints(self.key, wire)
        return self._origin([*enumerate(fingerprints)][::-1], bit, leaf=0)

    def origin_of_address(self, address: bytes, bit: int) -> int:
        """The length of the prefix whose rule puts the address into a class; ValueError: none does."""
        prefixes = _prefixes(self.snapshot, self.overlay, self.key, address)
        return self._origin(prefixes, bit, leaf=-1)[0]

    def _origin(self, places: Iterable[tuple[int, bytes]], bit: int, leaf: int) -> tuple[int, Scope]:
        """The first rule for the class that nothing further down lifts. ``leaf``: the full name's place."""
        found = None
        for place, fingerprint in places:
            nodes = _nodes(self.snapshot, self.overlay, fingerprint)
            scopes = (Scope.SUBTREE, Scope.EXACT if place == leaf else Scope.BELOW)
            if any(bit in node.excepted(scope).bits for node in nodes for scope in scopes):
                found = None
            given = [scope for node in nodes for scope in scopes if bit in node.blocked(scope).bits]
            found = found or next(((place, scope) for scope in given), None)
        if found is None:
            what = f"no rule gives class {bit}"
            raise ValueError(what)
        return found


def _membership(matched: Matched) -> Membership:
    return Membership(
        frozenset(matched.bits), frozenset(matched.wide), matched.mandatory, matched.overflow, matched.coming
    )
