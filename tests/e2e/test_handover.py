"""Restarts under load: the resolver that leaves passes its sockets on to its successor, and no query is lost.

The clients (``steady_load``) are processes of their own. No test asserts how long anything takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.exception
import pytest

from filterd.serve.handover.messages import VERSION, Word, address_of, new_socket, receive, send
from filterd.serve.handover.taking import dismiss
from tests.e2e.deployment import ROOT, Deployment, ede, soon
from tests.e2e.small import small
from tests.e2e.steady_load import BANNED

pytestmark = [
    pytest.mark.ring("night"),
    pytest.mark.skipif(os.geteuid() != 0, reason="root alone may look at the files of a resolver"),
]
UNLIMITED = {"queries_per_second": 100_000, "burst": 200_000}
GOOD = {"sent", "answered", "blocked", "cut", "failed_upstream"}
"""outcomes that a client may have; cut: a connection ended and the query was asked again on another one;
failed_upstream: SERVFAIL for another name, when the scripted upstream is too slow on a busy machine"""
HANDOVERS = 20
BUSY = os.getloadavg()[0] > (os.cpu_count() or 1)
SHORT_QUEUES = """
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

NAME = "filterd.dataplane.listeners.socket_binding"

class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != NAME:
            return None
        spec = PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            module.UDP_BUFFER = 212_992
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""
"""``sitecustomize`` of an installation with queues as the default of ``net.core.rmem_max`` allows them"""


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """An installation with an order on a name, not started."""
    with small(tmp_path) as made:
        configure(made)
        made.order(BANNED)
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        yield made
        for word in (b"serve", b"filterd.serve.resolver"):
            for pid in processes(made, word):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def configure(filterd: Deployment, **dns: Any) -> None:
    filterd.write_config(dns={"rate_limit": UNLIMITED, "threads": 1, **dns})


def processes(filterd: Deployment, word: bytes) -> set[int]:
    """The processes with this word that write to the log of this installation."""
    found = set()
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            with contextlib.suppress(OSError):
                has_word = word in (each / "cmdline").read_bytes().split(b"\0")
                if has_word and (each / "fd/2").readlink() == filterd.folder / "serve.log":
                    found.add(int(each.name))
    return found


def resolvers(filterd: Deployment) -> set[int]:
    """The resolver processes of this installation; their files can be looked at by root alone."""
    return processes(filterd, b"filterd.serve.resolver")


@contextlib.contextmanager
def clients(filterd: Deployment) -> Iterator[list[dict[str, int]]]:
    """Clients that ask meanwhile; their outcomes are in the list afterwards."""
    outcomes: list[dict[str, int]] = []
    asking = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.steady_load", kind, str(filterd.port), per_second],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind, per_second in (("udp", "2000"), ("tcp", "100"))
    ]
    try:
        yield outcomes
        outcomes += [json.loads(each.communicate(timeout=60)[0]) for each in asking]
    finally:
        for each in asking:
            each.kill()
            each.communicate()


def assert_nothing_lost(outcomes: list[dict[str, int]]) -> None:
    for each in outcomes:
        assert set(each) <= GOOD, outcomes
        assert each["sent"] == sum(each.values()) - each["sent"] - each.get("cut", 0)
        # A busy machine asks far fewer than it was told to: enough that some fell into the handover.
        assert min(each["answered"], each["blocked"]) > 20


def handovers(filterd: Deployment, outcome: str = "taken") -> float:
    """The value of the counter; -1 while nobody tells it."""
    status, text = filterd.http(filterd.metrics, "/metrics")
    values = [
        line.rpartition(" ")[2]
        for line in text.splitlines()
        if f'handovers_total{{outcome="{outcome}"' in line
    ]
    return -1.0 if status != 200 else float(values[0]) if values else 0.0


def leave(before: subprocess.Popen[bytes]) -> None:
    """Tell a serve to hand over; its process ends."""
    before.send_signal(signal.SIGUSR2)
    assert before.wait(timeout=60) == 0


def replace(filterd: Deployment, before: subprocess.Popen[bytes], *words: str) -> subprocess.Popen[bytes]:
    """Hand over to a new serve that is ready."""
    count = handovers(filterd)
    leave(before)
    return succeed(filterd, count + 1, *words)


def succeed(filterd: Deployment, count: float, *words: str) -> subprocess.Popen[bytes]:
    """A new serve that took over, as the hand-over of this number."""
    after = filterd.start(*words)
    assert soon(lambda: handovers(filterd) == count, seconds=60), filterd.log()
    filterd.wait_ready(after)
    return after


def stop(filterd: Deployment, serve: subprocess.Popen[bytes]) -> None:
    """End everything."""
    serve.terminate()
    assert serve.wait(timeout=60) == 0
    assert soon(lambda: not resolvers(filterd)), filterd.log()


def started(filterd: Deployment, *words: str) -> subprocess.Popen[bytes]:
    serve = filterd.start(*words)
    filterd.wait_ready(serve)
    return serve


@contextlib.contextmanager
def connected(filterd: Deployment) -> Iterator[socket.socket]:
    """A connection to the resolver that waits for its successor."""
    with new_socket() as link:
        link.settimeout(60)
        link.connect(str(address_of(filterd.state)))
        yield link


def take(link: socket.socket) -> int:
    """Take all sockets as a successor does; their number. They are closed again."""
    send(link, Word.TAKE, {"version": VERSION})
    assert receive(link).word is Word.HERE
    count = 0
    while (message := receive(link)).word is not Word.ALL:
        for each in message.descriptors:
            os.close(each)
        count += len(message.descriptors)
    return count


def answers(filterd: Deployment, *, tcp: bool) -> bool:
    """True if an answer comes; it must be right."""
    try:
        answer = filterd.ask(BANNED, tcp=tcp, timeout=0.5)
    except (OSError, dns.exception.Timeout):
        return False
    assert ede(answer) == [16]
    return True


def is_blocked(filterd: Deployment, name: str) -> bool:
    return ede(filterd.ask(name)) == [16]


@pytest.mark.timeout(300)
def test_no_query_is_lost_however_the_number_of_threads_changes(filterd: Deployment) -> None:
    serve = started(filterd, "--role", "resolver")
    with clients(filterd) as outcomes:
        for threads in (2, 1, 3, 1):
            configure(filterd, threads=threads)
            serve = replace(filterd, serve, "--role", "resolver")
    assert_nothing_lost(outcomes)
    stop(filterd, serve)


@pytest.mark.timeout(300)
@pytest.mark.skipif(BUSY, reason="others take so much of this machine that short queues overflow anyway")
def test_no_query_is_lost_where_queues_are_short(filterd: Deployment, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SHORT_QUEUES)
    filterd.environment["PYTHONPATH"] = f"{tmp_path / 'site'}:{ROOT}"
    serve = started(filterd, "--role", "resolver")
    with clients(filterd) as outcomes:
        serve = replace(filterd, serve, "--role", "resolver")
    assert_nothing_lost(outcomes)
    leave(serve)
    with connected(filterd) as link:
        send(link, Word.TAKE, {"version": VERSION})
        assert receive(link).word is Word.HERE
        (descriptor,) = receive(link).descriptors
        with socket.socket(fileno=descriptor) as passed_on:
            # The kernel doubles what it is asked for.
            assert passed_on.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 212_992
    dismiss(filterd.state)
    assert soon(lambda: not resolvers(filterd)), filterd.log()


@pytest.mark.timeout(300)
def test_control_ends_and_the_resolver_stays(filterd: Deployment) -> None:
    serve = started(filterd)
    with clients(filterd) as outcomes:
        serve = replace(filterd, serve)
    assert_nothing_lost(outcomes)
    assert soon(lambda: [node["report"]["ready"] for node in filterd.cli("node", "list")] == [True])
    stop(filterd, serve)


@pytest.mark.timeout(300)
def test_successors_that_end_in_the_middle_cost_nothing(filterd: Deployment) -> None:
    """An order that comes while nobody follows the store is in force with the next successor."""
    serve = started(filterd, "--role", "resolver")
    with clients(filterd) as outcomes:
        leave(serve)
        for _ in range(2):
            with connected(filterd) as link:
                assert take(link) == 3
        filterd.order("ordered.example")
        assert not is_blocked(filterd, "ordered.example")
        serve = succeed(filterd, 1, "--role", "resolver")
        assert is_blocked(filterd, "ordered.example")
    assert_nothing_lost(outcomes)
    assert filterd.log_whole().count("the successor ended before it was ready") == 2
    stop(filterd, serve)


@pytest.mark.timeout(300)
def test_a_second_successor_is_refused_and_ends_nobody(filterd: Deployment) -> None:
    serve = started(filterd, "--role", "resolver")
    leave(serve)
    with connected(filterd) as first, connected(filterd) as second:
        take(first)
        assert receive(second).reason == "another successor"
        assert is_blocked(filterd, BANNED)
    stop(filterd, succeed(filterd, 1, "--role", "resolver"))


@pytest.mark.timeout(300)
def test_another_version_gets_nothing_and_a_start_without_predecessor(filterd: Deployment) -> None:
    serve = started(filterd, "--role", "resolver")
    leave(serve)
    with connected(filterd) as link:
        send(link, Word.TAKE, {"version": VERSION + 1})
        answer = receive(link)
        assert (answer.word, answer.reason, answer.version) == (Word.REFUSED, "version", VERSION)
    assert soon(lambda: not resolvers(filterd)), filterd.log()
    stop(filterd, started(filterd, "--role", "resolver"))


@pytest.mark.timeout(300)
def test_a_predecessor_that_was_killed_leaves_a_start_without_one(filterd: Deployment) -> None:
    leave(started(filterd, "--role", "resolver"))
    (pid,) = resolvers(filterd)
    os.kill(pid, signal.SIGKILL)
    assert address_of(filterd.state).exists()
    serve = started(filterd, "--role", "resolver")
    assert is_blocked(filterd, BANNED)
    stop(filterd, serve)


@pytest.mark.timeout(300)
def test_a_predecessor_that_is_killed_while_its_successor_loads_lets_nothing_through(
    filterd: Deployment,
) -> None:
    """Queries that it had not answered may be lost; those that come meanwhile wait for the successor."""
    leave(started(filterd, "--role", "resolver"))
    (pid,) = resolvers(filterd)
    with clients(filterd) as outcomes:
        serve = filterd.start("--role", "resolver")
        lock = filterd.state / "resolver.lock"
        assert soon(lambda: not lock.read_text().startswith(f"{pid} "), seconds=60), filterd.log()
        os.kill(pid, signal.SIGKILL)
        filterd.wait_ready(serve)
        assert soon(lambda: handovers(filterd, "broken") + handovers(filterd) == 1), filterd.log()
        assert is_blocked(filterd, BANNED)
    for each in outcomes:
        assert set(each) <= GOOD | {"lost"}, outcomes
        assert each["blocked"] > 20
    stop(filterd, serve)


@pytest.mark.timeout(300)
def test_a_predecessor_that_is_stuck_is_ended(filterd: Deployment) -> None:
    leave(started(filterd, "--role", "resolver"))
    (pid,) = resolvers(filterd)
    os.kill(pid, signal.SIGSTOP)
    serve = started(filterd, "--role", "resolver")
    assert pid not in resolvers(filterd)
    assert handovers(filterd, "stuck") == 1
    assert is_blocked(filterd, BANNED)
    stop(filterd, serve)


@pytest.mark.timeout(300)
def test_a_stuck_resolver_of_a_killed_serve_is_ended(filterd: Deployment) -> None:
    killed = started(filterd, "--role", "resolver")
    (pid,) = resolvers(filterd)
    os.kill(pid, signal.SIGSTOP)
    killed.kill()
    killed.wait()
    serve = started(filterd, "--role", "resolver")
    assert pid not in resolvers(filterd)
    assert "was left over does not answer and is ended" in filterd.log_whole()
    stop(filterd, serve)


@pytest.mark.timeout(300)
def test_a_stuck_resolver_cannot_hand_over_and_ends(filterd: Deployment) -> None:
    serve = started(filterd, "--role", "resolver")
    (pid,) = resolvers(filterd)
    os.kill(pid, signal.SIGSTOP)
    leave(serve)
    assert "the resolver cannot hand over, and filterd ends" in filterd.log_whole()
    assert soon(lambda: not resolvers(filterd))


@pytest.mark.timeout(300)
def test_addresses_come_and_go_with_a_hand_over(filterd: Deployment) -> None:
    """Both at once, and from the wildcard to single addresses, where the port is the predecessor's yet."""
    port = filterd.port
    serve = started(filterd, "--role", "resolver")
    for listen in ([f"127.0.0.1:{port}", f"127.0.0.2:{port}"], [f"0.0.0.0:{port}"], [f"127.0.0.1:{port}"]):
        configure(filterd, listen=listen)
        serve = replace(filterd, serve, "--role", "resolver")
        assert soon(lambda: len(resolvers(filterd)) == 1), filterd.log()
        assert soon(lambda: answers(filterd, tcp=False))
        assert soon(lambda: answers(filterd, tcp=True))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as gone:
        assert gone.connect_ex(("127.0.0.2", port)) != 0
    stop(filterd, serve)


@pytest.mark.timeout(600)
def test_many_hand_overs_leave_nothing_behind(filterd: Deployment) -> None:
    serve = started(filterd, "--role", "resolver")
    serve = replace(filterd, serve, "--role", "resolver")
    before = files_of(filterd)
    for _ in range(HANDOVERS):
        serve = replace(filterd, serve, "--role", "resolver")
    assert handovers(filterd) == HANDOVERS + 1
    assert soon(lambda: files_of(filterd) == before), (before, files_of(filterd))
    stop(filterd, serve)
    assert not address_of(filterd.state).exists()


def files_of(filterd: Deployment) -> dict[str, int]:
    """The open files of its only resolver, by kind, without sockets to upstreams that come and go."""
    living = resolvers(filterd)
    if len(living) != 1:
        return {"processes": len(living)}
    found: dict[str, int] = {}
    for each in Path(f"/proc/{living.pop()}/fd").iterdir():
        with contextlib.suppress(OSError):
            kind = str(each.readlink()).partition(":")[0]
            found[kind] = found.get(kind, 0) + (kind != "socket")
    found["listening"] = listening(filterd)
    return found


def listening(filterd: Deployment) -> int:
    """The sockets that are bound to the port of the installation."""
    return sum(
        int(line.split()[1].rpartition(":")[2], 16) == filterd.port
        for name in ("udp", "tcp")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if name == "udp" or line.split()[3] == "0A"
    )
