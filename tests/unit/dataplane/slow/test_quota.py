"""Places for waiting queries: bounded, fair, and given back in full."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.slow.quota import QuotaRefusal, WaitingQuota
from tests.worlds.rate import wide

HOSTS = [wide(text) for text in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:100::1")]


def filled(places: WaitingQuota, client: bytes) -> int:
    """How many places a client gets when it takes all that it can."""
    count = 0
    while places.take(client) is None:
        count += 1
    return count


def test_one_client_gets_half_the_next_half_of_what_is_left_and_a_newcomer_always_one() -> None:
    places = WaitingQuota(1000)
    assert filled(places, wide("192.0.2.1")) == 500
    assert places.take(wide("192.0.2.1")) is QuotaRefusal.SHARE
    assert filled(places, wide("192.0.2.2")) == 250
    for host in range(3, 253):
        assert places.take(wide(f"192.0.2.{host}")) is None
    assert places.take(wide("192.0.2.253")) is QuotaRefusal.FULL


def test_two_that_flood_together_get_a_third_each() -> None:
    places, held = WaitingQuota(999), Counter[bytes]()
    for _ in range(1000):
        for client in HOSTS[:2]:
            held[client] += places.take(client) is None
    assert list(held.values()) == [333, 333]


def test_hosts_of_one_ipv6_delegation_are_one_client() -> None:
    places = WaitingQuota(4)
    assert [places.take(wide(f"2001:db8:0:ff::{host}")) for host in (1, 2)] == [None, None]
    assert places.take(wide("2001:db8::3")) is QuotaRefusal.SHARE
    assert places.take(wide("2001:db8:0:100::1")) is None


@given(st.lists(st.tuples(st.sampled_from(HOSTS), st.booleans()), max_size=200))
def test_what_is_given_back_can_be_taken_again(steps: list[tuple[bytes, bool]]) -> None:
    places, held = WaitingQuota(16), Counter[bytes]()
    for client, comes in steps:
        if comes:
            held[client] += places.take(client) is None
        elif held[client]:
            places.give(client)
            held[client] -= 1
    assert held.total() <= 16
    for client, count in held.items():
        for _ in range(count):
            places.give(client)
    assert filled(places, HOSTS[0]) == 8
