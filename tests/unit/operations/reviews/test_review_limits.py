"""The limits on those who ask without an account: by network, in total, without an address kept."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from filterd.operations.reviews import limits as limiting
from filterd.operations.reviews.limits import WINDOW, AskLimits, NetworkLimits


@dataclass
class Steady:
    """A clock that a test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def made(clock: Steady, of_one: int = 2, of_network: int = 3, of_all: int = 5) -> NetworkLimits:
    """Limits whose keys are not random."""
    keys = iter(range(1, 100))
    return NetworkLimits(
        AskLimits(of_one, of_network, of_all), clock, lambda size: bytes([next(keys)]) * size
    )


def test_a_client_and_its_network_have_their_share() -> None:
    limits = made(Steady())
    assert [limits.take("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [limits.take(f"::ffff:192.0.2.{n}") for n in (2, 3)] == [True, False], "of the /24, three"
    assert [limits.take("198.51.100.1") for _ in range(2)] == [True, True]
    assert limits.refused == 2


def test_many_who_ask_keep_no_network_out_that_has_not_asked() -> None:
    limits = made(Steady(), of_one=5, of_network=20, of_all=200)
    asking = [f"10.0.{number}.1" for number in range(40)]
    assert all(limits.take(each) for each in asking for _ in range(5))
    assert not any(limits.take(each) for each in asking)
    assert [limits.take("198.51.100.7") for _ in range(2)] == [True, False]
    assert limits.take("2001:db8::1")


def test_one_site_of_ipv6_is_one_network() -> None:
    limits = made(Steady(), of_all=100)
    assert [limits.take(f"2001:db8:7:{n}::{n}") for n in range(4)] == [True, True, True, False]
    assert limits.take("2001:db8:8::1")
    assert [limits.take("no address") for _ in range(3)] == [True, True, False]


def test_a_window_ends_and_its_key_with_it() -> None:
    clock = Steady()
    limits = made(clock)
    assert [limits.take("192.0.2.1") for _ in range(3)] == [True, True, False]
    before = dict(limits._counts)
    clock.now += WINDOW
    assert limits.take("192.0.2.1")
    assert not set(before) & set(limits._counts), "the same network has another hash"


def test_no_address_is_kept_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "MOST_COUNTED", 50)
    limits = made(Steady(), of_all=10)
    for number in range(200):
        limits.take(f"198.18.{number}.1")
    assert len(limits._counts) == 50
    assert "198." not in repr(limits)
