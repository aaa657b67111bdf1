"""``/desk/reviews``: requests to look at a site again, by their clocks, and the decisions on them."""

from __future__ import annotations

from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.review import ReviewClaim, ReviewKind, ReviewOutcome
from filterd.model.review_effect import EffectOfReview
from filterd.model.token import Permission
from filterd.operations.context import OperationError
from filterd.operations.reviews import asking, deciding, effects, figures
from filterd.operations.reviews.asking import LONGEST_PASTED, LONGEST_TEXT, ReviewAsked
from filterd.operations.reviews.deciding import DecisionGiven
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.desk.line_views import in_both
from filterd.web.desk.views import desk_page
from filterd.web.pages.forms import query_of, read_form
from filterd.web.pages.numbers import number_of
from filterd.web.pages.state import language_of, see_other

EXCEPTIONS = ("0", "86400", "604800")
"""seconds for which a name is let through on every line, as the form offers them; 0: none"""
OUTCOMES = (
    ReviewOutcome.UPHELD,
    ReviewOutcome.REFUSED,
    ReviewOutcome.FORWARDED,
    ReviewOutcome.DUPLICATE,
)

Choice = TypeVar("Choice", ReviewClaim, ReviewKind, ReviewOutcome, EffectOfReview)


async def show_all(request: Request, agent: Agent) -> Response:
    """``GET /desk/reviews``: what waits, overdue first; with ``?closed=1`` decided ones too. ``?after=`` goes
    on behind a place, which a page before said."""
    closed = request.query_params.get("closed") == "1"
    after = query_of(request.query_params, "after", 64)
    found, following = await deciding.page(agent.context, after, closed=closed)
    counted = await figures.count(agent.context)
    shown = {"reviews": found, "closed": closed, "after": after, "following": following}
    waiting = counted["open"] + counted["appealed"]
    return desk_page(request, agent, "reviews.html", {**shown, "waiting": waiting})


async def show_new(request: Request, agent: Agent) -> Response:
    """``GET /desk/reviews/new``: the form for somebody at the counter or on the telephone."""
    kinds = [each.value for each in ReviewKind]
    return desk_page(request, agent, "review_new.html", {"kinds": kinds, "issued": None})


async def add(request: Request, agent: Agent) -> Response:
    """``POST /desk/reviews/new``: folio and code, which are shown this once."""
    form = await read_form(request, agent.csrf)
    asked = ReviewAsked(
        form.one("site")[:LONGEST_PASTED],
        _known(ReviewClaim, form.one("claim")),
        _known(ReviewKind, form.one("met")),
        form.one("text")[:LONGEST_TEXT],
        language_of(request),
    )
    issued = await asking.ask(agent.context, asked)
    return desk_page(request, agent, "review_new.html", {"kinds": (), "issued": issued})


async def appeal(request: Request, agent: Agent) -> Response:
    """``POST /desk/reviews/appeal``: have a decision looked at again, for who reads out folio and code."""
    form = await read_form(request, agent.csrf)
    await asking.appeal(agent.context, form.one("folio")[:32], form.one("code")[:32])
    return see_other("/desk/reviews")


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/reviews/NUMBER``: one of them with what was written, and the form to decide it."""
    found = await deciding.show(agent.context, str(request.path_params["number"]))
    country = country_of(agent.context)
    values = {
        "shown": found,
        "review": found.review,
        "outcomes": [each.value for each in OUTCOMES],
        "exceptions": EXCEPTIONS,
        "authorities": [(each.id, in_both(each.title)) for each in country.authorities],
        "effects": await effects.of_review(agent.context, found.review.number),
        "effect_kinds": [each.value for each in EffectOfReview],
        "upheld": effects.is_upheld(found.review),
    }
    return desk_page(request, agent, "review.html", values)


async def note_effect(request: Request, agent: Agent) -> Response:
    """``POST /desk/reviews/NUMBER/effect``: what was done about one that was upheld."""
    form = await read_form(request, agent.csrf)
    number = str(request.path_params["number"])
    kind = _known(EffectOfReview, form.one("kind"))
    version = max(0, number_of(form.one("version")))
    await effects.record(agent.context, number, kind, reference=form.one("reference"), version=version)
    return see_other(f"/desk/reviews/{number}")


async def decide(request: Request, agent: Agent) -> Response:
    """``POST /desk/reviews/NUMBER``: a decision; that on an appeal takes another person."""
    form = await read_form(request, agent.csrf)
    number = str(request.path_params["number"])
    seconds = form.one("exception", "0")
    if seconds not in EXCEPTIONS:
        message = "no such length of time is offered"
        raise OperationError(message, "choose one of those of the page")
    if int(seconds):
        agent.require(Permission.LIFTINGS_WRITE)
    outcome = _known(ReviewOutcome, form.one("outcome"))
    given = DecisionGiven(
        outcome,
        form.one("reason"),
        int(seconds),
        form.one("authority") if outcome is ReviewOutcome.FORWARDED else "",
        form.one("duplicate_of") if outcome is ReviewOutcome.DUPLICATE else "",
    )
    await deciding.decide(agent.context, number, given)
    return see_other(f"/desk/reviews/{number}")


def _known(kind: type[Choice], value: str) -> Choice:
    try:
        return kind(value)
    except ValueError:
        message = f"no choice of the page: {value[:32]!r}"
        raise OperationError(message, "choose one of those of the page") from None
