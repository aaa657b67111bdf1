"""Sessions after a change of the pools: those outside end, in slices, and the others go on."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

from filterd.accounting.claimable import ClaimNetworks
from filterd.operations.sessions.protocol import ToldSession, sessions_line
from filterd.serve.sessions.narrowing import MOST, Narrowing
from tests.unit.serve.sessions.conftest import KEY, Told
from tests.worlds.sessions import wide


def put(told: Told, *sessions: tuple[str, ...]) -> None:
    line = sessions_line("put", [ToldSession(each, "S-1") for each in sessions])
    assert asyncio.run(told.commands.execute(line))["refused"] == []


def test_sessions_outside_end_and_may_come_again(told: Told) -> None:
    told.register("S-1", 1)
    put(told, ("192.0.2.7",), ("198.51.100.7",), ("2001:db8:1::/56",), ("2001:db9:1::/56",))
    put(told, ("192.0.2.9:1024-2047",), ("198.51.100.9:1000-1999",), ("198.51.100.9:2000-2999",))
    told.now += 5
    narrowing = Narrowing(told.table, KEY, told.clock)
    narrowing.turn()
    assert (narrowing.pending, told.table.counts().live) == (False, 7)
    narrowing.begin(ClaimNetworks([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]))
    while narrowing.pending:
        narrowing.turn()
    left = [wide("192.0.2.7"), wide("2001:db8:1::1")]
    gone = [wide("198.51.100.7"), wide("2001:db9:1::1")]
    assert [told.table.find(each) is not None for each in (*left, *gone)] == [True, True, False, False]
    assert told.table.find(wide("192.0.2.9"), 1500) is not None
    assert told.table.find(wide("198.51.100.9"), 1500) is None
    assert told.table.counts().live == 3
    narrowing.begin(ClaimNetworks())
    assert not narrowing.pending
    told.now += 5
    put(told, ("198.51.100.7",))
    assert told.table.find(wide("198.51.100.7")) is not None


def test_it_goes_on_in_slices_while_sessions_come_and_end(told: Told) -> None:
    inside, outside = (
        [(f"{first}.{at // 250}.{1 + at % 250}",) for at in range(3 * MOST)] for first in ("10.1", "10.2")
    )
    for at in range(0, 3 * MOST, 100):
        put(told, *inside[at : at + 100], *outside[at : at + 100])
    told.now += 5
    narrowing = Narrowing(told.table, KEY, told.clock)
    narrowing.begin(ClaimNetworks([ip_network("10.1.0.0/16")]))
    turns = 0
    while narrowing.pending:
        narrowing.turn()
        turns += 1
    assert turns >= 6 * MOST // MOST
    assert (told.table.counts().live, narrowing.ended) == (3 * MOST, 3 * MOST)
