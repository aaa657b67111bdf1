"""The native lookup and match are equal to their twin, over scopes, exceptions, overlay and active set."""

from __future__ import annotations

import io
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.rule import Scope
from filterd.policy import fingerprint, fingerprint_reference, snapshot, snapshot_reference
from filterd.policy.build import MANDATORY_TARGET, Builder
from filterd.policy.canonical import wire_of
from filterd.policy.snapshot import Overlay, Snapshot
from filterd.policy.snapshot_reference import ReferenceMatcher, RuleTable, SnapshotTable
from tests.worlds.examples import examples

KEY = bytes(range(100, 116))
RawRule = tuple[bytes, int, int, int]

# Few names in a deep tree, so that rules meet on one path.
names = st.lists(st.sampled_from(["a", "b"]), max_size=4).map(lambda labels: ".".join(labels) or ".")
targets = st.one_of(
    st.sampled_from([0, 1, 7, 8, 63, 64, 511]),
    st.integers(0, 3).map(lambda number: MANDATORY_TARGET + number),
    st.just(MANDATORY_TARGET + 3_000_000_000),
)
scopes = st.integers(0, 2)
actions = st.integers(0, 1)
name_rules = st.tuples(
    names.map(lambda name: fingerprint_reference.fingerprint(KEY, wire_of(name))), targets, scopes, actions
)
active_sets = st.binary(max_size=5)
families = st.sampled_from([4, 6])
EVERY_NAME = [
    ".".join(labels.split()) or "."
    for labels in (
        "",
        "a",
        "b",
        "a a",
        "b a",
        "a b",
        "a b a",
        "b b a",
        "a a b a",
        "b b b b",
        "c a b a",
        "a a a a a",
    )
]


def built(rules: list[RawRule], four: list[int] | None = None, six: list[int] | None = None) -> bytes:
    """A snapshot's file made by the native builder."""
    builder = Builder(KEY)
    for rule in rules:
        builder.add_fingerprint(*rule)
    builder.use_prefixes(four or [], six or [])
    return b"".join(builder.finish({"lists": []}, 7, 1_700_000_000, bytes(32)))


def opened(content: bytes) -> Snapshot:
    return Snapshot.read(io.BytesIO(content), len(content), KEY)


def shown(matched: snapshot.Matched | snapshot_reference.Matched) -> tuple[object, ...]:
    """Everything that a match says."""
    return set(matched.bits), set(matched.wide), matched.mandatory, matched.overflow


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=260))
@settings(deadline=None)
def test_fingerprint(key: bytes, data: bytes) -> None:
    assert fingerprint.fingerprint(key, data) == fingerprint_reference.fingerprint(key, data)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=12))
@settings(deadline=None)
def test_suffixes(labels: list[bytes]) -> None:
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    expected = fingerprint_reference.suffix_fingerprints(KEY, wire)
    assert fingerprint.suffix_fingerprints(KEY, wire) == expected


def test_the_longest_name_has_all_its_suffixes() -> None:
    wire = b"\x01a" * 127 + b"\0"
    assert fingerprint.suffix_fingerprints(KEY, wire) == fingerprint_reference.suffix_fingerprints(KEY, wire)


@given(families, st.integers(0, 128), st.binary(min_size=16, max_size=16))
@settings(deadline=None)
def test_prefix(family: int, length: int, address: bytes) -> None:
    if family == 4:
        length, address = length % 33, address[:4]
    expected = fingerprint_reference.prefix_fingerprint(KEY, family, length, address)
    assert fingerprint.prefix_fingerprint(KEY, family, length, address) == expected


@given(st.lists(name_rules, max_size=40), st.lists(name_rules, max_size=12), active_sets)
@settings(deadline=None, max_examples=examples(50))
def test_match_of_names(rules: list[RawRule], over: list[RawRule], active: bytes) -> None:
    native, overlay = opened(built(rules)), Overlay(over)
    plain, plain_overlay = RuleTable(rules), RuleTable(over)
    assert (native.names, overlay.entries) == (len(plain), len(plain_overlay))
    for name in EVERY_NAME:
        wire = wire_of(name)
        for pair, asked in product(((overlay, plain_overlay), (None, None)), (False, True)):
            found = snapshot.match_wire(native, pair[0], KEY, wire, active, of_parent=asked)
            expected = snapshot_reference.match_name(plain, pair[1], KEY, wire, active, of_parent=asked)
            assert shown(found) == shown(expected), name


def test_an_order_for_the_name_alone_and_one_for_all_below_it() -> None:
    """The wider rule is the one shown, whichever table it stands in: NXDOMAIN is right then."""
    value = fingerprint.fingerprint_name(KEY, "a")
    exact, subtree = [(value, MANDATORY_TARGET, 0, 0)], [(value, MANDATORY_TARGET, 1, 0)]
    for base, over in ((exact, subtree), (subtree, exact), (exact + subtree, [])):
        found = snapshot.match_wire(opened(built(base)), Overlay(over), KEY, wire_of("a"), b"")
        expected = snapshot_reference.match_name(RuleTable(base), RuleTable(over), KEY, wire_of("a"), b"")
        assert found.mandatory == expected.mandatory == ((0, 1, 0),)


@given(st.lists(name_rules, max_size=30), st.lists(name_rules, max_size=8))
@settings(deadline=None)
def test_origin_is_the_rule_that_gave_the_class(rules: list[RawRule], over: list[RawRule]) -> None:
    native, overlay = opened(built(rules)), Overlay(over)
    plain, plain_overlay = RuleTable(rules), RuleTable(over)
    matcher = ReferenceMatcher(plain, plain_overlay, KEY, b"")
    for name in EVERY_NAME:
        wire = wire_of(name)
        bits = snapshot.match_wire(native, overlay, KEY, wire, b"").bits
        of_parent = snapshot.match_wire(native, overlay, KEY, wire, b"", of_parent=True).bits
        values = fingerprint.suffix_fingerprints(KEY, wire)
        for bit in (0, 1, 7, 8, 63, 64, 511):
            origin = snapshot.origin_of_class(native, overlay, KEY, wire, bit)
            assert (origin is not None) == (bit in bits)
            assert origin is not None or bit not in of_parent
            if origin is not None:
                assert matcher.origin_of_name(wire, bit) == origin
                nodes = [table.find(values[origin[0]]) for table in (plain, plain_overlay)]
                scope = Scope(origin[1])
                assert any(node is not None and bit in node.blocked(scope).bits for node in nodes)


@st.composite
def address_rules(draw: st.DrawFn) -> tuple[list[RawRule], list[int], list[int]]:
    """Rules on prefixes of two addresses, and the prefix lengths in use."""
    rules: list[RawRule] = []
    lengths: dict[int, list[int]] = {4: [], 6: []}
    for _ in range(draw(st.integers(0, 12))):
        family = draw(families)
        address = draw(st.sampled_from([bytes(16), b"\xff" * 16]))[: 4 if family == 4 else 16]
        length = draw(st.integers(0, 8 * len(address)))
        value = fingerprint_reference.prefix_fingerprint(KEY, family, length, address)
        rules.append((value, draw(targets), 1, draw(actions)))
        lengths[family].append(length)
    return rules, sorted(set(lengths[4])), sorted(set(lengths[6]))


@given(address_rules(), address_rules(), active_sets)
@settings(deadline=None, max_examples=examples(50))
def test_match_of_addresses(
    base: tuple[list[RawRule], list[int], list[int]],
    over: tuple[list[RawRule], list[int], list[int]],
    active: bytes,
) -> None:
    native, overlay = opened(built(*base)), Overlay(*over)
    matcher = ReferenceMatcher(RuleTable(*base), RuleTable(*over), KEY, active)
    for size in (4, 16):
        for address in (bytes(size), b"\xff" * size, b"\xff" * (size - 1) + b"\xf0", b"\x0f" * size):
            found = snapshot.match_packed(native, overlay, KEY, address, active)
            expected = snapshot_reference.match_address(
                RuleTable(*base), RuleTable(*over), KEY, address, active
            )
            assert shown(found) == shown(expected)
            for bit in (0, 511):
                origin = snapshot.origin_of_address_class(native, overlay, KEY, address, bit)
                assert (origin is not None) == (bit in found.bits)
                if origin is not None:
                    assert matcher.origin_of_address(address, bit) == origin


@given(st.lists(name_rules, max_size=40))
@settings(deadline=None, max_examples=examples(10))
def test_the_file_reads_the_same_on_both(rules: list[RawRule]) -> None:
    content = built(rules)
    native, read, plain = opened(content), SnapshotTable(content, KEY), RuleTable(rules)
    assert native.meta == read.meta
    assert (native.names, native.built_at_revision, native.built_at) == (read.header.used, 7, 1_700_000_000)
    for value in {rule[0] for rule in rules} | {bytes(16), b"\xff" * 16}:
        assert read.find(value) == plain.find(value)
        assert snapshot.contains(native, value) == (plain.find(value) is not None)


@given(
    st.lists(st.tuples(st.binary(min_size=16, max_size=16), targets, scopes, actions), max_size=200),
    st.integers(0, 255),
)
@settings(deadline=None, max_examples=examples(10))
def test_crowded_places_are_found(rules: list[RawRule], top: int) -> None:
    """Fingerprints that all begin alike stand far from their homes."""
    crowded = [
        (value[:5] + bytes([top] * 3) + value[8:], target, scope, action)
        for value, target, scope, action in rules
    ]
    plain = RuleTable(crowded)
    content = built(crowded)
    native, read = opened(content), SnapshotTable(content, KEY)
    for value in (rule[0] for rule in crowded):
        assert snapshot.contains(native, value)
        assert read.find(value) == plain.find(value)


def test_more_ids_than_a_match_holds() -> None:
    value = fingerprint.fingerprint_name(KEY, "a")
    rules = [(value, MANDATORY_TARGET + number, 1, 0) for number in range(40)]
    native = opened(built(rules))
    for active in (b"", b"\1" * 31 + b"\0" * 9, b"\1" * 32 + b"\0" * 8, b"\1" * 33 + b"\0" * 7):
        found = snapshot.match_wire(native, None, KEY, wire_of("x.a"), active)
        expected = snapshot_reference.match_name(RuleTable(rules), None, KEY, wire_of("x.a"), active)
        assert shown(found) == shown(expected)
        assert found.overflow == (active == b"" or active.count(1) > 32)


@pytest.mark.parametrize("module", [fingerprint, snapshot])
def test_the_native_module_is_what_was_compared(module: object) -> None:
    assert str(getattr(module, "__file__", "")).endswith(".so")
