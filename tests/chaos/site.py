"""An installation that the campaign works on: its files, its two processes, and its operator.

It is copied from a template that was made once, so that a fresh one costs some milliseconds. The roles are
started as the supervisor does it, or under ``filterd serve``. The operator's commands are the use cases
behind them, in this process, or real processes where a fault must meet them.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.operations import snapshots, subscribers
from filterd.operations.context import Context, open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from tests.chaos.disk_faults import DiskFaults
from tests.e2e.authority import free_port
from tests.worlds.installation import POLICIES
from tests.worlds.migrated import migrated

FILTERD = (sys.executable, "-m", "filterd.cli.entry")
LISTED = "worst.example"
"""of the adopted list"""
STANDING = "standing.example"
"""an order of the template is on it"""
CATEGORY = "adult.example"
CHILDREN = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
"""each the address of a line, child-1 and so on; the first has opted in"""
STRANGER = "127.0.0.4"
START_SECONDS = 240.0
FEEDS = """
- id: worst-of
  source: lists/worst.txt
  format: domains
  mandatory: {authority: INTERPOL, ground: adopted, confidential: true}
- {id: adult-starter, source: lists/adult.txt, format: domains, category: adult}
- id: second-of
  source: lists/second.txt
  format: domains
  mandatory: {authority: INTERPOL, ground: adopted}
- {id: gambling-starter, source: lists/gambling.txt, format: wildcard, category: gambling}
"""
SECOND = "second-listed.example"
"""of the second adopted list"""
ROLES = ("resolver", "control")
T = TypeVar("T")


@dataclass
class Site:
    """Made by :func:`copy_of`; ended by :meth:`close`."""

    folder: Path
    upstream: int
    library: Path | None = None
    """the compiled faults of disks; None: processes of this one meet none"""
    accounting: dict[str, Any] = field(default_factory=dict)
    """that section of its configuration"""
    port: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """by role; ``serve`` is a supervisor"""
    faults: dict[str, DiskFaults] = field(default_factory=dict)
    """by role, and ``cli`` for commands"""
    looking_in: threading.Lock = field(default_factory=threading.Lock)
    """held by the listener while it has the store open: the last connection that closes writes the log that
    it holds, though unlinked, into whatever was copied over the file meanwhile, and so undoes the fault"""

    def __post_init__(self) -> None:
        self.state = self.folder / "state"
        self.policies = self.folder / "policies"
        self.store = self.state / "filterd.db"
        self.node = self.state / "node"
        self.snapshots = self.state / "snapshots"
        self.keys = self.state / "keys"
        self.config = self.folder / "filterd.yaml"
        document = self._document()
        self.settings: Settings = from_value(document, base=self.folder)
        self.config.write_text(yaml.safe_dump(document))
        if self.library is not None:
            for role in (*ROLES, "cli"):
                paths = (self.node, self.store)
                self.faults[role] = DiskFaults(self.library, self.folder / f"{role}.faults", paths)

    def _document(self) -> dict[str, Any]:
        return {
            "dns": {
                "listen": [f"127.0.0.1:{self.port}"],
                "upstreams": [f"127.0.0.1:{self.upstream}"],
                "allow_from": ["127.0.0.0/8"],
                "threads": 1,
            },
            "cache": {"size": "4MiB"},
            "store": {"url": f"sqlite:///{self.store}"},
            "state_dir": str(self.state),
            "policies": str(self.policies),
            "control": {"listen": f"127.0.0.1:{self.control}"},
            "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
            "orders": {"approvals": 1},
            **({"accounting": self.accounting} if self.accounting else {}),
        }

    # --- processes ---

    def start(self, role: str, *, wait: bool = True, around: Sequence[str] = ()) -> None:
        """Start a role as its supervisor does, with the words ``around`` before its own; wait until it
        listens."""
        assert role not in self.processes
        process = self._spawn([*around, sys.executable, "-P", "-m", f"filterd.serve.{role}"], role, role)
        assert process.stdin is not None
        process.stdin.write(self.settings.to_json().encode() + b"\n")
        process.stdin.flush()
        if wait:
            self.wait(lambda: self.http(role, "/readyz")[0] != 0, f"{role} listens")

    def serve(self) -> None:
        """Start ``filterd serve``."""
        assert not self.processes
        self._spawn([*FILTERD, "serve"], "serve", "resolver")

    def _spawn(self, words: Sequence[str], role: str, faults: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "FILTERD_CONFIG": str(self.config)}
        if faults in self.faults:
            environment |= self.faults[faults].environment
        with (self.folder / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(
                words, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        self.processes[role] = process
        return process

    def kill(self, role: str) -> None:
        """``kill -9`` of one process, and wait for its end."""
        process = self.processes.pop(role)
        process.kill()
        _reap(process)

    def stop(self, role: str) -> int:
        """SIGTERM; the exit code."""
        process = self.processes.pop(role)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        return _reap(process)

    def holds_hangup(self, role: str) -> bool:
        """True if a process has come to where it blocks, catches or ignores SIGHUP."""
        masks = ("SigBlk:", "SigIgn:", "SigCgt:")
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.processes[role].pid}/status").read_text().splitlines():
                if line.startswith(masks) and int(line.split()[1], 16) & 1 << signal.SIGHUP - 1:
                    return True
        return False

    def alive(self, role: str) -> bool:
        """True if the process of a role runs."""
        return role in self.processes and self.processes[role].poll() is None

    def child_of_serve(self, role: str) -> int | None:
        """The process id of a role under ``filterd serve``."""
        serve = self.processes["serve"].pid
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{serve}/task/{serve}/children").read_text().split():
                if f"filterd.serve.{role}" in Path(f"/proc/{child}/cmdline").read_text():
                    return int(child)
        return None

    def close(self) -> None:
        """End every process of the installation."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            _reap(process)
        self.processes.clear()
        for faults in self.faults.values():
            faults.close()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
        """Until it holds; AssertionError with the ends of the logs when it does not come to that."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"never: {what}\n{self.logs()}"
            time.sleep(0.01)

    def logs(self) -> str:
        """The ends of what the processes wrote."""
        return "\n".join(path.read_text(errors="replace")[-1500:] for path in self.folder.glob("*.log"))

    def http(self, role: str, path: str) -> tuple[int, str]:
        """Status and text of a page of a role; status 0: nobody answers."""
        port = self.metrics if role == "resolver" else self.control
        try:
            try:
                reply = urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1.0)
            except urllib.error.HTTPError as error:
                reply = error
            with reply:
                return reply.status, reply.read().decode()
        except (OSError, http.client.HTTPException):  # also one that was killed within its reply
            return 0, ""

    def tail(self, role: str, lines: int) -> str:
        """The last lines that a role has written."""
        written = (self.folder / f"{role}.log").read_text(errors="replace").splitlines()
        return " | ".join(written[-lines:])

    # --- the operator ---

    def run(self, *words: str, faults: str = "", timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """A command as a process of its own."""
        environment = {**os.environ, "FILTERD_CONFIG": str(self.config)}
        if faults in self.faults:
            environment |= self.faults[faults].environment
        return subprocess.run(
            [*FILTERD, *words], env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def do(self, use_case: Callable[[Context], Awaitable[T]], clock: Callable[[], float] = time.time) -> T:
        """A use case as a command performs it. Raises OperationError."""

        async def perform() -> T:
            async with open_context(self.settings, actor="ana", clock=clock) as context:
                return await use_case(context)

        return asyncio.run(perform())

    def revision(self) -> int:
        """The newest revision of the store."""
        return int(self.sql("SELECT revision FROM head")[0][0])

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """A statement by hand, past the product."""
        with contextlib.closing(sqlite3.connect(self.store, timeout=30, isolation_level=None)) as store:
            return store.execute(statement, values).fetchall()

    def lag(self) -> float | None:
        """The lag that the resolver shows; None: it answers nothing."""
        return sample(self.http("resolver", "/metrics")[1], "filterd_node_revision_lag_seconds")


def sample(text: str, name: str) -> float | None:
    """A sample of metrics in their text form."""
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    return None


def _reap(process: subprocess.Popen[bytes]) -> int:
    code = process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    return code


def order_of(*names: str, not_after: int = 0) -> OrderRequest:
    """An order on names and all below them."""
    from filterd.model.rule import Scope

    return OrderRequest(
        authority="A court",
        official="The judge",
        document="12/2026",
        ground="Article 1",
        reason="test order",
        entries=tuple((name, Scope.SUBTREE) for name in names),
        not_after=not_after,
    )


def make_template(folder: Path, *, compiled: bool = True) -> Path:
    """An installation that was never started: a store with lines and an order, lists that were read, keys and
    a snapshot. Without ``compiled``, no list was read, and there is no snapshot."""
    texts = {**POLICIES, "feeds.yaml": FEEDS, "lists/second.txt": f"{SECOND}\nother-listed.example\n"}
    for name, text in texts.items():
        path = folder / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    site = Site(folder, 9)
    site.state.mkdir(exist_ok=True)
    asyncio.run(migrated(site.settings.store.url, site.settings.store.ledger))
    site.do(_add_lines)
    if compiled:
        site.do(_compile)
    site.close()
    return folder


async def _add_lines(context: Context) -> None:
    for number, address in enumerate(CHILDREN, 1):
        await subscribers.add(context, f"child-{number}", prefixes=(address,))
    await opt_in(context, "child-1")
    await taking.add(context, order_of(STANDING, not_after=int(context.clock()) + 100 * 86400))


async def _compile(context: Context) -> None:
    await updating.update(context)
    await snapshots.build(context)


async def opt_in(context: Context, subscriber: str) -> None:
    """The holder asks for the children's profile."""
    from filterd.model.subscriber import RequestEvidence

    ticket = f"ticket {(await context.store.head()).revision}"
    evidence = RequestEvidence("holder", "counter", context.clock(), "2026-11", ticket)
    await subscribers.opt_in(context, subscriber, "child", evidence)


def copy_folder(source: Path, target: Path, *, without: str = "") -> None:
    """Copy an installation's policies and state, and nothing of its processes. The logs in the state stay:
    they are the node's. ``without``: a pattern of names that are left out too."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        own = ("*.log", "*.faults", "filterd.yaml") if Path(folder) == source else ()
        return shutil.ignore_patterns("*.sock", without, *own)(folder, names)

    shutil.copytree(source, target, ignore=left_out)


def copy_of(
    template: Path,
    folder: Path,
    upstream: int,
    library: Path | None = None,
    accounting: dict[str, Any] | None = None,
) -> Site:
    """A fresh installation."""
    copy_folder(template, folder)
    return Site(folder, upstream, library, accounting or {})


def copy_store(site: Site, to: Path) -> None:
    """A whole copy of the store as it is now, in one file."""
    with (
        contextlib.closing(sqlite3.connect(site.store, timeout=30)) as store,
        contextlib.closing(sqlite3.connect(to)) as copy,
    ):
        store.backup(copy)


def events(site: Site, role: str) -> list[dict[str, Any]]:
    """The log of a role, without lines that are no JSON."""
    found = []
    for line in (site.folder / f"{role}.log").read_text(errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found
