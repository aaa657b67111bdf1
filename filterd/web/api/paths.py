"""Ids with a slash in paths: ``%2F`` belongs to the id that it stands in, and separates nothing.

Circuit ids have slashes (``eth 0/1/3:100``). A server decodes the whole path before it is routed, which would
cut such an id apart, so the path is decoded here again with :data:`SLASH` in its place.
"""

from __future__ import annotations

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

SLASH = "\ue000"
"""a character for private use, which no id may have"""


def with_slashes_in_ids(app: ASGIApp) -> ASGIApp:
    """The application, which gets each path with :data:`SLASH` for every encoded slash."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path")
        if raw and b"%2f" in raw.lower():
            segments = raw.partition(b"?")[0].decode("ascii").split("/")
            path = "/".join(unquote(each).replace("/", SLASH) for each in segments)
            scope = {**scope, "path": path}
        await app(scope, receive, send)

    return call


def id_of(segment: str) -> str:
    """The id that a segment of a path means."""
    return segment.replace(SLASH, "/")
