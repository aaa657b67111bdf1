"""``audit verify`` goes on from the entry that was verified last, and notices a trail that is another one."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from filterd.model.audit_chain import AuditEntry, entry_hash
from filterd.operations import audit, subscribers
from filterd.operations.context import Context
from filterd.store import change_log, verified_trail
from filterd.store.verified_trail import VerifiedTrail
from tests.worlds.installation import NOW, Installation


async def _fill(context: Context, first: int, count: int) -> None:
    for number in range(first, first + count):
        await subscribers.add(context, f"home-{number}")


def _change(path: Path, sql: str, values: Sequence[object] = ()) -> None:
    """Change the store by hand, as no command does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


@contextmanager
def _counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sequences of the entries that proofs read."""
    read: list[int] = []
    real = change_log.entries

    async def entries(connection: object, **limits: int) -> object:
        found = await real(connection, **limits)  # type: ignore[arg-type]  # only handed on
        read.extend(each.sequence for each in found)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(change_log, "entries", entries)
        yield read


async def test_it_goes_on_behind_the_entry_that_was_verified_last(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        await _fill(context, 0, 5)
        first = await audit.verify_on(context)
        assert (first.start, first.proof.entries, first.because, first.whole_at) == (0, 5, "", NOW)
        await _fill(context, 5, 2)
        installation.now += 60
        with _counted(monkeypatch) as read:
            second = await audit.verify_on(context)
        assert (second.start, second.proof.entries, second.proof.holds) == (5, 7, True)
        assert (second.whole_at, min(read)) == (NOW, 5), "the entry itself is looked at again"
        with _counted(monkeypatch) as read:
            third = await audit.verify_on(context, whole=True)
        assert (third.start, third.whole_at, min(read)) == (0, NOW + 60, 1)
        noted = verified_trail.noted(context.store.ledger)
        assert noted == VerifiedTrail(7, third.proof.last_hash, NOW + 60, NOW + 60)
        with _counted(monkeypatch) as read:
            assert (await audit.verify(context)).holds
        assert min(read) == 1, "restores, backups and packs prove the whole trail"


async def test_a_fault_behind_the_entry_is_found_at_once_and_one_before_it_by_whole(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await _fill(context, 0, 3)
        await audit.verify_on(context)
        await _fill(context, 3, 2)
    _change(installation.database, "UPDATE audit SET reason = 'other' WHERE sequence = 5")
    async with installation.open() as context:
        found = await audit.verify_on(context)
        assert (found.start, found.proof.sequence, found.proof.fault) == (3, 5, "the entry was altered")
        noted = verified_trail.noted(context.store.ledger)
        assert noted is not None
        assert noted.sequence == 3
    _change(installation.database, "UPDATE audit SET reason = '' WHERE sequence = 5")
    _change(installation.database, "UPDATE audit SET reason = 'other' WHERE sequence = 1")
    async with installation.open() as context:
        assert (await audit.verify_on(context)).proof.holds
        whole = await audit.verify_on(context, whole=True)
        assert (whole.proof.sequence, whole.proof.fault) == (1, "the entry was altered")


async def test_the_entry_itself_is_proved_again(installation: Installation) -> None:
    async with installation.open() as context:
        await _fill(context, 0, 3)
        await audit.verify_on(context)
    _change(installation.database, "UPDATE audit SET reason = 'other' WHERE sequence = 3")
    async with installation.open() as context:
        found = await audit.verify_on(context)
    assert (found.start, found.proof.sequence, found.proof.fault) == (3, 3, "the entry was altered")


async def test_a_history_that_was_rewritten_is_verified_whole_and_stays_noticed(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await _fill(context, 0, 4)
        await audit.verify_on(context)
        verified = verified_trail.noted(context.store.ledger)
    _rewrite(installation.database, 2, "made up")
    async with installation.open() as context:
        assert (await audit.verify(context)).holds, "the chain alone does not tell"
        for whole in (False, True, False):
            found = await audit.verify_on(context, whole=whole)
            assert (found.start, found.proof.holds) == (0, True)
            assert found.unlike == "entry 4 is not the one that was verified at 2027-01-15T08:00:00Z"
        assert verified_trail.noted(context.store.ledger) == verified


async def test_a_store_set_back_is_verified_whole(installation: Installation, tmp_path: Path) -> None:
    async with installation.open() as context:
        await _fill(context, 0, 2)
    shutil.copy(installation.database, tmp_path / "old.db")
    async with installation.open() as context:
        await _fill(context, 2, 2)
        await audit.verify_on(context)
    for suffix in ("-wal", "-shm"):
        Path(f"{installation.database}{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", installation.database)
    async with installation.open() as context:
        found = await audit.verify_on(context)
        assert (found.start, found.proof.entries) == (0, 2)
        assert found.unlike.startswith("entry 4, verified at ")
        assert found.unlike.endswith(" is not in the store any more")
        context.store.ledger.settle_restored(await context.store.head(), (), 0)  # as a restore does
        again = await audit.verify_on(context)
        assert (again.start, again.because, again.unlike) == (0, "", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"sequence":3', b'"sequence":2'), (b"file 1 ", b"file 2 "), (b"\n", b""), (b"{", b"")],
)
async def test_a_damaged_note_is_replaced(installation: Installation, old: bytes, new: bytes) -> None:
    async with installation.open() as context:
        await _fill(context, 0, 3)
        await audit.verify_on(context)
        path = verified_trail.path_of(context.store.ledger)
        path.write_bytes(path.read_bytes().replace(old, new, 1))
        found = await audit.verify_on(context)
        assert (found.start, found.proof.entries, found.unlike) == (0, 3, "")
        assert str(path) in found.because
        assert (await audit.verify_on(context)).start == 3


async def test_a_note_that_cannot_be_written_is_said(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with installation.open() as context:
        await _fill(context, 0, 3)
        monkeypatch.setattr(verified_trail, "note", full)
        found = await audit.verify_on(context)
    assert found.proof.holds
    assert found.remark.endswith("No space left on device")


async def test_nothing_is_noted_of_an_empty_trail(installation: Installation) -> None:
    async with installation.open() as context:
        found = await audit.verify_on(context)
        assert (found.start, found.proof.entries, found.proof.holds) == (0, 0, True)
        assert verified_trail.noted(context.store.ledger) is None


def _rewrite(path: Path, sequence: int, reason: str) -> None:
    """Write another reason into an entry, and make every hash from there on fit."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM audit WHERE sequence >= ? ORDER BY sequence", (sequence,))
        previous = ""
        for row in rows.fetchall():
            previous = previous or row["previous_hash"]
            entry = AuditEntry(
                row["revision"],
                row["at"],
                row["actor"],
                row["action"],
                row["subject"],
                reason if row["sequence"] == sequence else row["reason"],
                json.loads(row["before"] or "null"),
                json.loads(row["after"] or "null"),
            )
            made = entry_hash(previous, entry, row["salt"])
            connection.execute(
                "UPDATE audit SET reason = ?, previous_hash = ?, hash = ? WHERE sequence = ?",
                (entry.reason, previous, made, row["sequence"]),
            )
            previous = made
        connection.execute("UPDATE head SET audit_hash = ?", (previous,))
