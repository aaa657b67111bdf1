"""The rate limit in the order of the stages: which queries it is asked about, and what those over it get."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from tests.unit.dataplane.conftest import SEED
from tests.worlds.policy import NOW
from tests.worlds.rate import Limit, wide

CLIENT, OTHER, STRANGER = wide("127.0.0.2"), wide("127.0.0.3"), wide("198.51.100.1")
LIMIT = Limit(queries_per_second=10, burst=5)
QUERY = dns.message.make_query("Example.ORG", "A", use_edns=0, options=[dns.edns.NSIDOption(b"")])
TICKS = 1000.25
"""seconds"""


@pytest.fixture
def limited(packets: Plane) -> Plane:
    """Five queries at once, and 100 ms for each one more."""
    packets.limit(RateLimiter(SEED), RateRules(SEED, LIMIT))
    return packets


def ask(
    packets: Plane,
    count: int = 1,
    client: bytes = CLIENT,
    query: bytes = QUERY.to_wire(),
    *,
    tcp: bool = False,
    ticks: float = TICKS,
) -> list[dns.message.Message | None]:
    """What so many queries at one moment get."""
    found = [packets.receive(query, client, tcp, NOW, ticks) for _ in range(count)]
    assert all(each is None or isinstance(each, bytes) for each in found)
    return [dns.message.from_wire(each) if isinstance(each, bytes) else None for each in found]


def is_truncated(reply: dns.message.Message | None) -> bool:
    return reply is not None and bool(reply.flags & dns.flags.TC)


def test_what_exceeds_the_limit_gets_tc_then_silence(limited: Plane) -> None:
    found = ask(limited, 30)
    assert [is_truncated(reply) for reply in found[:20]] == [False] * 5 + [True] * 15
    assert found[20:] == [None] * 10
    counts = limited.counts()
    assert counts["rate_limited"] == {("truncated", "32"): 15, ("dropped", "32"): 10}
    assert counts["drops"]["rate_limited"] == 10
    assert counts["queries"]["udp"] == 30
    assert all(reply is not None for reply in ask(limited, 5, OTHER))


def test_the_tc_answer_echoes_the_question_and_is_no_longer_than_the_query(limited: Plane) -> None:
    ask(limited, 5)
    query = QUERY.to_wire()
    reply = limited.receive(query, CLIENT, False, NOW, TICKS)
    assert isinstance(reply, bytes)
    assert len(reply) <= len(query)
    message = dns.message.from_wire(reply)
    assert QUERY.is_response(message)
    assert reply[12:25] == query[12:25]
    assert (message.rcode(), message.answer, message.options) == (dns.rcode.NOERROR, [], ())
    bare = dns.message.make_query("example.org", "A").to_wire()
    cut = limited.receive(bare, CLIENT, False, NOW, TICKS)
    assert isinstance(cut, bytes)
    assert len(cut) == len(bare)


def test_tcp_has_no_limit_and_takes_nothing_from_it(limited: Plane) -> None:
    assert not any(map(is_truncated, ask(limited, 100, tcp=True)))
    assert not any(map(is_truncated, ask(limited, 5)))
    assert is_truncated(ask(limited)[0])
    assert not any(map(is_truncated, ask(limited, 100, tcp=True)))


def test_time_gives_back_down_to_the_millisecond(limited: Plane) -> None:
    ask(limited, 50)
    assert ask(limited, ticks=TICKS + 0.099) == [None]
    assert not is_truncated(ask(limited, ticks=TICKS + 0.101)[0])


def test_malformed_queries_count_and_get_no_tc(limited: Plane) -> None:
    half = QUERY.to_wire()[:20]
    found = ask(limited, 10, query=half)
    assert [reply.rcode() for reply in found[:5] if reply] == [dns.rcode.FORMERR] * 5
    assert found[5:] == [None] * 5
    assert limited.counts()["malformed"] == 5


def test_answers_and_scraps_take_nothing(limited: Plane) -> None:
    answer = bytearray(QUERY.to_wire())
    answer[2] |= 0x80
    ask(limited, 50, query=bytes(answer))
    ask(limited, 50, query=b"\0" * 11)
    assert not any(map(is_truncated, ask(limited, 5)))


def test_strangers_are_refused_up_to_the_limit_then_get_silence(limited: Plane) -> None:
    found = ask(limited, 20, STRANGER)
    assert [reply.rcode() for reply in found[:5] if reply] == [dns.rcode.REFUSED] * 5
    assert found[5:] == [None] * 15
    counts = limited.counts()
    assert counts["refused"] == 5
    assert counts["rate_limited"] == {}
    assert counts["drops"]["rate_limited"] == 15


def test_no_limit_before_one_is_set(packets: Plane) -> None:
    assert not any(map(is_truncated, ask(packets, 1000)))


def test_other_rules_hold_from_the_next_packet_on(limited: Plane) -> None:
    ask(limited, 50)
    limited.limit(RateLimiter(SEED), RateRules(SEED, Limit(0, 1)))
    assert not any(map(is_truncated, ask(limited, 1000)))


def test_ipv6_counts_by_its_own_length(limited: Plane) -> None:
    ask(limited, 7, wide("::1"))
    assert limited.counts()["rate_limited"] == {("truncated", "56"): 2}


def test_a_valid_server_cookie_lifts_the_limit_and_takes_nothing_from_it(limited: Plane) -> None:
    client_cookie = b"eightbyt"
    first = limited.receive(with_cookie(client_cookie), CLIENT, False, NOW, TICKS)
    assert isinstance(first, bytes)
    whole = cookie_in(first)
    assert len(whole) == 24
    found = ask(limited, 100, query=with_cookie(whole))
    assert not any(map(is_truncated, found))
    assert all(found)
    assert not any(map(is_truncated, ask(limited, 4)))
    assert is_truncated(ask(limited)[0])
    forged = whole[:16] + bytes(8)
    assert is_truncated(ask(limited, query=with_cookie(forged))[0])
    assert is_truncated(ask(limited, client=CLIENT, query=with_cookie(client_cookie))[0])


def test_the_tc_answer_brings_the_cookie_that_lifts_the_limit(limited: Plane) -> None:
    ask(limited, 5)
    query = with_cookie(b"eightbyt")
    cut = limited.receive(query, CLIENT, False, NOW, TICKS)
    assert isinstance(cut, bytes)
    assert is_truncated(dns.message.from_wire(cut))
    assert len(cut) == len(query) + 16
    again = ask(limited, query=with_cookie(cookie_in(cut)))
    assert not is_truncated(again[0])


def with_cookie(cookie: bytes) -> bytes:
    """A query with this COOKIE option."""
    option = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie)
    return dns.message.make_query("example.org", "A", use_edns=0, options=[option]).to_wire()


def cookie_in(reply: bytes) -> bytes:
    """The COOKIE option of an answer."""
    (option,) = [
        each for each in dns.message.from_wire(reply).options if each.otype == dns.edns.OptionType.COOKIE
    ]
    return bytes(option.to_wire())
