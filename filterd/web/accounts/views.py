"""The frame of every page of a room: who is signed in, and how a refusal of the program looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations.errors import NotAllowedError, OperationError
from filterd.web.accounts.agents import Agent, NotSignedInError, signed_in
from filterd.web.accounts.rooms import Room
from filterd.web.pages.state import page, see_other

View = Callable[[Request, Agent], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def in_room(room: Room, view: View, permission: Permission | None = None) -> Endpoint:
    """The endpoint of a view, for agents whose token allows it. What the program refuses is shown with what
    it says; without a session there is the sign-in page."""

    async def call(request: Request) -> Response:
        try:
            agent = await signed_in(request, room, permission)
        except NotSignedInError:
            return see_other(room.sign_in)
        try:
            return await view(request, agent)
        except OperationError as error:
            return failed(request, agent, error)

    return call


def room_page(
    request: Request,
    agent: Agent,
    name: str,
    values: Mapping[str, object],
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """A template of the agent's room. In it ``agent`` is who is signed in, ``permits`` says what they may
    do."""
    shown = {"agent": agent, "permits": permits(agent), **values}
    return page(request, f"{agent.room.name}/{name}", shown, status)


def permits(agent: Agent) -> Callable[[str], bool]:
    """The question of a template: may the agent do what this permission is for?"""
    return lambda name: agent.may(Permission(name))


def failed(request: Request, agent: Agent, error: OperationError) -> Response:
    """The page for what the program refused: its own words and remedy."""
    status = HTTPStatus.FORBIDDEN if isinstance(error, NotAllowedError) else HTTPStatus.CONFLICT
    said = {"message": str(error), "remedy": error.remedy}
    return room_page(request, agent, "failed.html", said, status)
