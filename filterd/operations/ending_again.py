"""Ends again, in a restored store, what was ended after the backup was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from filterd.model.order import NOT_ACCEPTED, Order, OrderState
from filterd.operations import (
    authorisations,
    consent,
    erasure,
    liftings,
    shared_evidence,
    subscribers,
    tokens,
)
from filterd.operations.context import Context
from filterd.operations.integrity import SHOWN
from filterd.operations.orders import ending as order_ending
from filterd.operations.orders import suspending
from filterd.operations.passkeys import keeping as passkeys
from filterd.operations.portal import ending as portal_ending
from filterd.operations.privacy import arco, preservation
from filterd.store import consent as consent_rows
from filterd.store import orders as order_rows
from filterd.store import registers as register_rows
from filterd.store import subscribers as rows
from filterd.store.ledger import (
    ARCO_CLOSE,
    AUTHORISATION_END,
    CONTRACT_END,
    ERASURE,
    EVIDENCE_REJECTION,
    HOLD,
    HOLD_END,
    LIFTING_END,
    OPT_OUT,
    ORDER_ACCEPTED,
    ORDER_REPLACED,
    ORDER_RESUMED,
    ORDER_STEP,
    ORDER_SUCCESSOR,
    PASSKEY_END,
    PIN_END,
    REVOCATION,
    SECURITY_LEFT,
    WITHDRAWAL,
    Ended,
)

_BY_NUMBER = {
    ARCO_CLOSE: arco.end_again,
    AUTHORISATION_END: authorisations.end_again,
    CONTRACT_END: consent.end_again,
    EVIDENCE_REJECTION: shared_evidence.end_again,
    HOLD_END: preservation.end_again,
    LIFTING_END: liftings.end_again,
    ORDER_RESUMED: suspending.resume_again,
    PASSKEY_END: passkeys.end_again,
    PIN_END: portal_ending.end_again,
    REVOCATION: tokens.end_again,
}


_WITHDRAWN = "withdrawn again: {0}; look up the papers of those that were lifted on the authority's demand"
_RESUMED = "back in force: {0}: suspended in the backup, and resumed after it"
_WAITING = (
    "not in force: {0}: accepted after the backup, and waiting again: approve each anew with filterd order"
    " approve"
)
_OPEN = (
    "open until the end of the suspension in the backup: {0}: a later step is lost; look up the papers, and"
    " where it is to be blocked: filterd order resume"
)
_LOST = (
    "steps of {0} after the backup are lost: suspensions, confirmations, approvals, executions outside DNS,"
    " reports to the authority, reviews; each order is in the state of the backup: decide by its papers"
)
_REPLACED = (
    "blocked as a whole: {0}, of the registers {1}: single names of it were unblocked after the backup, and"
    " the papers of that are lost: take each document of these registers since then again (filterd register"
    " take, filterd register pull)"
)


def after(ended: Sequence[Ended], revision: int) -> list[Ended]:
    """The endings behind a revision. An order that a later one went on from is over once that one is."""
    found: list[Ended] = []
    before: dict[int, int] = {}
    last = None
    for each in (one for one in ended if one.revision > revision):
        if each.kind == ORDER_SUCCESSOR and last is not None and last.kind == ORDER_REPLACED:
            before[each.number] = last.number
        found.append(each)
        number = each.number
        while each.kind == WITHDRAWAL and number in before:
            number = before[number]
            found.append(replace(each, number=number))
        last = each
    return found


async def end_again(context: Context, ended: Ended) -> bool:
    """Repeat one ending, or the begin of a hold. False where the restored store does not have what was ended,
    or ended it already."""
    context = replace(context, way="restore")
    reason = f"ended at revision {ended.revision}, repeated after a restore"
    if ended.kind == HOLD:
        return await preservation.begin_again(context, ended.revision, until=ended.number)
    if ended.kind in (ORDER_STEP, ORDER_ACCEPTED, ORDER_REPLACED, ORDER_SUCCESSOR):
        return False  # nothing ended, or only a part: the restore says what is lost
    if ended.kind in (OPT_OUT, ERASURE, SECURITY_LEFT):
        return await _end_line(context, ended, reason)
    return await _BY_NUMBER.get(ended.kind, order_ending.end_again)(context, ended.number, reason=reason)


async def _end_line(context: Context, ended: Ended, reason: str) -> bool:
    async with context.store.read() as connection:
        found = await rows.find_line(connection, ended.number)
        waits = await consent_rows.waiting(connection, (ended.number,))
    if found is None or (ended.kind == OPT_OUT and not found.choices.opted_in and not waits):
        return False
    if ended.kind == SECURITY_LEFT and found.choices.security_left:
        return False
    if ended.kind == SECURITY_LEFT:
        await subscribers.leave_security(context, found.id, reason=reason)
    elif ended.kind == OPT_OUT:
        await subscribers.opt_out(context, found.id, reason=reason)
    else:
        await erasure.erase(context, found.id, reason=reason)
    return True


async def order_remarks(context: Context, ended: Iterable[Ended], done: Iterable[Ended]) -> list[str]:
    """The orders that a person must look at now: those in which something was repeated (``done``), those that
    wait again, those that are open though a lost step may have resumed them, and those with lost steps. One
    that has ended since needs nothing but its paper."""
    kinds = _orders_by_kind(ended)
    again = _orders_by_kind(done)
    over = kinds[WITHDRAWAL]
    touched = kinds[ORDER_STEP] | kinds[ORDER_RESUMED] | kinds[ORDER_ACCEPTED]
    found = await _found(context, touched - over)
    waiting = {each for each in kinds[ORDER_ACCEPTED] if each in found and found[each].state in NOT_ACCEPTED}
    open_ = {number for number, each in found.items() if each.state is OrderState.SUSPENDED}
    replaced = await _found(context, kinds[ORDER_REPLACED] - over)
    async with context.store.read() as connection:
        registers = await register_rows.registers_of(connection, replaced)
    remarks = (
        (again[WITHDRAWAL], _WITHDRAWN),
        (again[ORDER_RESUMED], _RESUMED),
        (waiting, _WAITING),
        (open_, _OPEN),
        (kinds[ORDER_STEP] - over - waiting, _LOST),
        (replaced.keys(), _REPLACED),
    )
    named = ", ".join(registers)
    return [text.format(_listed(numbers), named) for numbers, text in remarks if numbers]


def _orders_by_kind(ended: Iterable[Ended]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for each in ended:
        found[each.kind].add(each.number)
    return found


async def _found(context: Context, numbers: Iterable[int]) -> dict[int, Order]:
    async with context.store.read() as connection:
        found = {number: await order_rows.find(connection, f"O-{number}") for number in numbers}
    return {number: order for number, order in found.items() if order is not None}


def _listed(numbers: Iterable[int]) -> str:
    every = sorted(numbers)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(f"O-{number}" for number in every[:SHOWN]) + more
