"""UDP: one socket for each address, read in runs, so that one wake-up of the loop serves many queries."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.unwrap import Unwrap, client_bytes

RUN = 64
"""datagrams taken before others get their turn"""
LARGEST = 65535


class UdpListener:
    """Reads a bound socket from :meth:`start` to :meth:`close`."""

    def __init__(self, bound: socket.socket, path: SlowPath, unwrap: Unwrap) -> None:
        self._socket = bound
        self._path = path
        self.unwrap = unwrap

    def start(self) -> None:
        """Begin to read, on the running loop."""
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Stop reading and close the socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        for _ in range(RUN):
            try:
                packet, peer = self._socket.recvfrom(LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error about an earlier answer: the client is gone
            self._take(packet, peer)

    def _take(self, packet: bytes, peer: tuple[str, int]) -> None:
        unwrapped = self.unwrap.datagram(packet, client_bytes(peer[0]))
        if unwrapped is None:
            self._path.record.dropped("no_proxy_header")
            return
        self._path.take(*unwrapped, False, partial(self._send, peer))

    def _send(self, peer: tuple[str, int], answer: bytes) -> None:
        try:
            self._socket.sendto(answer, peer)
        except OSError:
            # The queue is full or the way is gone: an answer over UDP may be lost, and the client asks again.
            self._path.record.dropped("not_sent")
