"""Follows the parental stream: lines, their choices and bindings, change by change or read anew in pages.

Owned by the node's thread.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable

from filterd.dataplane.nodestate.changes import ChainBrokenError, ChangeLog
from filterd.dataplane.nodestate.lines import batch_of
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.publisher import Effect, note_damaged_log, say_unknown_profiles
from filterd.dataplane.nodestate.resync import Resync, ResyncVoidError
from filterd.dataplane.nodestate.unread import MOST_BINDINGS, UnreadChanges
from filterd.dataplane.tables.epoch import collect, retire
from filterd.model import changelog
from filterd.model.change_chain import Cursor

PATIENCE = 100
"""looks at readers that are slow to pass, one in a millisecond"""


class ChoicesFollower:
    """The place of the parental stream up to which all choices and bindings are on the disk and in force."""

    def __init__(self, disk: NodeDisk, key: bytes, effect: Effect) -> None:
        self.cursor = Cursor(0, "")
        self.anew = False
        """true if all lines must be read, whatever the cursor says"""
        self.resync: Resync | None = None
        """the full resync that is under way"""
        self.unread: UnreadChanges | None = None
        """the lines that changed before the start, until they are followed; None: there are none"""
        self._looked = False
        self._disk = disk
        self._key = key
        self._effect = effect

    def look(self, log: ChangeLog, on_progress: Callable[[], None]) -> None:
        """Find, once, the lines that the store changed since this node followed it. ``on_progress`` is called
        now and then. Raises StoreUnreadableError."""
        if self._looked or self._disk.parental_cursor is None:
            return
        since = self._disk.parental_cursor.revision
        found = log.unread_lines(
            since, lambda: max(self._disk.known.table.numbers(), default=0), MOST_BINDINGS, on_progress
        )
        self._looked = True
        on_progress()
        if found is not None:
            self.unread = UnreadChanges(*found, self._key)
            on_progress()
            self._effect.observer.note("changed lines wait until they are followed", count=len(self.unread))
            self._effect.show()

    def follow(self, log: ChangeLog) -> bool:
        """Apply the next changes; return whether more are waiting. Raises StoreUnreadableError, ``OSError``
        where the node's disk did not take them, and ValueError for one that cannot be applied."""
        more = self._follow(log)
        if self.unread is not None:
            done = not more or self.cursor.revision >= self.unread.newest
            if self.unread.follow(self.cursor.revision) or done:
                self.unread = None if done else self.unread
                self._effect.show()
        return more

    def _follow(self, log: ChangeLog) -> bool:
        """Apply the next changes; return whether more are waiting. Raises StoreUnreadableError, ``OSError``
        where the node's disk did not take them, and ValueError for one that cannot be applied."""
        if self.resync is not None or self.anew or self._disk.parental_cursor is None:
            return self._read_anew(log)
        try:
            page = log.page(changelog.PARENTAL, self.cursor)
        except ChainBrokenError as error:
            log.newest(self.cursor)  # raises where the head is damaged or of another history
            more = self._read_anew(log)
            note_damaged_log(self._effect, error)
            return more
        if page.gone:
            return self._read_anew(log)
        if page.rows:
            batch = batch_of((row.change for row in page.rows), self._key)
            new_policy = self._disk.known.claim_policies(batch.lines)
            self._disk.log_parental(page.rows[-1].cursor, batch)
            if new_policy:
                self._effect.advance()
                let_readers_pass()
                say_unknown_profiles(self._effect.publisher, self._effect.observer)
            self._disk.apply_parental(batch)
        self.cursor = page.cursor
        return page.more

    def _read_anew(self, log: ChangeLog) -> bool:
        """Do one step of reading every line and binding anew. More is always waiting."""
        if self.resync is None:
            self.resync = Resync(log, self._disk, self._effect.publisher.book(), self._key)
        resync = self.resync
        try:
            done = resync.step()
        except ResyncVoidError:
            self.resync = None
            return True
        if done:
            self.resync = None
            self.anew = False
            self._effect.observer.note("lines read anew", revision=resync.cursor.revision, count=len(resync))
            self.cursor = resync.cursor
            self._effect.renew()
        return True


class _Mark:
    """Goes when every reader that was awake has passed."""


def let_readers_pass() -> None:
    """Wait until no reader holds a state from before: it has no policy for lines that get a new one. A thread
    that hangs is not waited for longer than :data:`PATIENCE`."""
    mark = _Mark()
    watched = weakref.ref(mark)
    retire(mark)
    del mark
    for _ in range(PATIENCE):
        collect()
        if watched() is None:
            return
        time.sleep(0.001)
