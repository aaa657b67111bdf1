"""A store of another history, and a damaged log: nothing of it is applied, which is said until it is over."""

from __future__ import annotations

import hashlib
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.disk import checked_file
from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices
from filterd.model.records import OTHER_HISTORY
from filterd.model.rule import Scope
from filterd.policy import snapshot_layout
from filterd.policy.build import MANDATORY_TARGET
from tests.worlds.node import ScriptedStore, make_store
from tests.worlds.node_machine import CHILD, LOOPBACK, ORDER, Machine

LOST = OrderChange(ORDER.id + 1, "2", (("lost.example", Scope.SUBTREE),))
"""accepted after the copy was made"""
AFTERWARDS = OrderChange(ORDER.id + 2, "3", (("afterwards.example", Scope.SUBTREE),))
LATER = OrderChange(ORDER.id + 3, "4", (("later.example", Scope.SUBTREE),))
NOTICED = "change log not followed OtherHistoryError"


def followed(machine: Machine, store: ScriptedStore) -> ScriptedStore:
    """A node that has applied all of a store; returns a copy that was made before the last order."""
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, CHILD, BindingChange("127.0.0.2/32", 7))
    store.hold(ORDER)
    copy = store.copy("copy.db")
    store.write(LOST)
    machine.settle()
    return copy


def assert_stays(machine: Machine, notices: int = 1) -> None:
    """The node has what it had, and says that the store is another one."""
    assert machine.watcher.blocked("banned.example")
    assert machine.watcher.blocked("lost.example")
    assert not machine.watcher.blocked("afterwards.example")
    assert machine.watcher.last.bindings.addresses.find(LOOPBACK) == 7
    assert machine.node.following.other_history
    assert OTHER_HISTORY in machine.node.missing()
    assert machine.watcher.notes.count(NOTICED) == notices


def anew(_: ScriptedStore, path: Path) -> ScriptedStore:
    """One that was begun anew."""
    return ScriptedStore(make_store(path))


def older(copy: ScriptedStore, _: Path) -> ScriptedStore:
    """A copy that was made before."""
    return copy


@pytest.mark.parametrize("later", [0, 1, 9], ids=["behind", "at the revision", "ahead"])
@pytest.mark.parametrize("kind", [anew, older])
def test_another_history_takes_nothing_away_and_is_noticed_whatever_its_revision(
    machine: Machine, store: ScriptedStore, kind: Callable[[ScriptedStore, Path], ScriptedStore],
    later: int, tmp_path: Path,
) -> None:  # fmt: skip
    """The node compared revisions alone: with new writes it went on, and the first of them was skipped."""
    copy = followed(machine, store)
    other = kind(copy, tmp_path / "other.db")
    for _ in range((4 - other.revision if later else 0) + later - bool(later)):
        other.write(AFTERWARDS, LineChange(LineChoices(9)))
    other.take_place_of(store)
    for _ in range(2):
        for _ in range(3):
            machine.node.turn()
            assert_stays(machine)
        machine.wait(5)
        assert machine.node.lag() >= 5
        machine.start()
    machine.node.turn()
    again = ScriptedStore(store.path)
    again.write(AFTERWARDS)
    again.close()
    machine.node.turn()
    assert_stays(machine)


def test_a_copy_written_over_the_store_in_place_is_noticed(machine: Machine, store: ScriptedStore) -> None:
    """The file keeps its identity, and the open connection its pages."""
    copy = followed(machine, store)
    for each in (store, copy):
        each.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        each.close()
    machine.node.turn()
    shutil.copyfile(copy.path, store.path)
    machine.node.turn()
    assert_stays(machine)


def test_the_newest_store_put_back_is_followed_at_once(machine: Machine, store: ScriptedStore) -> None:
    copy = followed(machine, store)
    newest = store.copy("newest.db")
    copy.take_place_of(store)
    machine.node.turn()
    assert_stays(machine)
    newest.write(AFTERWARDS)
    newest.close()
    newest.path.rename(store.path)
    machine.settle()
    assert machine.watcher.blocked("afterwards.example")
    assert machine.node.missing() == []
    assert machine.node.lag() == 0


def test_a_history_that_was_accepted_is_read_anew_and_lost_orders_stay(
    machine: Machine, store: ScriptedStore
) -> None:
    copy = followed(machine, store)
    in_snapshot = [(order.names[0][0], MANDATORY_TARGET + order.id) for order in (ORDER, LOST)]
    machine.put_snapshot(4, in_snapshot)
    machine.settle()
    copy.write(AFTERWARDS)
    copy.hold(AFTERWARDS)
    copy.take_place_of(store)
    machine.node.turn()
    assert_stays(machine)
    machine.node.accept_history()
    machine.node.turn()
    assert not machine.node.following.other_history
    assert machine.node.missing() == ["the lines of the store are being read"]
    machine.settle()
    for name in ("banned.example", "lost.example", "afterwards.example"):
        assert machine.watcher.blocked(name), f"{name}: the snapshot in force is of another history"
    assert [order.reference for order in machine.node.kept_orders()] == ["2"]
    assert machine.node.missing() == []
    assert len(machine.node.disk.known.table) == 0, "the lines are those of the store"
    machine.put_snapshot(2)
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == 2, "whatever its revision"
    for name in ("banned.example", "lost.example", "afterwards.example"):
        assert machine.watcher.blocked(name)
    machine.start()
    machine.settle()
    assert not machine.node.following.other_history
    assert machine.watcher.blocked("lost.example")


def test_another_trouble_does_not_hide_another_history(machine: Machine, store: ScriptedStore) -> None:
    followed(machine, store).take_place_of(store)
    machine.node.turn()
    away = store.path.with_name("away.db")
    store.path.rename(away)
    machine.node.turn()
    assert machine.node.following.other_history
    assert OTHER_HISTORY in machine.node.missing()
    away.rename(store.path)
    machine.node.turn()
    assert_stays(machine, notices=2)


# --- snapshots of another history ---


@pytest.mark.parametrize("restarted", [False, True])
def test_a_snapshot_of_another_history_is_not_put_in_force(
    machine: Machine, store: ScriptedStore, restarted: bool
) -> None:
    """Numbers of orders repeat where the ledger was rolled back with the store: the snapshot of that other
    history has an order of the same number, and other names in it."""
    copy = followed(machine, store)
    before = machine.node.publisher.snapshot
    assert before is not None
    for _ in range(4):
        copy.write(replace(LOST, names=(("instead.example", Scope.SUBTREE),)))
    foreign = (copy.revision, copy.hash)
    machine.node.close()
    copy.take_place_of(store)
    machine.put_snapshot(foreign[0], history=foreign[1])
    if restarted:
        machine.start()
    for _ in range(5):
        machine.node.turn()
        assert machine.watcher.blocked("lost.example")
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == before.built_at_revision
    machine.start()
    machine.node.turn()
    assert machine.node.publisher.snapshot.built_at_revision == before.built_at_revision


def test_a_snapshot_that_cannot_be_taken_back_is_said_once(machine: Machine, store: ScriptedStore) -> None:
    copy = followed(machine, store)
    files = machine.node.snapshot_files
    remembered = files.directory / snapshot_layout.named_in(checked_file.read(files.choice_file))
    for _ in range(4):
        copy.write(replace(LOST, names=(("instead.example", Scope.SUBTREE),)))
    machine.node.close()
    copy.take_place_of(store)
    machine.put_snapshot(copy.revision, history=copy.hash)
    remembered.write_bytes(b"")
    machine.start()
    for _ in range(5):
        machine.node.turn()
    assert sum(note.startswith("snapshot refused") for note in machine.watcher.notes) == 1
    assert machine.watcher.blocked("lost.example")


def test_a_snapshot_of_the_store_that_was_taken_away_again_is_refused(
    machine: Machine, store: ScriptedStore
) -> None:
    followed(machine, store)
    machine.put_snapshot(store.revision + 5, history="ab" * 32)
    machine.settle()
    assert machine.node.snapshot_files.refused == {"history": 1}
    machine.put_snapshot(store.revision, history="ab" * 32)
    machine.settle()
    assert machine.node.snapshot_files.refused == {"history": 2}
    machine.put_snapshot(store.revision, history=store.hash)
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == store.revision


# --- a damaged log ---


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE change SET payload = replace(payload, 'lost', 'lort') WHERE revision = 5",
        "UPDATE change SET at = at + 1 WHERE revision = 5",
        "UPDATE change SET hash = 'x' || substr(hash, 2) WHERE revision = 5",
        "UPDATE change SET hash = 'x' || substr(hash, 2) WHERE revision = 4",
        "DELETE FROM change WHERE revision = 4",
    ],
)
def test_the_full_state_is_read_in_the_place_of_a_damaged_row(
    machine: Machine, store: ScriptedStore, damage: str
) -> None:
    """The orders in the tables have digests of their own: one flipped bit in the log stops none."""
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    for order in (ORDER, LOST, AFTERWARDS):
        store.hold(order)
    store.write(CHILD, BindingChange("127.0.0.2/32", 7), ORDER, CHILD, LOST, AFTERWARDS)
    store.sql(damage)
    machine.settle()
    for name in ("banned.example", "lost.example", "afterwards.example"):
        assert machine.watcher.blocked(name)
    assert "change log damaged" in machine.watcher.notes
    assert machine.node.missing() == []
    assert machine.node.mandatory_cursor.hash == store.hash
    store.write(LATER)
    machine.settle()
    assert machine.watcher.blocked("later.example")


def test_a_head_that_was_altered_is_not_followed(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER)
    machine.settle()
    store.write(LOST)
    store.sql("UPDATE head SET change_hash = 'x' || substr(change_hash, 2)")
    machine.settle()
    assert machine.watcher.blocked("banned.example")
    assert machine.watcher.notes.count("change log not followed ChainBrokenError") == 1
    machine.wait(5)
    assert machine.node.lag() >= 5
    machine.start()
    machine.settle()
    assert machine.node.missing() != []


def test_the_first_change_above_the_floor_is_checked_against_the_floor(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.put_snapshot(0)
    store.write(CHILD)
    store.prune()
    machine.start()
    machine.settle()
    store.write(ORDER)
    machine.settle()
    assert machine.watcher.blocked("banned.example")
    assert machine.node.mandatory_cursor.hash == store.hash
    store.write(LOST)
    store.prune()
    store.write(AFTERWARDS)
    store.hold(ORDER)
    store.hold(LOST)
    store.hold(AFTERWARDS)
    store.sql("UPDATE log_floor SET hash = ?", "ab" * 32)
    machine.settle()
    machine.node.turn()
    assert machine.watcher.blocked("afterwards.example"), "a full resync needs no chain below the head"


# --- journals that have no hashes yet ---


def to_first_version(path: Path, key: bytes) -> None:
    """Rewrite a part as filterd kept it before changes had hashes."""
    data = path.with_suffix(".checkpoint").read_bytes()
    _, revision, _, length, _ = struct.unpack_from("<8sQ32sQ32s", data)
    body = data[88:]
    digest = hashlib.sha256(key + struct.pack("<QQ", revision, length) + body).digest()
    path.with_suffix(".checkpoint").write_bytes(
        struct.pack("<8sQQ32s", b"FLTRDCK1", revision, length, digest) + body
    )
    log, at = path.with_suffix(".log").read_bytes(), 28
    records = b""
    while at < len(log):
        size, revision, _, _ = struct.unpack_from("<IQ32sI", log, at)
        payload = log[at + 48 : at + 48 + size]
        head = struct.pack("<IQ", size, revision)
        records += head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload
        at += 48 + size
    counts = log[8:16] + struct.pack("<Q", 28 + len(records))
    path.with_suffix(".log").write_bytes(
        b"FLTRDLG1" + counts + struct.pack("<I", zlib.crc32(counts)) + records
    )


def test_a_node_of_the_first_version_serves_what_it_has_and_reads_everything_anew(
    machine: Machine, store: ScriptedStore
) -> None:
    followed(machine, store).close()
    machine.node.close()
    for name in ("mandatory", "parental", "bindings"):
        to_first_version(machine.directory / "node" / name, machine.key)
    path, machine.store = machine.store, None
    machine.start()
    machine.settle()
    assert machine.watcher.blocked("lost.example")
    assert machine.watcher.last.bindings.addresses.find(LOOPBACK) == 7
    assert machine.node.mandatory_cursor.hash == ""
    machine.store = path
    machine.start()
    machine.settle()
    assert [order.reference for order in machine.node.kept_orders()] == ["2"], "the tables lack it"
    assert machine.watcher.blocked("lost.example")
    assert machine.node.mandatory_cursor.hash == store.hash
    assert machine.node.parental_cursor.hash == store.hash
    assert machine.node.missing() == []
