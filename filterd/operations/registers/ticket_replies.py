"""Replies to a platform of tickets: each item is processed, or unprocessed with a reason, until it is taken.

A reply that was taken is not sent again by the same process; one sent twice after a restart changes nothing
there. The order of a ticket counts as reported once all its replies were taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from filterd.feed.registers.ticket_messages import is_taken
from filterd.fetch.failures import FetchError
from filterd.model.register import ItemAnswer, ItemReason, RegisterItem, RegisterRun
from filterd.operations.registers.ticket_visits import TicketMemory

AT_ONCE = 8
"""replies under way at the same time"""
PROCESSED = "/api/v1/ticket/item/set/processed"
UNPROCESSED = "/api/v1/ticket/item/set/unprocessed"
PROTECTED = "/api/v1/white" + "list/item/create"
"""the platform's own word, which is none of ours"""
REASONS: Mapping[ItemReason, str] = {
    ItemReason.PROTECTED: "PROTECTED",
    ItemReason.NOT_EXECUTABLE: "NOT_EXECUTABLE_BY_DNS",
    ItemReason.OVER_CAPACITY: "OVER_CAPACITY",
    ItemReason.MALFORMED: "MALFORMED",
}
"""the platform's word for each reason of the fixed list"""


class Replies(Protocol):
    """The replies that a platform takes. Raises FetchError."""

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The answer to one."""


async def reply(
    platform: Replies,
    run: RegisterRun,
    items: Sequence[RegisterItem],
    written: Sequence[str],
    memory: TicketMemory,
) -> str:
    """Send the replies to the items of a run that were not taken yet. Empty: all are taken; else why the
    first of the others was not. ``written``: the entries as the platform wrote them, by their number; empty
    where it does not have the ticket any more. Never raises for what the platform does."""
    waiting = [e for e in items if e.answer is not None and (run.number, e.number) not in memory.replied]
    starts = range(1, len(waiting), AT_ONCE)  # the first alone: where a login is due, it signs in for all
    for some in (waiting[:1], *(waiting[start : start + AT_ONCE] for start in starts)):
        troubles = await asyncio.gather(*(_sent(platform, *_message(each, written)) for each in some))
        for each, trouble in zip(some, troubles, strict=True):
            if not trouble:
                memory.replied.add((run.number, each.number))
        if any(troubles):
            return next(filter(None, troubles))
    memory.replied -= {(run.number, each.number) for each in items}
    return ""


async def _sent(platform: Replies, path: str, body: Mapping[str, Any]) -> str:
    """Send one reply; why it was not taken, or empty."""
    try:
        taken = is_taken(await platform.post(path, body))
    except FetchError as error:
        return str(error)
    return "" if taken else "the platform does not say that it took a reply"


def _message(item: RegisterItem, written: Sequence[str]) -> tuple[str, dict[str, str]]:
    value = written[item.number - 1] if item.number <= len(written) else item.value.removesuffix("/32")
    if item.answer is ItemAnswer.PROCESSED or item.reason is None:
        return PROCESSED, {"value": value}
    return UNPROCESSED, {"value": value, "reason": REASONS[item.reason]}


async def tell_protected(platform: Replies, items: Sequence[str], memory: TicketMemory) -> int:
    """Tell the platform what the provider protects, each item once in a process; return how many were new.
    Raises FetchError."""
    fresh = [each for each in items if each not in memory.told]
    for each in fresh:
        genre = "ipv4" if each.replace(".", "").isdigit() else "fqdn"
        if is_taken(await platform.post(PROTECTED, {"genre": genre, "item": each})):
            memory.told |= {each}
    return len(fresh)
