"""The builder: what it refuses, what it merges, and that the order of lists does not matter."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.policy.build import MANDATORY_TARGET, Builder, BuildError
from filterd.policy.canonical import CanonicalError, parse_line, wire_of
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.snapshot import Overlay, Snapshot, match_packed, match_wire
from filterd.policy.snapshot_reference import SnapshotTable
from tests.worlds.examples import examples

KEY = b"k" * 16


def finished(builder: Builder) -> bytes:
    return b"".join(builder.finish({"lists": []}, 1, 2, bytes(32)))


def opened(builder: Builder) -> Snapshot:
    content = finished(builder)
    return Snapshot.read(io.BytesIO(content), len(content), KEY)


def bits(snapshot: Snapshot, name: str) -> frozenset[int]:
    return match_wire(snapshot, None, KEY, wire_of(name), b"").bits


lines = st.one_of(
    st.binary(max_size=12),
    st.from_regex(
        rb"(?:[a-z0-9\\@. ]{1,6}\.?){0,4}(?: exact| below| allow| exact allow| block)?", fullmatch=True
    ),
    st.sampled_from(
        [b"@192.0.2.0/24", b"@192.0.2.1/24", b".", b"x" * 63, b"x" * 64, b"\\000", b"\\097", b"a\\"]
    ),
    st.integers(120, 132).map(lambda count: b".".join([b"a"] * count)),
).filter(lambda line: b"\n" not in line)


@given(lines)
@settings(deadline=None, max_examples=examples(200))
def test_a_line_is_read_as_by_the_readable_parser(line: bytes) -> None:
    builder = Builder(KEY)
    builder.begin_list([9])
    try:
        parse_line(line)
    except CanonicalError:
        with pytest.raises(CanonicalError, match="line 1 is no canonical rule"):
            builder.add_run(line + b"\n")
    else:
        assert builder.add_run(line + b"\n") == 1


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (b"b.test\na.test\n", 2),
        (b"a.test\nb.test\nb.test\n", 3),
        (b"a.test allow\na.test\n", 2),
        (b"\n", 1),
        (b"a.test\n\n", 2),
        (b"a.test\nB.test\n", 2),
        (b"a.test\nb.test", 1),
        (b"a.test\r\n", 1),
    ],
)
def test_a_bad_run_is_refused_with_its_line(run: bytes, line: int) -> None:
    builder = Builder(KEY)
    builder.begin_list([1])
    with pytest.raises(CanonicalError, match=f"^line {line} "):
        builder.add_run(run)


def test_order_and_line_numbers_go_on_over_runs() -> None:
    builder = Builder(KEY)
    builder.begin_list([1])
    assert builder.add_run(b"a.test\nm.test\n") == 2
    assert builder.add_run(b"") == 0
    assert builder.add_run(memoryview(b"n.test\n")) == 1
    with pytest.raises(CanonicalError, match=r"^line 4 .*out of order: b'm\.test'"):
        builder.add_run(bytearray(b"m.test\n"))


def test_each_list_has_its_own_order() -> None:
    builder = Builder(KEY)
    for bit in (5, 6):
        builder.begin_list([bit])
        builder.add_run(b"a.test\nb.test\n")
    assert bits(opened(builder), "www.a.test") == {5, 6}


def test_a_list_may_fill_several_classes() -> None:
    builder = Builder(KEY)
    builder.begin_list([5, 6, MANDATORY_TARGET + 2])
    builder.add_run(b"@2001:db8::/32\na.test\n")
    snapshot = opened(builder)
    assert bits(snapshot, "a.test") == {5, 6}
    found = match_packed(snapshot, None, KEY, b"\x20\x01\x0d\xb8" + bytes(12), b"")
    assert found.bits == {5, 6}
    assert found.mandatory == ((2, 1, 32),)


def test_the_order_of_the_lists_does_not_matter() -> None:
    first, second = Builder(KEY), Builder(KEY)
    lists = [([1], b"a.test\nb.test\n"), ([2], b"b.test\nc.test\n"), ([MANDATORY_TARGET], b"b.test exact\n")]
    for builder, order in ((first, lists), (second, lists[::-1])):
        for targets, text in order:
            builder.begin_list(targets)
            builder.add_run(text)
    assert finished(first) == finished(second)


def test_sets_and_entries_are_interned() -> None:
    builder = Builder(KEY)
    for bit in (1, 2):
        builder.begin_list([bit])
        builder.add_run("".join(f"{n:05}.test\n" for n in range(5000)).encode())
    table = SnapshotTable(finished(builder), KEY)
    assert (table.header.used, table.header.entries_count, table.header.sets_count) == (5000, 1, 2)


def test_many_names_of_many_lists() -> None:
    """Enough names that the table grows beyond its least size, each found again with its own lists."""
    builder = Builder(KEY)
    for bit in range(8, 16):
        builder.begin_list([bit])
        builder.add_run(b"".join(b"n%07d.test\n" % n for n in range(0, 120_000, bit - 6)))
    snapshot = opened(builder)
    assert snapshot.names == len({n for step in range(2, 10) for n in range(0, 120_000, step)})
    assert snapshot.size < 16.5 * snapshot.names
    for n in range(0, 120_000, 997):
        assert bits(snapshot, f"n{n:07}.test") == {bit for bit in range(8, 16) if n % (bit - 6) == 0}


def test_one_name_in_thousands_of_orders() -> None:
    builder = Builder(KEY)
    for number in range(3000):
        builder.begin_list([MANDATORY_TARGET + 256 + number])
        builder.add_run(b"a.test\n")
    snapshot = opened(builder)
    active = bytearray(256 + 3000)
    active[256 + 2999] = 1
    assert match_wire(snapshot, None, KEY, wire_of("a.test"), bytes(active)).mandatory == ((3255, 1, 0),)


def test_fingerprints_that_are_not_spread() -> None:
    builder = Builder(KEY)
    for low in range(300):
        builder.add_fingerprint(bytes(8) + struct.pack("<Q", low), 1, 1, 0)
    with pytest.raises(BuildError, match="not spread"):
        finished(builder)


def test_what_no_table_holds() -> None:
    builder = Builder(KEY)
    value = fingerprint_name(KEY, "a.test")
    with pytest.raises(BuildError, match="scope 1, action 2"):
        builder.add_fingerprint(value, 1, 1, 2)
    with pytest.raises(BuildError, match="scope 3, action 0"):
        builder.add_fingerprint(value, 1, 3, 0)
    with pytest.raises(BuildError, match="target -1"):
        builder.add_fingerprint(value, -1, 1, 0)
    with pytest.raises(BuildError, match="target 4294967296"):
        builder.begin_list([1 << 32])
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        builder.add_fingerprint(b"abc", 1, 1, 0)
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        Builder(b"key")


def test_a_list_begins_before_its_lines() -> None:
    with pytest.raises(BuildError, match="begin_list comes first"):
        Builder(KEY).add_run(b"a.test\n")


def test_a_builder_is_used_once() -> None:
    builder = Builder(KEY)
    builder.begin_list([1])
    finished(builder)
    with pytest.raises(BuildError, match="finished"):
        finished(builder)
    with pytest.raises(BuildError, match="finished"):
        builder.add_run(b"a.test\n")


def test_an_empty_snapshot() -> None:
    snapshot = opened(Builder(KEY))
    assert snapshot.names == 0
    assert bits(snapshot, "a.test") == frozenset()


def test_an_empty_overlay() -> None:
    overlay = Overlay()
    assert overlay.entries == 0
    assert match_wire(opened(Builder(KEY)), overlay, KEY, b"\0", b"").mandatory == ()


def test_prefix_lengths_are_checked() -> None:
    with pytest.raises(ValueError, match="address prefix lengths"):
        Overlay((), [33], ())


def test_an_overlay_outlives_its_rules() -> None:
    overlays = [
        Overlay([(fingerprint_name(KEY, "a.test"), MANDATORY_TARGET + number, 1, 0)]) for number in range(20)
    ]
    snapshot = opened(Builder(KEY))
    for number, overlay in enumerate(overlays):
        assert match_wire(snapshot, overlay, KEY, wire_of("a.test"), b"").mandatory == ((number, 1, 0),)
