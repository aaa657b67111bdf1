"""The node: starts from its own disk, publishes a state, then follows the store's change log, on one thread.

One turn, every few milliseconds, does orders first, then lines and bindings, then a new snapshot, then what
the clock alone changes. A change counts as applied once it is on the node's disk *and* in the published
state. Whatever is wrong with the store, the node goes on with what it has, and asks again for the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from filterd.dataplane.nodestate.changes import (
    ChangeLog,
    Page,
    RowsDamagedError,
    StoreBehindError,
    StoreUnreadableError,
)
from filterd.dataplane.nodestate.lines import batch_of
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.node_types import NodeObserver, NodePaths, Published
from filterd.dataplane.nodestate.publisher import Publisher, check_meta
from filterd.dataplane.nodestate.resync import Resync, ResyncVoidError
from filterd.dataplane.nodestate.snapshot_files import REMEDIES, SnapshotFiles
from filterd.model import changelog
from filterd.model.changelog import OrderChange
from filterd.policy import snapshot_layout
from filterd.policy.overlay import OrderRules, order_rules
from filterd.policy.published import StateSettings

POLL_SECONDS = 0.02
OPENING_SECONDS = 0.002
"""between two steps of opening a new snapshot, each of which takes some tenths of a millisecond"""
DISK_SECONDS = 0.25
"""pause after a turn in which the node's disk took no change: its logs are then read again"""
FAILED_SECONDS = 1.0
"""pause after a turn that ended in an unforeseen error"""
_REMEDIES = {
    StoreBehindError.__name__: "put the newest store back; if this one is meant to replace it,"
    " stop the resolver, remove state_dir/node and start it again",
    RowsDamagedError.__name__: "see which orders are damaged, and what to do: filterd audit verify",
}
"""error -> what a person has to do about it"""
_DAMAGE_REMEDY = (
    "none while the store can be read: it is read anew; if keys/fingerprint.key in state_dir is not the key"
    " of this installation, put the right one back"
)


class Node:
    """The node state and the turns that renew it. All but :meth:`change_settings`, :meth:`stop` and the
    values for metrics belongs to one thread."""

    def __init__(
        self,
        paths: NodePaths,
        settings: StateSettings,
        publish: Callable[[Published], None],
        observer: NodeObserver,
        clock: Callable[[], float],
    ) -> None:
        self._key = paths.key
        self._observer = observer
        self._clock = clock
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
        )
        self._log = ChangeLog(paths.store) if paths.store else None
        self.resync: Resync | None = None
        """the full resync of the parental part that is under way"""
        self._mandatory_cursor = 0
        self._parental_cursor = 0
        self._waiting_since = 0.0
        self._in_force = False
        self._trouble = ""
        self._pause = POLL_SECONDS
        self._stop = threading.Event()

    @property
    def mandatory_revision(self) -> int:
        """Every order up to this revision is on the disk and in force."""
        return self._mandatory_cursor

    @property
    def parental_revision(self) -> int:
        """The same for lines and bindings."""
        return self._parental_cursor

    def lag(self, now: float) -> float:
        """Seconds since the node last knew that it has everything; 0 while it does."""
        return max(0.0, now - self._waiting_since) if self._waiting_since else 0.0

    def missing(self) -> list[str]:
        """The reasons why the node is not ready; empty when it is."""
        lacking = [
            f"{name} state: {part.reason}"
            for name, part in self.disk.parts().items()
            if part.revision is None
        ]
        if self.publisher.snapshot is None:
            lacking.append("no policy snapshot")
        if not lacking and not self._in_force:
            lacking.append("the state is being put in force")
        return lacking

    def load(self) -> None:
        """Start from the disk, which needs neither store nor control."""
        snapshot = self.snapshot_files.at_start()
        now = int(self._clock())
        if snapshot is not None:
            self.publisher.adopt(snapshot, now)
        self.disk.load(self.publisher.book())
        for name, part in self.disk.parts().items():
            if part.damaged:
                self._observer.note(
                    "node state damaged", part=name, reason=part.reason, remedy=_DAMAGE_REMEDY
                )
        self._mandatory_cursor = self.disk.mandatory.revision or 0
        self._parental_cursor = self.disk.parental_revision or 0
        self.publisher.renew(now)
        self._say_unknown_profiles()
        self._show()

    def run(self) -> None:
        """Follow the store and the clock until :meth:`stop`."""
        while not self._stop.is_set():
            try:
                pause = (
                    (OPENING_SECONDS if self.snapshot_files.busy else 0.001) if self.turn() else self._pause
                )
            except Exception as error:
                self._observer.failed(error)
                self._begin_again()
                pause = FAILED_SECONDS
            self._stop.wait(pause)
        self.close()

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

    def turn(self) -> bool:
        """Do once what is due. Returns whether more is waiting."""
        behind = self._follow_store()
        now = int(self._clock())
        snapshot = self.snapshot_files.poll(self.publisher.snapshot)
        if snapshot is not None:
            self.publisher.adopt(snapshot, now)
            if self.resync is not None:
                self.publisher.renew_book(self.resync.book)
            self._observer.note(
                "snapshot in force", digest=snapshot.digest, revision=snapshot.built_at_revision
            )
            self._say_unknown_profiles()
            self._show()
        if self._settings is not self.publisher.settings:
            self.publisher.settings = self._settings
            self.publisher.renew(now)
            self._show()
        if self.publisher.due(now):
            self.publisher.advance(now)
            self._show()
        return behind or self.snapshot_files.busy

    def _say_unknown_profiles(self) -> None:
        """Lines whose profile the snapshot does not have; see :class:`~filterd.policy.resolve.PolicyBook`."""
        unknown = self.disk.book.missing()
        if unknown:
            self._observer.note("lines have profiles that the snapshot does not know", count=len(unknown))

    def _follow_store(self) -> bool:
        if self._log is None:
            return False
        try:
            self.disk.settle()
            if not self._log.changed():
                return False
            more = self._follow_orders(self._log)
            more = self._follow_choices(self._log) or more
        except (StoreUnreadableError, OSError, ValueError) as error:
            self._in_trouble(error)
            return False
        if more:
            self._log.forget()
        else:
            self._waiting_since = 0.0
        self._trouble, self._pause = "", POLL_SECONDS
        return more

    def _in_trouble(self, error: Exception) -> None:
        """The store cannot be read or the node's disk not be written. That is noted once, and tried again
        every turn."""
        kind = type(error).__name__
        if kind != self._trouble:
            self._observer.note("change log not followed", reason=kind, remedy=_REMEDIES.get(kind, ""))
        self._trouble = kind
        self._pause = DISK_SECONDS if isinstance(error, OSError | RowsDamagedError) else POLL_SECONDS
        self._begin_again()

    def _begin_again(self) -> None:
        """Read again what was announced and not applied; until then the node is behind."""
        self._waiting_since = self._waiting_since or self._clock()
        if self._log is not None:
            self._log.forget()
        self.disk.reopen()

    def _follow_orders(self, log: ChangeLog) -> bool:
        if self.disk.mandatory.revision is None:
            return self._resync_orders(log)
        page = log.page(changelog.MANDATORY, self._mandatory_cursor)
        if _must_resync(page, self._mandatory_cursor):
            return self._resync_orders(log)
        if page.rows:
            orders = [self._rules_of(row.change, row.revision) for row in page.rows]
            self.disk.add_orders(page.rows[-1].revision, orders)
            self.publisher.renew(int(self._clock()))
            self._show()
            self._mandatory_cursor = page.cursor
            for row in page.rows:
                self._observer.enforced(max(0.0, self._clock() - row.at))
        self._mandatory_cursor = page.cursor
        return page.more

    def _resync_orders(self, log: ChangeLog) -> bool:
        revision, orders = log.all_orders()
        self.disk.replace_orders(revision, [self._rules_of(order, revision) for order in orders])
        self._observer.note("orders read anew", revision=revision, count=len(orders))
        self.publisher.renew(int(self._clock()))
        self._mandatory_cursor = revision
        self._show()
        return False

    def _rules_of(self, change: changelog.Change, revision: int) -> OrderRules:
        if not isinstance(change, OrderChange):
            msg = "a change of the mandatory stream is no order"
            raise StoreUnreadableError(msg)
        return order_rules(change, revision, self._key)

    def _follow_choices(self, log: ChangeLog) -> bool:
        if self.resync is not None or self.disk.parental_revision is None:
            return self._resync_choices(log)
        page = log.page(changelog.PARENTAL, self._parental_cursor)
        if _must_resync(page, self._parental_cursor):
            return self._resync_choices(log)
        if page.rows:
            batch = batch_of((row.change for row in page.rows), self._key)
            new_policy = self.disk.known.claim_policies(batch.lines)
            self.disk.log_parental(page.rows[-1].revision, batch)
            if new_policy:
                self.publisher.advance(int(self._clock()))
                self._say_unknown_profiles()
                self._show()
            self.disk.apply_parental(batch)
            self._waiting_since = page.rows[0].at if page.more else 0.0
        self._parental_cursor = page.cursor
        return page.more

    def _resync_choices(self, log: ChangeLog) -> bool:
        """Do one step of reading every line and binding anew. More is always waiting."""
        if self.resync is None:
            self.resync = Resync(log, self.disk, self.publisher.book(), self._key)
            self._waiting_since = self._waiting_since or self._clock()
        resync = self.resync
        try:
            done = resync.step()
        except ResyncVoidError:
            self.resync = None
            return True
        if done:
            self.resync = None
            self._observer.note("lines read anew", revision=resync.revision, count=len(resync))
            self.publisher.renew(int(self._clock()))
            self._parental_cursor = resync.revision
            self._show()
        return True

    def _show(self) -> None:
        """Put the state in force."""
        self._publish(
            Published(
                self.publisher.state,
                self.disk.known.table,
                self.disk.addresses,
                self.disk.bindings.revision is not None,
                self.publisher.earliest,
            )
        )
        self._in_force = self.publisher.state is not None


def _must_resync(page: Page, cursor: int) -> bool:
    """Below the floor changes are gone. Raises StoreBehindError."""
    if cursor > page.head.revision:
        msg = f"the store ends at revision {page.head.revision}, and this node has {cursor}"
        raise StoreBehindError(msg)
    return cursor < page.head.floor
