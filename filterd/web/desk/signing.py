"""``/desk/sign-in`` and ``/desk/sign-out``: an agent shows a token once, and leaves."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Token, TokenRole
from filterd.operations import tokens
from filterd.telemetry import log
from filterd.web.desk.agents import Agent, address_of, cookie_name, desk_of, from_allowed
from filterd.web.desk.views import SIGN_IN
from filterd.web.desk.wrong_tokens import FREE
from filterd.web.pages.forms import read_form
from filterd.web.pages.state import page, secure, see_other, state_of

ROLES = (TokenRole.SUPPORT, TokenRole.OPERATOR, TokenRole.ON_CALL)
"""whose work is at the desk"""
_LONGEST = 128
"""characters of what is taken for a token"""


async def show(request: Request) -> Response:
    """``GET /desk/sign-in``."""
    return _form(request)


async def sign_in(request: Request) -> Response:
    """``POST /desk/sign-in``: begin a session for the token that was pasted."""
    form = await read_form(request)
    desk, context = desk_of(request), state_of(request).context
    address, now = address_of(request), context.clock()
    wait = desk.wrong.wait(address, now)
    if wait:
        state_of(request).refused["desk"] += 1
        return _form(request, HTTPStatus.TOO_MANY_REQUESTS, wait=math.ceil(wait))
    token = await tokens.of_secret(context, form.one("token")[:_LONGEST])
    if token is None or not from_allowed(request, token):
        state_of(request).refused["desk"] += 1
        if desk.wrong.count(address, now) == FREE:
            log.get().warning("wrong tokens at the desk: their network waits")
        return _form(request, HTTPStatus.FORBIDDEN, wrong=True)
    if token.role not in ROLES:
        return _form(request, HTTPStatus.FORBIDDEN, role=token.role.value)
    desk.wrong.forget(address)
    return _begin(request, token, now)


def _begin(request: Request, token: Token, now: float) -> Response:
    """A new session, whatever cookie came: none is taken over (fixation)."""
    sessions, name = desk_of(request).sessions, cookie_name(request)
    sessions.end(request.cookies.get(name, ""))
    response = see_other("/desk")
    response.set_cookie(
        name, sessions.begin(token, now), path="/", secure=secure(request), httponly=True, samesite="strict"
    )
    return response


async def sign_out(request: Request, agent: Agent) -> Response:
    """``POST /desk/sign-out``: end the session."""
    await read_form(request, agent.csrf)
    name = cookie_name(request)
    desk_of(request).sessions.end(request.cookies.get(name, ""))
    response = see_other(SIGN_IN)
    response.delete_cookie(name, path="/", secure=secure(request), httponly=True, samesite="strict")
    return response


def _form(request: Request, status: HTTPStatus = HTTPStatus.OK, **said: object) -> Response:
    values = {"wrong": False, "role": "", "wait": 0, **said}
    return page(request, "desk/sign_in.html", values, status)
