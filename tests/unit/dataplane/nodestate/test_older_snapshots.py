"""Snapshot files that went back in time, beside a store that knows a newer one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from filterd.dataplane.nodestate import changes
from filterd.dataplane.nodestate.changes import ChangeLog, StoreLockedError
from filterd.dataplane.nodestate.following import START_SECONDS
from filterd.dataplane.nodestate.orders_follower import OrdersFollower
from filterd.policy import snapshot_layout
from filterd.policy.build import MANDATORY_TARGET
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import Machine

MISSING = "the newest policy snapshot in the store cannot be used, and what is here is older"


def publish(machine: Machine, store: ScriptedStore, revision: int, *names: str) -> Path:
    """Publish a snapshot with mandatory names as control does: file, row and pointer. Returns the file."""
    file = machine.put_snapshot(revision, [(name, MANDATORY_TARGET) for name in names])
    store.sql("INSERT INTO snapshot VALUES (?, '', ?, 0, 0, 0)", file, revision)
    return machine.directory / "snapshots" / file


@pytest.fixture
def newest(machine: Machine, store: ScriptedStore) -> Path:
    """The file of the newest snapshot, 2: a node had it in force, was stopped, and then everything but the
    store and this file went back to when 1 was."""
    publish(machine, store, 1)
    machine.start()
    machine.settle()
    machine.node.close()
    before = machine.directory.parent / "before"
    shutil.copytree(machine.directory, before)
    file = publish(machine, store, 2, "listed.example")
    machine.start()
    machine.settle()
    assert machine.watcher.blocked("listed.example")
    machine.node.close()
    kept = file.read_bytes()
    shutil.rmtree(machine.directory)
    shutil.copytree(before, machine.directory)
    file.write_bytes(kept)
    return file


def test_a_start_opens_the_newest_snapshot_that_the_store_knows(machine: Machine, newest: Path) -> None:
    """Also what a publish leaves that was killed between its row and the pointer."""
    machine.start()
    machine.settle()
    shown = [each.state for each in machine.watcher.shown if each.state is not None]
    assert {each.snapshot.built_at_revision for each in shown} == {2}
    assert machine.watcher.blocked("listed.example")
    assert machine.node.missing() == []


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["gone", "damaged"])
def test_without_it_an_older_one_is_not_served(
    machine: Machine, store: ScriptedStore, newest: Path, spoil: Callable[[Path], object]
) -> None:
    """A mandatory name passed for up to 45 s, with /readyz 200."""
    spoil(newest)
    machine.start()
    machine.settle()
    assert all(each.state is None for each in machine.watcher.shown)
    assert machine.node.missing()[0].startswith(MISSING)
    assert machine.watcher.notes[-1].startswith("the policy snapshot is older than the store")
    machine.put_snapshot(1)  # `current` is written anew, and still goes back in time
    machine.settle()
    assert machine.watcher.last.state is None
    publish(machine, store, 3, "listed.example")
    machine.settle()
    assert machine.watcher.blocked("listed.example")
    assert machine.node.missing() == []


def test_lines_that_a_resync_has_read_get_the_policies_of_the_newest_snapshot(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orders of the store took longer than the first pages of lines."""
    monkeypatch.setattr(changes, "BATCH", 5)
    for line in range(1, 30):
        store.sql("INSERT INTO subscriber VALUES (?, ?, 0, '')", line, f"S-{line}")
        store.sql("INSERT INTO line_state VALUES (?, 1, 'children', 'UTC', 0, 0, '', 0)", line)
    publish(machine, store, 1)
    (machine.directory / "snapshots" / snapshot_layout.CURRENT).unlink()
    follow = OrdersFollower.follow
    waiting = [True] * 3

    def followed(self: OrdersFollower, log: ChangeLog) -> bool:
        return follow(self, log) or bool(waiting and waiting.pop())

    monkeypatch.setattr(OrdersFollower, "follow", followed)
    machine.start()
    machine.node.turn()
    assert machine.node.resync is not None
    machine.settle()
    state = machine.watcher.last.state
    assert state is not None
    assert [policy.categories for policy in state.policies] == [0, 1 << 8]


def test_it_is_not_served_once_the_store_can_be_read(
    machine: Machine, newest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest.unlink()
    with monkeypatch.context() as patch:

        def locked(_: ChangeLog) -> bool:
            raise StoreLockedError

        patch.setattr(ChangeLog, "changed", locked)
        machine.start()
        machine.wait(START_SECONDS)
        machine.node.turn()
        assert machine.watcher.last.state is not None, "nothing tells that it is older"
    machine.settle()
    assert machine.watcher.last.state is None


def test_a_running_node_refuses_a_pointer_that_goes_back(machine: Machine, newest: Path) -> None:
    machine.start()
    machine.settle()
    machine.put_snapshot(1)
    machine.settle()
    assert machine.node.snapshot_files.refused == {"older": 1}
    assert machine.watcher.blocked("listed.example")


def test_a_row_that_is_older_than_the_file_says_nothing(machine: Machine, store: ScriptedStore) -> None:
    """As after a restore, whose rows name files that are gone."""
    publish(machine, store, 1).unlink()
    machine.put_snapshot(2)
    machine.start()
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == 2
