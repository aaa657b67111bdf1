"""Entries that end: sessions in the tables of addresses, and the frames that bring them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses, network
from filterd.dataplane.tables.dump import TableError
from filterd.model.session import SessionSource
from filterd.wire.session_stream import EntryTable, SessionEntry
from tests.worlds.rate import wide

KEY = bytes(range(16))
ADDRESS = wide("192.0.2.1")


def entry(address: bytes = ADDRESS, length: int = 128, line: int = 7, left: int = 60) -> SessionEntry:
    return SessionEntry(address, length, line, left, source=SessionSource.RADIUS)


def test_an_entry_ends_at_its_deadline() -> None:
    table = Addresses(KEY)
    table.set(ADDRESS, 128, 7, 100, SessionSource.LEASE)
    assert table.find(ADDRESS, 99) == 7
    assert table.find(ADDRESS, 100) is None
    assert table.find(ADDRESS) == 7, "time 0 ends nothing"
    assert table.find_session(ADDRESS, 40) == (7, SessionSource.LEASE, 60)
    assert table.find_session(ADDRESS, 100) is None
    table.set(ADDRESS, 128, 7)
    assert table.find(ADDRESS, 1 << 40) == 7
    assert table.find_session(ADDRESS, 5) == (7, 0, None)


def test_behind_an_entry_that_has_ended_the_shorter_prefix_holds() -> None:
    table = Addresses(KEY)
    table.set(ADDRESS[12:], 32, 7, 100)
    table.set(bytes([192, 0, 2, 0]), 24, 8, 200)
    assert [table.find(ADDRESS, ticks) for ticks in (99, 100, 199, 200)] == [7, 8, 8, None]


def test_a_deadline_beyond_all_clocks_is_the_last_there_is() -> None:
    table = Addresses(KEY)
    table.set(ADDRESS, 128, 7, 1 << 50)
    assert table.find(ADDRESS, (1 << 32) - 2) == 7
    table.apply(entry(left=(1 << 32) - 1).to_bytes(), 1 << 20, EntryTable.ADDRESSES)
    assert table.find(ADDRESS, (1 << 32) - 2) == 7


def test_a_frame_sets_and_removes() -> None:
    table = Addresses(KEY)
    other = wide("192.0.2.2")
    ports = SessionEntry(ADDRESS[12:] + b"\x10\0" + bytes(10), 44, 9, 60, EntryTable.PORTS)
    frame = b"".join(each.to_bytes() for each in (entry(), ports, entry(other, line=8, left=5)))
    assert table.apply(frame, 1000, EntryTable.ADDRESSES) == 2
    assert (table.find(ADDRESS, 1059), table.find(ADDRESS, 1060)) == (7, None)
    assert (table.find(other, 1004), table.find(other, 1005)) == (8, None)
    assert table.apply(frame, 1000, EntryTable.PORTS) == 1
    assert table.get(ports.address, 44) == 9
    gone = b"".join(each.to_bytes() for each in (entry(line=0), entry(other, left=0)))
    assert table.apply(memoryview(gone), 1001, EntryTable.ADDRESSES) == 2
    assert len(table) == 1
    assert table.apply(b"", 1001, EntryTable.ADDRESSES) == 0


@pytest.mark.parametrize(
    "broken", [entry(length=127).to_bytes(), entry().to_bytes()[:-1], entry(length=129).to_bytes()]
)
def test_of_a_frame_that_is_none_nothing_is_taken(broken: bytes) -> None:
    table = Addresses(KEY)
    with pytest.raises(TableError):
        table.apply(entry(wide("192.0.2.2")).to_bytes() + broken, 1000, EntryTable.ADDRESSES)
    assert len(table) == 0


def test_a_large_frame_makes_the_table_grow() -> None:
    table = Addresses(KEY)
    entries = [entry(wide(f"10.0.{each >> 8}.{each & 255}"), line=each + 1) for each in range(1024)]
    assert table.apply(b"".join(each.to_bytes() for each in entries), 10, EntryTable.ADDRESSES) == 1024
    assert all(table.find(each.address, 69) == each.line for each in entries)
    assert not any(table.find(each.address, 70) for each in entries)


def test_a_dump_has_what_lasts_alone() -> None:
    table = Addresses(KEY)
    table.set(ADDRESS, 128, 7, 100)
    table.set(wide("192.0.2.2"), 128, 8)
    loaded = Addresses.load(table.dump())
    assert loaded.items() == [(wide("192.0.2.2")[12:], 32, 8)]


Step = tuple[bool, tuple[int, int, int, int]]
SMALL = st.tuples(
    st.integers(0, 3), st.integers(124, 128), st.integers(0, 4), st.sampled_from([0, 1, 2, 9, 4_294_967_295])
)


@given(st.lists(st.tuples(st.booleans(), SMALL), max_size=40), st.integers(0, 20))
def test_native_and_plain_say_the_same(
    steps: list[tuple[bool, tuple[int, int, int, int]]], ticks: int
) -> None:
    table, plain = Addresses(KEY), ReferenceAddresses()
    for now, (framed, (host, length, line, time)) in enumerate(steps, 1):
        address = (int.from_bytes(wide("192.0.2.0")) + host >> 128 - length << 128 - length).to_bytes(16)
        net = network(address, length)
        plain.values.pop(net, None)
        plain.until.pop(net, None)
        if framed:
            table.apply(entry(address, length, line, time).to_bytes(), now, EntryTable.ADDRESSES)
            if line and time:
                plain.values[net], plain.until[net] = line, min(now + time, (1 << 32) - 1)
        else:
            table.set(address, length, line, time)
            plain.values[net] = line
            if time:
                plain.until[net] = time
    for host in range(4):
        client = wide(f"192.0.2.{host}")
        assert table.find(client, ticks) == plain.find(client, ticks)
