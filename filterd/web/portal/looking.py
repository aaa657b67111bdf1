"""The pages about a line that change little: its history, its PIN, its notice to print, and its data."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

from filterd.model.portal import PortalRole
from filterd.operations import consent_history, subscribers, view_codes
from filterd.operations.consent_history import ConsentChange
from filterd.operations.ends import clock_of
from filterd.operations.filling import empty_categories
from filterd.operations.portal import pins
from filterd.operations.portal.pins import PinFaultError
from filterd.operations.portal.refusals import PinRefusedError, TooManyTriesError
from filterd.operations.privacy import holders_copy
from filterd.web.pages.state import see_other
from filterd.web.portal.line_state import until
from filterd.web.portal.problems import problem_of
from filterd.web.portal.titles import WAY_CATEGORIES, effective, help_numbers, named, said
from filterd.web.portal.visitor import Visit, on_line, portal_state

SHOWN_CHANGES = 60
"""the newest changes of a line, which its page shows"""


@on_line
async def history(visit: Visit) -> Response:
    """``GET …/cambios``: what was changed since this holder has the line, the newest first."""
    record = consent_history.of_present_holder(await consent_history.record(visit.context, visit.id))
    newest = [*reversed(record.changes)][:SHOWN_CHANGES]
    rows = [_row(visit, each) for each in newest]
    return visit.page("portal/history.html", {"rows": rows})


def _row(visit: Visit, change: ConsentChange) -> tuple[str, str, str]:
    """When, what, and by which way."""
    words = visit.words
    act = f"portal.act.{change.action}"
    here = "portal" in (change.actor.partition(":")[0], change.channel)
    way = _BY_ACTION.get(change.action, "portal.by.here" if here else "portal.by.provider")
    at = words.moment(change.at, visit.line.choices.zone)
    return at, words.text(act if words.has(act) else "portal.act.other"), words.text(way)


_BY_ACTION = {
    "own_name_ended": "portal.by.itself",
    "meaning_settled": "portal.by.itself",
    "pin_ended": "portal.by.itself",
    "pin_refused": "portal.by.wifi",
    "sign_in": "portal.by.here",
    "sign_out": "portal.by.here",
}
"""acts that are never the provider's, though no session of the portal did them -> the words for their way"""


def _needs_old(visit: Visit) -> bool:
    return visit.session.role is PortalRole.AUTHORISED or visit.session.by_pin


@on_line
async def pin(visit: Visit) -> Response:
    """``GET …/pin``."""
    if not visit.line.choices.opted_in:
        return see_other(visit.base)
    return await _pin_page(visit)


async def _pin_page(
    visit: Visit, key: str = "", status: HTTPStatus = HTTPStatus.OK, **values: object
) -> Response:
    has = await pins.has_pin(visit.context, visit.id)
    error = visit.words.text(f"{key}.body", **values) if key else ""
    of_new = key.startswith("portal.pin_fault")
    shown = {
        "has": has,
        "asks_old": has and _needs_old(visit),
        "error": error if of_new else "",
        "old_error": "" if of_new else error,
    }
    return visit.page("portal/pin.html", shown, status)


@on_line
async def choose_pin(visit: Visit) -> Response:
    """``POST …/pin``."""
    form = await visit.form()
    try:
        await pins.choose(
            portal_state(visit.request),
            visit.context,
            visit.session,
            visit.id,
            form.one("pin")[:100],
            old=form.one("anterior")[:100],
        )
    except (PinFaultError, PinRefusedError, TooManyTriesError) as error:
        told = problem_of(error)
        return await _pin_page(visit, told.key, told.status, **told.values)
    return visit.done("pin")


@on_line
async def protection(visit: Visit) -> Response:
    """``GET …/proteccion``: the provider's own blocking of malware and fraud."""
    there = visit.context.settings.security.enabled
    return visit.page("portal/protection.html", {"there": there, "left": visit.line.choices.security_left})


@on_line
async def change_protection(visit: Visit) -> Response:
    """``POST …/proteccion``: out of it, or back."""
    form = await visit.form()
    left = form.one("quitar") == "1"
    await subscribers.leave_security(visit.context, visit.id, left=left)
    return visit.done("proteccion", "/proteccion")


@on_line
async def ask_code(visit: Visit) -> Response:
    """``GET …/codigo``: the code by which support may see the own sites of the line."""
    return visit.page("portal/code.html", {"may_make": _may_make_code(visit), "code": "", "until": ""})


def _may_make_code(visit: Visit) -> bool:
    """The code is for who signed in by the provider's word: a PIN is known to more than one."""
    return not visit.session.by_pin


@on_line
async def make_code(visit: Visit) -> Response:
    """``POST …/codigo``: a code in the place of the one before, shown this once."""
    await visit.form()
    if not _may_make_code(visit):
        return visit.problem("portal.not_yours", HTTPStatus.FORBIDDEN)
    made = await view_codes.issue(visit.context, visit.id)
    end = until(visit.words, made.expires_at, visit.context.clock(), visit.line.choices.zone)
    return visit.page("portal/code.html", {"may_make": True, "code": made.code, "until": end})


@on_line
async def poster(visit: Visit) -> Response:
    """``GET …/cartel``: a notice to print for those who use the network."""
    documents = await visit.documents()
    choices = visit.line.choices
    if not choices.opted_in:
        return see_other(visit.base)
    found = effective(choices, documents)
    language = visit.words.language
    topics = [each for each in found.categories if each not in WAY_CATEGORIES]
    empty = await empty_categories(visit.context, topics)
    topics = [each for each in topics if each not in empty]
    today = datetime.fromtimestamp(visit.context.clock(), clock_of(choices.zone))
    values = {
        "chosen": next((each for each in documents.profiles if each.id == choices.profile), None),
        "topics": named(documents.categories, topics, language),
        "applications": named(documents.services, found.services, language),
        "organisation": visit.session.organisation,
        "help": help_numbers(documents, visit.context.settings.jurisdiction),
        "day": visit.words.day(today),
        "said": said,
    }
    return visit.page("portal/poster.html", values)


@on_line
async def data(visit: Visit) -> Response:
    """``GET …/datos``: what is kept of the line, and how to ask for more."""
    return visit.page("portal/data.html", {"may_copy": _may_copy(visit)})


def _may_copy(visit: Visit) -> bool:
    """A copy goes to the holder, signed in by the provider: a PIN is known to more than one."""
    return visit.session.role is not PortalRole.AUTHORISED and not visit.session.by_pin


@on_line
async def copy(visit: Visit) -> Response:
    """``POST …/datos/copia``: all that is held of the line, as a text in Spanish."""
    await visit.form()
    if not _may_copy(visit):
        return visit.problem("portal.not_yours", HTTPStatus.FORBIDDEN)
    _, text = await holders_copy.copy_of(visit.context, visit.id)
    return PlainTextResponse(text, headers={"Content-Disposition": 'attachment; filename="mis-datos.txt"'})
