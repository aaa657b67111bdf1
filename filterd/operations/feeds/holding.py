"""Holds a feed at the version before: what its source says meanwhile is read, and not taken.

A hold counts while its version is the current one. A mandatory feed goes back on one person's word only where
nothing is unblocked by that; otherwise ``orders.approvals`` says how many people it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk.keys import DIGEST_KEY
from filterd.model.records import FeedVersion, HeldFeed, VersionState
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, rule_files
from filterd.operations.feeds.nameless_reasons import require_nameless_reason
from filterd.operations.keys import load_key
from filterd.operations.orders import people
from filterd.operations.policies import feed as find_feed
from filterd.policy.documents import Feed
from filterd.store import feeds as rows
from filterd.store.store import Write

_ALLOW = b" allow"


@dataclass(frozen=True, slots=True)
class HeldVersions:
    """A hold with the version that is in use, and the one that was before it was held."""

    hold: HeldFeed
    version: FeedVersion
    left: FeedVersion

    @property
    def waits(self) -> bool:
        """True if another person has to confirm it: nothing has changed yet."""
        return not self.hold.held_at


async def hold(context: Context, identifier: str, *, reason: str) -> HeldVersions:
    """Take a feed back to the version before, and keep it there. Raises OperationError where there is none,
    or its file is gone."""
    because = input_values.text(reason, "reason", limit=1000)
    feed = await _feed(context, identifier)
    await require_nameless_reason(context, feed.id, because)
    async with context.store.read() as connection:
        current, older = await _two_versions(connection, feed.id)
    needed = await asyncio.to_thread(_people, context, feed, current, older)
    if needed > 1:
        context.require_person()
        people.require_own(context, needed)
    async with context.store.write(context.actor, context.clock()) as write:
        if await _two_versions(write.connection, feed.id) != (current, older):
            message = f"the feed {feed.id} was read anew meanwhile"
            raise OperationError(message, f"look at it (filterd feed show {feed.id}) and hold it again")
        asked = (await rows.holds(write.connection)).get(feed.id)
        made = _confirmed(context, feed, older, asked, because, needed)
        await rows.put_hold(write.connection, made)
        if made.held_at:
            await rows.make_current(write.connection, older)
        _audit(write, made, current, older)
    return HeldVersions(made, older if made.held_at else current, current)


async def release(context: Context, identifier: str, *, reason: str = "") -> HeldFeed:
    """End a hold: the feed takes what its source says with its next update."""
    because = input_values.text(reason, "reason", limit=1000, required=False)
    known = await adoption.feed_id(context, identifier)
    await require_nameless_reason(context, known, because)
    async with context.store.write(context.actor, context.clock()) as write:
        found = (await rows.holds(write.connection)).get(known)
        if found is None:
            message = f"the feed {identifier[:64]!r} is not held"
            raise OperationError(message, "see the feeds with: filterd feed list")
        await rows.release(write.connection, known)
        write.audit(
            "feed.release", f"feed:{known}", reason=because, before={"version": found.version}, after={}
        )
    return found


def is_held(hold: HeldFeed | None, current: FeedVersion | None) -> bool:
    """True if a feed with this current version is kept there."""
    return hold is not None and current is not None and bool(hold.held_at) and hold.version == current.version


async def _feed(context: Context, identifier: str) -> Feed:
    known = await adoption.feed_id(context, identifier)
    return find_feed((await adoption.policies_in_force(context)).policies, known)


async def _two_versions(connection: AsyncConnection, feed: str) -> tuple[FeedVersion, FeedVersion]:
    """The current version, and the newest that was the current one before it."""
    current = (await rows.current(connection)).get(feed)
    held = (await rows.holds(connection)).get(feed)
    if is_held(held, current) and held is not None:
        message = f"the feed {feed} is held at version {held.version} already, by {held.held_by}"
        raise OperationError(message, f"let it go on with: filterd feed hold {feed} --release")
    older = [
        each
        for each in await rows.versions(connection, feed)
        if current is not None
        and each.version < current.version
        and each.state is VersionState.SUPERSEDED
        and each.digest != current.digest  # the same, taken again, is no way back
    ]
    if current is None or not older:
        message = f"the feed {feed} has no version before the one in use"
        remedy = "except single names (filterd exception add NAME), or mend the list at its source"
        raise OperationError(message, remedy)
    return current, older[0]


def _people(context: Context, feed: Feed, current: FeedVersion, older: FeedVersion) -> int:
    """How many people it takes. Raises OperationError where the older version's file is not as it was."""
    paths = [
        rule_files.rule_file(context.settings.state_dir, feed.id, each.version) for each in (current, older)
    ]
    secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
    if rule_files.digest_of(paths[1], secret) != older.digest:
        message = f"the file of version {older.version} of the feed {feed.id} is gone or damaged"
        remedy = f"the last {rule_files.KEPT_VERSIONS} versions are kept; mend the list at its source"
        raise OperationError(message, remedy)
    if feed.mandatory is None or covers(paths[1], paths[0]):
        return 1
    return context.settings.orders.approvals


def covers(older: Path, newer: Path) -> bool:
    """Return whether the older list blocks all that the newer one does. A newer list that cannot be read may
    block anything."""
    marked = merge(((line, False) for line in _lines(older)), ((line, True) for line in _lines(newer)))
    try:
        for line, group in groupby(marked, key=lambda each: each[0]):
            of_newer = {newer_one for _, newer_one in group}
            lacking = of_newer == {False} if line.endswith(_ALLOW) else of_newer == {True}
            if lacking:
                return False
    except OSError:
        return False
    return True


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a version's file, which are sorted."""
    rest = b""
    for piece in rule_files.read_pieces(path):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _confirmed(
    context: Context, feed: Feed, older: FeedVersion, asked: HeldFeed | None, reason: str, people: int
) -> HeldFeed:
    """The hold after one more person has asked for it."""
    now = float(context.clock())
    first = HeldFeed(feed.id, older.version, reason, context.actor, now)
    if people <= 1:
        return replace(first, held_by=context.actor, held_at=now)
    if asked is None or asked.held_at or asked.version != older.version:
        return first
    if context.person_of(asked.asked_by) == context.human:
        message = f"{context.actor} asked to hold the feed {feed.id} already; it is as it was"
        remedy = "another person has to confirm it with the same command, under their own user"
        raise OperationError(message, remedy)
    return replace(asked, held_by=context.actor, held_at=now)


def _audit(write: Write, made: HeldFeed, current: FeedVersion, older: FeedVersion) -> None:
    before, after = (
        {"version": each.version, "digest": each.digest, "names": each.names} for each in (current, older)
    )
    action = rows.HELD if made.held_at else "feed.ask_hold"
    write.audit(action, f"feed:{made.feed}", reason=made.reason, before=before, after=after)
