"""Threads that forward misses while the event loop shows them other routes and reads what they count.

A batch and a turn let go of the interpreter's lock, so threads do read routes and insert answers at the same
time.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import pytest

from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.thread import FastThread
from tests.worlds.miss import SEED, UNKNOWN, Misses, Upstream, bound, misses
from tests.worlds.policy import NOW

pytestmark = pytest.mark.usefixtures("fast_switching")
THREADS = 3
QUESTIONS = 400
WINDOW = 40
"""questions of one thread that are on their way at one time"""
ASKED = [
    (dns.message.make_query(f"{number}.miss.example.org", "A", use_edns=0).to_wire(), UNKNOWN)
    for number in range(QUESTIONS)
]
RECORD = bytes.fromhex("c00c 0001 0001 00000258 0004 c0000250")


def answered(query: bytes) -> bytes:
    """One address, and the OPT as it came."""
    end = query.index(b"\0", 12) + 5
    return query[:2] + b"\x81\x80" + query[4:6] + b"\0\1" + query[8:end] + RECORD + query[end:]


@contextmanager
def answering(endpoint: socket.socket) -> Iterator[None]:
    """An upstream in a thread of its own; one byte ends it."""

    def serve() -> None:
        endpoint.settimeout(None)
        while True:
            query, source = endpoint.recvfrom(4096)
            if len(query) == 1:
                return
            endpoint.sendto(answered(query), source)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        with bound() as last:
            last.sendto(b"\0", endpoint.getsockname())
        thread.join()


def ask_all(world: Misses, results: list[int], place: int, changed: threading.Event) -> None:
    """The same questions from each thread: they find each other's answers in the cache. The second half waits
    for another route."""
    thread = FastThread(world.packets, world.routes, place, world.news, SEED)
    driver = Driver(thread)
    asked = answers = punts = 0
    while asked < QUESTIONS or driver.asking:
        if asked >= QUESTIONS // 2:
            changed.wait()
        batch = ASKED[asked : asked + WINDOW - driver.waiting]
        answers += sum(each is not None for each in driver.drive(batch, NOW, micros()))
        asked += len(batch)
        answers += len(driver.pump(NOW, micros(), 1 if driver.waiting == WINDOW else 0))
        while thread.take() is not None:
            punts += 1
    assert answers + punts == QUESTIONS
    results[place] = punts


def micros() -> int:
    return time.monotonic_ns() // 1000


def test_routes_change_under_all_threads() -> None:
    with misses(threads=THREADS) as world, bound() as first, bound() as second:
        upstreams = [Upstream(first), Upstream(second)]
        hops = [each.hop() for each in upstreams]
        world.routes.publish(hops)
        results = [-1] * THREADS
        changed = threading.Event()
        threads = [
            threading.Thread(target=ask_all, args=(world, results, place, changed))
            for place in range(THREADS)
        ]
        with answering(first), answering(second):
            for thread in threads:
                thread.start()
            seen = 0
            while any(thread.is_alive() for thread in threads):
                reports = world.routes.reports()
                assert sum(each.answered for each in reports.values()) <= THREADS * QUESTIONS
                if reports[hops[0].name].answered > seen:
                    hops.reverse()
                    seen = reports[hops[0].name].answered
                    world.routes.publish(hops)
                    changed.set()
                threads[0].join(0.001)
            for thread in threads:
                thread.join()
        reports = world.routes.reports()
        lookups = world.packets.counts()["lookups"]
        assert all(result >= 0 for result in results)
        assert sum(each.outstanding for each in reports.values()) == 0
        assert lookups["miss"] + lookups["hit"] == THREADS * QUESTIONS
        assert sum(each.answered for each in reports.values()) + sum(results) >= lookups["miss"]
        assert all(each.answered for each in reports.values())
