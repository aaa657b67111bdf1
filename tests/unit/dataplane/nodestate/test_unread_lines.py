"""Choices that were acknowledged while the node was down: they are in its first answers, or none is given."""

from __future__ import annotations

import pytest

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.nodestate import changes, choices_follower
from filterd.dataplane.nodestate.unread import UnreadChanges
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.tables.addresses import Prefixes
from filterd.model.changelog import BindingChange, BindingRemoved, Change, LineChange, LineRemoved
from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.serve.node_sessions import bound_tables, unread_lines
from tests.unit.dataplane.conftest import Rules
from tests.worlds.identities import query
from tests.worlds.node import KEY, ScriptedStore
from tests.worlds.node_machine import CHILD, NOW, Machine
from tests.worlds.rate import wide

ADULT = 8
OTHERS = [LineChange(LineChoices(100 + number)) for number in range(20)]
"""an import of lines, which comes first and takes three pages"""
OPTED_OUT = LineChange(LineChoices(7))


def answer(machine: Machine, client: str) -> str:
    """What a query for a listed name gets, by the state that was shown last."""
    shown = machine.watcher.last
    plane = Plane(Prefixes(KEY, ["0.0.0.0/0"]), ResponseCache(1 << 20, KEY), Rules())
    plane.publish(
        shown.state, shown.lines, bound_tables(shown.bindings), shown.identity_ready, 0,
        *([unread_lines(shown.unread)] if hasattr(shown, "unread") else []),
    )  # fmt: skip
    outcome = plane.receive(query("listed.example"), wide(client), False, NOW, 1000.0)
    if isinstance(outcome, Pending):
        return "forwarded"
    assert outcome is not None
    return {2: "not ready", 3: "blocked"}[outcome[3] & 15]


@pytest.fixture
def stopped(machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A node that was stopped; its line 7 asked for nothing, and line 8 for what it has still."""
    monkeypatch.setattr(changes, "BATCH", 7)
    machine.put_snapshot(0, [("listed.example", ADULT)])
    machine.start()
    machine.settle()
    choices = LineChoices(8, opted_in=True, profile="children", zone="America/Mexico_City")
    store.write(OPTED_OUT, LineChange(choices))
    bind(store, "127.0.0.2/32", 7)
    bind(store, "127.0.0.8/32", 8)
    machine.settle()
    machine.node.close()
    return machine


def bind(store: ScriptedStore, prefix: str, line: int) -> None:
    """Bind a prefix, and keep the row that a node reads besides the change."""
    store.sql("PRAGMA foreign_keys = OFF")
    insert = "INSERT OR REPLACE INTO binding VALUES (?, ?)"
    store.write(BindingChange(prefix, line), statements=[(insert, prefix, line)])


def first_state(machine: Machine) -> None:
    """Start, up to the first state that is shown."""
    machine.start()
    while machine.watcher.last.state is None:
        machine.node.turn()


def test_a_choice_behind_an_import_is_in_the_first_answers(stopped: Machine, store: ScriptedStore) -> None:
    """Names that the line had asked to be kept from passed for 2.8 s behind an import of 30,000 lines."""
    store.write(*OTHERS, CHILD)
    first_state(stopped)
    assert answer(stopped, "127.0.0.2") == "not ready"
    assert answer(stopped, "127.0.0.8") == "blocked", "nobody else waits"
    assert answer(stopped, "127.0.0.9") == "forwarded"
    assert stopped.watcher.notes == ["changed lines wait until they are followed"]
    stopped.settle()
    assert answer(stopped, "127.0.0.2") == "blocked"
    assert stopped.watcher.last.unread is None


def test_a_line_waits_no_longer_than_for_its_own_last_change(stopped: Machine, store: ScriptedStore) -> None:
    store.write(CHILD, *OTHERS)
    first_state(stopped)
    assert stopped.watcher.last.unread is not None
    assert answer(stopped, "127.0.0.2") == "blocked", "the first page had it"


OWN = LineChange(LineChoices(7, own_names=(OwnName("listed.example", Action.BLOCK, Scope.SUBTREE),)))


@pytest.mark.parametrize("change", [OWN, CHILD, LineRemoved(7), BindingChange("127.0.0.3/32", 7)])
def test_each_kind_of_change_counts(stopped: Machine, store: ScriptedStore, change: Change) -> None:
    store.write(*OTHERS, change)
    first_state(stopped)
    assert answer(stopped, "127.0.0.2") == "not ready"


@pytest.mark.parametrize("line", [7, 200])
def test_a_new_binding_counts_for_the_line_that_it_leads_to(
    stopped: Machine, store: ScriptedStore, line: int
) -> None:
    """Also one of a line that is new itself."""
    store.write(*OTHERS, LineChange(LineChoices(line, opted_in=True, profile="children")))
    bind(store, "127.0.0.3/32", line)
    first_state(stopped)
    assert answer(stopped, "127.0.0.3") == "not ready"
    assert answer(stopped, "127.0.0.4") == "forwarded"
    stopped.settle()
    assert answer(stopped, "127.0.0.3") == "blocked"


def test_a_new_line_waits_for_its_choice_after_its_binding(stopped: Machine, store: ScriptedStore) -> None:
    """The binding came with an early page, and names that the line is kept from passed until a later one."""
    store.write(LineChange(LineChoices(200)))
    bind(store, "127.0.0.3/32", 200)
    store.write(*OTHERS, LineChange(LineChoices(200, opted_in=True, profile="children")))
    first_state(stopped)
    while stopped.watcher.last.unread is not None:
        assert answer(stopped, "127.0.0.3") == "not ready"
        stopped.node.turn()
    assert answer(stopped, "127.0.0.3") == "blocked"


def test_the_bindings_of_new_lines_that_opted_in_come_first(
    stopped: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start takes so many bindings alone. Others' addresses are unknown until they are followed."""
    monkeypatch.setattr(choices_follower, "MOST_BINDINGS", 1)
    store.write(*OTHERS)
    for line in (200, 201, 202):
        bind(store, f"127.0.1.{line}/32", line)
        store.sql("INSERT INTO line_state VALUES (?, ?, 'children', '', 0, 0, '', 0)", line, line == 200)
    first_state(stopped)
    found = [answer(stopped, f"127.0.1.{line}") for line in (200, 201, 202)]
    assert found == ["not ready", "forwarded", "not ready"]


def test_the_bindings_of_lines_that_changed_last_come_first(
    stopped: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new address of a line was unknown behind an import that changed 30,000 known ones."""
    monkeypatch.setattr(choices_follower, "MOST_BINDINGS", 1)
    store.write(LineChange(LineChoices(8)), *OTHERS)
    bind(store, "127.0.0.3/32", 7)
    first_state(stopped)
    assert answer(stopped, "127.0.0.3") == "not ready"


@pytest.mark.parametrize("change", [CHILD, OWN])
def test_the_bindings_of_known_lines_with_rules_come_first(
    stopped: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch, change: LineChange
) -> None:
    """A new address was unfiltered for 1.9 s where 14,000 other known lines got addresses after it."""
    monkeypatch.setattr(choices_follower, "MOST_BINDINGS", 1)
    store.sql("INSERT INTO line_state VALUES (7, ?, 'children', '', 0, 0, '', 0)", change is CHILD)
    if change is OWN:
        store.sql("INSERT INTO own_name (line, name, action, scope) VALUES (7, 'listed.example', 0, 0)")
    store.write(*OTHERS, change)
    bind(store, "127.0.0.3/32", 7)
    store.write(LineChange(LineChoices(8)))
    first_state(stopped)
    assert answer(stopped, "127.0.0.3") == "not ready"
    stopped.settle()
    assert answer(stopped, "127.0.0.3") == "blocked"


def test_a_damaged_binding_takes_the_waiting_from_no_line(stopped: Machine, store: ScriptedStore) -> None:
    store.write(*OTHERS, CHILD)
    store.sql("PRAGMA foreign_keys = OFF")
    store.sql("INSERT INTO binding VALUES ('127.0.0.3/3', 7)")
    first_state(stopped)
    assert answer(stopped, "127.0.0.2") == "not ready"


def test_lines_wait_no_longer_than_for_the_changes_of_before_the_start(
    stopped: Machine, store: ScriptedStore
) -> None:
    newest = store.write(*OTHERS)
    first_state(stopped)
    while stopped.node.parental_cursor.revision < newest:
        assert stopped.watcher.last.unread is not None
        store.write(*OTHERS)
        stopped.node.turn()
    assert stopped.watcher.last.unread is None


@pytest.mark.parametrize(("line", "expected"), [(7, "blocked"), (8, "forwarded")])
def test_a_binding_that_is_gone_counts_for_the_line_that_had_it(
    stopped: Machine, store: ScriptedStore, line: int, expected: str
) -> None:
    """The node has the address still, and it comes before the network of another line."""
    other = 15 - line
    store.write(LineChange(LineChoices(7, opted_in=True, profile="children")), LineChange(LineChoices(8)))
    stopped.start()
    stopped.settle()
    bind(store, "127.0.1.1/32", other)
    stopped.settle()
    stopped.node.close()
    bind(store, "127.0.1.0/24", line)
    store.write(*OTHERS, BindingRemoved("127.0.1.1/32", other))
    store.sql("DELETE FROM binding WHERE prefix = '127.0.1.1/32'")
    first_state(stopped)
    assert answer(stopped, "127.0.1.1") == "not ready"
    stopped.settle()
    assert answer(stopped, "127.0.1.1") == expected


def test_changes_that_were_pruned_count_too(stopped: Machine, store: ScriptedStore) -> None:
    """Below the floor of the log, all lines are read anew: those that changed wait for that, and no other."""
    store.write(*OTHERS, CHILD)
    store.sql("INSERT INTO changed_line SELECT line, max(revision) FROM change WHERE line = 7")
    store.prune()
    first_state(stopped)
    assert answer(stopped, "127.0.0.2") == "not ready"
    assert answer(stopped, "127.0.0.8") == "blocked"


def test_open_keeps_the_choice_that_is_known(stopped: Machine, store: ScriptedStore) -> None:
    store.write(*OTHERS, CHILD)
    stopped.start(parental_fail_open=True)
    while stopped.watcher.last.state is None:
        stopped.node.turn()
    assert answer(stopped, "127.0.0.2") == "forwarded"


def test_without_changes_nobody_waits_and_no_number_is_looked_for(
    stopped: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(UnreadChanges, "__init__", unexpected)
    first_state(stopped)
    assert stopped.watcher.last.unread is None


def test_a_store_from_before_changes_told_their_line_is_followed(
    stopped: Machine, store: ScriptedStore
) -> None:
    """A resolver may start before control has migrated."""
    store.write(*OTHERS, CHILD)
    for statement in (
        "DROP TABLE changed_line",
        "DROP INDEX ix_change_stream_revision_line",
        "ALTER TABLE change DROP COLUMN line",
    ):
        store.sql(statement)
    first_state(stopped)
    assert stopped.watcher.last.unread is None
    stopped.settle()
    assert answer(stopped, "127.0.0.2") == "blocked"
