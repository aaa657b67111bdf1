"""Turning the filter on, and taking it away."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.portal import PortalRole
from filterd.operations import consent, subscribers
from filterd.operations.context import Context
from filterd.operations.ends import clock_of
from filterd.operations.errors import OperationError
from filterd.operations.lines import Also
from filterd.operations.policies import policies, profile
from filterd.operations.portal import pins
from filterd.operations.portal.acting import evidence
from filterd.operations.portal.pins import PinFaultError
from filterd.policy.documents import ConsentText, Policies, Profile
from filterd.web.pages.forms import query_of
from filterd.web.pages.state import page, see_other
from filterd.web.portal.hours import stretches
from filterd.web.portal.line_state import own_closed, suspended_until, until
from filterd.web.portal.titles import CLOSED_TWIN, closes_ways, lacking, offered, said, warning_of
from filterd.web.portal.visitor import Visit, on_line, portal_state, session_of


def text_of_the_day(context: Context, zone: str) -> ConsentText | None:
    """The text of consent that is used today, on a clock in ``zone``; None: the policies have none. Raises
    OperationError where a file of them cannot be read."""
    today = datetime.fromtimestamp(context.clock(), clock_of(zone)).date().isoformat()
    known = [each for each in consent.texts(context) if each.since <= today]
    return known[-1] if known else None


_ENDS = tuple(".?!:»”")


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text whose lines were broken for the file: one goes on where a sentence does."""
    found: list[str] = []
    for line in text.splitlines():
        if found and found[-1] and not found[-1].endswith(_ENDS):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.strip())
    return [each for each in found if each]


def choose_age(visit: Visit) -> Response:
    """The page of a line without a filter: who uses the Internet of the house? Each answer leads on."""
    documents = policies(visit.context)
    found = offered(documents, organisation=visit.session.role is PortalRole.ORGANISATION)
    choices = visit.line.choices
    values = {
        "first": found.first,
        "others": found.others,
        "own_closed": not choices.opted_in and own_closed(choices, visit.context.clock()),
        "said": said,
    }
    return visit.page("portal/ages.html", values)


@on_line
async def confirm(visit: Visit) -> Response:
    """``GET …/encender``: the text of the day, what will break, the PIN, and the button."""
    if visit.line.choices.opted_in:
        return see_other(visit.base)
    return await _confirmation(visit, query_of(visit.query, "edad", 64))


async def _confirmation(
    visit: Visit,
    profile_id: str,
    error: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    *,
    closed: bool = False,
) -> Response:
    documents = policies(visit.context)
    chosen = next((each for each in documents.profiles if each.id == profile_id), None)
    if chosen is None:
        return choose_age(visit)
    text = text_of_the_day(visit.context, visit.line.choices.zone)
    if text is None:
        return visit.problem("portal.no_text", HTTPStatus.SERVICE_UNAVAILABLE)
    twin = _twin(chosen, documents)
    values = {
        "chosen": chosen,
        "twin": twin,
        "twin_chosen": closed,
        "text": text,
        "paragraphs": paragraphs(said(text.text, visit.words.language)),
        "closes_ways": closes_ways(chosen, documents),
        "warning": said(warning_of(chosen, documents), visit.words.language),
        "stretches": stretches(chosen.schedule, documents, visit.words),
        "lacking": await lacking(visit.context, documents, chosen, visit.words.language),
        "error": error,
        "said": said,
    }
    return visit.page("portal/consent.html", values, status)


def _twin(chosen: Profile, documents: Policies) -> Profile | None:
    """The profile that is the same with the ways around closed."""
    wanted = CLOSED_TWIN.get(chosen.id)
    return next((each for each in documents.profiles if each.id == wanted), None)


@on_line
async def turn_on(visit: Visit) -> Response:
    """``POST …/encender``. Nothing is turned on with a PIN that cannot be chosen."""
    form = await visit.form()
    documents = policies(visit.context)
    chosen = profile(documents, form.one("edad"))
    twin = _twin(chosen, documents)
    closed = twin is not None and form.has("cerrado")
    text = text_of_the_day(visit.context, visit.line.choices.zone)
    if text is None or text.id != form.one("texto"):
        return await _confirmation(
            visit, chosen.id, "portal.consent.new_text", HTTPStatus.CONFLICT, closed=closed
        )
    pin = form.one("pin")[:100]
    try:
        pin = pin and pins.checked(pin)
    except PinFaultError as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return await _confirmation(
            visit, chosen.id, f"portal.pin_fault.{error.fault}.body", status, closed=closed
        )
    wanted = twin if closed and twin is not None else chosen
    asked = evidence(visit.context, visit.session, visit.id, text.id)
    keep, more = await _first_pin(visit, pin)
    await subscribers.opt_in(visit.expecting(form), visit.id, wanted.id, asked, also=keep, accept_empty=True)
    return see_other(f"{visit.base}/listo{more}")


async def _first_pin(visit: Visit, pin: str) -> tuple[Also | None, str]:
    """The part of the write that keeps the PIN, and of the next page's address: a PIN that could
    not be hashed is told there, and can be chosen again."""
    if not pin:
        return None, "?pin=despues"
    try:
        return await pins.first(portal_state(visit.request), visit.context, visit.session, visit.id, pin), ""
    except OperationError:
        return None, "?pin=no"


@on_line
async def on(visit: Visit) -> Response:
    """``GET …/listo``: it is on; what now."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    documents = policies(visit.context)
    chosen = profile(documents, visit.line.choices.profile)
    end, choices = await suspended_until(visit.context), visit.line.choices
    suspended = until(visit.words, end, visit.context.clock(), choices.zone) if end else ""
    pin = query_of(visit.query, "pin", 10)
    values = {"pin": pin, "chosen": chosen, "suspended": suspended, "said": said}
    values["lacking"] = await lacking(visit.context, documents, chosen, visit.words.language)
    values["nowhere"] = subscribers.nowhere(visit.context, visit.line)
    return visit.page("portal/on.html", values)


@on_line
async def ask_out(visit: Visit) -> Response:
    """``GET …/quitar``: the second tap."""
    return visit.page("portal/out.html") if visit.line.choices.opted_in else see_other(visit.base)


@on_line
async def turn_off(visit: Visit) -> Response:
    """``POST …/quitar``: at once and without condition, however old the page is, and whatever is wrong with
    the policies."""
    await visit.form(bounded=False)
    try:
        text = text_of_the_day(visit.context, visit.line.choices.zone)
    except OperationError:
        text = None
    asked = None if text is None else evidence(visit.context, visit.session, visit.id, text.id)
    await subscribers.opt_out(visit.context, visit.id, evidence=asked)
    return see_other("/portal/quitado")


async def off(request: Request) -> Response:
    """``GET /portal/quitado``: it is off. No session is needed: that of a PIN ended with the filter."""
    return page(request, "portal/off.html", {"signed_in": await session_of(request) is not None})
