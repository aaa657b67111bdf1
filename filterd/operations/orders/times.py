"""The times of an order as people ask for them: accepted, on the first node, on all of them, seen over DNS.

The same for its lifting. A node that is away is named, and keeps the order from counting as everywhere until
it has been away for ``nodes.gone_after``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import Order
from filterd.model.order_times import EffectKind, NodeArrival, OrderEffect, ProbeState
from filterd.model.records import NodeReport
from filterd.operations.context import Context
from filterd.operations.nodes import SILENT_AFTER
from filterd.operations.orders.arriving import expected
from filterd.operations.orders.finding import find
from filterd.store import order_times as rows

POLL_SECONDS = 0.05
PROBE_SECONDS = 5.0
"""for which the probes of nodes that have it are waited for"""


@dataclass(frozen=True, slots=True)
class NodeTimes:
    """One node's part in an effect."""

    node: str
    state: str
    """``applied``, ``waiting``, or ``away`` of one that has not been heard of for a minute"""
    applied_at: float = 0.0
    seconds: float | None = None
    """from the moment when it was due"""
    exact: bool = True
    """False: at ``applied_at`` at the latest"""
    probe: str = ""
    """``seen``, ``contrary``, ``unjudged``; empty: nobody asked over DNS"""
    probed_at: float = 0.0
    reason: str = ""
    """of a probe that did not see the effect"""
    seen_at: float = 0.0
    """the last report of a node that lacks it"""


@dataclass(frozen=True, slots=True)
class EffectTimes:
    """The times of one effect. Times are Unix seconds, 0 for not yet; spans are seconds from ``due_at``."""

    kind: str
    decided_at: float
    due_at: float
    first_node_at: float
    all_nodes_at: float
    probed_at: float
    """when the last node had seen it over DNS"""
    first_node_seconds: float | None
    all_nodes_seconds: float | None
    probed_seconds: float | None
    nodes: tuple[NodeTimes, ...]

    @property
    def lacking(self) -> tuple[NodeTimes, ...]:
        """The nodes that are expected to have it, and do not."""
        return tuple(each for each in self.nodes if each.state != "applied")


@dataclass(frozen=True, slots=True)
class OrderTimes:
    """The times of an order (R4). ``enforcement`` and ``lifting`` are the newest effect of their kind that is
    due, or else still to come; None: there is none, or it is from before such times were kept."""

    order: str
    received_at: float
    accepted_at: float
    enforcement: EffectTimes | None
    lifting: EffectTimes | None


@dataclass(frozen=True, slots=True)
class Waited:
    """The outcome of waiting for the nodes."""

    times: OrderTimes
    effect: EffectTimes | None
    """that which was waited for; None: the order has none to wait for"""
    complete: bool
    probing: bool
    """True if nodes ask for canary names of orders"""


async def show(context: Context, reference: str) -> OrderTimes:
    """The times of one order. Raises UnknownError."""
    async with context.store.read() as connection:
        return await times_of(connection, context, await find(connection, reference))


async def times_of(connection: AsyncConnection, context: Context, order: Order) -> OrderTimes:
    """The times of an order that was just read."""
    now = context.clock()
    effects = await rows.of_order(connection, order.number)

    async def newest(kind: EffectKind) -> EffectTimes | None:
        of_kind = [each for each in effects if each.kind is kind]
        due = [each for each in of_kind if not each.timed or each.due_at <= now] or of_kind[:1]
        return await _shown(connection, context, due[-1]) if due else None

    return OrderTimes(
        order.reference,
        order.demand.received_at,
        order.accepted_at,
        await newest(EffectKind.ENFORCE),
        await newest(EffectKind.LIFT),
    )


async def first_enforcement(
    connection: AsyncConnection, context: Context, effects: Sequence[OrderEffect]
) -> EffectTimes | None:
    """The times of the enforcement by which an order was carried out: the first that was everywhere.
    None where that is the newest too, or there is none. ``effects``: the order's own, oldest first."""
    now = context.clock()
    enforced = [each for each in effects if each.kind is EffectKind.ENFORCE and each.due_at <= now]
    first = next((each for each in enforced if each.everywhere_at > 0), None)
    if first is None or first == enforced[-1]:
        return None
    return await _shown(connection, context, first)


async def _shown(connection: AsyncConnection, context: Context, effect: OrderEffect) -> EffectTimes:
    """The times of an effect, with every node that has it or should."""
    now = context.clock()
    arrivals = await rows.arrivals(connection, effect.order_number)
    here = [each for each in arrivals if each.effect == effect.effect]
    return _times(effect, here, await expected(connection, context, now), now)


def _times(
    effect: OrderEffect, arrivals: Sequence[NodeArrival], nodes: Sequence[NodeReport], now: float
) -> EffectTimes:
    have = {each.node for each in arrivals}
    overtaken = effect.everywhere_at == rows.OVERTAKEN
    lacking = [] if effect.everywhere_at or overtaken else [each for each in nodes if each.name not in have]
    shown = [_node(effect, each) for each in arrivals]
    shown += [
        NodeTimes(
            each.name,
            "away" if abs(now - each.seen_at) > SILENT_AFTER else "waiting",
            seen_at=each.seen_at,
        )
        for each in lacking
    ]
    first = min((each.applied_at for each in arrivals), default=0.0)
    last = max((each.applied_at for each in arrivals), default=0.0)
    everywhere = max(0.0, effect.everywhere_at) or (0.0 if lacking or overtaken else last)
    seen = [each.probed_at for each in arrivals if each.probe is ProbeState.SEEN]
    probed = max(seen) if everywhere and seen and len(seen) == len(arrivals) else 0.0
    return EffectTimes(
        effect.kind.value,
        effect.decided_at,
        effect.due_at,
        first,
        everywhere,
        probed,
        _span(effect, first),
        _span(effect, everywhere),
        _span(effect, probed),
        tuple(sorted(shown, key=lambda each: each.node)),
    )


def _node(effect: OrderEffect, found: NodeArrival) -> NodeTimes:
    return NodeTimes(
        found.node,
        "applied",
        found.applied_at,
        _span(effect, found.applied_at),
        found.exact,
        found.probe.value,
        found.probed_at,
        found.reason,
    )


def _span(effect: OrderEffect, moment: float) -> float | None:
    return round(max(0.0, moment - effect.due_at), 3) if moment else None


@dataclass(frozen=True, slots=True)
class Outstanding:
    """The orders that are not as they should be on every node."""

    waiting: Mapping[EffectKind, tuple[OrderEffect, ...]]
    """those that a node lacks, the oldest first"""
    contrary: tuple[str, ...]
    """references of those that a node saw otherwise over DNS"""


async def outstanding(context: Context) -> Outstanding:
    """The orders that should be in force, or lifted, on nodes that do not have it so. One that was just
    decided is among them until the nodes report."""
    now = context.clock()
    async with context.store.read() as connection:
        found = [each for each in await rows.open_effects(connection) if not each.timed or each.due_at <= now]
        following = await rows.of_orders(connection, {each.order_number for each in found})
        contrary = await rows.contrary(connection)
    begun = {(each.order_number, each.effect) for each in following if not each.timed or each.due_at <= now}
    current = [each for each in found if (each.order_number, each.effect + 1) not in begun]
    current.sort(key=lambda each: each.due_at)
    return Outstanding(
        {kind: tuple(each for each in current if each.kind is kind) for kind in EffectKind},
        tuple(f"O-{number}" for number, _ in contrary),
    )


async def wait(
    context: Context,
    reference: str,
    at_most: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ticks: Callable[[], float] = time.monotonic,
) -> Waited:
    """Wait until every node has what the order does now, and has seen it over DNS where nodes probe; at most
    ``at_most`` seconds. The order is as it was decided, whatever comes of the waiting."""
    ends, probing = ticks() + at_most, context.settings.canary.zone is not None
    probes_end = None
    while True:
        times = await show(context, reference)
        effect = _newest(times, context.clock())
        if effect is None:
            return Waited(times, None, complete=False, probing=probing)
        complete = bool(effect.all_nodes_at)
        if complete and probes_end is None:
            probes_end = min(ends, ticks() + PROBE_SECONDS)
        unprobed = probing and any(not each.probe for each in effect.nodes)
        over = ticks() >= (ends if probes_end is None else probes_end)
        if over or (complete and not unprobed):
            return Waited(times, effect, complete, probing)
        await sleep(POLL_SECONDS)


def _newest(times: OrderTimes, now: float) -> EffectTimes | None:
    """The effect that the order has now; one that is still to come is not waited for."""
    found = [each for each in (times.enforcement, times.lifting) if each is not None]
    due = [each for each in found if each.due_at <= now or each.due_at == each.decided_at]
    return max(due, key=lambda each: each.due_at, default=None)
