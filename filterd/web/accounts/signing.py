"""A room's sign-in and sign-out: a person shows a token once, and leaves."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.passkey import Passkey
from filterd.model.token import Token
from filterd.operations.passkeys.asserting import request_options
from filterd.operations.passkeys.challenges import SIGN_IN
from filterd.web.accounts.agents import Agent, address_of, cookie_name, door_of
from filterd.web.accounts.browsers import keep_stranger, party, stranger, with_script
from filterd.web.accounts.proving import pasted, waiting, wrong
from filterd.web.accounts.rooms import Room
from filterd.web.pages.forms import read_form
from filterd.web.pages.state import page, secure, see_other, state_of


async def by_token(request: Request, room: Room) -> Response:
    """``POST /ROOM/sign-in``: begin a session for the token that was pasted."""
    form = await read_form(request)
    wait = waiting(request, room)
    if wait:
        return sign_in_form(request, room, HTTPStatus.TOO_MANY_REQUESTS, wait=wait)
    token = await pasted(request, form.one("token"))
    if token is None:
        wrong(request, room)
        return sign_in_form(request, room, HTTPStatus.FORBIDDEN, wrong=True)
    if token.role not in room.roles:
        return sign_in_form(request, room, HTTPStatus.FORBIDDEN, role=token.role.value)
    door_of(request, room).wrong.forget(address_of(request))
    return begin_session(request, room, token)


def begin_session(request: Request, room: Room, token: Token, passkey: Passkey | None = None) -> Response:
    """A new session, whatever cookie came: none is taken over (fixation). ``passkey``: the one that begins
    it, with which it ends. Leads to the room's first page."""
    now = state_of(request).context.clock()
    sessions, name = door_of(request, room).sessions, cookie_name(request, room)
    sessions.end(request.cookies.get(name, ""))
    response = see_other(room.home)
    secret = sessions.begin(token, now, passkey)
    response.set_cookie(name, secret, path="/", secure=secure(request), httponly=True, samesite="strict")
    return response


async def sign_out(request: Request, agent: Agent) -> Response:
    """``POST /ROOM/sign-out``: end the session."""
    await read_form(request, agent.csrf)
    name = cookie_name(request, agent.room)
    door_of(request, agent.room).sessions.end(request.cookies.get(name, ""))
    response = see_other(agent.room.sign_in)
    response.delete_cookie(name, path="/", secure=secure(request), httponly=True, samesite="strict")
    return response


def sign_in_form(
    request: Request, room: Room, status: HTTPStatus = HTTPStatus.OK, **said: object
) -> Response:
    """The sign-in page of a room, with what was wrong; with passkeys where browsers give it any."""
    here, browser = party(request, room), stranger(request, room)
    options = ""
    if here is not None:
        now = state_of(request).context.clock()
        options = request_options(here, door_of(request, room).challenges.make(SIGN_IN, browser, now))
    ended = request.query_params.get("done") == "revoked"
    said = {"wrong": False, "passkey_wrong": False, "ended": ended, "role": "", "wait": 0, **said}
    response = page(request, "accounts/sign_in.html", {"room": room, "options": options, **said}, status)
    if here is None:
        return response
    keep_stranger(request, room, response, browser)
    return with_script(response)
