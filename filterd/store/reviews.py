"""Statements about reviews, and about the requests that each of them stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any, Self

from sqlalchemy import Select, case, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.review import Review, ReviewClaim, ReviewDecision, ReviewKind, ReviewOutcome, ReviewRequest
from filterd.store.review_tables import review, review_request

MOST_READ = 1_000
"""reviews that are read at one time"""
_NESTED = ("decision", "appeal")


@dataclass(frozen=True, slots=True)
class WaitingPlace:
    """The place of an open review in the order in which they wait."""

    due: str
    """the last day of its term, an ISO date"""
    fewer: int
    """how many asked, negative: more people, the earlier"""
    number: int

    @classmethod
    def of(cls, found: Review) -> Self:
        """The place of a review that waits."""
        return cls(found.due, -found.requests, found.number)


@dataclass(frozen=True, slots=True)
class DecidedPlace:
    """The place of a decided review: the newest decision is the first."""

    at: float
    """Unix seconds of the decision"""
    number: int


async def add(connection: AsyncConnection, new: Review) -> int:
    """Add a review; return its number, which the store gives."""
    values = _values(new)
    del values["number"]
    made = await connection.execute(insert(review).values(values).returning(review.c.number))
    return int(made.scalar_one())


async def put(connection: AsyncConnection, changed: Review) -> None:
    """Replace a review by its new state."""
    where = review.c.number == changed.number
    await connection.execute(update(review).where(where).values(_values(changed)))


async def find(connection: AsyncConnection, number: int) -> Review | None:
    """The review with this number."""
    found = await _read(connection, select(review).where(review.c.number == number))
    return found[0] if found else None


async def undecided(
    connection: AsyncConnection, name: str, claim: ReviewClaim, kind: ReviewKind
) -> Review | None:
    """The review that another request about the same joins: one that was never decided."""
    same = (review.c.name == name, review.c.claim == claim.value, review.c.kind == kind.value)
    query = select(review).where(*same, review.c.closed_at == 0, review.c.appealed_at == 0)
    found = await _read(connection, query)
    return found[0] if found else None


async def waiting(
    connection: AsyncConnection,
    behind: WaitingPlace | None = None,
    limit: int = MOST_READ,
    kind: ReviewKind | None = None,
) -> list[Review]:
    """The reviews that wait for a decision: the most urgent first, of one day those that more people asked
    for, and by number. At most ``limit``, behind a place."""
    query = select(review).where(review.c.closed_at == 0)
    query = query if kind is None else query.where(review.c.kind == kind.value)
    # Each part is read in the order of ix_review_waiting.
    first = query.where(review.c.appeal_due_on == "")
    appealed = query.where(review.c.appeal_due_on > "")
    found: list[Review] = []
    for part, due in ((first, review.c.due_on), (appealed, review.c.appeal_due_on)):
        place = tuple_(due, -review.c.requests, review.c.number)
        chosen = part
        if behind is not None:
            chosen = part.where(due >= behind.due, place > tuple_(*astuple(behind)))
        ordered = chosen.order_by(due, review.c.requests.desc(), review.c.number).limit(limit)
        found += await _reviews((await connection.execute(ordered)).mappings())
    return sorted(found, key=lambda each: astuple(WaitingPlace.of(each)))[:limit]


async def decided(
    connection: AsyncConnection, behind: DecidedPlace | None = None, limit: int = MOST_READ
) -> list[Review]:
    """The reviews that are decided, the newest decision first. At most ``limit``, behind a place."""
    query = select(review).where(review.c.closed_at > 0)
    if behind is not None:
        place = tuple_(review.c.closed_at, review.c.number)
        query = query.where(review.c.closed_at <= behind.at, place < tuple_(*astuple(behind)))
    ordered = query.order_by(review.c.closed_at.desc(), review.c.number.desc()).limit(limit)
    return await _reviews((await connection.execute(ordered)).mappings())


async def open_counts(connection: AsyncConnection, today: str) -> tuple[int, int, int]:
    """Of the reviews that wait: those without an appeal, those with one, and all whose term is over."""
    due = case((review.c.appeal_due_on > "", review.c.appeal_due_on), else_=review.c.due_on)
    appealed = func.coalesce(func.sum(review.c.appeal_due_on > ""), 0)
    overdue = func.coalesce(func.sum(due < today), 0)
    query = select(func.count(), appealed, overdue).select_from(review).where(review.c.closed_at == 0)
    every, again, late = (await connection.execute(query)).one()
    return int(every) - int(again), int(again), int(late)


async def newest(connection: AsyncConnection, most: int) -> list[Review]:
    """The newest reviews, open and closed, newest first."""
    return await _read(connection, select(review), newest=most)


async def received_before(connection: AsyncConnection, moment: float) -> list[Review]:
    """All reviews that were received before a moment (Unix seconds), by number."""
    return await _read(connection, select(review).where(review.c.received_at < moment))


async def has_any_since(connection: AsyncConnection, moment: float) -> bool:
    """Whether a review was received at a moment (Unix seconds) or later."""
    query = select(review.c.number).where(review.c.received_at >= moment).limit(1)
    return (await connection.execute(query)).one_or_none() is not None


async def add_request(connection: AsyncConnection, new: ReviewRequest) -> None:
    """Add one person's request."""
    await connection.execute(insert(review_request).values(asdict(new)))


async def request_of(connection: AsyncConnection, folio: str) -> ReviewRequest | None:
    """The request with this folio."""
    query = select(review_request).where(review_request.c.folio == folio)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else ReviewRequest(*row)


async def requests_of(connection: AsyncConnection, number: int, most: int) -> list[ReviewRequest]:
    """The first requests that a review stands for, in the order in which they came."""
    query = select(review_request).where(review_request.c.review == number)
    rows = await connection.execute(query.order_by(review_request.c.received_at).limit(most))
    return [ReviewRequest(*row) for row in rows]


async def open_requests(connection: AsyncConnection) -> int:
    """The requests that wait for a decision."""
    query = select(func.coalesce(func.sum(review.c.requests), 0)).where(review.c.closed_at == 0)
    return int((await connection.execute(query)).scalar_one())


async def _read(
    connection: AsyncConnection, query: Select[tuple[object, ...]], newest: int = 0
) -> list[Review]:
    ordered = (
        query.order_by(review.c.number.desc()).limit(newest) if newest else query.order_by(review.c.number)
    )
    return await _reviews((await connection.execute(ordered)).mappings())


async def _reviews(rows: Iterable[Mapping[Any, Any]]) -> list[Review]:
    """Rows of the table as reviews. There may be 100,000: they are made beside the event loop."""
    return await asyncio.to_thread(lambda: [_review(row) for row in rows])


def _review(row: Mapping[Any, Any]) -> Review:
    return Review(
        number=row["number"],
        name=row["name"],
        claim=ReviewClaim(row["claim"]),
        kind=ReviewKind(row["kind"]),
        received_at=row["received_at"],
        due_on=row["due_on"],
        requests=row["requests"],
        decision=_decision(row, ""),
        duplicate_of=row["duplicate_of"],
        appealed_at=row["appealed_at"],
        appeal_due_on=row["appeal_due_on"],
        appeal=_decision(row, "appeal_"),
        closed_at=row["closed_at"],
    )


def _decision(row: Mapping[Any, Any], prefix: str) -> ReviewDecision:
    return ReviewDecision(
        ReviewOutcome(row[f"{prefix}outcome"]),
        row[f"{prefix}reason"],
        row[f"{prefix}authority"],
        row[f"{prefix}exception"],
        row[f"{prefix}decided_at"],
        row[f"{prefix}decided_by"],
    )


def _values(found: Review) -> dict[str, Any]:
    values: dict[str, Any] = {key: value for key, value in asdict(found).items() if key not in _NESTED}
    for prefix, decision in (("", found.decision), ("appeal_", found.appeal)):
        for key, value in asdict(decision).items():
            values[prefix + {"at": "decided_at", "by": "decided_by"}.get(key, key)] = value
    return values
