"""UDP on one address: a socket for each thread of the fast path, among which the kernel spreads clients."""

from __future__ import annotations

from filterd.dataplane.listeners.fast_threads import FastPath, ListenSockets
from filterd.dataplane.listeners.socket_binding import Address, bind_udp, lost_by


class UdpListener:
    """Binds its sockets at once and serves them from :meth:`start` to :meth:`close`."""

    def __init__(self, address: Address, port: int, fast: FastPath) -> None:
        """Raises ``OSError`` that names the address."""
        self._fast = fast
        self._wildcard = address.is_unspecified
        self._sockets = bind_udp(address, port, len(fast))
        self._listen_sockets: ListenSockets = ()

    @property
    def port(self) -> int:
        """The port that the sockets are bound to."""
        return int(self._sockets[0].getsockname()[1])

    def lost(self) -> list[int | None]:
        """The number of datagrams that each thread's socket has lost so far because its queue was full."""
        return [lost_by(each) for each in self._sockets]

    def start(self) -> None:
        """Begin to serve. Raises ``OSError``."""
        self._listen_sockets = self._fast.open_sockets(self._sockets, self._wildcard)

    def close(self) -> None:
        """Stop serving and close the sockets."""
        self._fast.close_sockets(self._listen_sockets)
        self._listen_sockets = ()
        for each in self._sockets:
            each.close()
