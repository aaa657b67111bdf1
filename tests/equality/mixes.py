"""``make punts``: how much of real mixes of queries the fast path leaves to the slow path, and why.

    python -m tests.equality.mixes FOLDER

FOLDER holds the query mixes and the lists of names; without it nothing is done. Each mix is asked twice: at
first every miss is answered by a scripted upstream, then the whole mix comes again and its punts are counted.
Exit code 1: more than :data:`MOST` were punted for another reason than a miss.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from struct import pack

from filterd.dataplane.addresses import Addresses, Prefixes
from filterd.dataplane.cache import ResponseCache
from filterd.dataplane.fastpath import FastThread
from filterd.dataplane.lines import Lines
from filterd.dataplane.packets import Packets, Pending
from filterd.dataplane.punting import PuntReason
from filterd.dataplane.recorded import Driver
from filterd.dataplane.routes import Routes
from filterd.dataplane.upstream.values import Question
from filterd.model.verdict import Kind
from filterd.policy.classes import FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.policy.decide import PublishedState
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire.names import name_from_text
from tests.dns_answers import AAAA, HTTPS, A
from tests.equality.packets import RD
from tests.equality.script import ASKED, MX, NS, OPT, PTR, SRV, TXT, Reply, Script, content
from tests.policy_world import KEY, NOW, Line, Placed, snapshot_of
from tests.unit.dataplane.conftest import Rules

MOST = 0.001
"""of the queries may be punted for another reason than a miss"""
REASONS = [reason for reason in PuntReason if reason is not PuntReason.FORWARD]
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


def lines() -> tuple[Lines, Addresses]:
    """Most clients have a line, most of these ask for something, and some have names of their own."""
    made, addresses = Lines(KEY), Addresses(KEY)
    for place in range(LINES):
        made.upsert(Line(policy=1, opted_in=place % 4 != 0).native(place + 1))
        addresses.set(_client(place)[12:], 32, place + 1)
    return made, addresses


@dataclass(slots=True)
class Asking:
    """One data plane that mixes are asked of. ``rate``: queries a second, 0 for a clock that stands still."""

    packets: Packets
    thread: FastThread
    rate: int
    script: Script
    asked: int = 0

    def ask(self, queries: Iterator[Query], *, answering: bool) -> None:
        """All of them; ``answering``: the upstream answers each miss before the next batch comes."""
        batch: list[Query] = []
        for query in queries:
            batch.append(query)
            if len(batch) == BATCH:
                self._batch(batch, answering)
                batch = []
        self._batch(batch, answering)

    def _batch(self, batch: list[Query], answering: bool) -> None:
        micros = START + (self.asked * 1_000_000 // self.rate if self.rate else 0)
        ticks = micros // 1_000_000
        now = NOW + ticks - START // 1_000_000
        Driver(self.thread).drive(batch, now, micros)
        self.asked += len(batch)
        while (punted := self.thread.take()) is not None:
            if punted.reason == PuntReason.REFRESH:
                self.packets.keep(
                    punted.pending, self._answer(punted.pending), False, (), micros // 1_000_000
                )
            elif answering:
                self._forward(punted.pending, now, ticks)

    def _forward(self, pending: Pending, now: int, ticks: int) -> None:
        """Until there is an answer: one that leads to a safe host needs that host's too."""
        result: Pending | bytes | None = pending
        while isinstance(result, Pending):
            result = self.packets.finish(result, self._answer(result), False, (), now, ticks)

    def _answer(self, pending: Pending) -> bytes:
        """A positive answer of the type that was asked for."""
        question = Question(pending.name, pending.qtype)
        random = Random(hashlib.blake2b(question.wire, digest_size=8).digest())
        reply = Reply(question)
        reply.add(ASKED, pending.qtype, random.choice(TTLS), content(self.script, random, pending.qtype))
        return reply.wire()


def measured(mix: Mix, state: PublishedState, rate: int) -> float:
    """Ask a mix twice and print what was punted the second time; the share that was not for a miss."""
    began = time.monotonic()
    packets = Packets(Prefixes(KEY, ["10.0.0.0/8"]), ResponseCache(CACHE_SIZE, KEY), Rules())
    packets.publish(state, *lines(), True)
    news = os.eventfd(0)
    thread = FastThread(packets, Routes(1), 0, news, KEY)
    script = Script([name_from_text("host.example.net")], [bytes(4), bytes(16)])
    asking = Asking(packets, thread, rate, script)
    asking.ask(mix.queries(), answering=True)
    before = asking.thread.counts().punts
    lookups, blocked = packets.counts()["lookups"], _blocked(packets)
    asking.ask(mix.queries(), answering=True)
    punts = {reason: count - before[reason] for reason, count in asking.thread.counts().punts.items()}
    hits = packets.counts()["lookups"]["hit"] - lookups["hit"]
    os.close(news)
    count = len(mix.asked)
    other = sum(punts[reason] for reason in REASONS) / count
    clock = f"{rate} queries a second" if rate else "the clock stands still"
    told = ", ".join(f"{reason.word} {100 * n / count:.3f} %" for reason, n in punts.items() if n)
    print(f"{mix.name}, {clock}: {count} queries, {100 * hits / count:.1f} % out of the cache, "
          f"{100 * (_blocked(packets) - blocked) / count:.1f} % blocked; punted for a miss "
          f"{100 * punts[PuntReason.FORWARD] / count:.3f} %, for other reasons {100 * other:.3f} % "
          f"({told or 'nothing'}); {time.monotonic() - began:.0f} s")  # fmt: skip
    return other


def _blocked(packets: Packets) -> int:
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
    return 1 if max(shares[: len(mixes)]) > MOST else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
