"""``/ROOM/passkeys``: a person's own passkeys, and the sign-in by one of them."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.errors import OperationError
from filterd.operations.passkeys import asserting, keeping, registering
from filterd.operations.passkeys.asserting import LONGEST, AskedAssertion, AssertionRefusedError
from filterd.operations.passkeys.challenges import REGISTER, SIGN_IN
from filterd.web.accounts.agents import Agent, door_of, from_allowed
from filterd.web.accounts.browsers import party, stranger, with_script
from filterd.web.accounts.rooms import Room
from filterd.web.accounts.signing import begin_session, sign_in_form
from filterd.web.pages.forms import read_form
from filterd.web.pages.state import page, see_other, state_of


async def by_passkey(request: Request, room: Room) -> Response:
    """``POST /ROOM/sign-in/passkey``: begin a session for the person whose passkey answered."""
    form = await read_form(request)
    here, context = party(request, room), state_of(request).context
    if here is None:
        return _refused(request, room)
    asked = AskedAssertion(here, SIGN_IN, stranger(request, room))
    challenges = door_of(request, room).challenges
    try:
        found = await asserting.assert_one(context, challenges, asked, form.one("answer")[:LONGEST])
    except AssertionRefusedError:
        return _refused(request, room)
    if not from_allowed(request, found.token):
        return _refused(request, room)
    if found.token.role not in room.roles:
        return sign_in_form(request, room, HTTPStatus.FORBIDDEN, role=found.token.role.value)
    return begin_session(request, room, found.token, context.clock())


def _refused(request: Request, room: Room) -> Response:
    """All refusals look alike: whether a passkey is known, nobody learns here."""
    state_of(request).refused["passkey"] += 1
    return sign_in_form(request, room, HTTPStatus.FORBIDDEN, passkey_wrong=True)


async def show(request: Request, agent: Agent) -> Response:
    """``GET /ROOM/passkeys``: the person's own, and the form that adds one."""
    return await _page(request, agent)


async def add(request: Request, agent: Agent) -> Response:
    """``POST /ROOM/passkeys``: keep the one that the device made."""
    form = await read_form(request, agent.csrf)
    here = party(request, agent.room)
    try:
        if here is None:
            message = "this desk has no public_url with https, so browsers give it no passkey"
            raise OperationError(message, "set it in the configuration, and restart the web process")
        asked = AskedAssertion(here, REGISTER, agent.csrf)
        answer, label = form.one("answer")[:LONGEST], form.one("label")
        challenges = door_of(request, agent.room).challenges
        await registering.register(agent.context, challenges, asked, agent.token, answer, label)
    except OperationError as error:
        return await _page(request, agent, error)
    return see_other(f"{agent.room.home}/passkeys?done=added")


async def revoke(request: Request, agent: Agent) -> Response:
    """``POST /ROOM/passkeys/revoke``: end one of the person's own."""
    form = await read_form(request, agent.csrf)
    reason = "by its own person, at the desk"
    await keeping.revoke(agent.context, form.one("passkey"), reason=reason, own=agent.token.number)
    return see_other(f"{agent.room.home}/passkeys?done=revoked")


async def _page(request: Request, agent: Agent, error: OperationError | None = None) -> Response:
    here, now = party(request, agent.room), agent.context.clock()
    options = ""
    if here is not None and not agent.token.system:
        have = await keeping.valid_of(agent.context, agent.token, here.id)
        challenge = door_of(request, agent.room).challenges.make(REGISTER, agent.csrf, now)
        options = registering.creation_options(here, challenge, agent.token, have)
    done = request.query_params.get("done", "")
    values = {
        "agent": agent,
        "room": agent.room,
        "passkeys": await keeping.list_passkeys(agent.context, agent.token.number),
        "options": options,
        "done": done if done in ("added", "revoked") else "",
        "error": error,
    }
    status = HTTPStatus.OK if error is None else HTTPStatus.CONFLICT
    return with_script(page(request, "accounts/passkeys.html", values, status))
