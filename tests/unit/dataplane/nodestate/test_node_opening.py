"""A large snapshot is opened in many steps, and what is more urgent comes between them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import FIRST_ORDER_ID
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, ORDER, Machine

MANY = 100_000
STEPS = 100
"""more than it takes"""


def many() -> Iterator[tuple[str, int]]:
    """Names of the adult list, enough for several steps."""
    return ((f"n{number}.example", 8) for number in range(MANY))


def open_files() -> set[Path]:
    """What this process has open."""
    return set(Path("/proc/self/fd").iterdir())


@pytest.mark.ring("merge")
def test_an_order_is_enforced_while_a_large_snapshot_is_opened(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.put_snapshot(0)
    node = machine.start()
    machine.settle()
    machine.put_snapshot(store.write(CHILD), many())
    assert node.turn()
    assert node.snapshot_files.busy
    store.write(ORDER)
    assert node.turn()
    assert node.snapshot_files.busy
    assert machine.watcher.blocked("www.banned.example")
    for _ in range(STEPS):
        if not node.turn():
            break
    assert not node.snapshot_files.busy
    assert node.publisher.snapshot is not None
    assert node.publisher.snapshot.names == MANY
    assert machine.watcher.blocked("www.banned.example")


@pytest.mark.ring("merge")
def test_one_that_is_published_meanwhile_is_next(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    node = machine.start()
    machine.settle()
    machine.put_snapshot(store.write(CHILD), many())
    node.turn()
    last = store.write(OrderChange(FIRST_ORDER_ID + 2, "2"))
    machine.put_snapshot(last)
    machine.settle()
    assert node.turn()
    machine.settle()
    assert node.publisher.snapshot is not None
    assert node.publisher.snapshot.built_at_revision == last
    assert machine.watcher.notes.count("snapshot in force") == 2


@pytest.mark.ring("merge")
def test_one_that_is_cut_off_while_it_is_opened_is_refused(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    node = machine.start()
    machine.settle()
    name = machine.put_snapshot(store.write(CHILD), many())
    node.turn()
    os.truncate(machine.directory / "snapshots" / name, 600_000)
    machine.settle()
    assert "snapshot refused truncated" in machine.watcher.notes
    assert node.snapshot_files.refused == {"truncated": 1}
    assert node.publisher.snapshot is not None
    assert node.publisher.snapshot.names == 0
    assert not node.snapshot_files.busy


def test_a_fault_that_nobody_thought_of_is_not_the_end_of_new_lists(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.put_snapshot(0)
    node = machine.start()
    machine.settle()
    with monkeypatch.context() as patched:
        patched.setattr(node.snapshot_files, "check", Mock(side_effect=RuntimeError("a fault")))
        machine.put_snapshot(store.write(CHILD))
        with pytest.raises(RuntimeError, match="a fault"):
            for _ in range(STEPS):
                node.turn()
    assert not node.snapshot_files.busy
    last = store.write(ORDER)
    machine.put_snapshot(last)
    machine.settle()
    assert node.publisher.snapshot is not None
    assert node.publisher.snapshot.built_at_revision == last


@pytest.mark.ring("merge")
def test_a_node_that_ends_meanwhile_leaves_no_file_open(machine: Machine) -> None:
    node = machine.start()
    machine.settle()
    before = open_files()
    machine.put_snapshot(0, many())
    node.turn()
    assert open_files() != before
    node.snapshot_files.close()
    assert open_files() == before
    assert not node.snapshot_files.busy
