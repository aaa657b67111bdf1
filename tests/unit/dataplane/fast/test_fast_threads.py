"""Threads of the fast path on real sockets: they begin and end with queries on their way, and listening
sockets come and go under them."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.listeners.socket_binding import bind_udp
from filterd.dataplane.listeners.udp import UdpListener
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.tables.epoch import collect
from tests.worlds.fast import (
    BANNED,
    Crew,
    ask,
    banning,
    client,
    codes,
    crew,
    has_answer,
    make_packets,
    publish,
    query,
    read,
    recorded,
    until,
)
from tests.worlds.listener import make_served
from tests.worlds.network_namespace import in_own_network, interface, ip
from tests.worlds.policy import NOW

MAX_LISTEN_SOCKETS = 256
"""of one thread"""


@pytest.fixture
def packets() -> Plane:
    return make_packets()


@pytest.fixture
def served(packets: Plane) -> Iterator[Crew]:
    """Two threads at work."""
    with crew(packets, 2) as made, made.at_work():
        yield made


def open_files() -> int:
    """Of this process, once nobody holds what was closed."""
    gc.collect()
    until(lambda: collect() == 0)
    return len(list(Path("/proc/self/fd").iterdir()))


def has_begun(served: Crew) -> bool:
    return any(fast.turns for fast in served.fast)


def is_refused(sock: socket.socket) -> bool:
    """True if the system says that nobody has the port that is sent to."""
    collect()
    sock.settimeout(0.05)  # what still comes to a socket that is about to go is lost
    try:
        sock.send(query(BANNED))
        assert not sock.recv(4096), "it is not served any more"
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        return False
    return False


# --- several threads on one address ---


def test_all_threads_get_queries_and_none_is_lost(packets: Plane) -> None:
    with crew(packets, 4) as made, made.at_work():
        _, port = made.open()
        for _ in range(200):
            assert codes(read(ask(port, query(BANNED)))) == [16]
        shares = [fast.counts().datagrams for fast in made.fast]
        assert sum(shares) == 200
        assert min(shares) > 0
        assert packets.counts()["queries"]["udp"] == 200
        until(lambda: sum(sum(fast.counts().times) for fast in made.fast) == 200)
        assert made.fast[0].counts().batches <= shares[0]


def test_one_client_stays_with_one_thread(served: Crew) -> None:
    """What was cached or counted for it is at hand there."""
    _, port = served.open()
    with client() as sock:
        sock.connect(("127.0.0.1", port))
        for _ in range(50):
            sock.send(query(BANNED))
            assert sock.recv(4096)
    assert sorted(fast.counts().datagrams for fast in served.fast) == [0, 50]


def test_a_batch_is_taken_with_one_call(packets: Plane) -> None:
    """What came while nobody was at work waits."""
    with crew(packets) as made, client() as sock:
        _, port = made.open()
        for _ in range(100):
            sock.sendto(query(BANNED), ("127.0.0.1", port))
        with made.at_work():
            for _ in range(100):
                assert read(sock.recv(4096)).rcode() == dns.rcode.NXDOMAIN
            counts = made.fast[0].counts()
        assert (counts.datagrams, counts.batches) == (100, 2)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_another_program_has_is_an_error_at_the_start(shared: bool) -> None:
    """Even one that would share it: clients would get answers from either."""
    program = (
        "import socket, sys\n"
        "made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, {int(shared)})\n"
        "made.bind(('127.0.0.1', 0))\n"
        "print(made.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdin
        port = int(other.stdout.readline())
        with pytest.raises(OSError, match=rf"cannot listen on 127.0.0.1:{port}: .*stop the program"):
            bind_udp(ip_address("127.0.0.1"), port, 2)
        other.stdin.close()
    for each in bind_udp(ip_address("127.0.0.1"), port, 2):
        each.close()


# --- begin and end ---


def test_whoever_is_at_work_is_not_to_be_driven(served: Crew) -> None:
    until(lambda: all(fast.running for fast in served.fast))
    with pytest.raises(ValueError, match="it is not to be driven"):
        Driver(served.fast[0]).drive([], NOW, 0)


def test_one_that_was_driven_answers_on_its_sockets_all_the_same(packets: Plane) -> None:
    with crew(packets) as made:
        assert Driver(made.fast[0]).drive(recorded([query(BANNED)]), NOW, 0) != [None]
        _, port = made.open()
        with made.at_work():
            assert codes(read(ask(port, query(BANNED)))) == [16]
        assert sum(made.fast[0].counts().times) == 1


def test_a_thread_that_is_told_to_stop_before_it_begins_does_not(packets: Plane) -> None:
    with crew(packets) as made:
        made.fast[0].stop()
        made.fast[0].run()
        assert (made.fast[0].turns, made.fast[0].running) == (0, False)


@pytest.mark.ring("night")
def test_threads_end_while_queries_come_and_leave_nothing_open(packets: Plane) -> None:
    """Of what each took, each client has its answer when the threads are gone."""
    before = open_files()
    for _ in range(10):
        with crew(packets, 2) as made:
            _, port = made.open()
            clients = [client() for _ in range(16)]
            with made.at_work():
                for sock in clients:
                    for _ in range(8):
                        sock.sendto(query(BANNED), ("127.0.0.1", port))
                until(partial(has_begun, made))
            taken = sum(fast.counts().datagrams for fast in made.fast)
            answered = 0
            for sock in clients:
                while has_answer(sock):
                    assert codes(read(sock.recv(4096))) == [16]
                    answered += 1
                sock.close()
            assert 0 < answered == taken
        del made
    assert open_files() == before


async def test_closing_with_queries_at_upstreams_leaves_no_thread_task_or_file() -> None:
    before = open_files()
    served = make_served(threads=3)
    served.start()
    served.upstreams.gate.clear()
    with client() as sock:
        for number in range(20):
            sock.sendto(query(f"n{number}.example"), ("127.0.0.1", served.udp_port))
        async with asyncio.timeout(20):
            while len(served.path._waiting) < 20:
                await asyncio.sleep(0.005)
        assert sum(sum(each.punts.values()) for each in served.fast.counts()) == 20
        await served.close()
        assert not served.path._waiting
        assert not has_answer(sock)
    del served
    assert open_files() == before


# --- listening sockets ---


def test_doors_open_and_close_while_others_are_served(served: Crew) -> None:
    _, port = served.open()
    before = open_files()
    for turn in range(40):
        host = f"127.0.1.{turn + 1}"
        listen_sockets, other = served.open(host)
        assert codes(read(ask(other, query(BANNED), host=host))) == [16]
        with client() as sock:
            sock.connect((host, other))
            served.shut(listen_sockets)
            until(partial(is_refused, sock))
        assert codes(read(ask(port, query(BANNED)))) == [16]
    assert open_files() == before


def test_a_door_has_a_number_that_is_given_again(packets: Plane) -> None:
    with crew(packets) as made:
        opened = [made.open() for _ in range(MAX_LISTEN_SOCKETS)]
        assert [listen_sockets for listen_sockets, _ in opened] == [
            (number,) for number in range(MAX_LISTEN_SOCKETS)
        ]
        with pytest.raises(OSError, match="listens on 256 sockets at most: configure fewer addresses"):
            made.open()
        made.shut((7,))
        made.shut((40,))
        assert made.open()[0] == (7,)
        with made.at_work():
            for place in (0, 8, 63, 255):
                assert ask(opened[place][1], query(BANNED))


def test_no_query_is_answered_from_a_door_that_took_the_place_of_its_own(packets: Plane) -> None:
    """A punted one, whose answer is late: the client asked an address that is gone."""
    with crew(packets) as made, made.at_work(), client() as sock:
        listen_sockets, port = made.open()
        sock.sendto(query("late.org"), ("127.0.0.1", port))
        fast, late = made.punted()
        made.shut(listen_sockets)
        assert not fast.answer(late, query("late.org"))
        again, other = made.open("127.0.0.2")
        assert again == listen_sockets
        assert not fast.answer(late, query("late.org"))
        sock.sendto(query("late.org"), ("127.0.0.2", other))
        fast, now = made.punted()
        assert fast.answer(now, b"answer")
        assert sock.recvfrom(100) == (b"answer", ("127.0.0.2", other))
        assert not has_answer(sock)


def test_what_is_shut_is_not_inherited_by_programs_that_were_started_meanwhile(served: Crew) -> None:
    """One that kept the socket would get queries, and answer none."""
    listen_sockets, port = served.open()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
    ) as other:
        served.shut(listen_sockets)
        with client() as sock:
            sock.connect(("127.0.0.1", port))
            until(partial(is_refused, sock))
        assert other.stdin
        other.stdin.close()


def test_an_address_is_served_whenever_it_is_there() -> None:
    """In a network of the test's own."""

    def body() -> None:
        packets = make_packets()
        with crew(packets, 2) as made, made.at_work():
            _, port = made.open("192.0.2.7")
            for _ in range(3):
                interface("late0")
                ip("address", "add", "192.0.2.7/32", "dev", "late0")
                assert codes(read(ask(port, query(BANNED), host="192.0.2.7"))) == [16]
                ip("link", "del", "late0")

    in_own_network(body)


async def test_a_listener_that_is_closed_lets_another_have_the_port() -> None:
    served = make_served()
    served.start()
    for _ in range(5):
        listener = UdpListener(ip_address("127.0.0.3"), 0, served.fast)
        listener.start()
        port = listener.port
        found = await asyncio.to_thread(ask, port, query("any.example"), "127.0.0.1", "127.0.0.3")
        assert read(found).rcode() == dns.rcode.NXDOMAIN
        listener.close()
        async with asyncio.timeout(20):
            while collect():
                await asyncio.sleep(0.005)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.3", port))
    await served.close()


# --- what is in force, and what they say ---


def test_a_thread_asleep_takes_what_is_in_force_when_it_wakes(packets: Plane, served: Crew) -> None:
    _, port = served.open()
    for number in range(20):
        publish(packets, banning(BANNED) if number % 2 else None)
        found = read(ask(port, query(BANNED)))
        assert codes(found) == ([16] if number % 2 else [14])


def test_a_thread_asleep_holds_nothing_that_was_replaced(packets: Plane, served: Crew) -> None:
    until(lambda: all(fast.running for fast in served.fast))
    for _ in range(100):
        publish(packets, banning(BANNED))
    until(lambda: collect() == 0)


def test_news_of_punts_come_by_the_eventfd_alone(packets: Plane) -> None:
    with crew(packets) as made, made.at_work(), client() as sock:
        _, port = made.open()
        sock.sendto(query(BANNED), ("127.0.0.1", port))
        assert sock.recv(4096)
        with pytest.raises(BlockingIOError):
            os.eventfd_read(made.news)
        sock.sendto(query("unknown.org"), ("127.0.0.1", port))
        assert made.punted()[1].pending.name == b"\7unknown\3org\0"


async def test_a_punt_that_cannot_be_taken_up_holds_up_no_other(
    packets: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours; the loop is told of it."""
    served = make_served(threads=1)
    served.start()
    resume, failed = served.path.resume, []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))

    def fails_at_first(*given: Any) -> Any:
        if not failed:
            raise RuntimeError("a fault of ours")
        return resume(*given)

    monkeypatch.setattr(served.path, "resume", fails_at_first)
    with client() as sock:
        sock.connect(("127.0.0.1", served.udp_port))
        for number in range(8):  # taken in one go, as the loop does not run meanwhile
            sock.send(query(f"n{number}.example"))
        until(lambda: sum(served.fast.counts()[0].punts.values()) == 8)
        for _ in range(7):
            assert await asyncio.to_thread(sock.recv, 4096)
    assert len(failed) == 1
    await served.close()
