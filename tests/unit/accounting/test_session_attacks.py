"""Packets that are sent to take an address, or to keep one, that is not theirs to take."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.worlds.sessions import (
    DISCONNECT,
    INTERIM,
    ON,
    START,
    STOP,
    Clock,
    Receiver,
    network,
    wide,
)

X, Z = "192.0.2.1", "192.0.2.3"
MOST_OF_CLIENT = 16_384
"""NASes, as ``accounting/evidence.pxd`` has it"""


@pytest.mark.parametrize("kind", [STOP, DISCONNECT])
@pytest.mark.parametrize("ago", [60, 3600])
def test_a_recorded_end_without_a_session_ends_nothing_newer(kind: int, ago: int) -> None:
    """Seen: the bytes of an old Disconnect, sent again, took an address from whoever had it then."""
    net = network()
    net.register(ana=7)
    net.clock.now += ago
    net.tell(START, "a", "ana", [X])
    net.tell(kind, "", "", [X], ago=ago)
    net.tell(kind, "", "ana", [], ago=ago)
    assert net.line(X) == 7
    net.tell(kind, "", "", [X])
    assert net.line(X) is None


def test_a_recorded_disconnect_of_a_session_ends_nothing_newer() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 600
    net.tell(INTERIM, "a", "ana", [X])
    net.tell(DISCONNECT, "a", "ana", [X], ago=300)
    assert net.line(X) == 7
    net.tell(DISCONNECT, "a", "ana", [X])
    assert net.line(X) is None


def test_an_end_without_a_session_is_of_its_own_client_alone() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X], nas="sur")
    net.clock.now += 10
    net.tell(STOP, "", "ana", [], nas="norte")
    net.tell(DISCONNECT, "", "", [X], nas="norte")
    assert net.line(X) == 7


def test_a_client_has_room_for_so_many_nases_and_takes_none_from_others() -> None:
    """Seen: 65,535 made-up names of one BRAS, and others could not begin anew; two of them counted as one."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "s", "luis", [Z], nas="sur")
    made_up = hashlib.blake2b(b"norte", digest_size=2).digest()
    for number in range(MOST_OF_CLIENT + 2):
        nas = number.to_bytes(6, "little") + made_up + bytes(8)
        net.give(STOP, nas=nas)
    assert net.table.clock_states().known == MOST_OF_CLIENT + 1
    net.tell(ON, "", "", [], nas="sur")
    assert net.line(Z) is None
    without = [number.to_bytes(6, "little") + made_up + bytes(8) for number in (90_000, 90_001)]
    net.give(START, nas=without[0], session="a", subscriber="ana", addresses=[X])
    net.clock.now += 6
    net.give(START, nas=without[1], session="b", subscriber="luis", addresses=[X], ago=10)
    assert net.line(X) is None, "nothing is known of their clocks"
    assert net.table.clock_states().without_place == 4


def test_while_sessions_are_lost_receivers_hear_of_ends_that_the_table_cannot_know(tmp_path: Path) -> None:
    """Seen: for `accounting.settle` a stranger had the profile of the line that had the address before."""
    receiver, clock = Receiver(), Clock()
    addresses = [f"192.0.2.{number}" for number in range(1, 9)]
    before = network(tmp_path / "live", clock)
    before.register(ana=7)
    for number, address in enumerate(addresses):
        before.tell(START, str(number), "ana", [address])
    receiver.follow(before.table, clock.now)
    before.table.close()
    (tmp_path / "live").write_bytes(bytes(4096))
    clock.now += 10
    net = network(tmp_path / "live", clock, expected=True)
    net.register(ana=7, luis=8)
    assert net.table.unsettled
    receiver.sequence = net.table.sequence  # it keeps what it had
    net.tell(START, "x", "nobody", addresses[:1])
    net.tell(STOP, "1", "ana", addresses[1:2])
    net.tell(STOP, "", "", addresses[2:3])
    net.put("p", "nobody", addresses[3:4], lasts=60)
    net.tell(START, "y", "luis", addresses[4:5], nas="norte")
    net.tell(START, "z", "ana", addresses[5:6], nas="sur")
    net.tell(START, "v", "nobody", addresses[5:6], nas="norte")
    receiver.follow(net.table, clock.now)
    found = {place[0]: line for place, line in receiver.at(clock.now).items()}
    assert [found.get(wide(each)) for each in addresses] == [None, None, None, None, 8, None, 7, 7]
