"""``/desk/orders``: everything that is due, the late first, each with the one thing to do next."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.duty import due, roster
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.desk.orders.frame import duty_page, words_of
from filterd.web.desk.orders.telling import told

SHOWN = 200
"""items: a page stays small"""


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders``."""
    context, words = agent.context, words_of(request)
    found = await due.everything(context)
    country = country_of(context)
    shown = [told(each, found.at, words, country.zone) for each in found.items[:SHOWN]]
    on_duty = await roster.look(context)
    values = {
        "late": [each for each in shown if each.level == "bad"],
        "open": [each for each in shown if each.level != "bad"],
        "more": max(0, len(found.items) - SHOWN),
        "troubles": found.troubles,
        "all_command": "filterd duty due",
        "on_duty": [(each, on_duty.contact(each.account)) for each in on_duty.now],
    }
    response = duty_page(request, agent, "due.html", values)
    response.headers["Refresh"] = "60"
    return response
