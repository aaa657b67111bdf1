"""The paths of the public pages."""

from __future__ import annotations

from starlette.routing import BaseRoute

from filterd.web.public import service


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return [*service.routes()]
