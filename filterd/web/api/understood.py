"""Refuses what a call would not heed: a query parameter that it does not have, and an ``Idempotency-Key``
where it keeps none. Whoever sends one counts on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from filterd.web.api.problems import RefusedCall

KEY = "idempotency-key"


def understands(route: APIRoute) -> Callable[[Request], None]:
    """The look at a request of a route. It raises RefusedCall for what the route does not heed."""
    every = [*_every(route.dependant)]
    known = {field.alias for each in every for field in each.query_params}
    keeps = any(field.alias == KEY for each in every for field in each.header_params)
    acts = "POST" in (route.methods or ())

    def look(request: Request) -> None:
        if request.scope.get("query_string"):
            _refuse_unknown(request, known)
        if acts and not keeps and KEY in request.headers:
            message = "this call keeps no Idempotency-Key: sent again, it is done again"
            remedy = "leave the header out; where no reply came, look at what there is before you repeat it"
            raise RefusedCall(HTTPStatus.UNPROCESSABLE_ENTITY, message, remedy)

    return look


def _every(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from _every(each)


def _refuse_unknown(request: Request, known: set[str]) -> None:
    strange = sorted(set(request.query_params) - known)
    if not strange:
        return
    there = f"those that exist here: {', '.join(sorted(known))}" if known else "there is none here"
    errors = [
        {"field": f"query.{each[:64]}", "detail": "no such query parameter", "remedy": there}
        for each in strange[:20]
    ]
    names = ", ".join(repr(each[:64]) for each in strange[:20])
    message = f"unknown query parameters: {names}"
    raise RefusedCall(HTTPStatus.UNPROCESSABLE_ENTITY, message, there, errors=errors)
