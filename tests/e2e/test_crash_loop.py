"""A resolver that faults at a packet again and again: reduced mode begins, DNS goes on, nothing is told.

The fault is a signal sent while the board holds the packet's mark, put there as the resolver does it itself
(tests/unit/dataplane/packet/test_guard.py has a fault in the middle of a packet).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.serve.crashes import DEATHS
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small

pytestmark = pytest.mark.ring("night")

CHILD = "127.0.0.2"
CENSORED, FILTERED = 16, 17
KILLER = "killer.example"
RECORDS = {("fine.example", "A"): ["192.0.2.1"], (KILLER, "A"): ["192.0.2.2"]}


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """A child's line and an order over a small set of policies, not yet started."""
    with small(tmp_path, RECORDS) as made:
        made.register("holder", CHILD, "child")
        yield made


def board_of(serve: subprocess.Popen[bytes]) -> CrashBoard:
    """The supervisor's own board."""
    for link in Path(f"/proc/{serve.pid}/fd").iterdir():
        if "filterd-crash-board" in str(link.readlink()):
            return CrashBoard(os.open(link, os.O_RDWR))
    raise AssertionError("the supervisor has no board")


def resolver_of(serve: subprocess.Popen[bytes]) -> int | None:
    """The process id of its resolver, None while there is none."""
    children = Path(f"/proc/{serve.pid}/task/{serve.pid}/children").read_text().split()
    for pid in map(int, children):
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            if b"filterd.serve.resolver" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None


def killer() -> bytes:
    """The packet that is to blame."""
    return dns.message.make_query(KILLER, "A", use_edns=0).to_wire()


def gets_silence(filterd: Deployment, packet: bytes) -> bool:
    try:
        dns.query.udp(dns.message.from_wire(packet), "127.0.0.1", port=filterd.port, timeout=0.5)
    except dns.exception.Timeout:
        return True
    return False


def metrics_of(filterd: Deployment) -> dict[str, float]:
    """The three figures of crashes."""
    found = {}
    for line in filterd.http(filterd.metrics, "/metrics")[1].splitlines():
        name, _, value = line.rpartition(" ")
        if name in (
            "filterd_resolver_crashes_total",
            "filterd_crash_packets_total",
            "filterd_reduced_mode",
        ):
            found[name] = float(value)
    return found


def fault(filterd: Deployment, serve: subprocess.Popen[bytes], board: CrashBoard) -> None:
    """The resolver dies at work on the killer, and another one serves."""
    before = resolver_of(serve)
    assert before is not None
    board.note(board.mark(killer()))
    os.kill(before, signal.SIGSEGV)
    assert soon(lambda: resolver_of(serve) not in (None, before)), filterd.log()
    assert soon(lambda: filterd.http(filterd.metrics, "/readyz")[0] == 200), filterd.log()


def test_a_crash_loop_ends_in_reduced_mode_in_which_the_policy_holds(filterd: Deployment) -> None:
    with filterd.serving() as serve:
        filterd.order("ordered.example")
        assert soon(lambda: ede(filterd.ask("ordered.example")) == [CENSORED]), filterd.log()
        board = board_of(serve)
        for number in range(1, DEATHS + 1):
            assert filterd.http(filterd.metrics, "/readyz")[1] == "ready\n"
            fault(filterd, serve, board)
            assert metrics_of(filterd) == {
                "filterd_resolver_crashes_total": number,
                "filterd_crash_packets_total": number,
                "filterd_reduced_mode": float(number == DEATHS),
            }
        assert "reduced mode" in filterd.http(filterd.metrics, "/readyz")[1]
        check_reduced(filterd)
        board.reduced = False  # as the supervisor does after a quiet while: tests/unit/serve/test_crashes.py
        assert not gets_silence(filterd, killer())
        check_log((filterd.folder / "serve.log").read_text(), board.mark(killer()))
        assert serve.poll() is None


def check_reduced(filterd: Deployment) -> None:
    """The killer gets silence under any id, odd queries are refused, everybody else is served as before."""
    assert gets_silence(filterd, killer())
    assert gets_silence(filterd, b"\x77\x77" + killer()[2:])
    assert filterd.ask("fine.example", dnssec=True).answer
    assert filterd.ask("fine.example", tcp=True).answer
    assert filterd.ask("fine.example", "TYPE65280").rcode() == dns.rcode.REFUSED
    assert ede(filterd.ask("ordered.example")) == [CENSORED]
    assert ede(filterd.ask("blue.example", source=CHILD)) == [FILTERED]


def check_log(text: str, mark: bytes) -> None:
    """It is said loudly, by hash and never by name."""
    lines = [json.loads(line) for line in text.splitlines()]
    blamed = [line["packets"] for line in lines if line["event"] == "the resolver died of a fault"]
    assert blamed == [[mark.hex()]] * DEATHS
    assert sum(line["event"].startswith("reduced mode begins") for line in lines) == 1
    assert "killer" not in text
