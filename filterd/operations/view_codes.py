"""The code by which a holder lets support see the own names of the line, for some minutes.

Own names tell what a household visits, so that support sees their number alone. The holder asks for a code in
the provider's portal, or by another channel that is theirs, and reads it out. Whoever uses it first may look
until it expires, and nobody else; each look is audited, and so is each wrong code.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from filterd.model.subscriber import Subscriber
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.operations.errors import NotAllowedError
from filterd.store import view_codes as rows
from filterd.store.view_codes import ViewCode

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""those that nobody confuses on the telephone"""
LENGTH = 8
SECONDS = 600
TRIES = 5
SHOWN = "subscriber.own_names_shown"
"""the action of a look without a code"""


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code, which is shown this once."""

    code: str = field(repr=False)
    expires_at: float
    """Unix seconds"""


async def issue(context: Context, subscriber: str) -> IssuedCode:
    """Make a code for the holder of a line, in the place of the one before."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    code = f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        made = ViewCode(found.line, _digest(found.line, code), write.now + SECONDS, TRIES)
        await rows.put(write.connection, made)
        write.audit("subscriber.code", lines.subject(found.line))
    return IssuedCode(code, made.expires_at)


async def view(context: Context, subscriber: str, code: str) -> Subscriber:
    """The subscriber with the own names. Raises NotAllowedError for a code that is wrong, has expired, was
    tried too often, or is used by somebody else: one refusal for all."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        stored = await rows.find(write.connection, found.line)
        right = stored is not None and _holds(stored, code, context.actor, write.now)
        if stored is not None:
            left = stored.tries if right else max(stored.tries - 1, 0)
            viewer = context.actor if right else stored.viewer
            await rows.count_try(write.connection, found.line, left, viewer)
            action = "subscriber.own_names_seen" if right else "subscriber.code_refused"
            write.audit(action, lines.subject(found.line))
    if right:
        return found
    message = "the code is wrong, has expired, was tried too often, or is used by somebody else"
    remedy = f"ask the holder for a new one: filterd subscriber code {found.id}, or the portal"
    raise NotAllowedError(message, remedy)


async def look(context: Context, subscriber: str) -> Subscriber:
    """The subscriber with the own names, for somebody who may see them without a code. The look is on
    record."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        write.audit(SHOWN, lines.subject(found.line), after=context.by_way)
    return found


async def note_looks(context: Context, found: Iterable[Subscriber]) -> None:
    """Put on record that somebody is about to see the own names of these lines, where they have any."""
    seen = [each.line for each in found if each.choices.own_names]
    if seen:
        async with context.store.write(context.actor, context.clock(), shared=True) as write:
            for line in seen:
                write.audit(SHOWN, lines.subject(line), after=context.by_way)


def _holds(stored: ViewCode, code: str, actor: str, now: float) -> bool:
    same = hmac.compare_digest(stored.digest, _digest(stored.line, code))
    return same and stored.tries > 0 and now < stored.expires_at and stored.viewer in ("", actor)


def _digest(line: int, code: str) -> str:
    letters = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(f"{line}:{letters}".encode()).hexdigest()
