"""The ways into the pages of the demonstration: a link to the portal, and a token for the desk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from filterd.cli.demonstration.installation import LINES
from filterd.config.load import load
from filterd.model.token import DAY, TokenRole
from filterd.operations import tokens
from filterd.operations.context import Context, OperationError, open_context
from filterd.operations.portal import links
from filterd.operations.tokens import TokenRequest

LINE = LINES[-1]
"""the line that signs in: it has never opted in"""
TOKEN = "demonstration-desk"  # noqa: S105 - a name
_ENDED = "make run was started again"


@dataclass(frozen=True, slots=True)
class Entrances:
    """The ways in. Each ends within a day; the link is used up by signing in with it."""

    link: str = field(repr=False)
    """to the portal, for :data:`LINE`"""
    token: str = field(repr=False)
    """of the support role; empty: nobody with an account runs this"""


async def make(config: Path) -> Entrances:
    """Make them anew; tokens of earlier runs end. Raises OperationError."""
    async with open_context(load(config)) as context:
        issued = await links.issue(context, LINE.subscriber, seconds=DAY)
        return Entrances(issued.url, await _token(context))


async def _token(context: Context) -> str:
    if any(each.name == TOKEN and not each.revoked_at for each in await tokens.list_tokens(context)):
        await tokens.revoke(context, TOKEN, reason=_ENDED)
    try:
        made = await tokens.add(context, TokenRequest(TOKEN, TokenRole.SUPPORT, seconds=DAY, system=True))
    except OperationError:
        return ""
    return made.secret
