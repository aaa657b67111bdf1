"""Which of our addresses an answer leaves from, and who gets silence: asked over real sockets."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address

import dns.rcode
import pytest
from dns.edns import GenericOption, OptionType

from filterd.dataplane.listeners.socket_binding import bind_udp
from tests.worlds.fast import (
    BANNED,
    FRONT,
    Crew,
    ask,
    client,
    crew,
    has_answer,
    make_packets,
    query,
    read,
    until,
)
from tests.worlds.listener import proxied
from tests.worlds.network_namespace import in_own_network, interface, ip

LONGEST = 8384
"""bytes of a datagram that are taken"""


@pytest.fixture
def served() -> Iterator[Crew]:
    """Two threads at work."""
    with crew(make_packets(), 2) as made, made.at_work():
        yield made


@pytest.mark.parametrize(
    ("wildcard", "asked"), [("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "127.0.0.53"), ("::", "::1")]
)
def test_an_answer_leaves_from_the_address_that_was_asked(served: Crew, wildcard: str, asked: str) -> None:
    _, port = served.open(wildcard)
    source = "::1" if ":" in asked else "127.0.0.1"
    assert read(ask(port, query(BANNED), source, asked)).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", "::"])
def test_a_wildcard_alone_is_told_which_address_was_asked(address: str) -> None:
    (bound,) = bind_udp(ip_address(address), 0)
    with bound:
        if bound.family == socket.AF_INET:
            told = bound.getsockopt(socket.IPPROTO_IP, 8)
        else:
            told = bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)
        assert bool(told) == ip_address(address).is_unspecified


def test_one_door_answers_whatever_address_was_asked_last(served: Crew) -> None:
    """What is told with one datagram is not kept for the next."""
    _, port = served.open("0.0.0.0")
    for host in range(1, 100):
        assert ask(port, query(BANNED), host=f"127.0.0.{host}")


def test_a_group_gets_silence(served: Crew) -> None:
    """The kernel gives each thread's socket a copy."""
    _, port = served.open("0.0.0.0")
    with client() as member, client() as sock:
        group = socket.inet_aton("224.0.0.251")
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + socket.inet_aton("127.0.0.1"))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sock.sendto(query(BANNED), ("224.0.0.251", port))
        until(lambda: served.drops("multicast") == 2)
        assert not has_answer(sock)


def more_groups(served: Crew, before: int) -> bool:
    return served.drops("multicast") > before


def test_a_link_local_address_answers_on_its_own_interface_and_an_ipv6_group_does_not() -> None:
    """Two interfaces have the same one, and a client without a zone of its own asks it: the interface alone
    says where to. In a network of the test's own."""

    def body() -> None:
        for name in ("here0", "there0"):
            interface(name)
            ip("address", "add", "fe80::53/64", "dev", name, "nodad")
        ip("address", "add", "2001:db8::9/128", "dev", "lo", "nodad")
        with crew(make_packets()) as made, made.at_work():
            _, port = made.open("::")
            for index in map(socket.if_nametoindex, ("here0", "there0")):
                with client("2001:db8::9") as sock:
                    for _ in range(20):  # an interface may take a moment to be up
                        sock.sendto(query(BANNED), ("fe80::53", port, 0, index))
                        if select.select([sock], [], [], 1)[0]:
                            break
                    answer, source = sock.recvfrom(4096)
                    assert source[:2] == ("fe80::53", port)
                    assert read(answer).rcode() == dns.rcode.NXDOMAIN
                    before = made.drops("multicast")
                    sock.sendto(query(BANNED), ("ff02::1", port, 0, index))
                    until(partial(more_groups, made, before))  # the other end of the pair may send it too
                    assert not has_answer(sock)

    in_own_network(body)


def test_a_datagram_longer_than_any_query_is_dropped_and_the_next_one_is_answered(served: Crew) -> None:
    _, port = served.open()
    with client() as sock:
        sock.connect(("127.0.0.1", port))
        sock.send(query(BANNED).ljust(LONGEST + 1, b"\0"))
        sock.send(query(BANNED))
        assert read(sock.recv(4096)).rcode() == dns.rcode.NXDOMAIN
        until(lambda: served.drops("too_long") == 1)
        assert not has_answer(sock)


def test_the_longest_query_fits_behind_a_proxy_header(served: Crew) -> None:
    _, port = served.open()
    whole = proxied("192.0.2.9") + query(BANNED, options=[GenericOption(OptionType.PADDING, bytes(4096))])
    assert len(whole) > 4096
    assert read(ask(port, whole, FRONT)).rcode() == dns.rcode.NXDOMAIN


def test_a_front_without_a_header_gets_silence(served: Crew) -> None:
    _, port = served.open()
    with client(FRONT) as sock:
        for packet in (query(BANNED), b"", proxied("192.0.2.9")[:-1]):
            sock.sendto(packet, ("127.0.0.1", port))
        until(lambda: served.drops("no_proxy_header") == 3)
        assert not has_answer(sock)
