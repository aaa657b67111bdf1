"""The proof that a person stands behind an order: the passkey of whoever has one, else the session.

Who had a passkey once and has none now pastes the token again; with ``orders.approval: passkey`` nothing
stands in for one (decisions 0395, 0410, 0422).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request

from filterd.web.accounts.agents import Agent
from filterd.web.accounts.confirming import Confirmation, confirmation, confirmed
from filterd.web.accounts.proving import token_again
from filterd.web.pages.forms import SentForm
from filterd.web.pages.refusals import PageRefusedError

PASSKEY = "passkey"
"""the value of ``orders.approval`` that asks everybody for one"""


def passkey_asked(agent: Agent) -> bool:
    """Return whether the configuration asks everybody for a passkey."""
    return agent.context.settings.orders.approval == PASSKEY


def session_enough(offered: Confirmation) -> bool:
    """Return whether somebody to whom this is offered proves nothing more than to be signed in."""
    return not (offered.possible or offered.token)


def require_possible(agent: Agent, offered: Confirmation) -> None:
    """Raise PageRefusedError where the agent has no passkey and the configuration asks everybody for one."""
    if passkey_asked(agent) and not offered.possible:
        raise PageRefusedError(HTTPStatus.FORBIDDEN, "duty.refused.passkey")


async def prove(request: Request, agent: Agent, form: SentForm, act: str) -> None:
    """Take the proof out of a form. Raises PageRefusedError without it, and nothing was done."""
    offered = await confirmation(request, agent, act)
    require_possible(agent, offered)
    if offered.possible:
        await confirmed(request, agent, form, act)
    elif offered.token:
        await token_again(request, agent, form)
