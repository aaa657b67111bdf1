"""The paths of this room."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.web.desk import beginning


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return [Route("/desk", beginning.show, methods=["GET"])]
