"""The hand-over log: what the next officer must know, with everything that is open; the next acknowledges."""

from __future__ import annotations

import secrets

from filterd.model.duty import HandOver
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.duty.requests import digest_of
from filterd.operations.errors import ConflictError, NotAllowedError, UnknownError
from filterd.store import duty as rows

MAX_WORDS = 4_000
MOST = 50
"""hand-overs that are shown"""
LISTED = 200
"""open items that one keeps"""


async def write_down(context: Context, text: str) -> HandOver:
    """Write what the next officer must know. The open items of this moment are kept with it. It is never
    changed; a second one adds to it."""
    from filterd.operations.duty import due

    words = _lines(text)
    found = await due.everything(context)
    items = tuple(due.line_of(each) for each in found.items[:LISTED])
    salt = secrets.token_hex(16)
    async with context.store.write(context.actor, context.clock()) as write:
        made = HandOver(write.before.revision + 1, write.now, context.actor, words, items)
        await rows.add_handover(write.connection, made, salt)
        after = {
            "open_items": len(found.items),
            "overdue": len(found.overdue),
            "words": digest_of(salt, words),
        }
        write.audit("handover.write", f"handover:{made.number}", after=after)
    return made


async def read(context: Context, number: int) -> HandOver:
    """Acknowledge a hand-over, as another person than its writer. Reading it again changes nothing."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find_handover(write.connection, number)
        if found is None:
            message = f"there is no hand-over {number}"
            raise UnknownError(message, "see those that exist with: filterd duty handover list")
        if context.person_of(found.actor) == context.human:
            message = f"hand-over {number} was written by the same person"
            raise NotAllowedError(message, "the next officer acknowledges it, under their own account")
        if context.actor in [actor for actor, _ in found.seen]:
            message = f"{context.actor} acknowledged hand-over {number} before"
            raise ConflictError(message, "see it with: filterd duty handover list")
        await rows.see_handover(write.connection, number, context.actor, write.now)
        write.audit("handover.read", f"handover:{number}", after={"read": True})
        again = await rows.find_handover(write.connection, number)
    return again or found


async def listed(context: Context, most: int = MOST) -> list[HandOver]:
    """The newest hand-overs, newest first."""
    async with context.store.read() as connection:
        return await rows.handovers(connection, most)


async def newest(context: Context) -> HandOver | None:
    """The newest hand-over."""
    return next(iter(await listed(context, 1)), None)


def _lines(text: str) -> str:
    """Printable words of several lines."""
    lines = [" ".join(each.split()) for each in text.strip().splitlines()]
    joined = "\n".join("".join(sign for sign in each if sign.isprintable()) for each in lines)
    input_values.text(joined.replace("\n", " "), "hand-over", limit=MAX_WORDS)
    return joined
