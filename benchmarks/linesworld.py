"""A store full of lines, a snapshot of many names, and one resolver over both, for ``lines.py``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.config.load import from_value
from filterd.model.change_chain import change_hash
from filterd.model.changelog import Change, LineChange, OrderChange, encode, line_of
from filterd.model.line import LineChoices
from filterd.model.mandatory import order_id
from filterd.model.order import Demand, Order, OrderState
from filterd.model.order_rows import ROW_DIGEST, row_digest
from filterd.model.rule import Scope
from filterd.model.verdict import Kind
from filterd.policy import snapshot_layout
from filterd.policy.build import Builder
from filterd.policy.classes import FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.store.store import Store
from filterd.wire.names import name_from_text

KEY = bytes(range(16))
SALT = "5a" * 16
CHUNK = 1_000
"""rows of the log in one transaction, as an import writes them"""
BREATH = 0.015
NXDOMAIN = 3
ORDER_SQL = (
    "INSERT INTO orders (number, reference, state, authority, official, document, document_digest, ground,"
    " reason, mode, not_before, not_after, review_at, received_at, added_by, added_at, accepted_at,"
    " withdrawn_by, withdrawn_at, withdrawal_reason, seal)"
    " VALUES (?, ?, 'accepted', '', '', '', '', '', '', 0, 0, 0, 0, 0, '', 0, 1, '', 0, '', ?)"
)
AUDIT_SQL = (
    "INSERT INTO audit (sequence, revision, at, actor, action, subject, reason, after, previous_hash, hash)"
    " VALUES (?, 0, 0, '', 'order.add', ?, '', ?, ?, ?)"
)
CHANGE_SQL = (
    "INSERT INTO change (revision, stream, kind, at, payload, salt, hash, line)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
OWN_NAME_SQL = "INSERT INTO own_name (line, name, action, scope) VALUES (?, ?, ?, 1)"
NAME_SQL = "INSERT INTO order_name VALUES (?, ?, 1)"


def no_adjustments(_line: int) -> str:
    """Lines with a profile alone."""
    return ""


@dataclass
class World:
    """A store full of lines, a snapshot, and the settings of one resolver over both."""

    work: Path
    lines: int
    names: int
    adjustments: Callable[[int], str] = no_adjustments
    """the stored form of a line's own changes, by its number"""
    settings: dict[str, Any] = field(init=False)
    orders: int = 0
    revision: int = 0
    hash: str = ""
    empty_memory: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self) -> None:
        """Everything on disk, and what a resolver without any line holds in memory."""
        self.settings = self._settings()
        state = Path(self.settings["state_dir"])
        (state / "keys").mkdir(parents=True)
        (state / "keys" / "fingerprint.key").write_bytes(KEY)
        (state / "snapshots").mkdir()
        self._snapshot(state / "snapshots")
        asyncio.run(Store.migrate(self.settings["store"]["url"], state / "ledger"))
        resolver = Resolver(self)
        resolver.start()
        resolver.until_ready()
        self.empty_memory = resolver.memory()
        resolver.kill()
        for path in (state / "node").glob("*.*"):
            path.unlink()  # the resync must find nothing
        with self.connection() as store:
            self._fill(store)

    def _settings(self) -> dict[str, Any]:
        ports = [free_port() for _ in range(2)]
        value = {
            "dns": {
                "listen": [f"127.0.0.1:{ports[0]}"],
                "upstreams": ["127.0.0.1:9"],
                "parental_fail": "open",  # so that orders can be seen to take effect during the resync
            },
            "cache": {"size": "4MiB"},
            "store": {"url": f"sqlite:///{self.work}/filterd.db"},
            "state_dir": str(self.work / "state"),
            "metrics": {"listen": f"127.0.0.1:{ports[1]}"},
        }
        return from_value(value, base=self.work).as_dict()

    def _snapshot(self, snapshot_files: Path) -> None:
        builder = Builder(KEY)
        builder.begin_list([FIRST_FREE_BIT])
        for start in range(0, self.names, 100_000):
            numbers = range(start, min(start + 100_000, self.names))
            builder.add_run(b"".join(b"n%09d.example\n" % number for number in numbers))
        adult = ListClass("adult", Kind.CATEGORY, FIRST_FREE_BIT, category="adult")
        empty = {"services": [], "safe_search": [], "bypass": [], "blocking_mode": "nxdomain", "schedule": []}
        meta = {
            "lists": Classes((*FIXED, adult)).to_meta(),
            "address_prefixes": {"4": [], "6": []},
            "profiles": {"children": {"categories": ["adult"], **empty}},
        }
        name = snapshot_layout.file_name(0, bytes(32).hex())
        with (snapshot_files / name).open("wb") as file:
            file.writelines(builder.finish(meta, 0, 1, bytes(32)))
        (snapshot_files / snapshot_layout.CURRENT).write_bytes(snapshot_layout.pointer_to(name))

    def _fill(self, store: sqlite3.Connection) -> None:
        """Lines 1 to n; 127.0.0.1 belongs to line 1, which has own.example on its block list."""
        count = range(1, self.lines + 1)
        store.execute("PRAGMA synchronous=OFF")
        store.execute("BEGIN IMMEDIATE")
        store.executemany("INSERT INTO subscriber VALUES (?, ?, 0, '')", ((n, f"S-{n}") for n in count))
        store.executemany(
            "INSERT INTO line_state VALUES (?, 1, 'children', 'America/Mexico_City', 0, 0, ?, 0)",
            ((n, self.adjustments(n)) for n in count),
        )
        store.execute(OWN_NAME_SQL, (1, "own.example", 0))
        store.executemany(OWN_NAME_SQL, ((n, f"shop{n}.example", 1) for n in count[10::10]))
        store.execute("INSERT INTO binding VALUES ('127.0.0.1/32', 1)")
        store.executemany(
            "INSERT INTO binding VALUES (?, ?)",
            ((f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}/32", n) for n in count[1:]),
        )
        store.executemany(
            "INSERT INTO binding VALUES (?, ?)",
            ((f"2001:db8:{n >> 16:x}:{n & 65535:x}::/64", n) for n in count),
        )
        store.execute("UPDATE head SET revision = 1, next_line = ?", (self.lines + 1,))
        (self.hash,) = store.execute("SELECT change_hash FROM head").fetchone()
        store.execute("UPDATE log_floor SET revision = 1")
        store.execute("COMMIT")
        self.revision = 1

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A writing connection with the store's own pragmas; what it does is done when the block ends."""
        connection = sqlite3.connect(self.work / "filterd.db", isolation_level=None, timeout=15)
        connection.execute("PRAGMA synchronous=FULL")
        try:
            yield connection
        finally:
            connection.close()

    def write(
        self,
        store: sqlite3.Connection,
        changes: Sequence[Change],
        *statements: tuple[str, tuple[int | str, ...]],
    ) -> None:
        """Changes and statements in one transaction."""
        with self._lock:
            rows = []
            for change in changes:
                self.revision += 1
                stream, kind, payload = encode(change)
                row = (self.revision, stream, kind, time.time(), payload, SALT)
                self.hash = change_hash(self.hash, *row)
                rows.append((*row, self.hash, line_of(change)))
            store.execute("BEGIN IMMEDIATE")
            store.executemany(CHANGE_SQL, rows)
            for statement, values in statements:
                store.execute(statement, values)
            store.execute("UPDATE head SET revision = ?, change_hash = ?", (self.revision, self.hash))
            store.execute("COMMIT")

    def order(self, store: sqlite3.Connection) -> str:
        """Write one order; the name that it blocks."""
        self.orders += 1
        name = f"order{self.orders}.example"
        order = OrderChange(
            order_id(self.orders), str(self.orders), ((name, Scope.SUBTREE),), accepted_at=time.time()
        )
        demand = Demand("", "", "", "", names=order.names)
        row = Order(
            self.orders, order.reference, OrderState.ACCEPTED, demand, "", "", 0.0, accepted_at=1.0, seal=SALT
        )
        told = json.dumps({ROW_DIGEST: row_digest(row)})
        entry = (self.orders, f"order:{order.reference}", told, f"<{self.orders}", f"{self.orders}")
        self.write(
            store,
            [order],
            (ORDER_SQL, (self.orders, order.reference, SALT)),
            (NAME_SQL, (self.orders, name)),
            (AUDIT_SQL, entry),
        )
        return name

    def change_lines(self, complete: threading.Event) -> None:
        """Every line anew, again and again until a checkpoint of them was written."""
        with self.connection() as store:
            while not complete.is_set():
                for start in range(1, self.lines, CHUNK):
                    numbers = range(start, start + CHUNK)
                    choices = [LineChoices(n, opted_in=True, profile="children") for n in numbers]
                    self.write(store, [LineChange(each) for each in choices if each.line != 1])
                    if complete.wait(BREATH):
                        break

    def wal(self) -> int:
        """Bytes of the store's write-ahead log."""
        return (self.work / "filterd.db-wal").stat().st_size

    def take_store_away(self) -> None:
        """The resolver is alone from now on."""
        (self.work / "filterd.db").rename(self.work / "elsewhere.db")


@dataclass
class Resolver:
    """The process, and how it is asked."""

    world: World
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it; it may not answer yet."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "filterd.serve.resolver"],
            stdin=subprocess.PIPE,
            stderr=(self.world.work / "log").open("ab"),
        )
        line = json.dumps(self.world.settings).encode() + b"\n"
        if self.process.stdin is not None:
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def kill(self) -> None:
        """As a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def until_ready(self) -> float:
        """Wait until nothing is missing; how many seconds that took."""
        started = time.monotonic()
        address = self.world.settings["metrics"]["listen"]
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/readyz") as reply:
                if reply.status == 200:
                    return time.monotonic() - started
            if self.process.poll() is not None:
                raise RuntimeError((self.world.work / "log").read_text()[-2000:])
            time.sleep(0.02)

    def until_answering(self) -> None:
        """Wait for the first answer, whatever it says."""
        with self.socket() as asking:
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    ask(asking, "localhost")
                    return
                time.sleep(0.005)

    def until_applied(self) -> None:
        """Wait until the newest order, written behind all else, is in force, and lines are quiet."""
        with self.world.connection() as store:
            until_blocked(self.socket(), self.world.order(store))
        time.sleep(1)

    def until_answer(self) -> None:
        """Wait until 127.0.0.1's own block name is blocked."""
        until_blocked(self.socket(), "own.example")

    def socket(self) -> socket.socket:
        """A socket to ask through."""
        host, _, port = self.world.settings["dns"]["listen"][0].rpartition(":")
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.connect((host, int(port)))
        asking.settimeout(5)
        return asking

    def waited(self) -> float:
        """Seconds for which its first thread was ready to run and had no processor."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9

    def memory(self) -> int:
        """Resident bytes."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(statm[1]) * os.sysconf("SC_PAGE_SIZE")


def ask(asking: socket.socket, name: str) -> int:
    """The response code of one query for an A record."""
    query = os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + name_from_text(name) + b"\0\1\0\1"
    asking.send(query)
    while (reply := asking.recv(4096))[:2] != query[:2]:
        pass
    return reply[3] & 15


def until_blocked(asking: socket.socket, name: str) -> None:
    """Ask until the name does not exist; the socket is closed then."""
    with asking:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                if ask(asking, name) == NXDOMAIN:
                    return
            time.sleep(0.001)


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
