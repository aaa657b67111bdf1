"""Retires a feed, and takes its published editions from the disk at once."""

from __future__ import annotations

from filterd.model.records import AdoptedFeed
from filterd.operations.context import Context
from filterd.operations.feeds import adoption
from filterd.operations.feeds.nameless_reasons import require_nameless_reason
from filterd.operations.publishing import withdrawing


async def retire(context: Context, identifier: str, *, reason: str) -> AdoptedFeed:
    """As :func:`adoption.retire`. Raises OperationError also where its editions cannot be removed: it is
    retired then all the same, and the public pages do not serve them."""
    await require_nameless_reason(context, await adoption.feed_id(context, identifier), reason)
    ended = await adoption.retire(context, identifier, reason=reason)
    await withdrawing.sweep(context)
    return ended
