"""A thread uses the same memory for one packet after the other: nothing of one is seen by the next."""

from __future__ import annotations

import os

import dns.edns
import dns.flags
import dns.message
import pytest

from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from tests.unit.dataplane.conftest import SEED
from tests.worlds.fast import BANNED, make_packets, query, read, recorded
from tests.worlds.listener import proxied
from tests.worlds.policy import NOW
from tests.worlds.rate import Limit

MICROS = 5_000_000_000
COOKIE = bytes(range(8))


@pytest.fixture
def driver() -> Driver:
    """One query at once for each client, and 10 s for each one more."""
    packets = make_packets()
    packets.limit(RateLimiter(SEED), RateRules(SEED, Limit(queries_per_second=1, burst=1)))
    news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    return Driver(FastThread(packets, Routes(1), 0, news, SEED))


def ask(driver: Driver, packet: bytes, client: str = "192.0.2.1") -> dns.message.Message | None:
    """One query in a batch of its own: each is the first of its batch."""
    (found,) = driver.drive(recorded([packet], client), NOW, MICROS)
    return None if found is None else read(found)


def limited(reply: dns.message.Message | None) -> bool:
    return reply is None or bool(reply.flags & dns.flags.TC)


def cookie_of(reply: dns.message.Message | None) -> bytes | None:
    """The cookie that goes back."""
    assert reply is not None
    for option in reply.options:
        if option.otype == dns.edns.OptionType.COOKIE:
            return option.to_wire() or b""
    return None


def with_cookie(cookie: bytes) -> bytes:
    return query(BANNED, options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie)])


def test_a_valid_cookie_frees_its_own_client_alone(driver: Driver) -> None:
    whole = cookie_of(ask(driver, with_cookie(COOKIE)))
    assert whole is not None
    assert len(whole) == 24
    for _ in range(3):
        assert not limited(ask(driver, with_cookie(whole)))
    plain = query(BANNED)
    other = "192.0.2.2"
    assert not limited(ask(driver, plain, other))
    assert not limited(ask(driver, with_cookie(whole)))
    assert limited(ask(driver, plain, other)), "the cookie before it was another client's"
    assert cookie_of(ask(driver, plain, "192.0.2.3")) is None


def test_the_answers_of_one_do_not_show_in_the_next(driver: Driver) -> None:
    long = query("a-name-that-is-somewhat-longer-than-the-next-one.localhost", "AAAA")
    short = dns.message.make_query("localhost", "A").to_wire()
    alone = ask(driver, short, "192.0.2.10")
    assert alone is not None
    ask(driver, long, "192.0.2.11")
    again = ask(driver, short, "192.0.2.12")
    assert again is not None
    assert again.to_wire() == alone.to_wire()
    assert again.edns == -1


def test_who_a_front_spoke_of_is_not_the_client_of_the_next(driver: Driver) -> None:
    front = "127.0.0.7"
    assert not limited(ask(driver, proxied("192.0.2.20") + query(BANNED), front))
    assert limited(ask(driver, proxied("192.0.2.20") + query(BANNED), front))
    assert not limited(ask(driver, query(BANNED), "192.0.2.21"))
    assert limited(ask(driver, query(BANNED), "192.0.2.21"))
