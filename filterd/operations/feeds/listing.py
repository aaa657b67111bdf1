"""Feeds as they stand: listed, shown, and with their versions."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.records import AdoptedFeed, FeedCheck, FeedHold, FeedVersion, VersionState
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.feeds.holding import is_held
from filterd.operations.policies import feed as find_feed
from filterd.policy.adoption import InForce, Orphaned
from filterd.policy.documents import Feed, Policies
from filterd.store import adoptions
from filterd.store import feeds as rows


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
    """None: nobody holds it at an older version, or asked to"""

    @property
    def held(self) -> bool:
        """True if a person holds it at the version in use: newer ones are not taken."""
        return is_held(self.hold, self.version)

    @property
    def quarantined(self) -> bool:
        """True if the newest version is quarantined, and the source was not read without a fault since."""
        if self.newest is None or self.newest.state is not VersionState.QUARANTINED:
            return False
        return self.check is None or bool(self.check.error)


async def list_feeds(context: Context) -> tuple[FeedStatus, ...]:
    """Every feed of the policies in force: those of ``feeds.yaml`` in its order, then those that vanished."""
    return await _statuses(context, await adoption.policies_in_force(context))


async def figures(context: Context) -> tuple[FeedStatus, ...]:
    """As :func:`list_feeds`, for metrics: where the policies cannot be read, every feed in force is without
    its entry, and goes on in its adopted definition."""
    try:
        found = await adoption.policies_in_force(context)
    except OperationError:
        async with context.store.read() as connection:
            found = adoption.combined(Policies(), await adoption.definitions(connection))
    return await _statuses(context, found)


async def show(context: Context, identifier: str) -> FeedStatus:
    """One feed."""
    found = await adoption.policies_in_force(context)
    feed = find_feed(found.policies, identifier)
    return next(each for each in await _statuses(context, found) if each.feed is feed)


async def _statuses(context: Context, found: InForce) -> tuple[FeedStatus, ...]:
    async with context.store.read() as connection:
        current = await rows.current(connection)
        checks = await rows.checks(connection)
        adopted = await adoptions.every(connection)
        holds = await rows.holds(connection)
        newest = {each.id: await rows.versions(connection, each.id, 1) for each in found.policies.feeds}
    return tuple(
        FeedStatus(
            feed=each,
            version=current.get(each.id),
            check=checks.get(each.id),
            newest=next(iter(newest[each.id]), None),
            adopted=adopted.get(each.id),
            orphaned=found.orphans.get(each.id),
            hold=holds.get(each.id),
            shipped=("feeds.yaml", each.id) in found.policies.shipped,
        )
        for each in found.policies.feeds
    )


async def versions(context: Context, identifier: str) -> tuple[FeedVersion, ...]:
    """The versions of a feed, newest first."""
    known = await adoption.feed_id(context, identifier)
    async with context.store.read() as connection:
        return tuple(await rows.versions(connection, known))
