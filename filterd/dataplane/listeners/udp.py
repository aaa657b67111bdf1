"""UDP: one socket for each address, read in runs, so that one wake-up of the loop serves many queries."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from filterd.dataplane.listeners.asked import CONTROL_SIZE, Control, answer_from, is_wildcard
from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.unwrap import Unwrap, client_bytes

RUN = 64
"""datagrams taken before others get their turn"""
LARGEST = 65535


class UdpListener:
    """Reads a bound socket from :meth:`start` to :meth:`close`."""

    def __init__(self, bound: socket.socket, path: SlowPath, unwrap: Unwrap) -> None:
        self._socket = bound
        self._read_one = self._read_asked if is_wildcard(bound) else self._read_own
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
                self._read_one()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error about an earlier answer: the client is gone

    def _read_own(self) -> None:
        """One datagram to the address that the socket is bound to. Raises ``OSError``."""
        packet, peer = self._socket.recvfrom(LARGEST)
        self._take(packet, peer, [])

    def _read_asked(self) -> None:
        """One datagram to any address of the machine. Raises ``OSError``."""
        packet, received, _, peer = self._socket.recvmsg(LARGEST, CONTROL_SIZE)
        control = answer_from(received)
        if control is None:
            self._path.record.dropped("multicast")
        else:
            self._take(packet, peer, control)

    def _take(self, packet: bytes, peer: tuple[str, int], control: Control) -> None:
        sender = client_bytes(peer[0])
        unwrapped = self.unwrap.datagram(packet, sender)
        if unwrapped is None:
            self._path.record.dropped("no_proxy_header")
            return
        send = partial(self._send, peer, control)
        self._path.take(*unwrapped, False, send, self.unwrap.is_proxy(sender))

    def _send(self, peer: tuple[str, int], control: Control, answer: bytes) -> None:
        try:
            if control:
                self._socket.sendmsg((answer,), control, 0, peer)
            else:
                self._socket.sendto(answer, peer)
        except OSError:
            # The queue is full, the way or our own address is gone: an answer over UDP may be lost, and the
            # client asks again.
            self._path.record.dropped("not_sent")
