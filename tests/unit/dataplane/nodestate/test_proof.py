"""A node's word on what it has in force: its feeds since when, and one digest over lists and orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import FIRST_ORDER_ID, label_of
from filterd.policy.proof import feeds_in_force
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import NOW, ORDER, Machine

MANDATE = replace(ORDER, withdrawn=False).mandate


def effective(machine: Machine) -> str:
    return machine.node.publisher.effective[0]


def started(machine: Machine) -> str:
    """The digest of a node that has a snapshot and no order."""
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    return effective(machine)


def test_an_order_changes_the_digest_and_its_end_brings_back_the_one_before(
    machine: Machine, store: ScriptedStore
) -> None:
    before = started(machine)
    machine.wait(5)
    store.write(ORDER)
    machine.settle()
    with_order = effective(machine)
    assert with_order != before
    assert machine.node.publisher.effective == (with_order, NOW + 5)
    store.write(OrderChange(ORDER.id, "1", withdrawn=True))
    machine.settle()
    assert effective(machine) == before


def test_an_order_in_the_overlay_counts_as_one_in_the_snapshot(
    machine: Machine, store: ScriptedStore
) -> None:
    started(machine)
    store.write(ORDER)
    machine.settle()
    in_overlay = effective(machine)
    machine.put_snapshot(store.revision, mandates=[MANDATE])
    machine.settle()
    assert machine.node.publisher.overlay_entries == 2  # the snapshot of this test has no names
    assert effective(machine) == in_overlay


def test_a_start_without_the_store_has_the_same_digest(machine: Machine, store: ScriptedStore) -> None:
    started(machine)
    store.write(ORDER)
    machine.settle()
    known = effective(machine)
    machine.node.close()
    machine.store = None
    machine.start()
    machine.settle()
    assert effective(machine) == known


def test_orders_with_other_times_are_other_orders(machine: Machine, store: ScriptedStore) -> None:
    started(machine)
    store.write(ORDER)
    machine.settle()
    endless = effective(machine)
    store.write(replace(ORDER, not_after=NOW + 600))
    machine.settle()
    bounded = effective(machine)
    assert bounded != endless
    machine.wait(601)  # it ends by the clock: nothing was decided
    machine.settle()
    assert not machine.watcher.blocked("banned.example")
    assert effective(machine) == bounded


def entry(identifier: str, kind: str = "category", version: str = "1", **more: Any) -> dict[str, Any]:
    facts = {"digest": f"{identifier}{version}", "names": 3, "confidential": False, **more}
    return {"id": identifier, "kind": kind, "version": version, **facts}


def test_feeds_in_force_are_lists_of_feeds_alone() -> None:
    lists = [
        entry("adult"),
        entry("malware", "security"),
        entry("police", "mandatory", mandatory_id=0),
        entry("worst", "mandatory", mandatory_id=1, confidential=True),
        entry("O-7", "mandatory", mandatory_id=FIRST_ORDER_ID + 7),
        entry("chat", "service"),
        {**entry("never-read"), "digest": ""},
    ]
    found = feeds_in_force({"lists": lists}, 5.0)
    opaque = label_of("worst", confidential=True)
    assert [each.label for each in found] == sorted(["adult", "malware", "police", opaque])
    assert {each.since for each in found} == {5.0}


def test_a_version_that_stays_keeps_its_time() -> None:
    before = feeds_in_force({"lists": [entry("a"), entry("b")]}, 5.0)
    after = feeds_in_force({"lists": [entry("a"), entry("b", version="2")]}, 9.0, before)
    assert [(each.label, each.version, each.since) for each in after] == [("a", "1", 5.0), ("b", "2", 9.0)]
