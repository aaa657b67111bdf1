"""What goes wrong around a node: no order and no choice that it acknowledged may open for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.dataplane.nodestate.changes import ChangeLog
from filterd.disk import checked_file
from filterd.model.change_chain import Cursor
from filterd.model.changelog import BindingChange, Change, LineChange, OrderChange
from filterd.model.line import LineChoices
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Scope
from filterd.policy import snapshot_layout
from filterd.policy.decide import decide_name
from filterd.wire.names import name_from_text
from tests.worlds.node import ScriptedStore, profile, put_snapshot
from tests.worlds.node_machine import CHILD, CLASSES, NOW, ORDER, PROFILES, Machine

ADULT = 8
BUILT_AT = 1_800_000_000
LATER = OrderChange(ORDER.id + 1, "2", (("later.example", Scope.SUBTREE),))
"""of the snapshots that put_snapshot makes"""


def ready(machine: Machine) -> Machine:
    """Started, with a snapshot that knows one adult name, and settled."""
    put_snapshot(machine.directory, 0, CLASSES, PROFILES, [("adult.example", ADULT)])
    machine.start()
    machine.settle()
    return machine


def restarted_alone(machine: Machine) -> Machine:
    """Started again without a store: what is on its disk is all it has."""
    machine.node.close()
    machine.store = None
    machine.start()
    return machine


def is_filtered(machine: Machine, name: str = "adult.example", line: int = 7) -> bool:
    """True if the line's own profile blocks the name in the state shown last."""
    shown = machine.watcher.last
    assert shown.state is not None
    handle = shown.lines.handle(line)
    assert handle is not None
    return decide_name(shown.state, handle, name_from_text(name), NOW, traced=False).verdict.outcome != 0


# --- a disk that is full ---


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """From here on no write to the node's files succeeds; undo the patch to make room."""

    def no_room(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", no_room)
        full.setattr(os, "fsync", no_room)
        yield full


@pytest.mark.parametrize("change", ["order", "choice"])
def test_on_a_full_disk_a_change_does_not_count_as_applied_and_comes_when_there_is_room(
    machine: Machine, store: ScriptedStore, change: str, request: pytest.FixtureRequest
) -> None:
    node = ready(machine).node
    store.write(CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    before = node.mandatory_cursor.revision if change == "order" else node.parental_cursor.revision
    disk: pytest.MonkeyPatch = request.getfixturevalue("full_disk")
    store.write(ORDER if change == "order" else LineChange(LineChoices(7)))
    for _ in range(3):
        node.turn()
    assert (node.mandatory_cursor.revision if change == "order" else node.parental_cursor.revision) == before
    assert machine.watcher.notes[-1] == "change log not followed OSError"
    machine.wait(5)
    assert node.lag() == 5
    assert is_filtered(machine)
    disk.undo()
    machine.settle()  # opens the logs again
    machine.settle()
    assert machine.watcher.blocked("banned.example") is (change == "order")
    assert is_filtered(machine) is (change == "order")
    assert node.lag() == 0
    restarted_alone(machine)
    assert machine.watcher.blocked("banned.example") is (change == "order")


@pytest.mark.parametrize("change", [ORDER, LineChange(LineChoices(7))])
def test_a_node_starts_and_serves_from_a_disk_that_can_only_be_read(
    machine: Machine, store: ScriptedStore, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(machine)
    store.write(CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    really = os.open

    def read_only(path: Path, flags: int, *more: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return really(path, flags, *more)

    with monkeypatch.context() as disk:
        disk.setattr(os, "open", read_only)
        node = machine.start()
        machine.settle()
        assert node.missing() == []
        assert is_filtered(machine)
        store.write(change)
        for _ in range(3):
            node.turn()
        assert is_filtered(machine)
        assert machine.watcher.blocked("banned.example") is (change is ORDER)
        machine.wait(5)
        assert node.lag() == 5
    machine.settle()
    machine.settle()
    assert machine.watcher.blocked("banned.example") is (change is ORDER)


def test_a_new_snapshot_is_in_force_on_a_full_disk_and_remembered_when_there_is_room(
    machine: Machine, request: pytest.FixtureRequest
) -> None:
    ready(machine)
    disk: pytest.MonkeyPatch = request.getfixturevalue("full_disk")
    name = put_snapshot(machine.directory, 1, CLASSES, PROFILES, [("new.example", ADULT)])
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == 1
    memory = machine.directory / "node" / "snapshot"
    assert checked_file.read(memory) != snapshot_layout.pointer_to(name)
    disk.undo()
    machine.settle()
    assert checked_file.read(memory) == snapshot_layout.pointer_to(name)


# --- a store that is not what it was ---


@pytest.mark.parametrize("content", [b"no database at all\n" * 500, b"", "cut", None])
def test_a_store_that_is_no_database_takes_nothing_away_and_is_followed_when_it_is_back(
    machine: Machine, store: ScriptedStore, content: bytes | str | None
) -> None:
    ready(machine)
    store.write(ORDER, CHILD)
    machine.settle()
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    database = store.path
    away = database.with_name("away.db")
    database.rename(away)
    if content is not None:
        database.write_bytes(content if isinstance(content, bytes) else away.read_bytes()[:5000])
    machine.settle()
    assert "change log not followed StoreUnreadableError" in machine.watcher.notes
    machine.wait(9)
    assert machine.node.lag() == 9
    assert machine.watcher.blocked("banned.example")
    assert is_filtered(machine)
    away.rename(database)
    back = ScriptedStore(database)
    back.write(LATER)
    back.close()
    machine.settle()
    assert machine.watcher.blocked("later.example")
    machine.wait(9)
    machine.settle()
    assert machine.node.lag() == 0


def test_another_file_in_the_place_of_the_store_is_seen(machine: Machine, store: ScriptedStore) -> None:
    """As when a backup is moved to its place: the connection that is open would read the old one for ever."""
    ready(machine)
    store.write(ORDER)
    machine.settle()
    copy = store.copy("copy.db")
    copy.write(LATER)
    copy.take_place_of(store)
    machine.settle()
    assert machine.watcher.blocked("later.example")
    assert machine.watcher.blocked("banned.example")


def test_what_an_unforeseen_error_interrupted_is_done_without_another_change(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = ready(machine).node
    store.write(ORDER)
    monkeypatch.setattr("filterd.dataplane.nodestate.node.FAILED_SECONDS", 0.0)
    page = ChangeLog.page
    failures = iter([RuntimeError("once")])

    def fails_once(log: ChangeLog, stream: str, cursor: Cursor) -> object:
        error = next(failures, None)
        if error is not None:
            raise error
        node.stop()
        return page(log, stream, cursor)

    monkeypatch.setattr(ChangeLog, "page", fails_once)
    node.run()
    assert "RuntimeError" in machine.watcher.notes
    assert machine.watcher.blocked("banned.example")
    assert node.lag() == 0


# --- orders that are not what was decided ---


def test_a_node_takes_no_damaged_order_and_keeps_what_it_has(machine: Machine, store: ScriptedStore) -> None:
    ready(machine)
    store.hold(ORDER)
    later = OrderChange(ORDER.id + 1, "2", (("later.example", Scope.SUBTREE),))
    store.hold(later)
    store.write(ORDER, later)
    machine.settle()
    store.sql("UPDATE order_name SET name = 'bamned.example' WHERE name = 'banned.example'")
    store.write(CHILD)
    store.sql("UPDATE log_floor SET revision = ?, hash = ?", store.revision, store.hash)
    store.sql("DELETE FROM change")
    machine.settle()
    assert machine.watcher.blocked("banned.example")
    assert machine.watcher.blocked("later.example")
    assert machine.watcher.notes[-1] == "change log not followed RowsDamagedError"
    assert machine.node.mandatory_cursor.revision < store.revision
    machine.wait(60)
    assert machine.node.lag() >= 60
    store.sql("UPDATE order_name SET name = 'banned.example' WHERE name = 'bamned.example'")
    machine.settle()
    assert machine.watcher.blocked("banned.example")
    assert machine.node.mandatory_cursor.revision == store.revision


def test_a_node_without_orders_begins_with_no_damaged_store(machine: Machine, store: ScriptedStore) -> None:
    store.hold(ORDER)
    store.write(ORDER)
    store.sql("UPDATE orders SET state = 'withdrawn'")
    ready(machine)
    assert machine.watcher.last.state is None, "everything gets SERVFAIL"
    assert any("mandatory" in reason for reason in machine.node.missing())


# --- a clock that is wrong ---


def test_an_order_that_a_clock_ahead_ended_holds_again_when_the_clock_is_set_right(
    machine: Machine, store: ScriptedStore
) -> None:
    ready(machine)
    store.write(replace(ORDER, not_after=NOW + 1000))
    machine.settle()
    machine.now += 10_000
    machine.settle()
    assert not machine.watcher.blocked("banned.example")
    machine.now = NOW + 5
    machine.settle()
    assert machine.watcher.blocked("banned.example")
    machine.now = NOW + 1000
    machine.settle()
    assert not machine.watcher.blocked("banned.example")


@pytest.mark.parametrize("in_snapshot", [True, False])
def test_an_order_that_had_begun_holds_on_a_machine_that_lost_its_time(
    machine: Machine, store: ScriptedStore, in_snapshot: bool
) -> None:
    ready(machine)
    begun = BUILT_AT - 50 if in_snapshot else BUILT_AT + 50
    accepted_at = BUILT_AT - 60.0 if in_snapshot else BUILT_AT + 60.0
    machine.now = NOW + 60
    store.write(replace(ORDER, not_before=begun, accepted_at=accepted_at))
    later = OrderChange(ORDER.id + 1, "2", (("later.example", Scope.SUBTREE),), not_before=NOW + 9000)
    store.write(later)
    machine.settle()
    machine.now = 1000
    restarted_alone(machine)
    assert machine.watcher.blocked("banned.example")
    assert not machine.watcher.blocked("later.example")
    assert machine.watcher.last.earliest == BUILT_AT


def test_an_order_that_a_snapshot_lacks_is_blocked_beside_it(machine: Machine, store: ScriptedStore) -> None:
    """A compile that did not know it, for whatever reason, takes nothing away: the snapshot is newer than the
    order, but the order's names are in neither."""
    ready(machine)
    store.write(ORDER)
    machine.settle()
    store.write(CHILD)
    put_snapshot(machine.directory, store.revision, CLASSES, PROFILES)
    machine.settle()
    assert machine.watcher.blocked("banned.example")
    restarted_alone(machine)
    assert machine.watcher.blocked("banned.example")


def test_a_snapshot_made_by_a_clock_that_is_ahead_moves_no_running_node(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.now = BUILT_AT - 500_000
    machine.directory.mkdir(exist_ok=True)
    put_snapshot(machine.directory, 0, CLASSES, PROFILES, built_at=BUILT_AT - 900_000)
    machine.start()
    machine.settle()
    put_snapshot(machine.directory, 1, CLASSES, PROFILES)
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == 1
    assert machine.watcher.last.earliest == BUILT_AT - 900_000


def test_a_clock_that_was_ahead_at_the_start_is_forgotten_when_it_is_set_right(machine: Machine) -> None:
    ready(machine)
    machine.now = BUILT_AT - 30_000_000
    machine.settle()
    assert machine.watcher.last.earliest == BUILT_AT - 30_000_000


def test_a_clock_that_lost_its_time_is_not_believed_until_it_has_caught_up(machine: Machine) -> None:
    """Small corrections back, before it was set, change nothing; afterwards it is a clock like any other."""
    machine.now = 1000
    ready(machine)
    machine.now = 990
    machine.settle()
    assert machine.watcher.last.earliest == BUILT_AT
    machine.now = BUILT_AT + 10
    machine.settle()
    machine.now = BUILT_AT - 10
    machine.settle()
    assert machine.watcher.last.earliest == BUILT_AT - 10


def test_a_snapshot_that_says_an_earlier_time_corrects_the_one_before(machine: Machine) -> None:
    machine.now = BUILT_AT - 30_000_000
    ready(machine)
    assert machine.watcher.last.earliest == BUILT_AT
    put_snapshot(machine.directory, 1, CLASSES, PROFILES, built_at=BUILT_AT - 30_000_000)
    machine.settle()
    assert machine.watcher.last.earliest == BUILT_AT - 30_000_000


def test_withdrawal_and_expiry_need_neither_store_nor_control(machine: Machine, store: ScriptedStore) -> None:
    ready(machine)
    store.write(replace(ORDER, not_after=NOW + 10))
    lasting = OrderChange(ORDER.id + 1, "2", (("lasting.example", Scope.SUBTREE),))
    store.write(lasting)
    machine.settle()
    restarted_alone(machine)
    assert machine.watcher.blocked("banned.example")
    machine.now += 10
    machine.settle()
    assert not machine.watcher.blocked("banned.example")
    assert machine.watcher.blocked("lasting.example")


# --- profiles and orders beyond what a snapshot knows ---


def test_a_profile_that_vanishes_from_the_snapshot_does_not_open_its_lines(
    machine: Machine, store: ScriptedStore
) -> None:
    ready(machine)
    store.write(CHILD)
    machine.settle()
    assert is_filtered(machine)
    put_snapshot(machine.directory, 1, CLASSES, {"teens": profile()}, [("adult.example", ADULT)])
    machine.settle()
    assert machine.node.disk.book.missing() == ("children",)
    assert is_filtered(machine), "its last known rules hold"
    put_snapshot(machine.directory, 2, CLASSES, {"teens": profile("adult")}, [("adult.example", ADULT)])
    restarted_alone(machine)
    assert is_filtered(machine), "without those, whatever any profile asks for"
    assert "lines have profiles that the snapshot does not know" in machine.watcher.notes


def test_a_line_whose_profile_is_newer_than_the_snapshot_is_not_open(
    machine: Machine, store: ScriptedStore
) -> None:
    ready(machine)
    store.write(LineChange(LineChoices(7, opted_in=True, profile="brand-new")))
    machine.settle()
    assert is_filtered(machine)
    assert "lines have profiles that the snapshot does not know" in machine.watcher.notes
    put_snapshot(machine.directory, 1, CLASSES, {**PROFILES, "brand-new": profile()}, [("adult.example", 8)])
    machine.settle()
    assert not is_filtered(machine)


@pytest.mark.ring("merge")
def test_an_overlay_beyond_its_bound_holds_all_the_same(machine: Machine, store: ScriptedStore) -> None:
    ready(machine)
    for number in range(8):
        names = tuple((f"n{number}-{each}.example", Scope.SUBTREE) for each in range(10_000))
        store.write(OrderChange(FIRST_ORDER_ID + 1 + number, str(number), names))
    machine.settle()
    assert machine.node.publisher.overlay_entries == 80_000
    assert machine.watcher.blocked("n0-0.example")
    assert machine.watcher.blocked("www.n7-9999.example")
    restarted_alone(machine)
    assert machine.watcher.blocked("n0-0.example")
    assert machine.watcher.blocked("n7-9999.example")


# --- a key, and a directory, that cannot be used ---


def test_what_was_kept_under_another_key_is_not_taken_for_fingerprints_of_this_one(
    machine: Machine, store: ScriptedStore
) -> None:
    ready(machine)
    store.write(ORDER, CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    machine.node.close()
    machine.store = None
    machine.key = bytes(16)
    machine.put_snapshot(9, key=machine.key)
    node = machine.start()
    assert machine.watcher.last.state is None, "not even open where the snapshot is one of the new key"
    assert [part.damaged for part in node.disk.parts().values()] == [1, 1, 1, 1]
    assert "another key" in node.disk.mandatory.reason


def test_files_of_no_sense_in_the_nodes_directory_make_their_part_missing(machine: Machine) -> None:
    ready(machine)
    machine.node.close()
    node = machine.directory / "node"
    for path in node.glob("*.checkpoint"):
        path.unlink()
        path.mkdir()
    machine.store = None
    started = machine.start()
    assert machine.watcher.last.state is None
    assert {part.damaged for part in started.disk.parts().values()} == {1}
    assert len(started.missing()) == 3


def test_a_pointer_of_no_sense_keeps_the_last_good_snapshot(machine: Machine) -> None:
    ready(machine)
    current = machine.directory / "snapshots" / "current"
    for text in (b"", b"../../etc/passwd\n", b"\xff\xfe", b"nothing.snapshot\n", b"a" * 5000, b"\x00"):
        current.write_bytes(text)
        machine.settle()
        assert machine.node.publisher.snapshot is not None
    Path(current).unlink()
    machine.settle()
    machine.node.close()
    assert machine.start().publisher.snapshot is not None


# --- a change that cannot be applied ---


def test_a_change_that_cannot_be_applied_makes_the_node_late_until_it_can(
    machine: Machine, store: ScriptedStore
) -> None:
    ready(machine)
    assert machine.node.lag() == 0
    store.write(BindingChange("fe80::1%lo/128", 7))
    for _ in range(3):
        machine.node.turn()
        machine.wait(10)
    assert machine.node.lag() >= 30
    assert any("ValueError" in note for note in machine.watcher.notes)
