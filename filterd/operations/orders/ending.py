"""The end of an order by a person: withdrawn, ended though its row is damaged or gone, told again."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import order_id
from filterd.model.order import ENDED_BY_PEOPLE, Order, OrderState
from filterd.model.order_rows import ROW_DIGEST, audited, number_of
from filterd.model.order_sql import DECISIONS
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.orders.finding import find, require, require_sound, subject
from filterd.operations.orders.later_texts import require_nameless_texts
from filterd.operations.orders.life import emergency_step, record
from filterd.operations.orders.publishing import publish
from filterd.operations.orders.showing import redacted
from filterd.store import change_log
from filterd.store import orders as rows
from filterd.store.ledger import WITHDRAWAL
from filterd.store.store import Write


async def withdraw(
    context: Context,
    reference: str,
    *,
    reason: str,
    damaged: bool = False,
    replaced_by: str = "",
    emergency: bool = False,
) -> Order:
    """End an order at once. One person is enough at any hour: an unblock may never wait (R7). ``emergency``:
    another person looks at it afterwards (operations.orders.reviewing).

    ``damaged``: the person knows that its row in the store is damaged or gone. ``replaced_by``: the order as
    which a damaged one was taken in again; raises OperationError unless that one is in force.
    """
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await find(write.connection, reference)
        require_nameless_texts(context, before, reason=because)
        if damaged:
            successor = await _require_in_force(write, replaced_by) if replaced_by else ""
            return await _end_damaged(write, before, because, successor)
        require_sound(before)
        if before.state in ENDED_BY_PEOPLE:
            return redacted(before)
        order = replace(
            before,
            state=OrderState.WITHDRAWN,
            withdrawn_by=context.actor,
            withdrawn_at=write.now,
            withdrawal_reason=because,
        )
        steps = (emergency_step(context, write.now, because),) if emergency else ()
        # nodes are told of one that was never accepted here too: a node may keep it from a lost history
        order = await record(write, before, steps, "order.withdraw", order, WITHDRAWAL)
    return redacted(order)


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """Withdraw the order with this number, which was withdrawn before a restore brought it back. Where the
    restored store never had it, its end is noted: a node that was away may still have it in force. False
    where there is nothing to end."""
    async with context.store.read() as connection:
        found = await rows.find(connection, f"O-{number}")
    if found is None:
        return await end_lost(context, number, reason=reason)
    if found.state in ENDED_BY_PEOPLE:
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
        order = await require(write.connection, reference)
        require_nameless_texts(context, order, reason=because)
        publish(write, order)
        write.audit("order.end_lost", subject(order), reason=because)


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
    publish(write, ended)
    after = {**audited(ended), "damage": order.damage, ROW_DIGEST: ""}
    after.pop("digest", None)
    if successor:
        after["replaced_by"] = successor
    write.audit("order.withdraw", subject(ended), reason=reason, after=after)
    return redacted(ended)


async def _was_confidential(connection: AsyncConnection, order: Order) -> bool:
    """The newest decision on it, not its row, says so. In doubt it was."""
    entries = await change_log.newest_entries(connection, 1, subject(order), DECISIONS)
    after = entries[-1].entry.after if entries else None
    return after is None or after.get("confidential") is not False


async def _require_in_force(write: Write, reference: str) -> str:
    """The reference of an order that nodes enforce at this moment."""
    found = await require(write.connection, reference)
    if not found.in_force(write.now):
        message = f"order {found.reference} is not in force: its state is {found.state.value}"
        remedy = "see it in force first (filterd order approve, filterd order list), then end the old one"
        raise OperationError(message, remedy)
    return found.reference
