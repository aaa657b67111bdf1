"""``/desk/orders/handover`` and ``/desk/orders/roster``: from one officer to the next."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.duty import ContactKind, DutyContact
from filterd.operations.context import OperationError
from filterd.operations.duty import due, handing_over, roster
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.desk.orders.frame import HOME, duty_page
from filterd.web.desk.orders.register import chosen, local_moment
from filterd.web.pages.forms import read_form
from filterd.web.pages.numbers import number_of
from filterd.web.pages.state import see_other


async def show_log(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/handover``: the newest first, and the form with what is open now."""
    found = await due.everything(agent.context)
    values = {
        "log": await handing_over.listed(agent.context),
        "open": len(found.items),
        "late": len(found.overdue),
    }
    return duty_page(request, agent, "handover.html", values)


async def write(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/handover``."""
    form = await read_form(request, agent.csrf)
    await handing_over.write_down(agent.context, form.one("text"))
    return see_other(f"{HOME}/handover")


async def read(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/handover/read``: acknowledge one."""
    form = await read_form(request, agent.csrf)
    await handing_over.read(agent.context, number_of(form.one("number")))
    return see_other(f"{HOME}/handover")


async def show_roster(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/roster``."""
    found = await roster.look(agent.context)
    now = agent.context.clock()
    coming = [each for each in found.shifts if each.ends_at > now]
    kinds = [each.value for each in ContactKind]
    return duty_page(request, agent, "roster.html", {"found": found, "shifts": coming, "kinds": kinds})


async def change_roster(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/roster``: a shift, a notice of a change, or a contact, by the button pressed."""
    form = await read_form(request, agent.csrf)
    context, what = agent.context, form.one("what")
    zone = country_of(context).zone
    if what == "shift":
        begins, ends = (int(local_moment(form.one(each), zone)) for each in ("begins", "ends"))
        await roster.add(context, form.one("account"), begins, ends, deputy=form.one("deputy"))
    elif what == "remove":
        await roster.remove(context, number_of(form.one("number")), reason=form.one("reason"))
    elif what == "told":
        await roster.told(context, number_of(form.one("number")), reference=form.one("reference"))
    elif what == "contact":
        kind = chosen(ContactKind, form.one("kind"))
        given = DutyContact(
            form.one("id"),
            kind,
            form.one("name"),
            form.one("telephone"),
            form.one("mail"),
            form.one("deputy"),
            form.one("note"),
        )
        await roster.put_contact(context, given)
    else:
        message = "no such change of the roster"
        raise OperationError(message, "use a button of the page")
    return see_other(f"{HOME}/roster")
