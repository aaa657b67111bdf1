"""The asker's side of a review: ask, look by folio and code, appeal once.

No list is looked at and no line is told: the answer is the same for every name. Nothing of it is audited, as
whoever asks decides nothing, and the audit trail would keep it for ever. A flood is bounded here by what may
wait at once, and by :mod:`filterd.operations.reviews.limits` for each network.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.review import (
    Review,
    ReviewClaim,
    ReviewDecision,
    ReviewKind,
    ReviewOutcome,
    ReviewRequest,
)
from filterd.model.review_effect import whole_effect
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.reviews import folios
from filterd.operations.reviews.errors import AppealError, FolioError, NoSiteError, TooManyReviewsError
from filterd.operations.reviews.folios import Choose
from filterd.operations.reviews.terms import country_of, day_of, terms_of
from filterd.policy.business_days import due_on
from filterd.store import review_effects
from filterd.store import reviews as rows

LONGEST_TEXT = 500
LONGEST_PASTED = 2_048
MOST_OPEN = 100_000
"""requests that wait for a decision"""
MOST_TEXTS = 20
"""requests of one review whose texts are kept; the others count"""
LANGUAGES = ("es", "en")


@dataclass(frozen=True, slots=True)
class ReviewAsked:
    """The form as it was filled in."""

    site: str
    """a name or a pasted URL, of which the name alone is kept"""
    claim: ReviewClaim
    kind: ReviewKind = ReviewKind.UNKNOWN
    text: str = field(default="", repr=False)
    language: str = "es"


@dataclass(frozen=True, slots=True)
class IssuedFolio:
    """The answer to whoever asked; the code is shown this once."""

    folio: str
    code: str = field(repr=False)
    name: str
    """the name that was kept"""
    due_on: str


@dataclass(frozen=True, slots=True)
class SeenReview:
    """A review as the holder of a folio and its code sees it."""

    folio: str
    name: str
    claim: ReviewClaim
    kind: ReviewKind
    received_on: str
    due_on: str
    """the last day of the term that runs; empty: none runs"""
    decision: ReviewDecision
    appealed: bool
    appeal: ReviewDecision
    overdue: bool
    effect: str = ""
    """what followed from an upheld one: ``order``, ``exception``, ``list``; empty: nothing yet"""
    effective_on: str = ""
    """the day on which every node had it; empty: not yet"""

    @property
    def may_appeal(self) -> bool:
        """True once, after the decision."""
        return bool(self.decision.at) and not self.appealed


async def ask(context: Context, asked: ReviewAsked, choose: Choose = secrets.choice) -> IssuedFolio:
    """Take a request in. Raises NoSiteError for a text that names no site, TooManyReviewsError where too many
    wait already, StoreError where nothing may be written: a folio must not be lost with the store."""
    name, text = site_of(asked.site), _text(asked.text)
    language = asked.language if asked.language in LANGUAGES else LANGUAGES[0]
    country, now = country_of(context), context.clock()
    today = day_of(country, now)
    due = due_on(country, today, terms_of(country).answer).isoformat()
    code = folios.new_code(choose)
    await context.store.require_newest()
    async with context.store.report() as connection:
        if await rows.open_requests(connection) >= MOST_OPEN:
            message = f"{MOST_OPEN} requests wait for a decision already"
            raise TooManyReviewsError(message, "decide some: filterd review list")
        found = await rows.undecided(connection, name, asked.claim, asked.kind)
        number, others = await _join(
            connection, found or Review(0, name, asked.claim, asked.kind, now, due, requests=0)
        )
        folio = await _free_folio(connection, today.year, choose)
        kept = text if others < MOST_TEXTS else ""
        made = ReviewRequest(folio, folios.digest_of(folio, code), number, now, due, language, kept)
        await rows.add_request(connection, made)
    return IssuedFolio(folio, code, name, due)


async def look(context: Context, folio: str, code: str) -> SeenReview:
    """The review by folio and code. Raises FolioError where they do not belong together."""
    async with context.store.read() as connection:
        request, found = await _opened(connection, folio, code)
        deciding = await _deciding(connection, found)
        of = found.number if deciding is None else deciding.number
        effect, at = whole_effect(await review_effects.of_reviews(connection, [of]))
    seen = _seen(context, request, _with_the_other(found, deciding))
    if not upheld(seen):
        return seen
    on = day_of(country_of(context), at).isoformat() if at else ""
    return replace(seen, effect=effect, effective_on=on)


def upheld(seen: SeenReview) -> bool:
    """True where the decision that holds says that the asker is right."""
    last = seen.appeal if seen.appeal.at else seen.decision
    return last.outcome is ReviewOutcome.UPHELD


async def appeal(context: Context, folio: str, code: str) -> SeenReview:
    """Have the decision looked at again, by another person. Raises FolioError, and AppealError where nothing
    is decided yet or it was appealed before."""
    country, now = country_of(context), context.clock()
    term = terms_of(country).appeal
    await context.store.require_newest()
    async with context.store.report() as connection:
        request, found = await _opened(connection, folio, code)
        if not found.decision.at or found.appealed_at:
            message = "there is no decision yet" if not found.decision.at else "it was appealed already"
            raise AppealError(message, "see the folio's state for its last day")
        due = due_on(country, day_of(country, now), term).isoformat()
        changed = replace(found, appealed_at=now, appeal_due_on=due, closed_at=0.0)
        await rows.put(connection, changed)
    return _seen(context, request, changed)


async def _join(connection: AsyncConnection, found: Review) -> tuple[int, int]:
    """Count one more request of a review, which is added where it is new: its number, and the others."""
    counted = replace(found, requests=found.requests + 1)
    if not found.number:
        return await rows.add(connection, counted), 0
    await rows.put(connection, counted)
    return found.number, found.requests


async def _free_folio(connection: AsyncConnection, year: int, choose: Choose) -> str:
    while True:
        folio = folios.new_folio(year, choose)
        if await rows.request_of(connection, folio) is None:
            return folio


async def _opened(connection: AsyncConnection, folio: str, code: str) -> tuple[ReviewRequest, Review]:
    written = folios.written(folio)
    request = await rows.request_of(connection, written)
    right = folios.opens(request, written, code)
    found = await rows.find(connection, request.review) if request is not None and right else None
    if request is None or found is None:
        message = "there is no such folio, or the code is not its code"
        raise FolioError(message, "type both as they were shown; who lost them asks again")
    return request, found


async def _deciding(connection: AsyncConnection, found: Review) -> Review | None:
    """The review that decides a duplicate: what it repeats may have become a duplicate itself."""
    passed, deciding = {found.number}, found
    while deciding.duplicate_of and deciding.duplicate_of not in passed:
        other = await rows.find(connection, deciding.duplicate_of)
        if other is None:
            break
        passed.add(other.number)
        deciding = other
    return None if deciding is found else deciding


def _with_the_other(found: Review, deciding: Review | None) -> Review:
    """A duplicate with the decision of the review that it repeats, once that is made."""
    if deciding is None or not deciding.last.at or found.appealed_at:
        return found
    return replace(found, decision=deciding.last)


def _seen(context: Context, request: ReviewRequest, found: Review) -> SeenReview:
    country = country_of(context)
    due = "" if found.closed_at else found.appeal_due_on or request.due_on
    return SeenReview(
        folio=request.folio,
        name=found.name,
        claim=found.claim,
        kind=found.kind,
        received_on=day_of(country, request.received_at).isoformat(),
        due_on=due,
        decision=_told(found.decision),
        appealed=found.appealed_at > 0,
        appeal=_told(found.appeal),
        overdue=bool(due) and due < day_of(country, context.clock()).isoformat(),
    )


def _told(decision: ReviewDecision) -> ReviewDecision:
    """The decision without the person who made it."""
    return replace(decision, by="")


def site_of(pasted: str) -> str:
    """The name of the site in a text that was typed or pasted. Raises NoSiteError where there is none."""
    try:
        if len(pasted) > LONGEST_PASTED or input_values.is_address(pasted):
            message = "not the name of a site"
            raise OperationError(message, "paste the address as the browser shows it")
        return input_values.site(pasted)
    except OperationError as error:
        raise NoSiteError(str(error), error.remedy) from error


def _text(value: str) -> str:
    """One line of printable text; what is beyond the limit is refused."""
    line = " ".join("".join(each if each.isprintable() else " " for each in value).split())
    return input_values.text(line, "text", limit=LONGEST_TEXT, required=False)
