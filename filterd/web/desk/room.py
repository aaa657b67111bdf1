"""The desk as a room of its own: whose work is here, and which lines they reach."""

from __future__ import annotations

from http import HTTPStatus

from filterd.model.token import TokenRole
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.rooms import Room
from filterd.web.pages.refusals import PageRefusedError

DESK = Room("desk", (TokenRole.SUPPORT, TokenRole.OPERATOR, TokenRole.ON_CALL))


def reached_line(agent: Agent, subscriber: str) -> str:
    """The id of a line; one beyond the token's limit is as unknown as one that does not exist."""
    found = subscriber.strip()
    if not found or not found.startswith(agent.token.lines):
        raise unknown_line()
    return found


def unknown_line() -> PageRefusedError:
    """The refusal for a line that does not exist, or that the token does not reach: it is the same."""
    return PageRefusedError(HTTPStatus.NOT_FOUND, "desk.refused.line")
