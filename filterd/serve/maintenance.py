"""The steps that control repeats by itself: it reads feeds whose source changed, compiles a snapshot when
there is something new, and prunes the change log.

A step that fails is logged once and tried again; the last good lists and snapshot stay in force.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterd.config.settings import Settings
from filterd.model.changelog import MANDATORY
from filterd.operations import integrity, lost_rules, snapshot_input, snapshot_losses, snapshots
from filterd.operations.compile import StandIn
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.integrity import RowFault
from filterd.operations.policies import policies
from filterd.operations.snapshot_input import Stamp, stamp_of
from filterd.operations.snapshot_meanings import in_snapshot
from filterd.policy import snapshot_layout
from filterd.policy.adoption import InForce, Orphaned
from filterd.policy.documents import Policies
from filterd.policy.losses import Losses
from filterd.policy.unread_categories import Unread
from filterd.serve.feed_schedule import FeedSchedule
from filterd.store import change_log as log_rows
from filterd.store import feeds as feed_rows
from filterd.store import orders as order_rows
from filterd.store.errors import StoreError
from filterd.store.retention import prune_all
from filterd.telemetry import log

CHECK_SECONDS = 1.0
RETRY_SECONDS = 30.0
"""between two attempts of a failed step while nothing changes"""
FOLD_SECONDS = 600.0
"""the age of a snapshot at which newer orders are folded into another one, so that the overlay stays small"""
FOLD_SIZE = 1 << 20
"""characters of newer orders at which they are folded at once, some thirty thousand names: the overlay is
made for 65,536 entries. Orders beyond that are still enforced, but each further one takes longer"""
CLOCK_SLACK = 60.0
"""seconds by which the clock may be behind the snapshot's: small corrections happen all the time"""
ROWS_SECONDS = 15.0
"""between two comparisons of rows with the audit trail"""
KEPT_CHANGES = 200_000
"""revisions that the change log keeps; a node that has missed more does a full resync"""

STAND_INS = "lists are in force with other rules than those of the store, which cannot be had"
_ORPHAN_EVENTS = {
    Orphaned.VANISHED: "a feed's entry vanished from the policies; the feed stays in force",
    Orphaned.WEAKENED: "a feed's entry was weakened in the policies; the feed stays in force as adopted",
    Orphaned.REKEYED: "a feed's entry has another key in feeds.yaml; the feed stays in force as adopted",
}


@dataclass(slots=True)
class Maintenance:
    """The steps and their state. Owned by one event loop."""

    context: Context
    feeds: FeedSchedule = field(init=False)
    compile_failures: int = 0
    damaged: tuple[RowFault, ...] = ()
    """rows of the store that are not what was decided, as last compared"""
    store_trouble: str = ""
    """why the store cannot be read; empty while it can"""
    untried: tuple[str, ...] = ()
    """the lists that the first snapshot waits for, each with the reason, as last logged: none of them was
    read or refused yet"""
    snapshot_behind: bool = False
    """``current`` names no snapshot, or an older one than the newest of the store: nodes that start refuse
    that"""
    _compared_at: float = -math.inf
    _orphans: dict[str, Orphaned] = field(default_factory=dict)
    """the feeds without their entry, as last logged"""
    _read_well: frozenset[str] = frozenset()
    """the feeds that had a version at the last turn; one that has none any more was retired"""
    _failed: dict[str, tuple[str, float]] = field(default_factory=dict)
    """step -> its input at the last failure, and when that was"""
    _altered: bool = False
    """True if the last compile failed while the file of a list was altered"""
    _stand_ins: tuple[StandIn, ...] = ()
    """the lists of the current snapshot whose own rules could not be had"""
    _plain: str = ""
    """the snapshot that this process built without any"""
    _stood_in: tuple[tuple[str, str], float] = (("", ""), -math.inf)
    """the input that was wanted and that of the snapshot which stands in for it, and when that was seen"""
    _clock_agreed: bool = False
    """the clock was past the time at which the current snapshot was made"""
    _losses: Losses = field(default_factory=Losses)
    """what the policies lost against the snapshot before, as last logged"""
    _losses_of: Path | None = None
    """the snapshot that they were read of"""
    _unread: Unread = field(default_factory=Unread)
    """the categories of that snapshot of which no list was read"""
    _verified: Stamp = ()
    """the stamp of the snapshot that was last verified"""

    def __post_init__(self) -> None:
        self.feeds = FeedSchedule(self._report_feeds)

    def change_settings(self, settings: Settings) -> None:
        """Apply the settings from the next turn on."""
        self.context = replace(self.context, settings=settings)

    async def run(self) -> None:
        """Repeat turns until cancelled."""
        try:
            while True:
                await self.turn()
                await asyncio.sleep(CHECK_SECONDS)
        finally:
            await self.feeds.close()

    async def turn(self) -> None:
        """Do what is due, once. Errors are logged."""
        try:
            documents = await asyncio.to_thread(policies, self.context)
            found = await adoption.policies_in_force(self.context, documents)
            self._failed.pop("policies", None)
            self.store_trouble = ""
        except StoreError as error:
            self.store_trouble = f"the store cannot be read: {error}"
            self._report_failure("reading the store", str(error), error)
            return
        except OperationError as error:
            if not self._failed_lately("policies", str(error)):
                self.compile_failures += 1
            self._report_failure("policies", str(error), error)
            return
        found = await self._adopt(documents, found)
        self._report_orphans(found)
        tried = self._failed.get("compile")
        if await self._went_back():
            await self._compile(found.policies)  # of what was decided: DNS does not wait for lists to be read
        failed = self._failed.get("compile") != tried
        await self._forget_retired()
        await self._read_feeds(found.policies)
        await self._compare(found.policies)
        if failed or await self._mended(found.policies):
            self._failed.pop("compile", None)  # lists were read: it is tried again at once
        await self._compile(found.policies)
        await self._report_losses()
        await self._prune()

    def remarks(self) -> list[str]:
        """Faults of the policies that an operator should know of; what is in force stays."""
        found = []
        if "policies" in self._failed:
            found.append("the policies cannot be read (filterd config check)")
        if "compile" in self._failed:
            found.append("no snapshot can be built: what was read last waits (filterd snapshot build)")
        if self._stand_ins:
            found.append(
                f"lists in force with other rules than those of the store: {len(self._stand_ins)}"
                " (filterd audit verify; filterd feed update)"
            )
        if self._orphans:
            found.append(
                f"feeds without their entry in the policies: {len(self._orphans)} (filterd feed list)"
            )
        if self._losses.profiles:
            kept = ", ".join(self._losses.profiles)
            found.append(f"profiles kept as in force, since their files lost much: {kept} (filterd doctor)")
        if self._unread.categories:
            names = ", ".join(self._unread.categories)
            found.append(
                f"no list was ever read of categories that profiles restrict: {names} (filterd feed list)"
            )
        return found

    async def _report_losses(self) -> None:
        """Log, once, each profile that the snapshot in force keeps as it was, and each thing that went."""
        path = self._current
        if path == self._losses_of:
            return
        found = await asyncio.to_thread(snapshot_losses.losses_in_force, self.context)
        self._unread = await asyncio.to_thread(snapshot_losses.unread_in_force, self.context)
        for profile, lost in found.profiles.items():
            if self._losses.profiles.get(profile) != lost:
                event, remedy = "a profile lost much; it stays as in force", lost_rules.REMEDY
                remedy = remedy.format(profile=profile)
                log.get().error(event, profile=profile, lost=", ".join(lost), remedy=remedy)
        for profile in self._losses.profiles.keys() - found.profiles.keys():
            log.get().info("a profile is as its file says again", profile=profile)
        for what in set(found.gone) - set(self._losses.gone):
            remedy = "put it back, if it was not meant"
            log.get().error("what was in force is gone from the policies", lost=what, remedy=remedy)
        self._losses, self._losses_of = found, path

    async def _adopt(self, documents: Policies, found: InForce) -> InForce:
        """Take in what the entries say; a store that cannot be written keeps nothing else waiting."""
        try:
            settled = await adoption.settle(self.context, documents)
        except (OperationError, StoreError, OSError) as error:
            self._report_failure("adopting feeds", "", error)
            return found
        self._failed.pop("adopting feeds", None)
        return settled

    def _report_orphans(self, found: InForce) -> None:
        """Log each feed that has lost its entry, once, and each that has it again or is retired."""
        for feed, how in found.orphans.items():
            if self._orphans.get(feed) is not how:
                event = _ORPHAN_EVENTS[how]
                command = "trust" if how is Orphaned.REKEYED else "retire"
                remedy = f"put the entry back, or: filterd feed {command} {feed} --reason ..."
                log.get().error(event, feed=feed, remedy=remedy)
        for feed in self._orphans.keys() - found.orphans.keys():
            log.get().info("a feed has its entry again, or is retired", feed=feed)
        self._orphans = dict(found.orphans)

    async def _forget_retired(self) -> None:
        """Read a feed that was retired at once, should its entry come back."""
        try:
            async with self.context.store.read() as connection:
                current = frozenset(await feed_rows.current(connection))
        except StoreError:
            return  # the steps that need the store say so
        for feed in self._read_well - current:
            self.feeds.forget(feed)
        self._read_well = current

    async def _read_feeds(self, documents: Policies) -> None:
        try:
            await self.feeds.turn(self.context, documents.feeds)
        except (OperationError, StoreError, OSError) as error:
            self._report_feeds(error)

    def _report_feeds(self, error: Exception | None) -> None:
        if error is None:
            self._failed.pop("feeds", None)
        else:
            self._report_failure("feeds", "", error)

    async def _compare(self, documents: Policies) -> None:
        """Look at the rows that mandatory blocking rests on; what is damaged is said once."""
        now = self.context.clock()
        if 0 <= now - self._compared_at < ROWS_SECONDS:
            return
        self._compared_at = now
        try:
            async with self.context.store.read() as connection:
                self.damaged = await integrity.faults(connection, [each.id for each in documents.feeds])
            integrity.require_sound(self.damaged)
        except OperationError as error:
            self._report_failure("store check", str(error), error)
        except StoreError as error:
            self._report_failure("store check", "", error)
        else:
            self._failed.pop("store check", None)

    async def _waits_for_lists(self, documents: Policies) -> bool:
        """Return whether the first snapshot waits until each list was tried; logged once for each change."""
        untried: tuple[str, ...] = ()
        if self._current is None and (await snapshots.basis_of(self.context)).path is None:
            async with self.context.store.read() as connection:
                found = await snapshots.untried_lists(connection, documents.feeds)
            untried = tuple(map(self.feeds.waits_for, found))
        if untried and untried != self.untried:
            remedy = "none while they are being read; else see why: filterd feed list"
            log.get().info("the first snapshot waits for lists", lists=", ".join(untried), remedy=remedy)
        self.untried = untried
        return bool(untried)

    async def _compile(self, documents: Policies) -> None:
        try:
            if await self._waits_for_lists(documents):
                return
            wanted = await self._input_digest(documents)
            set_back = self._clock_was_set_back()
            if self._failed_lately("compile", wanted):
                return
            if not (set_back or await self._is_due(wanted, documents)):
                self._failed.pop("compile", None)  # what could not be compiled is wanted no more
                return
            built = await snapshots.make(self.context, clock_is_right=set_back)
            record = built.record
            self.snapshot_behind = False
            self._report_stand_ins(built.stand_ins)
            self._plain = "" if built.stand_ins else record.file
            self._clock_agreed = record.built_at <= self.context.clock()
        except (OperationError, StoreError, OSError) as error:
            self.compile_failures += 1
            self._report_failure("compile", await self._known_input(documents), error)
            self._altered = await self._read_altered(documents)
            return
        self._failed.pop("compile", None)
        log.get().info("snapshot built", digest=record.digest, revision=record.revision, names=record.names)
        if self._stand_ins:
            await self._read_altered(documents)

    async def _read_altered(self, documents: Policies) -> bool:
        """Have lists whose file was altered read again by the next turn: one keeps all from being compiled.
        Return whether there are any."""
        altered = await self._altered_lists(documents)
        for feed in altered:
            self.feeds.read_at_once(feed)
        return bool(altered)

    async def _mended(self, documents: Policies) -> bool:
        """Return whether the altered lists that made the last compile fail have been read and are whole."""
        was, self._altered = self._altered, False
        return was and not await self._altered_lists(documents)

    async def _altered_lists(self, documents: Policies) -> Sequence[str]:
        """The lists whose file was altered; none if not even that can be found out."""
        with contextlib.suppress(OperationError, StoreError, OSError):
            return await integrity.altered_lists(self.context, documents.feeds)
        return ()

    async def _known_input(self, documents: Policies) -> str:
        """The digest of a compile's input; empty if not even that can be read."""
        try:
            return await self._input_digest(documents)
        except (StoreError, OSError):
            return ""

    def _clock_was_set_back(self) -> bool:
        """Return whether the current snapshot was made by a clock that was ahead.

        That is known where this process saw the clock past the snapshot's time before: a running machine's
        clock goes back only if somebody sets it. Otherwise the machine may as well have lost its time.
        """
        path = self._current
        made = 0 if path is None else snapshots.made_at(path)
        if path is None or made <= self.context.clock() + CLOCK_SLACK:
            self._clock_agreed = path is not None
            self._failed.pop("clock", None)
            return False
        if not self._clock_agreed:
            message = "the clock shows a time before the snapshot was made: pauses are over on every node"
            remedy = "set the clock (timedatectl); if it is right, run: filterd snapshot build"
            self._report_failure("clock", path.name, OperationError(message, remedy))
        return self._clock_agreed

    def _report_stand_ins(self, stand_ins: tuple[StandIn, ...]) -> None:
        """Log the lists that have stand-ins, once for each change of them."""
        if stand_ins and stand_ins != self._stand_ins:
            lists = ", ".join(map(str, stand_ins))
            remedy = "read them again: filterd feed update; see: filterd audit verify"
            log.get().error(STAND_INS, lists=lists, remedy=remedy)
        self._stand_ins = stand_ins

    async def _went_back(self) -> bool:
        """Return whether another snapshot must be compiled, since ``current`` names none or an older one than
        the newest of the store, and the file of that one cannot be used; logged once. Where it can,
        ``current`` names it again."""
        try:
            behind = await snapshots.is_behind_store(self.context)
        except StoreError:
            return False  # the steps that need the store say so
        if behind and not self.snapshot_behind:
            self.snapshot_behind = True
            path = self._current
            event = "the policy snapshot went back in time"
            if path is None:
                event = "the name of the policy snapshot is gone or damaged"
            behind = not await self._take_up_newest()
            remedy = "another is compiled now" if behind else "the newest one of the store is current again"
            file = "" if path is None else path.name
            log.get().error(event, file=file, remedy=f"none: {remedy}; see what put it back")
        self.snapshot_behind = behind
        return behind

    async def _take_up_newest(self) -> bool:
        try:
            return await snapshots.take_up_newest(self.context)
        except (StoreError, OSError):
            return False  # a compile comes next, and says why it cannot publish either

    async def _is_due(self, wanted: str, documents: Policies) -> bool:
        path = self._current
        if path is None or self.snapshot_behind:
            return True
        made_of = snapshot_input.remembered(path.parent, path.name)
        if made_of != wanted and (
            path.name == self._plain or not await self._stands_in(wanted, made_of, documents)
        ):
            return True
        if not await self._is_sound(path):
            return True
        return await self._orders_waiting(path)

    async def _stands_in(self, wanted: str, made_of: str, documents: Policies) -> bool:
        """Return whether the current snapshot has stand-ins, and another one would have the same. That needs
        a look at the files, so it is asked again only after a while."""
        now = self.context.clock()
        known, at = self._stood_in
        if known == (wanted, made_of) and 0 <= now - at < RETRY_SECONDS:
            return True
        chosen = await snapshots.chosen_now(self.context, documents)
        zones = snapshot_input.zones_of(self.context.settings)
        async with self.context.store.read() as connection:
            over = await order_rows.overriding(connection, self.context.person_of)
            meant = await in_snapshot(connection, now)
        if snapshot_input.input_digest(documents, chosen.versions, zones, meant, over) != made_of:
            return False
        self._report_stand_ins(chosen.stand_ins)
        self._stood_in = (wanted, made_of), now
        await self._read_altered(documents)
        return True

    async def _is_sound(self, path: Path) -> bool:
        """Return whether the file exists and is intact; it is read in full once after each change of it.
        Nodes keep what they have in memory, but none could start with a damaged file."""
        stamp = stamp_of([path])
        if stamp and stamp != self._verified:
            try:
                await asyncio.to_thread(snapshots.verify, self.context)
            except OperationError as error:
                self._report_failure("snapshot check", str(error), error)
                return False
            self._verified = stamp
            self._failed.pop("snapshot check", None)
        return bool(stamp)

    async def _orders_waiting(self, path: Path) -> bool:
        """Return whether the snapshot lacks accepted orders that are old or large enough to be folded in."""
        revision = int(path.name.partition("-")[0])
        async with self.context.store.read() as connection:
            if 0 <= self.context.clock() - _changed_at(path) < FOLD_SECONDS:
                return await log_rows.size_above(connection, MANDATORY, revision) >= FOLD_SIZE
            return await log_rows.newest_of(connection, MANDATORY) > revision

    async def _input_digest(self, documents: Policies) -> str:
        """A digest of a snapshot's input, except orders: those reach the nodes by themselves."""
        async with self.context.store.read() as connection:
            current = await feed_rows.current(connection)
            overriding = await order_rows.overriding(connection, self.context.person_of)
            meant = await in_snapshot(connection, self.context.clock())
        versions = [current[feed.id] for feed in documents.feeds if feed.id in current]
        zones = snapshot_input.zones_of(self.context.settings)
        return snapshot_input.input_digest(documents, versions, zones, meant, overriding)

    async def _prune(self) -> None:
        try:
            await prune_all(self.context.store.report, KEPT_CHANGES, self.context.clock())
            self._failed.pop("prune", None)
        except StoreError as error:
            self._report_failure("prune", "", error)

    @property
    def _current(self) -> Path | None:
        return snapshots.current_file(self.context.settings.state_dir / snapshot_layout.DIRECTORY)

    def _failed_lately(self, step: str, tried_with: str) -> bool:
        """Return whether the step failed with the same input a moment ago."""
        before, at = self._failed.get(step, ("", 0.0))
        return bool(before) and before == tried_with and 0 <= self.context.clock() - at < RETRY_SECONDS

    def _report_failure(self, step: str, tried_with: str, error: Exception) -> None:
        before, _ = self._failed.get(step, ("\0", 0.0))
        self._failed[step] = (tried_with, self.context.clock())
        if before != tried_with:
            remedy = error.remedy if isinstance(error, OperationError | StoreError) else ""
            log.get().error(f"{step} failed", reason=str(error), remedy=remedy)


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime
