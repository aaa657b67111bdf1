"""A role's pages as a test writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from filterd.telemetry.http import HttpReply, HttpServer


@contextmanager
def serving(pages: Mapping[str, tuple[int, str]]) -> Iterator[int]:
    """A server of these pages, each its status and text; its port."""
    routes = {
        path: (lambda status=status, text=text: HttpReply(text.encode(), HTTPStatus(status)))
        for path, (status, text) in pages.items()
    }
    server = HttpServer("127.0.0.1", 0, routes)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()
