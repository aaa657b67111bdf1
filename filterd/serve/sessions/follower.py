"""The subscribers of the store, as the table of sessions needs them: fingerprint of the id to line.

New ones are found by their numbers, which only grow; removed ones in the change log. Where the log was pruned
past the place that was read, all are read anew, and those that are missing forgotten.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left

from filterd.model.identity import IdentityKind, identity_input
from filterd.operations.context import Context
from filterd.policy.fingerprint import fingerprint
from filterd.serve.sessions.table import SubscriberTable
from filterd.store import change_log, subscribers

PAGE = 2_000
SIZE = 16
"""bytes of a fingerprint"""


def subscriber_fingerprint(key: bytes, subscriber: str) -> bytes:
    """The fingerprint by which a subscriber's id is known in the table."""
    return fingerprint(key, identity_input(IdentityKind.SUBSCRIBER, subscriber.encode()))


class SubscriberFollower:
    """Owned by the event loop. Keeps 24 bytes a subscriber: the store has no id of a removed one."""

    def __init__(self, table: SubscriberTable, key: bytes) -> None:
        self._table = table
        self._key = key
        self._lines = array("Q")
        """in ascending order"""
        self._fingerprints = bytearray()
        self._revision = -1
        """up to which the log was read; -1: nothing was read"""

    @property
    def subscribers(self) -> int:
        """The subscribers that are known."""
        return len(self._lines)

    async def follow(self, context: Context) -> None:
        """Read what is new. Raises StoreError."""
        async with context.store.read() as connection:
            floor, head = await change_log.ends(connection)
            if head.revision == self._revision:
                return
            anew = self._revision < floor.revision or head.revision < self._revision
            removed = () if anew else await change_log.removed_lines(connection, self._revision)
        for line in removed:  # first: the same id may have been registered again, with another line
            self._forget(line)
        if anew:
            await self._read_all(context)
        else:
            await self._read_new(context)
        self._revision = head.revision

    async def _read_new(self, context: Context) -> None:
        """The subscribers above the last line, in pages, each in its own short transaction."""
        while True:
            last = self._lines[-1] if self._lines else 0
            async with context.store.read() as connection:
                found = await subscribers.ids_above(connection, last, PAGE)
            pairs = bytearray()
            for line, identifier in found:
                known = subscriber_fingerprint(self._key, identifier)
                pairs += known + line.to_bytes(8, sys.byteorder)
                self._lines.append(line)
                self._fingerprints += known
            self._table.register_many(pairs)
            if len(found) < PAGE:
                return

    async def _read_all(self, context: Context) -> None:
        """Every subscriber; those of before that are not among them are forgotten."""
        before = self._each()
        self._lines, self._fingerprints = array("Q"), bytearray()
        await self._read_new(context)
        for known in before - self._each():
            self._table.forget(known)

    def _each(self) -> set[bytes]:
        return {bytes(self._fingerprints[at : at + SIZE]) for at in range(0, len(self._fingerprints), SIZE)}

    def _forget(self, line: int) -> None:
        at = bisect_left(self._lines, line)
        if at < len(self._lines) and self._lines[at] == line:
            self._table.forget(bytes(self._fingerprints[at * SIZE : (at + 1) * SIZE]))
            del self._lines[at], self._fingerprints[at * SIZE : (at + 1) * SIZE]
