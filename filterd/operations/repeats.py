"""Requests that may come twice: each is noted under a key before it acts, and is kept for a day.

Neither the change log nor the audit trail has them: they are nobody's decision.
"""

from __future__ import annotations

from filterd.model.order import Order
from filterd.model.subscriber import Subscriber
from filterd.operations import lines, orders
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.store import answered_requests as rows
from filterd.store import subscribers
from filterd.store.answered_requests import AnsweredRequest

KEPT_SECONDS = 86_400.0
LONGEST_WORK = 60.0
"""seconds after which a request that has no answer counts as broken off"""


async def begin(context: Context, key: str, digest: str) -> AnsweredRequest | None:
    """Note a request, or return the one that came under this key before."""
    now = context.clock()
    async with context.store.report(shared=True) as connection:
        await rows.prune(connection, now - KEPT_SECONDS)
        before = await rows.find(connection, key)
        if before is not None and (before.status or now - before.at < LONGEST_WORK):
            return before
        await rows.forget(connection, key)
        await rows.begin(connection, key, digest, now)
    return None


async def answered(context: Context, key: str, found: Subscriber | Order) -> None:
    """Note the line or order that the request was about."""
    subject = lines.subject(found.line) if isinstance(found, Subscriber) else f"order:{found.reference}"
    async with context.store.report(shared=True) as connection:
        await rows.answer(connection, key, 1, subject)


async def forget(context: Context, key: str) -> None:
    """Take a request back, which did nothing: it may come again with the same key."""
    async with context.store.report(shared=True) as connection:
        await rows.forget(connection, key)


async def subject_of(context: Context, subject: str) -> Subscriber | Order:
    """The line or order that an earlier request was about, as it is now."""
    kind, _, name = subject.partition(":")
    if kind == "order":
        return await orders.show(context, name)
    async with context.store.read() as connection:
        found = await subscribers.find_line(connection, int(name))
    if found is None:
        message = "the line of the earlier request was removed since"
        raise UnknownError(message, "choose a new Idempotency-Key to register one again")
    return found
