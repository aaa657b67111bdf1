"""Lag and readiness speak of what is applied and durable, on a clock that does not go back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from unittest.mock import Mock

import pytest

from filterd.dataplane.nodestate import changes
from filterd.dataplane.nodestate.following import GRACE_SECONDS, STUCK_SECONDS
from filterd.disk.journal import Journal
from filterd.model.change_chain import Cursor
from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices
from filterd.model.rule import Scope
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, LOOPBACK, ORDER, Machine

STUCK = "the thread that follows the store does not turn"
SECOND = OrderChange(ORDER.id + 1, "2", (("second.example", Scope.SUBTREE),))


@pytest.fixture
def settled(machine: Machine, store: ScriptedStore) -> Machine:
    """One that has an order and a line."""
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    assert (machine.node.lag(), machine.node.missing()) == (0.0, [])
    return machine


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """No write to the node's files succeeds; to be called to make room."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", refuse)
        full.setattr(os, "fsync", refuse)
        yield full.undo


# --- the thread ---


def test_a_thread_that_does_not_turn_shows_in_lag_readiness_and_one_line_of_the_log(settled: Machine) -> None:
    """It was stopped for 22 s: lag 0, ready, nothing in the log."""
    node = settled.node
    settled.ticks += GRACE_SECONDS
    assert node.lag() == 0.0
    settled.ticks += 1
    assert node.lag() == GRACE_SECONDS + 1
    settled.ticks += 22
    for _ in range(3):
        node.look_after()
    assert node.lag() > 22
    assert node.missing() == [STUCK]
    assert settled.watcher.notes.count(STUCK) == 1
    node.turn()
    node.look_after()
    assert (node.lag(), node.missing()) == (0.0, [])
    settled.ticks += STUCK_SECONDS
    node.look_after()
    assert settled.watcher.notes.count(STUCK) == 2, "another time"


def test_the_machines_clock_has_no_say(settled: Machine) -> None:
    settled.now -= 1_000_000
    settled.node.turn()
    settled.ticks += 9
    assert settled.node.lag() == 9
    settled.now += 9_000_000
    assert settled.node.lag() == 9


def test_changes_behind_a_slow_disk_are_lag(
    settled: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lags: list[float] = []
    append = Journal.append

    def slow(journal: Journal, cursor: Cursor, payload: bytes) -> None:
        settled.wait(2)
        lags.append(settled.node.lag())
        append(journal, cursor, payload)

    monkeypatch.setattr(Journal, "append", slow)
    monkeypatch.setattr(changes, "BATCH", 1)
    store.write(*(LineChange(LineChoices(line)) for line in range(5)))
    settled.settle()
    assert lags == [2, 4, 6, 8, 10]
    assert settled.node.lag() == 0.0


# --- a disk that takes nothing ---


def test_an_order_that_the_disk_does_not_take_is_enforced_at_once_and_not_acknowledged(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None]
) -> None:
    node, before = settled.node, settled.node.mandatory_cursor
    store.write(SECOND, replace(ORDER, names=(*ORDER.names, ("more.example", Scope.SUBTREE))))
    node.turn()
    for name in ("banned.example", "second.example", "more.example"):
        assert settled.watcher.blocked(name)
    assert node.mandatory_cursor == before
    assert len(node.disk.not_durable) == 2
    assert node.missing()[-1] == f"orders in force that are not on the disk {node.disk.directory}: 2"
    assert settled.watcher.enforcements[1:] == []
    published = node.publisher.published
    for _ in range(3):
        settled.wait(3)
        node.turn()
    assert node.publisher.published == published, "the state is not made anew with every try"
    assert node.lag() >= 9
    assert [note for note in settled.watcher.notes if "OSError" in note] == [
        "change log not followed OSError"
    ]
    no_room()
    settled.settle()
    settled.settle()
    assert len(node.disk.not_durable) == 0
    assert (node.lag(), node.missing()) == (0.0, [])
    assert node.mandatory_cursor.revision == store.revision
    settled.store = None
    settled.start()
    for name in ("banned.example", "second.example", "more.example"):
        assert settled.watcher.blocked(name)


def test_the_disk_is_asked_first_what_a_withdrawal_takes_away(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None]
) -> None:
    fewer = replace(ORDER, names=(("other.example", Scope.SUBTREE),))
    store.write(fewer, OrderChange(SECOND.id, "2", withdrawn=True))
    settled.node.turn()
    assert settled.watcher.blocked("banned.example"), "a start would bring it back"
    assert settled.watcher.blocked("other.example")
    store.write(OrderChange(ORDER.id, "1", withdrawn=True))
    for _ in range(3):
        settled.node.turn()
    assert settled.watcher.blocked("banned.example")
    no_room()
    settled.settle()
    settled.settle()
    assert not settled.watcher.blocked("banned.example")
    assert not settled.watcher.blocked("other.example")


def test_orders_behind_the_first_page_are_enforced_too(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BATCH", 3)
    for number in range(10):
        store.write(OrderChange(SECOND.id + number, str(number), ((f"n{number}.example", Scope.SUBTREE),)))
    settled.node.turn()
    assert all(settled.watcher.blocked(f"n{number}.example") for number in range(10))
    assert len(settled.node.disk.not_durable) == 10


def test_orders_read_anew_are_enforced_on_a_disk_that_takes_nothing(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None]
) -> None:
    store.hold(ORDER)
    store.hold(SECOND)
    store.write(CHILD)
    store.prune()
    settled.node.turn()
    assert settled.watcher.blocked("banned.example")
    assert settled.watcher.blocked("second.example")
    assert len(settled.node.disk.not_durable) == 1


def test_a_node_without_a_state_serves_the_orders_of_the_store_though_its_disk_takes_nothing(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None]
) -> None:
    settled.node.close()
    store.hold(ORDER)
    (settled.directory / "node" / "mandatory.checkpoint").unlink()
    settled.start()
    settled.node.turn()
    assert settled.watcher.blocked("banned.example")
    assert settled.node.mandatory_cursor.revision == 0
    assert any(reason.startswith("mandatory state") for reason in settled.node.missing())


def test_an_order_that_was_never_durable_and_that_the_store_lost_is_kept(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None]
) -> None:
    """The store goes back to a place that the node acknowledged: there is no other history to notice."""
    older = store.copy("older.db")
    store.write(SECOND)
    settled.node.turn()
    older.write(LineChange(LineChoices(9)))
    older.take_place_of(store)
    no_room()
    settled.settle()
    settled.settle()
    assert settled.watcher.blocked("second.example")
    assert [order.reference for order in settled.node.kept_orders()] == ["2"]
    assert len(settled.node.disk.not_durable) == 0
    settled.start()
    settled.settle()
    assert settled.watcher.blocked("second.example")


def test_a_choice_that_the_disk_does_not_take_makes_the_node_not_ready(
    settled: Machine, store: ScriptedStore, no_room: Callable[[], None]
) -> None:
    store.write(LineChange(LineChoices(8)))
    settled.node.turn()
    assert settled.node.missing() == ["changes of the store cannot be applied: No space left on device"]
    no_room()
    settled.settle()
    settled.settle()
    assert settled.node.missing() == []


# --- what is said ---


@pytest.mark.parametrize(
    "trouble", ["full disk", "store gone", "no database", "a change that cannot be applied", "altered head"]
)
def test_each_trouble_names_its_file_and_says_what_to_do(
    settled: Machine, store: ScriptedStore, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.watcher.fields.clear()
    settled.watcher.notes.clear()
    file = store.path
    if trouble == "full disk":
        file = settled.directory / "node" / "mandatory.log"
        monkeypatch.setattr(os, "pwrite", Mock(side_effect=OSError(errno.EIO, "Input/output error")))
    store.write(BindingChange("fe80::1%lo/128", 7) if trouble.startswith("a change") else SECOND)
    if trouble == "altered head":
        store.sql("UPDATE head SET change_hash = 'x' || substr(change_hash, 2)")
    if trouble in ("store gone", "no database"):
        store.path.unlink()
    if trouble == "no database":
        store.path.write_bytes(b"none " * 999)
    settled.node.turn()
    (fields,) = settled.watcher.fields
    assert settled.watcher.notes[0].startswith("change log not followed")
    assert fields["file"] == str(file)
    assert fields["remedy"]
    assert "second" not in str(fields)


# --- directories in the place of files ---


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize(
    "name",
    ["mandatory.checkpoint", "mandatory.log", "parental.checkpoint", "parental.log", "bindings.log"],
)
def test_a_directory_in_the_place_of_a_file_is_set_aside_and_all_is_there_again(
    settled: Machine, store: ScriptedStore, name: str, running: bool
) -> None:
    store.hold(ORDER)
    store.sql("INSERT INTO subscriber VALUES (7, 's', 0, '')")
    store.sql("INSERT INTO line_state VALUES (7, 1, 'children', 'UTC', 0, 0, '', 0)")
    store.sql("INSERT INTO binding VALUES ('127.0.0.2/32', 7)")
    path = settled.directory / "node" / name
    path.unlink()
    path.mkdir()
    if not running:
        settled.start()
        assert settled.node.missing() != []
    store.sql("INSERT INTO binding VALUES ('127.0.0.3/32', 7)")
    store.write(BindingChange("127.0.0.3/32", 7), SECOND)
    store.hold(SECOND)
    for _ in range(3):
        settled.settle()
    assert settled.node.missing() == []
    settled.node.close()
    settled.store = None
    if name.endswith("checkpoint") and running:
        return  # what was lost behind the back of a running node is found by the next start
    settled.start()
    assert settled.watcher.blocked("banned.example")
    assert settled.watcher.blocked("second.example")
    assert settled.watcher.last.bindings.addresses.find(LOOPBACK) == 7
    assert settled.watcher.last.bindings.addresses.find(bytes([127, 0, 0, 3])) == 7
    assert settled.node.missing() == []
    assert path.is_file()
    assert path.with_name(f"{name}.damaged-1").is_dir()
