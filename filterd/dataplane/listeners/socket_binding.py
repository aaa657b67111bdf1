"""Binds sockets to the addresses of the configuration; other modules read them."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from ipaddress import IPv4Address, IPv6Address

BACKLOG = 1024
"""connections that the kernel holds until they are accepted"""
UDP_BUFFER = 4 * 1024 * 1024
"""bytes of queue that a socket asks of the kernel, for what arrives while its reader is busy"""
TCP_RECEIVE_BUFFER = 32 * 1024
"""bytes of queries that the kernel takes from one connection ahead of us (it doubles this number)"""

_REMEDIES = {
    errno.EADDRINUSE: "stop the program that has it (see: ss -lnp), or change the configuration",
    errno.EACCES: "a port below 1024 needs CAP_NET_BIND_SERVICE",
}
_ABSENT = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENXIO)
_SO_RCVBUFFORCE = 33
_IP_PKTINFO = 8
_IP_FREEBIND = 15
_IPV6_FREEBIND = 78
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_OMIT = 5
_SO_MEMINFO = 55
_MEMINFO_SIZE = 36
"""bytes: nine numbers; the last counts the datagrams that were lost (sock_diag(7))"""

Address = IPv4Address | IPv6Address


class AbsentAddressError(OSError):
    """No interface of this machine has the address, and the system does not let us bind to it beforehand."""


def bind_udp(address: Address, port: int, count: int = 1, *, probe: bool = True) -> list[socket.socket]:
    """Bind ``count`` non-blocking sockets to one port; the kernel spreads clients among them. Sockets bound
    to the wildcard address tell which address each datagram was sent to. An address that no interface has yet
    is served as soon as one has it. ``probe``: find out first whether another process has the port, even one
    that would share it. Raises ``OSError`` that names the address."""
    sockets: list[socket.socket] = []
    try:
        if port and probe:
            _udp_socket(address, port, shared=False).close()  # raises where another process has the port
        for _ in range(count):
            sockets.append(_udp_socket(address, port, shared=True))
            port = int(sockets[0].getsockname()[1])
    except OSError as error:
        for each in sockets:
            each.close()
        raise _cannot_listen(address, port, error) from error
    return sockets


def bind_udp_beside(address: Address, port: int, count: int) -> list[socket.socket]:
    """Bind ``count`` more sockets beside those that we have at this address and port. Raises ``OSError`` that
    names the address."""
    return bind_udp(address, port, count, probe=False)


def _udp_socket(address: Address, port: int, *, shared: bool) -> socket.socket:
    """One socket; ``shared``: other sockets of this process are bound to the same port."""
    bound = _socket(address, socket.SOCK_DGRAM)
    try:
        _take_queue(bound)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _no_path_mtu(bound)
        if address.is_unspecified:
            _tell_asked(bound)
        bound.bind(socket_address(address, port))
    except OSError:
        bound.close()
        raise
    return bound


def bind_tcp(address: Address, port: int) -> socket.socket:
    """A listening TCP socket. Raises ``OSError`` that names the address."""
    bound = _socket(address, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TCP_RECEIVE_BUFFER)
        bound.bind(socket_address(address, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise _cannot_listen(address, port, error) from error
    return bound


def lost_by(bound: socket.socket) -> int | None:
    """The datagrams that a socket has lost so far to its full queue; None: the system does not tell."""
    try:
        memory = bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO_SIZE)
    except OSError:
        return None
    return int.from_bytes(memory[-4:], sys.byteorder) if len(memory) == _MEMINFO_SIZE else None


def is_present(address: Address) -> bool:
    """Return whether an interface of this machine has the address now. Sends nothing."""
    if address.is_unspecified:
        return True
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(socket_address(address, 0))
        except OSError:
            return False
    return True


def interface_of(address: Address) -> int:
    """The index of the interface that a link-local address names (``fe80::1%eth0``); 0 for other addresses.
    Raises ``OSError`` where there is no such interface."""
    scope = address.scope_id if isinstance(address, IPv6Address) else None
    if scope is None:
        return 0
    if scope.isdecimal():
        return int(scope)
    try:
        return socket.if_nametoindex(scope)
    except OSError as error:  # it has no number
        raise OSError(errno.ENODEV, "no interface has this name") from error


def socket_address(address: Address, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """The address in the form that the ``socket`` module takes. Raises like :func:`interface_of`."""
    if address.version == 4:
        return str(address), port
    return str(address).partition("%")[0], port, 0, interface_of(address)


def written(address: Address, port: int) -> str:
    """The address and port in the form of the configuration."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def is_in_use(error: OSError) -> bool:
    """Return whether a bind failed because another socket has the address and port."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE


def _cannot_listen(address: Address, port: int, error: OSError) -> OSError:
    """The error to raise instead of that of a failed bind."""
    reason = (error.strerror or str(error)).lower()
    remedy = _REMEDIES.get(error.errno or 0)
    text = f"cannot listen on {written(address, port)}: {reason}" + (f"; {remedy}" if remedy else "")
    return AbsentAddressError(text) if error.errno in _ABSENT else OSError(text)


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _socket(address: Address, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket of one address family; it may be bound before an interface has the address."""
    made = socket.socket(_family(address), kind | socket.SOCK_NONBLOCK)
    if address.version == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    with contextlib.suppress(OSError):  # the bind will then report that the address is absent
        if address.version == 4:
            made.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        else:
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    return made


def _take_queue(bound: socket.socket) -> None:
    """Ask for the full queue, which takes CAP_NET_ADMIN; else for as much as net.core.rmem_max allows."""
    try:
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, UDP_BUFFER)
    except OSError:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)


def _tell_asked(wildcard: socket.socket) -> None:
    """Make the socket tell for each datagram which address it was sent to (RFC 3542 §6.2; for IPv4 ip(7))."""
    if wildcard.family == socket.AF_INET:
        wildcard.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        wildcard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


def _no_path_mtu(made: socket.socket) -> None:
    """Ignore ICMP messages about packet sizes: a forged one would fragment our answers, and the second
    fragment can be forged too (RFC 9715 §3.1)."""
    with contextlib.suppress(OSError):
        if made.family == socket.AF_INET:
            made.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
        else:
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
