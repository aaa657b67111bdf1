"""A name server that is broken in as many ways as its names have first labels, UDP and TCP on loopback.

It runs on an event loop in a thread of its own. Whatever it forges says POISON, so that a forgery that
somebody believed shows in the answer; what it answers rightly says GOOD.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from tests.e2e.authority import free_port

GOOD, POISON = "192.0.2.7", "192.0.2.66"
VICTIM = "victim.example."
"""a name that others are poisoned with; asked for itself it is GOOD"""
MANY = 4000
"""addresses of a large answer: far above what is judged; with more, no message would hold it"""
COUNTED = 10_000
"""records that a header counts and that are not there"""

Send = Callable[[bytes], None]
Datagrams = Callable[[dns.message.Message, Send, Send], None]
"""answers a query over UDP: through the first from our port, through the second from another one"""
Stream = Callable[[dns.message.Message, asyncio.StreamWriter], Awaitable[None]]


def good(query: dns.message.Message, address: str = GOOD) -> dns.message.Message:
    """The right answer."""
    reply = dns.message.make_response(query, recursion_available=True)
    if query.question[0].rdtype == 1:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", address))
    return reply


def wire(reply: dns.message.Message) -> bytes:
    """A message of any size."""
    return reply.to_wire(max_size=65535)


def forged(query: dns.message.Message) -> bytes:
    """The answer that nobody may believe."""
    return wire(good(query, POISON))


def _patched(packet: bytes, place: int, value: int) -> bytes:
    return packet[:place] + struct.pack("!H", value & 0xFFFF) + packet[place + 2 :]


def _header(query: dns.message.Message, flags: int, answers: int = 0) -> bytes:
    """Header and question of an answer, to be followed by whatever comes to mind."""
    asked = query.question[0]
    owner = asked.name.to_wire()
    assert owner is not None
    head = struct.pack("!HHHHHH", query.id, flags, 1, answers, 0, 0)
    return head + owner + struct.pack("!HH", asked.rdtype, asked.rdclass)


def _other_question(query: dns.message.Message, name: str, rtype: str) -> bytes:
    other = dns.message.make_query(name, rtype)
    other.id = query.id
    return forged(other)


def _other_id(query: dns.message.Message) -> bytes:
    return _patched(forged(query), 0, query.id + random.randint(1, 0xFFFF))


def _cnames(query: dns.message.Message, targets: list[str]) -> bytes:
    """A chain of aliases that begins with the question and has no end."""
    reply = dns.message.make_response(query, recursion_available=True)
    owner = query.question[0].name
    for target in targets:
        reply.answer.append(dns.rrset.from_text(owner, 300, "IN", "CNAME", target))
        owner = dns.name.from_text(target)
    return wire(reply)


def _poisoned(query: dns.message.Message) -> bytes:
    """The right answer with records beside it that are not this question's business."""
    reply = good(query)
    reply.answer.append(dns.rrset.from_text(VICTIM, 86400, "IN", "A", POISON))
    reply.authority.append(dns.rrset.from_text("other.test-bed.", 86400, "IN", "NS", VICTIM))
    reply.additional.append(dns.rrset.from_text(VICTIM, 86400, "IN", "A", POISON))
    return wire(reply)


def _many(query: dns.message.Message) -> bytes:
    reply = dns.message.make_response(query, recursion_available=True)
    addresses = [f"10.1.{n >> 8}.{n & 255}" for n in range(MANY)]
    reply.answer.append(dns.rrset.from_text_list(query.question[0].name, 300, "IN", "A", addresses))
    return wire(reply)


def _truncated(query: dns.message.Message) -> bytes:
    reply = good(query, POISON)
    reply.flags |= dns.flags.TC
    return wire(reply)


def _lower(query: dns.message.Message) -> bytes:
    """The answer with its question in small letters."""
    packet = forged(query)
    name = query.question[0].name.to_wire()
    assert name is not None
    return packet.replace(name, name.lower(), 1)


def _rcode(query: dns.message.Message, rcode: dns.rcode.Rcode) -> bytes:
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    return wire(reply)


def _with_records(query: dns.message.Message, rcode: dns.rcode.Rcode) -> bytes:
    """An rcode that says there are no such records, and the records."""
    reply = good(query, POISON)
    reply.set_rcode(rcode)
    return wire(reply)


def _referral(query: dns.message.Message) -> bytes:
    """Other servers and their addresses, and no answer."""
    reply = dns.message.make_response(query, recursion_available=True)
    reply.authority.append(dns.rrset.from_text("example.", 3600, "IN", "NS", "ns.example."))
    reply.additional.append(dns.rrset.from_text("ns.example.", 3600, "IN", "A", POISON))
    return wire(reply)


def _too_long(query: dns.message.Message) -> bytes:
    """A DNAME that makes the name too long (RFC 6672, 2.2)."""
    label = "x" * 60
    reply = dns.message.make_response(query, recursion_available=True)
    reply.answer.append(
        dns.rrset.from_text("example.", 300, "IN", "DNAME", f"{label}.{label}.{label}.{label}.test.")
    )
    reply.set_rcode(dns.rcode.YXDOMAIN)
    return wire(reply)


def _beside(query: dns.message.Message) -> bytes:
    """The right answer, and what may stand beside it in the other two sections."""
    reply = good(query)
    reply.authority.append(dns.rrset.from_text("example.", 300, "IN", "NS", "ns.example."))
    reply.authority.append(dns.rrset.from_text("example.", 300, "IN", "SOA", "ns.example. h.test. 1 2 3 4 5"))
    reply.additional.append(dns.rrset.from_text("ns.example.", 300, "IN", "A", POISON))
    reply.additional.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "AAAA", "2001:db8::66"))
    return wire(reply)


def _without_edns(query: dns.message.Message) -> bytes:
    """What a server says that knows no EDNS: FORMERR and a header, or the answer (RFC 6891, 7)."""
    if query.edns >= 0:
        return struct.pack("!HHHHHH", query.id, 0x8181, 0, 0, 0, 0)
    return wire(good(query))


def _sequence(*packets: Callable[[dns.message.Message], bytes]) -> Datagrams:
    def answer(query: dns.message.Message, send: Send, elsewhere: Send) -> None:
        for packet in packets:
            send(packet(query))

    return answer


def _elsewhere_first(query: dns.message.Message, send: Send, elsewhere: Send) -> None:
    elsewhere(forged(query))
    asyncio.get_running_loop().call_later(0.05, send, wire(good(query)))


def _late(query: dns.message.Message, send: Send, elsewhere: Send) -> None:
    asyncio.get_running_loop().call_later(0.3, send, wire(good(query)))


def _dropping(query: dns.message.Message, send: Send, elsewhere: Send) -> None:
    if random.random() >= 0.3:
        send(wire(good(query)))


def _right(query: dns.message.Message) -> bytes:
    return wire(good(query))


DATAGRAMS: dict[str, Datagrams] = {
    "stalls": _sequence(),
    "truncates": _sequence(_truncated),
    "truncates-always": _sequence(_truncated),
    "truncates-and-resets": _sequence(_truncated),
    "truncates-and-stalls": _sequence(_truncated),
    "truncates-and-breaks-off": _sequence(_truncated),
    "truncates-and-lies": _sequence(_truncated),
    "many": _sequence(_truncated),
    "lies-about-ids": _sequence(_other_id, _other_id, _other_id, _right),
    "lies-about-ids-only": _sequence(_other_id),
    "guesses-the-id": _sequence(_other_id, _other_id, _other_id, forged),
    "guesses-the-question": _sequence(*[lambda q: _other_question(q, VICTIM, "A")] * 3, forged),
    "from-elsewhere": _elsewhere_first,
    "from-elsewhere-only": lambda query, send, elsewhere: elsewhere(forged(query)),
    "another-name": _sequence(lambda q: _other_question(q, VICTIM, "A"), _right),
    "another-type": _sequence(lambda q: _other_question(q, q.question[0].name.to_text(), "TXT"), _right),
    "another-class": _sequence(
        lambda q: forged(q).replace(_header(q, 0)[12:], _header(q, 0)[12:-2] + b"\0\3", 1), _right
    ),
    "another-opcode": _sequence(lambda q: _patched(forged(q), 2, 0xA180), _right),
    "echoes": _sequence(lambda q: q.to_wire(), _right),
    "wrong-case": _sequence(_lower),
    "garbage": _sequence(lambda q: struct.pack("!H", q.id) + random.randbytes(200)),
    "garbage-behind": _sequence(lambda q: _header(q, 0x8180, 3) + random.randbytes(40)),
    "data-cut": _sequence(lambda q: _header(q, 0x8180, 1) + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + b"\xff" * 3),
    "pointer-to-itself": _sequence(
        lambda q: _header(q, 0x8180, 1) + struct.pack("!H", 0xC000 | len(_header(q, 0)))
        + b"\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
    ),
    "counts": _sequence(lambda q: _patched(forged(q), 6, COUNTED)),
    "cut-short": _sequence(lambda q: forged(q)[:-20]),
    "alias-of-itself": _sequence(lambda q: _cnames(q, [q.question[0].name.to_text()])),
    "alias-loop": _sequence(lambda q: _cnames(q, ["b.loop.example.", q.question[0].name.to_text()])),
    "alias-chain": _sequence(lambda q: _cnames(q, [f"n{n}.chain.example." for n in range(60)])),
    "poison": _sequence(_poisoned),
    "twice": _sequence(_right, _right, forged),
    "late": _late,
    "drops": _dropping,
    "no-edns": _sequence(_without_edns),
    "refuses": _sequence(lambda q: _rcode(q, dns.rcode.REFUSED)),
    "notimp": _sequence(lambda q: _rcode(q, dns.rcode.NOTIMP)),
    "notauth": _sequence(lambda q: _with_records(q, dns.rcode.NOTAUTH)),
    "yxdomain-with-records": _sequence(lambda q: _with_records(q, dns.rcode.YXDOMAIN)),
    "nxdomain-with-records": _sequence(lambda q: _with_records(q, dns.rcode.NXDOMAIN)),
    "refers": _sequence(_referral),
    "too-long": _sequence(_too_long),
    "alias-to-nothing": _sequence(lambda q: _cnames(q, ["nothing.example."])),
    "beside": _sequence(_beside),
    "empty": _sequence(lambda q: wire(dns.message.make_response(q))),
}  # fmt: skip
"""first label -> what comes over UDP"""


async def _say(writer: asyncio.StreamWriter, packet: bytes, length: int | None = None) -> None:
    writer.write(struct.pack("!H", len(packet) if length is None else length) + packet)
    with contextlib.suppress(ConnectionError):
        await writer.drain()


async def _reset(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    writer.transport.get_extra_info("socket").setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER 0: RST
    writer.transport.abort()


async def _break_off(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    await _say(writer, forged(query)[:-20], len(forged(query)))
    writer.close()


async def _stall(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(8)


def _same(label: str) -> Stream:
    """Over TCP the same as over UDP."""

    async def stream(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        packets: list[bytes] = []
        DATAGRAMS[label](query, packets.append, lambda _: None)
        for packet in packets:
            await _say(writer, packet)

    return stream


SAME = (
    "stalls", "lies-about-ids-only", "from-elsewhere-only", "garbage", "garbage-behind", "data-cut",
    "pointer-to-itself", "counts", "cut-short", "refuses", "notimp", "notauth", "yxdomain-with-records",
    "nxdomain-with-records", "refers", "too-long", "empty", "poison", "alias-of-itself", "alias-loop",
    "alias-chain", "alias-to-nothing",
)  # fmt: skip
"""ways of being broken that TCP does not mend: a question that shares its port with guesses is asked so"""
STREAMS: dict[str, Stream] = {label: _same(label) for label in SAME} | {
    "truncates-always": lambda query, writer: _say(writer, _truncated(query)),
    "truncates-and-resets": _reset,
    "truncates-and-stalls": _stall,
    "truncates-and-breaks-off": _break_off,
    "truncates-and-lies": lambda query, writer: _say(writer, _patched(forged(query), 0, query.id + 1)),
    "many": lambda query, writer: _say(writer, _many(query)),
}
"""first label -> what comes over TCP; the right answer for all others"""


@dataclass
class Server(asyncio.DatagramProtocol):
    """The broken server."""

    port: int
    asked: Counter[str] = field(default_factory=Counter)
    """first label -> queries, both transports"""
    elsewhere: asyncio.DatagramTransport = field(init=False)
    transport: asyncio.DatagramTransport = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # 3.11 says less of it

    def _read(self, packet: bytes) -> tuple[dns.message.Message, str] | None:
        try:
            query = dns.message.from_wire(packet)
        except dns.exception.DNSException:
            return None
        label = query.question[0].name.labels[0].decode(errors="replace").lower()
        self.asked[label] += 1
        return query, label

    def datagram_received(self, content: bytes, peer: tuple[str, int]) -> None:
        read = self._read(content)
        if read is not None:
            answer = DATAGRAMS.get(read[1], _sequence(_right))
            answer(
                read[0],
                lambda packet: self.transport.sendto(packet, peer),
                lambda packet: self.elsewhere.sendto(packet, peer),
            )

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One TCP connection, whose queries do not wait for each other."""
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as answers:
                while not writer.is_closing():
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    read = self._read(await reader.readexactly(length))
                    if read is not None:
                        answers.create_task(_streamed(*read, writer))
        writer.transport.abort()


async def _streamed(query: dns.message.Message, label: str, writer: asyncio.StreamWriter) -> None:
    stream = STREAMS.get(label)
    await (stream(query, writer) if stream else _say(writer, _right(query)))


@contextlib.asynccontextmanager
async def _listening(server: Server) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    here, _ = await loop.create_datagram_endpoint(lambda: server, ("127.0.0.1", server.port))
    server.elsewhere, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    tcp = await asyncio.start_server(server.connected, "127.0.0.1", server.port)
    try:
        yield
    finally:
        tcp.close()
        here.close()
        server.elsewhere.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


@contextlib.contextmanager
def broken() -> Iterator[Server]:
    """The server on a port that was free, in a thread of its own until the block ends."""
    server = Server(free_port())
    started, end = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with _listening(server):
            started.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loops[0].call_soon_threadsafe(end.set)
        thread.join()
