"""The paths of this room."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.web.portal import beginning


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return [Route("/portal", beginning.show, methods=["GET"])]
