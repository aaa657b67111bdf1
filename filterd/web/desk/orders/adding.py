"""``/desk/orders/new``: an order is taken in, with all that is missing told at once."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.duty import AskedStep
from filterd.model.order import Order
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import requests as register
from filterd.operations.duty.requests import StepTaken
from filterd.operations.errors import ConflictError
from filterd.operations.orders import taking
from filterd.operations.orders.intake import IncompleteOrderError, OrderRequest
from filterd.operations.reviews.terms import country_of
from filterd.store.errors import StoreError
from filterd.web.accounts.agents import Agent
from filterd.web.desk.orders import sent_once
from filterd.web.desk.orders.frame import RefusedForm, duty_page
from filterd.web.desk.orders.order_pages import path_of
from filterd.web.desk.orders.register import local_moment, local_text
from filterd.web.pages.forms import SentForm, query_of, read_form
from filterd.web.pages.state import language_of, see_other

TEXTS = ("authority", "official", "document", "ground", "law", "reason", "names", "scope", "proportionality")
MOMENTS = ("received_at", "enforce_by", "not_after", "review_at")
TICKS = ("confidential", "accept_overblocking", "override_protection")


async def show_new(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/new``; with ``?request=7`` begun with what that request says, and when it came in:
    the times that the law sets count from there."""
    given = dict.fromkeys((*TEXTS, *MOMENTS, *TICKS, "request"), "")
    number = query_of(request.query_params, "request", 20)
    if number:
        asked = await register.show(agent.context, number)
        given |= {"authority": asked.authority, "official": asked.official, "document": asked.document}
        given["request"] = str(asked.number)
        given["received_at"] = local_text(asked.received_at, country_of(agent.context).zone)
    return _form(request, agent, given)


async def add(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/new``: nothing typed is lost where something is missing. The names of a
    confidential order are the exception: they are never shown."""
    form = await read_form(request, agent.csrf)
    try:
        order = await sent_once.once(agent.context, form, agent.csrf, lambda: _added(agent.context, form))
    except IncompleteOrderError as error:
        return _again(request, agent, form, RefusedForm(missing=frozenset(error.missing)))
    except OperationError as error:
        return _again(request, agent, form, RefusedForm(f"{error}. {error.remedy}"))
    return see_other(path_of(order.reference))


async def _added(context: Context, form: SentForm) -> Order:
    """The order that is made of the form, noted as the outcome of the request that it was begun from. Raises
    ConflictError, before anything is made, where that request has another outcome."""
    number = form.one("request")
    if number and not (asked := await register.show(context, number)).open:
        message = f"request {asked.reference} has its outcome"
        raise ConflictError(message, "an order that does not come of it is taken in without it")
    order = await taking.add(context, await _asked(context, form))
    if number:
        with suppress(ConflictError, StoreError):  # it may have its outcome: the order stands, and is shown
            await register.take(context, number, StepTaken(AskedStep.ORDER, reference=order.reference))
    return order


def _again(request: Request, agent: Agent, form: SentForm, refused: RefusedForm) -> Response:
    given = {each: form.one(each) for each in (*TEXTS, *MOMENTS, *TICKS, "request")}
    given[sent_once.FIELD] = form.one(sent_once.FIELD)
    if given["confidential"]:
        given["names"] = ""
    return _form(request, agent, given, refused)


def _form(
    request: Request, agent: Agent, given: dict[str, str], refused: RefusedForm | None = None
) -> Response:
    country, language = country_of(agent.context), language_of(request)
    values = {
        "given": {**given, sent_once.FIELD: given.get(sent_once.FIELD) or sent_once.mark()},
        "refused": refused,
        "authorities": [(each.id, str(getattr(each.title, language))) for each in country.authorities],
        "grounds": [(each.id, f"{getattr(each.title, language)} · {each.id}") for each in country.grounds],
        "moments": MOMENTS,
        "ticks": TICKS,
    }
    status = HTTPStatus.OK if refused is None else HTTPStatus.CONFLICT
    return duty_page(request, agent, "new.html", values, status)


async def _asked(context: Context, form: SentForm) -> OrderRequest:
    """The order of the form. Where its field of when it came in is empty, an order that a request became came
    in with that request."""
    zone = country_of(context).zone
    moments = {each: int(local_moment(form.one(each), zone)) for each in MOMENTS}
    if form.one("request") and not moments["received_at"]:
        moments["received_at"] = int((await register.show(context, form.one("request"))).received_at)
    scope = input_values.scope(form.one("scope", "subtree") or "subtree")
    return OrderRequest(
        authority=form.one("authority"),
        official=form.one("official"),
        document=form.one("document"),
        ground=form.one("ground"),
        reason=form.one("reason"),
        entries=tuple((each, scope) for each in form.one("names").split()),
        law=form.one("law"),
        proportionality=form.one("proportionality"),
        confidential=bool(form.one("confidential")),
        accept_overblocking=bool(form.one("accept_overblocking")),
        override_protection=bool(form.one("override_protection")),
        received_at=moments["received_at"],
        enforce_by=moments["enforce_by"],
        not_after=moments["not_after"],
        review_at=moments["review_at"],
    )
