"""The listener for RADIUS accounting: a socket, the secrets of those who may send, and the native receiver.

Neither an address that is in use nor a secret that cannot be read stops control: it says so and goes on, and
what is wrong is tried again.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping

from filterd.accounting.receiver import Receiver
from filterd.config.settings import RadiusSettings
from filterd.config.value_types import Endpoint
from filterd.operations.sessions.radius import line_rule, radius_client
from filterd.operations.sessions.secrets import SecretFileError, read_secret
from filterd.serve.holders import remedy_of
from filterd.telemetry import log

RECEIVE_BUFFER = 8 << 20
"""bytes asked of the kernel: what a NAS sends while it starts must wait somewhere"""


class AccountingListener:
    """Owned by the event loop; the receiver runs in a thread of its own, without the interpreter."""

    def __init__(self, receiver: Receiver, settings: RadiusSettings, lasts: int) -> None:
        """``lasts``: seconds for which a session is good after a packet."""
        self._receiver = receiver
        self._settings = settings
        self._lasts = lasts
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._secrets: dict[str, bytes] = {}
        """file -> the secret that was last read from it"""
        self._unreadable: dict[str, str] = {}
        """file -> why it cannot be read"""
        self._failure = ""
        """why the address cannot be bound; empty: it is"""
        self.configure(settings, lasts)

    @property
    def listen(self) -> Endpoint:
        """The address that is bound, or tried."""
        return self._settings.listen

    @property
    def port(self) -> int:
        """The port that is bound; 0: none is."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def counts(self) -> Mapping[str, int]:
        """Packets by what became of them."""
        return self._receiver.counts()

    def remarks(self) -> list[str]:
        """The remarks of the readiness page."""
        lacking = [f"a secret of accounting: {each}" for each in self._unreadable.values()]
        if self._failure:
            lacking.append(f"no RADIUS accounting: {self._failure}")
        return lacking

    def configure(self, settings: RadiusSettings, lasts: int) -> None:
        """Take clients, secrets and what names the line. The address stays the one of the start."""
        self._settings = RadiusSettings(
            self._settings.listen, settings.clients, settings.line, settings.normalize
        )
        self._lasts = lasts
        self._read_secrets()
        clients = [
            radius_client(each, self._secrets[str(each.secret_file)])
            for each in settings.clients
            if str(each.secret_file) in self._secrets
        ]
        self._receiver.configure(clients, line_rule(settings), lasts)

    def _read_secrets(self) -> None:
        """Read each secret's file; what was read before stays where it cannot be read now."""
        files = {str(each.secret_file): each.secret_file for each in self._settings.clients}
        kept = {name: secret for name, secret in self._secrets.items() if name in files}
        wrong: dict[str, str] = {}
        for name, path in files.items():
            try:
                kept[name] = read_secret(path)
            except SecretFileError as error:
                wrong[name] = str(error)
                if self._unreadable.get(name) != str(error):
                    _tell_secret(name, str(error), kept=name in kept)
        self._secrets, self._unreadable = kept, wrong

    def look(self) -> None:
        """Bind where nothing is bound yet, and read what could not be read; called every second."""
        if self._unreadable:
            self.configure(self._settings, self._lasts)
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


def _tell_secret(name: str, reason: str, *, kept: bool) -> None:
    event = "the secret of an accounting client cannot be read"
    what = "the one of before holds" if kept else "the packets of its clients are dropped"
    remedy = f"mend the file; {what} until then, and it is read again every second"
    log.get().error(event, file=name, reason=reason, remedy=remedy)


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
