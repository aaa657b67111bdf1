"""Counts of reviews: what waits now, and each half-year's statistics. Neither names a site."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from filterd.model.review import Review, ReviewKind
from filterd.operations.context import Context
from filterd.operations.reports.halves import half_of
from filterd.operations.reviews import counting
from filterd.operations.reviews.terms import country_of, day_of
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import reviews as rows

LEAST = 10
"""the smallest count that is told"""


@dataclass(frozen=True, slots=True)
class HalfYear:
    """The reviews of one half-year, by their first request, as they stood at its end. None: fewer than
    :data:`LEAST`, or it would tell such a number, or the half-year is not over: not told."""

    half: str
    """like 2026-H2"""
    requests: int | None
    """those of people; several may ask for one review"""
    reviews: int | None
    decided: int | None
    in_time: int | None
    """decided by the last day of the first term"""
    upheld: int | None
    upheld_share: float | None
    """of those decided, from 0 to 1"""
    appealed: int | None
    by_kind: dict[str, int | None]


async def count(context: Context) -> dict[str, int]:
    """The reviews that wait, by state, and those among them whose term is over."""
    today = day_of(country_of(context), context.clock()).isoformat()
    async with context.store.read() as connection:
        first, appealed, overdue = await rows.open_counts(connection, today)
    return {"open": first, "appealed": appealed, "overdue": overdue}


async def statistics(context: Context) -> list[HalfYear]:
    """The half-years of which there are reviews, newest first."""
    country, zone = country_of(context), context.settings.zone
    name, begins_at, _ = half_of(zone, context.clock())
    async with context.store.read() as connection:
        found = await rows.received_before(connection, begins_at)
        goes_on = await rows.has_any_since(connection, begins_at)
    over = await asyncio.to_thread(_of_halves, found, country, zone)
    return [_figures(name, {}), *over] if goes_on else over


def _of_halves(found: Sequence[Review], country: Jurisdiction, zone: str) -> list[HalfYear]:
    halves: dict[tuple[str, float], list[Review]] = {}
    for each in found:
        name, _, ends_at = half_of(zone, each.received_at)
        halves.setdefault((name, ends_at), []).append(each)
    return [
        _figures(half, counting.of_half(those, frozenset(), country, ends_at, LEAST))
        for (half, ends_at), those in sorted(halves.items(), reverse=True)
    ]


def _figures(half: str, told: dict[str, int | None]) -> HalfYear:
    """The figures of a half-year; of one that is not over, none: those of each day would tell what came."""
    decided, upheld = told.get("decided"), told.get("upheld")
    return HalfYear(
        half=half,
        requests=told.get("requests"),
        reviews=told.get("opened"),
        decided=decided,
        in_time=told.get("in_time"),
        upheld=upheld,
        upheld_share=None if upheld is None or not decided else round(upheld / decided, 2),
        appealed=told.get("appealed"),
        by_kind={each.value: told.get(f"kind.{each.value}") for each in ReviewKind},
    )
