"""All that is due for orders, and the note that an authority was told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import NOT_ACCEPTED, Order, OrderStep, StepKind
from filterd.model.order_facts import OrderFacts
from filterd.model.order_times import OrderEffect
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import life
from filterd.operations.orders.duties import Duty, HouseDuty, Reached, duties_of, measured, measured_whole
from filterd.operations.orders.finding import require
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.reviewing import WITHIN
from filterd.operations.orders.showing import redacted
from filterd.operations.reviews.terms import country_of
from filterd.policy.deadlines import KnownBasis, resolve
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import alarms as rows
from filterd.store import order_times as times
from filterd.store import snapshots
from filterd.store.store import Store

LIFTED_FOR = 90 * 86_400
"""seconds for which a lifted order is looked at: by then its nodes have lifted it, or somebody knows"""


async def duties(context: Context, *, ended: bool = False) -> list[Duty]:
    """Every duty that has begun, with those that were done or are over, the soonest due first. ``ended``:
    also those of orders that ended lately in whatever way, of which nothing is due any more."""
    async with context.store.read() as connection:
        found = await rows.order_facts(connection, context.clock() - LIFTED_FOR, ended=ended)
    return await duties_for(context, found)


async def of_order(context: Context, number: int) -> list[Duty]:
    """All that was and is due for one order, however long ago it ended, the soonest due first."""
    async with context.store.read() as connection:
        found = await rows.facts_of(connection, number)
        emergencies = [each for each in await rows.emergency_facts(connection) if each.number == number]
    every = [*await duties_for(context, found), *_looks(emergencies, country_of(context))]
    return _told(sorted(every, key=_place))


async def duties_for(context: Context, found: Sequence[OrderFacts]) -> list[Duty]:
    """The duties of these orders that have begun, done ones and those that are over among them."""
    country = country_of(context)
    async with context.store.read() as connection:
        behind = await _first_behind(connection)
        effects = await times.of_orders(connection, [each.number for each in found])
    by_order: dict[int, list[OrderEffect]] = {}
    for effect in effects:
        by_order.setdefault(effect.order_number, []).append(effect)
    return await asyncio.to_thread(_computed, found, country, behind, by_order)


def _computed(
    found: Iterable[OrderFacts],
    country: Jurisdiction,
    behind: float,
    effects: Mapping[int, Sequence[OrderEffect]],
) -> list[Duty]:
    """The duties of all orders; beside the event loop, since there may be thousands."""
    known: dict[tuple[str, str], KnownBasis] = {}
    every: list[Duty] = []
    for each in found:
        words = (each.authority, each.ground)
        if words not in known:
            known[words] = resolve(country, *words)
        told = effects.get(each.number, ())
        reached = measured(told, each) if measured_whole(told, each) else _estimated(each, behind)
        every += duties_of(each, country, reached, known[words])
    return sorted(every, key=_place)


def _place(duty: Duty) -> tuple[int, int, str]:
    return duty.due_at, duty.order.number, duty.kind.value


async def _emergencies(context: Context) -> list[Duty]:
    """The looks at emergency ends: all that wait, and those that were done lately."""
    since = context.clock() - LIFTED_FOR
    async with context.store.read() as connection:
        found = await rows.emergency_facts(connection)
    return [each for each in _looks(found, country_of(context)) if each.open or each.done_at >= since]


def _looks(found: Iterable[OrderFacts], country: Jurisdiction) -> list[Duty]:
    """The looks of another person at these emergency ends."""
    every = []
    for each in found:
        ended, looked = each.last(StepKind.EMERGENCY), each.last(StepKind.REVIEWED)
        if ended is None:
            continue
        done = looked.at if looked is not None and looked.number > ended.number else 0.0
        basis, latest = resolve(country, each.authority, each.ground), int(ended.at) + WITHIN
        every.append(Duty(each, HouseDuty.EMERGENCY_REVIEW, ended.at, latest, done, basis))
    return every


def open_ones(every: Iterable[Duty]) -> list[Duty]:
    """Those that are still to be done."""
    return [each for each in every if each.open]


async def list_due(context: Context, within: float | None = None, *, done: bool = False) -> list[Duty]:
    """The open duties, overdue ones among them, the soonest due first; only those that are due ``within`` so
    many seconds. With ``done`` also those that were done or missed, of orders that ended lately among them.
    Emergency ends that another person has to look at are among them."""
    every = [*await duties(context, ended=done), *await _emergencies(context)]
    every.sort(key=_place)
    if within is not None:
        latest = context.clock() + within
        every = [each for each in every if each.due_at <= latest]
    return _told(every) if done else open_ones(every)


def _told(every: Iterable[Duty]) -> list[Duty]:
    """Those that are to be done, that were done, and that were missed; not those that ended before they were
    due."""
    return [each for each in every if each.done_at or each.open or each.missed]


async def reported(
    context: Context, reference: str, *, report: str, at: float = 0.0, digest: str = ""
) -> Order:
    """Note that the authority was told that an order was carried out (LIVA 18-H QUÁTER).

    ``report`` is the reference of the report, such as the number of the acknowledgement; ``at`` the moment
    at which it was handed in (Unix seconds), 0 for now. Raises ConflictError for an order that is not in
    force, and OperationError for a moment to come.
    """
    context.require_person()
    told = input_values.text(report, "reference", limit=256)
    now = context.clock()
    moment = input_values.past(at, now, "at") if at else now
    async with context.store.write(context.actor, now) as write:
        before = await require(write.connection, reference)
        require_nameless_texts(context, before, report=told)
        if before.state in NOT_ACCEPTED:
            message = f"order {before.reference} is {before.state.value}: nothing was carried out yet"
            raise ConflictError(message, f"see it with: filterd order show {before.reference}")
        step = OrderStep(
            number=0,
            kind=StepKind.REPORTED,
            at=write.now,
            actor=context.actor,
            received_at=moment,
            evidence=told,
            digest=digest,
        )
        order = await life.record(write, before, (step,), "order.report", before)
    return redacted(order)


async def _first_behind(connection: AsyncConnection) -> float:
    """When the first change of orders was made that some node lacks; infinite: every node has all of them.
    Without any node nothing is in force: 0."""
    reports = await snapshots.nodes(connection)
    if not reports:
        return 0.0
    oldest = min(each.mandatory_revision for each in reports)
    found = await rows.first_change_after(connection, oldest)
    return float("inf") if found is None else found


def _estimated(order: OrderFacts, behind: float) -> Reached:
    """Of an order from before arrivals were recorded: all nodes have what was changed before the first change
    that one of them lacks. The moments are those of the changes: nodes apply them within a second."""
    ended = order.ended_at
    suspended = order.last(StepKind.SUSPENDED)
    if suspended is not None and not ended:
        ended = suspended.at
    return Reached(
        enforced_at=order.accepted_at if order.accepted_at and order.accepted_at < behind else 0.0,
        lifted_at=ended if ended and ended < behind else 0.0,
    )


async def waiting_alarms(store: Store) -> int:
    """The alarms that a channel has not taken."""
    async with store.read() as connection:
        return len(await rows.deliveries(connection))
