"""A node's disk keeps no former choice for longer than a day, and loses nothing of the present ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.dataplane.nodestate.node_disk import FIRST_SHORTEN_SECONDS, SHORTEN_SECONDS
from filterd.model.changelog import BindingChange, LineChange
from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, LOOPBACK, Machine

OWN = OwnName("zq-private.example", Action.BLOCK, Scope.SUBTREE)


@pytest.fixture
def settled(machine: Machine, store: ScriptedStore) -> Machine:
    """One that has a line."""
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    return machine


def held(directory: Path) -> bytes:
    """Every byte of the node's state."""
    return b"".join(path.read_bytes() for path in (directory / "node").rglob("*") if path.is_file())


def pass_time(machine: Machine, seconds: float) -> None:
    """Let time pass, with turns, and the checkpoints that were begun get onto the disk."""
    machine.ticks += seconds
    for _ in range(3):
        machine.settle()
        for part in machine.node.disk.parts().values():
            part.journal._join()


def test_a_former_choice_is_gone_after_a_day_and_the_line_is_as_it_was(
    settled: Machine, store: ScriptedStore
) -> None:
    pass_time(settled, FIRST_SHORTEN_SECONDS)
    log = settled.node.disk.lines.journal
    begins = log.log_size
    for change in (LineChange(LineChoices(7, own_names=(OWN,))), CHILD):
        store.write(change)
        settled.settle()
    former = log.log_path.read_bytes()[begins : log.log_size]
    assert len(former) > 100, "two records"
    pass_time(settled, SHORTEN_SECONDS - 1)
    assert former in held(settled.directory)
    pass_time(settled, 1)
    assert former not in held(settled.directory)
    assert not log.has_records
    before = settled.node.parental_cursor
    settled.start()
    assert settled.node.parental_cursor == before, "nothing was read anew"
    settled.settle()
    assert (settled.node.parental_cursor, settled.node.missing()) == (before, [])
    assert settled.watcher.last.bindings.addresses.find(LOOPBACK) == 7
