"""``/desk/orders/requests``: what authorities asked, when, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.duty import AskedKind, AskedStep, AskedWay, RefusalReason
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import requests as register
from filterd.operations.duty.requests import IncompleteRequestError, RequestAsked, Search, StepTaken
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.desk.orders.frame import HOME, RefusedForm, duty_page
from filterd.web.pages.forms import SentForm, query_of, read_form
from filterd.web.pages.state import language_of, see_other

Choice = TypeVar("Choice", bound=StrEnum)
FIELDS = ("authority", "official", "document", "kind", "way", "asked", "received_at", "due_at")


async def show_all(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/requests``: by document number, or what an authority asked on a day."""
    query = request.query_params
    wanted = Search(query_of(query, "document"), query_of(query, "authority"), query_of(query, "day", 10))
    found = await register.search(agent.context, wanted)
    return duty_page(
        request, agent, "requests.html", {"requests": found, "wanted": wanted, **_known(request, agent)}
    )


async def show_new(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/requests/new``."""
    given = {each: query_of(request.query_params, each) for each in FIELDS}
    return _form(request, agent, given)


async def add(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/requests/new``: what is missing is told at once, and nothing typed is lost."""
    form = await read_form(request, agent.csrf)
    try:
        made = await register.enter(agent.context, _asked(agent.context, form))
    except OperationError as error:
        missing = error.missing if isinstance(error, IncompleteRequestError) else frozenset()
        fault = "" if missing else f"{error}. {error.remedy}"
        given = {each: form.one(each) for each in FIELDS}
        return _form(request, agent, given, RefusedForm(fault, missing))
    return see_other(f"{HOME}/requests/{made.number}")


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/orders/requests/NUMBER``: one with its steps, and the form for the next."""
    found = await register.show(agent.context, str(request.path_params["number"]))
    values = {
        "found": found,
        "steps": [each.value for each in AskedStep],
        "reasons": [each.value for each in RefusalReason],
        **_known(request, agent),
    }
    return duty_page(request, agent, "request.html", values)


async def take(request: Request, agent: Agent) -> Response:
    """``POST /desk/orders/requests/NUMBER``: a step."""
    form = await read_form(request, agent.csrf)
    number = str(request.path_params["number"])
    step = chosen(AskedStep, form.one("step"))
    reason = form.one("reason") if step is AskedStep.REFUSED else ""
    await register.take(
        agent.context, number, StepTaken(step, reason, form.one("reference"), form.one("text"))
    )
    return see_other(f"{HOME}/requests/{number}")


def _form(
    request: Request, agent: Agent, given: dict[str, str], refused: RefusedForm | None = None
) -> Response:
    values = {
        "given": given,
        "refused": refused,
        "kinds": [each.value for each in AskedKind],
        "ways": [each.value for each in AskedWay],
        **_known(request, agent),
    }
    status = HTTPStatus.OK if refused is None else HTTPStatus.CONFLICT
    return duty_page(request, agent, "request_new.html", values, status)


def _known(request: Request, agent: Agent) -> dict[str, object]:
    """The authorities of the jurisdiction."""
    country, language = country_of(agent.context), language_of(request)
    return {
        "authorities": [(each.id, str(getattr(each.title, language))) for each in country.authorities],
    }


def _asked(context: Context, form: SentForm) -> RequestAsked:
    zone = country_of(context).zone
    return RequestAsked(
        form.one("authority"),
        form.one("document"),
        form.one("asked"),
        chosen(AskedKind, form.one("kind", AskedKind.BLOCK)),
        chosen(AskedWay, form.one("way", AskedWay.MAIL)),
        form.one("official"),
        local_moment(form.one("received_at"), zone),
        int(local_moment(form.one("due_at"), zone)),
    )


def chosen(kind: type[Choice], value: str) -> Choice:
    """A choice of the page. Raises OperationError."""
    try:
        return kind(value)
    except ValueError:
        message = f"no choice of the page: {value[:32]!r}"
        raise OperationError(message, "choose one of those of the page") from None


def local_moment(text: str, zone: str) -> float:
    """A field of date and time (``2026-11-27T03:10``) by the clock of a zone, in Unix seconds; 0 where it is
    empty. Raises OperationError."""
    if not text:
        return 0.0
    try:
        found = datetime.fromisoformat(text)
        at = (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp()
    except (ValueError, OverflowError):
        message = f"{text[:32]!r} is no date and time"
        raise OperationError(message, "write it as 2026-11-27T03:10") from None
    return input_values.meant(at, "a time of the page", text)


def local_text(at: float, zone: str) -> str:
    """A moment as such a field has it, to the minute that has begun; empty for one that no clock shows."""
    try:
        return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError, OSError):
        return ""
