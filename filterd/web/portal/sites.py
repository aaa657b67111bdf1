"""The own sites of a line: closed or allowed, for good or for a while."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from filterd.model.rule import Action, NameRule, Scope
from filterd.operations import input_values, subscribers
from filterd.operations.ends import End
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.policies import policies
from filterd.operations.protection import denied
from filterd.web.pages.forms import SentForm, query_of
from filterd.web.portal.line_state import when
from filterd.web.portal.visitor import Visit, on_line

TODAY = "hoy"
LASTS = {"": End(), "45m": End(seconds=2_700), TODAY: End(today=True)}
"""how long an own site holds: for good, 45 minutes, or today alone"""
ALLOW, CLOSE = "permitir", "cerrar"


@on_line
async def show(visit: Visit) -> Response:
    """``GET …/sitios``: the sites, and the form for one more."""
    return _shown(visit)


def _shown(visit: Visit, form: SentForm | None = None, error: str = "", **values: object) -> Response:
    now, zone = visit.context.clock(), visit.line.choices.zone
    own = [each for each in visit.line.choices.own_names if not each.ended(now)]
    rows = [
        (
            each.name,
            each.action is Action.ALLOW,
            when(visit.words, each.until, now, zone) if each.until else "",
        )
        for each in own
    ]
    taken = query_of(visit.query, "sitio", 253)
    known = {each.name for each in own}
    shown = {
        "sites": rows,
        "error": visit.words.text(error, **values) if error else "",
        "given": "" if form is None else form.one("sitio")[:300],
        "what": ALLOW if form is None else form.one("que"),
        "lasts": "" if form is None else form.one("hasta"),
        "taken": taken if taken in known else "",
        "on": visit.line.choices.opted_in,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return visit.page("portal/sites.html", shown, status)


@on_line
async def add(visit: Visit) -> Response:
    """``POST …/sitios``: one more. Of a pasted address the name of its site is taken, and said."""
    form = await visit.form()
    given, end = form.one("sitio")[:2_048], LASTS.get(form.one("hasta"))
    if end is None or form.one("que") not in (ALLOW, CLOSE):
        return visit.problem("portal.unknown", HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.one("hasta") == TODAY and visit.of_another_day(form):
        return _shown(visit, form, "portal.other_day.body")
    try:
        name = input_values.site(given)
    except OperationError:
        return _shown(visit, form, "portal.sites.no_name" if given else "portal.sites.empty")
    if form.one("que") == CLOSE and denied(NameRule(name, Scope.SUBTREE), policies(visit.context).protected):
        return _shown(visit, form, "portal.sites.protected", name=name)
    act = subscribers.allow if form.one("que") == ALLOW else subscribers.deny
    try:
        await act(visit.context, visit.id, name, end=end)
    except ConflictError:
        return _shown(visit, form, "portal.sites.full")
    except OperationError:
        return _shown(visit, form, "portal.sites.opposite", name=name)
    pasted = "&sitio=" + name if input_values.is_url(given) else ""
    return visit.done("sitios", "/sitios", pasted)


@on_line
async def remove(visit: Visit) -> Response:
    """``POST …/sitios/quitar``: one less; one that is gone already is no failure."""
    form = await visit.form()
    name = form.one("sitio")
    if any(each.name == name for each in visit.line.choices.own_names):
        await subscribers.remove(visit.context, visit.id, name)
    return visit.done("sitio", "/sitios")
