"""The journal: what was sealed comes back, a torn tail is cut, anything altered is damage."""

from __future__ import annotations

import hashlib
import struct
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import Mock

import pytest

from filterd.disk import files
from filterd.disk import journal as journal_module
from filterd.disk.files import Chunk
from filterd.disk.journal import Journal, JournalDamagedError, JournalRecord
from filterd.model.change_chain import Cursor
from tests.worlds.cursors import at


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path, "mandatory")
    made.checkpoint(at(7), b"bo", b"dy")
    made.append(at(8), b"eight")
    made.append(at(11), b"eleven")
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
    assert (loaded.cursor, bytes(loaded.body), loaded.cut) == (at(7), b"body", 0)
    assert loaded.records == (JournalRecord(at(8), b"eight"), JournalRecord(at(11), b"eleven"))
    journal.close()


def test_a_new_checkpoint_empties_the_log(journal: Journal) -> None:
    journal.load()
    journal.checkpoint(at(11), b"all")
    journal.append(at(12), b"twelve")
    journal.close()
    loaded = journal.load()
    assert (loaded.cursor, bytes(loaded.body), loaded.records) == (
        at(11),
        b"all",
        (JournalRecord(at(12), b"twelve"),),
    )
    journal.close()


def test_a_log_older_than_its_checkpoint_is_passed_over(journal: Journal, tmp_path: Path) -> None:
    old_log = journal.log_path.read_bytes()
    journal.checkpoint(at(8), b"new")
    journal.close()
    journal.log_path.write_bytes(old_log)  # the crash fell between the two renames
    assert journal.load().records == (JournalRecord(at(11), b"eleven"),)
    journal.close()


def test_batches_go_on_while_a_checkpoint_is_written(journal: Journal, held_up: threading.Event) -> None:
    journal.load()
    journal.begin(at(11), b"all")
    journal.append(at(12), b"twelve")
    assert not journal.settle()
    held_up.set()
    while not journal.settle():
        time.sleep(0.001)
    journal.append(at(13), b"thirteen")
    journal.close()
    loaded = journal.load()
    assert (loaded.cursor, bytes(loaded.body)) == (at(11), b"all")
    assert loaded.records == (JournalRecord(at(12), b"twelve"), JournalRecord(at(13), b"thirteen"))
    assert b"eleven" not in journal.log_path.read_bytes()
    journal.close()


def test_a_checkpoint_that_nobody_took_over_counts_all_the_same(
    journal: Journal, held_up: threading.Event
) -> None:
    journal.load()
    journal.begin(at(11), b"all")
    journal.append(at(12), b"twelve")
    held_up.set()
    journal.close()
    loaded = journal.load()
    assert (loaded.cursor, bytes(loaded.body), loaded.records) == (
        at(11),
        b"all",
        (JournalRecord(at(12), b"twelve"),),
    )
    journal.append(at(13), b"thirteen")
    journal.close()


def test_a_log_that_failed_meanwhile_is_not_thrown_away(
    journal: Journal, held_up: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.load()
    journal.begin(at(11), b"all")
    journal.append(at(12), b"twelve")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="full"):
        patched.setattr(journal_module, "write_at", Mock(side_effect=OSError(28, "full")))
        journal.append(at(13), b"thirteen")
    held_up.set()
    while not journal.settle():
        time.sleep(0.001)
    assert not journal.is_open
    assert journal.load().records == (JournalRecord(at(12), b"twelve"),)
    journal.close()


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(journal: Journal) -> None:
    journal.load()
    journal.checkpoint_path.with_name(".mandatory.checkpoint.new").mkdir()
    journal.begin(at(11), b"all")
    with pytest.raises(IsADirectoryError):
        while not journal.settle():
            time.sleep(0.001)
    assert journal.settle()
    journal.append(at(12), b"twelve")
    journal.close()
    loaded = journal.load()
    assert (loaded.cursor.revision, [record.cursor.revision for record in loaded.records]) == (7, [8, 11, 12])
    journal.close()


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 64, b"torn", bytes(range(200))])
def test_a_torn_tail_is_cut_and_appending_goes_on(journal: Journal, tail: bytes) -> None:
    with journal.log_path.open("ab") as file:
        file.write(tail)
    loaded = journal.load()
    assert loaded.cut == len(tail)
    assert len(loaded.records) == 2
    journal.append(at(12), b"twelve")
    journal.close()
    assert journal.load().records[-1] == JournalRecord(at(12), b"twelve")
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
        journal.append(at(1), b"x")


def write_first_version(journal: Journal, key: bytes = b"") -> None:
    """The files as filterd wrote them before changes had hashes: a checkpoint at 7, records at 8 and 11."""
    body = b"body"
    digest = hashlib.sha256(key + struct.pack("<QQ", 7, len(body)) + body).digest()
    journal.checkpoint_path.write_bytes(struct.pack("<8sQQ32s", b"FLTRDCK1", 7, len(body), digest) + body)
    records = b""
    for revision, payload in ((8, b"eight"), (11, b"eleven")):
        head = struct.pack("<IQ", len(payload), revision)
        records += head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload
    counts = struct.pack("<QQ", 7, 28 + len(records))
    journal.log_path.write_bytes(b"FLTRDLG1" + counts + struct.pack("<I", zlib.crc32(counts)) + records)


def test_the_first_version_is_read_without_hashes_and_replaced_by_the_next_checkpoint(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mandatory", b"key")
    write_first_version(journal, b"key")
    loaded = journal.load()
    assert (loaded.cursor, bytes(loaded.body)) == (Cursor(7, ""), b"body")
    assert loaded.records == (
        JournalRecord(Cursor(8, ""), b"eight"),
        JournalRecord(Cursor(11, ""), b"eleven"),
    )
    assert (journal.outdated, journal.is_open) == (True, False)
    with pytest.raises(OSError, match="not open"):
        journal.append(at(12), b"twelve")
    journal.checkpoint(at(12), b"all")
    assert not journal.outdated
    journal.append(at(13), b"thirteen")
    journal.close()
    loaded = journal.load()
    assert (loaded.cursor, bytes(loaded.body)) == (at(12), b"all")
    assert loaded.records == (JournalRecord(at(13), b"thirteen"),)
    journal.close()


def test_a_log_of_the_first_version_behind_a_checkpoint_of_the_second_is_passed_over(tmp_path: Path) -> None:
    """As a crash between the two renames of an upgrade leaves them."""
    journal = Journal(tmp_path, "mandatory")
    write_first_version(journal)
    old = journal.log_path.read_bytes()
    journal.checkpoint(at(11), b"all")
    journal.close()
    journal.log_path.write_bytes(old)
    loaded = journal.load()
    assert (loaded.cursor, loaded.records, loaded.newest) == (at(11), (), at(11))
    journal.close()


@pytest.mark.parametrize("part", ["checkpoint_path", "log_path"])
def test_every_altered_byte_of_the_first_version_is_damage(tmp_path: Path, part: str) -> None:
    journal = Journal(tmp_path, "mandatory")
    write_first_version(journal)
    path: Path = getattr(journal, part)
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x20]) + good[position + 1 :])
        with pytest.raises(JournalDamagedError):
            journal.load()


@pytest.mark.parametrize("part", ["checkpoint_path", "log_path"])
def test_a_directory_in_the_place_of_a_file_is_damage_and_set_aside_by_the_next_checkpoint(
    journal: Journal, part: str
) -> None:
    path: Path = getattr(journal, part)
    aside = path.with_name(f"{path.name}.damaged-1")
    aside.touch()
    path.unlink()
    path.mkdir()
    (path / "lost").touch()
    with pytest.raises(JournalDamagedError, match="Is a directory"):
        journal.load()
    journal.checkpoint(at(12), b"anew")
    assert journal.is_open
    journal.close()
    assert journal.load().cursor == at(12)
    journal.close()
    assert [each.name for each in path.with_name(f"{path.name}.damaged-2").iterdir()] == ["lost"]


def test_a_batch_is_not_written_into_a_file_that_has_lost_its_name(journal: Journal) -> None:
    journal.load()
    journal.log_path.rename(journal.log_path.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError):
        journal.append(at(12), b"twelve")
    journal.log_path.write_bytes(b"another")
    assert not journal.is_open
    with pytest.raises(JournalDamagedError):
        journal.load()


def test_an_error_names_the_file(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.load()
    monkeypatch.setattr("os.pwrite", Mock(side_effect=OSError(28, "full")))
    with pytest.raises(OSError, match="full") as caught:
        journal.append(at(12), b"twelve")
    assert caught.value.filename == str(journal.log_path)
