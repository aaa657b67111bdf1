"""The ways into the pages of the demonstration: a link to the portal, and a token for each desk."""

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
OVERSEER = "demonstration-regulator"
_ENDED = "make run was started again"


@dataclass(frozen=True, slots=True)
class Entrances:
    """The ways in. Each ends within a day; the link is used up by signing in with it."""

    link: str = field(repr=False)
    """to the portal, for :data:`LINE`"""
    token: str = field(repr=False)
    """of the support role; empty: nobody with an account runs this"""
    overseer: str = field(default="", repr=False)
    """of the role of a regulator; empty as well"""


async def make(config: Path) -> Entrances:
    """Make them anew; tokens of earlier runs end. Raises OperationError."""
    async with open_context(load(config)) as context:
        issued = await links.issue(context, LINE.subscriber, seconds=DAY)
        desk = await _token(context, TOKEN, TokenRole.SUPPORT)
        return Entrances(issued.url, desk, await _token(context, OVERSEER, TokenRole.REGULATOR))


async def _token(context: Context, name: str, role: TokenRole) -> str:
    if any(each.name == name and not each.revoked_at for each in await tokens.list_tokens(context)):
        await tokens.revoke(context, name, reason=_ENDED)
    try:
        made = await tokens.add(context, TokenRequest(name, role, seconds=DAY, system=True))
    except OperationError:
        return ""
    return made.secret
