"""The sides of the equality course: one policy, one upstream and one time, each with packets of its own.

All run on one loop whose clock jumps (see ``tests.worlds.virtual_time``), so that what waits for an
upstream, or for a stale answer's turn, does so on each to the microsecond. Moments are binary fractions of
a second: the sides count them in different units, and nothing is to be rounded.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from filterd.dataplane.cache.cache import CacheCounters, ResponseCache
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import Front
from filterd.dataplane.packet.unwrap import Unwrap, source_of
from filterd.dataplane.slow.quota import WaitingQuota
from filterd.dataplane.slow.slowpath import MAX_WAITING, SlowPath
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.dataplane.upstream.forward_types import Question
from filterd.policy.decide import PublishedState
from filterd.policy.inquiry_reference import ReferenceLine, ReferenceState
from filterd.wire.message import ProxyHeader
from filterd.wire.proxy import parse_header
from tests.equality.loopback import Loopback
from tests.equality.packets import Case, acl
from tests.equality.recognition import Recognition
from tests.equality.script import Script, ScriptedReply
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY, NOW
from tests.worlds.rate import Limit

SECRET = bytes(range(16, 32))
STALE_ANSWER = 1.75
"""seconds, as a binary fraction: the client-answer timer"""
PATIENCE = 5_000
"""milliseconds in which a datagram on loopback must have come"""
THREADS = 2
"""of the fast path, driven in turns: one sleeps through what is published meanwhile"""

Answers = dict[int, list[tuple[float, bytes]]]
"""by the case's number: when and what"""
Numbered = tuple[int, Case]
Asked = tuple[float, Question]
Texts = Sequence[str]
"""prefixes"""


@dataclass(frozen=True, slots=True)
class SideSettings:
    """The settings with which all sides are made."""

    rules: Rules
    proxies: Texts
    forwarders: Texts
    script: Script
    cache_size: int = 1 << 20
    stale_window: int = 86_400
    quota: int = MAX_WAITING
    """queries that may wait for an upstream"""
    clients: int = 1 << 10
    """buckets of the rate limit"""
    strangers: int = 1 << 6


@dataclass(slots=True)
class LoopClock:
    """Both clocks of the query path, by the loop's, as ``SystemClock`` has them."""

    loop: asyncio.AbstractEventLoop
    behind: int = 0
    """seconds that the machine has lost"""
    earliest: int = 0

    @property
    def machine(self) -> int:
        """Unix seconds, as the machine tells them."""
        return NOW + int(self.loop.time()) - self.behind

    def now(self) -> int:
        return max(self.machine, self.earliest)

    def ticks(self) -> float:
        return self.loop.time()


@dataclass(slots=True)
class ScriptedUpstreams:
    """Ask the script, and note when."""

    script: Script
    clock: LoopClock
    asked: list[Asked] = field(default_factory=list)

    async def forward(self, pending: Pending, waited: float = 0.0, doubted: bool = False) -> ScriptedReply:
        question = Question(
            pending.name, pending.qtype, pending.qclass, pending.dnssec_ok, pending.checking_disabled
        )
        self.asked.append((self.clock.ticks(), question))
        came = self.script.answer(question)
        if came.seconds or self.script.real:
            await asyncio.sleep(came.seconds)
        return came


@dataclass(frozen=True, slots=True)
class Policy:
    """A published policy, in native form and in plain form."""

    state: PublishedState | None
    lines: Lines
    addresses: Addresses
    ready: bool
    earliest: int
    plain_state: ReferenceState | None
    plain_lines: Mapping[int, ReferenceLine]
    plain_addresses: ReferenceAddresses
    recognition: Recognition


class Side(ABC):
    """A side of the course. All have a slow path in common, and the notes of what it did."""

    name: str
    """in reports"""

    def __init__(self, settings: SideSettings, clock: LoopClock, packets: Plane, board: CrashBoard) -> None:
        self.clock = clock
        self.packets, self.board = packets, board
        self.upstreams = ScriptedUpstreams(settings.script, clock)
        self.record = AnswerCounts()
        self.path = SlowPath(self.packets, self.upstreams, clock, self.record, STALE_ANSWER)
        self.path._quota = WaitingQuota(settings.quota)
        self.answers: Answers = {}

    @abstractmethod
    def publish(self, policy: Policy) -> None:
        """Publish the policy."""

    @abstractmethod
    def recognise(self, recognition: Recognition) -> None:
        """Other sessions, or other rules for recognising lines."""

    @abstractmethod
    def change_settings(self, rules: Rules, proxies: Texts, forwarders: Texts) -> None:
        """Other settings."""

    @abstractmethod
    def limit(self, limit: Limit) -> None:
        """Another rate limit."""

    @abstractmethod
    def flush(self, name: bytes, *, subtree: bool) -> None:
        """Forget answers."""

    @abstractmethod
    def cache_counters(self) -> CacheCounters:
        """The counters of the cache."""

    @abstractmethod
    def receive(self, cases: Sequence[Numbered]) -> None:
        """Take what came in one go."""

    async def close(self) -> None:
        await self.path.close()
        os.close(self.board.descriptor)

    def stream(self, number: int, case: Case) -> None:
        """A query over TCP: the slow path's on both sides."""
        send = partial(self.send, number)
        self.path.take(memoryview(case.packet), case.peer, True, send, case.front, port=case.port)

    def send(self, number: int, answer: bytes) -> None:
        """The case's answer goes."""
        self.answers.setdefault(number, []).append((self.clock.ticks(), answer))


class NativeSide(Side):
    """A side whose packets are the native ones."""

    def __init__(self, settings: SideSettings, clock: LoopClock) -> None:
        self.cache = ResponseCache(settings.cache_size, SECRET, settings.stale_window)
        proxies, forwarders = Prefixes(KEY, settings.proxies), Prefixes(KEY, settings.forwarders)
        packets = Plane(acl(), self.cache, settings.rules, forwarders, proxies)
        board = CrashBoard.make(KEY)
        packets.use_board(board)
        self.limiter = RateLimiter(SECRET, settings.clients, settings.strangers)
        super().__init__(settings, clock, packets, board)

    def publish(self, policy: Policy) -> None:
        bindings = policy.recognition.bindings(policy.addresses)
        self.packets.publish(policy.state, policy.lines, bindings, policy.ready, policy.earliest)
        policy.recognition.show(self.packets)

    def recognise(self, recognition: Recognition) -> None:
        recognition.show(self.packets)

    def change_settings(self, rules: Rules, proxies: Texts, forwarders: Texts) -> None:
        self.packets.change_settings(acl(), rules, Prefixes(KEY, forwarders), Prefixes(KEY, proxies))

    def limit(self, limit: Limit) -> None:
        self.packets.limit(self.limiter, RateRules(SECRET, limit))

    def flush(self, name: bytes, *, subtree: bool) -> None:
        self.cache.flush(name, subtree=subtree)

    def cache_counters(self) -> CacheCounters:
        return self.cache.counters()


def with_ports(cases: Sequence[Numbered]) -> Iterator[tuple[int, Case, int]]:
    """Each case with its client's port: the place at which :class:`Driver` gives it to the thread. TCP, which
    ends a run of datagrams, has none."""
    place = 0
    for number, case in cases:
        yield number, case, 0 if case.tcp else place
        place = 0 if case.tcp else place + 1


class DatagramSide(Side):
    """A side whose every packet goes through ``SlowPath.take``."""

    without_header: int
    """datagrams dropped as their sender must send a PROXY header and did not"""


class SlowSide(NativeSide, DatagramSide):
    """The native slow path."""

    name = "slow"

    def __init__(self, settings: SideSettings, clock: LoopClock) -> None:
        super().__init__(settings, clock)
        self.unwrap = Unwrap(Prefixes(KEY, settings.proxies))
        self.without_header = 0

    def change_settings(self, rules: Rules, proxies: Texts, forwarders: Texts) -> None:
        super().change_settings(rules, proxies, forwarders)
        self.unwrap = Unwrap(Prefixes(KEY, proxies))

    def receive(self, cases: Sequence[Numbered]) -> None:
        """Take what came in one go."""
        for number, case, port in with_ports(cases):
            if case.tcp:
                self.stream(number, case)
                continue
            found = self.unwrap.datagram(case.packet, case.peer)
            if found is None:
                self.without_header += 1
                continue
            front, send = None, partial(self.send, number)
            if self.unwrap.is_proxy(case.peer):
                header = parse_header(case.packet)
                assert isinstance(header, ProxyHeader)
                front = Front(case.peer, case.packet[: header.length])
                port = source_of(header, case.peer, port)[1]
            self.path.take(*found, False, send, front, port=port)


class Table(Protocol):
    def stop_midway(self, midway: bool) -> None: ...


class Chooser(Protocol):
    def choice(self, seq: Sequence[Driver], /) -> Driver: ...


class FastSide(NativeSide):
    """Datagrams through the threads' batches, their punts through ``SlowPath.resume``."""

    name = "fast"

    def __init__(self, settings: SideSettings, clock: LoopClock, chooser: Chooser) -> None:
        super().__init__(settings, clock)
        self._news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        routes = Routes(THREADS)
        self.threads = [
            FastThread(self.packets, routes, number, self._news, SECRET) for number in range(THREADS)
        ]
        self._drivers = [Driver(thread) for thread in self.threads]
        self._loopback = Loopback(settings.script)
        if settings.script.real:
            routes.publish([self._loopback.hop])
        self._chooser = chooser
        self._driven: list[int] = []
        """the cases of the last batch, by their places"""
        self.flying: dict[bytes, int] = {}
        """message id -> the case that had it last"""
        self.busy: tuple[Table, ...] = ()
        """tables that are being written while the threads work"""

    async def close(self) -> None:
        await super().close()
        self._loopback.close()
        os.close(self._news)

    def receive(self, cases: Sequence[Numbered]) -> None:
        """Take what came in one go; :meth:`take` then."""
        run: list[Numbered] = []
        for number, case in cases:
            if case.tcp:
                self._drive(run)
                self.take()
                run = []
                self.stream(number, case)
            else:
                run.append((number, case))
        self._drive(run)

    def forward(self) -> None:
        """Answer what the threads ask of the upstream, one question after the other."""
        for driver in self._drivers:
            if driver.waiting:
                self._pump(driver, 0)
            while asked := self._loopback.came():
                for each in asked:
                    self.upstreams.asked.append((self.clock.ticks(), self._loopback.answer(each)))
                    self._pump(driver, PATIENCE)
            assert driver.waiting == 0

    def take(self) -> None:
        """Take up what the threads left to the slow path."""
        for thread in self.threads:
            while (punted := thread.take()) is not None:
                self.path.resume(punted, self._resumed)

    def _resumed(self, answer: bytes) -> None:
        self.send(self.flying.get(answer[:2], -1), answer)

    def _drive(self, run: Sequence[Numbered]) -> None:
        driver = self._chooser.choice(self._drivers)
        ticks = self.clock.ticks()
        self._driven = [number for number, _ in run]
        packets = [(case.packet, case.peer) for _, case in run]
        for table in self.busy:
            table.stop_midway(True)
        answers = driver.drive(packets, self.clock.machine, int(ticks * 1_000_000))
        for table in self.busy:
            table.stop_midway(False)
        for (number, _), answer in zip(run, answers, strict=True):
            if answer is not None:
                self.send(number, answer)

    def _pump(self, driver: Driver, milliseconds: int) -> None:
        micros = int(self.clock.ticks() * 1_000_000)
        for answered in driver.pump(self.clock.machine, micros, milliseconds):
            self.send(self._driven[answered.place], answered.answer)

    def dropped(self) -> dict[str, int]:
        """The datagrams that the threads dropped, by reason."""
        counts = [thread.counts().drops for thread in self.threads]
        return {reason: sum(each[reason] for each in counts) for reason in counts[0]}

    def misses(self) -> dict[str, int]:
        """The misses that they forwarded by themselves."""
        return dict(sum((Counter(thread.counts().misses) for thread in self.threads), Counter()))

    def punts(self) -> dict[str, int]:
        """The queries that they left to the slow path, by reason."""
        counts = [thread.counts().punts for thread in self.threads]
        return {reason.word: sum(each[reason] for each in counts) for reason in counts[0]}
