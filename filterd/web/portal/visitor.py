"""The visitor of the portal: the cookies, the session behind them, and the line that a page is about.

A path names a line by its place among those of the session (``/portal/filtro/1``): no id of a line stands in
an address, and a place that the session does not have is no page, be there such a line or not.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.adjustments import to_text
from filterd.model.portal import PortalSession
from filterd.model.subscriber import Subscriber
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.operations.ends import clock_of
from filterd.operations.errors import OperationError, UnusableError
from filterd.operations.held_profiles import policies_held
from filterd.operations.portal import sessions
from filterd.operations.portal.acting import acting, require_line
from filterd.operations.portal.on_line import line_of_address
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import CHANGES, PortalState
from filterd.operations.portal.tries import Levels
from filterd.policy.documents import Policies
from filterd.store.errors import StoreError
from filterd.web.pages.application import log_unserved
from filterd.web.pages.forms import SentForm, query_of, read_form
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import language_of, page, secure, see_other, state_of
from filterd.web.pages.translations import Words
from filterd.web.portal.problems import LATER, UNKNOWN, ChangedMeanwhileError, problem_of

SESSION, FORM, OPENID = "session", "form", "openid"
"""the cookies: of a session; of forms before one; of a sign-in with the provider that has begun"""
OPENID_SECONDS = 600
DONE = "hecho"
"""the part of a query that says which sentence of success to show"""
BASE = "/portal/filtro"
Values = Mapping[str, object]


def portal_state(request: Request) -> PortalState:
    """The state of signing in of this process, made at the first call, with the key that stands on the disk.
    Raises OperationError."""
    settings = state_of(request).context.settings
    found: PortalState | None = getattr(request.app.state, "portal", None)
    if found is None:
        found = PortalState.make(settings)
        request.app.state.portal = found
    found.follow_key(settings)
    return found


def _changes(request: Request) -> Levels:
    """The changes that sessions ask for: each is a write, and most are told to the holder. They are counted
    without the key, so that whatever is wrong with it the filter can be changed."""
    found: Levels | None = getattr(request.app.state, "portal_changes", None)
    if found is None:
        found = request.app.state.portal_changes = Levels(CHANGES)
    return found


def cookie_name(request: Request, what: str) -> str:
    """The name of a cookie; over HTTPS one that no other site of the domain can set (RFC 6265bis, 4.1.3)."""
    return f"__Host-filterd_{what}" if secure(request) else f"filterd_{what}"


def cookie_of(request: Request, what: str) -> str:
    """The value of a cookie; empty where there is none."""
    return request.cookies.get(cookie_name(request, what), "")


def keep(request: Request, response: Response, what: str, value: str, seconds: int | None = None) -> None:
    """Give a cookie; it goes when the browser closes, or after so many seconds."""
    response.set_cookie(
        cookie_name(request, what), value, max_age=seconds, path="/", secure=secure(request), httponly=True,
        samesite="lax",
    )  # fmt: skip


def forget(request: Request, response: Response, what: str) -> None:
    """Take a cookie away."""
    response.delete_cookie(
        cookie_name(request, what), path="/", secure=secure(request), httponly=True, samesite="lax"
    )


def words_of(request: Request) -> Words:
    """The words of the request's language."""
    return state_of(request).templates.translations.of(language_of(request))


def client_of(request: Request) -> tuple[str, int]:
    """The address of the client, and its port; 0 where a proxy does not tell it."""
    return (request.client.host, request.client.port) if request.client else ("", 0)


def unsigned_page(
    request: Request, name: str, values: Values, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """A page with forms for who has not signed in: their token follows from a cookie of its own."""
    secret = cookie_of(request, FORM) or secrets.token_urlsafe(32)
    response = page(request, name, {"csrf": sessions.csrf_token(secret), **values}, status)
    if not cookie_of(request, FORM):
        keep(request, response, FORM, secret)
    return response


async def unsigned_form(request: Request) -> SentForm:
    """The form of such a page. Raises PageRefusedError."""
    secret = cookie_of(request, FORM)
    form = await read_form(request, sessions.csrf_token(secret))
    if not secret:
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "portal.cookies")
    return form


def let_in(request: Request, signed: SignedIn) -> Response:
    """The reply to a sign-in: the cookie, and the way to the line."""
    response = see_other(BASE if len(signed.session.subscribers) > 1 else f"{BASE}/1")
    keep(request, response, SESSION, signed.secret)
    forget(request, response, FORM)
    return response


async def session_of(request: Request) -> PortalSession | None:
    """The session of the browser; None: there is none, or it has ended. One by PIN ends at an address that is
    another line's."""
    secret = cookie_of(request, SESSION)
    if not secret:
        return None
    context = state_of(request).context
    found = await sessions.find(context, secret)
    if found is not None and found.by_pin:
        line = await line_of_address(context, *client_of(request))
        if line is not None and line.id not in found.subscribers:
            await sessions.sign_out(context, secret)
            return None
    return found


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of who has signed in, about one line of the session."""

    request: Request
    session: PortalSession
    secret: str
    context: Context
    """in which the session acts"""
    place: int
    """of the line in the session, from 1"""
    line: Subscriber
    """as it was when the request came"""

    @property
    def id(self) -> str:
        """The id of the line."""
        return self.line.id

    @property
    def base(self) -> str:
        """The path of the line."""
        return f"{BASE}/{self.place}"

    @property
    def words(self) -> Words:
        """The words of the request's language."""
        return words_of(self.request)

    @property
    def query(self) -> Mapping[str, str]:
        """The query of the request."""
        return self.request.query_params

    @property
    def today(self) -> str:
        """The day on the clock of the line, like ``2026-11-27``."""
        return (
            datetime.fromtimestamp(self.context.clock(), clock_of(self.line.choices.zone)).date().isoformat()
        )

    def of_another_day(self, form: SentForm) -> bool:
        """Return whether the page of a form was made on another day: what it calls today is over."""
        return form.one("fecha") != self.today

    async def documents(self) -> Policies:
        """The policies, with the profile of the line as it is in force there: an announced change is not."""
        return await policies_held(self.context, self.line.choices)

    def page(self, name: str, values: Values | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """A page about the line."""
        return page(self.request, name, {**_shared(self), **(values or {})}, status)

    def done(self, sentence: str, path: str = "", more: str = "") -> Response:
        """The reply to a change: back to a page of the line, with a sentence of success."""
        return see_other(f"{self.base}{path}?{DONE}={sentence}{more}")

    async def form(self, *, bounded: bool = True) -> SentForm:
        """The form that was sent, which counts as a change of the session if it is ``bounded``. Raises
        PageRefusedError, TooManyTriesError."""
        form = await read_form(self.request, sessions.csrf_token(self.secret))
        if bounded:
            _changes(self.request).take(self.session.reference, self.context.clock())
        return form

    def expecting(self, form: SentForm) -> Context:
        """The context for a change that a form asks for: refused where the line is another than it was when
        the page was made."""
        before, mark = self.context.expected, form.one("mark")

        def look(found: Subscriber) -> None:
            before(found)
            if mark_of(found) != mark:
                raise ChangedMeanwhileError

        return replace(self.context, expected=look)

    def problem(self, key: str, status: HTTPStatus = HTTPStatus.CONFLICT, **values: object) -> Response:
        """A page that says what was not done, and leads back."""
        return self.page("portal/problem.html", {"key": key, "values": values}, status)


def mark_of(line: Subscriber) -> str:
    """A mark of what forms of a line overwrite. What ends by itself is no part of it."""
    choices = line.choices
    adjusted = to_text(replace(choices.adjustments, once=()))
    state = f"{choices.opted_in}\0{choices.profile}\0{choices.zone}\0{adjusted}"
    return sha256(state.encode()).hexdigest()[:16]


def _shared(visit: Visit) -> dict[str, object]:
    done = query_of(visit.query, DONE, 20)
    key = f"portal.done.{done}"
    return {
        "csrf": sessions.csrf_token(visit.secret),
        "base": visit.base,
        "mark": mark_of(visit.line),
        "visit": visit,
        "several": len(visit.session.subscribers) > 1,
        "done": key if done.isalpha() and visit.words.has(key) else "",
    }


LineView = Callable[[Visit], Awaitable[Response]]
View = Callable[[Request], Awaitable[Response]]


def on_line(view: LineView) -> View:
    """The view of a page about a line, for who has signed in; others are led to where that is done.

    A use case that refuses something is told in words of the portal."""

    async def answer(request: Request) -> Response:
        found = await session_of(request)
        if found is None:
            return _signed_out(request)
        visit = await _visit(request, found)
        try:
            return await view(visit)
        except (StoreError, UnusableError) as error:
            log_unserved(error)
            return visit.problem(LATER.key, LATER.status)
        except OperationError as error:
            told = problem_of(error)
            if told.key == UNKNOWN and request.method == "GET":
                told = LATER  # nobody asked for anything that could be wrong
            return visit.problem(told.key, told.status, **told.values)

    return answer


def _signed_out(request: Request) -> Response:
    if request.method == "POST":
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "portal.ended")
    return see_other("/portal/entrar?fin=1" if cookie_of(request, SESSION) else "/portal/entrar")


async def _visit(request: Request, found: PortalSession) -> Visit:
    place = int(request.path_params["place"])
    if not 0 < place <= len(found.subscribers):
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
    context = acting(state_of(request).context, found)
    identifier = require_line(found, found.subscribers[place - 1])
    try:
        async with context.store.read() as connection:
            line = await lines.require(connection, identifier)
    except OperationError as error:
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "portal.gone") from error
    return Visit(request, found, cookie_of(request, SESSION), context, place, line)
