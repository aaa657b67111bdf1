"""Threads that tell one table of sessions while others read it: whoever reads sees what one message left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filterd.disk.session_file import read_entries
from tests.worlds.sessions import INTERIM, ON, START, STOP, Network, Receiver, fingerprint, network, wide

WRITERS, ADDRESSES, ROUNDS = 3, 40, 400


def write(net: Network, writer: int) -> None:
    """One NAS's messages, the oldest first."""
    for number in range(ROUNDS):
        address, age = f"10.0.0.{number % ADDRESSES}", (ROUNDS - number) * 3.0
        kind = (START, INTERIM, STOP)[number % 7 % 3]
        net.tell(kind, f"{writer}/{number % ADDRESSES}", f"line-{writer}", [address], ago=age)
        if number % 100 == 99:
            net.tell(ON, "", "", [], ago=age, nas=f"bng-{writer}")


def read(net: Network, path: Path, over: threading.Event) -> None:
    """Everything that reads, again and again."""
    receiver = Receiver()
    while not over.is_set():
        receiver.follow(net.table, net.clock.now)
        net.table.sweep(64)
        for number in range(ADDRESSES):
            view = net.table.find(wide(f"10.0.0.{number}"))
            assert view is None or (view.line in range(1, WRITERS + 1) and len(view.claims) == 1)
        for run in read_entries(path, net.clock.now).runs:
            Receiver().take(run, net.clock.now)
        net.table.of_line(1)
        net.table.counts()


def test_many_threads_tell_and_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "live"
    net, over = network(path, most=2000), threading.Event()
    for writer in range(WRITERS):
        net.table.register(fingerprint(f"line-{writer}"), writer + 1)
    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read, net, path, over) for _ in range(2)]
        writing = [pool.submit(write, net, writer) for writer in range(WRITERS)]
        for each in writing:
            each.result()
        over.set()
        for each in reading:
            each.result()
    receiver, fresh = Receiver(), Receiver()
    while net.table.sweep(1000):
        pass
    receiver.follow(net.table, net.clock.now)
    fresh.begin(net.table, net.clock.now)
    assert receiver.at(net.clock.now) == fresh.at(net.clock.now)
    net.table.close()
