"""A confidential order comes as fingerprints: a node needs neither its names nor the key that opens them."""

from __future__ import annotations

from dataclasses import replace

from filterd.model.changelog import OrderChange
from filterd.model.rule import Scope
from filterd.policy.overlay import fingerprints
from tests.worlds.node import KEY, ScriptedStore
from tests.worlds.node_machine import ORDER, Machine

OPEN = OrderChange(ORDER.id + 1, "O-2", (("second.example", Scope.SUBTREE),), confidential=True)
NAME = "www.second.example"
OTHER_KEY = bytes(16)


def sealed(key: bytes = KEY) -> OrderChange:
    """The order as the store tells it, for nodes with this fingerprint key."""
    found = fingerprints(OPEN.names, (), key)
    return replace(OPEN, names=(), fingerprints=found, accepted_at=1.0)


def running(machine: Machine) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()


def test_it_is_enforced_from_the_log_and_from_the_full_state(machine: Machine, store: ScriptedStore) -> None:
    store.hold(sealed())
    store.write(sealed())
    running(machine)
    assert machine.watcher.blocked(NAME)
    store.prune()
    machine.start()
    machine.settle()
    assert machine.watcher.blocked(NAME)


def test_that_of_another_key_is_not_taken_and_what_is_in_force_stays(
    machine: Machine, store: ScriptedStore
) -> None:
    store.hold(sealed())
    store.write(sealed())
    running(machine)
    store.lose(sealed())
    store.hold(sealed(OTHER_KEY))
    revision = store.write(sealed(OTHER_KEY))
    machine.settle()
    assert machine.watcher.blocked(NAME)
    assert machine.watcher.notes[-1] == "change log not followed OtherKeyError"
    assert machine.node.mandatory_cursor.revision < revision
    store.lose(sealed())
    store.hold(sealed())
    revision = store.write(sealed())  # control has made them anew; the earlier change stands in the log
    machine.wait(60)
    machine.settle()
    assert machine.watcher.blocked(NAME)
    assert machine.node.mandatory_cursor.revision == revision
