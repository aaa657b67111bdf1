"""Sockets bound to the addresses of the configuration. Whoever reads them is another's business."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address

BACKLOG = 1024
"""connections that the kernel holds until they are accepted"""
UDP_BUFFER = 4 * 1024 * 1024
"""bytes asked of the kernel for a socket's queue: what arrives while the loop is busy"""
TCP_SEND_BUFFER = 64 * 1024
"""bytes that the kernel keeps of answers for one connection (it allows itself twice that): without a bound it
would take megabytes for each client that does not read"""

_REMEDIES = {
    errno.EADDRINUSE: "stop the program that has it (see: ss -lnp), or change the configuration",
    errno.EADDRNOTAVAIL: "no interface of this machine has it",
    errno.EACCES: "a port below 1024 needs CAP_NET_BIND_SERVICE",
}


def cannot_listen(address: IPv4Address | IPv6Address, port: int, error: OSError) -> OSError:
    """The error to raise in the place of a failed bind."""
    host = f"[{address}]" if address.version == 6 else str(address)
    reason = (error.strerror or str(error)).lower()
    remedy = _REMEDIES.get(error.errno or 0)
    return OSError(f"cannot listen on {host}:{port}: {reason}" + (f"; {remedy}" if remedy else ""))


def bind_udp(address: IPv4Address | IPv6Address, port: int) -> socket.socket:
    """A bound, non-blocking socket. Raises ``OSError`` that names the address."""
    bound = _socket(address, socket.SOCK_DGRAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)
        bound.bind((str(address), port))
    except OSError as error:
        bound.close()
        raise cannot_listen(address, port, error) from error
    return bound


def bind_tcp(address: IPv4Address | IPv6Address, port: int) -> socket.socket:
    """A bound, listening, non-blocking socket. Raises ``OSError`` that names the address."""
    bound = _socket(address, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TCP_SEND_BUFFER)
        bound.bind((str(address), port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise cannot_listen(address, port, error) from error
    return bound


def _socket(address: IPv4Address | IPv6Address, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
