"""``make punts``: how much of real mixes of queries the fast path leaves to the slow path, and why.

    python -m tests.equality.mixes FOLDER

FOLDER holds the query mixes and the lists of names; without it nothing is done. Each mix is asked twice, and
a resolver on loopback answers what misses: the second time punts are counted, first with a clock that stands
still, then with one that lets answers grow old. Exit code 1: more than :data:`MOST` were punted.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from struct import pack

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.upstream.forward_types import Question
from filterd.dataplane.upstream.thread_route import ThreadHop
from filterd.model.verdict import Kind
from filterd.policy.classes import FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.policy.decide import PublishedState
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire.names import name_from_text
from tests.equality.packets import RD
from tests.equality.script import ASKED, MX, NS, OPT, PTR, SRV, TXT, Reply, Script, content
from tests.unit.dataplane.conftest import Rules
from tests.worlds.dns_answers import AAAA, HTTPS, A
from tests.worlds.miss import Upstream, bound
from tests.worlds.policy import KEY, NOW, Line, Placed, snapshot_of

MOST = 0.001
"""of the queries may be punted, for whatever reason"""
TYPES = {"A": A, "AAAA": AAAA, "HTTPS": HTTPS, "PTR": PTR, "TXT": TXT, "MX": MX, "NS": NS, "SRV": SRV}
MIXES = {"mix-500k": ("A",), "trace-browsing": ("A", "AAAA", "HTTPS")}
"""file -> what is asked for a name that stands there without a type"""
CATEGORIES = ("adult", "gambling", "social", "drugs")
SAFE = {"www.google.com": "forcesafesearch.google.com", "www.bing.com": "strict.bing.com"}
CLIENTS = 2_000
LINES = 1_200
"""of these clients have a line"""
CACHE_SIZE = 512 << 20
BATCH = 64
RATES = (0, 2_000)
"""queries a second; 0: the clock stands still"""
START = 1_000_000_000
"""microseconds"""
PATIENCE = 1000
"""milliseconds for an answer of the resolver, which is on its way when it is waited for"""
HEADER = 12
TTLS = (60, 300, 300, 3600)

Query = tuple[bytes, bytes]
"""packet and client"""


@dataclass(slots=True)
class Mix:
    """One file of queries."""

    name: str
    asked: list[tuple[str, int]]

    def queries(self) -> Iterator[Query]:
        """As many clients would send them: without EDNS, with it, and with DO."""
        for number, (text, qtype) in enumerate(self.asked):
            place = number * 7919 % CLIENTS
            option = (
                b"" if place % 10 < 4 else b"\0" + pack("!HHIH", OPT, 1232, 0x8000 * (place % 10 == 9), 0)
            )
            head = pack("!HHHHHH", number & 0xFFFF, RD, 1, 0, 0, 1 if option else 0)
            yield head + _wire(text) + pack("!HH", qtype, 1) + option, _client(place)


@cache
def _wire(text: str) -> bytes:
    return name_from_text(text)


def _client(place: int) -> bytes:
    return bytes(10) + b"\xff\xff\x0a\0" + place.to_bytes(2, "big")


def read(folder: Path, name: str) -> Mix:
    """One mix, with the types of each name."""
    asked = []
    with lzma.open(folder / "queries" / f"{name}.txt.xz", "rt", newline="\n") as lines:
        for line in lines:
            text, *types = line.split()
            asked += [(text, TYPES[word]) for word in types or MIXES[name]]
    return Mix(name, asked)


def listed(folder: Path, category: str, suffixes: set[str]) -> Iterator[str]:
    """The names of a category that stand above or at a name which is asked for."""
    for path in sorted((folder / "domains" / category).glob("*.xz")):
        with lzma.open(path, "rt") as names:
            yield from suffixes.intersection(name.rstrip("\n") for name in names)


def policy(folder: Path, mixes: Sequence[Mix]) -> PublishedState:
    """Real categories, a security list and safe search; of the names those that matter here."""
    suffixes: set[str] = set()
    for name in {text for mix in mixes for text, _ in mix.asked}:
        labels = name.split(".")
        suffixes.update(".".join(labels[at:]) for at in range(len(labels)))
    kinds = [(Kind.CATEGORY, category) for category in CATEGORIES] + [(Kind.SECURITY, "malware")]
    free = [ListClass(name, kind, FIRST_FREE_BIT + bit, name) for bit, (kind, name) in enumerate(kinds)]
    safe = [
        ListClass(name, Kind.SAFE_SEARCH, FIRST_FREE_BIT + 64 + bit, target=target)
        for bit, (name, target) in enumerate(SAFE.items())
    ]
    rules = [Placed(name, each.number) for each in free for name in listed(folder, each.id, suffixes)]
    rules += [Placed(each.id, each.number) for each in safe]
    classes = Classes((*FIXED, *free, *safe))
    asks = ResolvedPolicy(
        categories=sum(each.mask for each in free[:-1]), safe_search=sum(each.mask for each in safe)
    )
    return PublishedState(
        snapshot_of(rules, classes),
        KEY,
        now=NOW,
        policies=(ResolvedPolicy(), asks),
        settings=StateSettings(security_enabled=True),
    )


def lines() -> tuple[Lines, BindingTables]:
    """Most clients have a line, most of these ask for something, and some have names of their own."""
    made, addresses = Lines(KEY), Addresses(KEY)
    for place in range(LINES):
        made.upsert(Line(policy=1, opted_in=place % 4 != 0).native(place + 1))
        addresses.set(_client(place)[12:], 32, place + 1)
    return made, BindingTables(addresses)


class Resolver:
    """An upstream on loopback that has a positive answer of the type to every question, and no other."""

    def __init__(self) -> None:
        self._socket = bound()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setblocking(False)
        self._script = Script([name_from_text("host.example.net")], [bytes(4), bytes(16)])

    def hop(self) -> ThreadHop:
        """As a route has it."""
        return Upstream(self._socket).hop()

    def answer_all(self) -> None:
        """Answer all that has come."""
        with suppress(BlockingIOError):
            while True:
                query, source = self._socket.recvfrom(512)
                self._socket.sendto(self._answer(query), source)

    def _answer(self, query: bytes) -> bytes:
        """With its question as it came, and the content of the name's own."""
        end = query.index(0, HEADER) + 5
        name, qtype = query[HEADER : end - 4], int.from_bytes(query[end - 4 : end - 2], "big")
        question = Question(name.lower(), qtype)
        random = Random(hashlib.blake2b(question.wire, digest_size=8).digest())
        reply = Reply(question)
        reply.add(ASKED, qtype, random.choice(TTLS), content(self._script, random, qtype))
        made = reply.wire()
        return query[:2] + made[2:HEADER] + query[HEADER:end] + made[end:]

    def close(self) -> None:
        """Answer nobody any more."""
        self._socket.close()


@dataclass(slots=True)
class Asking:
    """One thread that mixes are asked of. ``rate``: queries a second, 0 for a clock that stands still."""

    packets: Plane
    thread: FastThread
    resolver: Resolver
    rate: int
    asked: int = 0
    driver: Driver = field(init=False)

    def __post_init__(self) -> None:
        self.driver = Driver(self.thread)

    def ask(self, queries: Iterator[Query]) -> None:
        """All of them; the upstream answers what misses before the next batch comes."""
        batch: list[Query] = []
        for query in queries:
            batch.append(query)
            if len(batch) == BATCH:
                self._batch(batch)
                batch = []
        self._batch(batch)

    def _batch(self, batch: list[Query]) -> None:
        micros = START + (self.asked * 1_000_000 // self.rate if self.rate else 0)
        now = NOW + (micros - START) // 1_000_000
        self.driver.drive(batch, now, micros)
        self.asked += len(batch)
        while self.driver.waiting:
            self.driver.pump(now, micros, 0)
            self.resolver.answer_all()
            self.driver.pump(now, micros, PATIENCE)
        while self.thread.take() is not None:
            pass  # counted


def measured(mix: Mix, state: PublishedState, rate: int) -> float:
    """Ask a mix twice and print what was punted the second time; the share."""
    began = time.monotonic()
    packets = Plane(Prefixes(KEY, ["10.0.0.0/8"]), ResponseCache(CACHE_SIZE, KEY), Rules())
    packets.publish(state, *lines(), True)
    news = os.eventfd(0)
    routes, resolver = Routes(1), Resolver()
    routes.publish([resolver.hop()])
    asking = Asking(packets, FastThread(packets, routes, 0, news, KEY), resolver, rate)
    asking.ask(mix.queries())
    before, hit, blocked = asking.thread.counts(), _hits(packets), _blocked(packets)
    asking.ask(mix.queries())
    now = asking.thread.counts()
    os.close(news)
    resolver.close()
    count = len(mix.asked)
    punts = {reason: punted - before.punts[reason] for reason, punted in now.punts.items()}
    share = sum(punts.values()) / count
    forwarded = {result: number - before.misses[result] for result, number in now.misses.items()}
    clock = f"{rate} queries a second" if rate else "the clock stands still"
    told = ", ".join(f"{reason.word} {100 * n / count:.3f} %" for reason, n in punts.items() if n)
    asked = ", ".join(f"{result} {100 * n / count:.1f} %" for result, n in forwarded.items())
    cached, refused = (100 * (_hits(packets) - hit) / count, 100 * (_blocked(packets) - blocked) / count)
    print(f"{mix.name}, {clock}: {count} queries, {cached:.1f} % out of the cache, {refused:.1f} % blocked, "
          f"of upstreams: {asked}; punted {100 * share:.3f} % ({told or 'nothing'}); "
          f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    return share


def _hits(packets: Plane) -> int:
    lookups = packets.counts()["lookups"]
    return lookups["hit"] + lookups["prefetch"]


def _blocked(packets: Plane) -> int:
    return sum(count for (outcome, _), count in packets.counts()["verdicts"].items() if outcome == "block")


def main(words: list[str]) -> int:
    """Ask every mix, with the clock as it may be; the exit code."""
    folder = Path(words[0])
    if not (folder / "queries").is_dir():
        print(f"punts: skipped, no mixes of queries in {folder}")
        return 0
    mixes = [read(folder, name) for name in MIXES]
    state = policy(folder, mixes)
    shares = [measured(mix, state, rate) for rate in RATES for mix in mixes]
    return 1 if max(shares) > MOST else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
