"""The provider's side of a review: the list by its clocks, and the decisions.

A decision tells no holder of a line: nobody knows whose line it was. The second decision, on an appeal, is
made by another person than the first.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.review import Review, ReviewClaim, ReviewDecision, ReviewOutcome, ReviewRequest
from filterd.model.review_effect import EffectOfReview, ReviewEffect
from filterd.operations import exceptions, input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, NotAllowedError, UnknownError
from filterd.operations.orders.people import MADE_BY, audited_maker
from filterd.operations.reviews import folios
from filterd.operations.reviews.terms import country_of, day_of
from filterd.policy.business_days import business_days_left
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import change_log, review_effects
from filterd.store import reviews as rows
from filterd.store.reviews import DecidedPlace, WaitingPlace
from filterd.store.write import Write

PAGE = 100
"""reviews of one page"""
MOST_CLOSED = 200
"""reviews that are looked through for effects"""
_WAITING = re.compile(r"(\d{4}-\d\d-\d\d)\.(\d{1,9})\.(\d{1,15})", re.ASCII)
_DECIDED = re.compile(r"d(\d{1,15}\.\d{1,15})\.(\d{1,15})", re.ASCII)
MOST_REQUESTS = 50
_MOST_ENTRIES = 20
"""of the audit trail, on one review"""


@dataclass(frozen=True, slots=True)
class ShownReview:
    """A review as the provider's people see it."""

    review: Review
    days_left: int
    """business days until the term that runs is over; negative: it is over. 0 for a closed one too"""
    overdue: bool
    requests: tuple[ReviewRequest, ...] = ()
    """the first of them, with their texts; there where one review is shown"""
    blocked_by: str = ""
    """the order or mandatory list by which the name stays blocked though an exception was made"""


@dataclass(frozen=True, slots=True)
class DecisionGiven:
    """A decision as somebody makes it."""

    outcome: ReviewOutcome
    reason: str
    """in words for the asker"""
    exception_seconds: int = 0
    """upheld: let the name through on every line for so long; 0: the list is corrected"""
    authority: str = ""
    """forwarded: the id of the authority in the jurisdiction's file"""
    duplicate_of: str = ""
    """duplicate: the number or a folio of the review that decides it"""


async def page(
    context: Context, after: str = "", limit: int = 0, *, closed: bool = False
) -> tuple[list[ShownReview], str]:
    """The reviews that wait, the most urgent first and, of one day, those that more people asked for; with
    ``closed`` the decided ones behind them, the newest first. At most ``limit`` (by default :data:`PAGE`)
    behind the place ``after``, and the place to go on behind; empty: there are no more. Raises OperationError
    for a place that is none.

    More requests for one that waits move it within its day: a list that is read meanwhile may have it twice,
    or not.
    """
    country, place, limit = country_of(context), _place(after), limit or PAGE
    async with context.store.read() as connection:
        found: list[Review] = []
        if not isinstance(place, DecidedPlace):
            found = await rows.waiting(connection, place, limit + 1)
        if closed and len(found) <= limit:
            behind = place if isinstance(place, DecidedPlace) else None
            found += await rows.decided(connection, behind, limit + 1 - len(found))
    today = day_of(country, context.clock())
    following = _text_of(found[limit - 1]) if len(found) > limit else ""
    return await asyncio.to_thread(_all_shown, found[:limit], country, today), following


def _all_shown(found: Sequence[Review], country: Jurisdiction, today: date) -> list[ShownReview]:
    """They count business days up to a far term: a page of 1,000 is made beside the event loop."""
    return [_shown(each, country, today) for each in found]


def _text_of(found: Review) -> str:
    """The place of a review as :func:`page` takes it: ``2027-01-22.3.7``, or ``d1800000000.0.7`` of a decided
    one."""
    if found.closed_at:
        return f"d{found.closed_at!r}.{found.number}"
    return f"{found.due}.{found.requests}.{found.number}"


def _place(text: str) -> WaitingPlace | DecidedPlace | None:
    if not text:
        return None
    if waits := _WAITING.fullmatch(text):
        return WaitingPlace(waits[1], -int(waits[2]), int(waits[3]))
    if over := _DECIDED.fullmatch(text):
        return DecidedPlace(float(over[1]), int(over[2]))
    message = f"no place in the list of reviews: {text[:64]!r}"
    raise OperationError(message, "go on behind what the last page said, or leave it out to begin")


async def show(context: Context, what: str) -> ShownReview:
    """The review with this number, or of this folio, with the texts of those who asked."""
    country = country_of(context)
    async with context.store.read() as connection:
        found = await _find(connection, what)
        asked = await rows.requests_of(connection, found.number, MOST_REQUESTS)
    return replace(_shown(found, country, day_of(country, context.clock())), requests=tuple(asked))


async def of_number(context: Context, number: int) -> ShownReview:
    """The review with this number, without the texts, as a decision returns it."""
    return replace(await show(context, str(number)), requests=())


async def decide(context: Context, what: str, given: DecisionGiven) -> ShownReview:
    """Decide a review, or the appeal where there is one. An exception that goes with it is made first: who
    may not make one is refused before anything is written."""
    context.require_person()
    reason = input_values.text(given.reason, "reason for the asker", limit=1000)
    async with context.store.read() as connection:
        found = await _decidable(connection, what, context)
    _require_fits(context, found, given)
    exception, stays = 0, ""
    if given.exception_seconds:
        because = f"review {found.number}: {reason}"[:1000]
        added = await exceptions.add(context, found.name, given.exception_seconds, reason=because)
        exception, stays = added.exception.number, added.mandatory
    async with context.store.write(context.actor, context.clock()) as write:
        old = await _decidable(write.connection, what, context)
        decision = ReviewDecision(
            given.outcome, reason, given.authority.strip(), exception, write.now, context.actor
        )
        other = await _other(write.connection, old, given)
        new = _decided(replace(old, duplicate_of=other), decision)
        await rows.put(write.connection, new)
        after = {**_audited(new), **audited_maker(context)}
        write.audit("review.decide", subject(new), reason=reason, before=_audited(old), after=after)
        if exception:
            await _note_exception(write, new.number, exception)
    country = country_of(context)
    return replace(_shown(new, country, day_of(country, context.clock())), blocked_by=stays)


async def _note_exception(write: Write, review: int, exception: int) -> None:
    """The exception that a decision made is its effect."""
    before = await review_effects.of_reviews(write.connection, [review])
    made = ReviewEffect(
        review, len(before) + 1, EffectOfReview.EXCEPTION, str(exception), 0, write.now, write.actor
    )
    await review_effects.add(write.connection, made)


def subject(review: Review) -> str:
    """The name of a review in the audit trail."""
    return f"review:{review.number}"


def _decided(old: Review, decision: ReviewDecision) -> Review:
    if old.appealed_at:
        return replace(old, appeal=decision, closed_at=decision.at)
    return replace(old, decision=decision, closed_at=decision.at)


def _require_fits(context: Context, found: Review, given: DecisionGiven) -> None:
    """Refuse what goes with another outcome, or is missing for this one."""
    outcome, authority, known = given.outcome, given.authority.strip(), _authorities(context)
    upheld, forwarded = outcome is ReviewOutcome.UPHELD, outcome is ReviewOutcome.FORWARDED
    exception = bool(given.exception_seconds)
    faults = (
        (
            outcome is ReviewOutcome.NONE,
            "there is no outcome",
            "choose upheld, refused, forwarded or duplicate",
        ),
        (
            exception and not upheld,
            "an exception goes with upheld alone",
            "leave it out, or uphold the request",
        ),
        (
            exception and found.claim is ReviewClaim.OPEN,
            f"the asker wants {found.name} closed, and an exception opens it",
            "correct the list, and uphold the request without an exception",
        ),
        (
            forwarded and authority not in known,
            f"the authority is unknown: {authority[:64]!r}",
            f"choose one of: {', '.join(known)}",
        ),
        (bool(authority) and not forwarded, "an authority goes with forwarded alone", "leave it out"),
        (
            (outcome is ReviewOutcome.DUPLICATE) != bool(given.duplicate_of.strip()),
            "a duplicate needs the review that it repeats, and nothing else has one",
            "give its number: filterd review list",
        ),
    )
    for wrong, message, remedy in faults:
        if wrong:
            raise OperationError(message, remedy)


def _authorities(context: Context) -> list[str]:
    return [each.id for each in country_of(context).authorities]


async def _other(connection: AsyncConnection, old: Review, given: DecisionGiven) -> int:
    if given.outcome is not ReviewOutcome.DUPLICATE:
        return old.duplicate_of
    other = await _find(connection, given.duplicate_of)
    if other.number == old.number or other.duplicate_of:
        message = f"review {other.number} is this one, or a duplicate itself"
        raise OperationError(message, "give the review that decides it: filterd review list --closed")
    return other.number


async def _find(connection: AsyncConnection, what: str) -> Review:
    number = what.strip()
    if not number.isdecimal():
        request = await rows.request_of(connection, folios.written(number))
        number = str(request.review) if request is not None else ""
    found = await rows.find(connection, int(number)) if 0 < len(number) < 19 else None
    if found is None:
        message = f"there is no review {what.strip()[:64]!r}"
        raise UnknownError(message, "see those that exist with: filterd review list --closed")
    return found


async def _decidable(connection: AsyncConnection, what: str, context: Context) -> Review:
    found = await _find(connection, what)
    if found.closed_at:
        message = f"review {found.number} is decided"
        raise ConflictError(message, "who asked may appeal, with folio and code, on the page or by telephone")
    if found.appealed_at:
        await _require_another(connection, found, context)
    return found


async def _require_another(connection: AsyncConnection, found: Review, context: Context) -> None:
    """Refuse whoever made the first decision, be it under their name or by a token that they made."""
    entries = await change_log.newest_entries(connection, _MOST_ENTRIES, subject(found))
    behind = {(each.entry.after or {}).get(MADE_BY) for each in entries} | {found.decision.by}
    people = {context.person_of(each) for each in behind if each}
    if people & {context.human, context.person_of(context.token_made_by or context.actor)}:
        message = f"the first decision on review {found.number} was made by the same person"
        raise NotAllowedError(message, "another person decides the appeal, under their own account")


def _shown(found: Review, country: Jurisdiction, today: date) -> ShownReview:
    left = business_days_left(country, today, date.fromisoformat(found.due)) if found.due else 0
    return ShownReview(found, left, found.overdue(today.isoformat()))


def _audited(found: Review) -> dict[str, object]:
    """The review for the audit trail, without the name: a trail is kept longer than a review."""
    last = found.last
    return {
        "claim": found.claim.value,
        "kind": found.kind.value,
        "requests": found.requests,
        "due": found.due or None,
        "appeal": found.appealed_at > 0,
        "outcome": last.outcome.value,
        "authority": last.authority,
        "exception": last.exception,
        "duplicate_of": found.duplicate_of,
    }
