"""Ends again, in a restored store, what was ended after the backup was made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

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
from filterd.operations.portal import ending as portal_ending
from filterd.operations.privacy import arco, preservation
from filterd.store import consent as consent_rows
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
    ORDER_STEP,
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
    PIN_END: portal_ending.end_again,
    REVOCATION: tokens.end_again,
}


async def end_again(context: Context, ended: Ended) -> bool:
    """Repeat one ending, or the begin of a hold. False where the restored store does not have what was ended,
    or ended it already."""
    context = replace(context, way="restore")
    reason = f"ended at revision {ended.revision}, repeated after a restore"
    if ended.kind == HOLD:
        return await preservation.begin_again(context, ended.revision, until=ended.number)
    if ended.kind == ORDER_STEP:
        return False  # nothing ended: the restore says that the step is lost
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


def lost_steps(ended: Iterable[Ended]) -> list[str]:
    """A remark on the orders whose steps after the backup nobody can repeat; none where there are none. One
    that has ended since needs them no more."""
    found = list(ended)
    over = {each.number for each in found if each.kind == WITHDRAWAL}
    orders = sorted({each.number for each in found if each.kind == ORDER_STEP} - over)
    if not orders:
        return []
    more = f" and {len(orders) - SHOWN} more" if len(orders) > SHOWN else ""
    listed = ", ".join(f"O-{number}" for number in orders[:SHOWN])
    return [
        f"steps of {listed}{more} after the backup are lost: suspensions and their ends, executions outside"
        " DNS, confirmations, reviews; each order is in the state of the backup: decide by its papers"
    ]
