"""The journal: what was sealed comes back, a torn tail is cut, anything altered is damage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import Mock

import pytest

from filterd.disk import files
from filterd.disk import journal as journal_module
from filterd.disk.files import Chunk
from filterd.disk.journal import Journal, JournalDamagedError, JournalRecord


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path, "mandatory")
    made.checkpoint(7, b"bo", b"dy")
    made.append(8, b"eight")
    made.append(11, b"eleven")
    made.close()
    return made


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Checkpoints are written only once it is set."""
    go = threading.Event()

    def replace(path: Path, chunks: Iterable[Chunk]) -> None:
        if path.suffix == ".checkpoint":
            go.wait()
        files.replace_file(path, chunks)

    monkeypatch.setattr(journal_module, "replace_file", replace)
    return go


def test_comes_back_as_written(journal: Journal) -> None:
    loaded = journal.load()
    assert (loaded.revision, bytes(loaded.body), loaded.cut) == (7, b"body", 0)
    assert loaded.records == (JournalRecord(8, b"eight"), JournalRecord(11, b"eleven"))
    journal.close()


def test_a_new_checkpoint_empties_the_log(journal: Journal) -> None:
    journal.load()
    journal.checkpoint(11, b"all")
    journal.append(12, b"twelve")
    journal.close()
    loaded = journal.load()
    assert (loaded.revision, bytes(loaded.body), loaded.records) == (
        11,
        b"all",
        (JournalRecord(12, b"twelve"),),
    )
    journal.close()


def test_a_log_older_than_its_checkpoint_is_passed_over(journal: Journal, tmp_path: Path) -> None:
    old_log = journal.log_path.read_bytes()
    journal.checkpoint(8, b"new")
    journal.close()
    journal.log_path.write_bytes(old_log)  # the crash fell between the two renames
    assert journal.load().records == (JournalRecord(11, b"eleven"),)
    journal.close()


def test_batches_go_on_while_a_checkpoint_is_written(journal: Journal, held_up: threading.Event) -> None:
    journal.load()
    journal.begin(11, b"all")
    journal.append(12, b"twelve")
    assert not journal.settle()
    held_up.set()
    while not journal.settle():
        time.sleep(0.001)
    journal.append(13, b"thirteen")
    journal.close()
    loaded = journal.load()
    assert (loaded.revision, bytes(loaded.body)) == (11, b"all")
    assert loaded.records == (JournalRecord(12, b"twelve"), JournalRecord(13, b"thirteen"))
    assert b"eleven" not in journal.log_path.read_bytes()
    journal.close()


def test_a_checkpoint_that_nobody_took_over_counts_all_the_same(
    journal: Journal, held_up: threading.Event
) -> None:
    journal.load()
    journal.begin(11, b"all")
    journal.append(12, b"twelve")
    held_up.set()
    journal.close()
    loaded = journal.load()
    assert (loaded.revision, bytes(loaded.body), loaded.records) == (
        11,
        b"all",
        (JournalRecord(12, b"twelve"),),
    )
    journal.append(13, b"thirteen")
    journal.close()


def test_a_log_that_failed_meanwhile_is_not_thrown_away(
    journal: Journal, held_up: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.load()
    journal.begin(11, b"all")
    journal.append(12, b"twelve")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="full"):
        patched.setattr(journal_module, "write_at", Mock(side_effect=OSError(28, "full")))
        journal.append(13, b"thirteen")
    held_up.set()
    while not journal.settle():
        time.sleep(0.001)
    assert not journal.is_open
    assert journal.load().records == (JournalRecord(12, b"twelve"),)
    journal.close()


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(journal: Journal) -> None:
    journal.load()
    journal.checkpoint_path.with_name(".mandatory.checkpoint.new").mkdir()
    journal.begin(11, b"all")
    with pytest.raises(IsADirectoryError):
        while not journal.settle():
            time.sleep(0.001)
    assert journal.settle()
    journal.append(12, b"twelve")
    journal.close()
    loaded = journal.load()
    assert (loaded.revision, [record.revision for record in loaded.records]) == (7, [8, 11, 12])
    journal.close()


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 64, b"torn", bytes(range(200))])
def test_a_torn_tail_is_cut_and_appending_goes_on(journal: Journal, tail: bytes) -> None:
    with journal.log_path.open("ab") as file:
        file.write(tail)
    loaded = journal.load()
    assert loaded.cut == len(tail)
    assert len(loaded.records) == 2
    journal.append(12, b"twelve")
    journal.close()
    assert journal.load().records[-1] == JournalRecord(12, b"twelve")
    journal.close()


@pytest.mark.parametrize("part", ["checkpoint_path", "log_path"])
def test_every_altered_byte_is_damage(journal: Journal, part: str) -> None:
    path: Path = getattr(journal, part)
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x20]) + good[position + 1 :])
        with pytest.raises(JournalDamagedError):
            journal.load()


@pytest.mark.parametrize("part", ["checkpoint_path", "log_path"])
def test_every_truncation_of_what_was_sealed_is_damage(journal: Journal, part: str) -> None:
    path: Path = getattr(journal, part)
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(JournalDamagedError):
            journal.load()


@pytest.mark.parametrize("part", ["checkpoint_path", "log_path"])
def test_a_missing_file_is_damage(journal: Journal, part: str) -> None:
    getattr(journal, part).unlink()
    assert journal.exists()
    with pytest.raises(JournalDamagedError, match="cannot read"):
        journal.load()


def test_appending_to_a_closed_log_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "parental")
    assert not journal.exists()
    with pytest.raises(OSError, match="not open"):
        journal.append(1, b"x")
