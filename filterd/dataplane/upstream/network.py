"""One exchange with one upstream over UDP, TCP or TLS, on the running event loop. Errors are values.

A UDP socket is used once. It is bound to port 0, so that the kernel draws a random port for each query
(RFC 5452 section 9.2), but never a port that an upstream listens at. It is not connected, so that datagrams
from elsewhere are seen, counted and ignored.
IP_RECVERR makes an unconnected socket report that nobody listens, instead of waiting for the timeout.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Container
from typing import Protocol

from filterd.dataplane.upstream.forward_types import ForwardOutcome, Server
from filterd.dataplane.upstream.streams import Streams

Accept = Callable[[bytes, tuple[str, int]], bool]
"""returns whether a datagram from this source ends the wait"""

_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MOST_UDP = 4096
_DRAWS = 64
"""the most draws of a port while the drawn ones must be avoided"""
_BURST = 16
"""datagrams read in a row, so that a flood at one port does not block the loop"""


class Network(Protocol):
    """Carries queries to servers; tests have their own."""

    async def udp(self, server: Server, packet: bytes, accept: Accept, wait: float) -> bytes | ForwardOutcome:
        """Send, and wait ``wait`` seconds for a datagram that ``accept`` takes."""

    async def stream(self, server: Server, packet: bytes, wait: float) -> bytes | ForwardOutcome:
        """Send over TCP or TLS, and return the message with the same id that comes back."""

    async def close(self) -> None:
        """Close all open connections."""


class LoopNetwork:
    """The real network. Owned by the event loop; connections are kept for the next question."""

    def __init__(self) -> None:
        self._streams: dict[Server, Streams] = {}
        self._avoided: set[int] = set()
        """ports of upstreams: an upstream on this machine must find its port free when it restarts"""

    async def udp(self, server: Server, packet: bytes, accept: Accept, wait: float) -> bytes | ForwardOutcome:
        """Send from a fresh port; return TIMEOUT or UNREACHABLE where no answer came."""
        self._avoided.add(server.port)
        try:
            opened = open_udp(server.ipv6, self._avoided)
        except OSError:
            return ForwardOutcome.UNREACHABLE
        with opened:
            return await _exchange(opened, server, packet, accept, wait)

    async def stream(self, server: Server, packet: bytes, wait: float) -> bytes | ForwardOutcome:
        """Ask over a kept or new connection; return TIMEOUT, UNREACHABLE, or UNTRUSTED for a server that did
        not prove its identity."""
        streams = self._streams.get(server)
        if streams is None:
            streams = self._streams[server] = Streams(server)
        try:
            async with asyncio.timeout(wait):
                return await streams.ask(packet)
        except TimeoutError:
            return ForwardOutcome.TIMEOUT
        except ssl.SSLError:
            return ForwardOutcome.UNTRUSTED
        except OSError:
            return ForwardOutcome.UNREACHABLE

    async def close(self) -> None:
        """Close all connections."""
        for streams in self._streams.values():
            await streams.close()


def open_udp(ipv6: bool, avoided: Container[int]) -> socket.socket:
    """An unconnected socket on a random port that is not ``avoided``. Raises OSError."""
    for _ in range(_DRAWS):
        opened = socket.socket(
            socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        )
        try:
            if ipv6:
                opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            opened.bind(("::" if ipv6 else "0.0.0.0", 0))  # noqa: S104 - the kernel chooses the source address
        except OSError:
            opened.close()
            raise
        if opened.getsockname()[1] not in avoided:
            return opened
        opened.close()
    raise OSError(errno.EADDRINUSE, "every port that was drawn belongs to an upstream")


async def _exchange(
    opened: socket.socket, server: Server, packet: bytes, accept: Accept, wait: float
) -> bytes | ForwardOutcome:
    loop = asyncio.get_running_loop()
    settled: asyncio.Future[bytes | ForwardOutcome] = loop.create_future()

    def read() -> None:
        for _ in range(_BURST):
            if settled.done():
                return
            try:
                datagram, source = opened.recvfrom(_MOST_UDP)
            except BlockingIOError:
                return
            except OSError:
                settled.set_result(ForwardOutcome.UNREACHABLE)
                return
            if accept(datagram, (source[0], source[1])):
                settled.set_result(datagram)

    loop.add_reader(opened, read)
    try:
        opened.sendto(packet, server.address)
        async with asyncio.timeout(wait):
            return await settled
    except TimeoutError:
        return ForwardOutcome.TIMEOUT
    except OSError:
        return ForwardOutcome.UNREACHABLE
    finally:
        loop.remove_reader(opened)
