"""Updates feeds: each list is obtained, verified, read, judged, and taken into a new version or held back.

A version counts when its file is durable and its row committed, in that order. Whatever goes wrong with one
feed, its last good version stays and the others go on. An error of the store says nothing of a list: that
feed counts as untried, and is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from filterd.disk.key_ring import KeyRingError
from filterd.disk.keys import DIGEST_KEY
from filterd.feed.parsing import ParseReport
from filterd.feed.source import SourceError
from filterd.feed.version_checks import WEEK, Sizes
from filterd.model.mandatory import label_of
from filterd.model.records import FeedCheck, FeedFetch
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, obtaining, reading, rule_files, taking, unchanged
from filterd.operations.feeds.obtaining import Fetching, NotObtainedError, Obtained
from filterd.operations.feeds.taking import FeedUpdate, Known
from filterd.operations.feeds.verifying import Source, Verifier
from filterd.operations.keys import load_key
from filterd.operations.policies import feed as find_feed
from filterd.operations.policies import policies
from filterd.operations.publishing import withdrawing
from filterd.operations.registers import list_files
from filterd.operations.snapshot_input import Stamp, policies_stamp
from filterd.policy.adoption import InForce
from filterd.policy.documents import Feed
from filterd.policy.feed_documents import server_of
from filterd.policy.snapshot_layout import CURRENT, DIRECTORY
from filterd.store import feeds as rows
from filterd.store import fetches
from filterd.store import holds as hold_rows
from filterd.store.errors import StoreError
from filterd.telemetry import log

Progress = Callable[[str, int, int], None]
"""called with what is being done, how many are done, and of how many"""

FIRST_TRY = 120.0
"""seconds for the first try of a feed with all its servers while there is no snapshot, which waits for it.
The next try has :data:`obtaining.LONGEST`"""
_CHANGED = "its entry was changed while it was fetched; it is fetched anew: filterd feed update"


@dataclass(frozen=True, slots=True)
class _Basis:
    """The policies that an update began with."""

    found: InForce
    stamp: Stamp


async def update(
    context: Context,
    identifiers: Sequence[str] = (),
    *,
    progress: Progress | None = None,
    fetching: Fetching | None = None,
    restoring: bool = False,
) -> tuple[FeedUpdate, ...]:
    """Obtain and read these feeds, or all. One that changed gets a new version. Several are fetched at once,
    and each is taken once it has arrived, one after the other.

    With ``restoring`` a person takes what the sources have: the files of a backup may be sealed with a key
    that is not there, so that nothing can be compared with them but numbers.

    Raises StoreError where the store recorded none of them.
    """
    basis = await _basis(context)
    await withdrawing.sweep_or_warn(context)  # a list may have become confidential just now
    named = [find_feed(basis.found.policies, each) for each in identifiers]
    chosen = list({each.id: each for each in named or basis.found.policies.feeds}.values())
    told = _Told(progress, len(chosen))
    with rule_files.writing(context.settings.state_dir):
        async with context.store.read() as connection:
            read = await rows.current(connection)
            tried = await rows.tried(connection)
        waited_for = not (context.settings.state_dir / DIRECTORY / CURRENT).exists()
        short = frozenset(each.id for each in chosen if waited_for and each.id not in tried)
        run = _Run(context, basis, fetching or Fetching(), told, short, restoring=restoring)
        # Mandatory lists begin first, then those that were never read.
        begun = {
            feed.id: asyncio.create_task(run.update(feed))
            for feed in sorted(chosen, key=lambda feed: (not feed.mandatory, feed.id in read))
        }
        done = await _all([begun[feed.id] for feed in chosen])
    untried = [each.untried for each in done if each.untried is not None]
    if untried and len(untried) == len(done):
        raise untried[0]
    now = context.clock()
    checks = [
        FeedCheck(each.feed, now, 0.0 if each.problem else now, each.problem[:500])
        for each in done
        if each.untried is None
    ]
    async with context.store.report() as connection:
        await rows.record_checks(connection, checks)
        await fetches.record(connection, [each.fetch for each in done if each.fetch is not None])
    told.end()
    return tuple(done)


async def _basis(context: Context) -> _Basis:
    stamp = policies_stamp(context.settings)
    return _Basis(await adoption.settle(context, await asyncio.to_thread(policies, context)), stamp)


async def _all(tasks: Sequence[asyncio.Task[FeedUpdate]]) -> list[FeedUpdate]:
    """The results in their order; the first error ends all."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Told:
    """The progress of an update, for the caller."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def arrived(self, feed: str, size: int) -> None:
        """So many bytes of a list have arrived."""
        self._show(f"{feed}: {size / 1_000_000:.1f} MB")

    def read(self, feed: str, names: int) -> None:
        """So many names of a list have been read."""
        self._show(f"{feed}: {names:,} names" if names else feed)

    def taken(self) -> None:
        """One more feed is done."""
        self._done += 1

    def end(self) -> None:
        """All is done."""
        self._done = self._total
        self._show("")

    def _show(self, what: str) -> None:
        if self._progress is not None:
            self._progress(what, self._done, self._total)


@dataclass(frozen=True, slots=True)
class _Run:
    """One update of several feeds."""

    context: Context
    basis: _Basis
    fetching: Fetching
    told: _Told
    short: frozenset[str]
    """the feeds that have :data:`FIRST_TRY` alone"""
    restoring: bool

    async def update(self, feed: Feed) -> FeedUpdate:
        """Obtain one feed, and take what was got."""
        try:
            return await self._update(feed)
        except StoreError as error:  # its writes have waited for the lock: it is tried with the next pass
            problem = f"it was not recorded: {error}"
            return FeedUpdate(feed.id, "failed", None, ParseReport(), problem=problem, untried=error)

    async def _update(self, feed: Feed) -> FeedUpdate:
        verifier = Verifier(self.context, feed)
        try:
            await list_files.require_sound(self.context, feed)
            async with obtaining.obtained(
                self.context,
                feed,
                self.fetching,
                verifier,
                lambda size: self.told.arrived(feed.id, size),
                FIRST_TRY if feed.id in self.short else obtaining.LONGEST,
            ) as got:
                return await self._taken(feed, got)
        except NotObtainedError as error:
            return await self._failed(feed, error, error.record)
        except (SourceError, KeyRingError, OperationError) as error:
            return await self._failed(feed, SourceError(str(error)), None)
        except OSError as error:
            reason = f"it cannot be read: {error.strerror or error}"
            return await self._failed(feed, SourceError(reason), None)
        except StoreError:
            raise
        except Exception as error:
            label = label_of(feed.id, confidential=feed.confidential)
            log.get().error("a task failed", feed=label, **log.fault_fields(error))
            reason = f"a fault of filterd ({type(error).__name__}), which is in the log"
            return await self._failed(feed, SourceError(reason), None)

    async def _taken(self, feed: Feed, got: Obtained[Source]) -> FeedUpdate:
        async with self.fetching.taking:
            found = await self._in_force_still(feed) if feed.remote else self.basis.found
            if found is None:
                return await self._failed(feed, SourceError(_CHANGED), got.record)
            self.told.read(feed.id, 0)
            try:
                update = await self._update_one(found, feed, got.found)
            except (OSError, KeyRingError, OperationError) as error:
                # A disk that is full, a damaged key: this feed's trouble, and not that of the others.
                message = getattr(error, "strerror", None) or str(error)
                return await self._failed(feed, SourceError(f"it could not be kept: {message}"), got.record)
            self.told.taken()
        if not update.problem:
            await asyncio.to_thread(got.remember)
        return replace(update, fetch=got.record)

    async def _in_force_still(self, feed: Feed) -> InForce | None:
        """The policies in force, after a fetch that may have taken an hour; None where the feed is no more
        what it was."""
        if policies_stamp(self.context.settings) == self.basis.stamp:
            return self.basis.found
        found = (await _basis(self.context)).found
        return found if feed in found.policies.feeds else None

    async def _failed(self, feed: Feed, error: SourceError, record: FeedFetch | None) -> FeedUpdate:
        async with self.context.store.read() as connection:
            before = (await rows.current(connection)).get(feed.id)
        return FeedUpdate(feed.id, "failed", before, ParseReport(), problem=str(error), fetch=record)

    async def _update_one(self, found: InForce, feed: Feed, source: Source) -> FeedUpdate:
        """Read one list and take it, unless the version in force was read from the same."""
        context, state_dir = self.context, self.context.settings.state_dir
        known_version, most = await self._known(feed)
        before = known_version.before
        secret = load_key(context.settings, DIGEST_KEY) if feed.confidential else None
        stamp = unchanged.stamp_of(source.file)
        origin = await asyncio.to_thread(unchanged.origin_of, source, feed, found.policies, secret)
        if before is not None and origin is not None:
            known = await asyncio.to_thread(unchanged.still_stands, state_dir, origin, before, secret)
            if known is not None:
                return known
        try:
            read = await asyncio.to_thread(
                reading.read,
                source,
                feed,
                secret,
                context.settings.feeds.largest,
                lambda names: self.told.read(feed.id, names),
            )
        except SourceError as error:
            return FeedUpdate(feed.id, "failed", before, ParseReport(), problem=_said(feed, error))
        judged = await asyncio.to_thread(reading.judged, context, feed, found.policies, read, before)
        sizes = Sizes(before.names if before else None, most)
        done = await taking.take(context, found, feed, judged, known_version, sizes, secret)
        same = unchanged.stamp_of(source.file) == stamp  # it was not changed between the two readings of it
        if origin is not None and same:
            await asyncio.to_thread(unchanged.remember, state_dir, origin, done)
        return done

    async def _known(self, feed: Feed) -> tuple[Known, int]:
        """The version in force, and the largest number of names that the feed had within a week. A version
        whose row is not what was decided has no digest: what is read is decided on anew."""
        async with self.context.store.read() as connection:
            before = (await rows.current(connection)).get(feed.id)
            told = await rows.recorded(connection)
            most = await hold_rows.most_names(connection, feed.id, self.context.clock() - WEEK)
        decided = before
        if before is not None and rows.fault_of(before, told.get(feed.id)):
            trail = told.get(feed.id) or {"version": before.version, "digest": ""}
            decided = replace(before, version=int(trail["version"]), digest=str(trail["digest"]))
            before = replace(before, digest="")
        return Known(before, None if self.restoring else decided), most


def _said(feed: Feed, error: SourceError) -> str:
    """The error's text; of a list that was fetched, with its server."""
    return f"what {server_of(feed.source)} gave: {error}" if feed.remote else str(error)
