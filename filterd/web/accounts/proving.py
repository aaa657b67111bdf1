"""Proof that whoever uses a session is its person: the token pasted again, or a fresh assertion of a passkey.

A session alone proves that for ordinary work, not for acts that change who may act (decision 0410).
"""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.requests import Request

from filterd.model.token import Token
from filterd.operations import tokens
from filterd.operations.passkeys import keeping
from filterd.telemetry import log
from filterd.web.accounts.agents import Agent, address_of, door_of, from_allowed
from filterd.web.accounts.confirming import confirmed
from filterd.web.accounts.rooms import Room
from filterd.web.accounts.wrong_tokens import FREE
from filterd.web.pages.forms import SentForm
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import state_of

LONGEST_TOKEN = 128
"""characters of what is taken for a token"""
BY_TOKEN = "token"  # noqa: S105 - the name of a way, no secret


async def proven(request: Request, agent: Agent, form: SentForm, act: str) -> str:
    """The means by which the form proves that its sender is the agent: ``token`` for one that was pasted, or
    the number of the passkey that signed the act. Raises PageRefusedError, and nothing was done."""
    if form.has("token"):
        await token_again(request, agent, form)
        return BY_TOKEN
    return keeping.reference(await confirmed(request, agent, form, act))


async def token_again(request: Request, agent: Agent, form: SentForm) -> None:
    """Take the agent's own token, pasted again. Raises PageRefusedError for another one, which counts as at
    the sign-in, and where wrong ones came before and the wait is not over."""
    wait = waiting(request, agent.room)
    if wait:
        raise PageRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "accounts.refused.wait", seconds=wait)
    found = await pasted(request, form.one("token"))
    if found is None or (found.number, found.made_at) != (agent.token.number, agent.token.made_at):
        wrong(request, agent.room)
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "accounts.refused.token")
    door_of(request, agent.room).wrong.forget(address_of(request))


def waiting(request: Request, room: Room) -> int:
    """Seconds for which the network of the request must wait after wrong tokens; 0: it need not. One that
    must is counted as refused."""
    now = state_of(request).context.clock()
    wait = door_of(request, room).wrong.wait(address_of(request), now)
    if wait:
        state_of(request).refused[room.name] += 1
    return math.ceil(wait)


async def pasted(request: Request, secret: str) -> Token | None:
    """The token that was pasted, where it holds and may be used from here."""
    found = await tokens.of_secret(state_of(request).context, secret[:LONGEST_TOKEN])
    return found if found is not None and from_allowed(request, found) else None


def wrong(request: Request, room: Room) -> None:
    """Count a wrong token of the request's network."""
    state_of(request).refused[room.name] += 1
    now = state_of(request).context.clock()
    if door_of(request, room).wrong.count(address_of(request), now) == FREE:
        log.get().warning("wrong tokens at the desk: their network waits")
