"""Records when an order's effects arrived on which node, from the nodes' reports, and what was seen over DNS.

A fact is written once, with an entry in the audit trail whose actor is the node: that entry is a revision of
its own, which nodes report in turn, and which says nothing new of any order. Where a node tells since when it
has an effect, that moment is exact but for the time that the report took; where it only has the place in the
change log (it started anew, or control was away for long), it had the effect by then at the latest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import canonical
from filterd.model.order_times import SINGLE, EffectKind, NodeArrival, OrderArrival, OrderEffect
from filterd.model.records import NodeReport
from filterd.operations.context import Context
from filterd.operations.nodes import THIS, history_of
from filterd.operations.orders.overriding_arrival import overriding, unprotected
from filterd.store import change_log, snapshots
from filterd.store import order_times as rows
from filterd.store.order_times import Place
from filterd.store.store import Write

MOST = 1_000
"""facts of one write; the rest comes with the next report"""
SLACK = 1.0
"""seconds by which clocks that count whole seconds may differ"""
OVERTAKEN_AFTER = 60.0
"""seconds from the beginning of a later effect until an earlier one is not waited for any more"""
_PAST_THAT = 5.0


@dataclass(frozen=True, slots=True)
class ArrivalFact:
    """An effect that arrived on a node, or a probe of one."""

    effect: OrderEffect
    arrival: NodeArrival

    @property
    def place(self) -> Place:
        """The order's number and that of the effect."""
        return self.effect.order_number, self.effect.effect

    @property
    def seconds(self) -> float:
        """From the moment when the effect was due to its arrival."""
        return max(0.0, self.arrival.applied_at - self.effect.due_at)


@dataclass(frozen=True, slots=True)
class _News:
    """The part of a report that is not recorded yet."""

    arrived: Sequence[ArrivalFact] = ()
    probed: Sequence[ArrivalFact] = ()
    settled: Mapping[Place, tuple[float, int]] | None = None
    """place -> the moment from which on all nodes have the effect, and their number; or that it was overtaken
    """

    def __bool__(self) -> bool:
        return bool(self.arrived or self.probed or self.settled)


class ArrivalBook:
    """Takes the reports of all nodes, one after the other. It remembers what each last told, so that a report
    that says no more costs one small read."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[object, ...]] = {}
        self._quiet: dict[str, tuple[float, float]] = {}
        """between these moments the same report says nothing new; not before: a clock was set back"""

    async def take(self, context: Context, report: NodeReport) -> Sequence[ArrivalFact]:
        """Record what is new in a report; returns what arrived. Raises StoreError."""
        if not report.effective_digest:  # it serves nothing, so nothing is in force there
            return ()
        now = report.seen_at
        async with context.store.read() as connection:
            told = (
                *await rows.newest(connection),
                await change_log.floor(connection),  # raised by a restore, which may forget arrivals
                report.kept_orders,
                report.snapshot_digest,
                *map(_key, report.orders),
            )
            since, until = self._quiet.get(report.name, (0.0, 0.0))
            if self._told.get(report.name) == told and since <= now < until:
                return ()
            news = await _news(connection, context, report)
            waiting = await rows.open_effects(connection)
        if news:
            async with context.store.write(f"node:{report.name}", now) as write:
                news = await _news(write.connection, context, report)
                await _write(write, report, news)
            self._told.pop(report.name, None)
            return news.arrived
        coming = [each.due_at for each in waiting if each.timed and each.due_at > now]
        due = len(waiting) > len(coming)
        self._told[report.name] = told
        self._quiet[report.name] = now, now + _PAST_THAT if due else min(coming, default=float("inf"))
        return ()


def _key(told: OrderArrival) -> tuple[object, ...]:
    """The key of an arrival: all but its times, which come as ages."""
    return told.reference, told.revision, told.active, told.probe, told.reason


async def _news(connection: AsyncConnection, context: Context, report: NodeReport) -> _News:
    if await history_of(connection, report) != THIS:
        return _News()
    lacking = await rows.lacking(connection, report.name)
    over = await overriding(connection, lacking)
    free = await unprotected(connection, context, report, over)
    lacking = [each for each in lacking if _answered(each, over - free)]
    arrived = match(lacking, await _successors(connection, lacking), report)[:MOST]
    arrived = [_by_then(each, report) if each.effect.order_number in over else each for each in arrived]
    return _News(
        arrived,
        await _probes(connection, report, arrived),
        await _settled(connection, context, report.seen_at, arrived),
    )


def _answered(effect: OrderEffect, protected: Collection[int]) -> bool:
    """False for the enforcement of an order whose names the node still protects."""
    return effect.kind is not EffectKind.ENFORCE or effect.order_number not in protected


def _by_then(fact: ArrivalFact, report: NodeReport) -> ArrivalFact:
    """The enforcement of an order that overrides protection: nobody knows since when the node has the
    snapshot that it takes."""
    if fact.effect.kind is not EffectKind.ENFORCE:
        return fact
    at = max(report.seen_at, fact.effect.due_at)
    return replace(fact, arrival=replace(fact.arrival, applied_at=at, exact=False))


async def _successors(
    connection: AsyncConnection, lacking: Sequence[OrderEffect]
) -> dict[Place, OrderEffect]:
    """The effect that follows each."""
    every = await rows.of_orders(connection, {each.order_number for each in lacking})
    return {(each.order_number, each.effect - 1): each for each in every}


def match(
    lacking: Iterable[OrderEffect], successors: Mapping[Place, OrderEffect], report: NodeReport
) -> list[ArrivalFact]:
    """The effects of ``lacking`` that the node has by its report."""
    told: dict[str, list[OrderArrival]] = {}
    for each in report.orders:
        told.setdefault(each.reference, []).append(each)
    kept = set(report.kept_orders)
    found = []
    for effect in lacking:
        follower = successors.get((effect.order_number, effect.effect))
        if follower is not None and not _begun(follower, report.seen_at):
            follower = None
        one = _told(effect, follower, told.get(effect.reference, ()))
        if one is not None:
            at, exact = one.at, one.at >= effect.due_at - SLACK  # else a clock was set back
        elif follower is None and _has(effect, report, kept):
            at, exact = report.seen_at, False
        else:
            continue
        at = max(at, effect.due_at)
        found.append(
            ArrivalFact(effect, NodeArrival(effect.order_number, effect.effect, report.name, at, exact))
        )
    return found


def _begun(effect: OrderEffect, now: float) -> bool:
    return not effect.timed or effect.due_at <= now


def _told(
    effect: OrderEffect, follower: OrderEffect | None, told: Sequence[OrderArrival]
) -> OrderArrival | None:
    """The first of what a node told of an order that is this effect."""
    for each in told:
        if each.kind is not effect.kind or each.revision < effect.revision:
            continue
        if effect.timed and each.at < effect.due_at - SLACK:
            continue
        if follower is None or each.revision < follower.revision or each.at < follower.due_at:
            return each
    return None


def _has(effect: OrderEffect, report: NodeReport, kept: set[str]) -> bool:
    """Return whether the node has an effect by its place in the change log and its own clock."""
    if effect.revision > report.mandatory_revision or effect.reference in kept:
        return False
    return not effect.timed or min(report.sent_at, report.seen_at) >= effect.due_at + SLACK


async def _probes(
    connection: AsyncConnection, report: NodeReport, arrived: Sequence[ArrivalFact]
) -> list[ArrivalFact]:
    """The probes of the node that are not recorded so; each is of the effect that it followed."""
    seen = [each for each in report.orders if each.probe]
    numbers = {int(each.reference.removeprefix("O-")) for each in seen if _numbered(each.reference)}
    effects = await rows.of_orders(connection, numbers)
    known = await rows.holders(connection, {(each.order_number, each.effect) for each in effects})
    for fact in arrived:
        known.setdefault(fact.place, []).append(fact.arrival)
    found = []
    for effect in effects:
        place = effect.order_number, effect.effect
        here = next((each for each in known[place] if each.node == report.name), None)
        follower = next((each for each in effects if (each.order_number, each.effect - 1) == place), None)
        if follower is not None and not _begun(follower, report.seen_at):
            follower = None
        one = _told(effect, follower, [each for each in seen if each.reference == effect.reference])
        if here is None or one is None or (one.probe, one.reason) == (here.probe, here.reason):
            continue
        found.append(
            ArrivalFact(effect, replace(here, probe=one.probe, probed_at=one.probed_at, reason=one.reason))
        )
    return found


def _numbered(reference: str) -> bool:
    return reference.startswith("O-") and reference[2:].isdecimal()


async def _settled(
    connection: AsyncConnection, context: Context, now: float, arrived: Sequence[ArrivalFact]
) -> dict[Place, tuple[float, int]]:
    """The effects that every expected node has now, and those that were overtaken."""
    waiting = [each for each in await rows.open_effects(connection) if _begun(each, now)]
    if not waiting:
        return {}
    places = {(each.order_number, each.effect): each for each in waiting}
    have = await rows.holders(connection, places.keys())
    for fact in arrived:
        if fact.place in have:
            have[fact.place].append(fact.arrival)
    awaited = {each.name for each in await expected(connection, context, now)}
    following = await _successors(connection, waiting)
    found = {}
    for place in places:
        follower = following.get(place)
        if follower is not None and _begun(follower, now) and now >= follower.due_at + OVERTAKEN_AFTER:
            found[place] = rows.OVERTAKEN, 0
        elif have[place] and awaited <= {each.node for each in have[place]}:
            found[place] = max(each.applied_at for each in have[place]), len(have[place])
    return found


async def expected(connection: AsyncConnection, context: Context, now: float) -> list[NodeReport]:
    """The nodes that an order must reach: those not away for longer than ``nodes.gone_after``."""
    gone = context.settings.nodes.gone_after
    return [each for each in await snapshots.nodes(connection) if now - each.seen_at <= gone]


async def _write(write: Write, report: NodeReport, news: _News) -> None:
    await rows.arrived(write.connection, [each.arrival for each in news.arrived])
    for each in news.probed:
        await rows.probed(write.connection, each.arrival)
    settled = news.settled or {}
    for place, (at, nodes) in settled.items():
        await rows.everywhere(write.connection, place, at, nodes)
    if len(news.arrived) > SINGLE:
        write.audit("node.applied", f"node:{report.name}", after=_together(news.arrived))
    else:
        for each in news.arrived:
            action = "node.applied" if each.effect.kind is EffectKind.ENFORCE else "node.lifted"
            write.audit(action, f"order:{each.effect.reference}", after=_audited(each, report))
    for each in news.probed[:SINGLE]:
        write.audit("node.probed", f"order:{each.effect.reference}", after=_audited_probe(each))
    complete = {place: each for place, each in settled.items() if each[0] >= 0}
    if len(complete) <= SINGLE:
        for (number, effect), (at, nodes) in complete.items():
            after = {"effect": effect, "at": at, "nodes": nodes}
            write.audit("node.everywhere", f"order:O-{number}", after=after)
    if not news.arrived and not news.probed and not 0 < len(complete) <= SINGLE:
        write.audit("node.settled", f"node:{report.name}", after={"effects": len(settled)})


def _audited(fact: ArrivalFact, report: NodeReport) -> dict[str, Any]:
    return {
        "effect": fact.effect.effect,
        "kind": fact.effect.kind.value,
        "revision": fact.effect.revision,
        "due_at": fact.effect.due_at,
        "applied_at": fact.arrival.applied_at,
        "exact": fact.arrival.exact,
        "digest_in_force": report.effective_digest,
    }


def _audited_probe(fact: ArrivalFact) -> dict[str, Any]:
    return {
        "effect": fact.effect.effect,
        "kind": fact.effect.kind.value,
        "probe": fact.arrival.probe.value,
        "probed_at": fact.arrival.probed_at,
        "reason": fact.arrival.reason,
    }


def _together(found: Sequence[ArrivalFact]) -> dict[str, Any]:
    """Many facts as one: their number, and a digest over the rows that hold them."""
    every = [
        [each.effect.reference, each.effect.effect, each.arrival.applied_at, each.arrival.exact]
        for each in found
    ]
    return {"effects": len(every), "digest": hashlib.sha256(canonical(sorted(every)).encode()).hexdigest()}
