"""The tables by example, and what they say to bad input."""

from __future__ import annotations

import ipaddress

import pytest

from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.dump import DamagedDumpError, TableError
from filterd.dataplane.tables.lines import Lines
from filterd.model.rule import Action, Scope
from filterd.policy.decide import LineHandle

SEED = bytes(range(16))


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def addresses(*prefixes: tuple[str, int]) -> Addresses:
    table = Addresses(SEED)
    for text, line in prefixes:
        net = ipaddress.ip_network(text)
        assert table.set(net.network_address.packed, net.prefixlen, line)
    return table


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("192.0.2.9", 3),
        ("192.0.2.10", 2),
        ("192.0.3.1", 1),
        ("198.51.100.1", None),
        ("2001:db8:1:2::9", 5),
        ("2001:db8:1:3::9", 4),
        ("2001:db9::1", None),
        ("::ffff:192.0.2.9", 3),
    ],
)
def test_the_longest_prefix_wins(address: str, line: int | None) -> None:
    table = addresses(
        ("192.0.0.0/16", 1),
        ("192.0.2.0/24", 2),
        ("192.0.2.9/32", 3),
        ("2001:db8:1::/48", 4),
        ("2001:db8:1:2::/64", 5),
    )
    assert table.find(packed(address)) == line


def test_ipv4_and_ipv6_default_routes_do_not_meet() -> None:
    table = addresses(("::/0", 6))
    assert table.find(packed("192.0.2.1")) is None
    assert table.find(packed("::ffff:192.0.2.1")) is None
    assert table.set(packed("0.0.0.0"), 0, 4)
    assert table.find(packed("192.0.2.1")) == 4
    assert table.find(packed("::1")) == 6


def test_taking_a_prefix_away_uncovers_the_shorter_one() -> None:
    table = addresses(("192.0.2.0/24", 2), ("192.0.2.9/32", 3))
    assert table.remove(packed("192.0.2.9"), 32)
    assert not table.remove(packed("192.0.2.9"), 32)
    assert table.find(packed("192.0.2.9")) == 2
    assert table.get(packed("192.0.2.9"), 32) is None
    assert len(table) == 1


def test_setting_again_changes_the_line() -> None:
    table = addresses(("192.0.2.9/32", 3))
    assert not table.set(packed("192.0.2.9"), 32, 8)
    assert table.find(packed("192.0.2.9")) == 8


@pytest.mark.parametrize(
    ("address", "length"), [(b"abc", 8), (bytes(4), 33), (bytes(16), 129), (bytes(4), -1)]
)
def test_what_is_no_prefix_is_refused(address: bytes, length: int) -> None:
    with pytest.raises(TableError):
        Addresses(SEED).set(address, length, 1)


def test_bits_behind_the_length_are_refused_with_the_prefix_named() -> None:
    with pytest.raises(TableError, match=r"192\.0\.2\.9/24"):
        Addresses(SEED).set(packed("192.0.2.9"), 24, 1)


def test_an_address_of_wrong_size_is_refused() -> None:
    with pytest.raises(TableError):
        Addresses(SEED).find(b"abc")
    with pytest.raises(TableError):
        Addresses(b"short")
    with pytest.raises(TableError):
        Lines(b"short")


def test_an_acl_holds_what_it_was_given() -> None:
    acl = Prefixes(SEED, ["127.0.0.0/8", "::1/128", "10.0.0.0/8"])
    assert len(acl) == 3
    assert packed("127.9.9.9") in acl
    assert packed("::ffff:10.1.1.1") in acl
    assert packed("::1") in acl
    assert packed("::2") not in acl
    assert packed("192.0.2.1") not in acl
    assert packed("192.0.2.1") not in Prefixes(SEED, [])


def test_a_line_is_kept_whole_and_replaced_whole() -> None:
    lines = Lines(SEED)
    rule = (bytes(15) + b"\x04", Action.ALLOW, Scope.EXACT)
    line = LineHandle(7, policy=2, opted_in=True, paused_until=99, security_left=True, own_names=[rule])
    assert lines.upsert(line)
    kept = lines.find(7)
    assert kept is not None
    assert kept[:5] == (7, 2, 99, True, True)
    assert len(kept.own) == 16
    assert not lines.upsert(LineHandle(7))
    assert lines.find(7) == (7, 0, 0, False, False, b"")
    assert lines.numbers() == [7]


def test_a_handle_is_a_copy() -> None:
    lines = Lines(SEED)
    lines.upsert(LineHandle(7, own_names=[(bytes(16), Action.BLOCK, Scope.SUBTREE)]))
    handle = lines.handle(7)
    assert handle is not None
    lines.remove(7)
    lines.upsert(handle)
    kept = lines.find(7)
    assert kept is not None
    assert kept.own == bytes(16)
    assert lines.handle(8) is None


def test_a_removed_line_leaves_its_place_to_the_next() -> None:
    lines = Lines(SEED)
    for number in range(100):
        lines.upsert(LineHandle(number))
    full = lines.memory
    for turn in range(50):
        assert lines.remove(turn)
        assert not lines.remove(turn)
        lines.upsert(LineHandle(1000 + turn))
    assert lines.memory == full
    assert len(lines) == 100


def test_a_line_takes_at_most_200_bytes_with_two_addresses() -> None:
    lines, table = Lines(SEED), Addresses(SEED)
    for number in range(50_000):
        lines.upsert(LineHandle(number, opted_in=True))
        table.set((0x0A000000 + number).to_bytes(4), 32, number)
        table.set((0x20010DB8 << 96 | number << 72).to_bytes(16), 56, number)
    assert (lines.memory + table.memory) / len(lines) <= 200


def test_own_names_take_16_bytes_each() -> None:
    lines = Lines(SEED)
    lines.upsert(LineHandle(1, own_names=[(bytes(16), Action.BLOCK, Scope.SUBTREE)]))
    before = lines.memory
    names = [(bytes([at]) * 16, Action.BLOCK, Scope.SUBTREE) for at in range(101)]
    lines.upsert(LineHandle(1, own_names=names))
    assert lines.memory - before == 100 * 16


def filled() -> tuple[Lines, Addresses]:
    lines = Lines(SEED)
    for number in range(20):
        names = [(bytes([at]) * 16, Action.BLOCK, Scope.SUBTREE) for at in range(number % 3)]
        lines.upsert(LineHandle(number, own_names=names))
    return lines, addresses(("192.0.2.0/24", 2), ("2001:db8::/56", 3))


def test_a_dump_is_refused_when_any_byte_is_altered_or_missing() -> None:
    lines, table = filled()
    for dump, load in ((lines.dump(), Lines.load), (table.dump(), Addresses.load)):
        for place in range(len(dump)):
            damaged = bytearray(dump)
            damaged[place] ^= 1
            with pytest.raises(DamagedDumpError):
                load(bytes(damaged))
            with pytest.raises(DamagedDumpError):
                load(dump[:place])
        with pytest.raises(DamagedDumpError):
            load(dump + b"\0")


def test_a_dump_of_another_table_is_refused() -> None:
    lines, table = filled()
    with pytest.raises(DamagedDumpError, match="kind"):
        Addresses.load(lines.dump())
    with pytest.raises(DamagedDumpError, match="kind"):
        Lines.load(table.dump())


def test_a_dump_loads_from_any_place_in_memory() -> None:
    lines, table = filled()
    for shift in range(1, 8):
        again = Lines.load(memoryview(bytes(shift) + lines.dump())[shift:])
        assert [again.find(n) for n in range(20)] == [lines.find(n) for n in range(20)]
        loaded = Addresses.load(memoryview(bytes(shift) + table.dump())[shift:])
        assert sorted(loaded.items()) == sorted(table.items())
