"""A small HTTP server on a thread of its own, for /metrics, /healthz and /readyz.

It uses the standard library alone: the resolver must answer probes without a web framework in its process. It
knows GET and HEAD of fixed paths, reads no body, and disconnects slow clients.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv6Address, ip_address
from typing import Any

from filterd.telemetry import log

IDLE_SECONDS = 10
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The response of a path."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = PLAIN


Route = Callable[[], HttpReply]


class _Handler(BaseHTTPRequestHandler):
    """One connection. ``server.routes`` is read only."""

    protocol_version = "HTTP/1.1"
    server_version = "filterd"
    sys_version = ""
    timeout = IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def _refuse(self) -> None:
        """Take no other method. The body was not read: the connection ends."""
        self.send_response(HTTPStatus.METHOD_NOT_ALLOWED)
        self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815 - the names in the base class

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Log nothing: a scrape is no event, and the line would contain an address."""

    def _reply(self, *, with_body: bool) -> None:
        route = self.server.routes.get(self.path.partition("?")[0])
        reply = HttpReply(b"not found\n", HTTPStatus.NOT_FOUND) if route is None else route()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        if self.server.leaving:
            self.send_header("Connection", "close")
        self.end_headers()
        if with_body:
            self.wfile.write(reply.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    routes: Mapping[str, Route]
    leaving = False
    """another process answers from now on: each connection ends after its next reply"""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a page that failed, but not a client that went away."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            log.get().error("a page failed", **log.fault_fields(error))


class _Server6(_Server):
    address_family = socket.AF_INET6


class HttpServer:
    """Serves ``routes`` from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, address: str, port: int, routes: Mapping[str, Route], bound: socket.socket | None = None
    ) -> None:
        """Binds at once, or takes the listening socket ``bound``. Raises ``OSError`` that names the
        address."""
        kind = _Server6 if isinstance(ip_address(address), IPv6Address) else _Server
        try:
            self._server = kind((address, port), _Handler, bind_and_activate=bound is None)
        except OSError as error:
            msg = f"cannot listen on {address} port {port}: {(error.strerror or str(error)).lower()}"
            raise OSError(msg) from error
        if bound is not None:
            self._server.socket.close()
            self._server.socket, self._server.server_address = bound, bound.getsockname()
        # Another process may accept on the same socket: who comes second must not wait for the next client.
        self._server.socket.setblocking(False)
        self._server.routes = routes
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port that is bound: the kernel's choice where 0 was asked for."""
        return int(self._server.server_address[1])

    @property
    def listening_socket(self) -> socket.socket:
        """The socket on which clients are accepted."""
        return self._server.socket

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close the listening socket; an open connection ends after its next reply."""
        self._server.leaving = True
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def health_routes(
    metrics: Route,
    missing: Callable[[], list[str]],
    remarks: Callable[[], list[str]] = list,
    unhealthy: Callable[[], list[str]] = list,
) -> dict[str, Route]:
    """The three paths that every role serves. ``missing`` returns what keeps the role from being ready,
    ``remarks`` what an operator should know of a ready one, ``unhealthy`` why it is not healthy."""

    def healthy() -> HttpReply:
        reasons = unhealthy()
        if reasons:
            return HttpReply(
                ("failing: " + ", ".join(reasons) + "\n").encode(), HTTPStatus.SERVICE_UNAVAILABLE
            )
        return HttpReply(b"ok\n")

    def ready() -> HttpReply:
        reasons = missing()
        if reasons:
            return HttpReply(
                ("not ready: " + ", ".join(reasons) + "\n").encode(), HTTPStatus.SERVICE_UNAVAILABLE
            )
        return HttpReply("; ".join(["ready", *remarks()]).encode() + b"\n")

    return {
        "/metrics": metrics,
        "/healthz": healthy,
        "/readyz": ready,
    }
