"""Asks one resolver many questions at once, from many addresses, as its subscribers would."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode

from tests.comparison.script import FAILURES, Question

AT_ONCE = 64
"""clients; each has an address of its own and one question under way"""
SECONDS = 6.0
TRIES = 2
"""a datagram may be lost; a question that stays without an answer is a difference"""
ROUNDS = 3
"""how often what failed by itself is asked again, one question at a time"""
FAILURE_SECONDS = 6.0
"""before that: longer than any of them keeps a failure (RFC 9520)"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back: over UDP and, where that was truncated, over TCP. None: nothing."""

    udp: dns.message.Message | None
    tcp: dns.message.Message | None = None

    @property
    def whole(self) -> dns.message.Message | None:
        """The answer that a client would use."""
        return self.tcp or self.udp


def query_of(question: Question) -> dns.message.Message:
    """The message for a question, in its form."""
    form = question.form
    query = dns.message.make_query(
        question.name, question.rtype, use_edns=-1 if form == "plain" else 0, payload=1232,
        want_dnssec=form.startswith("do"),
    )  # fmt: skip
    query.flags |= {"do+cd": dns.flags.CD, "ad": dns.flags.AD}.get(form, 0)
    return query


class _Client(asyncio.DatagramProtocol):
    """One client with one question under way."""

    def __init__(self) -> None:
        self.waiting: asyncio.Future[bytes] | None = None
        self.id = 0
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # asyncio names the base class
        self.transport = transport

    def datagram_received(self, content: bytes, peer: object) -> None:
        if self.waiting and not self.waiting.done() and content[:2] == struct.pack("!H", self.id):
            self.waiting.set_result(content)

    def error_received(self, error: Exception) -> None:
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(error)

    async def ask(self, query: dns.message.Message) -> dns.message.Message | None:
        """The answer, or None."""
        wire, self.id = query.to_wire(), query.id
        for _ in range(TRIES):
            self.waiting = asyncio.get_running_loop().create_future()
            self.transport.sendto(wire)
            try:
                return dns.message.from_wire(await asyncio.wait_for(self.waiting, SECONDS))
            except (TimeoutError, OSError, dns.exception.DNSException):
                continue
        return None


async def _over_tcp(query: dns.message.Message, port: int) -> dns.message.Message | None:
    try:
        return await dns.asyncquery.tcp(query, "127.0.0.1", timeout=SECONDS, port=port)
    except (OSError, dns.exception.DNSException):
        return None


def _again(question: Question, seen: Seen) -> bool:
    """True if a resolver failed where the script does not: it or the upstream was short of time."""
    whole = seen.whole
    if whole is None or whole.flags & dns.flags.TC:
        return True
    return whole.rcode() == dns.rcode.SERVFAIL and question.shape not in FAILURES


async def _client(number: int, port: int, waiting: deque[int], questions: Sequence[Question],
                  found: dict[int, Seen]) -> None:  # fmt: skip
    """Asks one question after the other until none is left."""
    loop = asyncio.get_running_loop()
    source = (f"127.0.1.{number + 1}", 0)
    transport, client = await loop.create_datagram_endpoint(_Client, source, ("127.0.0.1", port))
    try:
        while waiting:
            place = waiting.popleft()
            query = query_of(questions[place])
            udp = await client.ask(query)
            cut = udp is not None and udp.flags & dns.flags.TC
            found[place] = Seen(udp, await _over_tcp(query, port) if cut else None)
    finally:
        transport.close()


async def _all(port: int, questions: Sequence[Question]) -> list[Seen]:
    found: dict[int, Seen] = {}
    waiting = deque(range(len(questions)))
    for clients in (AT_ONCE, *[1] * ROUNDS):
        await asyncio.gather(*(_client(n, port, waiting, questions, found) for n in range(clients)))
        waiting = deque(place for place in found if _again(questions[place], found[place]))
        if not waiting:
            break
        await asyncio.sleep(FAILURE_SECONDS)
    return [found[place] for place in range(len(questions))]


def ask(port: int, questions: Sequence[Question]) -> list[Seen]:
    """What the resolver on this port of loopback answers, in the order of the questions."""
    return asyncio.run(_all(port, questions))
