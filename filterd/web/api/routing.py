"""The routes of the API: each has one permission, and admits a caller before it reads the body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any, cast

from fastapi import Depends, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.web.api.callers import Caller, admitted
from filterd.web.api.limits import LARGEST_BODY, SMALL_BODY, BoundedBody
from filterd.web.api.problems import MEDIA_TYPE, response_of
from filterd.web.api.understood import understands

PERMISSION = "x-permission"
"""the key of an operation's permission in the OpenAPI document"""
LARGEST = "x-largest-body"
"""the key of the bytes that its body may have, where it takes more than others"""
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
bearer = HTTPBearer(auto_error=False, description="A token of: filterd token add")


class ApiRoute(APIRoute):
    """A route whose errors are all problem details."""

    handler: Handler
    """answers a request with a reply, and raises nothing"""

    def get_route_handler(self) -> Handler:
        """The handler: admits the caller, reads the body within its limits, then does the call."""
        look = understands(self)  # of all parameters, those that only the caller's are of among them
        described = self.dependant
        self.dependant = _given_caller(described)
        handle = super().get_route_handler()
        self.dependant = described  # which the OpenAPI document is made of
        extra = self.openapi_extra or {}
        permission = Permission(extra[PERMISSION])
        largest: int = extra.get(LARGEST, LARGEST_BODY)

        async def call(request: Request) -> Response:
            try:
                await request.app.state.api.turns.begin()
                caller = request.state.caller = await admitted(request, permission)
                look(request)
                body = BoundedBody(request.headers, request.receive, largest=largest)
                with caller.state.bodies.awaiting(caller.token.number):
                    await body.read_document()
                whole = Request(request.scope, body.receive)
                if body.size <= SMALL_BODY:
                    return await handle(whole)
                async with caller.state.turns.one():
                    return await handle(whole)
            except Exception as error:
                return response_of(error)

        self.handler = call
        return call


def router(tag: str) -> APIRouter:
    """A router of routes of the API."""
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        route_class=ApiRoute,
        dependencies=[Security(bearer)],
        responses=PROBLEMS,
    )


def takes(permission: Permission, *, largest: int = LARGEST_BODY) -> dict[str, Any]:
    """The arguments of a route that takes this permission, and a body of so many bytes at most."""
    size = {} if largest == LARGEST_BODY else {LARGEST: largest}
    return {"openapi_extra": {PERMISSION: permission.value, **size}}


async def _caller(request: Request) -> Caller:  # one that is not async would run on a thread
    found: Caller = request.state.caller
    return found


Called = Annotated[Caller, Depends(_caller)]
"""the parameter of a handler that is the caller"""
_REQUEST = "__request"
"""no name of a parameter in a path or a query"""


def _given_caller(described: Dependant) -> Dependant:
    """The same, which gets its caller without the steps that FastAPI takes for each dependency."""
    endpoint = cast(Callable[..., Awaitable[Any]], described.call)
    names = [each.name for each in described.dependencies if each.call is _caller and each.name]
    wanted = described.request_param_name

    async def call(**values: Any) -> Any:
        request = values[wanted] if wanted is not None else values.pop(_REQUEST)
        for name in names:
            values[name] = request.state.caller
        return await endpoint(**values)

    others = [each for each in described.dependencies if each.call not in (_caller, bearer)]
    return replace(described, call=call, dependencies=others, request_param_name=wanted or _REQUEST)


_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "remedy"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "remedy": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "detail", "remedy")},
            },
        },
    },
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": title, "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}}
    for status, title in {
        400: "The request cannot be read",
        401: "No valid token",
        403: "The token does not allow it",
        404: "There is nothing of that name",
        408: "The body did not arrive in time",
        409: "The present state does not allow it",
        412: "It was changed meanwhile",
        413: "The body is too large",
        422: "The request has errors",
        429: "Too many requests",
        431: "The head of the request is too large",
        503: "The store, or the process that has to do it, cannot be used now",
    }.items()
}
