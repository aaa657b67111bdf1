"""The rate limit: who is limited and who never is, what a flood of forged prefixes can and cannot do."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from tests.worlds.rate import Limit, Override, wide

SECRET = bytes(range(16))
HOUSE = wide("192.0.2.1")
NOW = 5_000_000
"""milliseconds"""
LIMIT = Limit(queries_per_second=10, burst=20)


def rules(limit: Limit = LIMIT) -> RateRules:
    return RateRules(SECRET, limit)


def limiter(clients: int = 4096) -> RateLimiter:
    return RateLimiter(SECRET, clients, 64)


def ask(
    over: RateLimiter, count: int, client: bytes = HOUSE, now: int = NOW, limit: Limit = LIMIT
) -> Counter[str]:
    """So many queries in one millisecond, by what they get."""
    held = rules(limit)
    return Counter(over.take(held, client, now) for _ in range(count))


def forged(count: int, net: int = 0x64400000) -> bytes:
    """So many addresses of 100.64.0.0/10, one after the other."""
    return b"".join(HOUSE[:12] + (net + number).to_bytes(4, "big") for number in range(count))


def test_a_burst_passes_then_some_get_tc_then_silence() -> None:
    over = limiter()
    assert ask(over, 20) == {"pass": 20}
    assert [over.take(rules(), HOUSE, NOW) for _ in range(17)] == ["truncate"] * 15 + ["drop"] * 2


def test_under_a_flood_as_many_get_tc_as_pass() -> None:
    """The answers to a flood are bounded, whatever its rate: two for each query that the rate allows."""
    over = limiter()
    ask(over, 1000)
    found: Counter[str] = Counter()
    for second in range(1, 11):
        found += ask(over, 5000, now=NOW + second * 1000)
    assert (found["pass"], found["truncate"]) == (100, 100)


def test_one_prefix_floods_and_nobody_else_notices() -> None:
    over, held = limiter(), rules()
    neighbours = [wide(f"192.0.2.{host}") for host in range(2, 250)]
    for tick in range(1000):
        passed, *_ = over.take_all(held, HOUSE * 100, NOW + tick)
        assert passed <= 20
        assert over.take(held, neighbours[tick % len(neighbours)], NOW + tick) == "pass"


def test_hosts_of_one_ipv6_delegation_share_a_bucket_and_the_next_has_its_own() -> None:
    over = limiter()
    found = Counter(over.take(rules(), wide(f"2001:db8:0:{net:x}::1"), NOW) for net in range(0x100))
    assert found["pass"] == 20
    assert over.take(rules(), wide("2001:db8:0:100::1"), NOW) == "pass"


def test_ipv4_and_ipv6_of_the_same_bits_are_two_clients() -> None:
    over = limiter()
    ask(over, 100)
    assert over.take(rules(), bytes([192, 0, 2, 1]) + bytes(12), NOW) == "pass"
    assert over.take(rules(), bytes(4) + bytes([192, 0, 2, 1]) + bytes(8), NOW) == "pass"


@given(st.lists(st.integers(0, 2**32 - 1), max_size=300), st.integers(0, 10_000))
def test_a_client_below_its_rate_is_never_limited(others: list[int], begin: int) -> None:
    """Ten queries a second, whoever else asks what in whatever small memory."""
    over, held = limiter(16), rules()
    for number, other in enumerate(others):
        now = begin + number * 100
        assert over.take(held, HOUSE, now) == "pass"
        over.take_all(held, (HOUSE[:12] + other.to_bytes(4, "big")) * 40, now)


def test_forged_prefixes_neither_free_who_is_limited_nor_block_who_is_new() -> None:
    over, held = limiter(512), rules()
    flooders = [wide(f"203.0.113.{host}") for host in range(20)]
    for flooder in flooders:
        ask(over, 100, flooder)
    flood = forged(200_000)
    assert over.take_all(held, flood, NOW) == (200_000, 0, 0)
    assert {over.take(held, flooder, NOW) for flooder in flooders} == {"drop"}
    assert ask(over, 20, HOUSE) == {"pass": 20}


def test_a_bucket_that_is_full_again_goes_first() -> None:
    """In one set: what nothing is known of any more gives way, before anything that is in use."""
    over, held = RateLimiter(SECRET, 8, 8), rules()
    used = [wide(f"203.0.113.{host}") for host in range(7)]
    over.take(held, HOUSE, NOW)
    for client in used:
        assert ask(over, 20, client, NOW + 1000) == {"pass": 20}
    over.take(held, wide("198.51.100.1"), NOW + 1000)
    assert [over.take(held, client, NOW + 1000) for client in used] == ["truncate"] * 7


def test_strangers_take_no_memory_of_clients() -> None:
    over, held = RateLimiter(SECRET, 8, 8), rules()
    ask(over, 100)
    for number in range(10_000):
        over.take(held, wide(f"198.18.{number >> 8}.{number & 255}"), NOW, stranger=True)
    assert over.take(held, HOUSE, NOW) == "drop"
    assert over.take(held, HOUSE, NOW, stranger=True) == "pass"


def test_an_override_holds_for_each_client_in_its_prefix() -> None:
    pool = Override(ip_network("100.64.0.0/10"), 0, 1)
    school = Override(ip_network("192.0.2.0/28"), 1000, 50)
    limit = Limit(10, 20, overrides=(pool, school))
    over = limiter()
    assert ask(over, 5000, wide("100.127.255.255"), limit=limit) == {"pass": 5000}
    assert ask(over, 60, HOUSE, limit=limit) == {"pass": 50, "truncate": 10}
    assert ask(over, 60, wide("192.0.2.2"), limit=limit) == {"pass": 50, "truncate": 10}
    assert ask(over, 30, wide("192.0.2.16"), limit=limit) == {"pass": 20, "truncate": 10}


def test_an_override_may_be_longer_than_the_default_prefix() -> None:
    limit = Limit(10, 20, ipv4_prefix=24, overrides=(Override(ip_network("192.0.2.1/32"), 5, 5),))
    over = limiter()
    assert ask(over, 10, HOUSE, limit=limit)["pass"] == 5
    assert ask(over, 10, wide("192.0.2.0"), limit=limit)["pass"] == 10
    assert ask(over, 20, wide("192.0.2.9"), limit=limit)["pass"] == 10


def test_no_limit_for_anybody_but_in_overrides() -> None:
    limit = Limit(0, 1, overrides=(Override(ip_network("192.0.2.0/24"), 5, 5),))
    assert ask(limiter(), 5000, wide("198.51.100.1"), limit=limit) == {"pass": 5000}
    assert ask(limiter(), 10, limit=limit)["pass"] == 5


def test_new_rules_hold_at_once_and_forget_what_the_old_ones_left() -> None:
    """A bucket in debt for an hour under a rule that was wrong is none under the right one."""
    over = limiter()
    assert ask(over, 3600, limit=Limit(1, 3600)) == {"pass": 3600}
    assert ask(over, 1, limit=LIMIT) == {"truncate": 1}
    assert ask(over, 10, now=NOW + 1000, limit=LIMIT) == {"pass": 10}
    assert ask(over, 100, now=NOW + 1000, limit=Limit(0, 1)) == {"pass": 100}


def test_memory_is_taken_once_and_16_bytes_each() -> None:
    assert RateLimiter(SECRET).memory == (2**17 + 2**14) * 16
    assert RateLimiter(SECRET, 1, 9).memory == (8 + 16) * 16


@pytest.mark.parametrize("now", [0, 1, 2**31, 2**38])
def test_any_uptime(now: int) -> None:
    assert ask(limiter(), 30, now=now) == {"pass": 20, "truncate": 10}


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        RateLimiter(b"short")
    with pytest.raises(ValueError, match="16 bytes"):
        limiter().take(rules(), b"\x7f\0\0\1", NOW)
    with pytest.raises(ValueError, match="16 bytes"):
        limiter().take_all(rules(), b"\x7f\0\0\1", NOW)
    with pytest.raises(ValueError, match="at most 64"):
        rules(Limit(overrides=(Override(ip_network("2001:db8::1/128"), 5, 5),)))
    rules(Limit(overrides=(Override(ip_network("::1/128"), 0, 1),)))
