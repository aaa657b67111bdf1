"""Threads that tell one table of sessions while others read it: whoever reads sees what one message left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

from filterd.accounting.radius_types import LineRule
from filterd.accounting.receiver import Receiver as Accounting
from filterd.accounting.recorded import spin
from filterd.disk.session_file import read_entries
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint import fingerprint as text_fingerprint
from tests.worlds.radius_packets import CLIENT, SENDER, plain, signed, start
from tests.worlds.sessions import (
    INTERIM,
    KEY,
    ON,
    START,
    STOP,
    Network,
    Receiver,
    fingerprint,
    network,
    wide,
)

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
        net.table.of_line(1, 1000)
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


def packets(writer: int) -> list[tuple[bytes, bytes]]:
    """The messages of one NAS: Starts, Interims and Stops of addresses that the others claim too."""
    name, found = b"bng-%d" % writer, []
    for number in range(ADDRESSES):
        values = start(
            user=b"line-%d" % writer,
            nas=name,
            session=b"%d" % number,
            address=ip_address(f"10.0.0.{number}").packed,
            status=bytes([0, 0, 0, (START, INTERIM, STOP)[(number + writer) % 3]]),
        )
        found.append((SENDER, signed(plain(4, values))))
    return found


def native(net: Network, writer: int, together: threading.Barrier) -> None:
    """Messages of one NAS, read and applied without the GIL, at later and later times."""
    accounting = Accounting(net.table, KEY)
    accounting.configure([CLIENT], LineRule(), 7200)
    recorded = packets(writer)
    begins = [(SENDER, signed(plain(4, [(32, b"bng-%d" % writer), (40, bytes([0, 0, 0, ON]))])))]
    together.wait(20)
    for turn in range(ROUNDS):
        arrival = int((net.clock.now - 3.0 * (ROUNDS - turn)) * 1000)
        assert spin(accounting, recorded, 10, arrival) == 10 * len(recorded)
        if turn % 100 == 99:
            assert spin(accounting, begins, 1, arrival) == 1


def test_native_writers_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "live"
    net, over, together = network(path, most=2000), threading.Event(), threading.Barrier(WRITERS)
    for writer in range(WRITERS):
        known = identity_input(IdentityKind.SUBSCRIBER, b"line-%d" % writer)
        net.table.register(text_fingerprint(KEY, known), writer + 1)
    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read, net, path, over) for _ in range(2)]
        for each in [pool.submit(native, net, writer, together) for writer in range(WRITERS)]:
            each.result()
        over.set()
        for each in reading:
            each.result()
    counts = net.table.counts()
    assert counts.events == WRITERS * (ROUNDS * 10 * ADDRESSES + ROUNDS // 100)
    assert counts.taken + counts.lost > 0, "they claim the same addresses"
    net.table.close()
