"""The approval of an order on a page: by the passkey of whoever has one, else by their session.

Who had a passkey once and has none now pastes the token again: to take the passkey away opens nothing
(decision 0410).

An approval is bound to the order as the page showed it: one that changed meanwhile takes a new look. An
emergency end never asks for a passkey, since an unblock may not wait for a device (decision 0395).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.orders import showing, taking
from filterd.operations.orders.intake import IncompleteOrderError
from filterd.web.accounts.agents import Agent
from filterd.web.desk.orders.order_pages import act_of, path_of, reference_of
from filterd.web.desk.orders.standing_behind import prove
from filterd.web.pages.forms import read_form
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import see_other


async def approve(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/NUMBER/approve``. Whoever has a passkey for this desk confirms with it."""
    form = await read_form(request, agent.csrf)
    order = await showing.show(agent.context, reference_of(request))
    await prove(request, agent, form, act_of(order))
    proportionality = form.one("proportionality")
    try:
        made = await taking.approve(agent.context, order.reference, proportionality=proportionality)
    except IncompleteOrderError:
        raise PageRefusedError(HTTPStatus.CONFLICT, "duty.refused.proportionality") from None
    return see_other(path_of(made.reference))
