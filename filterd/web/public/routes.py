"""The paths of the public pages."""

from __future__ import annotations

from starlette.routing import BaseRoute

from filterd.web.public import lists, service, statements, transparency
from filterd.web.public.connection import connection_of
from filterd.web.public.reviews import ReviewPages
from filterd.web.public.works_here import WorksHere


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return [
        *statements.routes(),
        *transparency.routes(),
        *lists.routes(),
        *service.routes(),
        *ReviewPages().routes(),
        *WorksHere(connection_of).routes(),
    ]
