"""Sessions through a whole installation: a change in force, changes beside full load, memory, and restarts.

``make session-chain`` runs it. Both roles serve as an operator starts them. Sessions come as RADIUS packets
over UDP, go through control's table and the stream, and count once a DNS answer shows them. The parts:

- ``change``: from the sending of a Start to the first answer that it decides; idle, beside 20,000 queries a
  second, and beside an import of 20,000 subscribers;
- ``memory``: a million sessions: resident bytes of each role for one, and how long loading takes;
- ``restart``: how long a line of 200,000 sessions is unknown when a role dies, stops, or is handed over;
- ``load``: 500,000 sessions replaced at the pace of ten minutes beside queries at 60 % of the machine's own
  maximum; without, with, without in turns.

It needs a machine that does nothing else: the load average is printed first and last.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import dns.edns
import dns.message
from accounting_packets import signed_start
from bench.figures import Load, parse_senders, parse_times
from bench.loads import Generator, Senders
from bench.machine import Cores
from bench.packets import option, query, write_entries

from filterd.accounting.sessions import Sessions
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint import fingerprint
from tests.worlds.session_site import CLOSED, FORWARDER, SECRET, SessionSite, session_site

BINARY = Path("build/senders")
LINES = 20_000
PACE = 500_000 / 600
CHANGES = 500
BESIDE = 20_000
SHARE = 0.6
PIECE = 100
"""seconds of one run of the senders"""
SPIKE = 0.05
LASTS = 86_400
EXTRA = 50_000
ECS = 8
FILTERED, SERVFAIL = 17, 2
PARTS = ("change", "memory", "restart", "load")


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<58} {value}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the parts; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    parser.add_argument("--seconds", type=int, default=600, help="of each load")
    parser.add_argument("--sessions", type=int, default=1_000_000, help="of the parts memory and load")
    parser.add_argument("--restarted", type=int, default=200_000, help="sessions of the part restart")
    chosen = parser.parse_args()
    parts = chosen.only or PARTS
    steps: dict[str, tuple[int, Callable[[SessionSite], None]]] = {
        "change": (0, change),
        "memory": (chosen.sessions, partial(memory, sessions=chosen.sessions)),
        "restart": (chosen.restarted, partial(restart, sessions=chosen.restarted)),
        "load": (chosen.sessions, partial(load, sessions=chosen.sessions, seconds=chosen.seconds)),
    }
    show("load of the machine before", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    for part in parts:
        sessions, step = steps[part]
        with tempfile.TemporaryDirectory(prefix="filterd-chain-") as work, site(Path(work), sessions) as made:
            step(made)
    show("load of the machine after", "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg()))
    return 0


@contextlib.contextmanager
def site(work: Path, sessions: int) -> Iterator[SessionSite]:
    """An installation whose lines S-1 to S-20000 have so many sessions; ana's are filtered."""

    def prepare(made: SessionSite) -> None:
        rows = work / "subscribers.csv"
        rows.write_text("subscriber\n" + "".join(f"S-{number}\n" for number in range(1, LINES + 1)))
        made.filterd.run("subscriber", "import", str(rows), timeout=600)
        if sessions:
            fill(made, sessions)

    free = {"queries_per_second": 100_000, "burst": 100_000}
    with session_site(
        work,
        radius={"normalize": ["realm"]},
        accounting={"pools": ["10.0.0.0/8"], "sessions": max(sessions + EXTRA, 100_000), "stale_after": "1d"},
        dns_section={"allow_from": ["127.0.0.0/8", "10.0.0.0/8"], "rate_limit": free},
        prepare=prepare,
    ) as made:
        yield made


def address(number: int) -> bytes:
    """The IPv4 address of a session."""
    return (0x0A000000 + number).to_bytes(4, "big")


def fill(made: SessionSite, sessions: int) -> None:
    """Write the sessions file as control does, without the packets."""
    state = made.filterd.state
    (state / "sessions").mkdir(mode=0o700, exist_ok=True)
    key = FINGERPRINT_KEY.load(state)
    table = Sessions(state / "sessions/live", key, sessions + EXTRA, LASTS, time.time)
    lines = [
        fingerprint(key, identity_input(IdentityKind.SUBSCRIBER, b"S-%d" % number)) for number in range(LINES)
    ]
    nas = fingerprint(key, identity_input(IdentityKind.NAS, b"bras-1"))
    now = time.time() - 60
    for number in range(sessions):
        table.put(
            [(bytes(10) + b"\xff\xff" + address(number), 128, None)],
            subscriber=lines[1 + number % (LINES - 1)],
            session=fingerprint(key, b"%d" % number),
            nas=nas,
            source=1,
            stamp=now,
            lasts=LASTS,
            kind=1,
        )
    table.close()


class Nas:
    """Sends Starts to the installation; each takes the address from whoever had it."""

    def __init__(self, made: SessionSite) -> None:
        self._numbers = count(1)
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.connect(("127.0.0.1", made.radius))
        self._link.settimeout(5)
        self.answers = 0

    def start(self, user: str, number: int, *, wait: bool = True) -> None:
        """A Start of a new session."""
        session = f"r{next(self._numbers)}"
        self._link.send(signed_start(user, session, address(number), int(time.time()), SECRET.encode()))
        if wait:
            self._link.recv(4096)
            self.answers += 1

    def until_heard(self, number: int) -> None:
        """Wait until control listens."""
        while not self.answers:
            with contextlib.suppress(OSError):
                self.start("ana@isp.example", number)
            time.sleep(0.1)

    def drain(self) -> None:
        """Count the answers that have come."""
        self._link.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._link.recv(4096):
                self.answers += 1
        self._link.settimeout(5)

    def close(self) -> None:
        self._link.close()


def asked(number: int, name: str = CLOSED) -> bytes:
    """A question of the client that has the address, by way of the trusted forwarder."""
    return query(name, option(ECS, b"\0\1\x20\0" + address(number)), number & 0xFFFF)


class Asker:
    """Asks as clients of any address."""

    def __init__(self, made: SessionSite) -> None:
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.bind((FORWARDER, 0))
        self._link.connect(("127.0.0.1", made.filterd.port))
        self._link.settimeout(0.3)

    def outcome(self, number: int) -> str:
        """Filtered, served, servfail or silence."""
        packet = asked(number)
        try:
            self._link.send(packet)
            while (reply := self._link.recv(4096))[:2] != packet[:2]:
                pass
        except OSError:
            return "silence"
        if reply[3] & 15 == SERVFAIL:
            return "servfail"
        message = dns.message.from_wire(reply)
        codes = [int(each.code) for each in message.options if isinstance(each, dns.edns.EDEOption)]
        return "filtered" if FILTERED in codes else "served"

    def close(self) -> None:
        self._link.close()


# Changes


def change(made: SessionSite) -> None:
    """How long a change takes to be in force."""
    numbers = count(5_000_000)
    changes("change in force, idle", made, numbers)
    entries = write_entries(made.filterd.folder / "beside", ((asked(n), 0) for n in range(10_000)))
    generator = Generator(Cores.of_machine(), BINARY)
    words = generator.words(made.filterd.port, _senders(entries, PIECE, BESIDE))
    with generator.start(words) as process:
        time.sleep(2)
        changes(f"change in force, beside {BESIDE:,} queries/s", made, numbers)
        process.terminate()
    rows = made.filterd.folder / "more.csv"
    rows.write_text("subscriber\n" + "".join(f"M-{number}\n" for number in range(LINES)))
    work = threading.Thread(target=made.filterd.run, args=("subscriber", "import", str(rows)))
    work.start()
    changes(f"change in force, beside an import of {LINES:,}", made, numbers, work.is_alive)
    work.join()


def changes(
    what: str, made: SessionSite, numbers: Iterator[int], beside: Callable[[], bool] | None = None
) -> None:
    """Print how long CHANGES take one after another. ``beside``: True while the other work still goes on."""
    nas, asker, took, during = Nas(made), Asker(made), list[float](), 0
    for _ in range(CHANGES):
        number = next(numbers)
        began = time.monotonic()
        nas.start("ana@isp.example", number, wait=False)
        while asker.outcome(number) != "filtered":
            if time.monotonic() - began > 30:
                raise TimeoutError(made.filterd.log())
        took.append(time.monotonic() - began)
        during += beside is None or beside()
    nas.close()
    asker.close()
    cuts = statistics.quantiles(took, n=100)
    words = f"p50 {1000 * cuts[49]:.1f} ms, p99 {1000 * cuts[98]:.1f} ms, worst {1000 * max(took):.1f} ms"
    show(what, f"{words} of {len(took)}, {during} of them while that went on")


# Memory and loading


def resident(made: SessionSite, role: str) -> dict[str, int]:
    """Bytes of a role by smaps_rollup: all, and those that are its own."""
    pid = made.pid(role)
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    values = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return {name: int(values[name]) * 1024 for name in ("Rss", "Pss", "Anonymous")}


def metric(port: int, name: str) -> float:
    """A value of a role's metrics; 0 where it is not there."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    return 0.0


def until(condition: Callable[[], bool]) -> float:
    """Wait for it; the seconds that it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > 180:
            raise TimeoutError
        time.sleep(0.01)
    return time.monotonic() - began


def memory(made: SessionSite, sessions: int) -> None:
    """Resident bytes for a session, and the times of loading."""
    with tempfile.TemporaryDirectory() as work, site(Path(work), 0) as empty:
        time.sleep(3)
        without = {role: resident(empty, role) for role in ("resolver", "control")}
    full = partial(_loaded, made, sessions)
    until(full)
    time.sleep(6)
    for role, before in without.items():
        now = resident(made, role)
        words = [f"{name} {(now[name] - before[name]) / sessions:.0f} B" for name in now]
        show(f"{role}, for each of {sessions:,} sessions", ", ".join(words))
    made.kill("resolver")
    time.sleep(0.2)
    show("killed resolver until it has all of them (control sends)", f"{until(full):.2f} s")
    control = _control(made)
    os.kill(control, signal.SIGSTOP)
    made.kill("resolver")
    time.sleep(0.2)
    show("the same with a control that is stopped (from the file)", f"{until(full):.2f} s")
    os.kill(control, signal.SIGCONT)


def _loaded(made: SessionSite, sessions: int) -> bool:
    return metric(made.filterd.metrics, "filterd_sessions") >= sessions - sessions // LINES - 1


def _control(made: SessionSite) -> int:
    found = made.pid("control")
    if found is None:
        raise RuntimeError(made.filterd.log())
    return found


# Restarts


def restart(made: SessionSite, sessions: int) -> None:
    """How long a line is not filtered while roles die and come back."""
    nas, number = Nas(made), sessions + 1
    nas.until_heard(number)
    asker = Asker(made)
    until(lambda: asker.outcome(number) == "filtered")
    control = _control(made)

    def both() -> None:
        made.kill("control")
        made.kill("resolver")

    def stopped() -> None:
        os.kill(control, signal.SIGSTOP)
        time.sleep(30)
        os.kill(control, signal.SIGCONT)

    watched("SIGSTOP of control for 30 s", made, number, stopped)
    watched("kill -9 of control", made, number, lambda: made.kill("control"))
    watched("kill -9 of the resolver", made, number, lambda: made.kill("resolver"))
    watched("kill -9 of both", made, number, both)
    nas.close()
    asker.close()


def watched(what: str, made: SessionSite, number: int, do: Callable[[], None]) -> None:
    """Print the longest times without the right answer while something is done to the installation."""
    ended, longest, asked_in_all = threading.Event(), dict[str, float](), [0]

    def watch() -> None:
        asker, since, last = Asker(made), time.monotonic(), "filtered"
        while not ended.wait(0.005):
            found, now = asker.outcome(number), time.monotonic()
            asked_in_all[0] += 1
            if found != last:
                since, last = now, found
            if found != "filtered":
                longest[found] = max(longest.get(found, 0.0), now - since + 0.005)
        asker.close()

    thread = threading.Thread(target=watch)
    thread.start()
    time.sleep(1)
    do()
    time.sleep(6)
    ended.set()
    thread.join()
    words = [f"{each} {1000 * longest.get(each, 0):.0f} ms" for each in ("served", "servfail", "silence")]
    show(f"longest: {what}", f"{', '.join(words)}; {asked_in_all[0]} queries")


# Load


def _senders(entries: Path, seconds: int, rate: int, times: Path | None = None) -> Senders:
    return Senders(entries, seconds, rate, 1, FORWARDER, times)


def load(made: SessionSite, sessions: int, seconds: int) -> None:
    """Latency of queries with and without changes."""
    until(partial(_loaded, made, sessions))
    entries = write_entries(made.filterd.folder / "entries", ((asked(n), 0) for n in range(10_000)))
    generator = Generator(Cores.of_machine(), BINARY)
    most, _ = generator.senders(made.filterd.port, _senders(entries, 5, 0))
    rate = int(SHARE * most.rate)
    show("most queries/s that this machine answers", f"{most.rate:,.0f}; load {rate:,}")
    for name, pace in (("without changes", 0.0), ("with changes", PACE), ("without changes, again", 0.0)):
        with replacing(made, sessions, pace) as sent:
            loads, times = pieces(generator, made, entries, rate, seconds)
        report(name, loads, times)
        show("", f"{sent[0]:,} sessions replaced, {sent[1]:,} packets answered, in {seconds} s")


def pieces(
    generator: Generator, made: SessionSite, entries: Path, rate: int, seconds: int
) -> tuple[list[Load], array[float]]:
    """Runs of the senders that take so long together, and the seconds of every answer."""
    loads, times, file = list[Load](), array("d"), made.filterd.folder / "times"
    for piece in [PIECE] * (seconds // PIECE) + ([seconds % PIECE] if seconds % PIECE else []):
        how = _senders(entries, piece, rate, file)
        with generator.start(generator.words(made.filterd.port, how)) as process:
            output, _ = process.communicate(timeout=piece + 60)
        loads.append(parse_senders(output.decode()))
        times.extend(taken for _, taken in parse_times(file.read_bytes()) if taken is not None)
    return loads, times


@contextlib.contextmanager
def replacing(made: SessionSite, sessions: int, pace: float) -> Iterator[list[int]]:
    """Sessions change owner beside the block; then how many were told and how many answers came."""
    ended, result = threading.Event(), [0, 0]

    def tell() -> None:
        nas, began = Nas(made), time.monotonic()
        while pace and not ended.wait(0.01):
            while result[0] < (time.monotonic() - began) * pace:
                user = f"S-{1 + (result[0] * 7 + 3) % (LINES - 1)}@isp.example"
                nas.start(user, result[0] % sessions, wait=False)
                result[0] += 1
            nas.drain()
        time.sleep(0.2)
        nas.drain()
        result[1] = nas.answers
        nas.close()

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield result
    finally:
        ended.set()
        thread.join()


def report(name: str, loads: Sequence[Load], times: array[float]) -> None:
    """One row."""
    ordered = sorted(times)
    at = [1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.99, 0.999)]
    lost, sent = sum(each.lost for each in loads), sum(each.sent for each in loads)
    words = f"p50 {at[0]:.2f}, p99 {at[1]:.2f}, p99.9 {at[2]:.2f}, worst {1000 * ordered[-1]:.1f} ms"
    over = sum(each > SPIKE for each in ordered)
    show(name, f"{words}; {over} over 50 ms; {lost} of {sent:,} lost")


if __name__ == "__main__":
    sys.exit(main())
