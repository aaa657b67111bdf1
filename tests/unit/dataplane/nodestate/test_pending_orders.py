"""A pending order is known to the node, never in force there, and never kept."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import pytest

from filterd.dataplane.nodestate.orders import KnownOrders, decode, encode
from filterd.disk.journal import Journal
from filterd.model.changelog import OrderChange
from filterd.model.rule import Scope
from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.overlay import order_rules
from tests.worlds.node import KEY, ScriptedStore
from tests.worlds.node_machine import NOW, ORDER, Machine

ACCEPTED = OrderChange(ORDER.id + 1, "O-2", (("second.example", Scope.SUBTREE),), ("203.0.113.0/24",))
PENDING = replace(ACCEPTED, pending=True)
OTHER = replace(PENDING, names=(("other.example", Scope.SUBTREE),))
NAME = "www.second.example"


def running(machine: Machine, *, revision: int = 0) -> None:
    machine.put_snapshot(revision)
    machine.start()
    machine.settle()


def begin_another_history(machine: Machine, store: ScriptedStore) -> None:
    """Lose the second order, and make the node read all orders anew."""
    store.lose(ACCEPTED)
    store.write(ORDER)
    store.prune()


def test_it_is_known_from_when_it_is_added_and_in_force_from_when_it_is_approved(
    machine: Machine, store: ScriptedStore
) -> None:
    running(machine)
    assert not machine.watcher.coming(NAME)
    store.write(PENDING, at=NOW - 9.0)
    machine.node.turn()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (True, False)
    assert machine.node.mandatory_cursor.revision == store.revision, "it is acknowledged"
    assert machine.node.publisher.overlay_entries == 2
    assert machine.watcher.enforcements == [], "its time runs from the approval"
    store.write(ACCEPTED, at=NOW - 0.5)
    machine.node.turn()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (False, True)
    assert machine.watcher.enforcements == [0.5]
    assert machine.node.publisher.overlay_entries == 2


@pytest.mark.parametrize(("begins", "ends"), [(0, 0), (0, NOW + 60), (NOW + 60, 0)])
def test_one_that_is_withdrawn_or_over_caps_nothing(
    machine: Machine, store: ScriptedStore, begins: int, ends: int
) -> None:
    running(machine)
    store.write(replace(PENDING, not_before=begins, not_after=ends))
    machine.settle()
    assert machine.watcher.coming(NAME)
    if ends:
        machine.wait(60)
    else:
        store.write(OrderChange(PENDING.id, "O-2", withdrawn=True))
    machine.settle()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (False, False)


def test_an_accepted_one_is_known_before_its_beginning(machine: Machine, store: ScriptedStore) -> None:
    running(machine)
    store.write(replace(ACCEPTED, not_before=NOW + 60))
    machine.settle()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (True, False)
    assert machine.watcher.last.state is not None
    assert machine.watcher.last.state.next_beginning == NOW + 60
    machine.wait(60)
    machine.settle()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (False, True)
    assert machine.watcher.last.state.next_beginning == 0


def test_it_comes_back_from_the_disk(machine: Machine, store: ScriptedStore) -> None:
    running(machine)
    store.write(PENDING)
    machine.settle()
    machine.node.close()
    machine.store = None
    machine.start()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (True, False)
    stored = b"".join(path.read_bytes() for path in machine.directory.rglob("*") if path.is_file())
    assert b"second" not in stored, "names are on the disk as fingerprints alone"


def test_one_that_the_store_does_not_know_any_more_is_dropped(machine: Machine, store: ScriptedStore) -> None:
    running(machine)
    store.write(ORDER, PENDING)
    store.hold(ORDER)
    store.hold(PENDING)
    machine.settle()
    begin_another_history(machine, store)
    machine.settle()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (False, False)
    assert machine.node.kept_orders() == ()


@pytest.mark.parametrize("stored", [PENDING, OTHER])
def test_one_in_force_that_the_store_has_as_pending_stays_in_force_as_it_was(
    machine: Machine, store: ScriptedStore, stored: OrderChange
) -> None:
    """The store lost the approval; what it has under that number was not approved."""
    running(machine)
    store.write(ORDER, ACCEPTED)
    store.hold(ORDER)
    machine.settle()
    begin_another_history(machine, store)
    store.hold(stored)
    machine.settle()
    assert machine.watcher.blocked(NAME)
    assert not machine.watcher.blocked("other.example")
    assert [order.reference for order in machine.node.kept_orders()] == ["O-2"]
    machine.start()
    machine.settle()
    assert machine.watcher.blocked(NAME)
    store.write(replace(stored, pending=False))
    machine.settle()
    assert machine.watcher.blocked(NAME)
    assert machine.watcher.blocked("other.example") == (stored is OTHER)


def test_a_pending_change_takes_nothing_out_of_force(machine: Machine, store: ScriptedStore) -> None:
    running(machine)
    store.write(ACCEPTED)
    machine.settle()
    store.write(OTHER)
    machine.settle()
    assert machine.watcher.blocked(NAME)
    assert not machine.watcher.blocked("other.example")
    assert [order.reference for order in machine.node.kept_orders()] == ["O-2"]
    assert machine.watcher.notes[-1].startswith("an order in force is pending in the store")


def test_an_approval_in_a_snapshot_counts_where_the_node_is_behind(
    machine: Machine, store: ScriptedStore
) -> None:
    """A start without the store: the snapshot is newer than what the node's disk says of the order."""
    running(machine)
    store.write(PENDING)
    machine.settle()
    machine.node.close()
    machine.store = None
    rules = [("second.example", MANDATORY_TARGET + PENDING.id)]
    machine.put_snapshot(store.revision, rules, mandates=[PENDING.mandate])
    machine.start()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (True, False)
    machine.put_snapshot(store.revision + 1, rules, mandates=[ACCEPTED.mandate])
    machine.start()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (False, True)


def test_one_in_a_snapshot_is_in_force_once_the_log_says_that_it_is_approved(
    machine: Machine, store: ScriptedStore
) -> None:
    revision = store.write(PENDING)
    machine.put_snapshot(
        revision, [("second.example", MANDATORY_TARGET + PENDING.id)], mandates=[PENDING.mandate]
    )
    machine.start()
    machine.settle()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (True, False)
    assert machine.node.publisher.overlay_entries == 0
    store.write(ACCEPTED)
    machine.settle()
    assert (machine.watcher.coming(NAME), machine.watcher.blocked(NAME)) == (False, True)


def test_a_disk_that_takes_nothing_brings_no_pending_order_in_force(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    running(machine)
    monkeypatch.setattr(Journal, "append", refuse)
    store.write(OTHER, replace(PENDING, id=PENDING.id + 1))
    machine.settle()
    assert not machine.watcher.blocked("other.example")
    store.write(ACCEPTED)
    machine.settle()
    assert machine.watcher.blocked(NAME)
    monkeypatch.undo()
    machine.settle()
    assert machine.watcher.blocked(NAME)
    assert not machine.watcher.blocked("other.example")
    assert machine.node.kept_orders() == ()


def test_the_disk_says_withdrawn_to_a_version_that_knows_no_pending_orders() -> None:
    """The same in the change log (test_changelog)."""
    rules = order_rules(PENDING, 3, KEY)
    assert decode(encode([rules])) == [rules]
    (fields,) = json.loads(encode([rules]))
    assert (fields["withdrawn"], fields["pending"]) == (True, True)
    (bare,) = json.loads(encode([order_rules(ACCEPTED, 3, KEY)]))
    assert "pending" not in bare


def test_two_orders_of_one_number_never_mix_where_one_is_pending() -> None:
    known, other = order_rules(ACCEPTED, 1, KEY), order_rules(OTHER, 2, KEY)
    approved = replace(other, mandate=replace(other.mandate, pending=False))
    in_force, unapproved = KnownOrders({known.mandate.id: known}), KnownOrders({known.mandate.id: other})
    assert in_force.joined([other], 9.0) == [replace(known, kept=9.0)]
    assert unapproved.joined([known], 9.0) == [known]
    assert unapproved.joined([approved], 9.0) == [approved]
    assert in_force.keeping([other], 9.0).all() == (replace(known, kept=9.0),)
    assert unapproved.keeping([known], 9.0).all() == (known,)
    assert unapproved.keeping([], 9.0).all() == ()
    assert in_force.with_additions([other]) == {}
    assert unapproved.with_additions([approved]) == {known.mandate.id: approved}
