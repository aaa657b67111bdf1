"""A change of the key that a mandatory feed's lists are believed by.

``feeds.yaml`` names the new key, or none; until a person says so here, the feed is read by the adopted
definition. With ``orders.approvals: 2`` another person has to say it again. Serials go on: a list that the
new key signs needs a higher one than the last.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from filterd.config.feed_entries import definition_of, feed_of
from filterd.model.records import AdoptedFeed, AdoptionState, AskedTrust
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.feeds.nameless_reasons import require_nameless_reason
from filterd.operations.policies import policies
from filterd.policy.adoption import proves, reaches
from filterd.policy.documents import Feed
from filterd.store import adoptions, proofs
from filterd.store.store import Write


@dataclass(frozen=True, slots=True)
class Trusted:
    """The outcome of one person's word on a key."""

    feed: str
    public_key: str
    """of the entry in feeds.yaml; empty: its lists are taken unsigned"""
    waiting: AskedTrust | None
    """None: the key is in force"""


async def trust(context: Context, identifier: str, *, reason: str) -> Trusted:
    """Take the key that the entry of a feed names, or its end, into force. Raises OperationError."""
    context.require_person()
    identifier = await adoption.feed_id(context, identifier)
    because = input_values.text(reason, "reason", limit=1000)
    await require_nameless_reason(context, identifier, because)
    documents = await asyncio.to_thread(policies, context)
    entry = next((each for each in documents.feeds if each.id == identifier), None)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await adoptions.find(write.connection, identifier)
        kept, found = _require_rekeyed(identifier, before, entry)
        key = "" if found.signature is None else found.signature.public_key
        waiting = await _waiting(context, write, identifier, key, because)
        if waiting is None:
            await _trust(write, kept, found, because)
    return Trusted(identifier, key, waiting)


def _require_rekeyed(
    identifier: str, adopted: AdoptedFeed | None, entry: Feed | None
) -> tuple[AdoptedFeed, Feed]:
    """The feed in force and its entry, if the entry's key is all that keeps it from being taken."""
    if adopted is None or adopted.state not in adoption.STANDING:
        message = f"no feed {identifier[:64]!r} is in force"
        raise OperationError(message, "see those that are with: filterd feed list")
    if entry is None:
        message = f"the feed {identifier} has no entry in feeds.yaml"
        raise OperationError(message, "write its entry with the new key, then give this command again")
    kept = feed_of(adopted.definition)
    if proves(entry, kept):
        message = f"the key of the feed {identifier} in feeds.yaml is in force already"
        raise OperationError(message, f"see it with: filterd feed show {identifier} --json")
    if not reaches(entry, kept):
        message = f"the entry of the feed {identifier} would lift what was adopted, beside its key"
        raise OperationError(message, "change its key alone; put the rest back as it was")
    return adopted, entry


async def _waiting(context: Context, write: Write, feed: str, key: str, reason: str) -> AskedTrust | None:
    """The request that waits for another person after this one spoke; None: all have spoken."""
    asked = await proofs.asked_trust(write.connection, feed)
    if context.settings.orders.approvals < 2:
        return None
    if asked is None or asked.public_key != key:
        asked = AskedTrust(feed, key, context.actor, float(context.clock()), reason)
        await proofs.ask_trust(write.connection, asked)
        write.audit("feed.ask_trust", f"feed:{feed}", reason=reason, after={"public_key": key})
        return asked
    if context.person_of(asked.asked_by) == context.human:
        message = f"{context.actor} asked for this key of the feed {feed} already; the old one is in force"
        raise OperationError(
            message, "another person has to confirm it with the same command, under their own user"
        )
    return None


async def _trust(write: Write, before: AdoptedFeed, entry: Feed, reason: str) -> None:
    after = replace(
        before,
        definition=definition_of(entry),
        state=AdoptionState.ACTIVE,
        reason="",
        asked_by="",
        asked_at=0.0,
    )
    await proofs.forget_asked_trust(write.connection, entry.id)
    await adoptions.put(write.connection, after)
    write.audit(
        "feed.change",
        f"feed:{entry.id}",
        reason=reason,
        before=adoption.audited(before),
        after=adoption.audited(after),
    )
