"""What control does by itself: read feeds whose source changed, compile when there is something new,
prune the log.

Whatever goes wrong with one step is logged once and tried again; the last good lists and snapshot stay in
force.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk.files import replace_file
from filterd.model.changelog import MANDATORY
from filterd.operations import feeds, snapshots
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import policies
from filterd.policy import layout
from filterd.policy.documents import Feed, Policies
from filterd.store import feeds as feed_rows
from filterd.store import log as log_rows
from filterd.store.errors import StoreError
from filterd.telemetry import log

CHECK_SECONDS = 1.0
RETRY_SECONDS = 30.0
"""between two tries of a step that failed while nothing changed"""
FOLD_SECONDS = 600.0
"""orders newer than the snapshot are folded into another one after this time, so that the overlay stays
small"""
FOLD_SIZE = 1 << 20
"""and at once when they have grown to this many characters, some thirty thousand names: the overlay is meant
for 65,536 entries. Beyond that they hold all the same, but each further order takes longer"""
KEPT_CHANGES = 200_000
"""revisions that the change log keeps: what a node may have missed without a full resync"""

Stamp = tuple[tuple[str, int, int], ...]
"""path, time of change and size of some files"""


@dataclass(slots=True)
class Maintenance:
    """The steps and what they remember. One event loop."""

    context: Context
    compile_failures: int = 0
    _sources: dict[str, Stamp] = field(default_factory=dict)
    _read_at: dict[str, float] = field(default_factory=dict)
    _failed: dict[str, tuple[str, float]] = field(default_factory=dict)
    """step -> what it was tried with when it failed, and when"""
    _sound: Stamp = ()
    """of the snapshot that was found sound last"""

    def change_settings(self, settings: Settings) -> None:
        """Take effect with the next turn."""
        self.context = replace(self.context, settings=settings)

    async def run(self) -> None:
        """Turn for ever; ends when cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(CHECK_SECONDS)

    async def turn(self) -> None:
        """Do what is due once. Errors are logged."""
        try:
            documents = await asyncio.to_thread(policies, self.context)
            self._failed.pop("policies", None)
        except OperationError as error:
            if not self._tried("policies", str(error)):
                self.compile_failures += 1
            self._say("policies", str(error), error)
            return
        await self._read_feeds(documents)
        await self._compile(documents)
        await self._prune()

    async def _read_feeds(self, documents: Policies) -> None:
        now = self.context.clock()
        directory = self.context.settings.policies
        due: list[Feed] = []
        for feed in documents.feeds:
            stamp = stamp_of([directory / feed.source])
            aged = not 0 <= now - self._read_at.get(feed.id, 0.0) < feed.refresh  # the clock may be set back
            if aged or stamp != self._sources.get(feed.id):
                self._sources[feed.id] = stamp
                self._read_at[feed.id] = now
                due.append(feed)
        if not due:
            return
        try:
            done = await feeds.update(self.context, [feed.id for feed in due])
        except (OperationError, StoreError, OSError) as error:
            self._say("feeds", "", error)
            for feed in due:
                self._sources.pop(feed.id, None)
            return
        self._failed.pop("feeds", None)
        for update in done:
            if update.problem:
                held = update.outcome == "quarantined"
                event = "a feed's new version is held back" if held else "a feed was not read"
                remedy = f"filterd feed show {update.feed}; its last good version stays in use"
                log.get().error(event, feed=update.feed, reason=update.problem, remedy=remedy)

    async def _compile(self, documents: Policies) -> None:
        try:
            wanted = await self._wanted(documents)
            if not await self._is_due(wanted):
                return
            record = await snapshots.build(self.context)
            replace_file(self._marker, (wanted.encode(),))
        except (OperationError, StoreError, OSError) as error:
            self.compile_failures += 1
            self._say("compile", await self._attempt(documents), error)
            return
        self._failed.pop("compile", None)
        log.get().info("snapshot built", digest=record.digest, revision=record.revision, names=record.names)

    async def _attempt(self, documents: Policies) -> str:
        """What a compile would be made of; empty where not even that can be read."""
        try:
            return await self._wanted(documents)
        except (StoreError, OSError):
            return ""

    async def _is_due(self, wanted: str) -> bool:
        if self._tried("compile", wanted):
            return False
        directory = self.context.settings.state_dir / layout.DIRECTORY
        path = snapshots.current_file(directory)
        if path is None or _read(self._marker) != wanted or not await self._is_sound(path):
            return True
        return await self._orders_waiting(path)

    async def _is_sound(self, path: Path) -> bool:
        """Whether the file is there and every byte as it was written; read through once for each change of
        it. Nodes go on with what they have in memory, but none could start with it."""
        stamp = stamp_of([path])
        if stamp and stamp != self._sound:
            try:
                await asyncio.to_thread(snapshots.verify, self.context)
            except OperationError as error:
                self._say("snapshot check", str(error), error)
                return False
            self._sound = stamp
            self._failed.pop("snapshot check", None)
        return bool(stamp)

    async def _orders_waiting(self, path: Path) -> bool:
        """Whether orders have been accepted that the snapshot does not have, and they are old or large enough
        to fold them."""
        revision = int(path.name.partition("-")[0])
        async with self.context.store.read() as connection:
            if 0 <= self.context.clock() - _changed_at(path) < FOLD_SECONDS:
                return await log_rows.size_above(connection, MANDATORY, revision) >= FOLD_SIZE
            return await log_rows.newest_of(connection, MANDATORY) > revision

    async def _wanted(self, documents: Policies) -> str:
        """A digest of all that a snapshot is made of, orders aside: those reach nodes by themselves."""
        async with self.context.store.read() as connection:
            current = await feed_rows.current(connection)
        files = sorted(self.context.settings.policies.rglob("*.yaml"))
        versions = [current[feed.id] for feed in documents.feeds if feed.id in current]
        parts = (stamp_of(files), [(each.feed, each.version, each.digest) for each in versions])
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    async def _prune(self) -> None:
        try:
            more = True
            while more:
                async with self.context.store.report() as connection:
                    more = await log_rows.prune(connection, KEPT_CHANGES)
            self._failed.pop("prune", None)
        except StoreError as error:
            self._say("prune", "", error)

    @property
    def _marker(self) -> Path:
        """Where the digest of what the current snapshot was made of is kept."""
        return self.context.settings.state_dir / layout.DIRECTORY / ".made_of"

    def _tried(self, step: str, what: str) -> bool:
        """Whether the step failed with just this a moment ago."""
        before, at = self._failed.get(step, ("", 0.0))
        return bool(before) and before == what and 0 <= self.context.clock() - at < RETRY_SECONDS

    def _say(self, step: str, what: str, error: Exception) -> None:
        before, _ = self._failed.get(step, ("\0", 0.0))
        self._failed[step] = (what, self.context.clock())
        if before != what:
            remedy = error.remedy if isinstance(error, OperationError | StoreError) else ""
            log.get().error(f"{step} failed", reason=str(error), remedy=remedy)


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """What tells whether files changed; missing ones are left out."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
