"""A full resync of the parental part: reads all lines and bindings again, step by step, into new tables.

A step takes no longer than a page of the store or a look at the disk, and no read of the store outlives its
step. Between two steps the node follows orders, snapshots and the clock as ever. The steps are:

1. note the head of the store, when the resync is made; 2. read the lines page by page, each with its own
names, and then the bindings; 3. apply the changes above the noted head, up to the head at which the last page
was read. The result is the state at that head, whatever was written between the pages
(filterd.model.full_state); 4. write the new part to the disk in the background, and put it in the place of
the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from filterd.dataplane.nodestate.bindings import KnownBindings
from filterd.dataplane.nodestate.changes import ChangeLog, OtherHistoryError
from filterd.dataplane.nodestate.lines import KnownLines, batch_of
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.model import changelog, full_state
from filterd.model.change_chain import Cursor
from filterd.policy.policy_book import PolicyBook

Row = TypeVar("Row")
After = TypeVar("After")


class ResyncVoidError(Exception):
    """The store's log no longer leads on from the noted head: begin again."""


class Resync:
    """One full resync. Owned by the node's thread."""

    def __init__(self, log: ChangeLog, disk: NodeDisk, book: PolicyBook, key: bytes) -> None:
        """Notes the head. ``book`` is an empty one for the profiles in force; the caller renews it with each
        new snapshot. Raises StoreUnreadableError."""
        self.book = book
        self.cursor = log.newest()
        """the log was followed up to here"""
        self._log = log
        self._disk = disk
        self._key = key
        self._known = KnownLines(book)
        self._bound = KnownBindings()
        self._line = full_state.BEFORE_LINES
        self._prefix = full_state.BEFORE_BINDINGS
        self._until = self.cursor.revision
        """the head at which the last page was read"""
        self._steps: dict[str, Callable[[], bool]] = {
            "lines": self._read_lines,
            "bindings": self._read_bindings,
            "log": self._follow,
            "write": self._write,
        }
        self._writing: Generator[None] | None = None

    def step(self) -> bool:
        """Do one step. Returns True once the new part is in the place of the old one.

        Raises StoreUnreadableError and OSError: the next call tries the same step again. Raises
        ResyncVoidError where this resync can no longer succeed.
        """
        phase = self.phase
        if self._steps[phase]():
            del self._steps[phase]
        return not self._steps

    @property
    def phase(self) -> str:
        """The next step: lines, bindings, log or write."""
        return next(iter(self._steps))

    def _read_lines(self) -> bool:
        found = self._read(self._log.lines, self._line)
        self._known.apply(batch_of(found, self._key).lines)
        if found:
            self._line = found[-1].choices.line
        return not found

    def _read_bindings(self) -> bool:
        found = self._read(self._log.bindings, self._prefix)
        self._bound.apply(batch_of(found, self._key).bindings)
        if found:
            self._prefix = found[-1].prefix
        return not found

    def _follow(self) -> bool:
        try:
            page = self._log.page(changelog.PARENTAL, self.cursor)
        except OtherHistoryError as error:
            raise ResyncVoidError from error
        if page.gone:
            raise ResyncVoidError
        batch = batch_of((row.change for row in page.rows), self._key)
        self._bound.apply(batch.bindings)
        self._known.apply(batch.lines)
        self.cursor = page.cursor
        return self.cursor.revision >= self._until

    def _read(self, read: Callable[[After, Cursor], tuple[Cursor, list[Row]]], after: After) -> list[Row]:
        """One page. Raises ResyncVoidError where the log no longer leads from the noted head to that of the
        page."""
        try:
            newest, found = read(after, self.cursor)
        except OtherHistoryError as error:
            raise ResyncVoidError from error
        self._until = newest.revision
        return found

    def _write(self) -> bool:
        if self._writing is None:
            self._writing = self._disk.replace_parental(self.cursor, self.book, self._known, self._bound)
        try:
            next(self._writing)
        except StopIteration:
            return True
        except OSError:
            self._writing = None
            raise
        return False

    def __len__(self) -> int:
        """Lines read so far."""
        return len(self._known.table)
