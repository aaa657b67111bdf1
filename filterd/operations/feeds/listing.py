"""Feeds as they stand: listed, shown, and with their versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from filterd.config.policies import PolicyPart
from filterd.feed.version_checks import HoldReason
from filterd.model.records import (
    AdoptedFeed,
    AskedTrust,
    FeedAcceptance,
    FeedCheck,
    FeedFetch,
    FeedHold,
    FeedSource,
    FeedVersion,
    HeldFeed,
    OriginProof,
    VersionState,
)
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.feeds.holding import is_held
from filterd.operations.policies import feed as find_feed
from filterd.operations.policies import part
from filterd.policy.adoption import InForce, Orphaned
from filterd.policy.documents import Feed, Policies, Publication
from filterd.store import adoptions, fetches, proofs
from filterd.store import feeds as rows
from filterd.store import holds as hold_rows

GONE_AFTER = 86400.0
"""seconds for which all servers must say that there is no such list, until the feed counts as gone"""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed of the policies with its versions and its last check."""

    feed: Feed
    version: FeedVersion | None
    check: FeedCheck | None
    newest: FeedVersion | None
    """differs from ``version`` where the newest one is quarantined"""
    adopted: AdoptedFeed | None = None
    """None: it was never in force"""
    orphaned: Orphaned | None = None
    """how it lost its entry in ``feeds.yaml``; None: it has it"""
    shipped: bool = False
    """True if its entry came with the product, and no file of the operator's names it"""
    hold: FeedHold | None = None
    """what of it is held back for a person"""
    acceptance: FeedAcceptance | None = None
    """the acceptance of the hold by one person, where it takes another's"""

    kept_back: HeldFeed | None = None
    """None: nobody holds it at an older version, or asked to"""
    fetch: FeedFetch | None = None
    """None: it was never fetched"""
    at: float = 0.0
    """the moment of which this is told, Unix seconds"""
    publication: Publication | None = None
    """of a ready feed"""
    off: bool = False
    """True for a ready feed that is not enabled: it is never read"""
    unread: bool = False
    """True if the files with its entry cannot be read: it goes on without, and nobody knows whether it was
    lost, though ``orphaned`` counts it so"""

    @property
    def stale(self) -> bool:
        """True if its list is in force, and was not read well for longer than its entry allows."""
        if self.version is None:
            return False
        # The first check of a list is recorded after its first version, once all lists of the turn are read.
        good = self.version.at if self.check is None else self.check.succeeded_at
        return self.at - good > self.feed.stale_after

    @property
    def barren(self) -> str:
        """The reason why nothing comes of the feed: ``never read``, ``no names`` or ``gone``; empty while it
        contributes."""
        if self.version is None:
            return "never read"
        if not self.version.names:
            return "no names"
        gone = self.fetch is not None and 0 < self.fetch.gone_since < self.at - GONE_AFTER
        return "gone" if gone else ""

    @property
    def holds(self) -> dict[str, int]:
        """The number of versions and names that are held back, by reason."""
        found = {HoldReason.POPULAR.value: self.hold.names} if self.hold and self.hold.names else {}
        return found | ({self.hold.reason: 1} if self.hold and self.hold.version else {})

    @property
    def held(self) -> bool:
        """True if a person holds it at the version in use: newer ones are not taken."""
        return is_held(self.kept_back, self.version)

    @property
    def quarantined(self) -> bool:
        """True if the newest version is quarantined, and the source gave nothing else since."""
        if self.newest is None or self.newest.state is not VersionState.QUARANTINED:
            return False
        return self.check is None or self.check.error == self.newest.note[:500]


async def list_feeds(context: Context) -> tuple[FeedStatus, ...]:
    """Every feed of the policies in force: those of ``feeds.yaml`` in its order, then the ready ones that are
    enabled, then those that vanished."""
    return await _statuses(context, await adoption.policies_in_force(context))


async def figures(context: Context) -> tuple[FeedStatus, ...]:
    """As :func:`list_feeds`, whatever is wrong with the policies: where the files of the feeds cannot be read
    whole, every feed in force is without its entry, and goes on in its adopted definition."""
    return (await standing(context))[0]


async def standing(context: Context) -> tuple[tuple[FeedStatus, ...], OperationError | None]:
    """As :func:`figures`, with the error of policies that cannot be read."""
    try:
        return await list_feeds(context), None
    except OperationError as error:
        unread = error
    read = await asyncio.to_thread(part, context, PolicyPart.FEEDS)
    async with context.store.read() as connection:
        adopted = await adoption.definitions(connection)
    found = adoption.combined(Policies() if read.problems else read.policies, adopted)
    statuses = await _statuses(context, found)
    return tuple(replace(each, unread=bool(read.problems)) for each in statuses), unread


async def show(context: Context, identifier: str) -> FeedStatus:
    """One feed; a ready one also while it is off."""
    found = await adoption.policies_in_force(context)
    in_force = {each.id for each in found.policies.feeds}
    off = [each.feed for each in found.policies.ready if each.feed.id == identifier not in in_force]
    found = replace(found, policies=replace(found.policies, feeds=(*found.policies.feeds, *off)))
    feed = find_feed(found.policies, identifier)
    return next(each for each in await _statuses(context, found) if each.feed is feed)


async def _statuses(context: Context, found: InForce) -> tuple[FeedStatus, ...]:
    published = {each.feed.id: each.publication for each in found.policies.ready}
    async with context.store.read() as connection:
        current = await rows.current(connection)
        checks = await rows.checks(connection)
        adopted = await adoptions.every(connection)
        fetched = await fetches.every(connection)
        held = await hold_rows.every(connection)
        asked = {
            each.feed: await hold_rows.acceptance(connection, each.feed, each.digest)
            for each in held.values()
        }
        kept_back = await rows.holds(connection)
        standing = {each for each, known in adopted.items() if known.state in adoption.STANDING}
        newest = {each.id: await rows.versions(connection, each.id, 1) for each in found.policies.feeds}
    return tuple(
        FeedStatus(
            feed=each,
            version=current.get(each.id),
            check=checks.get(each.id),
            newest=next(iter(newest[each.id]), None),
            adopted=adopted.get(each.id),
            orphaned=found.orphans.get(each.id),
            kept_back=kept_back.get(each.id),
            shipped=bool({("feeds.yaml", each.id), ("feeds.d", each.id)} & found.policies.shipped),
            fetch=fetched.get(each.id) if each.remote else None,
            at=context.clock(),
            hold=held.get(each.id),
            acceptance=asked.get(each.id),
            publication=published.get(each.id),
            off=each.id in published and each.id not in standing,
        )
        for each in found.policies.feeds
    )


async def versions(context: Context, identifier: str) -> tuple[FeedVersion, ...]:
    """The versions of a feed, newest first."""
    known = await adoption.feed_id(context, identifier)
    async with context.store.read() as connection:
        return tuple(await rows.versions(connection, known))


async def checks(context: Context) -> dict[str, FeedCheck]:
    """The last check of every feed, by feed."""
    async with context.store.read() as connection:
        return await rows.checks(connection)


@dataclass(frozen=True, slots=True)
class FeedOrigin:
    """The files that a feed's versions came from, and what is known of their signer."""

    sources: Mapping[int, FeedSource]
    """by version; those that were read by an earlier filterd have none"""
    newest: OriginProof | None
    """of the newest signed list that was taken; None: there is none"""
    asked: AskedTrust | None
    """a change of the key that waits for another person"""


async def origin(context: Context, identifier: str) -> FeedOrigin:
    """The origin of a feed's lists."""
    known = await adoption.feed_id(context, identifier)
    async with context.store.read() as connection:
        return FeedOrigin(
            await proofs.sources(connection, known),
            await proofs.newest(connection, known),
            await proofs.asked_trust(connection, known),
        )
