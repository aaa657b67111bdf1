"""``/desk/orders/NUMBER``: an order with its times on every node until all have it, and its receipt."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.order import NOT_ACCEPTED, Order, OrderState
from filterd.model.token import Permission
from filterd.operations.orders import people, showing, times
from filterd.operations.orders.life import ALLOWED, LifeAct
from filterd.operations.orders.reach import HitKind
from filterd.operations.orders.times import EffectTimes, OrderTimes
from filterd.operations.plain_records import standing
from filterd.operations.receipts import issuing, typesetting
from filterd.operations.receipts.sheet import attached_name
from filterd.operations.receipts.words import SheetLanguage
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.confirming import Confirmation, act_digest, confirmation, with_script
from filterd.web.desk.orders.frame import HOME, duty_page
from filterd.web.desk.orders.standing_behind import passkey_asked
from filterd.web.pages.state import language_of

SHOWN_ORDERS = 200
SHOWN_NAMES = 50
REFRESH_SECONDS = 2
WATCHED_FOR = 900
"""seconds after a decision in which the page refreshes by itself"""


async def show_all(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/list``: the newest orders; without any name."""
    found = await showing.newest(agent.context, SHOWN_ORDERS)
    now = agent.context.clock()
    shown = [(each, _standing(each, now)) for each in reversed(found)]
    return duty_page(request, agent, "list.html", {"orders": shown})


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/NUMBER``. It refreshes until every node has what was decided."""
    context, reference = agent.context, reference_of(request)
    order = await showing.show(context, reference)
    measured = await times.show(context, reference)
    hits = await showing.hits_of(context, order) if order.state in NOT_ACCEPTED else ()
    now = context.clock()
    current = newest(measured, now)
    waiting = current is not None and not current.all_nodes_at and now - current.due_at < WATCHED_FOR
    offered = await _confirmation(request, agent, order)
    values = {
        "order": order,
        "passkey": offered,
        "stands_behind": order.state in NOT_ACCEPTED and await people.stands_behind(context, order),
        "needs_passkey": passkey_asked(agent),
        "standing": _standing(order, now),
        "times": measured,
        "current": current,
        "waiting": waiting,
        "held_back": await showing.held_back(context, order),
        "hits": [each for each in hits if each.kind is not HitKind.UNKNOWN],
        "allowed": {act.value for act in LifeAct if order.state in ALLOWED[act]},
        "names": [(name, scope.word) for name, scope in order.demand.names[:SHOWN_NAMES]],
        "more_names": max(0, len(order.demand.names) - SHOWN_NAMES),
    }
    response = duty_page(request, agent, "order.html", values)
    if offered.possible:
        response = with_script(response)
    if waiting:
        response.headers["Refresh"] = str(REFRESH_SECONDS)
    return response


def act_of(order: Order) -> str:
    """The digest of the approval of an order in its present state."""
    return act_digest("order.approve", order.reference, order.state.value, *order.approvals)


async def _confirmation(request: Request, agent: Agent, order: Order) -> Confirmation:
    """The passkey part of the form of an approval; not possible where there is nothing to approve."""
    if order.state not in NOT_ACCEPTED or not agent.may(Permission.ORDERS_WRITE):
        return Confirmation("")
    return await confirmation(request, agent, act_of(order))


async def receipt(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/NUMBER/receipt``: the signed receipt as a PDF that has the JSON attached."""
    language = SheetLanguage.ES if language_of(request) == "es" else SheetLanguage.EN
    issued = await issuing.issue(agent.context, reference_of(request))
    made = await typesetting.pdf_of(issued.text, language)
    name = f"{attached_name(issued.body)}.{language.value}.pdf"
    headers = {"Receipt-Digest": issued.digest, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(made, media_type="application/pdf", headers=headers)


def reference_of(request: Request) -> str:
    """The reference of the order of a path."""
    return f"O-{request.path_params['number']}"


def path_of(reference: str) -> str:
    """The path of the page of an order."""
    return f"{HOME}/{reference.removeprefix('O-')}"


def newest(measured: OrderTimes, now: float) -> EffectTimes | None:
    """The effect that the order has now: in force, or lifted."""
    found = [
        each for each in (measured.enforcement, measured.lifting) if each is not None and each.due_at <= now
    ]
    return max(found, key=lambda each: each.due_at, default=None)


def _standing(order: Order, now: float) -> str:
    """An order's state as the end of a key ``duty.standing.``."""
    if order.unreviewed is not None:
        return "emergency"
    if order.state is OrderState.OUTSIDE_DNS:
        return "outside_dns"
    return standing(order, now).replace(" ", "_")
