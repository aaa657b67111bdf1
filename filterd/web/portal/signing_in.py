"""Signing in: by a link's button, a code, the PIN of the line, or the provider's own account."""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from filterd.operations.errors import NotReachedError
from filterd.operations.portal import links, openid, pins, sessions
from filterd.operations.portal.refusals import PinRefusedError, SignInRefusedError, TooManyTriesError
from filterd.web.pages.forms import query_of, read_form
from filterd.web.pages.state import see_other, state_of
from filterd.web.portal.problems import ToldProblem, problem_of
from filterd.web.portal.visitor import (
    OPENID,
    OPENID_SECONDS,
    SESSION,
    client_of,
    cookie_of,
    forget,
    keep,
    let_in,
    portal_state,
    session_of,
    unsigned_form,
    unsigned_page,
)

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


async def show(request: Request) -> Response:
    """``GET /portal/entrar``: for a link, its button, and nothing else happens.

    Whatever fetches a link before the person does (a messenger's preview, a scanner) uses nothing up."""
    secret = query_of(request.query_params, "k", 100)
    if _SECRET.fullmatch(secret):
        return unsigned_page(request, "portal/link.html", {"secret": secret})
    ended = query_of(request.query_params, "fin") == "1"
    told = ToldProblem("portal.ended") if ended else ToldProblem("portal.link_refused") if secret else None
    return await _ways(request, told)


async def enter(request: Request) -> Response:
    """``POST /portal/entrar``: use the link (``k``) or the code (``codigo``)."""
    form = await unsigned_form(request)
    secret = form.one("k") or form.one("codigo")
    if not secret:
        return await _ways(request, ToldProblem("portal.code_missing", HTTPStatus.UNPROCESSABLE_ENTITY))
    context = state_of(request).context
    try:
        signed = await links.consume(
            portal_state(request),
            context,
            secret[:200],
            address=client_of(request)[0],
            previous=cookie_of(request, SESSION),
        )
    except (SignInRefusedError, TooManyTriesError) as error:
        state_of(request).refused["link" if _SECRET.fullmatch(secret) else "code"] += 1
        return await _ways(request, problem_of(error))
    return let_in(request, signed)


async def enter_by_pin(request: Request) -> Response:
    """``POST /portal/pin``: sign in by the PIN of the line that the client is on."""
    form = await unsigned_form(request)
    address, port = client_of(request)
    try:
        signed = await pins.sign_in(
            portal_state(request),
            state_of(request).context,
            address,
            port,
            form.one("pin")[:100],
            previous=cookie_of(request, SESSION),
        )
    except (PinRefusedError, TooManyTriesError) as error:
        state_of(request).refused["pin"] += 1
        return await _ways(request, problem_of(error))
    return let_in(request, signed)


async def begin_openid(request: Request) -> Response:
    """``GET /portal/openid/empezar``: on to the provider's own sign-in.

    It is no form: the policy of our pages lets none lead elsewhere."""
    context = state_of(request).context
    if not openid.offered(context):
        return see_other("/portal/entrar")
    try:
        started = await openid.begin(portal_state(request), context)
    except NotReachedError as error:
        return await _ways(request, problem_of(error))
    response = RedirectResponse(started.url, HTTPStatus.SEE_OTHER)
    keep(request, response, OPENID, started.cookie, OPENID_SECONDS)
    return response


async def finish_openid(request: Request) -> Response:
    """``GET /portal/openid``: the browser comes back from the provider."""
    context = state_of(request).context
    if not openid.offered(context):
        return see_other("/portal/entrar")
    try:
        signed = await openid.finish(
            portal_state(request),
            context,
            cookie_of(request, OPENID),
            request.query_params,
            previous=cookie_of(request, SESSION),
        )
    except (SignInRefusedError, NotReachedError) as error:
        state_of(request).refused["openid"] += isinstance(error, SignInRefusedError)
        response = await _ways(request, problem_of(error))
    else:
        response = let_in(request, signed)
    forget(request, response, OPENID)
    return response


async def leave(request: Request) -> Response:
    """``POST /portal/salir``: end the session; with ``todas`` all that are on its lines."""
    secret = cookie_of(request, SESSION)
    form = await read_form(request, sessions.csrf_token(secret))
    context = state_of(request).context
    found = await session_of(request)
    if form.has("todas") and found is not None:
        await sessions.sign_out_everywhere(context, found)
    else:
        await sessions.sign_out(context, secret)
    response = see_other("/portal?salida=1")
    forget(request, response, SESSION)
    return response


async def _ways(request: Request, told: ToldProblem | None = None) -> Response:
    """The ways to sign in, with what went wrong before."""
    context = state_of(request).context
    values = {"told": told, "openid": openid.offered(context)}
    status = HTTPStatus.OK if told is None or told.key == "portal.ended" else told.status
    return unsigned_page(request, "portal/entrar.html", values, status)
