"""Reports what the lines that have opted in rest on: their own evidence, shared, repeated, or none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from filterd.operations.context import Context
from filterd.operations.reports.measures import told, told_apart
from filterd.store import consent as rows
from filterd.store.consent import Alike

LEAST = 10
"""lines whose evidence agrees, from which on they are named"""
MOST_GROUPS = 50


@dataclass(frozen=True, slots=True)
class ConsentReport:
    """The evidence of all lines that have opted in."""

    own: int
    shared: int
    """on evidence of several lines, which a second person approved"""
    repeated: int
    """on a reference that other lines have too, which nobody approved"""
    none: int
    """without any request on record"""
    waiting: int
    """lines that shared evidence waits for; they have not opted in"""
    alike: tuple[Alike, ...]
    """groups whose evidence is said to be their own, and agrees in person or moment"""

    @property
    def opted_in(self) -> int:
        """All of them."""
        return self.own + self.shared + self.repeated + self.none

    @property
    def share_not_own(self) -> float:
        """The share of those without evidence of their own, from 0 to 1."""
        return 1 - self.own / self.opted_in if self.opted_in else 0.0


async def waiting(context: Context) -> int:
    """The number of lines that shared evidence waits for."""
    async with context.store.read() as connection:
        return sum((await rows.count_pending(connection)).values())


async def by_evidence(context: Context) -> dict[str, int]:
    """The lines that have opted in by their evidence: own, shared, repeated, none."""
    async with context.store.read() as connection:
        return await rows.evidence_counts(connection)


async def report(context: Context) -> ConsentReport:
    """Count what every line's consent rests on."""
    counts = await by_evidence(context)
    async with context.store.read() as connection:
        groups = await rows.alike(connection, LEAST, MOST_GROUPS)
    return ConsentReport(**counts, waiting=await waiting(context), alike=tuple(groups))


def without_small(found: ConsentReport) -> dict[str, Any]:
    """The report for those outside the house: a count of less than :data:`LEAST` lines, or one that would
    tell such a one, is None."""
    parts = {"own": found.own, "shared": found.shared, "repeated": found.repeated, "none": found.none}
    shown = told_apart(parts, LEAST)
    hidden = sum(count for name, count in parts.items() if shown[name] is None)
    whole = None if 0 < hidden < LEAST else told(found.opted_in, LEAST)
    return {
        **shown,
        "waiting": told(found.waiting, LEAST),
        "alike": [asdict(each) for each in found.alike],
        "opted_in": whole,
        "share_not_own": None if whole is None or shown["own"] is None else found.share_not_own,
    }
