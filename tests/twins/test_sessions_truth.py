"""The table of sessions against a network whose truth is known.

The network gives addresses to lines and takes them back. Its messages are lost, sent again, doubled, late and
out of order, and the clocks of its NASes are wrong: in troubled times they make steps of an hour, and single
messages are stamped up to a day ahead. An address leads to a line that no longer has it only while the Stop
and the next Start are both on their way. The shares of right, unknown and wrong are printed.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.accounting.sessions import Sessions
from tests.worlds.examples import examples
from tests.worlds.sessions import (
    INTERIM,
    KEY,
    STALE_AFTER,
    START,
    STOP,
    Clock,
    Network,
    fingerprint,
    wide,
)

NASES = {"bng-1": 0, "bng-2": -47, "bng-3": 3600}
"""seconds by which its clock is ahead"""
LINES, POOL, INTERVAL = 40, 12, 600
"""a pool of addresses for each NAS"""
STEPS, LIES = 0.005, 0.02
"""of troubled times: chance that a clock makes a step with an event, and that the stamp of a message lies"""


@dataclass(order=True)
class Sent:
    """A message on its way."""

    arrival: float
    number: int
    kind: int = field(compare=False)
    session: str = field(compare=False)
    line: int = field(compare=False)
    address: str = field(compare=False)
    nas: str = field(compare=False)
    at: float = field(compare=False)
    stamp: int = field(compare=False)


@dataclass
class World:
    """The provider's network: who has which address, and what is on its way."""

    chance: random.Random
    loss: float
    troubled: bool = False
    clocks: dict[str, int] = field(default_factory=lambda: dict(NASES))
    owner: dict[str, tuple[int, str]] = field(default_factory=dict)
    on_the_way: list[Sent] = field(default_factory=list)
    number: int = 0

    def send(self, kind: int, session: str, line: int, address: str, nas: str, now: float) -> None:
        """A message, sent until it is answered: the first may be lost, and the answer too."""
        wait, stamp = 0.0, int(now + self.clocks[nas])  # Event-Timestamp has whole seconds
        if self.troubled and self.chance.random() < LIES:
            stamp += self.chance.randrange(10, 70_000)
        for _ in range(8):
            if self.chance.random() >= self.loss:
                self.number += 1
                arrival = now + wait + self.chance.expovariate(20)
                sent = Sent(arrival, self.number, kind, session, line, address, nas, now, stamp)
                heapq.heappush(self.on_the_way, sent)
                if self.chance.random() >= self.loss / 2:
                    return
            wait += self.chance.choice([3, 5, 9])

    def step(self, now: float) -> None:
        """Somebody leaves, comes, or goes on."""
        nas = self.chance.choice(list(NASES))
        if self.troubled and self.chance.random() < STEPS:
            self.clocks[nas] += self.chance.choice([-3600, 3600])
        address = f"10.{list(NASES).index(nas)}.0.{self.chance.randrange(POOL)}"
        if address in self.owner:
            line, session = self.owner[address]
            if self.chance.random() < 0.5:
                self.send(INTERIM, session, line, address, nas, now)
                return
            del self.owner[address]
            self.send(STOP, session, line, address, nas, now)
            if self.chance.random() < 0.5:  # else the next has it in the same second
                return
        self.number += 1
        line, session = self.chance.randrange(1, LINES + 1), f"s{self.number}"
        self.owner[address] = line, session
        self.send(START, session, line, address, nas, now)


@dataclass
class Tally:
    """Moments of addresses, by what the table said of them."""

    right: int = 0
    unknown: int = 0
    free: int = 0
    wrong: int = 0
    late: int = 0
    """wrong, and the messages that would tell have not arrived"""
    contradicted: int = 0
    """of clocks that lie: what the table says, and something newer has arrived that says otherwise"""


def deliver(net: Network, sent: Sent) -> None:
    net.table.give(
        [(wide(sent.address), 128, None)],
        subscriber=fingerprint(f"line-{sent.line}"),
        session=fingerprint(sent.nas + sent.session),
        nas=fingerprint(sent.nas),
        stamp=float(sent.stamp),
        arrival=sent.arrival,
        lasts=STALE_AFTER,
        kind=sent.kind,
    )


def simulate(seed: int, loss: float, steps: int, *, troubled: bool = False) -> Tally:
    clock, chance, tally = Clock(), random.Random(seed), Tally()
    net = Network(Sessions(None, KEY, 10_000, STALE_AFTER, clock), clock)
    for line in range(1, LINES + 1):
        net.register(**{f"line-{line}": line})
    world, heard = World(chance, loss, troubled), dict[str, list[Sent]]()
    for _ in range(steps):
        clock.now += chance.expovariate(1.5)
        world.step(clock.now)
        while world.on_the_way and world.on_the_way[0].arrival <= clock.now:
            sent = heapq.heappop(world.on_the_way)
            deliver(net, sent)
            heard.setdefault(sent.address, []).append(sent)
        for address in {*world.owner, *heard}:
            judge(net, world, heard.get(address, []), address, tally)
    net.table.close()
    return tally


def judge(net: Network, world: World, heard: list[Sent], address: str, tally: Tally) -> None:
    """Count one address at this moment; no message that has arrived may contradict what the table says."""
    said, truth = net.line(address), world.owner.get(address, (None, ""))[0]
    if said is None:
        tally.unknown += truth is not None
        tally.free += truth is None
        return
    view = net.table.find(wide(address))
    assert view is not None
    others = [each for each in heard if each.line != said and each.kind != STOP]
    own = max(each.at for each in heard if each.line == said)
    newer = any(int(each.at) > int(own) for each in others)
    stopped = {stop.session for stop in heard if stop.kind == STOP}
    goes_on = any(each.line == said and each.session not in stopped for each in heard)
    if world.troubled:  # by a stamp that lies, or a clock that stepped, the newer may count as the older
        tally.contradicted += newer or not goes_on
    else:
        assert not newer, "newer evidence of another line has arrived"
        assert goes_on, "the Stop of each of its sessions has arrived"
    if said == truth:
        tally.right += 1
        return
    tally.wrong += 1
    last = max((each for each in heard if each.line == said), key=lambda each: each.at)
    missing = [each for each in world.on_the_way if each.address == address and each.at >= last.at]
    tally.late += bool(missing)


@settings(max_examples=examples(10), deadline=None)
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.05, 0.3]), troubled=st.booleans())
def test_nothing_that_has_arrived_is_contradicted(seed: int, loss: float, troubled: bool) -> None:
    tally = simulate(seed, loss, 150, troubled=troubled)
    assert tally.right > 0
    if loss == 0 and not troubled:
        assert tally.wrong == tally.late


@pytest.mark.parametrize("troubled", [False, True], ids=["good clocks", "steps and lies"])
@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1, 0.3])
def test_shares_of_right_unknown_and_wrong(
    loss: float, troubled: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong is an address whose Stop and next Start have both not arrived."""
    tally = simulate(15, loss, 600, troubled=troubled)
    said = {"right": tally.right, "unknown": tally.unknown, "wrong": tally.wrong}
    shares = ", ".join(f"{name} {100 * value / sum(said.values()):.2f} %" for name, value in said.items())
    with capsys.disabled():
        print(f"\nsessions, {loss:.0%} of messages lost{', steps and lies' * troubled}: {shares}")
    assert tally.right > tally.unknown + tally.wrong
    assert tally.contradicted * 50 < sum(said.values()), "clocks that lie were believed too often"
