"""``/regulator/orders``, one order, and what is due for orders. No name of a confidential one is here."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.order import Order, OrderState
from filterd.operations.orders import due, showing, times
from filterd.operations.receipts import issuing, typesetting
from filterd.operations.receipts.sheet import attached_name
from filterd.operations.receipts.words import SheetLanguage
from filterd.operations.reviews.terms import country_of
from filterd.policy.deadlines import resolve
from filterd.web.accounts.agents import Agent
from filterd.web.pages.forms import query_of, read_form
from filterd.web.pages.state import language_of
from filterd.web.regulator.room import PAGE, attached, shown


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order as a row of the table."""

    order: Order
    overdue: bool
    in_force: bool


@dataclass(frozen=True, slots=True)
class StepSeen:
    """A step of an order as a row of its page. Times are Unix seconds, 0 for none."""

    kind: str
    """the end of a key ``regulator.step.``"""
    at: float
    who: str
    document: str = ""
    until: float = 0.0


async def show_all(request: Request, agent: Agent) -> Response:
    """``GET /regulator/orders``: overdue ones first, then the newest."""
    context, now = agent.context, agent.context.clock()
    late = {each.order.number for each in await due.list_due(context) if each.overdue(now)}
    every = [each.as_of(now) for each in await showing.list_orders(context)]
    asked = {name: query_of(request.query_params, name) for name in ("authority", "ground", "state", "term")}
    found = [each for each in every if _matches(each, asked)]
    found.sort(key=lambda each: (each.number not in late, -each.number))
    start = _start(request)
    values = {
        "rows": [_row(each, late, now) for each in found[start : start + PAGE]],
        "count": len(found),
        "next": start + PAGE if len(found) > start + PAGE else 0,
        "asked": asked,
        "authorities": sorted({each.demand.authority for each in every}),
        "grounds": sorted({each.demand.ground for each in every}),
        "states": [each.value for each in OrderState],
    }
    return shown(request, agent, "orders.html", values)


def _row(order: Order, late: set[int], now: float) -> OrderLine:
    return OrderLine(order, order.number in late, order.in_force(now))


def _matches(order: Order, asked: dict[str, str]) -> bool:
    if asked["authority"] and order.demand.authority != asked["authority"]:
        return False
    if asked["ground"] and order.demand.ground != asked["ground"]:
        return False
    if asked["term"] == "none" and order.demand.not_after:
        return False
    return not asked["state"] or order.state.value == asked["state"]


def _start(request: Request) -> int:
    text = query_of(request.query_params, "from", 9)
    return int(text) if text.isascii() and text.isdecimal() else 0


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator/orders/O-17``."""
    context, reference = agent.context, request.path_params["reference"]
    order = (await showing.show(context, reference)).as_of(context.clock())
    found = await times.show(context, order.reference)
    values = {
        "order": order,
        "in_force": order.in_force(context.clock()),
        "basis": resolve(country_of(context), order.demand.authority, order.demand.ground),
        "effects": [each for each in (found.enforcement, found.lifting) if each is not None],
        "duties": await due.of_order(context, order.number),
        "steps": _steps(order),
        "lifted": await showing.lifted(context, order),
    }
    return shown(request, agent, "order.html", values)


def _steps(order: Order) -> list[StepSeen]:
    """All that became of an order, from its coming in to its end, in the order of time."""
    added = StepSeen("added", order.added_at, order.added_by, order.demand.document)
    found = [StepSeen("accepted", order.accepted_at, ", ".join(order.approvals))]
    found += [
        StepSeen(each.kind.value, each.at, each.actor, each.document, each.until) for each in order.steps
    ]
    found.append(StepSeen("ended", order.withdrawn_at, order.withdrawn_by))
    return [added, *sorted((each for each in found if each.at), key=lambda each: each.at)]


async def receipt(request: Request, agent: Agent) -> Response:
    """``POST /regulator/orders/O-17/receipt``: a signed receipt. A form, as the record keeps its digest."""
    form = await read_form(request, agent.csrf)
    issued = await issuing.issue(agent.context, request.path_params["reference"])
    name = attached_name(issued.body)
    if form.one("form") != "pdf":
        return attached(issued.text, f"{name}.json", "application/json")
    language = SheetLanguage(language_of(request))
    made = await typesetting.pdf_of(issued.text, language)
    return attached(made, f"{name}.{language.value}.pdf", "application/pdf")


async def deadlines(request: Request, agent: Agent) -> Response:
    """``GET /regulator/deadlines``: all that is due, and what was done or missed lately, the newest first."""
    context, now = agent.context, agent.context.clock()
    every = await due.list_due(context, done=True)
    past = [each for each in every if not each.open]
    values = {
        "open": [each for each in every if each.open],
        "done": sorted(past, key=lambda each: -(each.done_at or each.over_at))[:PAGE],
        "overdue": sum(each.overdue(now) for each in every),
    }
    return shown(request, agent, "deadlines.html", values)
