"""Listening sockets that a predecessor of this process has passed on, to be served instead of new ones.

The kernel keeps one queue for a socket, however many processes hold it: whoever reads it next gets what has
come meanwhile. So nothing is lost between two processes that read the same socket one after the other.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

Name = tuple[str, int, int]
"""what a socket is bound to: the bytes of its address in hexadecimal, the port, the interface"""


def name_of(address: tuple[Any, ...]) -> Name:
    """The name for an address in the form of the ``socket`` module."""
    host, port, scope = str(address[0]), int(address[1]), int(address[3]) if len(address) > 3 else 0
    return ip_address(host.partition("%")[0]).packed.hex(), port, scope


class SocketKind(StrEnum):
    """The use of a listening socket."""

    UDP = "udp"
    TCP = "tcp"
    HTTP = "http"
    """metrics and health"""


class InheritedSockets:
    """The sockets that nobody has taken yet."""

    def __init__(self, sockets: Iterable[tuple[SocketKind, socket.socket]] = ()) -> None:
        self._sockets: dict[tuple[SocketKind, Name], list[socket.socket]] = {}
        self._ports: set[tuple[SocketKind, int]] = set()
        for kind, each in sockets:
            name = name_of(each.getsockname())
            self._sockets.setdefault((kind, name), []).append(each)
            self._ports.add((kind, name[1]))
        self.taken: list[tuple[SocketKind, Name]] = []
        """those that are served from now on"""

    def __len__(self) -> int:
        return sum(map(len, self._sockets.values()))

    def take(self, kind: SocketKind, name: Name) -> list[socket.socket]:
        """The sockets at this address, which are the caller's from now on; empty where there are none."""
        found = self._sockets.pop((kind, name), [])
        if found:
            self.taken.append((kind, name))
        return found

    def has_port(self, kind: SocketKind, port: int) -> bool:
        """Return whether the predecessor has this port at any of its addresses."""
        return (kind, port) in self._ports

    def close(self) -> None:
        """Close what nobody has taken. The predecessor reads those until it ends."""
        for sockets in self._sockets.values():
            for each in sockets:
                each.close()
        self._sockets.clear()


NOTHING_INHERITED = InheritedSockets()
"""of a start without a predecessor"""
