"""The acts of an officer on an order. Each act is the API's, and takes its permission."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.order import Order
from filterd.operations.context import Context
from filterd.operations.duty import demanded_lifting
from filterd.operations.orders import (
    confirming,
    due,
    ending,
    reviewing,
    suspending,
)
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.views import View
from filterd.web.desk.orders.emergency import demanded
from filterd.web.desk.orders.order_pages import path_of, reference_of
from filterd.web.desk.orders.register import local_moment
from filterd.web.pages.forms import SentForm, read_form
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import see_other

Act = Callable[[Context, str, SentForm], Awaitable[Order]]


async def _withdraw(context: Context, reference: str, form: SentForm) -> Order:
    return await ending.withdraw(context, reference, reason=form.one("reason"))


async def _lift(context: Context, reference: str, form: SentForm) -> Order:
    """Without the number of a paper, or of a request, the demand is noted as a call."""
    return await demanded_lifting.lift(context, reference, demanded(context, form))


async def _suspend(context: Context, reference: str, form: SentForm) -> Order:
    until = int(_moment(context, form, "until"))
    if until <= context.clock():
        raise PageRefusedError(HTTPStatus.CONFLICT, "duty.refused.until")
    return await suspending.suspend(
        context,
        reference,
        until=until,
        document=form.one("document"),
        received_at=_moment(context, form, "received_at"),
        reason=form.one("reason"),
    )


async def _resume(context: Context, reference: str, form: SentForm) -> Order:
    return await suspending.resume(
        context, reference, reason=form.one("reason"), document=form.one("document")
    )


async def _confirm(context: Context, reference: str, form: SentForm) -> Order:
    return await confirming.confirm(
        context, reference, document=form.one("document"), reason=form.one("reason")
    )


async def _reported(context: Context, reference: str, form: SentForm) -> Order:
    at = _moment(context, form, "at")
    return await due.reported(context, reference, report=form.one("report"), at=at)


async def _review(context: Context, reference: str, form: SentForm) -> Order:
    return await reviewing.review(context, reference, reason=form.one("reason"))


ORDER_ACTS: dict[str, Act] = {
    "withdraw": _withdraw,
    "lift": _lift,
    "suspend": _suspend,
    "resume": _resume,
    "confirm": _confirm,
    "reported": _reported,
    "review": _review,
}
"""the last part of a path -> the act"""


def doing(act: Act) -> View:
    """The view of ``POST /desk/orders/NUMBER/ACT``: do it, and lead back to the order."""

    async def do(request: Request, agent: Agent) -> Response:
        form = await read_form(request, agent.csrf)
        order = await act(agent.context, reference_of(request), form)
        return see_other(path_of(order.reference))

    return do


def _moment(context: Context, form: SentForm, name: str) -> float:
    return local_moment(form.one(name), country_of(context).zone)
