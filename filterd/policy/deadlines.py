"""The moments by which duties of an order are due, from the rules of its jurisdiction. Pure: times go in and
come out in Unix seconds.

Minutes and hours run by the clock, exactly. Days are whole days of the authority's zone: they begin on the
day after the event and end with the last second of the last one. A last day that is a holiday is not moved
to the next: who is done by then is done by the later day too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from filterd.policy.business_days import due_on
from filterd.policy.jurisdictions import (
    Authority,
    Deadline,
    DeadlineKind,
    DeadlineStart,
    Ground,
    Jurisdiction,
)

_LATEST = 253_370_764_800
"""the beginning of the year 9999 UTC, in Unix seconds: no term runs further"""


@dataclass(frozen=True, slots=True)
class KnownBasis:
    """The parts of an order's legal basis that the jurisdiction's file has; None for what it has not."""

    authority: Authority | None
    ground: Ground | None


def due(
    jurisdiction: Jurisdiction, ground: Ground, authority: str, kind: DeadlineKind, start: int
) -> int | None:
    """The last second in which a duty is done in time; None: the ground sets no such deadline. An order has a
    date of review, the jurisdiction's own, where its ground sets neither a term nor a review.

    ``authority`` is an id of the jurisdiction, or empty for an unknown one. ``start`` is the moment of the
    event that :func:`starts_with` names.
    """
    deadline = ground.deadline(kind, authority)
    if kind is DeadlineKind.REVIEW and ground.deadline(DeadlineKind.TERM, authority) is None:
        deadline = deadline or jurisdiction.review
    return None if deadline is None else end_of(jurisdiction, authority, deadline, start)


def starts_with(ground: Ground, authority: str, kind: DeadlineKind) -> DeadlineStart:
    """The event from which a deadline of the ground runs."""
    deadline = ground.deadline(kind, authority)
    return (deadline.start if deadline is not None else None) or kind.start


def end_of(jurisdiction: Jurisdiction, authority: str, deadline: Deadline, start: int) -> int:
    """The last second of a deadline that began at ``start``."""
    if not deadline.days:
        return start + deadline.hours * 3600 + deadline.minutes * 60
    if start >= _LATEST:
        return start
    zone = ZoneInfo(jurisdiction.zone_of(authority))
    event = datetime.fromtimestamp(start, UTC).astimezone(zone).date()
    after = due_on(jurisdiction, event, deadline) + timedelta(days=1)
    return int(datetime.combine(after, time(), zone).timestamp()) - 1


def resolve(jurisdiction: Jurisdiction, authority: str, ground: str) -> KnownBasis:
    """The authority and the ground that the words of an order name: by id, by title, or by a law or
    other words of the ground. Case and spaces do not count. Where several grounds answer to a law, the first
    that this authority can use."""
    body = next((each for each in jurisdiction.authorities if _folded(authority) in _names(each)), None)
    named = [each for each in jurisdiction.grounds if _folded(ground) in _ground_names(each)]
    usable = [each for each in named if body is not None and body.id in each.authorities]
    return KnownBasis(body, next(iter((*usable, *named)), None))


def _names(authority: Authority) -> set[str]:
    return _all_folded((authority.id, authority.title.es, authority.title.en))


def _ground_names(ground: Ground) -> set[str]:
    return _all_folded(
        (ground.id, ground.title.es, ground.title.en, ground.law, *ground.law.split(";"), *ground.also)
    )


def _all_folded(words: Iterable[str]) -> set[str]:
    return {_folded(each) for each in words} - {""}


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
