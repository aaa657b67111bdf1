"""Follows the stream of exceptions and suspensions: on the disk and in force, or read anew as a whole.

An end that the disk does not take counts all the same, and is not acknowledged: nothing may be lifted for
longer than somebody wants. Owned by the node's thread.
"""

from __future__ import annotations

from collections.abc import Iterable

from filterd.dataplane.nodestate.changes import ChainBrokenError, ChangeLog, StoreUnreadableError
from filterd.dataplane.nodestate.liftings import LiftingStep
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.publisher import Effect, note_damaged_log
from filterd.model import changelog
from filterd.model.change_chain import Cursor
from filterd.model.changelog import LiftingChange
from filterd.policy.overlay import lifting_rule


class LiftingsFollower:
    """The place of the stream up to which every lifting is on the disk and in force."""

    def __init__(self, disk: NodeDisk, key: bytes, effect: Effect) -> None:
        self.cursor = Cursor(0, "")
        self.anew = False
        """true if all liftings must be read, whatever the cursor says"""
        self._disk = disk
        self._key = key
        self._effect = effect

    def follow(self, log: ChangeLog) -> bool:
        """Apply the next changes; return whether more are waiting. Raises StoreUnreadableError, ``OSError``
        where the node's disk did not take them, and ValueError for one that cannot be applied."""
        if self._disk.liftings.cursor is None or self.anew:
            return self._resync(log)
        try:
            page = log.page(changelog.LIFTING, self.cursor)
        except ChainBrokenError as error:
            more = self._resync(log, self.cursor)  # raises where the head is damaged, which is said once
            note_damaged_log(self._effect, error)
            return more
        if page.gone:
            return self._resync(log, self.cursor)
        if page.rows:
            steps = self._steps(row.change for row in page.rows)
            try:
                self._disk.add_liftings(page.rows[-1].cursor, steps)
            finally:
                self._effect.renew()
        self.cursor = page.cursor
        return page.more

    def _resync(self, log: ChangeLog, since: Cursor | None = None) -> bool:
        cursor, liftings = log.all_liftings(int(self._effect.clock()), since)
        steps = self._steps(liftings)
        try:
            self._disk.replace_liftings(cursor, steps)
        finally:
            self._effect.renew()
        self.anew = False
        self.cursor = cursor
        return False

    def _steps(self, changes: Iterable[changelog.Change]) -> list[LiftingStep]:
        return [self._step(change) for change in changes]

    def _step(self, change: changelog.Change) -> LiftingStep:
        if not isinstance(change, LiftingChange):
            msg = "a change of the stream of liftings is none"
            raise StoreUnreadableError(msg)
        return LiftingStep(lifting_rule(change, self._key), change.ended)
