"""An installation with many sessions, a NAS that tells of more, and clients that ask."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import dns.edns
import dns.message
from accounting_packets import signed_start
from bench.packets import option, query

from filterd.accounting.sessions import Sessions
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.session_place import EPOCH, LIVE
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint import fingerprint
from tests.worlds.session_site import CLOSED, FORWARDER, SECRET, SessionSite, session_site

LINES = 20_000
LASTS = 86_400
EXTRA = 50_000
ECS = 8
FILTERED, SERVFAIL = 17, 2
NETWORK = 0x0A000000
PATIENCE = 180.0


def show(what: str, value: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{what:<58} {value}\n")
    sys.stdout.flush()


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
    most = max(sessions + EXTRA, 100_000)
    with session_site(
        work,
        radius={"normalize": ["realm"]},
        accounting={"pools": ["10.0.0.0/8"], "sessions": most, "stale_after": "1d"},
        dns_section={"allow_from": ["127.0.0.0/8", "10.0.0.0/8"], "rate_limit": free},
        prepare=prepare,
    ) as made:
        yield made


def address(number: int) -> bytes:
    """The IPv4 address of a session."""
    return (NETWORK + number).to_bytes(4, "big")


def fill(made: SessionSite, sessions: int) -> None:
    """Write the sessions file as control does, without the packets."""
    state = made.filterd.state
    (state / "sessions").mkdir(mode=0o700, exist_ok=True)
    key = FINGERPRINT_KEY.load(state)
    table = Sessions(state / LIVE, key, sessions + EXTRA, LASTS, time.time, note=state / EPOCH)
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

    def __init__(self, made: SessionSite, port: int | None = None) -> None:
        """``port``: where they go in the place of the installation's own."""
        self._numbers = count(1)
        self._prefix = f"{time.monotonic_ns():x}-"
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.connect(("127.0.0.1", made.radius if port is None else port))
        self._link.settimeout(5)
        self.answers = 0

    def start(self, user: str, number: int, *, wait: bool = True) -> None:
        """A Start of a new session."""
        session = f"{self._prefix}{next(self._numbers)}"
        self._link.send(signed_start(user, session, address(number), int(time.time()), SECRET.encode()))
        if wait:
            self._link.recv(4096)
            self.answers += 1

    def until_heard(self, number: int) -> None:
        """Wait until control listens. Raises TimeoutError."""

        def heard() -> bool:
            with contextlib.suppress(OSError):
                self.start("ana@isp.example", number)
            return self.answers > 0

        until(heard, 0.1)

    def drain(self) -> None:
        """Count the answers that have come."""
        self._link.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
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


def metric(port: int, name: str) -> float:
    """A value of a role's metrics; 0 where it is not there."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    return 0.0


def loaded(made: SessionSite, sessions: int) -> bool:
    """True if the resolver has all of them."""
    return metric(made.filterd.metrics, "filterd_sessions") >= sessions - sessions // LINES - 1


def until(condition: Callable[[], bool], pause: float = 0.01) -> float:
    """Wait for it; the seconds that it took. Raises TimeoutError."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError
        time.sleep(pause)
    return time.monotonic() - began


def pid_of(made: SessionSite, role: str) -> int:
    """The process id of a role that runs. Raises TimeoutError where there is none in time."""
    until(lambda: made.pid(role) is not None)
    found = made.pid(role)
    if found is None:
        raise RuntimeError(made.filterd.log())
    return found
