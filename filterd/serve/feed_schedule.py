"""The reading of feeds by control: files in each turn, servers in the background.

A fetch may take an hour. It keeps nobody waiting: each has a task of its own, and the turn goes on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from filterd.model.mandatory import label_of
from filterd.model.records import VersionState
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import fetched_files, listing, updating
from filterd.operations.feeds.obtaining import Fetching
from filterd.operations.feeds.taking import FeedUpdate
from filterd.operations.feeds.verifying import source_files
from filterd.operations.snapshot_input import Stamp, stamp_of
from filterd.policy.documents import Feed
from filterd.store.errors import StoreError
from filterd.telemetry import log

FIRST_RETRY = 60.0
LONGEST_RETRY = 3600.0
"""seconds until a feed that could not be read is tried again: the first doubles with each failure"""
LEAST_RETRY = 15.0
SPREAD = 0.1
"""the share of the refresh by which a fetch is early by chance, so that nodes do not all ask at once"""
WATCH_SECONDS = 60.0
"""between two looks for feeds that contribute nothing"""

Report = Callable[[Exception | None], None]
"""called with the failure to record what was read, or None after a success"""


@dataclass(slots=True)
class FeedSchedule:
    """When each feed is read. Owned by one event loop."""

    report: Report
    fetching: Fetching = field(default_factory=Fetching)
    chance: Callable[[], float] = random.SystemRandom().random
    _sources: dict[str, tuple[Feed, Stamp]] = field(default_factory=dict)
    """what each feed was last read by: its definition, and the stamp of its source"""
    _next_at: dict[str, float] = field(default_factory=dict)
    """when each feed is read the next time, unless its file or its entry changes before"""
    _failures: dict[str, int] = field(default_factory=dict)
    """failures in a row"""
    _unrecorded: dict[str, str] = field(default_factory=dict)
    """why the last outcome of each feed could not be recorded"""
    _said: dict[str, str] = field(default_factory=dict)
    """the problem of each feed, as last logged"""
    _held: dict[str, int] = field(default_factory=dict)
    """how many names of each feed are held back, as last logged"""
    _barren: dict[str, str] = field(default_factory=dict)
    """why each feed contributes nothing, as last logged"""
    _stale: set[str] = field(default_factory=set)
    """the stale feeds, as last logged"""
    _watched_at: float = 0.0
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def turn(self, context: Context, feeds: Sequence[Feed]) -> None:
        """Read the files that changed or are due, and begin the fetches that are."""
        await self._read_files(context, [each for each in feeds if not each.remote])
        await self._begin_fetches(context, [each for each in feeds if each.remote])
        await self._watch(context)

    @property
    def under_way(self) -> set[str]:
        """The feeds that are being fetched."""
        return set(self._running)

    def waits_for(self, feed: Feed) -> str:
        """A feed that was not tried so far, for a message: its label, with the reason if it is known."""
        label = label_of(feed.id, confidential=feed.confidential)
        if feed.id in self._running:
            return f"{label} (being fetched, for {updating.FIRST_TRY:g} s at most)"
        trouble = self._unrecorded.get(feed.id)
        return f"{label} (not recorded: {trouble})" if trouble else label

    def next_at(self, feed: str) -> float:
        """When a feed is read the next time, Unix seconds."""
        return self._next_at[feed]

    def forget(self, feed: str) -> None:
        """Read a feed at once, should it come again."""
        self._sources.pop(feed, None)
        self._next_at.pop(feed, None)

    def read_at_once(self, feed: str) -> None:
        """Read a feed with the next turn, whatever its refresh says."""
        self._next_at[feed] = 0.0

    async def settled(self) -> None:
        """Wait until no fetch is under way."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """End the fetches that are under way: what they got so far is dropped."""
        running = [*self._running.values()]
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _read_files(self, context: Context, feeds: Sequence[Feed]) -> None:
        now = context.clock()
        due: list[Feed] = []
        for feed in feeds:
            stamp = (feed, stamp_of(source_files(context.settings.policies, feed)))
            if stamp != self._sources.get(feed.id) or self._is_due(feed, now):
                self._sources[feed.id] = stamp
                due.append(feed)
        if due:
            failed = {each.feed for each in await self._update(context, due) if each.outcome == "failed"}
            for feed in due:
                self._rest(context, feed, feed.id in failed)
                if feed.id in self._unrecorded:
                    self._sources.pop(feed.id, None)  # it is read with the next turn

    async def _update(self, context: Context, due: Sequence[Feed]) -> tuple[FeedUpdate, ...]:
        """Read these feeds, and log what went wrong. The outcomes that were recorded."""
        try:
            done = await updating.update(context, [feed.id for feed in due], fetching=self.fetching)
        except (OperationError, StoreError, OSError) as error:
            self._unrecorded.update(dict.fromkeys((feed.id for feed in due), str(error)))
            self.report(error)
            return ()
        untried = [each.untried for each in done if each.untried is not None]
        self.report(untried[0] if untried else None)
        labels = {each.id: label_of(each.id, confidential=each.confidential) for each in due}
        for update in done:
            if update.untried is not None:
                self._unrecorded[update.feed] = str(update.untried)
                continue
            self._unrecorded.pop(update.feed, None)
            self._log(labels[update.feed], update)
            self._log_held(labels[update.feed], update)
        return tuple(each for each in done if each.untried is None)

    def _log(self, label: str, update: FeedUpdate) -> None:
        """Log a problem, once however often it is tried again."""
        if update.problem and self._said.get(update.feed) != update.problem:
            quarantined = update.outcome == "quarantined"
            event = "a feed's new version is held back" if quarantined else "a feed was not read"
            kept = "; the version that was read before stays in use" if update.version else ""
            remedy = f"filterd feed show {label}{kept}"
            log.get().error(event, feed=label, reason=update.problem, remedy=remedy)
        elif not update.problem and self._said.get(update.feed):
            log.get().info("a feed is read again", feed=label)
        self._said[update.feed] = update.problem

    def _log_held(self, label: str, update: FeedUpdate) -> None:
        """Say that names are held back, when their number changes: they pass until somebody decides."""
        if update.held and update.held != self._held.get(label):
            event = "popular names of a list are held back"
            remedy = f"filterd feed diff {label}; if they are right: filterd feed update {label} --accept"
            log.get().error(event, feed=label, names=update.held, remedy=remedy)
        self._held[label] = update.held

    async def _begin_fetches(self, context: Context, feeds: Sequence[Feed]) -> None:
        now = context.clock()
        for feed in feeds:
            if feed.id in self._running:
                continue
            if self._sources.get(feed.id) != (feed, ()):
                self._next_at[feed.id] = await self._first_time(context, feed)
                self._sources[feed.id] = (feed, ())
            if self._is_due(feed, now):
                task = asyncio.get_running_loop().create_task(self._fetch(context, feed))
                self._running[feed.id] = task

    async def _first_time(self, context: Context, feed: Feed) -> float:
        """When a feed is fetched that this process has not fetched by this entry: after a restart as before,
        else at once, as one that was retired and is back."""
        if feed.id in self._sources:
            return context.clock()
        known = await asyncio.to_thread(fetched_files.kept_entry, context.settings.state_dir, feed)
        checks = await listing.checks(context)
        check = checks.get(feed.id)
        if known != fetched_files.digest_of_entry(feed) or check is None or check.error:
            return context.clock()
        versions = await listing.versions(context, feed.id)
        if not any(each.state is VersionState.CURRENT for each in versions):
            return context.clock()
        return check.checked_at + self._interval(feed)

    async def _fetch(self, context: Context, feed: Feed) -> None:
        """Fetch one feed, and set the next time."""
        try:
            done = await self._update(context, [feed])
            self._rest(context, feed, not done or any(each.outcome == "failed" for each in done))
        except Exception as error:  # the feed rests like one that failed in a way we know
            label = label_of(feed.id, confidential=feed.confidential)
            log.get().error("a task failed", feed=label, **log.fault_fields(error))
            self._rest(context, feed, failed=True)
        finally:
            self._running.pop(feed.id, None)

    def _is_due(self, feed: Feed, now: float) -> bool:
        """True once its time has come, or where the clock was set back since that was set."""
        return not 0 < self._next_at.get(feed.id, 0.0) - now <= feed.refresh

    def _rest(self, context: Context, feed: Feed, failed: bool) -> None:
        """Set when a feed is read next."""
        self._failures[feed.id] = self._failures.get(feed.id, 0) + 1 if failed else 0
        wait = self._retry(feed) if failed else self._interval(feed)
        self._next_at[feed.id] = context.clock() + wait

    def _interval(self, feed: Feed) -> float:
        return feed.refresh * (1 - SPREAD * self.chance())

    def _retry(self, feed: Feed) -> float:
        """Seconds until the next try, by chance up to a bound that doubles with each failure."""
        bound = min(FIRST_RETRY * 2.0 ** min(self._failures[feed.id] - 1, 16), LONGEST_RETRY, feed.refresh)
        return min(max(self.chance() * bound, LEAST_RETRY), feed.refresh)

    async def _watch(self, context: Context) -> None:
        """Log each feed that contributes nothing or is stale, once, and each that is well again."""
        now = context.clock()
        if 0 <= now - self._watched_at < WATCH_SECONDS:
            return
        self._watched_at = now
        every = await listing.figures(context)
        seen = [each for each in every if each.check is not None or each.feed.id not in self._running]
        barren = {each.feed.id: each.barren for each in seen if each.barren}
        stale = {each.feed.id for each in seen if each.stale and not each.barren}
        for feed, why in barren.items():
            if self._barren.get(feed) != why:
                remedy = f"filterd feed show {feed}"
                log.get().error("a feed contributes nothing", feed=feed, reason=why, remedy=remedy)
        for feed in stale - self._stale:
            remedy = f"filterd feed show {feed}; its last good version stays in use"
            log.get().error("a feed is stale", feed=feed, remedy=remedy)
        for feed in (self._barren.keys() | self._stale) - (barren.keys() | stale):
            log.get().info("a feed contributes again, or is retired", feed=feed)
        self._barren, self._stale = barren, stale
