"""One audited write, which holds the write lock from its begin to its commit.

It reads the head under the lock, so that revisions, line and order numbers and the audit chain grow without a
gap or fork (if two writers ever ran at once, ``UNIQUE(previous_hash)`` would stop the second).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry, entry_hash
from filterd.model.change_chain import change_hash
from filterd.model.changelog import CONTROL, Change, encode, line_of
from filterd.store import tables
from filterd.store.ledger import Ended, Serial, StoreHead
from filterd.store.prepared import PreparedChange

Details = dict[str, Any]
Row = dict[str, Any]

_HEAD = select(tables.head)
_SET_HEAD = PreparedChange(update(tables.head), tables.head.c.keys())
_ADD_CHANGES = PreparedChange(insert(tables.change), tables.change.c.keys())
_ADD_ENTRIES = PreparedChange(insert(tables.audit), tables.audit.c.keys())
_ADD_ENDINGS = PreparedChange(insert(tables.ending), ("revision", "hash", "kind", "number"))
SALT_BYTES = 16
"""enough that nobody can try them all for a guess of an erased row"""


class Write:
    """The write of one use case: data through :attr:`connection`, changes, and audit entries.

    Data without an audit entry is refused at the end. An entry without a change gets a change in the control
    stream, so that every decision has a revision.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        actor: str,
        now: float,
        head: dict[str, Any],
        random: Callable[[int], bytes],
    ) -> None:
        """Use :meth:`begin`."""
        self.connection = connection
        self.actor = actor
        self.now = now
        self.before = _store_head(head)
        """the head when the write began"""
        self._head = head
        self._random = random
        self._ended: list[tuple[str, int]] = []
        self.serials: dict[str, Serial] = {}
        """newest signed lists of feeds, for the ledger"""
        self.change_rows: list[Row] = []
        """of the change log; valid when it is complete"""
        self.entry_rows: list[Row] = []
        """of the audit trail; valid when it is complete"""
        self._changes: list[tuple[str, str, str, int | None]] = []
        self._entries: list[tuple[str, str, str, Details | None, Details | None]] = []
        self._deferred: list[Callable[[], Awaitable[None]]] = []
        self._rows_before = 0

    @classmethod
    async def begin(
        cls, connection: AsyncConnection, actor: str, now: float, random: Callable[[int], bytes]
    ) -> Write:
        """Read the head under the lock that the caller holds. ``random`` gives so many random bytes."""
        write = cls(connection, actor, float(now), await read_head(connection), random)
        write._rows_before = await rows_written(connection)
        return write

    def beside(self, actor: str, now: float, rows_before: int) -> Write:
        """A write of somebody else that follows this complete one in the same transaction. ``rows_before``:
        the rows that the connection had written before it."""
        write = Write(self.connection, actor, float(now), dict(self._head), self._random)
        write._rows_before = rows_before
        return write

    @property
    def revision(self) -> int:
        """The newest revision: that of the previous write until the block of this one has ended."""
        return int(self._head["revision"])

    @property
    def head(self) -> StoreHead:
        """The head that the store has once this write is committed; valid when it is finished."""
        return _store_head(self._head)

    @property
    def ended(self) -> tuple[Ended, ...]:
        """The endings of this write, for the table and the ledger; valid when it is complete."""
        return self.endings(self._ended)

    @property
    def ends(self) -> tuple[tuple[str, int], ...]:
        """Kind and number of what this write ends."""
        return tuple(self._ended)

    def endings(self, ends: Iterable[tuple[str, int]]) -> tuple[Ended, ...]:
        """The endings of writes of one transaction, this one's the last, for the table and the ledger."""
        return tuple(Ended(self.head.revision, self.head.hash, *each) for each in ends)

    def end(self, kind: str, number: int) -> None:
        """Note, in the store and the ledger, that this write ends something, which no restore may bring back.
        ``kind`` is one of :data:`filterd.store.ledger.ENDINGS`, ``number`` that of the line or order."""
        self._ended.append((kind, number))

    def raise_serial(self, feed: str, serial: int, digest: str) -> None:
        """Note for the ledger that this write takes a signed list, which no restored store may take an older
        one after."""
        self.serials[feed] = Serial(serial, digest)

    def skip(self, revision: int, next_line: int, next_order: int) -> None:
        """Go on behind these numbers, where they are ahead of ours: they were given out in another history.
        The next change of this write gets a revision above ``revision``."""
        for name, number in (("revision", revision), ("next_line", next_line), ("next_order", next_order)):
            self._head[name] = max(int(self._head[name]), number)

    def change(self, *changes: Change) -> None:
        """Log changes that nodes must apply, in this order."""
        self._changes.extend((*encode(change), line_of(change)) for change in changes)

    def defer(self, step: Callable[[int], Awaitable[None]]) -> None:
        """Run a step once the write is complete, with the revision that the newest change so far gets."""
        index = len(self._changes)
        self._deferred.append(lambda: step(self.revision + index))

    def audit(
        self,
        action: str,
        subject: str,
        *,
        reason: str = "",
        before: Details | None = None,
        after: Details | None = None,
    ) -> None:
        """Record an action on a subject. No personal value in clear: entries outlive an erasure."""
        self._entries.append((action, subject, reason, before, after))

    def take_lines(self, count: int) -> int:
        """Reserve ``count`` new line numbers and return the first; a number is never used again."""
        first = int(self._head["next_line"])
        self._head["next_line"] = first + count
        return first

    def take_order(self) -> int:
        """Reserve a new order number; it is never used again."""
        number = int(self._head["next_order"])
        self._head["next_order"] = number + 1
        return number

    def token(self) -> str:
        """24 random hexadecimal digits, for an id that is never given out twice."""
        return self._random(12).hex()

    async def finish(self) -> None:
        """Write changes, audit entries and head. The caller commits."""
        await self.complete()
        await self.append(self.change_rows, self.entry_rows, self.ended)

    async def complete(self) -> None:
        """Make the rows of changes and audit entries, and the head after them; nothing is written yet.

        Raises RuntimeError where something was written without an audit entry.
        """
        if not self._entries:
            if self._changes or self._ended or await rows_written(self.connection) != self._rows_before:
                message = "a write without an audit entry"
                raise RuntimeError(message)
            return
        for each in self._deferred:
            await each()
        if not self._changes:
            self._changes = [(CONTROL, "audit", json.dumps({"action": self._entries[0][0]}), None)]
        self._chain_changes()
        self._chain_entries()

    async def append(self, changes: list[Row], entries: list[Row], ended: Sequence[Ended]) -> None:
        """Write the rows of complete writes, this one's the last, their endings, and the head after it."""
        if entries:
            await _ADD_CHANGES.run(self.connection, changes)
            await _ADD_ENTRIES.run(self.connection, entries)
            await _ADD_ENDINGS.run(self.connection, [asdict(each) for each in ended])
            await _SET_HEAD.run(self.connection, [self._head])

    def _chain_changes(self) -> None:
        for revision, (stream, kind, payload, line) in enumerate(self._changes, start=self.revision + 1):
            salt = self._random(SALT_BYTES).hex()
            previous = str(self._head["change_hash"])
            this = change_hash(previous, revision, stream, kind, self.now, payload, salt)
            self._head["change_hash"] = this
            self.change_rows.append(
                {
                    "revision": revision,
                    "stream": stream,
                    "kind": kind,
                    "at": self.now,
                    "payload": payload,
                    "salt": salt,
                    "hash": this,
                    "line": line,
                }
            )
        self._head["revision"] += len(self._changes)

    def _chain_entries(self) -> None:
        for action, subject, reason, before, after in self._entries:
            entry = AuditEntry(self.revision, self.now, self.actor, action, subject, reason, before, after)
            previous = str(self._head["audit_hash"])
            salt = self._random(SALT_BYTES).hex()
            self._head["audit_hash"] = entry_hash(previous, entry, salt)
            self._head["audit_sequence"] += 1
            self.entry_rows.append(
                {
                    "sequence": self._head["audit_sequence"],
                    "revision": entry.revision,
                    "at": entry.at,
                    "actor": entry.actor,
                    "action": action,
                    "subject": subject,
                    "reason": reason,
                    "before": _text(before),
                    "after": _text(after),
                    "previous_hash": previous,
                    "hash": self._head["audit_hash"],
                    "salt": salt,
                }
            )


async def read_head(connection: AsyncConnection) -> Row:
    """The row of the head, under the lock that the caller holds."""
    return dict((await connection.execute(_HEAD)).mappings().one())


async def rows_written(connection: AsyncConnection) -> int:
    """The rows that this connection has written since it was opened."""
    driver = (await connection.get_raw_connection()).driver_connection
    return int(driver.total_changes) if driver is not None else 0


def _store_head(row: dict[str, Any]) -> StoreHead:
    return StoreHead(row["revision"], row["change_hash"], row["next_line"], row["next_order"])


def _text(details: Details | None) -> str | None:
    return None if details is None else json.dumps(details, sort_keys=True, separators=(",", ":"))
