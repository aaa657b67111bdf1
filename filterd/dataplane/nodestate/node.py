"""The node: starts from its own disk, publishes a state, then follows the store's change log, on one thread.

One turn, every few milliseconds, does orders first, then exceptions and suspensions, then lines and bindings,
then a new snapshot, then what the clock alone changes. A change counts as applied once it is on the node's
disk *and* in the published state. Whatever is wrong with the store, the node goes on with what it has, and
asks again for the rest.

A start publishes no state before the orders of the store are applied, since its disk may lack those that
were accepted meanwhile. It does without the store where that cannot be read
(filterd.dataplane.nodestate.following).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from filterd.dataplane.nodestate.changes import (
    ChangeLog,
    OtherKeyError,
    RowsDamagedError,
    StoreUnreadableError,
)
from filterd.dataplane.nodestate.choices_follower import ChoicesFollower
from filterd.dataplane.nodestate.following import WITHOUT_STORE, Following, remedy_of, text_of
from filterd.dataplane.nodestate.liftings_follower import LiftingsFollower
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.node_types import KeptOrder, NodeObserver, NodePaths, Published
from filterd.dataplane.nodestate.order_arrivals import OrderArrivals
from filterd.dataplane.nodestate.orders_follower import OrdersFollower
from filterd.dataplane.nodestate.publisher import Effect, Publisher, check_meta, say_unknown_profiles
from filterd.dataplane.nodestate.resync import Resync
from filterd.dataplane.nodestate.snapshot_files import REMEDIES, SnapshotFiles
from filterd.model.change_chain import Cursor
from filterd.policy import snapshot_layout
from filterd.policy.published import StateSettings
from filterd.policy.snapshot import Snapshot
from filterd.policy.unread_categories import from_meta as unread_of

POLL_SECONDS = 0.02
OPENING_SECONDS = 0.002
"""between two steps of opening a new snapshot, each of which takes some tenths of a millisecond"""
DISK_SECONDS = 0.25
"""pause after a turn in which the node's disk took no change: its logs are then read again"""
FAILED_SECONDS = 1.0
"""pause after a turn that ended in an unforeseen error"""
DAMAGED = (
    "none while the store can be read: it is read anew, and a directory in the place of a file is renamed"
    " NAME.damaged-N; if keys/fingerprint.key in state_dir is not the key of this installation, put the right"
    " one back"
)
OLDER_THAN_STORE = (
    "the newest policy snapshot in the store cannot be used, and what is here is older:"
    " control compiles another"
)
KEPT_DAMAGED = "none: the node state has these orders too, and the file is written anew"
KEPT_LOST = (
    "orders that this node alone kept in force may be lost: take each in again with filterd order add, from"
    " its document"
)


class Node:
    """The node state and the turns that renew it. All but :meth:`change_settings`, :meth:`accept_history`,
    :meth:`look_after`, :meth:`stop` and the values for metrics belongs to one thread."""

    def __init__(
        self,
        paths: NodePaths,
        settings: StateSettings,
        publish: Callable[[Published], None],
        observer: NodeObserver,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        """``clock`` gives Unix seconds, ``ticks`` seconds of a clock that does not go back."""
        self._observer = observer
        self._clock, self._ticks = clock, ticks
        self._publish = publish
        self._settings = settings
        self.disk = NodeDisk(paths.state_dir / "node", paths.key)
        self.publisher = Publisher(self.disk, paths.key, settings)
        self.snapshot_files = SnapshotFiles(
            paths.state_dir / snapshot_layout.DIRECTORY,
            paths.state_dir / "node" / "snapshot",
            paths.key,
            lambda name, reason: observer.note(
                "snapshot refused", file=name, reason=reason, remedy=REMEDIES.get(reason, "")
            ),
            check_meta,
            self._belongs,
        )
        self._log = ChangeLog(paths.store) if paths.store else None
        self.following = Following(ticks, store=self._log is not None)
        effect = Effect(self.publisher, self._show, observer, clock)
        self.arrivals = OrderArrivals(clock, ticks)
        self._orders = OrdersFollower(self.disk, paths.key, effect, self.arrivals)
        self._liftings = LiftingsFollower(self.disk, paths.key, effect)
        self._choices = ChoicesFollower(self.disk, paths.key, effect)
        self._accepted = False
        self._in_force = False
        self._showing = threading.Lock()
        """held while a state is handed over, so that the newest is the last"""
        self._stuck_said = False
        self._pause = POLL_SECONDS
        self._stop = threading.Event()

    @property
    def mandatory_cursor(self) -> Cursor:
        """Every order up to this place is on the disk and in force."""
        return self._orders.cursor

    @property
    def parental_cursor(self) -> Cursor:
        """The same for lines and bindings."""
        return self._choices.cursor

    @property
    def resync(self) -> Resync | None:
        """The full resync of the parental part that is under way."""
        return self._choices.resync

    def lag(self) -> float:
        """Seconds since the node last had everything, applied and on its disk; 0 within a small grace."""
        return self.following.lag()

    def missing(self) -> list[str]:
        """The reasons why the node is not ready; empty when it is."""
        lacking = [
            f"{name} state: {part.reason}" for name, part in self.disk.needed().items() if part.cursor is None
        ]
        if self.publisher.snapshot is None:
            lacking.append(OLDER_THAN_STORE if self.snapshot_files.oldest else "no policy snapshot")
        lacking += self.following.reasons()
        pending = len(self.disk.not_durable)
        if pending:
            lacking.append(f"orders in force that are not on the disk {self.disk.directory}: {pending}")
        if not lacking and not self._in_force:
            lacking.append("the state is being put in force")
        return lacking

    def remarks(self) -> list[str]:
        """The remarks on a node that is ready."""
        found = []
        kept = len(self.kept_orders())
        if kept:
            found.append(f"with kept orders that the store does not know: {kept}; see filterd node resync")
        unread = () if self.publisher.snapshot is None else unread_of(self.publisher.snapshot.meta).categories
        if unread:
            found.append(f"no list was ever read of categories that profiles restrict: {', '.join(unread)}")
        waiting = sorted({profile for each in self.disk.book.unread().values() for profile in each})
        if waiting:
            found.append(f"dns.parental_fail holds for lines with these profiles: {', '.join(waiting)}")
        return found + self.following.remarks()

    def kept_orders(self) -> tuple[KeptOrder, ...]:
        """The orders that this node alone keeps in force."""
        kept = self.disk.orders.kept()
        return tuple(KeptOrder(order.mandate.reference, order.kept) for order in kept)

    def load(self) -> None:
        """Read the disk, which needs neither store nor control. A state is published with the first turns."""
        snapshot = self.snapshot_files.at_start()
        now = int(self._clock())
        if snapshot is not None:
            self.publisher.adopt(snapshot, now)
        self.disk.load(self.publisher.book())
        for name, part in self.disk.parts().items():
            if part.damaged:
                self._observer.note(
                    "node state damaged",
                    part=name,
                    reason=part.reason,
                    remedy=DAMAGED,
                )
        if self.disk.kept_damage:
            lost = self.disk.mandatory.cursor is None
            self._observer.note(
                "kept orders damaged",
                reason=self.disk.kept_damage,
                remedy=KEPT_LOST if lost else KEPT_DAMAGED,
            )
        self._orders.cursor = self.disk.mandatory.cursor or self.mandatory_cursor
        self.arrivals.begin(self.disk.orders.all())
        self._liftings.cursor = self.disk.liftings.cursor or self._liftings.cursor
        self._choices.cursor = self.disk.parental_cursor or self.parental_cursor
        self._renew()
        say_unknown_profiles(self.publisher, self._observer)

    def run(self) -> None:
        """Follow the store and the clock until :meth:`stop`."""
        while not self._stop.is_set():
            try:
                pause = (
                    (OPENING_SECONDS if self.snapshot_files.busy else 0.001) if self.turn() else self._pause
                )
            except Exception as error:
                self._observer.failed(error)
                self._do_without_store(text_of(error))
                self._begin_again()
                pause = FAILED_SECONDS
            self._stop.wait(pause)
        self.close()

    def look_after(self) -> None:
        """Called from the event loop now and then: do and say what the node's thread cannot now."""
        if self.following.hung:
            self._do_without_store("the store does not answer")
        stuck = self.following.stuck
        if stuck and not self._stuck_said:
            self._observer.note(
                "the thread that follows the store does not turn",
                remedy="see whether the disk of state_dir or of the store hangs (dmesg), and restart the"
                " resolver once it does not; DNS goes on from memory meanwhile",
            )
        self._stuck_said = stuck

    def stop(self) -> None:
        """Make :meth:`run` return."""
        self._stop.set()

    def close(self) -> None:
        """Close every file."""
        self.disk.close()
        self.snapshot_files.close()
        if self._log is not None:
            self._log.close()

    def change_settings(self, settings: StateSettings) -> None:
        """Take effect with the next turn. May be called from any thread."""
        self._settings = settings

    def accept_history(self) -> bool:
        """Take the history that the store has now for the right one, with the next turn: read everything
        anew, and keep the orders in force that it does not know. False where it is followed already. May be
        called from any thread."""
        if not self.following.other_history:
            return False
        self._accepted = True
        return True

    def turn(self) -> bool:
        """Do once what is due. Returns whether more is waiting."""
        self.following.progressed()
        if self._accepted:
            self._begin_other_history()
        behind = self._follow_store()
        now = int(self._clock())
        snapshot = self._new_snapshot()
        if snapshot is not None:
            self._adopt(snapshot)
            self._observer.note(
                "snapshot in force", digest=snapshot.digest, revision=snapshot.built_at_revision
            )
        if self._settings is not self.publisher.settings:
            self.publisher.settings = self._settings
            self.publisher.renew(now)
            self._show()
        if self.publisher.due(now):
            self.publisher.advance(now)
            self._show()
        self.arrivals.passed(self.disk.orders.all)
        if not behind:
            self.publisher.prove()
        return behind or self.snapshot_files.busy or self.publisher.unfinished

    def _new_snapshot(self) -> Snapshot | None:
        """A snapshot to put in force. None of another history: it lacks orders of this one, or has others
        under their numbers."""
        if self.following.other_history:
            return None
        return self.snapshot_files.poll(self.publisher.snapshot)

    def _adopt(self, snapshot: Snapshot) -> None:
        """Put another snapshot in force; lines that a resync has read get its policies too."""
        self.publisher.adopt(snapshot, int(self._clock()))
        if self.resync is not None:
            self.publisher.renew_book(self.resync.book)
        say_unknown_profiles(self.publisher, self._observer)
        self._show()

    def _belongs(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot is of the store's history, as far as the store can tell."""
        history = str(snapshot.meta.get(snapshot_layout.HISTORY, ""))
        if self._log is None or not history:
            return True
        return self._log.holds(Cursor(snapshot.built_at_revision, history))

    def _confirm_snapshot(self, log: ChangeLog) -> None:
        """The store was followed: the snapshot of the start must be of its history, and not older than the
        newest that it knows."""
        if not self.snapshot_files.confirmed:
            file, revision = log.newest_snapshot()
            snapshot = self.publisher.snapshot
            if snapshot is not None and not self._belongs(snapshot):
                self._take_back_snapshot()
            self.snapshot_files.confirmed = True
            present = self.publisher.snapshot
            if revision > (-1 if present is None else present.built_at_revision):
                self._require_snapshot(file, revision)

    def _require_snapshot(self, file: str, revision: int) -> None:
        """Use the store's newest snapshot, which is newer than the one of the start. Without it the mandatory
        part is missing: an older one lacks names."""
        snapshot = self.snapshot_files.require(file, revision)
        if snapshot is not None:
            self._adopt(snapshot)
        else:
            self.publisher.withdraw()
            self._observer.note(
                "the policy snapshot is older than the store",
                file=file,
                revision=revision,
                remedy="none: control compiles another; if it does not, run: filterd snapshot build",
            )
            self._show()

    def _take_back_snapshot(self) -> None:
        """Go back to the snapshot that was in force before the start, if the current one is another's."""
        snapshot = self.snapshot_files.take_back()
        if snapshot is not None:
            self._adopt(snapshot)
            self._observer.note(
                "the snapshot before the start is in force again",
                digest=snapshot.digest,
                reason="the newer one was made of another history of the store",
                remedy="see which store is the right one with: filterd node resync",
            )

    def _follow_store(self) -> bool:
        if self._log is None:
            self.snapshot_files.confirmed = True
            return False
        try:
            changed = self._log.changed()
            more = changed and self._orders.follow(self._log)
            if changed:
                more = self._liftings.follow(self._log) or more
            if not more:
                self._confirm_snapshot(self._log)
                self._choices.look(self._log, self.following.progressed)
                self._begin_to_serve()
            self.disk.settle()
            if changed:
                more = self._choices.follow(self._log) or more
            if not more and self.resync is None:
                self.disk.shorten(self._ticks())
        except (StoreUnreadableError, OSError, ValueError) as error:
            self._in_trouble(error, self._log)
            return False
        if more:
            self._log.forget()
        else:
            self.following.choices_followed = True
            self.following.complete()
        self.following.recover()
        self._pause = POLL_SECONDS
        return more

    def _in_trouble(self, error: Exception, log: ChangeLog) -> None:
        """The store cannot be read or the node's disk not be written. That is noted once, and tried again
        every turn."""
        known = self.following.other_history
        if self.following.fail(error):
            file, detail = log.path, text_of(error)
            if isinstance(error, OSError):
                file = Path(error.filename or self.disk.directory)
            self._observer.note(
                "change log not followed",
                reason=type(error).__name__,
                detail=detail,
                file=str(file),
                remedy=remedy_of(error),
            )
        if self.following.other_history and not known:
            self._take_back_snapshot()
        if self.following.gives_up(error):
            self._do_without_store(text_of(error))
        self._pause = (
            DISK_SECONDS if isinstance(error, OSError | OtherKeyError | RowsDamagedError) else POLL_SECONDS
        )
        self._begin_again()

    def _begin_again(self) -> None:
        """Read again what was announced and not applied; until then the node is behind."""
        if self._log is not None:
            self._log.forget()
        self.disk.reopen()

    def _begin_to_serve(self) -> None:
        """The start waits no longer for the store."""
        if self.following.waits:
            self.following.waits = False
            self._show()
            self.following.begun.set()

    def _do_without_store(self, reason: str) -> None:
        """Serve what the disk holds, since the store does not say what is newer."""
        if self.following.waits:
            self._observer.note("the start does without the store", reason=reason, remedy=WITHOUT_STORE)
            self._begin_to_serve()

    def _begin_other_history(self) -> None:
        """Read orders and choices anew from the store as it is."""
        self._accepted = False
        self._observer.note(
            "the history of the store was accepted", remedy="none: filterd node resync shows what was kept"
        )
        self._orders.anew = self._liftings.anew = self._choices.anew = True
        self._choices.resync = None
        self.following.choices_followed = False
        self.snapshot_files.accept_older()
        if self._log is not None:
            self._log.forget()

    def _renew(self) -> None:
        """Make the state anew from all parts, and put it in force."""
        self.publisher.renew(int(self._clock()))
        self._show()

    def _show(self) -> None:
        """Put the state in force. While a start waits for the store, none is."""
        with self._showing:
            state = None if self.following.waits else self.publisher.state
            self._publish(
                Published(
                    state,
                    self.disk.known.table,
                    self.disk.bound,
                    self.disk.bindings.cursor is not None,
                    self.publisher.earliest,
                    self._choices.unread,
                )
            )
            self._in_force = state is not None
