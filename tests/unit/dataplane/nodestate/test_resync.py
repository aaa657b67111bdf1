"""A full resync: whatever is written between its pages comes out right, and nothing waits for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filterd.dataplane.nodestate import changes
from filterd.model import changelog
from filterd.model.bound import PortsBound, PrefixBound, parse_bound
from filterd.model.change_chain import Cursor
from filterd.model.changelog import (
    BindingChange,
    BindingRemoved,
    Change,
    LineChange,
    LineRemoved,
    OrderChange,
)
from filterd.model.line import LineChoices, OwnName
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Action, Scope
from filterd.policy.fingerprint import fingerprint
from tests.worlds.node import KEY, ScriptedStore
from tests.worlds.node_machine import ORDER, Machine

BATCH = 7
"""rows of a page: so that few lines are many pages"""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "BATCH", BATCH)


@dataclass
class Town:
    """Lines and bindings of a store, altered as use cases do it: tables and log in one transaction."""

    store: ScriptedStore
    rng: random.Random
    lines: dict[int, LineChoices] = field(default_factory=dict)
    bindings: dict[str, int] = field(default_factory=dict)
    taken: int = 0

    def add(self) -> None:
        self.taken += 1
        line = self.taken
        self._write(
            LineChange(LineChoices(line)), ("INSERT INTO subscriber VALUES (?, ?, 0, '')", line, f"S-{line}")
        )
        self.lines[line] = LineChoices(line)
        self._choose(line)
        for _ in range(2):
            self._bind(self._prefix(), line)

    def choose(self) -> None:
        self._choose(self._any_line())

    def rebind(self) -> None:
        self._bind(self._prefix(), self._any_line())

    def unbind(self) -> None:
        if self.bindings:
            prefix = self.rng.choice(sorted(self.bindings))
            del self.bindings[prefix]
            self._write(BindingRemoved(prefix), ("DELETE FROM binding WHERE prefix = ?", prefix))

    def remove(self) -> None:
        line = self._any_line()
        for prefix in [each for each, owner in self.bindings.items() if owner == line]:
            del self.bindings[prefix]
            self._write(BindingRemoved(prefix), ("DELETE FROM binding WHERE prefix = ?", prefix))
        del self.lines[line]
        self._write(
            LineRemoved(line),
            ("DELETE FROM own_name WHERE line = ?", line),
            ("DELETE FROM line_state WHERE line = ?", line),
            ("DELETE FROM subscriber WHERE line = ?", line),
        )

    def anything(self) -> None:
        """One alteration, at random."""
        some: list[Callable[[], None]] = [self.add, self.choose, self.rebind, self.rebind, self.unbind]
        self.rng.choice([*some, self.remove] if len(self.lines) > 1 else some)()

    def _any_line(self) -> int:
        return self.rng.choice(sorted(self.lines))

    def _prefix(self) -> str:
        return self.rng.choice(
            (
                f"10.0.0.{self.rng.randrange(60)}/32",
                f"2001:db8:{self.rng.randrange(9)}::/48",
                f"192.0.2.1:{(first := 1000 + 700 * self.rng.randrange(60))}-{first + 699}",
                f"cpe:box{self.rng.randrange(20)}",
            )
        )

    def _bind(self, prefix: str, line: int) -> None:
        self.bindings[prefix] = line
        self._write(
            BindingChange(prefix, line), ("INSERT OR REPLACE INTO binding VALUES (?, ?)", prefix, line)
        )

    def _choose(self, line: int) -> None:
        names = self.rng.sample(("a.example", "b.example", "c.example"), self.rng.randrange(3))
        own = tuple(OwnName(name, Action.ALLOW) for name in sorted(names))
        chosen = LineChoices(line, paused_until=self.rng.randrange(1 << 30), own_names=own)
        self.lines[line] = chosen
        self._write(
            LineChange(chosen),
            (
                "INSERT OR REPLACE INTO line_state VALUES (?, 0, '', 'UTC', ?, 0, '', 0)",
                line,
                chosen.paused_until,
            ),
            ("DELETE FROM own_name WHERE line = ?", line),
            *(
                ("INSERT INTO own_name VALUES (?, ?, ?, 1, 0)", line, each.name, int(Action.ALLOW))
                for each in own
            ),
        )

    def _write(self, change: Change, *statements: tuple[object, ...]) -> None:
        self.store.write(change, statements=statements)


def town_of(store: ScriptedStore, seed: int, lines: int) -> Town:
    town = Town(store, random.Random(seed))
    for _ in range(lines):
        town.add()
    return town


Place = tuple[int, bytes, int]


def held(machine: Machine) -> tuple[dict[int, tuple[int, int]], dict[Place, int]]:
    """What the node published last: pause and number of own names by line, line by place."""
    shown = machine.watcher.last
    lines = {}
    for number in shown.lines.numbers():
        line = shown.lines.find(number)
        assert line is not None
        lines[number] = (line.paused_until, len(line.own) // 16)
    tables = (shown.bindings.addresses, shown.bindings.ports, shown.bindings.identities)
    return lines, {
        (number, place, length): line
        for number, table in enumerate(tables)
        for place, length, line in table.items()
    }


def places(text: str) -> list[Place]:
    """The places of a bound, by the parser of the whole project."""
    bound = parse_bound(text)
    if isinstance(bound, PrefixBound):
        return [(0, bound.network.network_address.packed, bound.network.prefixlen)]
    if isinstance(bound, PortsBound):
        return [(1, *place) for place in bound.places()]
    return [(2, fingerprint(KEY, bound.input()), 128)]


def assert_same(machine: Machine, town: Town) -> None:
    assert held(machine) == (
        {line: (each.paused_until, len(each.own_names)) for line, each in town.lines.items()},
        {place: line for text, line in town.bindings.items() for place in places(text)},
    )


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_between_the_pages_is_neither_lost_nor_undone(
    machine: Machine, store: ScriptedStore, seed: int
) -> None:
    machine.put_snapshot(0)
    town = town_of(store, seed, 40)
    machine.start()
    turns = 0
    while machine.node.disk.parental_cursor is None:
        machine.node.turn()
        turns += 1
        for _ in range(town.rng.randrange(4)):
            town.anything()
    assert turns > 2 * 40 // BATCH
    machine.settle()
    assert_same(machine, town)
    machine.node.close()
    machine.store = None
    machine.start()
    assert_same(machine, town)


def test_what_is_published_is_one_state_of_the_store(machine: Machine, store: ScriptedStore) -> None:
    """A prefix moves to a line that was read before it moved: never a mixture of two moments."""
    machine.put_snapshot(0)
    town = town_of(store, 3, 40)
    machine.start()
    while (resync := machine.node.resync) is None or resync.phase != "bindings":
        machine.node.turn()
    for _ in range(200):
        town.anything()
    while machine.node.disk.parental_cursor is None:
        machine.node.turn()
    assert_same(machine, town)


def test_an_order_is_in_force_before_the_next_page(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    town_of(store, 1, 40)
    machine.start()
    machine.node.turn()
    number = 0
    while machine.node.disk.parental_cursor is None:
        number += 1
        name = f"n{number}.example"
        store.write(OrderChange(FIRST_ORDER_ID + number, str(number), ((name, Scope.SUBTREE),)))
        machine.node.turn()
        assert machine.watcher.blocked(name)
    assert number > 10


def test_the_clock_goes_on_while_lines_are_read(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    town_of(store, 1, 40)
    machine.start()
    machine.node.turn()
    store.write(
        OrderChange(ORDER.id, "1", (("later.example", Scope.SUBTREE),), not_before=int(machine.now) + 60)
    )
    machine.node.turn()
    assert not machine.watcher.blocked("later.example")
    machine.wait(60)
    machine.node.turn()
    assert machine.node.disk.parental_cursor is None
    assert machine.watcher.blocked("later.example")
    assert machine.node.lag() == 60


def test_the_write_ahead_log_stays_bounded_during_a_resync(
    machine: Machine, store: ScriptedStore, tmp_path: Path
) -> None:
    machine.put_snapshot(0)
    town = town_of(store, 1, 60)
    store.sql("PRAGMA wal_autocheckpoint = 20")
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    machine.start()
    largest = turns = 0
    while machine.node.disk.parental_cursor is None:
        machine.node.turn()
        turns += 1
        for _ in range(10):
            town.anything()
        largest = max(largest, (tmp_path / "filterd.db-wal").stat().st_size)
    assert turns > 20
    assert largest < 60 * 4096


def test_a_snapshot_that_comes_in_between_holds_for_the_lines_read_before(
    machine: Machine, store: ScriptedStore
) -> None:
    for line in range(1, 30):
        store.sql("INSERT INTO subscriber VALUES (?, ?, 0, '')", line, f"S-{line}")
        store.sql("INSERT INTO line_state VALUES (?, 1, 'children', 'UTC', 0, 0, '', 0)", line)
    machine.start()
    for _ in range(3):
        machine.node.turn()
    machine.put_snapshot(1)
    machine.settle()
    state = machine.watcher.last.state
    assert state is not None
    assert [policy.categories for policy in state.policies] == [0, 1 << 8]


def test_a_log_pruned_meanwhile_begins_the_resync_again(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    town = town_of(store, 1, 40)
    machine.start()
    for _ in range(4):
        machine.node.turn()
    first = machine.node.resync
    town.anything()
    store.prune()
    machine.node.turn()
    machine.node.turn()
    assert first is not None
    assert machine.node.resync not in (None, first)
    machine.settle()
    assert_same(machine, town)


def test_a_store_that_went_back_holds_the_resync_up(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    town = town_of(store, 1, 40)
    machine.start()
    for _ in range(4):
        machine.node.turn()
    store.sql("UPDATE head SET revision = 3")
    for _ in range(3):
        machine.node.turn()
    assert machine.watcher.notes[-1] == "change log not followed OtherHistoryError"
    assert machine.node.disk.parental_cursor is None
    store.sql("UPDATE head SET revision = ?", store.revision)
    machine.settle()
    assert_same(machine, town)


def test_a_disk_that_fails_keeps_what_was_read(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.put_snapshot(0)
    town = town_of(store, 1, 20)
    machine.start()
    while (resync := machine.node.resync) is None or resync.phase != "write":
        machine.node.turn()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("filterd.disk.journal.replace_file", full)
        while not machine.watcher.notes or "OSError" not in machine.watcher.notes[-1]:
            machine.node.turn()
    assert machine.node.resync is resync
    machine.settle()
    assert_same(machine, town)


@pytest.mark.parametrize(
    ("lines", "sizes"), [(BATCH - 1, [BATCH - 1]), (BATCH, [BATCH, 0]), (BATCH + 1, [BATCH, 1])]
)
def test_a_full_page_says_that_more_may_wait_and_where_it_ends(
    store: ScriptedStore, lines: int, sizes: list[int]
) -> None:
    """The cursor after a full page is that of its last row: what other streams wrote stands behind it."""
    log = changes.ChangeLog(store.path)
    last = store.write(*(LineChange(LineChoices(line)) for line in range(1, lines + 1)))
    head = store.write(ORDER)
    cursor, found = Cursor(0, store.origin), []
    for size in sizes:
        page = log.page(changelog.PARENTAL, cursor)
        full = size == BATCH
        assert (len(page.rows), page.more) == (size, full)
        assert page.cursor == (page.rows[-1].cursor if full else Cursor(head, store.hash))
        cursor = page.cursor
        found += [row.cursor.revision for row in page.rows]
    assert found == list(range(1, last + 1))
    assert log.page(changelog.PARENTAL, cursor).cursor == cursor == log.newest()
    log.close()


@pytest.mark.parametrize("count", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
def test_a_node_that_follows_page_by_page_gets_everything(
    machine: Machine, store: ScriptedStore, count: int
) -> None:
    machine.start()
    machine.settle()
    head = store.write(*(LineChange(LineChoices(line)) for line in range(1, count + 1)))
    more = machine.node.turn()
    assert machine.node.parental_cursor.revision == min(head, head - count + BATCH)
    assert more == (count >= BATCH)
    machine.settle()
    assert machine.node.parental_cursor.revision == head
    assert len(machine.node.disk.known.table) == count
