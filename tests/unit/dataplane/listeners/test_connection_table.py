"""The table of connections against a plain list of them, and the deadlines of its wheel."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from filterd.dataplane.listeners.connection_table import (
    SLOT,
    WAITING_PER_PREFIX,
    ConnectionEnding,
    ConnectionLimits,
    ConnectionTable,
    Prefix,
)
from filterd.dataplane.packet.unwrap import client_bytes
from tests.worlds.examples import examples

CLIENTS = [client_bytes(each) for each in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:ff::1")]
"""the last two are one client"""


class Fake:
    """A connection that does what it is told."""

    def __init__(self, table: ConnectionTable) -> None:
        self.table = table
        self.slot = -1
        self.prefix: Prefix | None = None
        self.due = 1e9
        self.ending: ConnectionEnding | None = ConnectionEnding.IDLE
        self.why: ConnectionEnding | None = None
        self.turns = 0

    def deadline(self) -> tuple[float, ConnectionEnding | None]:
        return self.due, self.ending

    def resume(self) -> None:
        self.turns += 1

    def cut(self, ending: ConnectionEnding) -> None:
        assert self.why is None, "cut twice"
        self.why = ending
        self.table.leave(self, ending)


class TableMachine(RuleBasedStateMachine):
    """``idle`` holds the idle ones, longest first; ``held`` all."""

    @initialize(connections=st.integers(1, 6), per_prefix=st.integers(1, 3))
    def begin(self, connections: int, per_prefix: int) -> None:
        self.table = ConnectionTable(ConnectionLimits(connections=connections, per_prefix=per_prefix))
        self.held: list[Fake] = []
        self.idle: list[Fake] = []
        self.ended: Counter[ConnectionEnding] = Counter()

    def over(self, connection: Fake, ending: ConnectionEnding) -> None:
        self.held.remove(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self.ended[ending] += 1

    @rule(client=st.sampled_from(CLIENTS))
    def comes(self, client: bytes) -> None:
        limits = self.table.limits
        if len(self.held) >= limits.connections:
            if not self.idle:
                assert not self.table.has_room()
                self.ended[ConnectionEnding.FULL] += 1
                return
            self.over(self.idle[0], ConnectionEnding.MADE_ROOM)
        assert self.table.has_room()
        new = Fake(self.table)
        self.table.join(new)
        self.held.append(new)
        self.idle.append(new)
        number = limits.prefix_of(client)
        same = [each for each in self.held if each.prefix and each.prefix.number == number]
        resting = [each for each in self.idle if each in same]
        if len(same) >= limits.per_prefix:
            if not resting:
                assert not self.table.claim(new, client)
                new.cut(ConnectionEnding.PREFIX_FULL)
                self.over(new, ConnectionEnding.PREFIX_FULL)
                return
            self.over(resting[0], ConnectionEnding.MADE_ROOM)
        assert self.table.claim(new, client)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def rests(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(self.held))
        self.table.mark_idle(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self.idle.append(connection)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def is_busy(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(self.held))
        self.table.mark_busy(connection)
        if connection in self.idle:
            self.idle.remove(connection)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(self.held))
        self.table.leave(connection, ConnectionEnding.CLIENT)
        self.over(connection, ConnectionEnding.CLIENT)
        for late in (self.table.mark_idle, self.table.mark_busy):
            late(connection)
        self.table.leave(connection, ConnectionEnding.LOST)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def is_overdue(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(self.held))
        connection.due = 0.0
        self.table.change(self.table.limits)
        self.table.cut_overdue(1000.0)
        assert connection.why is ConnectionEnding.IDLE
        self.over(connection, ConnectionEnding.IDLE)

    @invariant()
    def the_same(self) -> None:
        if hasattr(self, "table"):
            assert list(self.table) == self.held
            assert self.table.ended == self.ended
            assert all(each.why is None for each in self.held)
            assert len(self.table) <= self.table.limits.connections

    def teardown(self) -> None:
        """Nothing is kept of those who left."""
        if hasattr(self, "table"):
            for each in tuple(self.held):
                self.table.leave(each, ConnectionEnding.CLIENT)
            assert not (self.table._idle or self.table._prefixes or self.table._wheel)


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=examples(20), stateful_step_count=40, deadline=None)


def test_a_deadline_is_noticed_within_a_slot_and_never_early() -> None:
    table = ConnectionTable(ConnectionLimits())
    one, waits = Fake(table), Fake(table)
    one.due, waits.due, waits.ending = 100.1, 100.1, None
    for each in (one, waits):
        table.join(each)
    table.cut_overdue(100.0)
    assert len(table) == 2
    one.due = 100.6  # something happened meanwhile: nobody told the table
    table.cut_overdue(100.1 + SLOT)
    assert len(table) == 2
    table.cut_overdue(100.6 + SLOT)
    assert (one.why, list(table)) == (ConnectionEnding.IDLE, [waits])
    for step in range(100):
        waits.due = 100.1  # it names no reason: looked at again and again
        table.cut_overdue(101.0 + step * SLOT)
    assert list(table) == [waits]


def test_queries_that_wait_are_counted_until_answered_whoever_asked_is_gone() -> None:
    table = ConnectionTable(ConnectionLimits())
    one, other, stranger = Fake(table), Fake(table), Fake(table)
    for each, client in ((one, CLIENTS[2]), (other, CLIENTS[3]), (stranger, CLIENTS[0])):
        table.join(each)
        assert table.claim(each, client)
    for _ in range(WAITING_PER_PREFIX):
        table.wait(one)
    assert not table.may_wait(other), "one client"
    assert table.may_wait(stranger)
    one.cut(ConnectionEnding.LOST)
    assert not table.may_wait(other)
    table.queue_up(other)
    table.answered(one)
    assert (other.turns, table.may_wait(other)) == (1, True)
    table.answered(one)
    assert other.turns == 1, "its turn came once"
    other.cut(ConnectionEnding.CLIENT)
    for _ in range(WAITING_PER_PREFIX - 2):
        table.answered(one)
    assert list(table._prefixes.values()) == [stranger.prefix]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8:0:ff::1", True),
        ("2001:db8::1", "2001:db8:0:100::1", False),
        ("192.0.2.1", "::", False),
    ],
)
def test_a_client_is_an_address_or_a_prefix(one: str, other: str, same: bool) -> None:
    found = [ConnectionLimits().prefix_of(client_bytes(str(ip_address(each)))) for each in (one, other)]
    assert (found[0] == found[1]) == same
