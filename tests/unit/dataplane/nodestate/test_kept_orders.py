"""A full resync: an order in force that only the node knows stays in force until somebody says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.changelog import BindingChange, OrderChange
from filterd.model.rule import Scope
from filterd.model.verdict import Reason
from filterd.policy.decide import decide_name
from filterd.wire.names import name_from_text
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, NOW, ORDER, Machine

LOST = OrderChange(ORDER.id + 1, "O-2", (("lost.example", Scope.SUBTREE),), ("203.0.113.0/24",))


def restored(machine: Machine, store: ScriptedStore) -> None:
    """A node with two orders, whose store was then restored to one with the first alone: the floor is above
    every place that a node may have."""
    machine.put_snapshot(0)
    store.write(ORDER, CHILD, BindingChange("127.0.0.2/32", 7), LOST)
    store.hold(ORDER)
    store.hold(LOST)
    store.sql("INSERT INTO subscriber VALUES (7, 's', 0, '')")
    store.sql("INSERT INTO line_state VALUES (7, 1, 'children', 'UTC', 0, 0, '', 0)")
    store.sql("INSERT INTO binding VALUES ('127.0.0.2/32', 7)")
    machine.start()
    machine.settle()
    forget(store)


def forget(store: ScriptedStore) -> None:
    """Make the store one that never knew the second order."""
    store.lose(LOST)
    store.write(CHILD)
    store.prune()


def spoil(path: Path) -> None:
    """Overwrite four bytes in the middle of a file."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4] = bytes(each ^ 0xFF for each in data[middle : middle + 4])
    path.write_bytes(data)


def kept(machine: Machine) -> list[tuple[str, float]]:
    return [(order.reference, order.since) for order in machine.node.kept_orders()]


def test_an_order_that_the_store_does_not_know_is_kept_also_over_starts_and_snapshots(
    machine: Machine, store: ScriptedStore
) -> None:
    restored(machine, store)
    machine.wait(9)
    machine.settle()
    for _ in range(2):
        assert kept(machine) == [("O-2", NOW + 9)]
        assert machine.watcher.blocked("lost.example")
        assert machine.node.missing() == []
        assert machine.node.remarks() == [
            "with kept orders that the store does not know: 1; see filterd node resync"
        ]
        machine.put_snapshot(store.revision)
        machine.settle()
        assert machine.watcher.blocked("lost.example"), "the snapshot does not hold it"
        machine.wait(9)
        machine.start()
        machine.settle()


def test_no_mandatory_name_is_lifted_while_all_is_read_anew(machine: Machine, store: ScriptedStore) -> None:
    restored(machine, store)
    machine.watcher.shown.clear()
    machine.settle()
    assert machine.node.parental_cursor.revision == store.revision
    assert machine.watcher.shown
    for shown in machine.watcher.shown:
        assert shown.state is not None
        for line in (None, shown.lines.handle(7)):
            for name in ("banned.example", "www.lost.example"):
                verdict = decide_name(shown.state, line, name_from_text(name), NOW, traced=False).verdict
                assert verdict.reason == Reason.MANDATORY


def test_a_kept_order_ends_with_a_change_of_its_id(machine: Machine, store: ScriptedStore) -> None:
    restored(machine, store)
    machine.settle()
    store.sql("INSERT INTO lost_order VALUES (2, 'O-2', 1.0)")
    store.write(OrderChange(LOST.id, "O-2", withdrawn=True))
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")
    machine.start()
    machine.settle()
    assert kept(machine) == []
    store.write(CHILD)
    store.prune()
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")


def test_one_whose_end_was_confirmed_ends_on_a_node_that_was_away(
    machine: Machine, store: ScriptedStore
) -> None:
    restored(machine, store)
    store.sql("INSERT INTO lost_order VALUES (2, 'O-2', 1.0)")
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")
    assert machine.watcher.blocked("banned.example")


def test_one_that_is_taken_in_again_is_an_order_like_others(machine: Machine, store: ScriptedStore) -> None:
    restored(machine, store)
    machine.settle()
    store.hold(LOST)
    store.write(LOST)
    machine.settle()
    assert kept(machine) == []
    assert machine.watcher.blocked("lost.example")
    store.write(CHILD)
    store.prune()
    machine.settle()
    assert kept(machine) == []


def test_of_two_forms_of_an_order_both_are_in_force(machine: Machine, store: ScriptedStore) -> None:
    restored(machine, store)
    other = replace(LOST, names=(("other.example", Scope.SUBTREE),), addresses=())
    store.hold(other)
    machine.settle()
    assert kept(machine) == [("O-2", NOW)]
    for _ in range(2):
        assert machine.watcher.blocked("lost.example")
        assert machine.watcher.blocked("other.example")
        machine.put_snapshot(store.revision)
        machine.start()
        machine.settle()
    store.write(OrderChange(LOST.id, "O-2", withdrawn=True))
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")


def test_an_order_withdrawn_on_the_node_or_in_the_store_is_not_kept(
    machine: Machine, store: ScriptedStore
) -> None:
    restored(machine, store)
    machine.settle()
    store.write(OrderChange(LOST.id, "O-2", withdrawn=True))
    machine.settle()
    store.lose(ORDER)
    store.hold(OrderChange(ORDER.id, "1", withdrawn=True))
    store.write(CHILD)
    store.prune()
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")
    assert not machine.watcher.blocked("banned.example")


@pytest.mark.parametrize("loss", ["altered", "gone"])
def test_kept_orders_outlive_the_mandatory_part(machine: Machine, store: ScriptedStore, loss: str) -> None:
    restored(machine, store)
    machine.settle()
    machine.wait(9)
    node = machine.directory / "node"
    for _ in range(2):
        if loss == "altered":
            spoil(node / "mandatory.checkpoint")
        else:
            (node / "mandatory.checkpoint").unlink()
            (node / "mandatory.log").unlink()
        machine.start()
        machine.settle()
        assert machine.node.missing() == []
        assert kept(machine) == [("O-2", NOW)]
        assert machine.watcher.blocked("lost.example")
        assert machine.watcher.blocked("banned.example")
    store.sql("INSERT INTO lost_order VALUES (2, 'O-2', 1.0)")
    store.write(OrderChange(LOST.id, "O-2", withdrawn=True))
    machine.settle()
    spoil(node / "mandatory.checkpoint")
    machine.start()
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")


def test_a_kept_order_that_the_mandatory_part_lacks_is_in_force(
    machine: Machine, store: ScriptedStore
) -> None:
    restored(machine, store)
    machine.settle()
    machine.node.close()
    file = machine.directory / "node" / "kept.orders"
    content = file.read_bytes()
    store.write(OrderChange(LOST.id, "O-2", withdrawn=True))
    machine.start()
    machine.settle()
    file.write_bytes(content)
    machine.start()
    machine.settle()
    assert kept(machine) == [], "it was withdrawn, whatever the file says"
    for part in ("checkpoint", "log"):
        (machine.directory / "node" / f"mandatory.{part}").unlink()
    store.write(CHILD)
    machine.start()
    machine.settle()
    machine.node.close()
    file.write_bytes(content)
    machine.store = None
    machine.start()
    machine.settle()
    assert kept(machine) == [("O-2", NOW)]
    assert machine.watcher.blocked("lost.example")


def test_a_damaged_file_of_kept_orders_is_said_and_written_anew(
    machine: Machine, store: ScriptedStore
) -> None:
    restored(machine, store)
    machine.settle()
    node = machine.directory / "node"
    spoil(node / "kept.orders")
    machine.start()
    machine.settle()
    assert any(note.startswith("kept orders damaged") for note in machine.watcher.notes)
    spoil(node / "mandatory.checkpoint")
    machine.start()
    machine.settle()
    assert not any(note.startswith("kept orders damaged") for note in machine.watcher.notes)
    assert kept(machine) == [("O-2", NOW)]
    for name in ("mandatory.checkpoint", "kept.orders"):
        spoil(node / name)
    machine.start()
    machine.settle()
    said = zip(machine.watcher.notes, machine.watcher.fields, strict=True)
    assert ["order add" in str(fields["remedy"]) for note, fields in said if "kept orders dam" in note] == [
        True
    ]
    assert machine.watcher.blocked("banned.example")


def test_a_new_order_with_the_number_of_a_kept_one_does_not_replace_it(
    machine: Machine, store: ScriptedStore
) -> None:
    restored(machine, store)
    machine.settle()
    machine.wait(9)
    other = replace(LOST, names=(("other.example", Scope.SUBTREE),), addresses=())
    store.hold(other)
    store.write(other)
    machine.settle()
    assert any("the number of another" in note for note in machine.watcher.notes)
    for _ in range(2):
        assert kept(machine) == [("O-2", NOW)]
        assert machine.watcher.blocked("lost.example")
        assert machine.watcher.blocked("other.example")
        machine.put_snapshot(store.revision)
        machine.start()
        machine.settle()
    store.write(OrderChange(LOST.id, "O-2", withdrawn=True))
    machine.settle()
    assert kept(machine) == []
    assert not machine.watcher.blocked("lost.example")
    assert not machine.watcher.blocked("other.example")
