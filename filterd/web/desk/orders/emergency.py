"""``/desk/orders/NUMBER/emergency``: an order ends now, because its authority or the provider wants it.

Whoever wants it is asked, since a demand of the authority has a deadline of its own and the provider's own
end has none. One person is enough, and another looks at it afterwards.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.order import Order
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import demanded_lifting
from filterd.operations.duty.demanded_lifting import LiftingDemanded
from filterd.operations.duty.requests import title_of
from filterd.operations.orders import ending, showing
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.desk.orders.frame import duty_page
from filterd.web.desk.orders.order_pages import path_of, reference_of
from filterd.web.desk.orders.register import local_moment
from filterd.web.pages.forms import SentForm, read_form
from filterd.web.pages.state import language_of, see_other

AUTHORITY, PROVIDER = "authority", "provider"
FIELDS = ("who", "authority", "official", "document", "received_at", "reason")


async def ask(request: Request, agent: Agent) -> Response:
    """``GET``: what an emergency end does, before the one button."""
    order = await showing.show(agent.context, reference_of(request))
    return _form(request, agent, order, dict.fromkeys(FIELDS, ""))


async def end(request: Request, agent: Agent) -> Response:
    """``POST``: end it, and lead back to the order. What is missing is told, and nothing typed is lost."""
    form = await read_form(request, agent.csrf)
    reference = reference_of(request)
    if form.one("who") not in (AUTHORITY, PROVIDER) or not form.one("reason").strip():
        return await _again(request, agent, form, "")
    try:
        order = await _end(agent.context, reference, form)
    except OperationError as error:
        return await _again(request, agent, form, f"{error}. {error.remedy}")
    return see_other(path_of(order.reference))


async def _end(context: Context, reference: str, form: SentForm) -> Order:
    if form.one("who") == PROVIDER:
        return await ending.withdraw(context, reference, reason=form.one("reason"), emergency=True)
    return await demanded_lifting.lift(context, reference, demanded(context, form), emergency=True)


def demanded(context: Context, form: SentForm) -> LiftingDemanded:
    """The authority's demand to lift of a form. Raises OperationError."""
    return LiftingDemanded(
        reason=form.one("reason"),
        document=form.one("document"),
        authority=form.one("authority"),
        official=form.one("official"),
        received_at=local_moment(form.one("received_at"), country_of(context).zone),
    )


async def _again(request: Request, agent: Agent, form: SentForm, fault: str) -> Response:
    """The form again. ``fault``: the reason in the words of commands; empty: something is missing."""
    order = await showing.show(agent.context, reference_of(request))
    return _form(request, agent, order, {each: form.one(each) for each in FIELDS}, fault, HTTPStatus.CONFLICT)


def _form(
    request: Request,
    agent: Agent,
    order: Order,
    given: dict[str, str],
    fault: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    country, language = country_of(agent.context), language_of(request)
    own = order.demand.authority
    known = [(each.id, str(getattr(each.title, language))) for each in country.authorities if each.id != own]
    values = {
        "order": order,
        "given": given,
        "fault": fault,
        "refused": status is not HTTPStatus.OK,
        "authorities": [(own, title_of(country, own, language)), *known],
    }
    return duty_page(request, agent, "emergency.html", values, status)
