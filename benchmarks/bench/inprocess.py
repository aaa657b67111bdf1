"""The mix in process: a ready data plane without sockets, and the packets to give it.

``python -m bench.inprocess SNAPSHOT PACKETS TIMES`` gives every packet of a file (as the senders have them)
to the fast path's batch function, for :mod:`bench.stages` to count the instructions of. What is popular is in
the cache before, without a query having been asked.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.snapshots import KEY, profile_name
from bench.systems import PROFILES
from filterd.dataplane.cache.cache import CachedUnion, CacheKey, ResponseCache
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.policy.classes import from_meta
from filterd.policy.decide import LineHandle, PublishedState
from filterd.policy.policy_book import PolicyBook
from filterd.policy.snapshot import Snapshot

NOW = 1_800_000_000
TICKS = 1000.0
CLIENT = bytes(10) + b"\xff\xff\x7f\0\0\1"
CACHED = 1
"""flag of a packet whose answer is in the cache"""
CACHE_SIZE = 64 << 20
HEADER = 12
_ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\1"


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of the answers."""

    block_ttl: int = 30
    max_ttl_opted_in: int = 300
    sinkholes: tuple[tuple[bytes | None, bytes | None], ...] = ((None, None),) * 4
    identity: str = ""
    keepalive: int = 100
    cookie_secrets: bytes = KEY


@dataclass(frozen=True, slots=True)
class Unlimited:
    """The rate limit's settings: none for loopback, as a resolver has it unless told otherwise."""

    queries_per_second: int = 0
    burst: int = 0
    ipv4_prefix: int = 32
    ipv6_prefix: int = 56
    overrides: tuple[()] = ()


@dataclass(frozen=True, slots=True)
class PlaneWithTables:
    """A data plane without sockets, and the tables that it reads."""

    plane: Plane
    lines: Lines
    addresses: Addresses
    policy: int
    """number of the policy that blocks the whole list"""


def read_packets(path: Path) -> Iterator[tuple[bytes, int]]:
    """The packets of a file and their flags."""
    content, at = path.read_bytes(), 0
    while at < len(content):
        length, flags = struct.unpack_from(">HB", content, at)
        yield content[at + 3 : at + 3 + length], flags
        at += 3 + length


def ready(snapshot: Path, asked: list[tuple[bytes, int]]) -> PlaneWithTables:
    """One with one line, at 127.0.0.1, that blocks the whole list."""
    opened = Snapshot.open(snapshot, KEY)
    book = PolicyBook.of_meta(opened.meta, from_meta(opened.meta["lists"]))
    policy = book.index(profile_name(PROFILES - 1), "UTC")
    state = PublishedState(opened, KEY, now=NOW, generation=1, policies=book.at(NOW))
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(1, policy=policy, opted_in=True))
    addresses.set(CLIENT[12:], 32, 1)
    cache = ResponseCache(CACHE_SIZE, KEY)
    for packet, flags in asked:
        if flags & CACHED:
            keep(cache, packet)
    plane = Plane(Prefixes(KEY, ["127.0.0.0/8"]), cache, Rules())
    plane.limit(RateLimiter(KEY), RateRules(KEY, Unlimited()))
    plane.publish(state, lines, BindingTables(addresses), True)
    return PlaneWithTables(plane, lines, addresses, policy)


def keep(cache: ResponseCache, packet: bytes) -> None:
    """The answer to a packet, as an upstream would have given it."""
    end = packet.index(b"\0", HEADER) + 5
    message = packet[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + packet[HEADER:end] + _ADDRESS
    union = CachedUnion(1, 0)
    cache.insert(CacheKey(packet[HEADER : end - 4], 1), message, now=int(TICKS), union=union)


def thread_on(plane: Plane, number: int) -> FastThread:
    """One of the fast path that tells nobody of its punts."""
    return FastThread(plane, Routes(1), number, os.eventfd(0), KEY)


def driver_on(plane: Plane, number: int) -> Driver:
    """Of such a thread."""
    return Driver(thread_on(plane, number))


def recorded(asked: list[tuple[bytes, int]]) -> list[tuple[bytes, bytes]]:
    """The packets with the client that sent them."""
    return [(packet, CLIENT) for packet, _ in asked]


def main() -> int:
    """Give every packet, so many times."""
    snapshot, path, times = sys.argv[1:]
    asked = list(read_packets(Path(path)))
    driver = driver_on(ready(Path(snapshot), asked).plane, 0)
    answered = driver.spin(recorded(asked), int(times), NOW, int(TICKS * 1e6))
    sys.stdout.write(f"{answered}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
