"""The HTTP listener of a role: /metrics, /healthz and /readyz. The role serves without it too.

Any user of the machine may bind a port above 1023 while it is free, and an address may have no interface yet:
neither may keep DNS from starting. Where the address cannot be bound the role says so and begins, and binding
is tried again until it succeeds.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping

from filterd.config.value_types import Endpoint
from filterd.serve.holders import remedy_of
from filterd.telemetry import log
from filterd.telemetry.http import HttpServer, Route

RETRY_SECONDS = 1.0


class HttpService:
    """Serves ``routes`` from :meth:`start` to :meth:`stop`, once the address can be bound."""

    def __init__(
        self, role: str, listen: Endpoint, routes: Mapping[str, Route], bound: socket.socket | None = None
    ) -> None:
        """Tries to bind, or takes the listening socket ``bound``. ``role``: for the log."""
        self._role = role
        self._listen = listen
        self._routes = routes
        self._ended = threading.Event()
        self._lock = threading.Lock()
        """orders binding and the end: no socket is bound after :meth:`stop`"""
        self._server: HttpServer | None = None
        self._failure: OSError | None = None
        """of the last try to bind; None: bound"""
        self._told = ""
        self._waiting = threading.Thread(target=self._bind_in_the_end, name="http-bind", daemon=True)
        self._bind(bound)

    @property
    def listening_socket(self) -> socket.socket | None:
        """The socket on which clients are accepted; None: it is not bound yet."""
        return None if self._server is None else self._server.listening_socket

    @property
    def port(self) -> int:
        """The port that is bound: the kernel's choice where 0 was asked for; 0: none is bound."""
        return 0 if self._server is None else self._server.port

    def lacking(self) -> list[str]:
        """The remark of a role that serves without its pages."""
        failure = self._failure
        return [] if failure is None else [f"no metrics and health pages: {failure}"]

    def start(self) -> None:
        """Begin to answer, or to try again to bind."""
        if self._server is not None:
            self._server.start()
        else:
            self._tell()
            self._waiting.start()

    def stop(self) -> None:
        """Stop answering and close the listening socket; an open connection ends after its next reply."""
        with self._lock:
            self._ended.set()
        if self._waiting.is_alive():
            self._waiting.join()
        if self._server is not None:
            self._server.stop()

    def _bind(self, bound: socket.socket | None = None) -> None:
        listen = self._listen
        try:
            self._server = HttpServer(str(listen.address), listen.port, self._routes, bound)
        except OSError as error:
            self._failure = error
        else:
            self._failure = None

    def _bind_in_the_end(self) -> None:
        while not self._ended.wait(RETRY_SECONDS):
            with self._lock:
                if self._ended.is_set():
                    return
                self._bind()
                if self._server is not None:
                    self._server.start()
                    break
            self._tell()
        if self._server is not None:
            log.get().info("metrics and health pages are served", listen=str(self._listen))

    def _tell(self) -> None:
        """Log why there are no pages, once for each reason."""
        failure = self._failure
        if failure is None or str(failure) == self._told:
            return
        self._told = str(failure)
        log.get().error(
            "metrics and health pages are not served, and binding is tried again",
            reason=self._told,
            remedy=remedy_of(failure, self._role, (self._listen.port,)),
        )
