"""Control messages of real sockets on loopback, and what is made of them."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from filterd.dataplane.listeners.asked import CONTROL_SIZE, answer_from, is_wildcard

from filterd.dataplane.listeners.binding import bind_udp

V4 = (socket.IPPROTO_IP, 8)
V6 = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)


@pytest.mark.parametrize(
    ("wildcard", "asked"), [("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "127.0.0.53"), ("::", "::1")]
)
def test_an_answer_leaves_from_the_address_that_was_asked(wildcard: str, asked: str) -> None:
    with (
        bind_udp(ip_address(wildcard), 0) as server,
        socket.socket(server.family, socket.SOCK_DGRAM) as client,
    ):
        assert is_wildcard(server)
        place = (asked, server.getsockname()[1])
        client.settimeout(5)
        client.connect(place)  # takes from there and from nowhere else
        client.send(b"?")
        packet, received, flags, peer = server.recvmsg(100, CONTROL_SIZE)
        assert (packet, flags & socket.MSG_CTRUNC) == (b"?", 0)
        control = answer_from(received)
        assert control
        server.sendmsg((b"!",), control, 0, peer)
        assert client.recv(100) == b"!"


def test_a_socket_of_one_address_is_told_nothing() -> None:
    with bind_udp(ip_address("127.0.0.1"), 0) as server:
        assert not is_wildcard(server)


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        ([], []),
        ([(*V4, b"cut")], []),
        ([(*V6, b"cut")], []),
        ([(1, 2, b"other")], []),
        ([(*V4, b"\3\0\0\0" + b"\xc0\0\2\1" * 2)], [(*V4, bytes(4) + b"\xc0\0\2\1" + bytes(4))]),
        ([(*V4, b"\3\0\0\0" + b"\xc0\0\2\1" + b"\xe0\0\0\xfb")], None),
        ([(*V6, b"\x20\1" + bytes(14) + b"\3\0\0\0")], [(*V6, b"\x20\1" + bytes(18))]),
        (
            [(*V6, b"\xfe\x80" + bytes(14) + b"\3\0\0\0")],
            [(*V6, b"\xfe\x80" + bytes(14) + b"\3\0\0\0")],
        ),
        ([(*V6, b"\xff\2" + bytes(14) + b"\3\0\0\0")], None),
    ],
)
def test_interfaces_count_for_link_local_addresses_and_groups_get_silence(
    received: list[tuple[int, int, bytes]], answer: list[tuple[int, int, bytes]] | None
) -> None:
    assert answer_from(received) == answer
