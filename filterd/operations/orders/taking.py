"""Orders of authorities: taken in, and approved by a second person.

An order reaches the nodes when it is taken in, unless it is quarantined, and when it is accepted. Each is one
transaction with the audit entry. Names stand in the trail as a count and a digest only.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace

from filterd.model.order import Demand, Order, OrderState
from filterd.model.order_rows import audited
from filterd.operations import confidential, input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.orders import limits, people
from filterd.operations.orders.finding import require, subject
from filterd.operations.orders.guards import Guards, guards
from filterd.operations.orders.intake import (
    MAX_PROPORTIONALITY,
    SHOWN_HITS,
    IncompleteOrderError,
    IntakeRules,
    OrderRequest,
    complete,
)
from filterd.operations.orders.life import LifeAct, require_allowed, require_running
from filterd.operations.orders.nameless import require_nameless
from filterd.operations.orders.publishing import publish
from filterd.operations.orders.reach import Hit, HitKind
from filterd.operations.orders.showing import PROTECTED_REMEDY, held_back_because, redacted
from filterd.store import orders as rows
from filterd.store.ledger import ORDER_ACCEPTED, ORDER_STEP


@dataclass(frozen=True, slots=True)
class ForeseenOrder:
    """An order as it would be if it were taken in now."""

    demand: Demand
    hits: tuple[Hit, ...]
    """its reach beyond its target"""
    quarantined: bool
    """it meets protected names, so that it would wait in quarantine"""


async def foresee(context: Context, request: OrderRequest) -> ForeseenOrder:
    """Look what :func:`add` would make of a request; nothing is written. Raises what it would raise."""
    context.require_person()
    return await asyncio.to_thread(_foreseen, context, request)  # ten thousand names take a while


def _foreseen(context: Context, request: OrderRequest) -> ForeseenOrder:
    guarding = guards(context)
    demand = complete(request, _rules(context, guarding))
    return ForeseenOrder(demand, guarding.hits(demand), bool(_holding(demand, guarding)))


async def add(context: Context, request: OrderRequest) -> Order:
    """Take an order in. It is pending, quarantined or, where one approval is enough, accepted at once."""
    foreseen = await foresee(context, request)
    demand, hits = foreseen.demand, foreseen.hits
    seals = confidential.sealer(context.settings, context.clock()) if demand.confidential else None
    async with context.store.write(context.actor, context.clock()) as write:
        number = write.take_order()
        order = Order(
            number=number,
            reference=f"O-{number}",
            state=OrderState.QUARANTINED if foreseen.quarantined else OrderState.PENDING,
            demand=demand,
            reason=input_values.text(request.reason, "reason", limit=1000),
            added_by=context.actor,
            added_at=write.now,
            entries=len(demand.names) + len(demand.addresses),
            approvals=(context.actor,),
            seal=secrets.token_hex(32),
        )
        order = order if seals is None else confidential.with_sealed(order, seals)
        order = _accepted_if_enough(order, _people(context, order, hits), write.now)
        await rows.add(write.connection, order)
        publish(write, order)
        after = {**audited(order), **_audited_reach(hits), **people.audited_maker(context)}
        write.audit("order.add", subject(order), reason=order.reason, after=after)
    return redacted(order)


async def approve(context: Context, reference: str, *, proportionality: str = "") -> Order:
    """Stand behind an order as another person; with enough of them it is accepted and goes to the nodes.

    Its reach is judged anew: what is popular today may not have been when it was added. ``proportionality``
    says then why that is bearable, where whoever added it did not.
    """
    context.require_person()
    guarding = await asyncio.to_thread(guards, context)
    kept = limits.ours(context.settings)
    async with context.store.write(context.actor, context.clock()) as write:
        before = confidential.opened(context.settings, await require(write.connection, reference))
        require_allowed(before, LifeAct.APPROVE)
        require_running(before, write.now)
        await asyncio.to_thread(_require_unprotected, before, guarding)
        await people.require_another(write.connection, before, context)
        await asyncio.to_thread(_require_possible, before, kept, context.settings.dns.nat64)
        hits = await asyncio.to_thread(guarding.hits, before.demand)
        explained = _explained(before, hits, proportionality)
        approvals = tuple(dict.fromkeys((*before.approvals, context.actor)))
        order = replace(explained, state=OrderState.PENDING, approvals=approvals)
        order = _accepted_if_enough(order, _people(context, before, hits), write.now)
        if approvals != before.approvals:
            await rows.approve(write.connection, order.number, context.actor, write.now)
        await rows.set_state(write.connection, order)
        write.end(ORDER_ACCEPTED if order.state is OrderState.ACCEPTED else ORDER_STEP, order.number)
        publish(write, order)
        after = {**audited(order), **_audited_reach(hits), **people.audited_maker(context)}
        write.audit("order.approve", subject(order), before=audited(before), after=after)
    return redacted(order)


def _rules(context: Context, guarding: Guards) -> IntakeRules:
    return IntakeRules(
        now=context.clock(),
        kept=limits.ours(context.settings),
        nat64=context.settings.dns.nat64,
        country=guarding.country,
        lawless=guarding.lawless,
        hits=guarding.hits,
    )


def _holding(demand: Demand, guarding: Guards) -> tuple[str, ...]:
    """The protected names and addresses for which an order is quarantined: those that it does not override,
    and those that nobody can override."""
    if not demand.protection_overridden:
        return guarding.overlap(demand)
    fixed = guarding.fixed(demand)
    if demand.confidential and not fixed:
        return guarding.overlap(demand)
    return fixed


def _explained(order: Order, hits: tuple[Hit, ...], text: str) -> Order:
    """The order with the text on proportionality that its reach asks for; one that has it keeps its own."""
    demand = order.demand
    given = input_values.text(text, "text on proportionality", limit=MAX_PROPORTIONALITY, required=False)
    named = [each for each in hits if each.kind is not HitKind.UNKNOWN]
    if demand.proportionality or not (given or named):
        return order
    if not given:
        told = [each.unnamed.says if demand.confidential else each.says for each in named[:SHOWN_HITS]]
        raise IncompleteOrderError(["proportionality"], [f"it reaches {', '.join(told)}"])
    require_nameless(demand, given, "text on proportionality", "--proportionality")
    return replace(order, demand=replace(demand, proportionality=given))


def _people(context: Context, order: Order, hits: tuple[Hit, ...]) -> int:
    """How many people an order takes: two for one with a reach, for one that was quarantined, and for one
    that overrides protection, whatever is protected yet."""
    two = bool(hits) or order.state is OrderState.QUARANTINED or order.demand.protection_overridden
    return max(context.settings.orders.approvals, 2 if two else 1)


def _audited_reach(hits: tuple[Hit, ...]) -> dict[str, list[str]]:
    """The kinds of what it hits, for the trail: why it took two people."""
    return {"reach": sorted({hit.kind.value for hit in hits})} if hits else {}


def _accepted_if_enough(order: Order, people: int, now: float) -> Order:
    if order.state is OrderState.PENDING and len(order.approvals) >= people:
        return replace(order, state=OrderState.ACCEPTED, accepted_at=now)
    return order


def _require_possible(order: Order, kept: limits.Ours, nat64: limits.Nat64) -> None:
    """Refuse what could not be taken in today; a confidential order is not quoted."""
    try:
        limits.require_possible(order.demand, kept, nat64)
    except OperationError as error:
        what = "an entry of it can never be blocked" if order.demand.confidential else str(error)
        message = f"order {order.reference} cannot be in force: {what}"
        remedy = f"filterd order withdraw {order.reference} --reason ...; then add it without that entry"
        raise OperationError(message, remedy) from None


def _require_unprotected(order: Order, guarding: Guards) -> None:
    """Refuse what is protected, and to release a quarantined order while nobody knows what is."""
    overlap = _holding(order.demand, guarding)
    if overlap:
        raise ConflictError(held_back_because(order, overlap), PROTECTED_REMEDY.format(order.reference))
    if order.state is OrderState.QUARANTINED and guarding.unprotected:
        remedy = f"mend the file, then approve; or: filterd order withdraw {order.reference} --reason ..."
        raise OperationError(guarding.doubted(order.reference), remedy)
