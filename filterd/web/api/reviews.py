"""``/api/v1/reviews``: requests to look at a site again, and the decisions on them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import Field

from filterd.model.lifting import MAX_EXCEPTION
from filterd.model.review import ReviewClaim, ReviewKind, ReviewOutcome
from filterd.model.review_effect import EffectOfReview
from filterd.model.token import Permission
from filterd.operations.plain_values import plain, with_times
from filterd.operations.repeats import Said
from filterd.operations.reviews import asking, deciding, effects, figures
from filterd.operations.reviews.asking import LONGEST_PASTED, LONGEST_TEXT, IssuedFolio, ReviewAsked
from filterd.operations.reviews.deciding import DecisionGiven, ShownReview
from filterd.operations.reviews.plain import plain_folio, plain_review, plain_seen, plain_statistics
from filterd.web.api.fields import ListPart, Plain, RequestBody, RequiredText, Text
from filterd.web.api.reading import Limit
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("reviews")
ReviewName = Annotated[str, Path(max_length=32, description="The number of a review, or a folio.")]


class ReviewGiven(RequestBody):
    """A request that somebody makes at the counter or on the telephone."""

    site: str = Field(min_length=1, max_length=LONGEST_PASTED, description="A name, or a pasted URL.")
    claim: ReviewClaim = ReviewClaim.CLOSED
    met: ReviewKind = ReviewKind.UNKNOWN
    text: str = Field("", max_length=LONGEST_TEXT, description="In the person's words; no name of theirs.")
    language: Literal["es", "en"] = "es"


class ReviewDecided(RequestBody):
    """A decision; one on an appeal takes another person than the first."""

    outcome: Literal["upheld", "refused", "forwarded", "duplicate"]
    reason: RequiredText = Field(description="In words for the person who asked, in their language.")
    exception_seconds: int = Field(
        0, ge=0, le=MAX_EXCEPTION, description="Upheld: let the name through on every line for so long."
    )
    authority: Text = Field("", description="Forwarded: the id of the authority in the jurisdiction's file.")
    duplicate_of: Text = Field("", description="Duplicate: the review or folio that decides it.")


class EffectGiven(RequestBody):
    """The thing that was done about a review that was upheld."""

    kind: EffectOfReview
    reference: RequiredText = Field(description="An order, the number of an exception, or the id of a list.")
    version: int = Field(0, ge=0, le=2**31, description="Of a list: the first version that is corrected.")


class AppealGiven(RequestBody):
    """The code that goes with the folio."""

    code: str = Field(min_length=1, max_length=32)


@routes.get("/reviews", **takes(Permission.REVIEWS_READ))
async def list_reviews(
    caller: Called,
    closed: Annotated[bool, Query(description="Decided ones too, behind the others, newest first.")] = False,
    after: Annotated[str, Query(max_length=64, description="Go on behind this place.")] = "",
    limit: Limit = 100,
) -> ListPart[Plain]:
    """List what waits for a decision, the most urgent first. More requests for one that waits move it within
    its day: a list that is read meanwhile may have it twice, or not."""
    found, following = await deciding.page(caller.context, after, limit, closed=closed)
    items = await asyncio.to_thread(lambda: [_plain(each) for each in found])
    return ListPart(items=items, next=following or None)


@routes.post("/reviews", status_code=201, **takes(Permission.REVIEWS_WRITE))
async def add(attempt: Attempted, caller: Called, body: ReviewGiven) -> Plain:
    """Take a request in for somebody else. Folio and code are shown this once. A repeat under the same key
    is refused (409)."""
    asked = ReviewAsked(body.site, body.claim, body.met, body.text, body.language)

    async def act() -> IssuedFolio:
        return await asking.ask(caller.context, asked)

    return plain_folio(await once(attempt, caller, act))


@routes.get("/reviews/statistics", **takes(Permission.REVIEWS_COUNT))
async def statistics(caller: Called) -> list[Plain]:
    """Each half-year's figures, which name no site. Null stands for a count below 10."""
    return plain_statistics(await figures.statistics(caller.context))


@routes.get("/reviews/{review}", **takes(Permission.REVIEWS_READ))
async def show(caller: Called, review: ReviewName) -> Plain:
    """Show a review with what was written."""
    return _plain(await deciding.show(caller.context, review))


@routes.post("/reviews/{review}/decision", **takes(Permission.REVIEWS_WRITE))
async def decide(attempt: Attempted, caller: Called, review: ReviewName, body: ReviewDecided) -> Plain:
    """Decide a review, or its appeal. An exception needs the permission to make one as well."""
    if body.exception_seconds:
        caller.require(Permission.LIFTINGS_WRITE)
    given = DecisionGiven(
        ReviewOutcome(body.outcome), body.reason, body.exception_seconds, body.authority, body.duplicate_of
    )

    async def act() -> ShownReview:
        return await deciding.decide(caller.context, review, given)

    return _plain(await once(attempt, caller, act))


@routes.post("/reviews/{review}/appeal", **takes(Permission.REVIEWS_WRITE))
async def appeal(caller: Called, review: ReviewName, body: AppealGiven) -> Plain:
    """Have a decision looked at again for somebody who reads out folio and code; once for each review."""
    found: Plain = with_times(plain_seen(await asking.appeal(caller.context, review, body.code)))
    return found


def _plain(found: ShownReview) -> Plain:
    value: Plain = with_times(plain_review(found))
    return value


@routes.get("/reviews/{review}/effects", **takes(Permission.REVIEWS_READ))
async def list_effects(caller: Called, review: ReviewName) -> ListPart[Plain]:
    """List what followed from an upheld review, and when every node had it."""
    number = (await deciding.show(caller.context, review)).review.number
    found = await effects.of_review(caller.context, number)
    return ListPart(items=[with_times(plain(each)) for each in found], next=None)


@routes.post("/reviews/{review}/effects", status_code=201, **takes(Permission.REVIEWS_WRITE))
async def note_effect(attempt: Attempted, caller: Called, review: ReviewName, body: EffectGiven) -> Plain:
    """Note what was done about an upheld review; when every node has it is measured."""

    async def act() -> Said:
        made = await effects.record(
            caller.context, review, body.kind, reference=body.reference, version=body.version
        )
        return Said({"review": made.review, "number": made.number})

    return (await once(attempt, caller, act)).values
