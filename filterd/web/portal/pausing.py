"""Pauses of the filter, and closings that come once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from http import HTTPStatus

from starlette.responses import Response

from filterd.operations import closings, subscribers
from filterd.operations.closings import Closed
from filterd.operations.ends import End, clock_of, midnight
from filterd.operations.errors import ConflictError
from filterd.operations.plan_file import childrens_things
from filterd.operations.policies import policies
from filterd.web.pages.state import see_other
from filterd.web.portal.line_state import paused, suspended_until, until
from filterd.web.portal.visitor import Visit, on_line

MINUTE = 60
LENGTHS = {"15m": 15 * MINUTE, "45m": 45 * MINUTE, "1h": 60 * MINUTE, "3h": 180 * MINUTE}
"""the word of a length in forms -> seconds"""
TONIGHT, TOMORROW = "hoy", "manana"
"""until the next midnight; until 7 in the morning after it"""
DAYS = (TONIGHT, TOMORROW)
"""words whose moment is another one after midnight"""
MORNING = timedelta(hours=7)
OTHER_DAY = "portal.other_day"


def end_of(word: str, zone: str, now: float) -> float | None:
    """The moment that a choice of a form stands for; None: it has no such choice."""
    if word in LENGTHS:
        return now + LENGTHS[word]
    if word == TONIGHT:
        return midnight(zone, now)
    if word == TOMORROW:
        begin = datetime.fromtimestamp(midnight(zone, now), clock_of(zone))
        return (begin + MORNING).timestamp()
    return None


def _choices(visit: Visit, words: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Each choice: its word, its title, and the moment at which it ends."""
    now, zone = visit.context.clock(), visit.line.choices.zone
    for word in words:
        end = end_of(word, zone, now)
        if end is not None:
            yield word, visit.words.text(f"portal.length.{word}"), until(visit.words, end, now, zone)


@on_line
async def ask_pause(visit: Visit) -> Response:
    """``GET …/pausa``: for how long."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    lengths = [*_choices(visit, ("15m", "1h", "3h", TONIGHT, TOMORROW))]
    return visit.page("portal/pause.html", {"lengths": lengths})


@on_line
async def pause(visit: Visit) -> Response:
    """``POST …/pausa``: for the whole house; it comes back by itself."""
    form = await visit.form()
    now = visit.context.clock()
    end = end_of(form.one("hasta"), visit.line.choices.zone, now)
    if end is None:
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.one("hasta") in DAYS and visit.of_another_day(form):
        return visit.problem(OTHER_DAY)
    await subscribers.pause(visit.context, visit.id, math.ceil(end - now))
    return visit.done("pausa")


@on_line
async def resume(visit: Visit) -> Response:
    """``POST …/seguir``: the pause ends now."""
    await visit.form()
    if paused(visit.line.choices, visit.context.clock()):
        await subscribers.resume(visit.context, visit.id)
    return visit.done("seguir")


@on_line
async def ask_close(visit: Visit) -> Response:
    """``GET …/cerrar``: what, and for how long."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    values = {
        "lengths": [*_choices(visit, ("45m", "1h", "3h", TONIGHT))],
        "childrens": any(childrens_things(policies(visit.context))),
    }
    return visit.page("portal/close.html", values)


@on_line
async def close(visit: Visit) -> Response:
    """``POST …/cerrar``: children's things, or everything, for a while."""
    form = await visit.form()
    now = visit.context.clock()
    end = end_of(form.one("hasta"), visit.line.choices.zone, now)
    what = form.one("que")
    if end is None or what not in ("todo", "ninos"):
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.one("hasta") in DAYS and visit.of_another_day(form):
        return visit.problem(OTHER_DAY)
    if paused(visit.line.choices, now):
        return visit.problem("portal.close.paused")
    if await suspended_until(visit.context):
        return visit.problem("portal.close.suspended")
    closed = Closed(everything=what == "todo", childrens=what == "ninos")
    try:
        await closings.close(visit.context, visit.id, closed, End(seconds=math.ceil(end - now)))
    except ConflictError:
        return visit.problem("portal.close.too_many")
    return visit.done("cerrar")


@on_line
async def reopen(visit: Visit) -> Response:
    """``POST …/abrir``: what is closed for a while is open again."""
    await visit.form()
    now = visit.context.clock()
    if any(each.begin <= now < each.end for each in visit.line.choices.adjustments.once):
        await closings.reopen(visit.context, visit.id)
    return visit.done("abrir")
