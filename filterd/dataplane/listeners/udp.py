"""UDP on one address: sockets for each thread of the fast path, among which the kernel spreads clients."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from filterd.dataplane.listeners.fast_threads import FastPath, ListenSockets
from filterd.dataplane.listeners.socket_binding import Address, bind_udp, bind_udp_beside, lost_by


class UdpListener:
    """Binds its sockets at once and serves them from :meth:`start` to :meth:`close`."""

    def __init__(
        self,
        address: Address,
        port: int,
        fast: FastPath,
        inherited: Sequence[socket.socket] = (),
        *,
        probe: bool = True,
    ) -> None:
        """``inherited``: the sockets of a predecessor at this address, to be served instead of new ones.
        ``probe``: see ``bind_udp``. Raises ``OSError`` that names the address."""
        self._fast = fast
        self._address = address
        self.sockets = list(inherited) or bind_udp(address, port, len(fast), probe=probe)
        self._listen_sockets: ListenSockets = ()

    @property
    def port(self) -> int:
        """The port that the sockets are bound to."""
        return int(self.sockets[0].getsockname()[1])

    def lost(self) -> list[int | None]:
        """The number of datagrams that each thread's sockets have lost so far because a queue was full."""
        losses = [lost_by(each) for each in self.sockets]
        return [_sum(losses[number :: len(self._fast)]) for number in range(len(self._fast))]

    def start(self) -> None:
        """Begin to serve. Raises ``OSError``."""
        missing = len(self._fast) - len(self.sockets)
        if missing > 0:
            # Not before: the kernel gives each its share of the clients at once.
            self.sockets += bind_udp_beside(self._address, self.port, missing)
        self._listen_sockets = self._fast.open_sockets(self.sockets, self._address.is_unspecified)

    def stop_reading(self) -> None:
        """Read no more; answers to what was read before still leave."""
        self._fast.stop_reading(self._listen_sockets)

    def close(self) -> None:
        """Stop serving and close the sockets."""
        self._fast.close_sockets(self._listen_sockets)
        self._listen_sockets = ()
        for each in self.sockets:
            each.close()


def _sum(losses: Sequence[int | None]) -> int | None:
    """All losses together; None where one of them is unknown."""
    known = [each for each in losses if each is not None]
    return sum(known) if len(known) == len(losses) else None
