"""A start: no state before the orders of the store are applied, and none held back where that cannot be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from filterd.dataplane.nodestate import changes
from filterd.dataplane.nodestate.changes import ChangeLog
from filterd.dataplane.nodestate.following import HUNG_SECONDS, START_SECONDS
from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices
from filterd.model.rule import Scope
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, LOOPBACK, ORDER, Machine

MEANWHILE = OrderChange(ORDER.id + 1, "2", (("meanwhile.example", Scope.SUBTREE),))
READING = "the orders of the store are being read"


@pytest.fixture
def stopped(machine: Machine, store: ScriptedStore) -> Machine:
    """One that has an order and a line, and was stopped before another order was accepted."""
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    machine.node.close()
    store.write(MEANWHILE)
    return machine


@pytest.fixture
def locked(store: ScriptedStore) -> Iterator[sqlite3.Connection]:
    """Somebody who has the store alone."""
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE head SET revision = revision")
        yield holder


def test_nothing_is_answered_before_what_was_accepted_meanwhile_is_in_force(stopped: Machine) -> None:
    """The first answers after 23 of 30 starts were unfiltered for it."""
    node = stopped.start()
    assert [shown.state for shown in stopped.watcher.shown] == [None]
    assert READING in node.missing()
    stopped.settle()
    with_state = [shown for shown in stopped.watcher.shown if shown.state is not None]
    assert with_state
    for shown in with_state:
        stopped.watcher.shown[-1] = shown
        assert stopped.watcher.blocked("meanwhile.example")
    assert node.missing() == []


def test_a_long_queue_of_orders_is_in_force_as_a_whole(
    stopped: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BATCH", 7)
    for number in range(40):
        store.write(OrderChange(ORDER.id + 2 + number, str(number), ((f"n{number}.example", Scope.SUBTREE),)))
    stopped.start()
    turns = 0
    while stopped.watcher.last.state is None:
        stopped.node.turn()
        stopped.wait(HUNG_SECONDS / 2)
        stopped.node.look_after()
        turns += 1
    assert turns > 40 // 7
    assert all(stopped.watcher.blocked(f"n{number}.example") for number in range(40))


def test_it_is_not_ready_before_the_lines_were_followed_once(
    stopped: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BATCH", 7)
    store.write(*([CHILD] * 20), BindingChange("127.0.0.2/32", 8))
    stopped.start()
    stopped.node.turn()
    assert stopped.watcher.blocked("meanwhile.example")
    assert stopped.node.missing() == ["the lines of the store are being read"]
    stopped.settle()
    assert stopped.node.missing() == []
    assert stopped.watcher.last.bindings.addresses.find(LOOPBACK) == 8


def test_a_store_that_is_locked_is_waited_for_and_then_done_without(
    stopped: Machine, locked: sqlite3.Connection
) -> None:
    node = stopped.start()
    for _ in range(3):
        node.turn()
    assert stopped.watcher.last.state is None
    assert READING in node.missing()
    assert stopped.watcher.notes == ["change log not followed StoreLockedError"]
    stopped.wait(START_SECONDS)
    node.turn()
    assert stopped.watcher.blocked("banned.example")
    assert stopped.watcher.notes[-1].startswith("the start does without the store cannot read the store")
    assert node.missing() == [
        "the store was not read since the start, so what is newer than this disk is missing:"
        " cannot read the store: database is locked"
    ]
    locked.execute("ROLLBACK")
    locked.close()
    stopped.settle()
    assert node.missing() == []
    assert stopped.watcher.blocked("meanwhile.example")


def test_a_store_that_is_locked_for_a_moment_is_waited_for(
    stopped: Machine, locked: sqlite3.Connection
) -> None:
    stopped.start().turn()
    stopped.wait(START_SECONDS / 2)
    locked.execute("ROLLBACK")
    locked.close()
    stopped.node.turn()
    assert [shown.state is not None for shown in stopped.watcher.shown] == [False, False, True]
    assert stopped.watcher.blocked("meanwhile.example")


@pytest.mark.parametrize("content", [None, b"no database " * 500, b""])
def test_a_store_that_is_gone_is_not_waited_for(
    stopped: Machine, store: ScriptedStore, content: bytes | None
) -> None:
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    store.path.unlink()
    if content is not None:
        store.path.write_bytes(content)
    node = stopped.start()
    node.turn()
    assert stopped.watcher.blocked("banned.example")
    assert stopped.watcher.last.bindings.addresses.find(LOOPBACK) == 7
    (reason,) = node.missing()
    assert reason.startswith("the store was not read since the start")
    stopped.wait(5)
    assert node.lag() >= 5


def test_a_store_that_does_not_answer_at_all_is_done_without(stopped: Machine) -> None:
    """As on a disk that hangs: the node's thread does not come back, and the event loop goes on."""
    node = stopped.start()
    node.look_after()
    stopped.wait(START_SECONDS - 0.1)
    node.look_after()
    assert stopped.watcher.last.state is None
    stopped.wait(HUNG_SECONDS)
    node.look_after()
    assert stopped.watcher.blocked("banned.example")
    assert not node.following.waits
    assert stopped.watcher.notes == ["the start does without the store the store does not answer"]
    stopped.settle()
    assert stopped.watcher.blocked("meanwhile.example")
    assert node.missing() == []


def test_orders_that_the_disk_does_not_take_are_in_force_at_a_start(
    stopped: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = stopped.start()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    node.turn()
    assert [shown.state is not None for shown in stopped.watcher.shown] == [False, False, True]
    assert stopped.watcher.blocked("meanwhile.example")
    assert node.missing() != []


def test_a_store_with_many_changes_is_waited_for_while_it_is_read(
    stopped: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start did without the store while it looked for 28,000 changes on a busy machine, and names that a
    line had asked to be kept from passed until it had found them."""
    node = stopped.start()
    read = ChangeLog.unread_lines

    def slow(log: ChangeLog, since: int, highest: Any, most: int, on_progress: Callable[[], None]) -> Any:
        for _ in range(4):
            stopped.wait(HUNG_SECONDS - 0.1)
            on_progress()
            node.look_after()
        return read(log, since, highest, most, on_progress)

    monkeypatch.setattr(ChangeLog, "unread_lines", slow)
    stopped.settle()
    assert not [each for each in stopped.watcher.notes if "does without the store" in each]
    assert stopped.watcher.blocked("meanwhile.example")


def test_a_long_look_reports_its_progress(store: ScriptedStore) -> None:
    store.write(*(LineChange(LineChoices(number)) for number in range(1, 10_001)))
    told = []
    log = ChangeLog(store.path)
    found = log.unread_lines(0, lambda: 20_000, 10, lambda: told.append(True))
    log.close()
    assert found is not None
    assert len(found[2]) == 10_000
    assert len(told) > 1
