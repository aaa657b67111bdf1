"""The page of a line, and the list of those of an organisation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations import meanings, subscribers
from filterd.operations.ends import clock_of
from filterd.operations.errors import UnknownLineError
from filterd.operations.portal import pins
from filterd.operations.portal.sessions import csrf_token
from filterd.policy.documents import Policies
from filterd.web.pages.state import page, see_other, state_of
from filterd.web.portal.line_state import hours_now, paused, suspended_until, until
from filterd.web.portal.opting import choose_age
from filterd.web.portal.titles import WAY_CATEGORIES, by_kind, effective, said
from filterd.web.portal.visitor import BASE, SESSION, Visit, cookie_of, on_line, session_of


@on_line
async def show(visit: Visit) -> Response:
    """``GET …``: the state of the filter and what can be done; without one, the way to turn it on."""
    choices = visit.line.choices
    if not choices.opted_in:
        return choose_age(visit)
    now = visit.context.clock()
    documents = await visit.documents()
    suspended = await suspended_until(visit.context)
    values = {
        "paused": until(visit.words, choices.paused_until, now, choices.zone) if paused(choices, now) else "",
        "nowhere": subscribers.nowhere(visit.context, visit.line),
        "suspended": until(visit.words, suspended, now, choices.zone) if suspended else "",
        "hours": hours_now(choices, documents, visit.words, now),
        "chosen": next((each for each in documents.profiles if each.id == choices.profile), None),
        "closed": _closed(visit, documents),
        "closing": any(each.begin <= now < each.end for each in choices.adjustments.once),
        "has_pin": await pins.has_pin(visit.context, visit.id),
        "own_names": len([each for each in choices.own_names if not each.ended(now)]),
        "announced": await _announced(visit),
        "said": said,
    }
    return visit.page("portal/line.html", values)


async def _announced(visit: Visit) -> list[tuple[str, str]]:
    """The day and the words of each change of the line's profile that it was told of and has not taken."""
    choices = visit.line.choices
    found = [
        each
        for each in await meanings.changes_in_words(visit.context)
        if each.change.meaning.profile == choices.profile and each.change.meaning.number > choices.meaning
    ]
    clock = clock_of(choices.zone)
    return [
        (
            visit.words.day(datetime.fromtimestamp(each.change.meaning.takes_effect_at, clock)),
            said(each.words, visit.words.language),
        )
        for each in found
    ]


@on_line
async def accept(visit: Visit) -> Response:
    """``POST …/aceptar``: take the announced change now."""
    form = await visit.form()
    await subscribers.accept_profile(visit.expecting(form), visit.id)
    return visit.done("aceptar")


def _closed(visit: Visit, documents: Policies) -> dict[str, list[str]]:
    """The titles of what is closed at any hour, by kind."""
    found = effective(visit.line.choices, documents)
    topics = tuple(each for each in found.categories if each not in WAY_CATEGORIES)
    return by_kind(replace(found, categories=topics), documents, visit.words.language)


async def choose(request: Request) -> Response:
    """``GET /portal/filtro``: the lines of a session that has several."""
    found = await session_of(request)
    if found is None:
        return see_other("/portal/entrar")
    if len(found.subscribers) == 1:
        return see_other(f"{BASE}/1")
    context = state_of(request).context
    suspended, shown = await suspended_until(context), []
    for place, identifier in enumerate(found.subscribers, 1):
        try:
            line = await subscribers.show(context, identifier)
        except UnknownLineError:
            continue
        state = "on" if line.choices.opted_in else "off"
        if line.choices.opted_in and suspended:
            state = "suspended"
        elif paused(line.choices, context.clock()):
            state = "paused"
        shown.append((f"{BASE}/{place}", identifier, state))
    values = {"lines": shown, "organisation": found.organisation}
    values["csrf"] = csrf_token(cookie_of(request, SESSION))
    return page(request, "portal/lines.html", values)
