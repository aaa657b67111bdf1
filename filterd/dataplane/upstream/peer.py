"""One upstream: asks it, reads its answers, and learns its condition and capabilities from them.

Replies that nearly match (from the server's address, but with a wrong id or question) may be guesses of a
forger. After :data:`NEAR_MISSES` of them a question is *doubted*: whatever comes over UDP is not believed any
more, and it is asked over TCP (RFC 5452 section 9). :data:`MOST_DOUBTED` questions may be asked so at one
time; another one gets no answer from this server.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from filterd.dataplane.upstream.capabilities import MISMATCHES, REFUSALS, Capabilities
from filterd.dataplane.upstream.forward_types import ForwardOutcome, Question, Server, UpstreamAnswer
from filterd.dataplane.upstream.message import (
    Bits,
    Check,
    QueryForm,
    Sent,
    answers,
    check,
    is_truncated,
    read_answer,
    refuses_edns,
    speaks_edns,
    write_query,
)
from filterd.dataplane.upstream.network import Network
from filterd.dataplane.upstream.server_order import REFUSALS_TO_PROBE, SILENCE, Condition
from filterd.dataplane.upstream.thread_route import RouteReport

Attempt = asyncio.Task[UpstreamAnswer | ForwardOutcome]
Note = Callable[[str, str, str], None]
"""takes an event, the upstream's name, and a reason; none of them contains a question"""
Reading = Callable[[bytes], AbstractContextManager[object]]
"""a context in which an answer to that question (wire form) is read: a crash can then be blamed on it"""
NEAR_MISSES = 3
"""for one question; ``miss_ports.pxd`` has the same number, for the questions of one port"""
MOST_DOUBTED = 64
"""the most doubted questions under way to one server"""
_BACK = "an upstream answers again"
_SERVFAIL = 2
_IGNORED = {Check.WRONG_ID: ForwardOutcome.WRONG_ID, Check.WRONG_QUESTION: ForwardOutcome.WRONG_QUESTION}


def unwatched(question: bytes) -> AbstractContextManager[None]:
    """A context that does nothing, where there is no crash board."""
    del question
    return nullcontext()


@dataclass(frozen=True, slots=True)
class PeerContext:
    """The parts that all peers of a forwarder share."""

    network: Network
    clock: Callable[[], float]
    bits: Bits
    note: Note
    troubled: Callable[[str], None]
    """called when the server of this name begins to rest"""
    probe_due: Callable[[], None]
    """called when a probe of a server has become due"""
    counts: Counter[tuple[str, ForwardOutcome]]
    reading: Reading


class Peer:
    """Asks one server and learns from its answers. Owned by the event loop."""

    def __init__(self, server: Server, context: PeerContext) -> None:
        self.server = server
        self.condition = Condition(context.clock())
        self.outstanding = 0
        """questions that it has not answered yet"""
        self._doubted = 0
        """those of them that are asked over TCP because they are doubted"""
        self._capabilities = Capabilities(encrypted=server.tls is not None)
        self._context = context

    @property
    def full(self) -> bool:
        """Return whether it has the most questions that it may have."""
        return self.outstanding >= self.server.outstanding

    def ask(self, question: Question, wait: float, doubted: bool = False) -> Attempt:
        """Start to ask; the result is an outcome where no usable answer came within ``wait`` seconds.
        Cancelling gives up; it counts as a timeout if the server had enough time. ``doubted``: not over UDP.
        """
        self.outstanding += 1
        attempt = asyncio.get_running_loop().create_task(self._ask(question, wait, doubted))
        attempt.add_done_callback(self._ended)
        return attempt

    def probed(self, answer: UpstreamAnswer | ForwardOutcome, unanswered: int) -> None:
        """Learn from a probe; ``unanswered`` of them in a row have had no good answer."""
        begins = self.condition.probed(
            self._context.clock(), unanswered, heard=answer not in NOT_HEARD, refused=answer in _REFUSED
        )
        self._trouble("refused", begins=begins)

    async def probe(self, question: Question, wait: float) -> UpstreamAnswer | ForwardOutcome:
        """Ask a question of our own; a refusal does not count against the server."""
        return await self._converse(question, self._context.clock() + wait)

    def form(self, now: float) -> QueryForm:
        """The form of a query to it now."""
        return self._capabilities.form(now)

    def learn(self, before: RouteReport, report: RouteReport) -> None:
        """Learn from the difference between two reports of native threads, which ask the server too.

        The order of events between two reports is unknown: one good sign outweighs bad ones.
        """
        now = self._context.clock()
        heard = report.heard - before.heard
        if heard and self.condition.heard(
            report.heard_at / 1e6, (report.micros - before.micros) / heard / 1e6
        ):
            self.note(_BACK)
        if report.unreachable > before.unreachable and report.unreachable_at >= report.heard_at:
            self._trouble("unreachable", begins=self.condition.failed(now))
        if report.silent_since > before.silent_since:
            self._trouble("silent", begins=self.condition.silent(report.silent_since / 1e6, now))
        self._learn_refusals(before, report, now)
        self._learn_capabilities(before, report, now)

    def _learn_refusals(self, before: RouteReport, report: RouteReport, now: float) -> None:
        refused = report.refused + report.malformed - before.refused - before.malformed
        if report.answered + report.servfail > before.answered + before.servfail:
            if self.condition.answered(now):
                self.note(_BACK)
            return
        for _ in range(min(refused, REFUSALS_TO_PROBE)):
            self._refused(now)

    def _learn_capabilities(self, before: RouteReport, report: RouteReport, now: float) -> None:
        if report.case_kept > before.case_kept:
            self._capabilities.case_kept()
        else:
            for _ in range(min(report.case_lost - before.case_lost, MISMATCHES)):
                self._case_lost(now)
        if report.edns_spoken > before.edns_spoken:
            self._capabilities.edns_spoken()
        else:
            for _ in range(min(report.edns_refused - before.edns_refused, REFUSALS)):
                self._edns_refused(now)

    def count(self, outcome: ForwardOutcome) -> ForwardOutcome:
        """Count the outcome under the server's name, and return it."""
        self._context.counts[self.server.name, outcome] += 1
        return outcome

    def note(self, event: str, reason: str = "") -> None:
        """Tell the operator."""
        self._context.note(event, self.server.name, reason)

    async def _ask(self, question: Question, wait: float, doubted: bool) -> UpstreamAnswer | ForwardOutcome:
        started = self._context.clock()
        try:
            result = await self._converse(question, started + wait, doubted)
        except asyncio.CancelledError:
            if self._context.clock() - started >= SILENCE:
                self.count(ForwardOutcome.TIMEOUT)
            raise
        if result in _REFUSED:
            self._refused(self._context.clock())
        return result

    def _refused(self, now: float) -> None:
        """Note a refusal. It may be the question's fault; whether it is the server's, a probe must tell."""
        if self.condition.refused(now):
            self._context.probe_due()

    def _ended(self, _: Attempt) -> None:
        self.outstanding -= 1

    async def _converse(
        self, question: Question, until: float, doubted: bool = False
    ) -> UpstreamAnswer | ForwardOutcome:
        """One exchange, or two where the server knows no EDNS."""
        form = self._capabilities.form(self._context.clock())
        reply = await self._exchange(write_query(question, self._context.bits, form), until, doubted)
        with self._context.reading(question.wire):
            if not isinstance(reply, bytes) or not form.edns:
                return self._read(reply)
            if not refuses_edns(reply):
                if speaks_edns(reply):
                    self._capabilities.edns_spoken()
                return self._read(reply)
        self.count(ForwardOutcome.WITHOUT_EDNS)
        reply = await self._exchange(
            write_query(question, self._context.bits, replace(form, edns=False)), until, doubted
        )
        with self._context.reading(question.wire):
            answer = self._read(reply)
        if isinstance(answer, UpstreamAnswer):
            self._edns_refused(self._context.clock())
        return answer

    async def _exchange(self, sent: Sent, until: float, doubted: bool) -> bytes | ForwardOutcome:
        """The server's reply over UDP, or over TCP if UDP is not enough; or over TLS if configured."""
        if self.server.tls is not None:
            return await self._watched(self._stream(sent, until))
        if doubted:
            return await self._surely(sent, until)
        reply = await self._watched(self._udp(sent, until))
        if reply is ForwardOutcome.DOUBTED:
            self.count(reply)
            return await self._surely(sent, until)
        if isinstance(reply, ForwardOutcome):
            return reply
        if self._keeps_case(reply, sent) and not is_truncated(reply):
            return reply
        self.count(ForwardOutcome.TCP)
        return await self._stream(sent, until)

    async def _surely(self, sent: Sent, until: float) -> bytes | ForwardOutcome:
        """The reply to a doubted question, over TCP; so many at one time and no more."""
        if self._doubted >= MOST_DOUBTED:
            return ForwardOutcome.GIVEN_UP
        self._doubted += 1
        try:
            self.count(ForwardOutcome.TCP)
            return await self._stream(sent, until)
        finally:
            self._doubted -= 1

    def _keeps_case(self, reply: bytes, sent: Sent) -> bool:
        """Return whether a reply over UDP keeps the letter case of the question, where that was mixed."""
        found = check(reply, sent)
        if found is Check.CASE_LOST:
            self._case_lost(self._context.clock())
            return False
        if found is Check.OURS and sent.question != sent.question.lower():
            self._capabilities.case_kept()
        return True

    def _case_lost(self, now: float) -> None:
        if self._capabilities.case_lost(now):
            self.note("an upstream does not keep letter case and is asked in lower case for an hour")

    def _edns_refused(self, now: float) -> None:
        if self._capabilities.edns_refused(now):
            self.note("an upstream knows no EDNS and is asked without for a while")

    async def _watched(self, exchange: Awaitable[bytes | ForwardOutcome]) -> bytes | ForwardOutcome:
        """Await an exchange, and learn the server's condition from it; silence is noted before it ends."""
        started = self._context.clock()
        timer = asyncio.get_running_loop().call_later(SILENCE, self._silent, started)
        try:
            reply = await exchange
        finally:
            timer.cancel()
        now = self._context.clock()
        if isinstance(reply, bytes):
            if self.condition.heard(now, now - started):
                self.note(_BACK)
        elif reply in _UNREACHED:
            self._trouble(reply.value, begins=self.condition.failed(now))
        return reply

    def _silent(self, started: float) -> None:
        """Judge silence only after the loop has read what arrived while the process was busy."""
        asyncio.get_running_loop().call_soon(self._still_silent, started)

    def _still_silent(self, started: float) -> None:
        self._trouble("silent", begins=self.condition.silent(started, self._context.clock()))

    def _trouble(self, reason: str, *, begins: bool) -> None:
        """Report a bad sign if the server's rest begins with it."""
        if begins:
            self.note("an upstream rests", reason)
            self._context.troubled(self.server.name)

    async def _udp(self, sent: Sent, until: float) -> bytes | ForwardOutcome:
        """Exchange over UDP; count and ignore datagrams that are not ours. DOUBTED after several that were
        nearly."""
        near = 0

        def accept(datagram: bytes, source: tuple[str, int]) -> bool:
            nonlocal near
            if source != self.server.address:
                self.count(ForwardOutcome.WRONG_SOURCE)
                return False
            found = check(datagram, sent)
            if found not in _IGNORED:
                return True
            self.count(_IGNORED[found])
            near += 1
            return near >= NEAR_MISSES

        reply = await self._context.network.udp(
            self.server, sent.packet, accept, until - self._context.clock()
        )
        return ForwardOutcome.DOUBTED if near >= NEAR_MISSES else reply

    async def _stream(self, sent: Sent, until: float) -> bytes | ForwardOutcome:
        """Exchange over TCP or TLS; the handshake replaces the proof that letter case gives over UDP."""
        reply = await self._context.network.stream(self.server, sent.packet, until - self._context.clock())
        return reply if isinstance(reply, ForwardOutcome) else _IGNORED.get(check(reply, sent), reply)

    def _read(self, reply: bytes | ForwardOutcome) -> UpstreamAnswer | ForwardOutcome:
        """Read and count the reply."""
        if isinstance(reply, ForwardOutcome):
            return self.count(reply)
        answer = read_answer(reply, self.server)
        if answer is None or is_truncated(reply):
            return self.count(ForwardOutcome.MALFORMED)
        if not answers(answer):
            return self.count(ForwardOutcome.REFUSED)
        if self.condition.answered(self._context.clock()):
            self.note(_BACK)
        self.count(ForwardOutcome.SERVFAIL if answer.rcode == _SERVFAIL else ForwardOutcome.ANSWERED)
        return answer


NOT_HEARD = frozenset({ForwardOutcome.TIMEOUT, ForwardOutcome.UNREACHABLE, ForwardOutcome.UNTRUSTED})
"""outcomes of an exchange in which the server said nothing"""
_REFUSED = frozenset({ForwardOutcome.REFUSED, ForwardOutcome.MALFORMED})
_UNREACHED = frozenset({ForwardOutcome.UNREACHABLE, ForwardOutcome.UNTRUSTED})
