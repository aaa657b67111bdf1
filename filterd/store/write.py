"""One audited write, which holds the write lock from its begin to its commit.

It reads the head under the lock, so that revisions, line and order numbers and the audit chain grow without a
gap or fork (if two writers ever ran at once, ``UNIQUE(previous_hash)`` would stop the second).
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry, entry_hash
from filterd.model.changelog import CONTROL, Change, encode
from filterd.store import tables

Details = dict[str, Any]


class Write:
    """The write of one use case: data through :attr:`connection`, changes, and audit entries.

    Data without an audit entry is refused at the end. An entry without a change gets a change in the control
    stream, so that every decision has a revision.
    """

    def __init__(self, connection: AsyncConnection, actor: str, now: float, head: dict[str, Any]) -> None:
        """Use :meth:`begin`."""
        self.connection = connection
        self.actor = actor
        self.now = now
        self._head = head
        self._changes: list[tuple[str, str, str]] = []
        self._entries: list[tuple[str, str, str, Details | None, Details | None]] = []
        self._rows_before = 0

    @classmethod
    async def begin(cls, connection: AsyncConnection, actor: str, now: float) -> Write:
        """Read the head under the lock that the caller holds."""
        row = (await connection.execute(select(tables.head))).mappings().one()
        write = cls(connection, actor, float(now), dict(row))
        write._rows_before = await write._rows_written()
        return write

    @property
    def revision(self) -> int:
        """The newest revision: that of the previous write until the block of this one has ended."""
        return int(self._head["revision"])

    def change(self, *changes: Change) -> None:
        """Log changes that nodes must apply, in this order."""
        self._changes.extend(encode(change) for change in changes)

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

    async def finish(self) -> None:
        """Write changes, audit entries and head. The caller commits."""
        if not self._entries:
            if self._changes or await self._rows_written() != self._rows_before:
                message = "a write without an audit entry"
                raise RuntimeError(message)
            return
        if not self._changes:
            self._changes = [(CONTROL, "audit", json.dumps({"action": self._entries[0][0]}))]
        await self._append_changes()
        await self._append_entries()
        await self.connection.execute(update(tables.head).values(**self._head))

    async def _append_changes(self) -> None:
        first = self.revision + 1
        rows = [
            {"revision": first + offset, "stream": stream, "kind": kind, "at": self.now, "payload": payload}
            for offset, (stream, kind, payload) in enumerate(self._changes)
        ]
        await self.connection.execute(insert(tables.change), rows)
        self._head["revision"] = first + len(rows) - 1

    async def _append_entries(self) -> None:
        rows = []
        for action, subject, reason, before, after in self._entries:
            entry = AuditEntry(self.revision, self.now, self.actor, action, subject, reason, before, after)
            previous = str(self._head["audit_hash"])
            self._head["audit_hash"] = entry_hash(previous, entry)
            self._head["audit_sequence"] += 1
            rows.append(
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
                }
            )
        await self.connection.execute(insert(tables.audit), rows)

    async def _rows_written(self) -> int:
        raw = await self.connection.get_raw_connection()
        driver = raw.driver_connection
        return int(driver.total_changes) if driver is not None else 0


def _text(details: Details | None) -> str | None:
    return None if details is None else json.dumps(details, sort_keys=True, separators=(",", ":"))
