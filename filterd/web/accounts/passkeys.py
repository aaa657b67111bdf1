"""``/ROOM/passkeys``: a person's own passkeys, and the sign-in by one of them.

Whoever adds or ends one proves to be the person first: a session alone changes none of them (decision 0410).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.errors import OperationError
from filterd.operations.passkeys import asserting, keeping
from filterd.operations.passkeys.asserting import LONGEST, AskedAssertion, AssertionRefusedError
from filterd.operations.passkeys.challenges import SIGN_IN, registering
from filterd.operations.passkeys.registering import creation_options, register
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent, door_of, from_allowed
from filterd.web.accounts.browsers import party, stranger, with_script
from filterd.web.accounts.confirming import act_digest, confirmation
from filterd.web.accounts.proving import proven
from filterd.web.accounts.rooms import Room
from filterd.web.accounts.signing import begin_session, sign_in_form
from filterd.web.pages.forms import query_of, read_form
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
    return begin_session(request, room, found.token, found.passkey)


def _refused(request: Request, room: Room) -> Response:
    """All refusals look alike: whether a passkey is known, nobody learns here."""
    state_of(request).refused["passkey"] += 1
    return sign_in_form(request, room, HTTPStatus.FORBIDDEN, passkey_wrong=True)


async def show(request: Request, agent: Agent) -> Response:
    """``GET /ROOM/passkeys``: the person's own, when and how each came and went, and the way to one more."""
    return await _page(request, agent)


async def show_new(request: Request, agent: Agent) -> Response:
    """``POST /ROOM/passkeys/new``: the form that adds one, for whoever proved to be the person. Its challenge
    is made here alone, so that nobody else's device gets one."""
    form = await read_form(request, agent.csrf)
    means = await proven(request, agent, form, adding_act(agent))
    here = party(request, agent.room)
    options = ""
    if here is not None and not agent.token.system:
        have = await keeping.valid_of(agent.context, agent.token, here.id)
        challenges = door_of(request, agent.room).challenges
        challenge = challenges.make(registering(means), agent.csrf, agent.context.clock())
        options = creation_options(here, challenge, agent.token, have)
    values = {"agent": agent, "room": agent.room, "options": options, "means": means}
    return with_script(page(request, "accounts/passkey_new.html", values))


async def add(request: Request, agent: Agent) -> Response:
    """``POST /ROOM/passkeys``: keep the one that the device made."""
    form = await read_form(request, agent.csrf)
    here = party(request, agent.room)
    try:
        if here is None:
            message = "this desk has no public_url with https, so browsers give it no passkey"
            raise OperationError(message, "set it in the configuration, and restart the web process")
        challenges = door_of(request, agent.room).challenges
        answer, label, means = form.one("answer")[:LONGEST], form.one("label"), form.one("means")
        made = await register(agent.context, challenges, here, agent.csrf, agent.token, answer, label, means)
    except OperationError as error:
        return await _page(request, agent, error)
    agent.session.bind(made)
    return see_other(f"{agent.room.home}/passkeys?done=added")


async def ask_revoke(request: Request, agent: Agent) -> Response:
    """``GET /ROOM/passkeys/revoke?passkey=K-7``: what it means to end it, and the proof that it takes."""
    wanted = query_of(request.query_params, "passkey")
    own = await keeping.list_passkeys(agent.context, agent.token.number)
    valid = {keeping.reference(each.passkey): each.passkey for each in own if each.state == "valid"}
    if wanted not in valid:
        return await _page(request, agent)
    proof = await confirmation(request, agent, revoking_act(wanted))
    values = {"agent": agent, "room": agent.room, "passkey": valid[wanted], "proof": proof}
    return with_script(page(request, "accounts/passkey_end.html", values))


async def revoke(request: Request, agent: Agent) -> Response:
    """``POST /ROOM/passkeys/revoke``: end one of the person's own, by a passkey or the token pasted again."""
    form = await read_form(request, agent.csrf)
    what, reason = form.one("passkey"), "by its own person, at the desk"
    means = await proven(request, agent, form, revoking_act(what))
    ended = await keeping.revoke(agent.context, what, reason=reason, own=agent.token.number, means=means)
    over = ended.passkey.number in agent.session.passkeys
    return see_other(f"{agent.room.sign_in if over else f'{agent.room.home}/passkeys'}?done=revoked")


def adding_act(agent: Agent) -> str:
    """The digest of the act: one more passkey for the agent's token."""
    return act_digest("passkey.add", str(agent.token.number))


def revoking_act(what: str) -> str:
    """The digest of the act: the end of this passkey."""
    return act_digest("passkey.revoke", what)


async def _page(request: Request, agent: Agent, error: OperationError | None = None) -> Response:
    done = request.query_params.get("done", "")
    values = {
        "agent": agent,
        "room": agent.room,
        "passkeys": await keeping.list_passkeys(agent.context, agent.token.number),
        "possible": party(request, agent.room) is not None and not agent.token.system,
        "proof": await confirmation(request, agent, adding_act(agent)),
        "zone": country_of(agent.context).zone,
        "done": done if done in ("added", "revoked") else "",
        "error": error,
    }
    status = HTTPStatus.OK if error is None else HTTPStatus.CONFLICT
    return with_script(page(request, "accounts/passkeys.html", values, status))
