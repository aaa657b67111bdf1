"""Makes the published state out of its parts: snapshot, overlay, mandates, present policies, switches.

Owned by the node's thread. A state is immutable; the query path sees one whole state or the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.node_types import NodeObserver
from filterd.model.lifting import LiftingKind
from filterd.model.records import FeedInForce
from filterd.policy.classes import Classes, from_meta
from filterd.policy.decide import PublishedState
from filterd.policy.overlay import (
    LiftingRule,
    OrderRules,
    exceptions_end,
    mandates_of,
    order_canaries,
    overlay_of,
    suspended_until,
)
from filterd.policy.policy_book import PolicyBook
from filterd.policy.proof import effective_digest, feeds_in_force
from filterd.policy.published import StateSettings, mandate_from_meta
from filterd.policy.snapshot import Snapshot

MOST_SCHEDULES = 4096
"""looked at for one state: some 60 ms, so that an order does not wait for tens of thousands of plans that
change at one moment"""


def check_meta(snapshot: Snapshot) -> None:
    """Raise ``KeyError``, ``TypeError`` or ``ValueError`` for a snapshot that no state can be made of."""
    PolicyBook.of_meta(snapshot.meta, from_meta(snapshot.meta["lists"])).check_hours()
    for mandate in snapshot.meta.get("mandates", ()):
        mandate_from_meta(mandate)


@dataclass(slots=True)
class Publisher:
    """Keeps the state that is in force and makes the next one."""

    disk: NodeDisk
    key: bytes
    settings: StateSettings
    state: PublishedState | None = None
    """None while there is no snapshot, or the orders are not known"""
    snapshot: Snapshot | None = None
    overlay_entries: int = 0
    canaries: dict[int, bytes] = field(default_factory=dict)
    """the fingerprints of the canary names of orders that the state blocks, by mandatory id"""
    lifted: tuple[LiftingRule, ...] = ()
    """the exceptions and suspensions in force"""
    published: int = 0
    feeds: tuple[FeedInForce, ...] = ()
    """those of the snapshot"""
    effective: tuple[str, int] = "", 0
    """the digest over lists and orders of the state, and since when it is this one (Unix seconds); see
    :meth:`prove`"""
    _unproved: tuple[OrderRules, ...] | None = None
    """the orders of a state that has no effective digest yet"""
    earliest: int = 0
    """Unix seconds before which it cannot be now: when the snapshot that the node started with was made. A
    machine that lost its time must not revive pauses. It comes down when the clock proves that it was ahead:
    see :meth:`_keep_time`"""
    _next_lifting: int = 0
    """when the next one begins or ends, Unix seconds; 0: none will"""
    _moment: int = 0
    """the time that the state was made for"""
    _classes: Classes = field(default_factory=Classes)
    _in_snapshot: frozenset[int] = frozenset()
    """the mandatory ids whose names the snapshot holds"""
    _accepted: frozenset[int] = frozenset()
    """those of its mandates that are not pending in it"""

    def book(self) -> PolicyBook:
        """An empty policy book for the profiles of the snapshot in force."""
        if self.snapshot is None:
            return PolicyBook({}, self._classes)
        return PolicyBook.of_meta(self.snapshot.meta, self._classes)

    def adopt(self, snapshot: Snapshot, now: int) -> PublishedState | None:
        """Use another snapshot from now on.

        One that was made later raises nothing: while the node runs, its own clock says when it is. One that
        was made earlier corrects a wrong time of the one before.
        """
        built_at = int(snapshot.built_at)
        self.earliest = built_at if self.snapshot is None else min(self.earliest, built_at)
        self.snapshot = snapshot
        self.feeds = feeds_in_force(snapshot.meta, now, self.feeds)
        lists = snapshot.meta["lists"]
        self._classes = from_meta(lists)
        self._in_snapshot = frozenset(int(each["mandatory_id"]) for each in lists if "mandatory_id" in each)
        mandates = map(mandate_from_meta, snapshot.meta.get("mandates", ()))
        self._accepted = frozenset(mandate.id for mandate in mandates if mandate.accepted)
        self.renew_book(self.disk.book)
        return self.renew(now)

    def withdraw(self) -> None:
        """Use no snapshot: the mandatory part is missing until another is adopted."""
        self.snapshot = self.state = self._unproved = None
        self.feeds, self.effective = (), ("", 0)

    def renew_book(self, book: PolicyBook) -> None:
        """Bring a book over to the profiles of the snapshot in force."""
        if self.snapshot is not None:
            book.renew(self.snapshot.meta, self._classes)

    def renew(self, now: int) -> PublishedState | None:
        """Make the state anew from all parts."""
        if self.snapshot is None or not self.disk.orders_known:
            self.state = None
            return None
        orders = self.disk.in_force()
        newer = tuple(orders.beside(self.snapshot.built_at_revision, self._in_snapshot))
        said = orders.with_say(self.snapshot.built_at_revision, self._accepted)
        self.published += 1
        self._keep_time(now)
        self._lift(now)
        self.canaries = order_canaries(said, self.settings.canary_zone, self.key)
        exceptions = [each for each in self.lifted if each.kind is LiftingKind.EXCEPTION]
        self.overlay_entries = len(exceptions)
        self.overlay_entries += sum(len(order.names) + len(order.prefixes) for order in newer)
        self.state = PublishedState(
            self.snapshot,
            self.key,
            now=now,
            generation=self.published,
            overlay=overlay_of(newer, exceptions, self.canaries),
            mandates=mandates_of(said, self.snapshot.built_at),
            policies=self.disk.book.at(now, MOST_SCHEDULES),
            settings=self._switches(),
        )
        self._unproved = tuple(said)
        return self.state

    def prove(self) -> None:
        """Bring :attr:`effective` up to the state that is in force; nobody waits for it to be put in
        force."""
        if self.snapshot is None or self._unproved is None:
            return
        digest = effective_digest(self.snapshot.meta, self._unproved, self.lifted)
        self._unproved = None
        if digest != self.effective[0]:
            self.effective = digest, self._moment

    def advance(self, now: int) -> PublishedState | None:
        """The state at a later moment: policies and mandates as they are now, overlay as it was unless an
        exception began or ended."""
        if self.state is None:
            return None
        self._keep_time(now)
        if self.disk.lifted.in_force(self._time(now)) != self.lifted:
            return self.renew(now)
        self.published += 1
        self.state = self.state.evolve(
            now, policies=self.disk.book.at(now, MOST_SCHEDULES), settings=self._switches()
        )
        return self.state

    def due(self, now: int) -> bool:
        """Return whether a schedule or a mandate has begun or ended, or the clock was set: what a wrong
        clock ended must begin again."""
        if self.state is None:
            return False
        if self.unfinished:
            return True
        caught_up = self._moment < self.earliest <= now
        if caught_up or now < self._moment or 0 < self._next_lifting <= self._time(now):
            return True
        return 0 < self.state.next_change <= now

    @property
    def unfinished(self) -> bool:
        """Schedules of the state are still to be looked at: see :data:`MOST_SCHEDULES`."""
        return self.state is not None and self.disk.book.unfinished

    @property
    def exceptions(self) -> int:
        """Exceptions in force."""
        return sum(each.kind is LiftingKind.EXCEPTION for each in self.lifted)

    @property
    def suspended_until(self) -> int:
        """The end of the suspension of parental filtering, Unix seconds; 0: it is on."""
        return suspended_until(self.lifted, self._time(self._moment))

    def _time(self, now: int) -> int:
        """The time that liftings go by: a clock that is behind must not prolong one."""
        return max(now, self.earliest)

    def _lift(self, now: int) -> None:
        """Find the liftings that hold."""
        self.lifted = self.disk.lifted.in_force(self._time(now))
        self._next_lifting = self.disk.lifted.next_change(self._time(now))

    def _keep_time(self, now: int) -> None:
        """Note the moment of the state. A clock that was past :attr:`earliest` and is before it was set back
        by somebody: it was ahead when the snapshot was made, and is believed now. One that was before it all
        the time may just have lost its time."""
        if now < self.earliest <= self._moment:
            self.earliest = now
        self._moment = now

    def _switches(self) -> StateSettings:
        parental_ready = self.disk.parental_cursor is not None
        now = self._time(self._moment)
        return replace(
            self.settings,
            ready=True,
            parental_ready=parental_ready,
            suspended_until=suspended_until(self.lifted, now),
            exceptions_end=exceptions_end(self.lifted, now),
        )


@dataclass(frozen=True, slots=True)
class Effect:
    """Puts in force what the followers of the store have applied."""

    publisher: Publisher
    show: Callable[[], None]
    """hands the state over to the query path"""
    observer: NodeObserver
    clock: Callable[[], float]
    """gives Unix seconds"""

    def renew(self) -> None:
        """Make the state anew from all parts, and put it in force."""
        self.publisher.renew(int(self.clock()))
        self.show()

    def advance(self) -> None:
        """Put the policies in force as they are now."""
        self.publisher.advance(int(self.clock()))
        self.show()


def note_damaged_log(effect: Effect, error: Exception) -> None:
    """Note a change that is not the one that was written: the full state is read in its place, whose orders
    have digests of their own."""
    remedy = "see what else is damaged: filterd audit verify; the disk of the store may be failing (dmesg)"
    effect.observer.note("change log damaged", detail=str(error), remedy=remedy)


def say_unknown_profiles(publisher: Publisher, observer: NodeObserver) -> None:
    """Note the profiles that lines have and the snapshot lacks (see PolicyBook), where there is one."""
    unknown = publisher.disk.book.missing() if publisher.snapshot is not None else ()
    if unknown:
        observer.note("lines have profiles that the snapshot does not know", count=len(unknown))
