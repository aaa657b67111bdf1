"""Stages 0 to 2 of a packet: whose it is, what its EDNS options ask for, and who is let in."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import dns.edns
import dns.message
import dns.rcode
import pytest

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.tables.addresses import Prefixes
from filterd.wire import cookie
from tests.unit.dataplane.conftest import SEED, Rules
from tests.unit.dataplane.packet.test_stages import CHILD, LOOPBACK, UNKNOWN, ask, codes, publish, world
from tests.worlds.policy import NOW

FORWARDER = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1])
STRANGER = bytes(10) + b"\xff\xff" + bytes([198, 51, 100, 1])
FRONT = Front(FORWARDER, b"")
CLIENT_COOKIE = b"\1\2\3\4\5\6\7\x08"
SECRETS = Rules().cookie_secrets


@pytest.fixture
def served() -> Plane:
    """Loopback may ask; one line opted in at 127.0.0.2; two forwarders, neither in the ACL, name clients."""
    allowed = Prefixes(SEED, ["127.0.0.0/8", "::1/128"])
    forwarders = Prefixes(SEED, ["192.0.2.1/32", "2001:db8::1/128", "127.0.0.1/32"])
    packets = Plane(allowed, ResponseCache(1 << 20, SEED), Rules(), forwarders)
    publish(packets, world())
    return packets


def subnet(text: str, prefix: int) -> dns.edns.Option:
    return dns.edns.ECSOption(text, prefix, 0)


def generic(code: int, content: bytes) -> dns.edns.Option:
    return dns.edns.GenericOption(dns.edns.OptionType.make(code), content)


def with_options(*options: dns.edns.Option | tuple[int, bytes], name: str = "adult.example") -> bytes:
    """A query with these options."""
    return ask(name, options=[generic(*each) if isinstance(each, tuple) else each for each in options])


def receive(
    packets: Plane,
    packet: bytes,
    sender: bytes = CHILD,
    *,
    tcp: bool = False,
    now: int = NOW,
    proxied: bool = False,
) -> dns.message.Message:
    """The answer."""
    result = packets.receive(packet, sender, tcp, now, 1000, FRONT if proxied else None)
    assert isinstance(result, bytes)
    return dns.message.from_wire(result)


def option(message: dns.message.Message, code: int) -> bytes | None:
    """The content of the answer's only option of that code."""
    found = [each.to_wire() for each in message.options if each.otype == code]
    assert len(found) <= 1
    return found[0] if found else None


# --- cookies ---


def test_a_client_cookie_gets_a_server_cookie(served: Plane) -> None:
    back = option(receive(served, with_options((10, CLIENT_COOKIE))), 10)
    assert back == cookie.answer(SECRETS, CLIENT_COOKIE, CHILD, NOW)[1]


def test_no_cookie_gets_none(served: Plane) -> None:
    assert option(receive(served, with_options()), 10) is None


@pytest.mark.parametrize(
    ("packet", "sender", "rcode"),
    [
        (with_options((10, CLIENT_COOKIE)), STRANGER, dns.rcode.REFUSED),
        (with_options((10, CLIENT_COOKIE), (8, b"\0\1\x18\0")), CHILD, dns.rcode.FORMERR),
        (
            ask("example.org", "AXFR", options=[generic(10, CLIENT_COOKIE)]),
            CHILD,
            dns.rcode.REFUSED,
        ),
        (
            ask("example.org", flags=0, options=[generic(10, CLIENT_COOKIE)]),
            CHILD,
            dns.rcode.REFUSED,
        ),
    ],
    ids=["acl", "malformed", "meta type", "no RD"],
)
def test_errors_carry_the_cookie_too(served: Plane, packet: bytes, sender: bytes, rcode: int) -> None:
    reply = receive(served, packet, sender)
    assert reply.rcode() == rcode
    assert option(reply, 10) == cookie.answer(SECRETS, CLIENT_COOKIE, sender, NOW)[1]


def test_a_forwarded_answer_carries_the_cookie_made_when_it_was_asked(served: Plane) -> None:
    pending = served.receive(with_options((10, CLIENT_COOKIE), name="other.example"), CHILD, False, NOW, 1000)
    assert isinstance(pending, Pending)
    result = served.finish(pending, None, False, [], NOW + 5, 1005)
    assert isinstance(result, bytes)
    assert option(dns.message.from_wire(result), 10) == cookie.answer(SECRETS, CLIENT_COOKIE, CHILD, NOW)[1]


@pytest.mark.parametrize("size", [*range(1, 8), *range(9, 16), 41, 48])
def test_a_cookie_of_a_wrong_length_is_malformed(served: Plane, size: int) -> None:
    """RFC 7873, section 5.2.2."""
    reply = receive(served, with_options((10, bytes(size))))
    assert reply.rcode() == dns.rcode.FORMERR
    assert option(reply, 10) is None


def test_of_several_cookies_the_first_counts(served: Plane) -> None:
    reply = receive(served, with_options((10, CLIENT_COOKIE), (10, b"short")))
    assert option(reply, 10) == cookie.answer(SECRETS, CLIENT_COOKIE, CHILD, NOW)[1]


def test_no_cookies_without_a_secret(packets: Plane) -> None:
    packets.change_settings(Prefixes(SEED, ["127.0.0.0/8"]), Rules(cookie_secrets=b""))
    assert option(receive(packets, with_options((10, CLIENT_COOKIE))), 10) is None


def test_another_secret_comes_into_force_with_the_settings(served: Plane) -> None:
    allowed = Prefixes(SEED, ["127.0.0.0/8"])
    served.change_settings(allowed, Rules(cookie_secrets=bytes(16) + SECRETS))
    _, old = cookie.answer(SECRETS, CLIENT_COOKIE, CHILD, NOW)
    assert option(receive(served, with_options((10, old))), 10) == old
    with pytest.raises(ValueError, match="secrets"):
        served.change_settings(allowed, Rules(cookie_secrets=bytes(15)))


def without_question(content: bytes) -> bytes:
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(content)) + content
    return struct.pack("!6H", 7, 0x0100, 0, 0, 0, 1) + opt


def test_a_cookie_can_be_asked_for_without_a_question(served: Plane) -> None:
    """RFC 7873, section 5.4."""
    reply = receive(served, without_question(b"\0\x0a\0\x08" + CLIENT_COOKIE))
    assert (reply.rcode(), reply.question) == (dns.rcode.NOERROR, [])
    back = option(reply, 10)
    assert back == cookie.answer(SECRETS, CLIENT_COOKIE, CHILD, NOW)[1]
    again = receive(served, without_question(b"\0\x0a\0\x18" + back))
    assert (again.rcode(), option(again, 10)) == (dns.rcode.NOERROR, back)


def test_a_false_cookie_without_a_question_is_badcookie(served: Plane) -> None:
    reply = receive(served, without_question(b"\0\x0a\0\x18" + CLIENT_COOKIE + bytes(16)))
    assert reply.rcode() == dns.rcode.BADCOOKIE
    assert option(reply, 10) == cookie.answer(SECRETS, CLIENT_COOKIE, CHILD, NOW)[1]


def test_a_cookie_without_a_question_is_for_clients_in_the_acl(served: Plane) -> None:
    reply = receive(served, without_question(b"\0\x0a\0\x08" + CLIENT_COOKIE), STRANGER)
    assert reply.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("content", [b"", b"\0\3\0\0"])
def test_nothing_asked_at_all_is_malformed(served: Plane, content: bytes) -> None:
    assert receive(served, without_question(content)).rcode() == dns.rcode.FORMERR


# --- keepalive and padding ---


def test_keepalive_is_answered_over_tcp_alone(served: Plane) -> None:
    """RFC 7828, sections 3.2.1 and 3.3.2; the timeout is in units of 100 ms."""
    asks = with_options((11, b""))
    assert option(receive(served, asks, tcp=True), 11) == b"\0\x64"
    assert option(receive(served, asks), 11) is None
    assert option(receive(served, with_options(), tcp=True), 11) is None


def test_a_client_that_gives_a_timeout_of_its_own_gets_none(served: Plane) -> None:
    reply = receive(served, with_options((11, b"\0\x10")), tcp=True)
    assert (reply.rcode(), option(reply, 11)) == (dns.rcode.NXDOMAIN, None)


@pytest.mark.parametrize("tcp", [False, True])
def test_padding_is_taken_and_not_given_on_a_clear_transport(served: Plane, tcp: bool) -> None:
    """RFC 7830, section 6: padding is for encrypted transports."""
    reply = receive(served, with_options((12, bytes(100))), tcp=tcp)
    assert (reply.rcode(), option(reply, 12)) == (dns.rcode.NXDOMAIN, None)


# --- the client subnet ---


@pytest.mark.parametrize("sender", [FORWARDER, ip_address("2001:db8::1").packed])
def test_a_trusted_forwarder_says_who_the_client_is(served: Plane, sender: bytes) -> None:
    """The line's own block, and the subnet back with its whole prefix as scope: the answer is this line's."""
    reply = receive(served, with_options(subnet("127.0.0.2", 32)), sender)
    assert (reply.rcode(), codes(reply.to_wire())) == (dns.rcode.NXDOMAIN, [17])
    assert option(reply, 8) == b"\0\1\x20\x20\x7f\0\0\2"
    assert isinstance(
        served.receive(with_options(subnet("127.0.0.99", 32)), sender, False, NOW, 1000), Pending
    )


def test_an_ipv6_address_may_be_a_mapped_one(served: Plane) -> None:
    reply = receive(served, with_options(subnet("::ffff:127.0.0.2", 128)), FORWARDER)
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert option(reply, 8) == b"\0\2\x80\x80" + bytes(10) + b"\xff\xff\x7f\0\0\2"


def test_what_others_say_of_a_client_is_ignored(served: Plane) -> None:
    """RFC 7871, section 7.2.1: who does not use the option answers without it."""
    packet = with_options(subnet("127.0.0.2", 32))
    assert isinstance(served.receive(packet, UNKNOWN, False, NOW, 1000), Pending)
    reply = receive(served, with_options(subnet("127.0.0.99", 32)), CHILD)
    assert (reply.rcode(), option(reply, 8)) == (dns.rcode.NXDOMAIN, None)
    assert receive(served, packet, STRANGER).rcode() == dns.rcode.REFUSED


def test_the_acl_holds_for_the_client_that_a_forwarder_names(served: Plane) -> None:
    reply = receive(served, with_options(subnet("198.51.100.1", 32)), FORWARDER)
    assert (reply.rcode(), codes(reply.to_wire())) == (dns.rcode.REFUSED, [18])
    assert option(reply, 8) == b"\0\1\x20\x20\xc6\x33\x64\1"


@pytest.mark.parametrize("options", [[], [subnet("127.0.0.0", 24)], [subnet("127.0.0.2", 0)]])
def test_a_forwarder_that_names_no_client_is_one_itself(
    served: Plane, options: list[dns.edns.Option]
) -> None:
    assert receive(served, with_options(*options), FORWARDER).rcode() == dns.rcode.REFUSED
    assert isinstance(served.receive(with_options(*options), LOOPBACK + b"\1", False, NOW, 1000), Pending)


def test_a_shorter_subnet_goes_back_with_its_own_prefix(served: Plane) -> None:
    reply = receive(served, with_options(subnet("127.0.0.0", 20), name="banned.example"), LOOPBACK + b"\1")
    assert option(reply, 8) == b"\0\1\x14\x14\x7f\0\0"


def test_what_a_proxy_says_goes_before_a_subnet(served: Plane) -> None:
    packet = with_options(subnet("127.0.0.2", 32))
    assert isinstance(served.receive(packet, LOOPBACK + b"\1", False, NOW, 1000, FRONT), Pending)


def test_the_cookie_belongs_to_the_forwarder_not_to_its_client(served: Plane) -> None:
    reply = receive(served, with_options((10, CLIENT_COOKIE), subnet("127.0.0.2", 32)), FORWARDER)
    assert option(reply, 10) == cookie.answer(SECRETS, CLIENT_COOKIE, FORWARDER, NOW)[1]


def test_no_forwarder_is_trusted_unless_told(served: Plane) -> None:
    served.change_settings(Prefixes(SEED, ["127.0.0.0/8", "192.0.2.0/24"]), Rules())
    packet = with_options(subnet("127.0.0.2", 32))
    assert isinstance(served.receive(packet, FORWARDER, False, NOW, 1000), Pending)
