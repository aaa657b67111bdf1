"""Reads the rows of a record that are about orders, as they were at its moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from filterd.model.order import Order, OrderState, StepKind
from filterd.model.order_facts import OrderFacts
from filterd.model.order_rows import CONTINUES
from filterd.model.order_times import NodeArrival, OrderEffect
from filterd.model.report_record import ArrivalRow, DeadlineRow, EffectRow, OrderRow
from filterd.operations.context import Context
from filterd.operations.orders import due
from filterd.operations.orders.reviewing import WITHIN
from filterd.policy.jurisdictions import DeadlineKind
from filterd.store import change_log, order_times, told_rows
from filterd.store import orders as rows

EMERGENCY_REVIEW = "emergency_review"
_STATES = {
    StepKind.SUSPENDED: OrderState.SUSPENDED,
    StepKind.RESUMED: OrderState.ACCEPTED,
    StepKind.EXECUTED: OrderState.OUTSIDE_DNS,
}
"""step -> the state that it leaves an order in"""
_HAVE_TERMS = (OrderState.ACCEPTED, OrderState.SUSPENDED, OrderState.EXPIRED)
_ONCE = (DeadlineKind.ENFORCE, DeadlineKind.REPORT)
"""what is due once for all orders of a chain"""


@dataclass(frozen=True, slots=True)
class Chains:
    """Which order goes on from which, by the trail: one of which a part was unblocked is followed by one with
    the rest."""

    before: Mapping[str, str]

    def first(self, reference: str) -> str:
        """The first order of the chain that an order is in."""
        while reference in self.before:
            reference = self.before[reference]
        return reference

    def all_before(self, references: Iterable[str]) -> set[str]:
        """Every order that these go on from."""
        found: set[str] = set()
        for each in references:
            while (each := self.before.get(each, "")) and each not in found:
                found.add(each)
        return found


@dataclass(frozen=True, slots=True)
class OrdersRead:
    """The rows."""

    orders: tuple[OrderRow, ...]
    deadlines: tuple[DeadlineRow, ...]
    effects: tuple[EffectRow, ...]
    arrivals: tuple[ArrivalRow, ...]


async def read(context: Context, begins_at: float, now: float, sources: Mapping[str, str]) -> OrdersRead:
    """The orders that stood, were received or ended from ``begins_at`` on, as they were at ``now``, with what
    is due for them and when nodes had them. ``sources``: reference -> the register that an order came by."""
    async with context.store.read() as connection:
        every = await rows.list_orders(connection)
        added = await change_log.decisions(connection, "order", "order.add")
        found = [each for each in every if each.added_at < now and not 0 < _ended(each, now) < begins_at]
        effects = await order_times.of_orders(connection, [each.number for each in found])
        arrivals = await told_rows.arrivals(connection)
    held = {name for name, _, after in added if after.get("state") == OrderState.QUARANTINED.value}
    chains = Chains({name: str(after[CONTINUES]) for name, _, after in added if after.get(CONTINUES)})

    def rows_of() -> tuple[list[OrderFacts], list[OrderRow]]:
        as_of = [_facts(each, now, each.reference in held) for each in found]
        return as_of, [
            replace(
                _row(each, facts, now, held, sources.get(chains.first(each.reference), "")),
                continues=chains.before.get(each.reference, ""),
            )
            for each, facts in zip(found, as_of, strict=True)
        ]

    as_of, told = await asyncio.to_thread(rows_of)
    earlier = chains.all_before(each.reference for each in found)
    ended = [_facts(each, now, held=False) for each in every if each.reference in earlier]
    numbers = {each.number for each in found}
    return OrdersRead(
        tuple(told),
        (*await _deadlines(context, as_of, ended, chains, now), *_looks(told)),
        tuple(_effect(each, now) for each in effects if each.decided_at < now),
        tuple(
            _arrival(each, now) for each in arrivals if each.order_number in numbers and each.applied_at < now
        ),
    )


def _until(at: float, now: float) -> float:
    """A moment; 0 for one that has not come."""
    return at if at < now else 0.0


def _ended(order: Order, now: float) -> float:
    """The moment at which an order ended; 0: it has not."""
    ends = order.demand.not_after
    if order.state in _HAVE_TERMS and 0 < ends < now:
        return float(ends)
    return _until(order.withdrawn_at, now)


def _state(order: Order, now: float, *, held: bool) -> OrderState:
    """The state at a moment."""
    if _ended(order, now):
        return OrderState.EXPIRED if order.state in _HAVE_TERMS else order.state
    if not _until(order.accepted_at, now):
        return OrderState.QUARANTINED if held else OrderState.PENDING
    state = OrderState.ACCEPTED
    for step in order.steps:
        if step.at < now:
            state = _STATES.get(step.kind, state)
    return state


def _facts(order: Order, now: float, held: bool) -> OrderFacts:
    """The facts of an order as they were at a moment."""
    demand = order.demand
    return OrderFacts(
        number=order.number,
        reference=order.reference,
        state=_state(order, now, held=held),
        authority=demand.authority,
        ground=demand.ground,
        received_at=demand.received_at,
        added_at=order.added_at,
        accepted_at=_until(order.accepted_at, now),
        ended_at=_until(order.withdrawn_at, now),
        enforce_by=demand.enforce_by,
        report_by=demand.report_by,
        review_at=demand.review_at,
        not_after=demand.not_after,
        confidential=demand.confidential,
        steps=tuple(each for each in order.steps if each.at < now),
    )


def _row(order: Order, facts: OrderFacts, now: float, held: set[str], source: str) -> OrderRow:
    demand = order.demand
    emergency, looked = facts.last(StepKind.EMERGENCY), facts.last(StepKind.REVIEWED)
    reviewed = emergency is not None and looked is not None and looked.number > emergency.number
    return OrderRow(
        order=order.reference,
        authority=demand.authority,
        ground=demand.ground,
        law=demand.law,
        confidential=demand.confidential,
        wide=demand.overblocking_accepted or demand.protection_overridden or bool(demand.proportionality),
        state=facts.state.value,
        entries=order.entries,
        received_at=demand.received_at or order.added_at,
        accepted_at=facts.accepted_at,
        ended_at=_ended(order, now),
        approvals=len(order.approvals),
        emergency=emergency is not None,
        reviewed_at=looked.at if reviewed and looked is not None else 0.0,
        source=source,
        quarantined=order.reference in held,
    )


async def _deadlines(
    context: Context, facts: Sequence[OrderFacts], earlier: Sequence[OrderFacts], chains: Chains, now: float
) -> list[DeadlineRow]:
    """The deadlines of these orders, but those that an order met before the one that goes on from it."""
    met = {
        (each.order.reference, each.kind)
        for each in await due.duties_for(context, earlier)
        if each.kind in _ONCE and _until(each.done_at, now)
    }
    found = [
        each
        for each in await due.duties_for(context, facts)
        if not any((name, each.kind) in met for name in chains.all_before([each.order.reference]))
    ]
    return [
        DeadlineRow(
            each.order.reference,
            each.kind.value,
            float(each.due_at),
            _until(each.done_at, now),
            _until(each.over_at, now),
        )
        for each in found
        if each.began_at < now
    ]


def _looks(orders: Sequence[OrderRow]) -> list[DeadlineRow]:
    """The looks of another person at emergency ends."""
    return [
        DeadlineRow(each.order, EMERGENCY_REVIEW, float(int(each.ended_at) + WITHIN), each.reviewed_at)
        for each in orders
        if each.emergency and each.ended_at
    ]


def _effect(effect: OrderEffect, now: float) -> EffectRow:
    there = effect.everywhere_at < now
    return EffectRow(
        order=effect.reference,
        effect=effect.effect,
        kind=effect.kind.value,
        decided_at=effect.decided_at,
        due_at=effect.due_at,
        everywhere_at=effect.everywhere_at if there else 0.0,
        nodes=effect.nodes if there else 0,
    )


def _arrival(arrival: NodeArrival, now: float) -> ArrivalRow:
    probed = arrival.probed_at < now
    return ArrivalRow(
        order=f"O-{arrival.order_number}",
        effect=arrival.effect,
        node=arrival.node,
        applied_at=arrival.applied_at,
        exact=bool(arrival.exact),
        probe=str(arrival.probe) if probed else "",
        probed_at=arrival.probed_at if probed else 0.0,
    )
