"""The journal's promises at their edges: one writer at a time, no file left open, exact lengths."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from filterd.dataplane.nodestate import node_disk
from filterd.dataplane.nodestate.changes import ChangeLog
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.disk import files
from filterd.disk import journal as journal_module
from filterd.disk.files import Chunk
from filterd.disk.journal import Journal, JournalDamagedError
from filterd.model.change_chain import Cursor
from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Scope
from filterd.policy.classes import Classes
from filterd.policy.policy_book import PolicyBook
from tests.worlds.cursors import at
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import Machine

FRESH_LOG = 28
"""bytes of a log without a record: magic, base, sealed length, check sum"""


def open_files(directory: Path) -> list[str]:
    """The files below a directory that this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = link.readlink()
        except OSError:
            continue
        if directory in target.parents:
            found.append(target.name)
    return sorted(found)


@contextmanager
def writers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the writers of checkpoints do, in its order. The first gives a second one time to come."""
    steps: list[str] = []
    second = threading.Event()

    def replace(path: Path, chunks: Iterable[Chunk]) -> None:
        if path.suffix != ".checkpoint":
            files.replace_file(path, chunks)
            return
        if steps:
            second.set()
        steps.append("begins")
        second.wait(0.3)
        files.replace_file(path, chunks)
        steps.append("ends")

    with monkeypatch.context() as patched:
        patched.setattr(journal_module, "replace_file", replace)
        yield steps


def test_a_second_checkpoint_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time would write over each other's new file."""
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"zero")
    with writers(monkeypatch) as steps:
        journal.begin(at(2), b"first")
        journal.begin(at(3), b"second")
        journal.close()
    assert steps == ["begins", "ends", "begins", "ends"]
    loaded = journal.load()
    assert (loaded.cursor.revision, bytes(loaded.body)) == (3, b"second")
    journal.close()


def test_a_checkpoint_is_written_and_taken_over_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "part")
    with writers(monkeypatch) as steps:
        journal.checkpoint(at(1), b"body", b"!")
        assert steps == ["begins", "ends"]
    assert journal.is_open
    assert (journal.checkpoint_size, journal.log_size) == (5, FRESH_LOG)
    assert journal.settle(), "nothing is under way any more"
    journal.close()


def test_sizes_are_those_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"")
    journal.append(at(2), b"payload")
    assert journal.log_size == FRESH_LOG + 48 + 7 == journal.log_path.stat().st_size
    again = Journal(tmp_path, "part")
    journal.close()
    assert [record.payload for record in again.load().records] == [b"payload"]
    assert (again.log_size, again.checkpoint_size) == (FRESH_LOG + 48 + 7, 0)
    again.close()


def test_records_of_the_checkpoints_own_revision_are_in_it_and_later_ones_are_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(5), b"old")
    for revision in (6, 7, 8):
        journal.append(at(revision), b"%d" % revision)
    log = journal.log_path.read_bytes()
    journal.checkpoint(at(7), b"new")
    journal.close()
    journal.log_path.write_bytes(log)
    assert [record.cursor.revision for record in journal.load().records] == [8]
    journal.close()


def test_a_log_behind_its_checkpoint_is_damage_and_one_of_its_own_base_is_not(tmp_path: Path) -> None:
    newer, older = Journal(tmp_path, "newer"), Journal(tmp_path, "older")
    newer.checkpoint(at(6), b"")
    older.checkpoint(at(5), b"")
    older.close()
    newer.close()
    older.log_path.write_bytes(newer.log_path.read_bytes())
    with pytest.raises(JournalDamagedError, match="does not belong"):
        older.load()
    assert newer.load().records == ()
    newer.close()


def test_another_key_is_damage(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "part", b"k" * 16)
    journal.checkpoint(at(1), b"body")
    journal.close()
    with pytest.raises(JournalDamagedError, match="another key"):
        Journal(tmp_path, "part", b"l" * 16).load()


def test_an_empty_body_and_an_empty_payload_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(0))
    journal.append(at(1), b"")
    journal.append(at(2), b"x")
    journal.close()
    loaded = journal.load()
    assert [(record.cursor.revision, record.payload) for record in loaded.records] == [(1, b""), (2, b"x")]
    assert (loaded.cursor.revision, bytes(loaded.body), loaded.cut) == (0, b"", 0)
    journal.close()


def test_a_file_cut_to_its_head_says_what_is_wrong(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"")
    journal.close()
    checkpoint, log = journal.checkpoint_path.read_bytes(), journal.log_path.read_bytes()
    assert (len(checkpoint), len(log)) == (88, FRESH_LOG)
    for path, whole in ((journal.checkpoint_path, checkpoint), (journal.log_path, log)):
        path.write_bytes(whole[:-1])
        with pytest.raises(JournalDamagedError, match="shorter than its header"):
            journal.load()
        path.write_bytes(whole)
    journal.load()
    journal.close()


def test_a_failed_append_closes_the_log_until_it_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"")
    size = journal.log_size
    with monkeypatch.context() as patched, pytest.raises(OSError, match="full"):
        patched.setattr("os.fdatasync", Mock(side_effect=OSError(28, "full")))
        journal.append(at(2), b"x")
    assert (journal.is_open, journal.log_size) == (False, size)
    assert open_files(tmp_path) == []
    assert journal.load().records == ()
    assert journal.is_open
    journal.close()


def test_a_log_that_cannot_be_opened_for_writing_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"body")
    journal.close()
    with monkeypatch.context() as patched:
        patched.setattr("os.ftruncate", Mock(side_effect=OSError(30, "read-only")))
        assert bytes(journal.load().body) == b"body"
    assert not journal.is_open
    assert open_files(tmp_path) == []


def test_short_writes_and_reads_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = os.pwrite, os.pread
    journal = Journal(tmp_path, "part")
    journal.checkpoint(at(1), b"")
    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", lambda file, data, offset: write(file, bytes(data)[:3], offset))
        patched.setattr("os.pread", lambda file, length, offset: read(file, min(length, 3), offset))
        journal.begin(at(1), b"")
        journal.append(at(2), b"a payload")
        journal.append(at(3), b"another")
        while not journal.settle():
            pass
    journal.close()
    assert [record.payload for record in journal.load().records] == [b"a payload", b"another"]
    journal.close()


def made_disk(directory: Path) -> NodeDisk:
    """A disk that has all parts."""
    disk = NodeDisk(directory, bytes(16))
    for part in disk.parts().values():
        part.journal.checkpoint(at(1), b"{}")
    return disk


def test_a_disk_that_is_closed_has_no_file_open(tmp_path: Path) -> None:
    disk = made_disk(tmp_path / "node")
    assert open_files(tmp_path) == ["bindings.log", "liftings.log", "mandatory.log", "parental.log"]
    disk.close()
    assert open_files(tmp_path) == []


def test_a_node_that_is_closed_has_no_file_open(tmp_path: Path, store: ScriptedStore) -> None:
    machine = Machine(tmp_path / "state", store.path)
    machine.directory.mkdir()
    machine.put_snapshot(0)
    store.write(
        LineChange(LineChoices(7)), OrderChange(FIRST_ORDER_ID + 1, "1", (("a.example", Scope.EXACT),))
    )
    node = machine.start()
    machine.settle()
    opened = [name for name in open_files(tmp_path) if name.endswith((".log", ".checkpoint"))]
    assert opened == ["bindings.log", "liftings.log", "mandatory.log", "parental.log"]
    before = set(open_files(machine.directory)) | {name for name in open_files(tmp_path) if "db" in name}
    node.close()
    assert before
    assert open_files(machine.directory) == []


def test_a_node_that_has_run_closes_its_files(tmp_path: Path, store: ScriptedStore) -> None:
    machine = Machine(tmp_path / "state", store.path)
    machine.directory.mkdir()
    machine.put_snapshot(0)
    store.write(LineChange(LineChoices(7)))
    node = machine.start()
    machine.settle()
    node.stop()
    node.run()
    assert open_files(machine.directory) == []


def test_a_change_log_that_is_closed_has_let_go_of_the_store(
    store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*words: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*words, **options))
        return opened[-1]

    monkeypatch.setattr("sqlite3.connect", connected)
    log = ChangeLog(store.path)
    assert log.changed()
    assert not log.changed()
    log.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
    assert log.changed(), "always on a new connection"
    log.forget()
    assert log.changed()
    assert len(opened) == 2
    log.close()


def test_a_log_is_folded_once_it_is_longer_than_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_disk, "LOG_LIMIT", FRESH_LOG + 52)
    disk = NodeDisk(tmp_path / "node", bytes(16))
    disk.load(PolicyBook({}, Classes()))
    disk.replace_orders(at(1), [], 0.0)
    begun: list[int] = []
    begin = Journal.begin

    def noted(journal: Journal, cursor: Cursor, *body: Chunk) -> None:
        begun.append(cursor.revision)
        begin(journal, cursor, *body)

    monkeypatch.setattr(Journal, "begin", noted)
    journal = disk.mandatory.journal
    journal.append(at(2), b"1234")
    assert journal.log_size == node_disk.LOG_LIMIT
    disk.mandatory.cursor = at(2)
    disk.add_orders(at(3), [], 0.0)
    assert begun == [], "as long as it may be"
    disk.add_orders(at(4), [], 0.0)
    assert begun == [3], "what is in memory before the new batch"
    disk.close()


def test_bindings_and_lines_stand_at_one_revision(tmp_path: Path, store: ScriptedStore) -> None:
    """The parental part has the revision of both halves, and none while one is missing."""
    machine = Machine(tmp_path / "state", store.path)
    machine.directory.mkdir()
    machine.put_snapshot(0)
    node = machine.start()
    machine.settle()
    revision = store.write(LineChange(LineChoices(7)), BindingChange("127.0.0.2/32", 7))
    machine.settle()
    assert node.parental_cursor.revision == revision
    for part in (node.disk.bindings, node.disk.lines):
        kept, part.cursor = part.cursor, None
        assert node.disk.parental_cursor is None
        part.cursor = kept
    node.close()
