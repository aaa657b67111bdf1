"""Counts of reviews: what waits now, and each half-year's statistics. Neither names a site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from filterd.model.review import Review, ReviewKind, ReviewOutcome
from filterd.operations.context import Context
from filterd.operations.reviews.terms import country_of, day_of
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import reviews as rows

LEAST = 10
"""the smallest count that is told"""
FIRST_HALF = 6
"""months"""


@dataclass(frozen=True, slots=True)
class HalfYear:
    """The reviews of one half-year, by their first request. None: fewer than :data:`LEAST`, and not told."""

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
    async with context.store.read() as connection:
        found = await rows.open_ones(connection)
    today = day_of(country_of(context), context.clock()).isoformat()
    appealed = sum(each.appealed_at > 0 for each in found)
    overdue = sum(each.overdue(today) for each in found)
    return {"open": len(found) - appealed, "appealed": appealed, "overdue": overdue}


async def statistics(context: Context) -> list[HalfYear]:
    """The half-years of which there are reviews, newest first."""
    country = country_of(context)
    async with context.store.read() as connection:
        found = await rows.every(connection)
    halves: dict[str, list[Review]] = {}
    for each in found:
        halves.setdefault(_half(each, country), []).append(each)
    return [_figures(half, halves[half], country) for half in sorted(halves, reverse=True)]


def _half(review: Review, country: Jurisdiction) -> str:
    day = day_of(country, review.received_at)
    return f"{day.year}-H{1 if day.month <= FIRST_HALF else 2}"


def _figures(half: str, found: Sequence[Review], country: Jurisdiction) -> HalfYear:
    decided = [each for each in found if each.decision.at]
    in_time = sum(day_of(country, each.decision.at).isoformat() <= each.due_on for each in decided)
    upheld = sum(each.last.outcome is ReviewOutcome.UPHELD for each in decided)
    kinds = Counter(each.kind for each in found)
    told, share = _told(upheld), None
    if told is not None and len(decided) >= LEAST:
        share = round(upheld / len(decided), 2)
    return HalfYear(
        half=half,
        requests=_told(sum(each.requests for each in found)),
        reviews=_told(len(found)),
        decided=_told(len(decided)),
        in_time=_told(in_time),
        upheld=told,
        upheld_share=share,
        appealed=_told(sum(each.appealed_at > 0 for each in found)),
        by_kind=_by_kind({each.value: kinds[each] for each in ReviewKind}),
    )


def _told(count: int) -> int | None:
    """A count; None for a small one. None at all is told: it is about nobody."""
    return count if count == 0 or count >= LEAST else None


def _by_kind(counts: dict[str, int]) -> dict[str, int | None]:
    """The counts; where one alone is small, the next larger one is left out with it: the total tells the
    difference."""
    told = {kind: _told(count) for kind, count in counts.items()}
    if sum(each is None for each in told.values()) == 1:
        others = [kind for kind, count in told.items() if count]
        if others:
            told[min(others, key=lambda kind: counts[kind])] = None
    return told
