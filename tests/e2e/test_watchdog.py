"""A resolver that is stuck is noticed, said, ended and started again, while the service manager is told.

A thread is parked by the hooks of a build for tests (tests/worlds/hooked.py); the product has none.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import pytest

from filterd.dataplane.fast import thread
from tests.e2e.deployment import Deployment, soon
from tests.e2e.resolver_process import answering, upstream
from tests.e2e.test_crash_loop import board_of, metrics_of, resolver_of
from tests.worlds.hooked import Hooks, build_hooks
from tests.worlds.installation import write_policies
from tests.worlds.measured import measured

pytestmark = pytest.mark.ring("night")

RECORDS = {("fine.example", "A"): ["192.0.2.1"]}
THREADS = 2
LONG = 60.0
"""bounds a wait that takes some fifteen seconds"""


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    return build_hooks(tmp_path_factory.mktemp("hooks"))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bound:
        bound.bind(str(tmp_path / "notify"))
        yield bound


@pytest.fixture
def filterd(tmp_path: Path, hooks: Hooks, manager: socket.socket) -> Iterator[Deployment]:
    """Two threads, not yet started."""
    policies = write_policies(tmp_path / "policies")
    environment = {**hooks.environment, "NOTIFY_SOCKET": str(manager.getsockname())}
    with upstream(answering(RECORDS)) as (port, _):
        made = Deployment(
            tmp_path / "filterd",
            port,
            policies,
            {"dns": {"threads": THREADS}},
            environment=environment,
        )
        made.cli("store", "migrate")
        yield made


def told(manager: socket.socket) -> list[str]:
    """What the service manager was told since the last time."""
    found: list[str] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found += manager.recv(4096).decode().split("\n")
    return found


def figure(filterd: Deployment, name: str) -> float:
    """A figure of the metrics; -1: there is none at this moment."""
    for line in filterd.http(filterd.metrics, "/metrics")[1].splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    return -1.0


def restarted(
    filterd: Deployment, serve: subprocess.Popen[bytes], before: int | None, what: str, began: float
) -> None:
    """Wait for another resolver, one that serves; what began then took so long."""
    assert soon(lambda: resolver_of(serve) not in (None, before), seconds=LONG), filterd.log()
    assert soon(lambda: filterd.http(filterd.metrics, "/readyz")[0] == 200, seconds=LONG), filterd.log()
    measured(f"{what}, to another resolver that is ready", time.monotonic() - began)
    assert filterd.ask("fine.example").answer
    assert filterd.ask("fine.example", tcp=True).answer
    assert soon(lambda: settled(filterd)), "every thread of the new one answers"


def settled(filterd: Deployment) -> bool:
    return figure(filterd, 'filterd_self_queries_total{outcome="answered",path="fast"}') >= 2 * THREADS


def events(filterd: Deployment, event: str) -> list[dict[str, object]]:
    """The lines of the log that say so."""
    lines = [json.loads(line) for line in (filterd.folder / "serve.log").read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def test_a_stuck_thread_ends_in_another_resolver_and_a_packet_is_blamed_only_where_it_was_at_one(
    filterd: Deployment, hooks: Hooks, manager: socket.socket
) -> None:
    with filterd.serving() as serve:
        assert soon(lambda: settled(filterd))
        first = resolver_of(serve)
        began = parked(hooks, 0)
        assert soon(
            lambda: figure(filterd, "filterd_threads_stuck") == 1.0, "thread parked, to being said", LONG
        )
        for path in ("/readyz", "/healthz"):
            status, text = filterd.http(filterd.metrics, path)
            assert (status, "thread fast-0 is stuck" in text) == (503, True)
        assert served(filterd) > 0, "the other thread and TCP go on"
        restarted(filterd, serve, first, "thread parked", began)
        assert metrics_of(filterd)["filterd_resolver_crashes_total"] == 0.0, "no packet was at work"
        stuck = events(filterd, "a part that answers clients is stuck")
        assert [line["part"] for line in stuck] == ["fast-0"]

        board, second = board_of(serve), resolver_of(serve)
        began = parked(hooks, 1)
        mark = board.mark(b"\0" * 12)
        board.note(mark, 1 + 1)  # as the thread does before it takes up a packet
        restarted(filterd, serve, second, "thread parked at a packet", began)
        assert metrics_of(filterd)["filterd_resolver_crashes_total"] == 1.0
        assert board.killed(mark)
        assert serve.poll() is None
        assert soon(lambda: "WATCHDOG=1" in told(manager)), "the manager's queue is short: it is empty now"
    assert told(manager)[-1] == "STOPPING=1"


def parked(hooks: Hooks, thread: int) -> float:
    """Park it; since when it is."""
    hooks.park(thread)
    assert soon(lambda: hooks.is_parked(thread))
    return time.monotonic()


def served(filterd: Deployment) -> int:
    """How many of some clients get an answer, over UDP; each has another port."""
    found = 0
    for _ in range(16):
        with contextlib.suppress(dns.exception.Timeout):
            found += bool(filterd.ask("fine.example", timeout=0.3).answer)
    return found


def test_an_event_loop_that_is_blocked_ends_in_another_resolver(
    filterd: Deployment, manager: socket.socket
) -> None:
    with filterd.serving() as serve:
        assert soon(lambda: settled(filterd))
        assert soon(lambda: "READY=1" in told(manager))
        before, began = resolver_of(serve), time.monotonic()
        assert before is not None
        os.kill(before, signal.SIGUSR1)
        assert soon(lambda: "event loop is stuck" in filterd.http(filterd.metrics, "/healthz")[1])
        assert filterd.ask("localhost").answer, "the threads go on"
        restarted(filterd, serve, before, "event loop blocked", began)
        assert metrics_of(filterd)["filterd_resolver_crashes_total"] == 0.0
        assert len(events(filterd, "the resolver is stuck and is ended")) == 1


def test_the_product_has_no_hooks(hooks: Hooks) -> None:
    word = b"FILTERD_TEST_HOOKS"
    assert word not in Path(thread.__file__).read_bytes()
    assert word in (hooks.folder / Path(thread.__file__).name).read_bytes()
