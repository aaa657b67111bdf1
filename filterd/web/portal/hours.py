"""The hours of a line: weekly stretches that close something, days without them, and the clock they go by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from filterd.config.policy_documents import DAYS
from filterd.model.adjustments import MOST_SLOTS
from filterd.model.slot import Slot
from filterd.operations import plans, subscribers
from filterd.operations.context import OperationError
from filterd.operations.plan_file import childrens_things
from filterd.operations.plans import PlanChange, clock, hours_of, slot_words
from filterd.policy.documents import Policies
from filterd.policy.schedule import Moment
from filterd.web.pages.forms import SentForm
from filterd.web.pages.numbers import number_of
from filterd.web.pages.state import see_other
from filterd.web.pages.translations import Words
from filterd.web.portal.hours_form import KEEP, blank_form, read_stretch, stretch_form
from filterd.web.portal.line_state import closed_words
from filterd.web.portal.visitor import Visit, on_line

PRESETS: dict[str, dict[str, Any]] = {
    "dormir": {"days": ["sun", "mon", "tue", "wed", "thu"], "from": "20:30", "until": "06:30"},
    "tarea": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "16:00", "until": "18:00"},
}
"""ready stretches for children's things: bedtime before school days, and homework"""
ZONES = (
    "America/Mexico_City", "America/Cancun", "America/Chihuahua", "America/Ciudad_Juarez",
    "America/Hermosillo", "America/Matamoros", "America/Mazatlan", "America/Ojinaga", "America/Tijuana",
)  # fmt: skip
"""the clocks of Mexico; those at the border are moved twice a year, with the neighbour's"""


@dataclass(frozen=True, slots=True)
class ShownStretch:
    """A weekly stretch in words."""

    place: int
    """among those of the line"""
    days: str
    span: str
    """*20:30* to *06:30*"""
    what: str


def _what(slot: Slot, documents: Policies, words: Words) -> str:
    closed = Moment(slot.everything, frozenset(slot.categories), frozenset(slot.services), None)
    return closed_words(closed, documents, words)


def _days(days: Sequence[int], words: Words) -> str:
    return ", ".join(words.text(f"portal.day.{DAYS[each]}") for each in days)


def _span(slot: Slot) -> str:
    return f"{clock(slot.start)}\N{EN DASH}{clock(slot.end)}"


def stretches(slots: Sequence[Slot], documents: Policies, words: Words) -> list[ShownStretch]:
    """Weekly stretches in words, in their order."""
    return [
        ShownStretch(place, _days(each.days, words), _span(each), _what(each, documents, words))
        for place, each in enumerate(slots)
    ]


def _week(
    slots: Sequence[Slot], documents: Policies, words: Words
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each day with its stretches: what a week looks like."""
    return [
        (
            words.text(f"portal.day.{name}"),
            [(_span(each), _what(each, documents, words)) for each in slots if day in each.days],
        )
        for day, name in enumerate(DAYS)
    ]


@on_line
async def show(visit: Visit) -> Response:
    """``GET …/horas``: the week, each stretch, and what can be added."""
    choices = visit.line.choices
    if not choices.opted_in:
        return see_other(visit.base)
    return await _shown(visit)


async def _shown(visit: Visit, error: str = "", day: str = "") -> Response:
    choices, documents = visit.line.choices, await visit.documents()
    found = hours_of(choices, documents)
    values = {
        "own": found.own,
        "stretches": stretches(found.slots, documents, visit.words),
        "week": _week(found.slots, documents, visit.words),
        "holidays": found.holidays,
        "zones": [each for each in ZONES if each != choices.zone],
        "zone": choices.zone,
        "presets": PRESETS if any(childrens_things(documents)) else (),
        "error": error,
        "day": day,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return visit.page("portal/hours.html", values, status)


@on_line
async def show_form(visit: Visit) -> Response:
    """``GET …/horas/nueva`` and ``…/horas/3``: the form of a stretch."""
    choices, documents = visit.line.choices, await visit.documents()
    if not choices.opted_in:
        return see_other(visit.base)
    place = visit.request.path_params.get("slot")
    slots = hours_of(choices, documents).slots
    if place is None:
        return await _form_page(visit, blank_form(documents), "")
    if not 0 <= place < len(slots):
        return visit.problem("portal.stale")
    return await _form_page(visit, stretch_form(slots[place], documents), str(place))


async def _form_page(
    visit: Visit, given: dict[str, object], place: str, errors: tuple[str, ...] = ()
) -> Response:
    documents, language = await visit.documents(), visit.words.language
    slots = hours_of(visit.line.choices, documents).slots
    keep = _what(slots[int(place)], documents, visit.words) if place and given["mixed"] else ""
    values = {
        "given": given,
        "place": place,
        "keep": keep,
        "errors": errors,
        "days": DAYS,
        "topics": [(each.id, getattr(each.title, language)) for each in documents.categories],
        "groups": [(each.id, getattr(each.title, language)) for each in documents.protected.groups],
        "childrens": any(childrens_things(documents)),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return visit.page("portal/stretch.html", values, status)


@on_line
async def save(visit: Visit) -> Response:
    """``POST …/horas/guardar``: one more stretch, or another in the place of one."""
    form = await visit.form()
    documents = await visit.documents()
    words = [slot_words(each) for each in hours_of(visit.line.choices, documents).slots]
    place = form.one("lugar")
    if place and not 0 <= number_of(place) < len(words):
        return visit.problem("portal.stale")
    read = read_stretch(form, documents)
    if isinstance(read, tuple):
        return await _form_page(visit, _again(form), place, read)
    if form.one("que") == KEEP:
        if not place:
            return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
        read |= {key: value for key, value in words[int(place)].items() if key in ("block", "leaves")}
    if place:
        words[int(place)] = read
    else:
        words.append(read)
    return await _replaced(visit, form, words)


def _again(form: SentForm) -> dict[str, object]:
    """The fields as they were filled in, for the page that comes again."""
    return {
        "days": form.all("dia"),
        "from": form.one("de"),
        "until": form.one("a"),
        "what": form.one("que"),
        "topics": form.all("tema"),
        "left": form.all("deja"),
        "mixed": form.one("que") == KEEP,
    }


async def _replaced(visit: Visit, form: SentForm, words: list[dict[str, Any]]) -> Response:
    """Write the whole week. Nothing but too much can be wrong with it now."""
    text = json.dumps({"schedule": words})
    context = visit.expecting(form)
    if len(words) > MOST_SLOTS:
        return await _shown(visit, "portal.hours.full")
    await plans.change(context, visit.id, PlanChange(text, "portal"))
    return visit.done("horas", "/horas")


@on_line
async def remove(visit: Visit) -> Response:
    """``POST …/horas/quitar``: one stretch less."""
    form = await visit.form()
    words = [slot_words(each) for each in hours_of(visit.line.choices, await visit.documents()).slots]
    place = number_of(form.one("lugar"))
    if not 0 <= place < len(words):
        return visit.problem("portal.stale")
    del words[place]
    return await _replaced(visit, form, words)


@on_line
async def add_preset(visit: Visit) -> Response:
    """``POST …/horas/lista``: a ready stretch."""
    form = await visit.form()
    preset = PRESETS.get(form.one("cual"))
    if preset is None:
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    words = [slot_words(each) for each in hours_of(visit.line.choices, await visit.documents()).slots]
    return await _replaced(visit, form, [*words, {**preset, "block": {"childrens": True}}])


@on_line
async def as_profile(visit: Visit) -> Response:
    """``POST …/horas/como-edad``: the hours of the age, or none where it has none."""
    form = await visit.form()
    await plans.change(visit.expecting(form), visit.id, PlanChange(as_profile=True))
    return visit.done("horas", "/horas")


@on_line
async def change_days(visit: Visit) -> Response:
    """``POST …/horas/dias``: one day without hours more (``dia``) or less (``quitar``)."""
    form = await visit.form()
    added, gone = form.one("dia")[:10], form.one("quitar")[:10]
    if gone and gone not in visit.line.choices.adjustments.holidays:
        return visit.done("horas", "/horas")
    change = PlanChange(holidays=(added,) if added else (), workdays=(gone,) if gone else ())
    if not added and not gone:
        return await _shown(visit, "portal.hours.no_day")
    try:
        await plans.change(visit.context, visit.id, change)
    except OperationError:
        return await _shown(visit, "portal.hours.bad_day", added)
    return visit.done("horas", "/horas")


@on_line
async def change_zone(visit: Visit) -> Response:
    """``POST …/horas/reloj``: the clock that the hours go by."""
    form = await visit.form()
    zone = form.one("reloj")
    if zone not in ZONES:
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    await subscribers.set_zone(visit.expecting(form), visit.id, zone)
    return visit.done("horas", "/horas")
