"""The way of a call to its route, past the layers that FastAPI puts around an application.

Those layers look at telemetry that nobody collects, limit bodies that are limited already, turn exceptions
into replies that our routes make themselves, and try one route after the other: together they take a seventh
of the processor time of a change. What no route takes goes on to the application, which refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from filterd.web.api.routing import ApiRoute

_STACKS = ("fastapi_middleware_astack", "fastapi_inner_astack", "fastapi_function_astack")
"""keys of the scope under which FastAPI's handlers look for what is closed behind a call"""


def straight(app: FastAPI, routes: Iterable[BaseRoute]) -> ASGIApp:
    """The application, whose calls of an :class:`.routing.ApiRoute` go to its handler at once."""
    found: dict[tuple[str, int], list[APIRoute]] = {}
    for each in routes:
        if isinstance(each, APIRoute):
            for method in each.methods or ():
                found.setdefault((method, each.path.count("/")), []).append(each)

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path"):
            path: str = scope["path"]
            for route in found.get((scope["method"], path.count("/")), ()):
                matched = route.path_regex.match(path)
                if matched is None:
                    continue
                if not isinstance(route, ApiRoute):
                    break
                await _handle(app, route, {**scope, "path_params": matched.groupdict()}, receive, send)
                return
        await app(scope, receive, send)

    return call


async def _handle(app: FastAPI, route: ApiRoute, scope: Scope, receive: Receive, send: Send) -> None:
    scope["app"], scope["route"], scope["endpoint"] = app, route, route.endpoint
    async with AsyncExitStack() as stack:
        scope.update(dict.fromkeys(_STACKS, stack))
        response = await route.handler(Request(scope, receive, send))
        await response(scope, receive, send)
