"""The frame of every page of the desk: a line that the agent does not reach is unknown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations.errors import UnknownLineError
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.views import Endpoint, View, failed, in_room, permits, room_page
from filterd.web.desk.room import DESK, unknown_line

__all__ = ["View", "at_desk", "desk_page", "failed", "permits"]

desk_page = room_page


def at_desk(view: View, permission: Permission | None = None) -> Endpoint:
    """The endpoint of a view of the desk, for agents whose token allows it."""

    async def call(request: Request, agent: Agent) -> Response:
        try:
            return await view(request, agent)
        except UnknownLineError:
            raise unknown_line() from None

    return in_room(DESK, call, permission)
