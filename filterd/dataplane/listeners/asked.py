"""Which of our addresses a datagram asked, and how its answer leaves from that one (RFC 1123 §2.1).

A socket bound to the wildcard receives for every address of the machine; left to itself the kernel answers
from the one that it likes best for the way back, and a client that asked another does not know it. So the
kernel tells with each datagram (RFC 3542 §6.2 and its IPv4 twin, ip(7)), and is told with each answer.
"""

from __future__ import annotations

import contextlib
import socket
import struct

Control = list[tuple[int, int, bytes]]
"""control messages as ``socket.sendmsg`` takes them"""

CONTROL_SIZE = socket.CMSG_SPACE(20)
"""bytes that the larger of the two control messages takes"""
_IP_PKTINFO = 8
_V4 = struct.Struct("@i4s4s")
"""interface, the address of ours to answer from, the address in the datagram"""
_V6 = struct.Struct("@16sI")
"""the address in the datagram, interface"""
_LINK_LOCAL = 0xFE80 >> 6


def tell_asked(wildcard: socket.socket) -> None:
    """From now on the socket tells with each datagram which address was asked."""
    if wildcard.family == socket.AF_INET:
        wildcard.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        wildcard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)


def is_wildcard(bound: socket.socket) -> bool:
    """Whether the socket receives for every address of the machine."""
    return bound.getsockname()[0] in ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def answer_from(received: list[tuple[int, int, bytes]]) -> Control | None:
    """The control messages that an answer is to be sent with; empty where the kernel told nothing. None: a
    group was asked, for which nobody may answer: the answers of all its members would fall on one client."""
    for level, kind, content in received:
        with contextlib.suppress(struct.error):  # cut short
            if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
                _, ours, asked = _V4.unpack(content)
                answer = (level, kind, _V4.pack(0, ours, bytes(4)))
                return None if asked[0] >> 4 == 14 else [answer]
            if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                asked, interface = _V6.unpack(content)
                # The interface decides only where the address means nothing without it: the way back to all
                # others may lead over another one.
                scope = interface if int.from_bytes(asked[:2], "big") >> 6 == _LINK_LOCAL else 0
                return None if asked[0] == 0xFF else [(level, kind, _V6.pack(asked, scope))]
    return []
