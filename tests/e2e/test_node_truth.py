"""The node says what DNS does: store replaced, changes while it was down, disks that hang or are full."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import pytest

from filterd.dataplane.nodestate.following import STUCK_SECONDS
from tests.e2e.deployment import Deployment, ede, soon, stop
from tests.e2e.small import small
from tests.e2e.test_faults import RECORDS, value, whole_log

pytestmark = pytest.mark.ring("night")

CENSORED, NOT_READY = 16, 14
STRANGER = "127.0.0.4"
REASON = ("--reason", "for a test")


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """An installation with an order and a snapshot; nothing runs yet."""
    with small(tmp_path, RECORDS) as made:
        made.order("early.example")
        made.cli("feed", "update")
        made.cli("snapshot", "build")
        yield made


@contextmanager
def running(filterd: Deployment, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """``filterd serve``, ready or not."""
    process = filterd.start(*words)
    try:
        yield process
    finally:
        stop(process)


def blocked(filterd: Deployment, name: str) -> bool:
    """True if an order blocks the name, by DNS."""
    answer = filterd.ask(name, source=STRANGER)
    return answer.rcode() == dns.rcode.NXDOMAIN and ede(answer) == [CENSORED]


def ready(filterd: Deployment) -> tuple[int, str]:
    return filterd.http(filterd.metrics, "/readyz")


def listed(filterd: Deployment) -> dict[str, Any]:
    """The node's line in ``node list``."""
    found = filterd.cli("node", "list")
    none = {"state": "", "kept_orders": [], "not_durable": -1}
    return {"state": found[0]["state"], **found[0]["report"]} if found else none


def write_over(source: Path, target: Path) -> None:
    """As ``cp`` does it: the file keeps its identity. Nobody writes meanwhile; what SQLite keeps beside the
    old file goes with it."""
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(source, target)


# --- another history ---


def test_a_store_that_was_rolled_back_takes_no_order_away_and_is_noticed_for_as_long_as_it_stands(
    filterd: Deployment,
) -> None:
    store, copy = filterd.state / "filterd.db", filterd.folder / "copy.db"
    filterd.order("kept.example")
    shutil.copyfile(store, copy)
    with filterd.serving("--role", "resolver"):
        lost = [filterd.order(f"lost{number}.example")["reference"] for number in range(2)]
        assert soon(lambda: blocked(filterd, "lost1.example"))
        write_over(copy, store)
        shutil.rmtree(filterd.state / "ledger")  # with it, no command would write in this store
        assert soon(lambda: ready(filterd)[0] == 503), filterd.log()
        for number in range(6):
            filterd.order(f"new{number}.example")
        _says_other_history(filterd)
    with running(filterd, "--role", "control"), running(filterd, "--role", "resolver") as resolver:
        assert soon(lambda: value(filterd, filterd.metrics, "filterd_node_other_history") == 1.0)
        _says_other_history(filterd)
        assert soon(lambda: listed(filterd)["state"] == "another history")
        assert resolver.poll() is None
        _accept(filterd, lost)


def _says_other_history(filterd: Deployment) -> None:
    for name in ("early.example", "kept.example", "lost0.example", "lost1.example"):
        assert blocked(filterd, name), name
    status, said = ready(filterd)
    assert status == 503
    assert "the store has another history than the one applied here: filterd node resync" in said
    assert value(filterd, filterd.metrics, "filterd_node_other_history") == 1.0
    assert soon(lambda: (value(filterd, filterd.metrics, "filterd_node_revision_lag_seconds") or 0.0) > 0.5)
    assert "OtherHistoryError" in whole_log(filterd)
    assert "filterd node resync says more" in whole_log(filterd)
    (node,) = filterd.cli("node", "resync")
    assert (node["history"], node["kept"]) == ("another", [])


def _accept(filterd: Deployment, lost: list[str]) -> None:
    accepted = filterd.cli("node", "resync", "--accept")
    # O-3 and O-4 of the two histories are different orders: both are in force, under one number
    assert {each["reference"] for each in accepted["kept"]} == set(lost)
    assert soon(lambda: ready(filterd)[0] == 200), ready(filterd)
    names = [f"lost{number}.example" for number in range(2)] + [f"new{number}.example" for number in range(6)]
    for name in ("early.example", "kept.example", *names):
        assert blocked(filterd, name), name
    assert "kept orders that the store does not know: 2" in ready(filterd)[1]
    assert value(filterd, filterd.metrics, "filterd_node_kept_orders") == 2.0
    assert value(filterd, filterd.metrics, "filterd_node_other_history") == 0.0
    assert soon(lambda: set(listed(filterd)["kept_orders"]) == set(lost))
    refused = filterd.run("node", "resync", "--end", lost[0], *REASON)
    assert refused.returncode == 1
    assert "filterd order withdraw" in refused.stderr
    filterd.cli("order", "withdraw", lost[0], *REASON)
    assert soon(lambda: not blocked(filterd, "lost0.example"))
    assert not blocked(filterd, "new0.example")
    assert blocked(filterd, "lost1.example")


def test_an_order_that_a_restore_lost_is_kept_until_its_end_is_confirmed(filterd: Deployment) -> None:
    filterd.cli("backup", str(filterd.folder / "backup"))
    with filterd.serving():
        lost = filterd.order("lost.example")["reference"]
        assert soon(lambda: blocked(filterd, "lost.example"))
        asked = Asker(filterd, "lost.example")
        with asked:
            filterd.cli("restore", str(filterd.folder / "backup"), *REASON)
            assert soon(lambda: value(filterd, filterd.metrics, "filterd_node_kept_orders") == 1.0)
            assert soon(lambda: ready(filterd)[0] == 200), ready(filterd)
        assert asked.unfiltered == []
        (node,) = filterd.cli("node", "resync")
        assert (node["history"], [each["reference"] for each in node["kept"]]) == ("this", [lost])
        assert soon(lambda: listed(filterd)["kept_orders"] == [lost])
        assert filterd.cli("node", "resync", "--end", lost, *REASON) == {"reference": lost, "ended": True}
        assert soon(lambda: not blocked(filterd, "lost.example"))
        assert blocked(filterd, "early.example")
        assert soon(lambda: listed(filterd)["kept_orders"] == [])


# --- a start ---


class Asker:
    """Asks for a name all the while, and notes each answer that is neither a block nor a failure."""

    def __init__(self, filterd: Deployment, name: str) -> None:
        self.unfiltered: list[str] = []
        self.answers = 0
        self._filterd = filterd
        self._name = name
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                answer = self._filterd.ask(self._name, source=STRANGER, timeout=0.1)
            except (dns.exception.Timeout, OSError):
                continue
            self.answers += 1
            if ede(answer) not in ([CENSORED], [NOT_READY]):
                self.unfiltered.append(answer.to_text())


@pytest.mark.parametrize("number", range(5))
def test_what_was_accepted_while_the_resolver_was_down_is_in_the_first_answer(
    filterd: Deployment, number: int
) -> None:
    with filterd.serving("--role", "resolver"):
        assert blocked(filterd, "early.example")
    filterd.order(f"meanwhile{number}.example")
    with (
        Asker(filterd, f"meanwhile{number}.example") as asked,
        running(filterd, "--role", "resolver") as resolver,
    ):
        filterd.wait_ready(resolver)
        assert blocked(filterd, f"meanwhile{number}.example")
        assert soon(lambda: asked.answers > 20)
    assert asked.unfiltered == []


def test_a_start_whose_store_does_not_answer_serves_what_its_disk_holds_and_says_so(
    filterd: Deployment,
) -> None:
    with filterd.serving("--role", "resolver"):
        assert blocked(filterd, "early.example")
    with hanging(filterd.state / "filterd.db"):
        with running(filterd, "--role", "resolver"), Asker(filterd, "early.example") as asked:
            assert soon(lambda: answers_blocked(filterd, "early.example")), filterd.log()
            assert ready(filterd)[0] == 503
            assert "the start does without the store" in whole_log(filterd)
            assert soon(lambda: asked.answers > 5)
        assert asked.unfiltered == []


def answers_blocked(filterd: Deployment, name: str) -> bool:
    """The same where nothing may listen yet."""
    try:
        return blocked(filterd, name)
    except (dns.exception.Timeout, OSError):
        return False


# --- disks ---


@contextmanager
def hanging(store: Path) -> Iterator[None]:
    """Whoever opens the store waits, as on a disk that does not answer; then it is there again."""
    away = store.with_name("away.db")
    store.rename(away)
    os.mkfifo(store)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(os.open(store, os.O_WRONLY | os.O_NONBLOCK))  # lets go of whoever waits
        store.unlink()
        away.rename(store)


def test_a_thread_that_hangs_shows_everywhere_and_dns_goes_on(filterd: Deployment) -> None:
    with filterd.serving("--role", "resolver"):
        with hanging(filterd.state / "filterd.db"):
            assert soon(lambda: ready(filterd)[0] == 503, seconds=4 * STUCK_SECONDS), filterd.log()
            assert "the thread that follows the store does not turn" in ready(filterd)[1]
            assert (
                value(filterd, filterd.metrics, "filterd_node_revision_lag_seconds") or 0.0
            ) >= STUCK_SECONDS
            assert soon(lambda: "the thread that follows the store does not turn" in whole_log(filterd))
            assert blocked(filterd, "early.example")
        filterd.order("later.example")
        assert soon(lambda: blocked(filterd, "later.example")), filterd.log()
        assert soon(lambda: ready(filterd)[0] == 200)
        assert soon(lambda: value(filterd, filterd.metrics, "filterd_node_revision_lag_seconds") == 0.0)


def resolver_of(serve: subprocess.Popen[bytes]) -> int:
    """The process that answers."""
    for each in Path(f"/proc/{serve.pid}/task/{serve.pid}/children").read_text().split():
        if b"filterd.serve.resolver" in Path(f"/proc/{each}/cmdline").read_bytes():
            return int(each)
    raise AssertionError


def test_an_order_is_in_force_on_a_full_disk_and_said_to_be_not_durable(filterd: Deployment) -> None:
    many = [f"n{number}.example" for number in range(1000)]
    with filterd.serving() as serve:
        filterd.order(*many)
        assert soon(lambda: blocked(filterd, many[-1]))
        pid, log = resolver_of(serve), filterd.state / "node" / "mandatory.log"
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        assert log.stat().st_size > (filterd.folder / "serve.log").stat().st_size + 10_000
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
        filterd.order("urgent.example")
        assert soon(lambda: blocked(filterd, "urgent.example")), filterd.log()
        assert soon(lambda: value(filterd, filterd.metrics, "filterd_node_changes_not_durable") == 1.0)
        status, said = ready(filterd)
        assert (status, "orders in force that are not on the disk" in said) == (503, True)
        assert soon(lambda: listed(filterd)["not_durable"] == 1)
        node = listed(filterd)
        assert (node["state"], node["mandatory_revision"]) < (
            "not ready",
            filterd.cli("node", "list")[0]["revision"],
        )
        assert soon(
            lambda: (value(filterd, filterd.metrics, "filterd_node_revision_lag_seconds") or 0.0) > 0.5
        )
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        assert soon(lambda: ready(filterd)[0] == 200), ready(filterd)
        assert value(filterd, filterd.metrics, "filterd_node_changes_not_durable") == 0.0
        assert soon(lambda: listed(filterd)["not_durable"] == 0)
        os.kill(pid, signal.SIGKILL)
        assert soon(lambda: answers_blocked(filterd, "urgent.example")), "it is on the disk by now"
