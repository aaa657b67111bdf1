"""The limits on those who ask without an account: by network, in total, without an address kept."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.operations.reviews.limits import WINDOW, AskLimits, NetworkLimits


@dataclass
class Steady:
    """A clock that a test moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def made(clock: Steady, of_one: int = 2, of_all: int = 5) -> NetworkLimits:
    """Limits whose keys are not random."""
    keys = iter(range(1, 100))
    return NetworkLimits(AskLimits(of_one, of_all), clock, lambda size: bytes([next(keys)]) * size)


def test_a_network_has_its_share() -> None:
    limits = made(Steady())
    assert [limits.take("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert limits.take("192.0.2.2")
    assert limits.take("::ffff:192.0.2.3")
    assert [limits.take(f"2001:db8:0:{n}::1") for n in range(2)] == [True, False], "of all, five"
    assert limits.refused == 2


def test_one_site_of_ipv6_is_one_network() -> None:
    limits = made(Steady(), of_all=100)
    assert [limits.take(f"2001:db8:7:{n}::{n}") for n in range(3)] == [True, True, False]
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


def test_no_address_is_kept_and_the_memory_is_bounded() -> None:
    limits = made(Steady(), of_all=50)
    for number in range(500):
        limits.take(f"198.51.{number // 250}.{number % 250}")
    assert len(limits._counts) == 50
    assert "198.51" not in repr(limits)
