"""Listening sockets that one process passes on to another: read by the next one, lost by none."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from filterd.dataplane.listeners.inherited import InheritedSockets, SocketKind, name_of
from filterd.dataplane.listeners.socket_binding import bind_tcp, bind_udp
from filterd.dataplane.listeners.udp import UdpListener
from tests.worlds.listener import Served, framed, make_served, query, receive

HOST = ip_address("127.0.0.1")


@asynccontextmanager
async def serving(threads: int) -> AsyncIterator[Served]:
    """Threads and TCP that serve."""
    made = make_served(threads=threads)
    made.fast.start()
    made.udp.start()
    made.tcp.start()
    made.service.start()
    try:
        yield made
    finally:
        made.udp.close()
        made.tcp.close()
        made.service.close()
        made.fast.close()
        await made.path.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (("127.0.0.1", 53), ("7f000001", 53, 0)),
        (("::1", 53, 0, 0), ("0" * 31 + "1", 53, 0)),
        (("fe80::1%eth0", 53, 0, 7), ("fe80" + "0" * 27 + "1", 53, 7)),
        (("::ffff:192.0.2.1", 53, 0, 0), ("0" * 20 + "ffffc0000201", 53, 0)),
    ],
)
def test_a_name_is_the_same_however_the_address_is_written(
    address: tuple[object, ...], name: tuple[str, int, int]
) -> None:
    assert name_of(address) == name


def test_sockets_are_taken_once_and_what_is_left_is_closed() -> None:
    udp, tcp = bind_udp(HOST, 0, 2), bind_tcp(HOST, 0)
    passed_on = InheritedSockets([*((SocketKind.UDP, each) for each in udp), (SocketKind.TCP, tcp)])
    name, other = name_of(udp[0].getsockname()), name_of(tcp.getsockname())
    assert len(passed_on) == 3
    assert passed_on.take(SocketKind.TCP, name) == []
    assert passed_on.take(SocketKind.UDP, name) == udp
    assert passed_on.take(SocketKind.UDP, name) == []
    assert passed_on.taken == [(SocketKind.UDP, name)]
    assert passed_on.has_port(SocketKind.UDP, name[1])
    assert not passed_on.has_port(SocketKind.UDP, other[1])
    passed_on.close()
    assert (len(passed_on), tcp.fileno()) == (0, -1)
    assert all(each.fileno() >= 0 for each in udp)
    for each in udp:
        each.close()


async def test_one_thread_serves_all_sockets_of_a_predecessor_that_had_more() -> None:
    async with serving(1) as served:
        sockets = bind_udp(HOST, 0, 5)
        listener = UdpListener(HOST, 0, served.fast, sockets)
        listener.start()
        assert listener.lost() == [0]
        for number in range(64):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.connect(("127.0.0.1", listener.port))
                client.send(query(f"n{number}.example"))
                loop = asyncio.get_running_loop()
                assert await asyncio.wait_for(loop.sock_recv(client, 4096), 10)
        assert [fast.counts().datagrams for fast in served.fast._fast] == [64]
        listener.close()


async def test_more_threads_get_sockets_of_their_own_when_they_begin_to_read() -> None:
    """Not before: the kernel would give each its share of the clients at once."""
    async with serving(3) as served:
        listener = UdpListener(HOST, 0, served.fast, bind_udp(HOST, 0, 1))
        assert len(listener.sockets) == 1
        listener.start()
        assert len(listener.sockets) == 3
        assert len({each.getsockname() for each in listener.sockets}) == 1
        assert listener.lost() == [0, 0, 0]
        listener.close()


async def test_what_comes_after_the_last_read_stays_for_the_next_reader() -> None:
    async with serving(2) as served:
        kept = [each.dup() for each in served.udp.sockets]
        assert await served.datagram(query("first.example")) is not None
        turns = served.fast.turns()
        served.udp.stop_reading()
        while any(then == now for then, now in zip(turns, served.fast.turns(), strict=True)):
            await asyncio.sleep(0.01)
        assert await served.datagram(query("second.example")) is None
        waiting = [each.recv(4096) for each in kept if has_something(each)]
        assert waiting == [query_like("second.example", waiting[0])]
        for each in kept:
            each.close()


async def test_what_was_read_before_is_answered_through_the_socket_that_is_read_no_more() -> None:
    async with serving(1) as served:
        served.upstreams.gate.clear()
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(("127.0.0.1", served.udp_port))
            client.send(query("waits.example"))
            while not served.path.waiting:
                await asyncio.sleep(0.01)
            served.udp.stop_reading()
            served.upstreams.gate.set()
            assert await asyncio.wait_for(loop.sock_recv(client, 4096), 10)
        assert served.path.waiting == 0


async def test_open_connections_go_on_when_new_ones_are_left_to_the_next() -> None:
    async with serving(1) as served:
        reader, writer = await served.asked("first.example")
        served.tcp.stop_accepting()
        with socket.create_connection(("127.0.0.1", served.tcp_port), 10) as later:
            writer.write(framed(query("second.example")))
            assert await receive(reader)
            accepted, peer = served.tcp.listening_socket.accept()
            assert peer == later.getsockname()
            accepted.close()
        writer.close()
        await writer.wait_closed()


def has_something(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(4096, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def query_like(name: str, packet: bytes) -> bytes:
    """The query for a name with the id of this packet."""
    return packet[:2] + query(name)[2:]
