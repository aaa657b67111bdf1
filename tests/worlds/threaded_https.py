"""A threaded server over TLS on loopback for one object that answers: the servers of authorities in tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from tests.worlds.certificates import Authority


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``lies`` bytes more are announced than come."""

    status: int
    content: bytes = b""
    kind: str = "text/plain"
    location: str = ""
    lies: int = 0


class Site(Protocol):
    """Answers requests; called by several threads."""

    def answer(self, method: str, path: str, body: bytes, login: str) -> Reply:
        """The reply. ``login``: the Authorization header."""


@dataclass(frozen=True, slots=True)
class Address:
    """The place of a server: its address, and the file of its authority."""

    url: str
    ca: Path


@contextmanager
def serving(site: Site, folder: Path, port: int = 0) -> Iterator[Address]:
    """The server inside the block, with a certificate for 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, ca = Authority(), folder / "ca.pem"
    ca.write_bytes(authority.pem)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(site))
    server.daemon_threads = True
    server.socket = authority.server(folder, "127.0.0.1").wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Address(f"https://127.0.0.1:{server.server_address[1]}", ca)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Hands each request to the site."""

        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self._reply("POST")

        def _reply(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = site.answer(method, self.path, body, self.headers.get("Authorization", ""))
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            self.send_header("Content-Length", str(len(found.content) + found.lies))
            if found.location:
                self.send_header("Location", found.location)
            self.end_headers()
            try:
                self.wfile.write(found.content)
            except OSError:
                self.close_connection = True  # a client that had enough

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    return Handler
