"""The side of the equality course whose packets go through ``packet_reference``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, cast

from filterd.dataplane.cache.cache import CacheCounters
from filterd.dataplane.cache.cache_reference import ReferenceCache
from filterd.dataplane.packet import pipeline
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.exchange_reference import Ending, Exchange, ReferencePlane, Reply
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import Front, PlaneCounts
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.model.identity import Method
from filterd.wire.message import ProxyProblem
from filterd.wire.proxy_reference import parse_header
from tests.equality.packets import ACL
from tests.equality.recognition import Recognition
from tests.equality.sides import DatagramSide, LoopClock, Numbered, Policy, SideSettings, Texts, with_ports
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY
from tests.worlds.rate import Limit

LONGEST_EDE = 255
MOST_EDES = 4


class Waiting(Pending):  # type: ignore[misc]  # final for all but this stand-in, which SlowPath takes for one
    """An exchange that waits for an upstream."""

    exchange: Exchange

    @classmethod
    def of(cls, exchange: Exchange) -> Waiting:
        made = cls()
        made.exchange = exchange
        return made

    @property
    def name(self) -> bytes:
        return self.exchange.asked

    @property
    def qtype(self) -> int:
        return self.exchange.query.qtype

    @property
    def qclass(self) -> int:
        return self.exchange.query.qclass

    @property
    def dnssec_ok(self) -> bool:
        return self.exchange.query.dnssec_ok

    @property
    def checking_disabled(self) -> bool:
        return self.exchange.key.checking_disabled

    @property
    def client(self) -> bytes:
        return self.exchange.client

    @property
    def tcp(self) -> bool:
        return self.exchange.tcp

    @property
    def stale(self) -> bool:
        return self.exchange.stale


class ReferencePackets:
    """The reference with the face of :class:`Plane`, as far as ``SlowPath`` uses it."""

    def __init__(self, plane: ReferencePlane) -> None:
        self.plane = plane
        self.due: Waiting | None = None

    def receive(
        self,
        packet: bytes | memoryview,
        client: bytes,
        tcp: bool,
        now: int,
        ticks: float,
        front: Front | None = None,
        port: int = 0,
    ) -> bytes | Waiting | None:
        exchange = Exchange(bytes(packet), client, tcp, int(ticks * 1000), front is not None, port)
        if front is not None:
            header = parse_header(front.header, self.plane.proxy_id_tlv)
            exchange.front = front.address
            exchange.tlv = b"" if isinstance(header, ProxyProblem) else header.identity
        return self._outcome(Waiting.of(exchange), pipeline.receive(self.plane, exchange, now, int(ticks)))

    def finish(
        self,
        pending: Waiting,
        message: bytes | None,
        ad: bool,
        edes: Iterable[tuple[int, bytes]],
        now: int,
        ticks: int,
    ) -> bytes | Waiting | None:
        x = pending.exchange
        return self._outcome(pending, pipeline.finish(self.plane, x, reply(x, message, ad, edes), now, ticks))

    def keep(
        self,
        pending: Waiting,
        message: bytes | None,
        ad: bool,
        edes: Iterable[tuple[int, bytes]],
        ticks: int,
    ) -> None:
        x = pending.exchange
        pipeline.keep(self.plane, x, reply(x, message, ad, edes), ticks)

    def again(self, pending: Waiting, now: int, ticks: int) -> bytes | Waiting | None:
        return self._outcome(pending, pipeline.again(self.plane, pending.exchange, now, ticks))

    def answer_stale(self, pending: Waiting, now: int, ticks: int) -> bytes | None:
        self.due = None
        return pipeline.stale(self.plane, pending.exchange, now, ticks)

    def _outcome(self, pending: Waiting, ending: Ending) -> bytes | Waiting | None:
        answered = ending is Ending.ANSWERED
        self.due = pending if answered and pending.exchange.refresh else None
        if answered:
            return pending.exchange.answer
        return pending if ending is Ending.FORWARDED else None

    def counts(self) -> PlaneCounts:
        """As :meth:`Plane.counts`."""
        counted = self.plane.counted

        def of(kind: str, *names: str) -> dict[str, int]:
            return {name: counted[kind, name] for name in names}

        def parts(kind: str) -> dict[Any, int]:
            found = {fact[1:]: count for fact, count in counted.items() if fact[0] == kind}
            return {part[0] if len(part) == 1 else part: count for part, count in found.items()}

        drops = ("short", "not_a_query", "unanswerable", "rate_limited", "crashed_before")
        return {
            "queries": of("queries", "udp", "tcp"),
            "verdicts": parts("verdicts"),
            "refused": counted["refused",],
            "malformed": counted["malformed",],
            "not_ready": counted["not_ready",],
            "identified": of("identified", *list(Method)[1:]),
            "unrecognised": of("unrecognised", "ipv4", "ipv6"),
            "reduced": counted["reduced",],
            "too_large": counted["too_large",],
            "ech_stripped": counted["ech_stripped",],
            "categories": parts("categories"),
            "observed": parts("observed"),
            "drops": of("drops", *drops),
            "rate_limited": parts("rate_limited"),
            "lookups": of("lookups", "hit", "stale", "miss", "prefetch"),
        }


def reply(x: Exchange, message: bytes | None, ad: bool, edes: Iterable[tuple[int, bytes]]) -> Reply:
    """The reply to the name that was asked for."""
    short = tuple((code, text[:LONGEST_EDE]) for code, text in list(edes)[:MOST_EDES])
    return Reply(x.asked, message, ad, short)


class ReferenceSide(DatagramSide):
    """Every packet through ``SlowPath.take``, with the reference in the place of the native packets."""

    name = "reference"

    def __init__(self, settings: SideSettings, clock: LoopClock) -> None:
        board = CrashBoard.make(KEY)
        self.plane = ReferencePlane(
            settings.rules,
            ReferenceAddresses.of(ACL),
            ReferenceAddresses.of(settings.proxies),
            ReferenceAddresses.of(settings.forwarders),
            ReferenceCache(settings.stale_window),
            board,
        )
        super().__init__(settings, clock, cast(Plane, ReferencePackets(self.plane)), board)

    def publish(self, policy: Policy) -> None:
        self.plane.state, self.plane.identity_ready = policy.plain_state, policy.ready
        self.plane.lines, self.plane.addresses = policy.plain_lines, policy.plain_addresses
        policy.recognition.show_reference(self.plane)

    def recognise(self, recognition: Recognition) -> None:
        recognition.show_reference(self.plane)

    def change_settings(self, rules: Rules, proxies: Texts, forwarders: Texts) -> None:
        self.plane.rules = rules
        self.plane.proxies = ReferenceAddresses.of(proxies)
        self.plane.forwarders = ReferenceAddresses.of(forwarders)

    def limit(self, limit: Limit) -> None:
        self.plane.rates = limit

    def flush(self, name: bytes, *, subtree: bool) -> None:
        self.plane.cache.flush(name, subtree=subtree)

    def cache_counters(self) -> CacheCounters:
        """The plain cache evicts nothing and has no second writer."""
        cache = self.plane.cache
        return CacheCounters(len(cache.entries), cache.inserted, 0, 0, cache.flushed, cache.refused, 0, 0)

    @property
    def without_header(self) -> int:  # type: ignore[override]  # counted by the reference itself
        return self.plane.counted["drops", "no_proxy_header"]

    def receive(self, cases: Sequence[Numbered]) -> None:
        """Take what came in one go: with its header, which the reference reads."""
        for number, case, port in with_ports(cases):
            if case.tcp:
                self.stream(number, case)
                continue
            self.path.take(memoryview(case.packet), case.peer, False, partial(self.send, number), port=port)
