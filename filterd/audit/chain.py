"""Proves the audit trail: computes every entry's hash again, and checks every link."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass

from filterd.model.audit_chain import GENESIS, StoredEntry, entry_hash


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of a walk over the chain; ``fault`` is empty if it holds."""

    entries: int
    last_hash: str
    fault: str = ""
    sequence: int = 0
    """the entry with the fault"""

    @property
    def holds(self) -> bool:
        """Return whether no entry was altered, dropped or inserted."""
        return not self.fault


async def prove(
    entries: AsyncIterable[StoredEntry], end: tuple[int, str], start: tuple[int, str] = (0, GENESIS)
) -> Proof:
    """Walk the chain. ``end`` is the sequence and hash that it must end with; ``start`` those of the entry
    before ``entries``, by default of none, so that the whole chain is proved."""
    count, previous = start
    async for stored in entries:
        fault = _fault(stored, count + 1, previous)
        if fault:
            return Proof(count, previous, fault, stored.sequence)
        count, previous = stored.sequence, stored.hash
    if (count, previous) != end:
        return Proof(count, previous, "entries are missing at the end", count + 1)
    return Proof(count, previous)


def _fault(stored: StoredEntry, sequence: int, previous: str) -> str:
    if stored.sequence != sequence:
        return "an entry is missing"
    if stored.previous_hash != previous:
        return "the entry does not follow the one before it"
    if stored.hash != entry_hash(previous, stored.entry, stored.salt):
        return "the entry was altered"
    return ""
