"""Orders of authorities: taken in, approved by a second person, withdrawn, shown without confidential names.

An order reaches the nodes when it is taken in, unless it is quarantined, when it is accepted and when it is
withdrawn. Each is one transaction with the audit entry. Names stand in the trail as a count and a digest
only.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import order_id
from filterd.model.order import Order, OrderState
from filterd.model.order_rows import ROW_DIGEST, audited, change_of, number_of
from filterd.operations import confidential, input_values, order_limits, order_people
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.intake import OrderRequest, complete
from filterd.operations.integrity import DAMAGED_REMEDY
from filterd.operations.order_guards import Guards, guards
from filterd.operations.order_reach import Hit, HitKind
from filterd.store import change_log
from filterd.store import orders as rows
from filterd.store.ledger import WITHDRAWAL
from filterd.store.store import Write

PROTECTED_REMEDY = (
    "withdraw it: filterd order withdraw {0} --reason ...; or take the name off protected.yaml, "
    "then another person: filterd order approve {0}"
)


@dataclass(frozen=True, slots=True)
class Lifted:
    """The protected names and addresses that an order speaks of, and that are answered all the same."""

    count: int = 0
    names: tuple[str, ...] = ()
    """as ``protected.yaml`` has them; empty for a confidential order"""


async def add(context: Context, request: OrderRequest) -> Order:
    """Take an order in. It is pending, quarantined or, where one approval is enough, accepted at once."""
    context.require_person()
    demand = complete(
        request, context.clock(), order_limits.ours(context.settings), context.settings.dns.nat64
    )
    guarding = guards(context)
    overlap, hits = guarding.overlap(demand), guarding.hits(demand)
    seals = confidential.sealer(context.settings, context.clock()) if demand.confidential else None
    async with context.store.write(context.actor, context.clock()) as write:
        number = write.take_order()
        order = Order(
            number=number,
            reference=f"O-{number}",
            state=OrderState.QUARANTINED if overlap else OrderState.PENDING,
            demand=demand,
            reason=input_values.text(request.reason, "reason", limit=1000),
            added_by=context.actor,
            added_at=write.now,
            entries=len(demand.names) + len(demand.addresses),
            approvals=(context.actor,),
            seal=secrets.token_hex(32),
        )
        order = order if seals is None else confidential.with_sealed(order, seals)
        order = _accepted_if_enough(order, _people(context, hits), write.now)
        await rows.add(write.connection, order)
        _publish(write, order)
        after = {**audited(order), **_audited_reach(hits), **order_people.audited_maker(context)}
        write.audit("order.add", _subject(order), reason=order.reason, after=after)
    return redacted(order)


async def approve(context: Context, reference: str) -> Order:
    """Stand behind an order as another person; with enough of them it is accepted and goes to the nodes.

    Its reach is judged anew: what is popular today may not have been when it was added.
    """
    context.require_person()
    guarding = guards(context)
    kept = order_limits.ours(context.settings)
    async with context.store.write(context.actor, context.clock()) as write:
        before = confidential.opened(context.settings, await _require(write.connection, reference))
        _require_undecided(before)
        _require_unprotected(before, guarding)
        await order_people.require_another(write.connection, before, context)
        _require_possible(before, kept, context.settings.dns.nat64)
        hits = guarding.hits(before.demand)
        approvals = tuple(dict.fromkeys((*before.approvals, context.actor)))
        order = replace(before, state=OrderState.PENDING, approvals=approvals)
        order = _accepted_if_enough(order, _people(context, hits, before.state), write.now)
        if approvals != before.approvals:
            await rows.approve(write.connection, order.number, context.actor, write.now)
        await rows.set_state(write.connection, order)
        _publish(write, order)
        after = {**audited(order), **_audited_reach(hits), **order_people.audited_maker(context)}
        write.audit("order.approve", _subject(order), before=audited(before), after=after)
    return redacted(order)


async def withdraw(
    context: Context, reference: str, *, reason: str, damaged: bool = False, replaced_by: str = ""
) -> Order:
    """End an order at once. One person is enough at any hour: an unblock may never wait (R7).

    ``damaged``: the person knows that its row in the store is damaged or gone. ``replaced_by``: the order as
    which a damaged one was taken in again; raises OperationError unless that one is in force.
    """
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await _find(write.connection, reference)
        if damaged:
            successor = await _require_in_force(write, replaced_by) if replaced_by else ""
            return await _end_damaged(write, before, because, successor)
        _require_sound(before)
        if before.state is OrderState.WITHDRAWN:
            return redacted(before)
        order = replace(
            before,
            state=OrderState.WITHDRAWN,
            withdrawn_by=context.actor,
            withdrawn_at=write.now,
            withdrawal_reason=because,
        )
        await rows.set_state(write.connection, order)
        write.end(WITHDRAWAL, order.number)
        _publish(write, order)  # though it was never accepted here: a node may keep it from a lost history
        write.audit(
            "order.withdraw", _subject(order), reason=because, before=audited(before), after=audited(order)
        )
    return redacted(order)


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """Withdraw the order with this number, which was withdrawn before a restore brought it back. Where the
    restored store never had it, its end is noted: a node that was away may still have it in force. False
    where there is nothing to end."""
    async with context.store.read() as connection:
        found = await rows.find(connection, f"O-{number}")
    if found is None:
        return await end_lost(context, number, reason=reason)
    if found.state is OrderState.WITHDRAWN:
        return False
    await withdraw(context, found.reference, reason=reason, damaged=bool(found.damage))
    return True


async def end_lost(context: Context, number: int, *, reason: str, replaced_by: str = "") -> bool:
    """End an order that this store does not have, and that nodes keep in force. False where it was ended
    before. ``replaced_by``: the order that blocks in its place; raises OperationError unless it is in force.
    """
    because = input_values.text(reason, "reason", limit=1000)
    reference = f"O-{number}"
    async with context.store.write(context.actor, context.clock()) as write:
        successor = await _require_in_force(write, replaced_by) if replaced_by else ""
        if not await rows.add_lost(write.connection, number, reference, write.now):
            return False
        write.skip(0, 0, number + 1)
        write.change(OrderChange(id=order_id(number), reference=reference, withdrawn=True))
        write.end(WITHDRAWAL, number)
        after = {"replaced_by": successor} if successor else None
        write.audit("order.end_lost", f"order:{reference}", reason=because, after=after)
    return True


async def tell_again(context: Context, reference: str, *, reason: str) -> None:
    """Send the withdrawal of an order to the nodes once more, since one keeps the order in force."""
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        order = await _require(write.connection, reference)
        _publish(write, order)
        write.audit("order.end_lost", _subject(order), reason=because)


async def list_orders(context: Context, state: OrderState | None = None) -> tuple[Order, ...]:
    """Orders by number, without their names."""
    async with context.store.read() as connection:
        return tuple(await rows.list_orders(connection, state))


async def show(context: Context, reference: str) -> Order:
    """One order; the names of a confidential one are not shown."""
    async with context.store.read() as connection:
        return redacted(await _find(connection, reference))


async def count(context: Context) -> dict[str, int]:
    """Orders by state."""
    async with context.store.read() as connection:
        return await rows.count(connection)


async def held_back(context: Context, order: Order) -> str:
    """Why an order is quarantined: what it would block that is protected. Empty for any other order."""
    if order.state is not OrderState.QUARANTINED or order.damage:
        return ""
    try:
        full = await _whole(context, order.reference)
    except OperationError as error:
        return str(error)
    guarding = guards(context)
    overlap = guarding.overlap(full.demand)
    return _held_back(full, overlap) if overlap else guarding.doubted(order.reference) or _held_back(full, ())


async def lifted(context: Context, order: Order) -> Lifted | None:
    """The part of an accepted order that protection lifts; nothing of any other order. None: nobody knows,
    as ``protected.yaml`` or the order cannot be read."""
    if order.state is not OrderState.ACCEPTED or order.damage:
        return Lifted()
    try:
        full = await _whole(context, order.reference)
    except OperationError:
        return None
    guarding = guards(context)
    if guarding.unprotected:
        return None
    overlap = guarding.overlap(full.demand)
    return Lifted(len(overlap), () if full.demand.confidential else overlap)


async def hits_of(context: Context, order: Order) -> tuple[Hit, ...]:
    """The reach of an order that is or may be in force; of a confidential one without what it hits."""
    if order.damage or order.state is OrderState.WITHDRAWN:
        return ()
    try:
        full = await _whole(context, order.reference)
    except OperationError as error:
        return (Hit(HitKind.UNKNOWN, "", 0, f"not known: {str(error).splitlines()[0].rstrip(':')}"),)
    hits = guards(context).hits(full.demand)
    return tuple(each.unnamed for each in hits) if full.demand.confidential else hits


def redacted(order: Order) -> Order:
    """The order as it may be shown: without names and addresses where it is confidential, or may be."""
    if order.demand.confidential or order.damage:
        order = replace(order, demand=replace(order.demand, names=(), addresses=(), sealed=None))
    return replace(order, seal="")


def _publish(write: Write, order: Order) -> None:
    """Tell the nodes. Until a pending order is accepted they only keep the TTLs of its names short."""
    if order.state is not OrderState.QUARANTINED:
        write.change(change_of(order))


def _people(context: Context, hits: tuple[Hit, ...], state: OrderState = OrderState.PENDING) -> int:
    """How many people an order takes: two for one with a reach, and for one that was quarantined."""
    two = bool(hits) or state is OrderState.QUARANTINED
    return max(context.settings.orders.approvals, 2 if two else 1)


def _audited_reach(hits: tuple[Hit, ...]) -> dict[str, list[str]]:
    """The kinds of what it hits, for the trail: why it took two people."""
    return {"reach": sorted({hit.kind.value for hit in hits})} if hits else {}


def _accepted_if_enough(order: Order, people: int, now: float) -> Order:
    if order.state is OrderState.PENDING and len(order.approvals) >= people:
        return replace(order, state=OrderState.ACCEPTED, accepted_at=now)
    return order


def _require_undecided(order: Order) -> None:
    if order.state in (OrderState.ACCEPTED, OrderState.WITHDRAWN):
        message = f"order {order.reference} is {order.state.value} already"
        raise ConflictError(message, f"see it with: filterd order show {order.reference}")


def _require_possible(order: Order, kept: order_limits.Ours, nat64: order_limits.Nat64) -> None:
    """Refuse what could not be taken in today; a confidential order is not quoted."""
    try:
        order_limits.require_possible(order.demand, kept, nat64)
    except OperationError as error:
        what = "an entry of it can never be blocked" if order.demand.confidential else str(error)
        message = f"order {order.reference} cannot be in force: {what}"
        remedy = f"filterd order withdraw {order.reference} --reason ...; then add it without that entry"
        raise OperationError(message, remedy) from None


def _require_unprotected(order: Order, guarding: Guards) -> None:
    """Refuse what is protected, and to release a quarantined order while nobody knows what is."""
    overlap = guarding.overlap(order.demand)
    if overlap:
        raise ConflictError(_held_back(order, overlap), PROTECTED_REMEDY.format(order.reference))
    if order.state is OrderState.QUARANTINED and guarding.unprotected:
        remedy = f"mend the file, then approve; or: filterd order withdraw {order.reference} --reason ..."
        raise OperationError(guarding.doubted(order.reference), remedy)


def _held_back(order: Order, overlap: tuple[str, ...]) -> str:
    shown = f"{len(overlap)} names" if order.demand.confidential else ", ".join(overlap)
    if not overlap:
        return f"order {order.reference} is quarantined, but demands nothing any more that is protected"
    return f"order {order.reference} is quarantined, not enforced: it would block {shown}, protected"


async def _end_damaged(write: Write, order: Order, reason: str, successor: str) -> Order:
    """End an order whose row is not to be trusted. The row goes, and the trail says that there is none."""
    if not order.damage:
        message = f"order {order.reference} is not damaged"
        raise OperationError(message, f"run: filterd order withdraw {order.reference} --reason ...")
    number = number_of(order.reference) or order.number
    was_confidential = await _was_confidential(write.connection, order)
    ended = Order(
        number=number,
        reference=order.reference,
        state=OrderState.WITHDRAWN,
        demand=replace(order.demand, names=(), addresses=(), sealed=None, confidential=was_confidential),
        reason=order.reason,
        added_by=order.added_by,
        added_at=order.added_at,
        accepted_at=write.now,
        withdrawn_by=write.actor,
        withdrawn_at=write.now,
        withdrawal_reason=reason,
    )
    await rows.remove(write.connection, number, order.reference)
    write.end(WITHDRAWAL, number)
    _publish(write, ended)
    after = {**audited(ended), "damage": order.damage, ROW_DIGEST: ""}
    after.pop("digest", None)
    if successor:
        after["replaced_by"] = successor
    write.audit("order.withdraw", _subject(ended), reason=reason, after=after)
    return redacted(ended)


async def _was_confidential(connection: AsyncConnection, order: Order) -> bool:
    """The newest decision on it, not its row, says so. In doubt it was."""
    entries = await change_log.newest_entries(connection, 1, _subject(order))
    after = entries[-1].entry.after if entries else None
    return after is None or after.get("confidential") is not False


def _require_sound(order: Order) -> None:
    """Refuse to decide on an order whose row is not what was decided."""
    if order.damage:
        message = f"order {order.reference} is damaged in the store: {order.damage}"
        raise OperationError(message, DAMAGED_REMEDY.format(order.reference))


async def _whole(context: Context, reference: str) -> Order:
    """A sound order with its entries, be they sealed or not. Nobody is shown those of a sealed one."""
    async with context.store.read() as connection:
        found = await _require(connection, reference)
    return confidential.opened(context.settings, found)


async def _require(connection: AsyncConnection, reference: str) -> Order:
    found = await _find(connection, reference)
    _require_sound(found)
    return found


async def _require_in_force(write: Write, reference: str) -> str:
    """The reference of an order that nodes enforce at this moment."""
    found = await _require(write.connection, reference)
    if not found.in_force(write.now):
        message = f"order {found.reference} is not in force: its state is {found.state.value}"
        remedy = "see it in force first (filterd order approve, filterd order list), then end the old one"
        raise OperationError(message, remedy)
    return found.reference


async def _find(connection: AsyncConnection, reference: str) -> Order:
    found = await rows.find(connection, reference.strip().upper())
    if found is None:
        message = f"unknown order {reference.strip()[:32]!r}"
        guess = await _meant(connection, reference)
        raise UnknownError(message, f"{guess}see those that exist with: filterd order list")
    return found


async def _meant(connection: AsyncConnection, reference: str) -> str:
    """The order that was probably meant: 7 and o7 are O-7."""
    number = re.search(r"[1-9][0-9]{0,17}", reference)
    found = None if number is None else await rows.find(connection, f"O-{number[0]}")
    return "" if found is None else f"did you mean {found.reference}? "


def _subject(order: Order) -> str:
    return f"order:{order.reference}"
