"""The paths of this room."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from filterd.web.public import beginning
from filterd.web.public.reviews import ReviewPages
from filterd.web.public.works_here import WorksHere


def routes() -> list[BaseRoute]:
    """The routes of the listener."""
    return [
        Route("/servicio", beginning.show, methods=["GET"]),
        *ReviewPages().routes(),
        *WorksHere().routes(),
    ]
