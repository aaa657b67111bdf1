"""Adopted feeds: taken into force when first read, kept whatever becomes of their entries, and retired by a
person.

``feeds.yaml`` proposes, the store remembers; a feed of ``feeds.d`` is taken by a person's word
(:mod:`enabling`). A use case that needs the policies in force asks
:func:`policies_in_force`; :func:`policies.policies` gives the files alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config import feed_entries
from filterd.config.feed_entries import DefinitionError, definition_of, entry_of, feed_of
from filterd.model.mandatory import OPAQUE, label_of
from filterd.model.records import AdoptedFeed, AdoptionState
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import policies
from filterd.policy.adoption import InForce, covers
from filterd.policy.documents import Feed, Policies
from filterd.store import adoptions, feeds
from filterd.store.store import Write

STANDING = frozenset((AdoptionState.ACTIVE, AdoptionState.RETIRING))
"""the states of a feed that is in force"""


@dataclass(frozen=True, slots=True)
class _Step:
    """A change that an entry or a person makes in the record of a feed."""

    action: str
    before: AdoptedFeed | None
    after: AdoptedFeed


async def policies_in_force(context: Context, documents: Policies | None = None) -> InForce:
    """The directory's policies, read now unless given, with every adopted feed whose entry was lost."""
    given = await asyncio.to_thread(policies, context) if documents is None else documents
    async with context.store.read() as connection:
        return combined(given, await definitions(connection))


async def definitions(connection: AsyncConnection) -> list[str]:
    """The definitions of all feeds in force, by feed."""
    return [
        each.definition for each in (await adoptions.every(connection)).values() if each.state in STANDING
    ]


def combined(documents: Policies, adopted: Iterable[str]) -> InForce:
    """The policies in force, of the directory's and the definitions in force. Raises OperationError."""
    try:
        return feed_entries.combined(documents, adopted)
    except DefinitionError as error:
        raise _damaged(error) from error


async def settle(context: Context, documents: Policies) -> InForce:
    """Take into the store what the entries say of feeds that are read, and return the policies in force.

    A feed that has a version is adopted; an adopted one is changed where its entry covers it; a retirement
    that waits for another person is void once the entry is back. A ready feed is adopted by a person alone.
    """
    async with context.store.read() as connection:
        due = await _steps(context, connection, documents)
    if due:
        async with context.store.write(context.actor, context.clock()) as write:
            for step in await _steps(context, write.connection, documents):
                await adoptions.put(write.connection, step.after)
                _audit(write, step)
    return await policies_in_force(context, documents)


async def _steps(context: Context, connection: AsyncConnection, documents: Policies) -> list[_Step]:
    known = await adoptions.every(connection)
    read = await feeds.current(connection)
    proposed = [entry for entry in documents.feeds if entry.id in read]
    proposed += [each.feed for each in documents.ready if _is_active(known.get(each.feed.id))]
    steps = (_step(context, entry, known.get(entry.id)) for entry in proposed)
    return [each for each in steps if each is not None]


def _is_active(adopted: AdoptedFeed | None) -> bool:
    return adopted is not None and adopted.state is AdoptionState.ACTIVE


def _step(context: Context, entry: Feed, before: AdoptedFeed | None) -> _Step | None:
    if before is None or before.state is AdoptionState.RETIRED:
        return _Step("feed.adopt", before, _new(context, entry))
    if not covers(entry, _feed(before.definition)):
        return None
    after = replace(
        before,
        definition=definition_of(entry),
        state=AdoptionState.ACTIVE,
        reason="",
        asked_by="",
        asked_at=0.0,
    )
    return None if after == before else _Step("feed.change", before, after)


def _new(context: Context, entry: Feed) -> AdoptedFeed:
    return AdoptedFeed(
        entry.id, definition_of(entry), AdoptionState.ACTIVE, context.actor, float(context.clock())
    )


async def stands(connection: AsyncConnection, feed: str) -> bool:
    """Return whether the feed is in force."""
    found = await adoptions.find(connection, feed)
    return found is not None and found.state in STANDING


async def adopt(context: Context, write: Write, entry: Feed, *, reason: str = "") -> None:
    """Take a feed into force in a transaction of the caller's, unless it is already."""
    if not await stands(write.connection, entry.id):
        before = await adoptions.find(write.connection, entry.id)
        step = _Step("feed.adopt", before, _new(context, entry))
        await adoptions.put(write.connection, step.after)
        _audit(write, step, reason)


async def enable(context: Context, write: Write, entry: Feed, *, reason: str = "") -> AdoptedFeed:
    """Take a ready feed into force in a transaction of the caller's, on a person's word."""
    before = await adoptions.find(write.connection, entry.id)
    step = _Step("feed.enable", before, _new(context, entry))
    await adoptions.put(write.connection, step.after)
    _audit(write, step, reason)
    return step.after


async def feed_id(context: Context, identifier: str) -> str:
    """The id of a feed in force that was named by its id, or by the label that metrics and findings have of a
    confidential one; else what was given."""
    if not identifier.startswith(OPAQUE):
        return identifier
    found = await policies_in_force(context)
    labels = {label_of(each.id, confidential=each.confidential): each.id for each in found.policies.feeds}
    return labels.get(identifier, identifier)


async def retire(context: Context, identifier: str, *, reason: str) -> AdoptedFeed:
    """End a feed that has lost its entry, or that was enabled. A mandatory one ends as an order begins: with
    ``orders.approvals: 2`` another person has to say it again."""
    context.require_person()
    identifier = await feed_id(context, identifier)
    because = input_values.text(reason, "reason", limit=1000)
    documents = await asyncio.to_thread(policies, context)
    entry = next((each for each in documents.feeds if each.id == identifier), None)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await adoptions.find(write.connection, identifier)
        kept = _require_retirable(identifier, before, entry)
        after = _retired(context, kept, because)
        await adoptions.put(write.connection, after)
        if after.state is AdoptionState.RETIRED and entry is None:
            await feeds.supersede(write.connection, identifier)
        _audit(write, _Step("feed.retire", before, after), because)
    return after


def _require_retirable(identifier: str, found: AdoptedFeed | None, entry: Feed | None) -> AdoptedFeed:
    """The feed in force, if it has lost its entry."""
    if found is None:
        message = f"no feed {identifier[:64]!r} is in force"
        raise OperationError(message, "see those that are with: filterd feed list")
    if found.state is AdoptionState.RETIRED:
        message = f"the feed {identifier} is retired already"
        raise OperationError(message, f"see who did it with: filterd audit tail --of feed:{identifier}")
    if entry is not None and covers(entry, _feed(found.definition)):
        message = f"the feed {identifier} has its entry in feeds.yaml, and would be adopted again at once"
        remedy = f"take the entry out of feeds.yaml (a shipped one: {{id: {identifier}, disabled: true}})"
        raise OperationError(message, f"{remedy}, then retire the feed")
    return found


def _retired(context: Context, before: AdoptedFeed, reason: str) -> AdoptedFeed:
    """The feed after one more person has asked for its end."""
    people = context.settings.orders.approvals if _feed(before.definition).mandatory is not None else 1
    now = float(context.clock())
    asked = before
    if before.state is AdoptionState.ACTIVE:
        asked = replace(
            before, state=AdoptionState.RETIRING, asked_by=context.actor, asked_at=now, reason=reason
        )
        if people > 1:
            return asked
    elif people > 1 and context.person_of(before.asked_by) == context.human:
        message = f"{context.actor} asked for the end of the feed {before.feed} already; it is in force still"
        raise OperationError(
            message, "another person has to confirm it with the same command, under their own user"
        )
    return replace(
        asked, state=AdoptionState.RETIRED, reason=reason, retired_by=context.actor, retired_at=now
    )


def _audit(write: Write, step: _Step, reason: str = "") -> None:
    write.audit(
        step.action,
        f"feed:{step.after.feed}",
        reason=reason,
        before=None if step.before is None else audited(step.before),
        after=audited(step.after),
    )


def audited(adopted: AdoptedFeed) -> dict[str, Any]:
    """The adoption as the audit trail shows it. Raises OperationError where it makes no sense."""
    people = {"asked_by": adopted.asked_by, "retired_by": adopted.retired_by}
    return {
        "state": adopted.state.value,
        "entry": entry_of(_feed(adopted.definition)),
        **{word: person for word, person in people.items() if person},
    }


def _feed(definition: str) -> Feed:
    """The feed of a definition in the store."""
    try:
        return feed_of(definition)
    except DefinitionError as error:
        raise _damaged(error) from error


def _damaged(error: DefinitionError) -> OperationError:
    remedy = "what is in force stays; restore the store from a backup, and see: filterd audit tail"
    return OperationError(str(error), remedy)
