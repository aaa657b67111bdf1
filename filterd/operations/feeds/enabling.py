"""Ready feeds: shipped with their address, and off until a person enables one.

Enabling is adopting: the store keeps the definition, and the feed is in force from then on like any other,
through restarts, restores and upgrades, until a person retires it (:func:`adoption.retire`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from filterd.model.records import AdoptedFeed, FeedVersion
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.nearest import did_you_mean
from filterd.operations.policies import policies
from filterd.policy.classes import ClassesError, assign
from filterd.policy.documents import Policies, ReadyFeed
from filterd.store import feeds as rows


@dataclass(frozen=True, slots=True)
class ReadyStatus:
    """A ready feed, and whether it is in force."""

    ready: ReadyFeed
    enabled: bool
    version: FeedVersion | None
    """the version in use; None while it is off, and until it is read"""
    shipped: bool
    """True if its entry came with the product, and no file of the operator's names it"""


@dataclass(frozen=True, slots=True)
class Enabled:
    """A ready feed that was just enabled."""

    ready: ReadyFeed
    adopted: AdoptedFeed


async def list_ready(context: Context) -> tuple[ReadyStatus, ...]:
    """Every ready feed, in the order of the files."""
    found = await adoption.policies_in_force(context)
    async with context.store.read() as connection:
        current = await rows.current(connection)
    return tuple(
        ReadyStatus(
            ready=each,
            enabled=each.feed.id in found.enabled,
            version=current.get(each.feed.id) if each.feed.id in found.enabled else None,
            shipped=("feeds.d", each.feed.id) in found.policies.shipped,
        )
        for each in found.policies.ready
    )


async def enable(context: Context, identifier: str, *, reason: str = "") -> Enabled:
    """Take a ready feed into force. Its list is read next: by control at once, or by a command."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000) if reason else ""
    documents = await asyncio.to_thread(policies, context)
    ready = _find(documents, identifier)
    async with context.store.write(context.actor, context.clock()) as write:
        if await adoption.stands(write.connection, ready.feed.id):
            message = f"the feed {ready.feed.id} is enabled already"
            raise OperationError(message, f"see how it stands: filterd feed show {ready.feed.id}")
        _require_room(documents, await adoption.definitions(write.connection), ready)
        adopted = await adoption.enable(context, write, ready.feed, reason=because)
    return Enabled(ready, adopted)


def _find(documents: Policies, identifier: str) -> ReadyFeed:
    """The ready feed of that id."""
    by_id = {each.feed.id: each for each in documents.ready}
    if identifier in by_id:
        return by_id[identifier]
    if identifier in {each.id for each in documents.feeds}:
        message = f"the feed {identifier} has its entry in feeds.yaml: it needs no enabling"
        raise OperationError(message, f"see how it stands: filterd feed show {identifier}")
    message = f"no ready feed {identifier[:64]!r}"
    known = "see those that there are with: filterd feed list --ready"
    raise OperationError(message, did_you_mean((identifier,), by_id) + known)


def _require_room(documents: Policies, adopted: Iterable[str], ready: ReadyFeed) -> None:
    """Raise OperationError where no snapshot could hold one more list: nothing would be built any more."""
    in_force = adoption.combined(documents, adopted).policies
    try:
        assign(replace(in_force, feeds=(*in_force.feeds, ready.feed)))
    except ClassesError as error:
        message = f"the feed {ready.feed.id} cannot be enabled: {error}"
        raise OperationError(message, "retire a feed that you can do without: filterd feed list") from error
