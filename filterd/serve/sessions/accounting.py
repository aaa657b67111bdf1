"""The listener for RADIUS accounting: a socket, the secrets of those who may send, and the native receiver.

Neither an address that is in use nor a secret that cannot be read stops control: it says so and goes on, and
what is wrong is tried again.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping

from filterd.accounting.receiver import Receiver
from filterd.config.accounting_settings import RadiusSettings
from filterd.config.value_types import Endpoint, IPNetwork
from filterd.operations.sessions.radius import line_rule, radius_client
from filterd.serve.holders import remedy_of
from filterd.serve.sessions.secret_files import SecretFiles
from filterd.telemetry import log

RECEIVE_BUFFER = 8 << 20
"""bytes asked of the kernel: what a NAS sends while it starts must wait somewhere"""


class AccountingListener:
    """Owned by the event loop; the receiver runs in a thread of its own, without the interpreter."""

    def __init__(
        self, receiver: Receiver, settings: RadiusSettings, lasts: int, pools: tuple[IPNetwork, ...] = ()
    ) -> None:
        """``lasts``: seconds for which a session is good after a packet. ``pools``: the networks in which
        clients without networks of their own may claim addresses; empty: anywhere."""
        self._receiver = receiver
        self._settings = settings
        self._lasts = lasts
        self._pools = pools
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._secrets = SecretFiles()
        self._failure = ""
        """why the address cannot be bound; empty: it is"""
        self.configure(settings, lasts, pools)

    @property
    def listen(self) -> Endpoint:
        """The address that is bound, or tried."""
        return self._settings.listen

    @property
    def settings(self) -> RadiusSettings:
        """The settings in force."""
        return self._settings

    @property
    def port(self) -> int:
        """The port that is bound; 0: none is."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def counts(self) -> Mapping[str, int]:
        """Packets by what became of them."""
        return self._receiver.counts()

    @property
    def refused(self) -> int:
        """Addresses that their client may not claim."""
        return self._receiver.refused

    @property
    def second(self) -> int:
        """Packets that the second secret of their client proved."""
        return self._receiver.second

    def remarks(self) -> list[str]:
        """The remarks of the readiness page."""
        lacking = [f"a secret of accounting: {each}" for each in self._secrets.reasons()]
        if self._failure:
            lacking.append(f"no RADIUS accounting: {self._failure}")
        return lacking

    def configure(self, settings: RadiusSettings, lasts: int, pools: tuple[IPNetwork, ...] = ()) -> None:
        """Take clients, secrets, what names the line, and where claims count. The address stays the one of
        the start."""
        self._settings = RadiusSettings(
            self._settings.listen, settings.clients, settings.line, settings.normalize
        )
        self._lasts, self._pools = lasts, pools
        self._secrets.read(each.secret_file for each in settings.clients)
        self._hand_over()

    def _hand_over(self) -> None:
        """Give the receiver those clients whose secret is known."""
        known = [
            radius_client(each, secrets, self._pools)
            for each in self._settings.clients
            if (secrets := self._secrets.of(each.secret_file))
        ]
        self._receiver.configure(known, line_rule(self._settings), self._lasts)

    def look(self) -> None:
        """Bind where nothing is bound yet, and read secrets that have changed; called every second."""
        if self._secrets.look():
            self._hand_over()
        if self._thread is not None:
            return
        try:
            self._socket = _bind(self._settings.listen)
        except OSError as error:
            if self._failure != str(error):
                self._failure = str(error)
                remedy = remedy_of(error, "control", (self._settings.listen.port,))
                event = "RADIUS accounting is not received, and binding is tried again"
                log.get().error(event, listen=str(self._settings.listen), reason=self._failure, remedy=remedy)
            return
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="accounting", daemon=True)
        self._thread.start()
        log.get().info("RADIUS accounting is received", listen=str(self._settings.listen))

    def _run(self) -> None:
        assert self._socket is not None  # noqa: S101 - bound before the thread starts
        self._receiver.run(self._socket.fileno())

    def close(self) -> None:
        """End the thread and close the socket."""
        if self._thread is not None:
            self._receiver.stop()
            self._thread.join()
            self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _bind(listen: Endpoint) -> socket.socket:
    family = socket.AF_INET if listen.address.version == 4 else socket.AF_INET6
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bound.bind((str(listen.address), listen.port))
    except OSError:
        bound.close()
        raise
    return bound
