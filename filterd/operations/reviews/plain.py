"""Reviews as commands print them with ``--json``, and as the API replies."""

from __future__ import annotations

from typing import Any

from filterd.operations.plain_values import plain
from filterd.operations.reviews.asking import IssuedFolio, SeenReview
from filterd.operations.reviews.deciding import ShownReview
from filterd.operations.reviews.figures import HalfYear


def plain_review(found: ShownReview) -> dict[str, Any]:
    """A review with its clock; of those who asked there are folio, day and text, and no code."""
    value: dict[str, Any] = plain(found.review)
    return {
        **value,
        "due": found.review.due or None,
        "days_left": found.days_left,
        "overdue": found.overdue,
        "blocked_by": found.blocked_by,
        "asked": [
            {key: value for key, value in plain(each).items() if key not in ("digest", "review")}
            for each in found.requests
        ],
    }


def plain_seen(found: SeenReview) -> dict[str, Any]:
    """A review as the asker sees it."""
    return {**plain(found), "may_appeal": found.may_appeal}


def plain_folio(found: IssuedFolio) -> dict[str, Any]:
    """A folio with its code, which is shown this once."""
    value: dict[str, Any] = plain(found)
    return value


def plain_statistics(found: list[HalfYear]) -> list[dict[str, Any]]:
    """The half-years; null stands for a small count."""
    value: list[dict[str, Any]] = plain(found)
    return value
