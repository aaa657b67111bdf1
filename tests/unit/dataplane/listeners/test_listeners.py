"""Listeners over real sockets on loopback: PROXY v2 senders, pipelining, limits, and what is cut."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from typing import cast

import dns.message
import dns.rcode
import pytest

from filterd.dataplane.listeners import connection_table
from filterd.dataplane.listeners.client_connection import ClientConnection
from filterd.dataplane.listeners.connection_table import ConnectionEnding
from filterd.dataplane.packet.answer_counts import BOUNDS, AnswerCounts
from filterd.dataplane.packet.unwrap import client_bytes
from tests.worlds.listener import Served, framed, make_served, proxied, query, receive


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Listeners that serve."""
    made = make_served()
    made.start()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", bytes(10) + b"\xff\xff\x7f\0\0\1"),
        ("::1", bytes(15) + b"\1"),
        ("fe80::1%lo", b"\xfe\x80" + bytes(13) + b"\1"),
    ],
)
def test_addresses_in_one_form(host: str, expected: bytes) -> None:
    assert client_bytes(host) == expected


async def test_a_front_must_send_the_header_over_udp_and_others_must_not(served: Served) -> None:
    plain = query("example.org")
    for source, packet, expected in (
        ("127.0.0.1", plain, dns.rcode.NXDOMAIN),
        ("127.0.0.7", plain, None),
        ("127.0.0.7", proxied("192.0.2.9") + plain, dns.rcode.NXDOMAIN),
        ("127.0.0.7", proxied("198.51.100.9") + plain, dns.rcode.REFUSED),
    ):
        reply = await served.datagram(packet, source)
        assert (dns.message.from_wire(reply).rcode() if reply else None) == expected
    reply = await served.datagram(proxied("192.0.2.9") + plain)
    assert reply is None or dns.message.from_wire(reply, ignore_trailing=True).rcode() != dns.rcode.NXDOMAIN
    assert served.drops() == {"no_proxy_header": 1}


async def test_a_front_over_tcp(served: Served) -> None:
    reader, writer = await served.stream("127.0.0.7")
    writer.write(proxied("192.0.2.9") + framed(query("example.org")))
    assert (await receive(reader)).rcode() == dns.rcode.NXDOMAIN
    writer.close()
    reader, writer = await served.stream("127.0.0.7")
    writer.write(framed(query("example.org")))
    assert await reader.read() == b""
    writer.close()


async def test_answers_come_as_they_are_ready(served: Served) -> None:
    reader, writer = await served.stream()
    writer.write(framed(query("slow.example"), query("fast.example")))
    assert (await receive(reader)).question[0].name.to_text() == "fast.example."
    served.upstreams.slow.set()
    assert (await receive(reader)).question[0].name.to_text() == "slow.example."
    writer.close()


async def test_a_client_that_ends_still_gets_what_it_asked(served: Served) -> None:
    reader, writer = await served.stream()
    writer.write(framed(query("slow.example")))
    writer.write_eof()
    served.upstreams.slow.set()
    assert (await receive(reader)).rcode() == dns.rcode.NXDOMAIN
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (b"\0", ConnectionEnding.INCOMPLETE),
        (b"\0\5hello", ConnectionEnding.NOT_A_MESSAGE),
        (framed(query("example.org"))[:-3], ConnectionEnding.INCOMPLETE),
        (b"", ConnectionEnding.IDLE),
    ],
)
async def test_what_is_no_message_ends_the_connection(
    served: Served, sent: bytes, ending: ConnectionEnding
) -> None:
    served.limit(idle=0.1)
    reader, writer = await served.stream()
    writer.write(sent)
    assert await reader.read() == b""
    writer.close()
    await served.ended(ending)


async def test_a_message_has_its_time_however_its_bytes_drip(served: Served) -> None:
    """Answers to other queries of the connection do not renew it."""
    served.limit(idle=0.6)
    reader, writer = await served.stream()
    writer.write(framed(query("slow.example")) + b"\0\x40")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.05)
            await writer.drain()
        await receive(reader)
    writer.close()
    await served.ended(ConnectionEnding.INCOMPLETE)


async def test_a_connection_has_its_share_of_queries(served: Served) -> None:
    served.limit(queries=2)
    reader, writer = await served.stream()
    writer.write(framed(query("one.example"), query("slow.example"), query("three.example")))
    assert (await receive(reader)).question[0].name.to_text() == "one.example."
    served.upstreams.slow.set()
    assert (await receive(reader)).question[0].name.to_text() == "slow.example."
    assert await reader.read() == b"", "an end, no reset: answers may still be on their way"
    writer.close()
    await served.ended(ConnectionEnding.SERVED)


async def test_the_connection_that_was_idle_longest_makes_room(served: Served) -> None:
    served.limit(connections=2)
    clients = [await served.asked("one.example"), await served.asked("two.example")]
    first, second = clients
    first[1].write(framed(query("one.example")))
    await receive(first[0])
    third = await served.asked("three.example")
    assert await second[0].read() == b""
    first[1].write(framed(query("one.example")))
    await receive(first[0])
    assert (len(served.connections), served.connections.ended) == (2, {ConnectionEnding.MADE_ROOM: 1})
    for _, writer in (*clients, third):
        writer.close()


async def test_where_no_connection_is_idle_a_new_one_is_refused(served: Served) -> None:
    served.limit(connections=1)
    reader, writer = await served.stream()
    writer.write(framed(query("slow.example")))
    await asyncio.sleep(0.05)
    other = await served.stream()
    assert await other[0].read() == b""
    served.upstreams.slow.set()
    assert (await receive(reader)).rcode() == dns.rcode.NXDOMAIN
    assert served.connections.ended == {ConnectionEnding.FULL: 1}
    for each in (writer, other[1]):
        each.close()


async def test_a_prefix_has_its_share_and_takes_from_no_other(served: Served) -> None:
    served.limit(per_prefix=2)
    other = await served.asked("one.example", "127.0.0.9")
    same = [await served.asked("one.example", "127.0.0.8") for _ in range(4)]
    assert served.connections.ended == {ConnectionEnding.MADE_ROOM: 2}
    assert [await each[0].read() for each in same[:2]] == [b"", b""]
    for reader, writer in (other, *same[2:]):
        writer.write(framed(query("two.example")))
        await receive(reader)
    for _, writer in (other, *same):
        writer.close()


async def test_a_prefix_is_the_clients_not_the_fronts(served: Served) -> None:
    served.limit(per_prefix=1)
    clients = []
    for source in ("192.0.2.1", "192.0.2.2"):
        reader, writer = await served.stream("127.0.0.7")
        writer.write(proxied(source) + framed(query("slow.example")))
        clients.append((reader, writer))
    await asyncio.sleep(0.05)
    reader, writer = await served.stream("127.0.0.7")
    writer.write(proxied("192.0.2.1") + framed(query("one.example")))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await receive(reader)
    assert served.connections.ended == {ConnectionEnding.PREFIX_FULL: 1}
    served.upstreams.slow.set()
    for reader, _ in clients:
        assert (await receive(reader)).rcode() == dns.rcode.NXDOMAIN
    for _, each in (*clients, (reader, writer)):
        each.close()


async def test_more_than_may_wait_is_taken_as_answers_go_out(served: Served) -> None:
    """250 pipelined queries: 100 wait at one time, none is lost, and a quick one overtakes what waits."""
    reader, writer = await served.stream()
    names = [f"slow.x{number}.example" for number in range(250)]
    writer.write(framed(*map(query, names)))
    writer.write_eof()
    await asyncio.sleep(0.2)
    assert len(served.path._waiting) == 100
    served.upstreams.slow.set()
    found = {(await receive(reader)).question[0].name.to_text(omit_final_dot=True) for _ in names}
    assert found == set(names)
    assert await reader.read() == b""
    writer.close()


async def test_one_client_cannot_take_every_place_of_waiting_queries(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over several connections; all are answered in the end, those of a half-closed connection too."""
    monkeypatch.setattr(connection_table, "WAITING_PER_PREFIX", 5)
    clients = [await served.stream() for _ in range(4)]
    for number, (_, writer) in enumerate(clients):
        writer.write(framed(*[query(f"slow.x{number}-{each}.example") for each in range(3)]))
        writer.write_eof()
    await asyncio.sleep(0.2)
    assert len(served.path._waiting) == 5
    other = await served.asked("fast.example", "127.0.0.9")
    served.upstreams.slow.set()
    for reader, writer in clients:
        assert {(await receive(reader)).rcode() for _ in range(3)} == {dns.rcode.NXDOMAIN}
        assert await reader.read() == b""
        writer.close()
    other[1].close()


async def test_a_client_that_does_not_read_is_cut(served: Served) -> None:
    served.limit(idle=2.0, unsent=4096, queries=100_000)
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", served.tcp_port))
        with pytest.raises(ConnectionError):
            while True:
                await loop.sock_sendall(client, framed(*[query("unread.example")] * 100))
    assert served.connections.ended == {ConnectionEnding.UNREAD: 1}
    assert not len(served.connections)


@pytest.mark.parametrize("ttl", [300, 0])
async def test_a_prompt_client_gets_all_of_its_large_answers(served: Served, ttl: int) -> None:
    """Their answers come at once, each larger than what may be unread; with a TTL of 0 none can be cached."""
    served.upstreams.large_ttl = ttl
    served.upstreams.gate.clear()
    reader, writer = await served.stream()
    names = [f"large.n{number}.example." for number in range(20)]
    writer.write(framed(*[dns.message.make_query(name, "TXT").to_wire() for name in names]))
    while len(served.path._waiting) < 20:
        await asyncio.sleep(0)
    served.upstreams.gate.set()
    answers = [await receive(reader) for _ in names]
    assert sorted(str(each.question[0].name) for each in answers) == sorted(names)
    assert {len(each.answer[0]) for each in answers} == {225}
    assert served.drops() == {}
    assert not served.connections.ended
    writer.close()


async def test_unread_answers_are_not_made(served: Served) -> None:
    """Of twenty answers, one waits in memory, and what the kernel has taken; the client reads later."""
    reader, writer = await served.stream()
    transport = cast("asyncio.Transport", writer.transport)
    transport.pause_reading()
    names = [f"large.n{number}.example." for number in range(20)]
    writer.write(framed(*[dns.message.make_query(name, "TXT").to_wire() for name in names]))
    while not len(served.connections):
        await asyncio.sleep(0)
    connection = cast("ClientConnection", next(iter(served.connections)))
    while not connection._unread:
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert connection._transport is not None
    assert connection._transport.get_write_buffer_size() <= 2 + 65535
    assert len(served.path._waiting) >= 10
    transport.resume_reading()
    assert {str((await receive(reader)).question[0].name) for _ in names} == set(names)
    writer.close()


async def test_the_system_has_no_file_left_and_then_has(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = await served.asked("one.example")
    real, failures = served.tcp._socket, 3

    class Scarce:
        """Fails some times, as accept does when no file is left."""

        def accept(self) -> object:
            nonlocal failures
            if failures:
                failures -= 1
                raise OSError(errno.EMFILE, "too many open files")
            return real.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    monkeypatch.setattr(served.tcp, "_socket", Scarce())
    late = await served.asked("two.example")
    assert served.service.shortages == {"files": 3}
    assert await idle[0].read() == b"", "the file of the one that was idle longest is given up"
    for _, writer in (idle, late):
        writer.close()


async def test_waiting_queries_are_bounded_and_shared(served: Served) -> None:
    """One client gets half of the places; others still find one; at last all are taken."""
    served.path._quota.size = 4
    served.upstreams.gate.clear()
    for number in range(3):
        assert await served.datagram(query(f"n{number}.example"), "127.0.0.2") is None
    assert served.drops() == {"client_waiting": 1}
    for host in (3, 4, 5):
        assert await served.datagram(query("other.example"), f"127.0.0.{host}") is None
    assert served.drops() == {"client_waiting": 1, "too_many_waiting": 1}
    served.upstreams.gate.set()
    while served.path._waiting:
        await asyncio.sleep(0)
    assert await served.datagram(query("later.example"), "127.0.0.2") is not None


def test_response_times_fall_into_their_buckets() -> None:
    record = AnswerCounts()
    for seconds in (0.0, BOUNDS[0], 10.0):
        record.answered(seconds)
    assert (record.responses[0], record.responses[-1]) == (2, 1)


async def test_a_front_that_only_looks_is_no_fault(served: Served) -> None:
    reader, writer = await served.stream("127.0.0.7")
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await served.ended(ConnectionEnding.CLIENT)
    assert served.drops() == {}
