"""``/desk/orders/new``: an order is taken in, with all that is missing told at once.

Whoever takes it in is the first who stands behind it, and proves it as for an approval: the form waits in the
memory of the session while its person looks at what it says, and signs that (decision 0422).
"""

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
from filterd.operations.orders.reach import HitKind
from filterd.operations.reviews.terms import country_of
from filterd.store.errors import StoreError
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.confirming import act_digest, confirmation, with_script
from filterd.web.desk.orders import sent_once
from filterd.web.desk.orders.frame import HOME, RefusedForm, duty_page
from filterd.web.desk.orders.order_pages import SHOWN_NAMES, path_of
from filterd.web.desk.orders.register import local_moment, local_text
from filterd.web.desk.orders.standing_behind import prove, require_possible, session_enough
from filterd.web.pages.forms import SentForm, query_of, read_form
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import language_of, see_other

TEXTS = ("authority", "official", "document", "ground", "law", "reason", "names", "scope", "proportionality")
MOMENTS = ("received_at", "enforce_by", "not_after", "review_at")
SIGN = f"{HOME}/new/sign"
TICKS = ("confidential", "accept_overblocking", "override_protection")


async def show_new(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/new``; with ``?request=7`` begun with what that request says, and when it came in:
    the times that the law sets count from there. With ``?held=1`` what waits for a signature is shown."""
    require_possible(agent, await confirmation(request, agent, ""))
    held = agent.session.held(agent.context.clock())
    if held is not None and query_of(request.query_params, "held", 1):
        return _form(request, agent, _given(held))
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
    offered = await confirmation(request, agent, "")
    require_possible(agent, offered)
    if session_enough(offered):
        return await _taken_in(request, agent, form)
    try:
        await taking.foresee(agent.context, await _asked(agent.context, form))
    except OperationError as error:
        return _refused(request, agent, form, error)
    agent.session.hold(form, agent.context.clock())
    return see_other(SIGN)


async def show_unsigned(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/new/sign``: what the form that waits would make, and the button that signs it."""
    form = _held(agent)
    try:
        foreseen = await taking.foresee(agent.context, await _asked(agent.context, form))
    except OperationError as error:
        return _refused(request, agent, form, error)
    offered = await confirmation(request, agent, _act_of(agent, form))
    require_possible(agent, offered)
    values = {
        "foreseen": foreseen,
        "hits": [each for each in foreseen.hits if each.kind is not HitKind.UNKNOWN],
        "names": () if foreseen.demand.confidential else foreseen.demand.names[:SHOWN_NAMES],
        "more_names": max(0, len(foreseen.demand.names) - SHOWN_NAMES),
        "reason": form.one("reason"),
        "passkey": offered,
    }
    response = duty_page(request, agent, "sign.html", values)
    return with_script(response) if offered.possible else response


async def sign(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/new/sign``: the form that waits is taken in."""
    proof = await read_form(request, agent.csrf)
    form = _held(agent)
    await prove(request, agent, proof, _act_of(agent, form))
    if agent.session.unsigned is form:
        agent.session.unsigned = None
    return await _taken_in(request, agent, form)


def _held(agent: Agent) -> SentForm:
    found = agent.session.held(agent.context.clock())
    if found is None:
        raise PageRefusedError(HTTPStatus.CONFLICT, "duty.refused.unsigned")
    return found


def _act_of(agent: Agent, form: SentForm) -> str:
    """The digest of taking in what a form says."""
    return act_digest("order.add", sent_once.digest_of(form, agent.csrf))


async def _taken_in(request: Request, agent: Agent, form: SentForm) -> Response:
    try:
        order = await sent_once.once(agent.context, form, agent.csrf, lambda: _added(agent.context, form))
    except OperationError as error:
        return _refused(request, agent, form, error)
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


def _refused(request: Request, agent: Agent, form: SentForm, error: OperationError) -> Response:
    """The form again, with what it lacks or what is wrong with it."""
    if isinstance(error, IncompleteOrderError):
        refused = RefusedForm(missing=frozenset(error.missing))
    else:
        refused = RefusedForm(f"{error}. {error.remedy}")
    return _form(request, agent, _given(form), refused)


def _given(form: SentForm) -> dict[str, str]:
    given = {each: form.one(each) for each in (*TEXTS, *MOMENTS, *TICKS, "request", sent_once.FIELD)}
    return {**given, "names": ""} if given["confidential"] else given


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
