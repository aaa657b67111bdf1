"""The test of mandatory lists over DNS: the node asks itself for each list's canary name, as a client would.

The names come from the snapshot in force and are nothing else: no name of a list is ever asked for. Extended
error 16 (Censored) says that a mandatory rule blocked; NXDOMAIN alone says nothing. The upstreams must answer
for the name at the same time, so that nobody takes a name that does not exist for a blocked one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from filterd.dataplane.listeners.listen_addresses import ListenAddresses
from filterd.dataplane.listeners.socket_binding import Address, written
from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.packet.unwrap import client_bytes
from filterd.dataplane.upstream.forward_types import Question, UpstreamAnswer, UpstreamFailure
from filterd.model.records import CanaryResult, CanaryState
from filterd.policy.canary import Canary
from filterd.serve.forwarding import Forwarding
from filterd.serve.listening import Listening
from filterd.serve.wiring import canaries_of
from filterd.telemetry import log
from filterd.wire import codec
from filterd.wire.ede import ExtendedError
from filterd.wire.edns import UDP_SIZE
from filterd.wire.names import name_from_text
from filterd.wire.proxy import SIGNATURE
from filterd.wire.status import Status

TRIES = 2
WAIT_SECONDS = 1.0
"""for an answer of our own listener"""
UPSTREAM_SECONDS = 6.0
START_SECONDS = 5.0
"""before the first test: upstreams and orders are being found"""
TYPE_A = 1
_NOERROR, _NXDOMAIN, _REFUSED = 0, 3, 5
_CHECK_OF_A_PROXY = SIGNATURE + b"\x20\0\0\0"
"""the PROXY header of a proxy that asks for itself (version 2, LOCAL)"""
REMEDY = "see filterd canary list; filterd snapshot build compiles the list anew"


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """A listener of our own. ``proxy``: what loopback sends there begins with a PROXY header."""

    address: Address
    port: int
    proxy: bool = False

    def __str__(self) -> str:
        return written(self.address, self.port)


def targets_at(addresses: ListenAddresses) -> list[ProbeTarget]:
    """The listen addresses that are served now; loopback stands for a wildcard."""
    served = filter(None, addresses.self_query_targets())
    return [
        ProbeTarget(each.address, each.port, each.unwrap.is_proxy(client_bytes(_loopback(each.address))))
        for each in served
    ]


class UpstreamAsker(Protocol):
    """Asks the upstreams directly: neither cache nor policy lies between."""

    async def forward(self, pending: Question, /) -> UpstreamAnswer | UpstreamFailure:
        """The answer, or why there is none."""


Judge = Callable[[bytes], tuple[CanaryState, str]]
"""judges one answer of a listener"""
Exchange = Callable[[ProbeTarget, bytes], Awaitable[bytes | None]]
"""sends a query to a listener, and gives the answer; None: none came. Raises ``OSError``"""


class NameAsker:
    """Asks every listener of our own, and the upstreams, for a name."""

    def __init__(
        self,
        targets: Callable[[], Sequence[ProbeTarget]],
        upstreams: UpstreamAsker,
        exchange: Exchange | None = None,
    ) -> None:
        self._targets = targets
        self._upstreams = upstreams
        self._exchange = exchange or ask_listener

    async def here(self, name: str, judged: Judge) -> list[tuple[CanaryState, str]]:
        """The judgement on the answer of each listener."""
        return [*await asyncio.gather(*(self._ask(target, name, judged) for target in self._targets()))]

    async def _ask(self, target: ProbeTarget, name: str, judged: Judge) -> tuple[CanaryState, str]:
        query = query_for(name)
        try:
            for _ in range(TRIES):
                answer = await self._exchange(target, query)
                if answer is not None:
                    state, reason = judged(answer)
                    return state, f"{target}: {reason}" if reason else ""
        except OSError as error:
            return CanaryState.UNJUDGED, f"{target}: {error.strerror or error}"
        return CanaryState.UNJUDGED, f"{target}: no answer"

    async def served_upstream(self, name: str) -> bool:
        """Return whether the upstreams have an address for the name."""
        question = Question(name_from_text(name), TYPE_A)
        try:
            async with asyncio.timeout(UPSTREAM_SECONDS):
                answer = await self._upstreams.forward(question)
        except TimeoutError:
            return False
        return answer.message is not None and answer.rcode == _NOERROR and has_address(answer.message)


class CanaryProbe:
    """Tests at each interval, on the event loop. Any thread may read :attr:`results`."""

    def __init__(
        self,
        canaries: Callable[[], Sequence[Canary]],
        targets: Callable[[], Sequence[ProbeTarget]],
        upstreams: UpstreamAsker,
        clock: Callable[[], float],
        interval: float,
        exchange: Exchange | None = None,
    ) -> None:
        """``canaries``: those of the snapshot in force; ``clock`` gives Unix seconds."""
        self._canaries = canaries
        self.asker = NameAsker(targets, upstreams, exchange)
        self._clock = clock
        self.interval = interval
        self.results: tuple[CanaryResult, ...] = ()

    async def run(self) -> None:
        """Test until cancelled."""
        await asyncio.sleep(min(START_SECONDS, self.interval))
        while True:
            try:
                await self.turn()
            except Exception as error:
                self.results = ()
                log.get().error("a test of canaries failed", **log.fault_fields(error))
            await asyncio.sleep(self.interval)

    async def turn(self) -> None:
        """Test every canary once."""
        before = {each.label: each for each in self.results}
        found = []
        for canary in self._canaries():
            result = await self._test(canary)
            known = before.get(canary.label)
            if result.state is not CanaryState.BLOCKED and known is not None:
                result = replace(result, succeeded_at=known.succeeded_at)
            _tell(result, known)
            found.append(result)
        self.results = tuple(found)

    async def _test(self, canary: Canary) -> CanaryResult:
        answers = await self.asker.here(canary.name, judge_answer)
        state, reason = judge(answers, await self.asker.served_upstream(canary.name))
        now = self._clock()
        succeeded = now if state is CanaryState.BLOCKED else 0.0
        return CanaryResult(canary.label, canary.name, state, reason, now, succeeded)


def probe_of(
    node: Node, listening: Listening, forwarding: Forwarding, clock: Callable[[], float], interval: float
) -> CanaryProbe:
    """The probe of a resolver, by its snapshot in force, its listeners and its upstreams."""
    return CanaryProbe(
        lambda: canaries_of(node), lambda: targets_at(listening.addresses), forwarding, clock, interval
    )


def judge(answers: Sequence[tuple[CanaryState, str]], served: bool) -> tuple[CanaryState, str]:
    """The judgement over all listeners. One that lets the name pass decides; then one that could not be
    judged; a name that the upstreams do not serve proves nothing by being blocked."""
    for state in (CanaryState.PASSED, CanaryState.UNJUDGED):
        reasons = [reason for found, reason in answers if found is state]
        if reasons:
            return state, "; ".join(reasons)
    if not answers:
        return CanaryState.UNJUDGED, "no listen address is served"
    if not served:
        return CanaryState.UNJUDGED, "the upstreams have no address for it: see the zone in canary.zone"
    return CanaryState.BLOCKED, ""


def judge_answer(answer: bytes) -> tuple[CanaryState, str]:
    """The judgement on one answer of a listener."""
    read = codec.strip(answer)
    if isinstance(read, Status):
        return CanaryState.UNJUDGED, "the answer is no DNS message"
    codes = {code for code, _ in read.edes}
    if ExtendedError.CENSORED in codes:
        return CanaryState.BLOCKED, ""
    if read.rcode == _REFUSED:
        return CanaryState.UNJUDGED, _refusal(codes)
    if read.rcode in (_NOERROR, _NXDOMAIN):
        return CanaryState.PASSED, "answered without extended error 16"
    return CanaryState.UNJUDGED, f"the answer has code {read.rcode}"


def has_address(message: bytes) -> bool:
    """Return whether an answer has an address."""
    found = codec.records(message)
    return not isinstance(found, Status) and any(each.section == 1 and each.type == TYPE_A for each in found)


def _refusal(codes: set[int]) -> str:
    if ExtendedError.PROHIBITED in codes:
        return "refused: dns.allow_from lacks loopback (127.0.0.0/8, ::1/128)"
    return "refused, as in reduced mode: /readyz of the resolver says whether it is in it"


def query_for(name: str) -> bytes:
    """A client's query for an address, with EDNS."""
    header = secrets.token_bytes(2) + b"\x01\0\0\1\0\0\0\0\0\1"
    opt = b"\0\0\x29" + UDP_SIZE.to_bytes(2, "big") + bytes(6)
    return header + Question(name_from_text(name), TYPE_A).wire + opt


def _tell(result: CanaryResult, before: CanaryResult | None) -> None:
    """Log a state that is new; one that was judged well from the start needs no word."""
    state = result.state
    if before is not None and before.state is state:
        return
    if state is CanaryState.PASSED:
        event = "the canary of a mandatory list is answered: the list does not block here"
        log.get().error(event, list=result.label, reason=result.reason, remedy=REMEDY)
    elif state is CanaryState.UNJUDGED:
        event = "the canary of a mandatory list cannot be judged"
        log.get().warning(event, list=result.label, reason=result.reason, remedy="filterd canary list")
    elif before is not None:
        log.get().info("the canary of a mandatory list is blocked again", list=result.label)


class _Waiting(asyncio.DatagramProtocol):
    """Waits for the datagram with the query's id."""

    def __init__(self, wanted: bytes) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._wanted = wanted

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Take the answer; anything else is ignored."""
        del addr
        if data[:2] == self._wanted and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Pass on that nobody listens there."""
        if not self.answer.done():
            self.answer.set_exception(exc)


async def ask_listener(target: ProbeTarget, query: bytes) -> bytes | None:
    """Send a query over UDP, from loopback: the sender that ``dns.allow_from`` admits by default."""
    loop = asyncio.get_running_loop()
    to = (str(target.address), target.port)
    transport, waiting = await loop.create_datagram_endpoint(
        lambda: _Waiting(query[:2]), local_addr=(_loopback(target.address), 0), remote_addr=to
    )
    try:
        transport.sendto((_CHECK_OF_A_PROXY if target.proxy else b"") + query)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                return await waiting.answer
        return None
    finally:
        transport.close()


def _loopback(address: Address) -> str:
    """The sender of a probe to an address of this family."""
    return "127.0.0.1" if address.version == 4 else "::1"
