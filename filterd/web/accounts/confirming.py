"""A fresh assertion for one act: the person's passkey signs what is about to be done.

A page that offers such an act shows :func:`confirmation` in its form (template ``accounts/confirm.html``) and
answers :func:`with_script` of itself; the view that does the act calls :func:`confirmed` first, with the
same act. The challenge is bound to the act's digest and the session, good for two minutes, and used once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request

from filterd.model.passkey import Passkey
from filterd.operations.passkeys import asserting, keeping
from filterd.operations.passkeys.asserting import (
    LONGEST,
    AskedAssertion,
    AssertionFault,
    AssertionRefusedError,
)
from filterd.web.accounts.agents import Agent, door_of
from filterd.web.accounts.browsers import party, with_script
from filterd.web.pages.forms import SentForm
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import state_of

__all__ = ["Confirmation", "act_digest", "confirmation", "confirmed", "with_script"]


@dataclass(frozen=True, slots=True)
class PasskeyConfirmation:
    """The part of a form by which an act is confirmed."""

    options: str
    """for the script, as JSON; empty: the person has no passkey for this desk"""
    token: bool = False
    """the person has none now, but had one once: the token is to be pasted again (decision 0410)"""

    @property
    def possible(self) -> bool:
        """Return whether the person has a passkey for this desk."""
        return bool(self.options)


Confirmation = PasskeyConfirmation
"""the same, by the word that forms use"""


def act_digest(*parts: str) -> str:
    """The digest of an act by its parts: what is done, to what, in which state of it (``"order.approve",
    "O-17", …``). SHA-256, 64 hexadecimal digits."""
    return "act:" + hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


async def confirmation(request: Request, agent: Agent, act: str) -> PasskeyConfirmation:
    """The part of the form for the act with this digest."""
    here = party(request, agent.room)
    have = () if here is None else await keeping.valid_of(agent.context, agent.token, here.id)
    if here is None or not have:
        return PasskeyConfirmation("", await keeping.ever_had(agent.context, agent.token))
    challenges = door_of(request, agent.room).challenges
    challenge = challenges.make(act, agent.csrf, agent.context.clock())
    return PasskeyConfirmation(asserting.request_options(here, challenge, have))


async def confirmed(request: Request, agent: Agent, form: SentForm, act: str) -> Passkey:
    """The passkey of the agent that confirmed the act; the session ends with it. Raises PageRefusedError, and
    nothing was done."""
    here = party(request, agent.room)
    challenges = door_of(request, agent.room).challenges
    try:
        if here is None:
            raise AssertionRefusedError(AssertionFault.PARTY)
        asked = AskedAssertion(here, act, agent.csrf)
        found = await asserting.assert_one(agent.context, challenges, asked, form.one("answer")[:LONGEST])
        if found.token.number != agent.token.number:
            raise AssertionRefusedError(AssertionFault.PERSON)
    except AssertionRefusedError:
        state_of(request).refused["passkey"] += 1
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "accounts.refused.confirmation") from None
    agent.session.bind(found.passkey)
    return found.passkey
