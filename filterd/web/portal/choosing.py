"""The choices of a line beside its age: topics, applications, safe search, and ways around the filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus

from starlette.responses import Response

from filterd.operations import choices, subscribers
from filterd.operations.choices import ADD, AS_PROFILE, LEVELS, TAKE, YOUTUBE, Wish
from filterd.operations.filling import empty_categories
from filterd.operations.policies import policies, profile
from filterd.policy.documents import Level, Policies, Service
from filterd.web.pages.forms import SentForm, query_of
from filterd.web.pages.state import see_other
from filterd.web.portal.hours import stretches
from filterd.web.portal.opting import choose_age
from filterd.web.portal.titles import (
    WAY_CATEGORIES,
    beyond,
    by_kind,
    closed_by,
    closes_ways,
    effective,
    lacking,
    named,
    said,
    warning_of,
)
from filterd.web.portal.visitor import Visit, on_line

CLOSED, OPEN = "cerrar", "abrir"


def wishes_of(kind: str, ids: Iterable[str], ticked: Sequence[str], profiles: Sequence[str]) -> list[Wish]:
    """The wishes by which exactly the ticked ones of ``ids`` are closed: as the profile has it where that is
    enough."""
    wanted, has = set(ticked), set(profiles)

    def act(each: str) -> str:
        if (each in wanted) == (each in has):
            return AS_PROFILE
        return ADD if each in wanted else TAKE

    return [Wish(act(each), f"{kind}:{each}") for each in ids]


async def _chosen(visit: Visit, form: SentForm, wishes: Sequence[Wish], youtube: str = "") -> None:
    await choices.choose(visit.expecting(form), visit.id, wishes, youtube=youtube)


# --- the age -----------------------------------------------------------------------------------------------


@on_line
async def ages(visit: Visit) -> Response:
    """``GET …/edad``: the other ages."""
    return choose_age(visit)


@on_line
async def confirm_age(visit: Visit) -> Response:
    """``GET …/edad/nueva``: what changes with another age, before it does."""
    documents = policies(visit.context)  # another age is chosen as it is from now on
    wanted = query_of(visit.query, "edad", 64)
    chosen = next((each for each in documents.profiles if each.id == wanted), None)
    if chosen is None or not visit.line.choices.opted_in:
        return see_other(f"{visit.base}/edad")
    own = visit.line.choices.adjustments
    before, after = effective(visit.line.choices, await visit.documents()), closed_by(chosen, own)
    language = visit.words.language
    values = {
        "chosen": chosen,
        "opens": by_kind(beyond(before, after), documents, language),
        "closes": by_kind(beyond(after, before), documents, language),
        "warning": said(warning_of(chosen, documents), language),
        "own_hours": own.plan is not None,
        "stretches": stretches(chosen.schedule, documents, visit.words),
        "closes_ways": closes_ways(after, documents),
        "lacking": await lacking(visit.context, documents, chosen, language),
        "said": said,
    }
    return visit.page("portal/age.html", values)


@on_line
async def change_age(visit: Visit) -> Response:
    """``POST …/edad/nueva``."""
    form = await visit.form()
    await subscribers.set_profile(visit.expecting(form), visit.id, form.one("edad"), accept_empty=True)
    return visit.done("edad")


# --- topics and applications --------------------------------------------------------------------------------


@on_line
async def topics(visit: Visit) -> Response:
    """``GET …/temas``: each topic, ticked where it is closed."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    documents = await visit.documents()
    shown = [each for each in documents.categories if each.id not in WAY_CATEGORIES]
    found = effective(visit.line.choices, documents)
    values = {
        "topics": shown,
        "closed": found.categories,
        "applications": named(documents.services, found.services, visit.words.language),
        "empty": await empty_categories(visit.context, [each.id for each in shown]),
        "said": said,
    }
    return visit.page("portal/topics.html", values)


@on_line
async def choose_topics(visit: Visit) -> Response:
    """``POST …/temas``."""
    form = await visit.form()
    documents = await visit.documents()
    ids = [each.id for each in documents.categories if each.id not in WAY_CATEGORIES]
    has = profile(documents, visit.line.choices.profile).categories
    ticked = form.all("cerrado")
    await _chosen(visit, form, wishes_of("category", ids, ticked, has))
    before = effective(visit.line.choices, documents)
    opened = {each for each in before.categories if each in ids} - {*ticked}
    return visit.done("temasabiertos" if opened and before.services else "temas")


def _groups(documents: Policies, language: str) -> Iterator[tuple[str, list[Service]]]:
    """The title of each group of applications and the applications; those of none come last."""
    known = {each.id for each in documents.service_groups}
    for group in documents.service_groups:
        found = [each for each in documents.services if each.group == group.id]
        if found:
            yield said(group.title, language), found
    others = [each for each in documents.services if each.group not in known]
    if others:
        yield "", others


@on_line
async def applications(visit: Visit) -> Response:
    """``GET …/aplicaciones``: each application by group, ticked where it is closed."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    documents = await visit.documents()
    values = {
        "groups": [*_groups(documents, visit.words.language)],
        "closed": frozenset(effective(visit.line.choices, documents).services),
        "said": said,
    }
    return visit.page("portal/applications.html", values)


@on_line
async def choose_applications(visit: Visit) -> Response:
    """``POST …/aplicaciones``."""
    form = await visit.form()
    documents = await visit.documents()
    ids = [each.id for each in documents.services]
    has = profile(documents, visit.line.choices.profile).services
    await _chosen(visit, form, wishes_of("service", ids, form.all("cerrado"), has))
    return visit.done("apps")


# --- search and ways around ---------------------------------------------------------------------------------


@on_line
async def search(visit: Visit) -> Response:
    """``GET …/busqueda``: search engines one by one, and the level of YouTube."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    documents = await visit.documents()
    closed = effective(visit.line.choices, documents).safe_search
    of_youtube = [each.id for each in documents.safe_search if each.engine == YOUTUBE]
    level = next((each.removeprefix(f"{YOUTUBE}-") for each in of_youtube if each in closed), "off")
    values = {
        "engines": [each for each in documents.safe_search if each.engine != YOUTUBE],
        "closed": closed,
        "levels": LEVELS if of_youtube else (),
        "level": level,
        "said": said,
    }
    return visit.page("portal/search.html", values)


@on_line
async def choose_search(visit: Visit) -> Response:
    """``POST …/busqueda``."""
    form = await visit.form()
    documents = await visit.documents()
    level = form.one("youtube")
    if level and level not in LEVELS:
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    ids = [each.id for each in documents.safe_search if each.engine != YOUTUBE]
    has = profile(documents, visit.line.choices.profile).safe_search
    wishes = wishes_of("safe-search", ids, form.all("cerrado"), has)
    await _chosen(visit, form, wishes, youtube=level)
    return visit.done("busqueda")


def _ways(documents: Policies) -> tuple[list[str], list[str]]:
    """The ways around that are one choice for people, and the categories that go with them."""
    ways = [each.id for each in documents.bypass if each.level is not Level.SIGNAL]
    return ways, [each.id for each in documents.categories if each.id in WAY_CATEGORIES]


@on_line
async def ways(visit: Visit) -> Response:
    """``GET …/atajos``: the ways around, open or closed, and what closing them breaks."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    documents = await visit.documents()
    found = effective(visit.line.choices, documents)
    ways, categories = _ways(documents)
    closed = [each in found.bypass for each in ways] + [each in found.categories for each in categories]
    state = CLOSED if all(closed) else OPEN if not any(closed) else ""
    return visit.page("portal/ways.html", {"now": state, "some": bool(ways)})


@on_line
async def choose_ways(visit: Visit) -> Response:
    """``POST …/atajos``: all of them, one way or the other."""
    form = await visit.form()
    wanted = form.one("atajos")
    if wanted not in (CLOSED, OPEN):
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    documents = await visit.documents()
    has = profile(documents, visit.line.choices.profile)
    ways, categories = _ways(documents)
    wishes = [
        *wishes_of("way", ways, ways if wanted == CLOSED else (), has.bypass),
        *wishes_of("category", categories, categories if wanted == CLOSED else (), has.categories),
    ]
    await _chosen(visit, form, wishes)
    return visit.done("atajos" if wanted == CLOSED else "abiertos")
