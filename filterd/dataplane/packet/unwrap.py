"""Unwrap: the client of a packet. All later stages work with the client, not with a proxy that passed it on.

A sender in ``proxy_from`` must send a PROXY protocol v2 header; without one its packets are dropped. From any
other sender those bytes are not a DNS message. So a client cannot pretend to be another one.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from filterd.dataplane.tables.addresses import Prefixes
from filterd.wire.proxy import ProxyHeader, ProxyProblem, parse_header

_MAPPED = bytes(10) + b"\xff\xff"


def client_bytes(host: str) -> bytes:
    """A peer's address in 16 bytes, from its text; IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2)."""
    if ":" in host:
        return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return _MAPPED + socket.inet_aton(host)


def source_of(header: ProxyHeader, peer: bytes, port: int = 0) -> tuple[bytes, int]:
    """The client that a header names, and its port; the peer's where it names none (a proxy's health
    check)."""
    if header.source is None:
        return peer, port
    address, port = header.source
    return (address if len(address) == 16 else _MAPPED + address), port


@dataclass(frozen=True, slots=True)
class Unwrap:
    """The senders that must use the PROXY protocol, version 2."""

    proxies: Prefixes

    def is_proxy(self, peer: bytes) -> bool:
        """Return whether this sender must send the header."""
        return peer in self.proxies

    def datagram(self, packet: bytes, peer: bytes) -> tuple[memoryview, bytes] | None:
        """The DNS message and the client's address; None: drop the packet."""
        view = memoryview(packet)
        if not self.is_proxy(peer):
            return view, peer
        header = parse_header(packet)
        if isinstance(header, ProxyProblem):
            return None
        return view[header.length :], source_of(header, peer)[0]
