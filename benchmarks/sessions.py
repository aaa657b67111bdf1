"""How a resolver does with very many sessions: loading them, their memory, and their change under load.

``make scale-sessions`` runs it: SESSIONS sessions (a million) come over the stream to one resolver process,
which then starts again from the sessions file alone. After that sessions change beside queries in open loop,
at the pace of 500,000 in ten minutes, and the same queries are sent without any change. The queries come from
clients that have sessions themselves. Needs a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import struct
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Load, latency, parse_senders, parse_times
from bench.loads import Generator, Senders
from bench.machine import Cores
from bench.packets import query, write_entries
from linesworld import KEY, Resolver, World

from filterd.accounting.sessions import Sessions
from filterd.disk.session_place import EPOCH, LIVE
from filterd.policy.fingerprint import fingerprint
from filterd.wire.session_stream import FRAME_SIZE, MOST_ENTRIES, EntryTable, Frame, FrameKind

MEGABYTE = 1_000_000
PACE = 500_000 / 600
"""sessions replaced each second"""
CLIENTS = 64
"""lines whose clients ask, from 127.1.0.1 on"""
NAMES = 100_000
LINES = 100_000
BEAT_SECONDS = 0.05
"""between two frames of changes, as control gathers them"""
SHARE = 0.6
"""of the rate at which nothing is lost"""
LASTS = 86_400
_ENTRY = struct.Struct("<16sQIBBBx")
BINARY = Path("build/senders")


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=110, help="of each load; 110 at most")
    parser.add_argument("--rate", type=int, default=0, help="queries a second; 0: measured first")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="filterd-sessions-") as work:
        world = World(Path(work), LINES, NAMES)
        world.make()
        loading(world, chosen.sessions)
        under_load(world, chosen.sessions, chosen.seconds, chosen.rate)
    return 0


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<52} {value}\n")
    sys.stdout.flush()


def place_of(number: int) -> bytes:
    """The address of a session: the asking clients first, then 10.0.0.0/8 and onwards."""
    value = 0x7F010001 + number if number < CLIENTS else 0x0A000000 + number
    return bytes(10) + b"\xff\xff" + value.to_bytes(4)


def entry(number: int, line: int) -> bytes:
    """The entry of a session."""
    return _ENTRY.pack(place_of(number), line, LASTS, 128, EntryTable.ADDRESSES, 1)


class Control:
    """The sending side of the stream, for one resolver at a time."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._sequence = 1
        self._changed = 0

    def accept(self) -> socket.socket:
        """The resolver that connects next."""
        connection, _ = self._listener.accept()
        connection.recv(FRAME_SIZE, socket.MSG_WAITALL)
        return connection

    def frame(self, kind: FrameKind, entries: bytes = b"") -> bytes:
        """One frame."""
        self._sequence += len(entries) // 32
        return Frame(kind, self._sequence, 1, len(entries) // 32, complete=True).to_bytes() + entries

    def tell_all(self, connection: socket.socket, sessions: int) -> None:
        """The full state."""
        connection.sendall(self.frame(FrameKind.BEGIN))
        for start in range(0, sessions, MOST_ENTRIES):
            numbers = range(start, min(start + MOST_ENTRIES, sessions))
            entries = b"".join(entry(number, number % LINES + 1) for number in numbers)
            connection.sendall(self.frame(FrameKind.FULL, entries))
        connection.sendall(self.frame(FrameKind.END))

    def keep_changing(
        self, connection: socket.socket, sessions: int, pace: float, ended: threading.Event
    ) -> int:
        """Replace sessions at a pace: the address is taken away and is another line's. With a pace of 0 it
        only says that control is there. Returns how many were replaced."""
        began, before = time.monotonic(), self._changed
        while not ended.wait(BEAT_SECONDS):
            due = int((time.monotonic() - began) * pace) - (self._changed - before)
            entries = b""
            for _ in range(min(due, MOST_ENTRIES // 2)):
                self._changed += 1
                number = CLIENTS + self._changed % (sessions - CLIENTS)
                entries += entry(number, 0) + entry(number, (number + self._changed) % LINES + 1)
            connection.sendall(self.frame(FrameKind.CHANGE if entries else FrameKind.BEAT, entries))
        return self._changed - before


def metric(world: World, name: str) -> float:
    """A value of the resolver's metrics."""
    address = world.settings["metrics"]["listen"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    return 0.0


def loading(world: World, sessions: int) -> None:
    """Memory and times of loading by stream and from the file."""
    state = Path(world.settings["state_dir"])
    control = Control(state / "sessions.sock")
    resolver = Resolver(world)
    resolver.start()
    connection = control.accept()
    control.tell_all(connection, 0)
    resolver.until_ready()
    without = resolver.memory()
    connection.close()
    control = Control(state / "sessions.sock")
    connection = control.accept()
    began = time.monotonic()
    control.tell_all(connection, sessions)
    show("sent over the stream", f"{sessions:,} sessions in {time.monotonic() - began:.2f} s")
    with beating(control, connection, sessions):
        while metric(world, "filterd_sessions") < sessions:
            time.sleep(0.1)
        held = resolver.memory()
    show("resident for a session, by the stream", f"{(held - without) / sessions:.0f} B")
    connection.close()
    resolver.kill()
    (state / "sessions.sock").unlink()
    from_file(world, sessions)


def from_file(world: World, sessions: int) -> None:
    """The time until lines are known again where control is not there."""
    state = Path(world.settings["state_dir"])
    (state / "sessions").mkdir(mode=0o700, exist_ok=True)
    table = Sessions(state / LIVE, KEY, sessions + 1000, LASTS, time.time, note=state / EPOCH)
    source = fingerprint(KEY, b"file")
    for line in range(1, LINES + 1):
        table.register(fingerprint(KEY, b"S-%d" % line), line)
    for number in range(sessions):
        table.put(
            [(place_of(number), 128, None)],
            subscriber=fingerprint(KEY, b"S-%d" % (number % LINES + 1)),
            session=fingerprint(KEY, b"s-%d" % number),
            nas=source,
            source=1,
            stamp=time.time(),
            lasts=LASTS,
            kind=1,
        )
    table.close()
    resolver = Resolver(world)
    began = time.monotonic()
    resolver.start()
    while True:
        with contextlib.suppress(OSError):
            if metric(world, "filterd_sessions_ready") == 1.0:
                break
        time.sleep(0.01)
    show("from exec to loaded from the file", f"{time.monotonic() - began:.2f} s")
    show("resident after that start", f"{resolver.memory() / MEGABYTE:.0f} MB")
    resolver.kill()
    (state / LIVE).unlink()


@contextlib.contextmanager
def beating(
    control: Control, connection: socket.socket, sessions: int, pace: float = 0.0
) -> Iterator[list[int]]:
    """Changes, or beats alone, beside the block; the number of sessions replaced is added to the list."""
    ended, replaced = threading.Event(), list[int]()
    work = threading.Thread(
        target=lambda: replaced.append(control.keep_changing(connection, sessions, pace, ended)), daemon=True
    )
    work.start()
    try:
        yield replaced
    finally:
        ended.set()
        work.join()


def under_load(world: World, sessions: int, seconds: int, rate: int) -> None:
    """Latency of queries with and without changes."""
    control = Control(Path(world.settings["state_dir"]) / "sessions.sock")
    resolver = Resolver(world)
    resolver.start()
    connection = control.accept()
    control.tell_all(connection, sessions)
    generator = Generator(Cores.of_machine(), BINARY)
    asked = write_entries(world.work / "entries", ((query(f"n{n:09d}.example"), 0) for n in range(10_000)))
    port = int(str(world.settings["dns"]["listen"][0]).rpartition(":")[2])
    with beating(control, connection, sessions):
        resolver.until_ready()
        if not rate:
            most, _ = generator.senders(port, senders(asked, 5, 0))
            rate = int(SHARE * most.rate)
    for name, pace in (("without changes", 0.0), ("with changes", PACE), ("without changes, again", 0.0)):
        with beating(control, connection, sessions, pace) as replaced:
            times = world.work / "times"
            load = run(generator, port, senders(asked, seconds, rate, times))
        report(f"{name}, {rate:,} queries/s", load, times, replaced[0])
    resolver.kill()


def senders(entries: Path, seconds: int, rate: int, times: Path | None = None) -> Senders:
    """A load from the clients that have sessions."""
    return Senders(entries, seconds, rate, CLIENTS, "127.1.0.1", times)


def run(generator: Generator, port: int, how: Senders) -> Load:
    """The load of these senders."""
    with generator.start(generator.words(port, how)) as process:
        output, _ = process.communicate(timeout=how.seconds + 30)
    return parse_senders(output.decode())


def report(name: str, load: Load, times: Path, replaced: int) -> None:
    """One row: latency, what was lost, what was not blocked."""
    found = latency(parse_times(times.read_bytes()))
    text = "no answer"
    if found is not None:
        text = (
            f"p50 {1000 * found.p50:.2f} ms, p99 {1000 * found.p99:.2f} ms, worst {1000 * found.worst:.1f} ms"
        )
    denied = load.codes.get("NXDOMAIN", 0)
    show(name, f"{text}; {load.lost} of {load.sent:,} lost")
    show("", f"{denied:,} blocked by the line's profile; {replaced:,} sessions replaced")


if __name__ == "__main__":
    sys.exit(main())
