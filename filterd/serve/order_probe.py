"""The test of an order over DNS, when it comes into force or ceases to be: the node asks for its canary.

No name of an order is ever asked for. The canary stands in the same published state as the order, under its
mandatory id: extended error 16 says that the order blocks, an address that it does not any more. The
upstreams must have an address for the name, so that nobody takes a name that does not exist for a blocked
one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from filterd.dataplane.nodestate.node import Node
from filterd.model.mandatory import order_id
from filterd.model.order_rows import number_of
from filterd.model.order_times import OrderArrival, ProbeState
from filterd.model.records import CanaryState
from filterd.policy.canary import order_canary
from filterd.serve.canary_probe import CanaryProbe, NameAsker, has_address, judge_answer, probe_of
from filterd.serve.forwarding import Forwarding
from filterd.serve.listening import Listening
from filterd.telemetry import log
from filterd.wire import codec
from filterd.wire.status import Status

LOOK_SECONDS = 0.05
AT_ONCE = 8
"""orders that are asked for at the same time"""
AGAIN_SECONDS = (0.2, 1.0, 5.0, 30.0, 300.0)
"""until a test that did not see the effect is made again; after the last of them it stands as it is. The
first one tells nothing: a thread that answers may have been asleep over the change"""
NOT_NAMED = "more than the newest orders came at once: this one has no canary name in force"
NOT_SERVED = "the upstreams have no address for its canary name: see the zone in canary.zone"
NO_LISTENER = "no listen address is served"


@dataclass(frozen=True, slots=True)
class _Seen:
    """The outcome of the newest test of an arrival."""

    state: ProbeState
    at: float
    reason: str
    tries: int


class OrderProbe:
    """Tests each order whose force changed, on the event loop."""

    def __init__(
        self,
        arrivals: Callable[[], Sequence[OrderArrival]],
        canaries: Callable[[], Mapping[int, bytes]],
        asker: NameAsker,
        zone: Callable[[], tuple[str, bytes]],
        ticks: Callable[[], float],
    ) -> None:
        """``canaries``: the mandatory ids whose canary name is blocked; ``zone``: that of the canaries, empty
        for none, and the fingerprint key; ``ticks``: seconds of the clock that the arrivals' times are of."""
        self._arrivals = arrivals
        self._canaries = canaries
        self._asker = asker
        self._zone = zone
        self._ticks = ticks
        self._seen: dict[tuple[str, float], _Seen] = {}

    async def run(self) -> None:
        """Test until cancelled."""
        while True:
            try:
                await self.turn()
            except Exception as error:
                log.get().error("a test of orders failed", **log.fault_fields(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def turn(self) -> None:
        """Test those that are due once."""
        newest = self._newest()
        self._seen = {key: each for key, each in self._seen.items() if key in set(map(_key, newest))}
        due = [each for each in newest if self._due(each)] if self._zone()[0] else []
        for start in range(0, len(due), AT_ONCE):
            await asyncio.gather(*map(self._test, due[start : start + AT_ONCE]))

    def told(self) -> tuple[OrderArrival, ...]:
        """The arrivals with what their tests saw."""
        return tuple(self._with_probe(each) for each in self._arrivals())

    def _with_probe(self, arrival: OrderArrival) -> OrderArrival:
        seen = self._seen.get(_key(arrival))
        if seen is None or not seen.state:
            return arrival
        return replace(arrival, probe=seen.state, probed_at=seen.at, reason=seen.reason)

    def _newest(self) -> list[OrderArrival]:
        """The last arrival of each order: what an order did before cannot be seen any more."""
        return [*{each.reference: each for each in self._arrivals()}.values()]

    def _due(self, arrival: OrderArrival) -> bool:
        seen = self._seen.get(_key(arrival))
        if seen is None:
            return True
        if seen.state is ProbeState.SEEN or seen.tries > len(AGAIN_SECONDS):
            return False
        return self._ticks() - seen.at >= AGAIN_SECONDS[seen.tries - 1]

    async def _test(self, arrival: OrderArrival) -> None:
        before = self._seen.get(_key(arrival))
        state, reason, at = await self._judged(arrival)
        if _key(arrival) not in set(map(_key, self._newest())):
            return  # it was changed while this was asked: the answers may be of either
        tries = 1 if before is None else before.tries + 1
        if tries == 1 and state is not ProbeState.SEEN:
            state, reason = ProbeState.NONE, ""
        self._seen[_key(arrival)] = _Seen(state, at, reason, tries)
        if state is ProbeState.CONTRARY and (before is None or before.state is not state):
            event = "an order that came or went is not seen so over DNS"
            remedy = "see: filterd order show ORDER, filterd node list"
            log.get().error(event, order=arrival.reference, reason=reason, remedy=remedy)

    async def _judged(self, arrival: OrderArrival) -> tuple[ProbeState, str, float]:
        """The judgement over all listeners, and when they had answered. One that answers otherwise decides;
        then one that could not be judged."""
        zone, key = self._zone()
        if arrival.active and order_id(number_of(arrival.reference) or 0) not in self._canaries():
            return ProbeState.UNJUDGED, NOT_NAMED, self._ticks()
        name = order_canary(arrival.reference, zone, key, confidential=arrival.confidential)
        wanted = CanaryState.BLOCKED if arrival.active else CanaryState.PASSED
        answers = await self._asker.here(name, judge_answer if arrival.active else judge_lifted)
        at = self._ticks()
        contrary = [reason for state, reason in answers if state not in (wanted, CanaryState.UNJUDGED)]
        if contrary:
            return ProbeState.CONTRARY, "; ".join(contrary), at
        unjudged = [reason for state, reason in answers if state is CanaryState.UNJUDGED]
        if unjudged or not answers:
            return ProbeState.UNJUDGED, "; ".join(unjudged) or NO_LISTENER, at
        if arrival.active and not await self._asker.served_upstream(name):
            return ProbeState.UNJUDGED, NOT_SERVED, at
        return ProbeState.SEEN, "", at


def judge_lifted(answer: bytes) -> tuple[CanaryState, str]:
    """The judgement on one answer to the canary of an order that is over: the name must have its address."""
    state, reason = judge_answer(answer)
    if state is CanaryState.BLOCKED:
        return state, "answered with extended error 16"
    if state is CanaryState.PASSED:
        read = codec.strip(answer)
        if isinstance(read, Status) or not has_address(answer):
            return CanaryState.UNJUDGED, NOT_SERVED
        return state, ""
    return state, reason


class SelfProbes:
    """The tests of lists and of orders that a resolver makes on itself."""

    def __init__(self, lists: CanaryProbe, orders: OrderProbe) -> None:
        self.lists = lists
        self.orders = orders

    async def run(self) -> None:
        """Test until cancelled."""
        await asyncio.gather(self.lists.run(), self.orders.run())


def probes_of(
    node: Node, listening: Listening, forwarding: Forwarding, ticks: Callable[[], float], interval: float
) -> SelfProbes:
    """The probes of a resolver, by what it has in force, its listeners and its upstreams. ``interval``:
    seconds between two tests of a list; ``ticks``: seconds of a clock that does not go back."""
    lists = probe_of(node, listening, forwarding, time.time, interval)
    publisher = node.publisher
    orders = OrderProbe(
        lambda: node.arrivals.newest,
        lambda: publisher.canaries,
        lists.asker,
        lambda: (publisher.settings.canary_zone, publisher.key),
        ticks,
    )
    return SelfProbes(lists, orders)


def _key(arrival: OrderArrival) -> tuple[str, float]:
    return arrival.reference, arrival.at
