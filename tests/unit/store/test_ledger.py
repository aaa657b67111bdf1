"""The ledger: what a crash leaves on record, and which stores it lets be written."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from filterd.model.change_chain import change_hash
from filterd.store import change_log, ledger, recording
from filterd.store.engine import database_path
from filterd.store.errors import LedgerUnusableError, StoreRolledBackError
from filterd.store.ledger import (
    OPT_OUT,
    SERIALS,
    WITHDRAWAL,
    Ended,
    Ledger,
    LedgerDamagedError,
    Serial,
    StoreHead,
)
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside

NOW = 1_800_000_000.0
FIRST, SECOND, THIRD = (StoreHead(number, f"{number:064x}", 1, 1) for number in (1, 2, 3))


async def write(store: Store, times: int = 1, *, ended: tuple[tuple[str, int], ...] = ()) -> None:
    for _ in range(times):
        async with store.write("ana", NOW) as made:
            for kind, number in ended:
                made.end(kind, number)
            made.audit("looked", "order:O-1")


async def reopened(store: Store, url: str, change: Callable[[Path], object]) -> Store:
    """The store after ``change`` was done to its closed file."""
    await store.close()
    change(database_path(url))
    return await Store.open(url, ledger_beside(url))


def test_a_torn_head_leaves_the_one_before(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "ledger")
    assert made.noted() is None
    made.settle(FIRST)
    made.intend(FIRST, SECOND)
    path = tmp_path / "ledger" / ledger.HEAD
    whole = path.read_bytes()
    noted = made.noted()
    assert noted is not None
    assert (noted.committed, noted.newest) == (FIRST, SECOND)
    for length in range(ledger.SLOT):
        path.write_bytes(whole[: ledger.SLOT] + whole[ledger.SLOT : ledger.SLOT + length] + bytes(9))
        torn = made.noted()
        assert torn is not None
        assert torn.newest in (FIRST, SECOND)
    path.write_bytes(bytes(2 * ledger.SLOT))
    with pytest.raises(LedgerDamagedError, match="checksums"):
        made.noted()


def test_what_was_ended_and_never_committed_is_left_out(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "ledger")
    made.intend(FIRST, SECOND, [Ended(2, SECOND.hash, OPT_OUT, 7)])
    noted = made.noted()
    assert noted is not None
    made.discard(noted)
    other = StoreHead(2, "ff" * 32, 1, 1)
    made.intend(FIRST, other, [Ended(2, other.hash, WITHDRAWAL, 8)])
    made.settle(other)
    made.intend(other, THIRD, [Ended(3, THIRD.hash, OPT_OUT, 9)])
    assert made.endings(but_of=THIRD) == (Ended(2, other.hash, WITHDRAWAL, 8),)
    made.settle(THIRD)
    assert [each.number for each in made.endings()] == [8, 9]


def test_a_torn_entry_goes_and_an_altered_one_is_damage(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "ledger")
    made.intend(FIRST, SECOND, [Ended(2, SECOND.hash, OPT_OUT, 7)])
    path = tmp_path / "ledger" / ledger.ENDED
    path.write_bytes(path.read_bytes() + b"0123 {torn")
    made.intend(SECOND, THIRD, [Ended(3, THIRD.hash, OPT_OUT, 9)])
    made.settle(THIRD)
    assert [each.number for each in made.endings()] == [7, 9]
    path.write_bytes(path.read_bytes().replace(b'"number":7', b'"number":8'))
    with pytest.raises(LedgerDamagedError, match="line 1"):
        made.endings()


@pytest.mark.parametrize("cut", [0, 0.5, 1], ids=["emptied", "cut", "removed"])
def test_endings_that_were_lost_stay_on_record_as_lost(tmp_path: Path, cut: float) -> None:
    """The next write notes the new size of the file, and must not cover up by that what is missing."""
    made = Ledger(tmp_path / "ledger")
    made.intend(FIRST, SECOND, [Ended(2, SECOND.hash, OPT_OUT, 7)])
    made.settle(SECOND)
    assert (made.noted() or pytest.fail()).missing_to == 1, "what this store ended before is not known"
    (tmp_path / "ledger" / ledger.HEAD).unlink()
    made.settle(StoreHead(0, "", 1, 1))
    made.settle_restored(SECOND, made.endings(), 0)
    assert (made.noted() or pytest.fail()).missing_to == 0
    path = tmp_path / "ledger" / ledger.ENDED
    whole = path.read_bytes()
    if cut == 1:
        path.unlink()
    else:
        path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(LedgerDamagedError, match="endings are missing"):
        made.endings()
    made.intend(SECOND, THIRD, [Ended(3, THIRD.hash, OPT_OUT, 9)])
    made.settle(THIRD)
    assert [each.number for each in made.endings()] == [9]
    assert (made.noted() or pytest.fail()).missing_to == 2


def test_a_record_that_is_behind_its_store_lacks_endings(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "ledger")
    made.settle(StoreHead(0, "", 1, 1))
    made.intend(SECOND, THIRD)  # an older ledger was put back: nobody noted revision 2 in it
    assert (made.noted() or pytest.fail()).missing_to == 2
    made.settle(THIRD)
    assert (made.noted() or pytest.fail()).missing_to == 2


def test_serials_only_grow(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "ledger")
    assert made.serial_of("one") is None
    made.raise_serials({"one": Serial(5, "a"), "two": Serial(1, "b")})
    made.raise_serials({"one": Serial(4, "c")})
    made.raise_serials({"one": Serial(5, "d")})
    assert (made.serial_of("one"), made.serial_of("two")) == (Serial(5, "a"), Serial(1, "b"))
    made.raise_serials({"one": Serial(6, "e")})
    assert (made.serial_of("one"), made.serial_of("two")) == (Serial(6, "e"), Serial(1, "b"))
    assert (made.directory / SERIALS).stat().st_mode & 0o77 == 0
    made.begin_anew(".other")
    assert made.serial_of("one") is None, "they are another installation's"


def test_altered_serials_are_damage(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.raise_serials({"one": Serial(5, "a"), "two": Serial(1, "b")})
    whole = (tmp_path / SERIALS).read_bytes()
    for altered in (whole[:-2], whole.replace(b":5", b":4"), b"x" + whole, whole + b"\n{}"):
        (tmp_path / SERIALS).write_bytes(altered)
        with pytest.raises(LedgerDamagedError, match=r"serials (has|does not)"):
            made.serial_of("one")
        with pytest.raises(LedgerDamagedError):
            made.raise_serials({"one": Serial(9, "z")})
        assert (tmp_path / SERIALS).read_bytes() == altered


async def test_a_write_whose_serial_is_not_on_record_is_none(store: Store, url: str) -> None:
    record = ledger_beside(url) / SERIALS
    before = (await store.head()).revision
    record.mkdir()
    with pytest.raises(LedgerUnusableError, match="nothing was written"):
        async with store.write("ana", NOW) as made:
            made.raise_serial("one", 5, "a")
            made.audit("looked", "order:O-1")
    assert (await store.head()).revision == before
    record.rmdir()
    await write(store)
    assert not record.exists(), "what takes no signed list leaves it alone"


async def test_every_write_is_on_record_before_it_is_acknowledged(store: Store, url: str) -> None:
    await write(store, 2, ended=((OPT_OUT, 5),))
    noted = store.ledger.noted()
    assert noted is not None
    assert noted.intended is None
    assert noted.committed.revision == 2
    async with store.read() as connection:
        assert await change_log.hash_at(connection, 2) == noted.committed.hash
    assert [(each.revision, each.kind, each.number) for each in store.ledger.endings()] == [
        (1, OPT_OUT, 5),
        (2, OPT_OUT, 5),
    ]
    private = [each.stat().st_mode & 0o77 for each in (ledger_beside(url), *ledger_beside(url).iterdir())]
    assert not any(private)


def copied_to(backup: Path) -> Callable[[Path], object]:
    return lambda path: shutil.copy(path, backup)


@pytest.mark.parametrize("behind", [1, 2, 5])
async def test_a_store_that_was_put_back_is_not_written(
    store: Store, url: str, tmp_path: Path, behind: int
) -> None:
    await write(store, 3)
    backup = tmp_path / "backup.db"
    store = await reopened(store, url, copied_to(backup))
    await write(store, behind)
    store = await reopened(store, url, lambda path: shutil.copy(backup, path))
    with pytest.raises(StoreRolledBackError, match=f"{3 + behind} was acknowledged") as caught:
        await write(store)
    assert "filterd restore" in caught.value.remedy
    async with store.read() as connection:
        assert await change_log.revision(connection) == 3
    await store.close()


async def test_another_history_of_the_same_length_is_not_written(
    store: Store, url: str, tmp_path: Path
) -> None:
    await write(store, 3)
    other_url = f"sqlite:///{tmp_path}/other/filterd.db"
    await Store.migrate(other_url, ledger_beside(other_url))
    other = await Store.open(other_url, ledger_beside(other_url))
    await write(other, 4)
    await other.close()
    store = await reopened(store, url, lambda path: shutil.copy(database_path(other_url), path))
    with pytest.raises(StoreRolledBackError, match="another history"):
        await write(store)
    await store.close()


async def test_a_lost_store_is_not_begun_anew(store: Store, url: str) -> None:
    await write(store)
    await store.close()
    database_path(url).unlink()
    with pytest.raises(StoreRolledBackError, match="is gone, and revision 1 of it was acknowledged"):
        await Store.migrate(url, ledger_beside(url))


async def test_one_in_which_nothing_was_written_is_begun_anew(store: Store, url: str) -> None:
    await store.close()
    database_path(url).unlink()
    await Store.migrate(url, ledger_beside(url))
    again = await Store.open(url, ledger_beside(url))
    await write(again)
    await again.close()


async def test_a_crash_between_record_and_commit_is_no_other_history(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(store)
    noted = store.ledger.noted()
    assert noted is not None
    store.ledger.intend(noted.committed, THIRD)  # as a write did that was never committed
    await write(store)
    with monkeypatch.context() as patched:  # and one that was committed, and ended before it could say so
        patched.setattr(Ledger, "settle_intended", lambda *_: None)
        await write(store)
    await write(store)
    async with store.read() as connection:
        assert await change_log.revision(connection) == 4


async def test_where_the_ledger_cannot_be_written_nothing_is(store: Store, url: str) -> None:
    await write(store)
    head = ledger_beside(url) / ledger.HEAD
    head.write_bytes(b"x" * 2 * ledger.SLOT)
    with pytest.raises(LedgerUnusableError, match=str(head)) as caught:
        await write(store)
    assert "remove the file" in caught.value.remedy
    head.unlink()
    await write(store)
    head.unlink()
    head.mkdir()
    with pytest.raises(LedgerUnusableError, match="nothing was written"):
        await write(store)
    async with store.read() as connection:
        assert await change_log.revision(connection) == 2


async def test_the_chain_covers_every_row(store: Store, url: str) -> None:
    await write(store, 3)
    with closing(sqlite3.connect(database_path(url))) as raw:
        (previous,) = raw.execute("SELECT hash FROM log_floor").fetchone()
        for *row, found in raw.execute(
            "SELECT revision, stream, kind, at, payload, salt, hash FROM change ORDER BY revision"
        ):
            revision, stream, kind, at, payload, salt = row
            previous = change_hash(previous, revision, stream, kind, at, payload, salt)
            assert found == previous
        assert raw.execute("SELECT change_hash FROM head").fetchone() == (previous,)
        assert raw.execute("SELECT count(DISTINCT salt) FROM change").fetchone() == (3,)


async def test_an_erased_row_keeps_its_place_and_nothing_else(store: Store, url: str) -> None:
    await write(store, 3)
    async with store.read() as connection:
        before = await change_log.hash_at(connection, 2)
    async with store.write("ana", NOW) as made:
        await change_log.forget(made.connection, [2])
        made.audit("erased", "line:1")
    async with store.read() as connection:
        assert await change_log.hash_at(connection, 2) == before
    with closing(sqlite3.connect(database_path(url))) as raw:
        row = raw.execute("SELECT stream, kind, payload, salt FROM change WHERE revision = 2").fetchone()
    assert row == ("control", "erased", "", "")


@pytest.mark.parametrize("committed", [False, True])
async def test_endings_of_a_write_that_was_killed_stay_only_if_it_was_committed(
    store: Store, url: str, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next write, whatever it is about, finds out."""
    await write(store)
    with monkeypatch.context() as patched:
        if committed:
            patched.setattr(Ledger, "settle_intended", lambda *_: None)
            await write(store, ended=((WITHDRAWAL, 4),))
        else:
            noted = store.ledger.noted()
            assert noted is not None
            store.ledger.intend(noted.committed, THIRD, [Ended(3, THIRD.hash, WITHDRAWAL, 4)])
    await write(store, 3)
    assert [each.number for each in store.ledger.endings()] == ([4] if committed else [])


async def test_a_write_that_says_late_that_it_is_committed_undoes_nothing(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the store's lock no more, and another process has written since. The head on record went
    back: a store without the later write was taken for the newest one."""
    await write(store)
    other = await Store.open(url, ledger_beside(url))
    late: list[tuple[Any, ...]] = []
    with monkeypatch.context() as patched:
        patched.setattr(recording, "settle", lambda *given: late.append(given))
        await write(store)
    await write(other, ended=((WITHDRAWAL, 4),))
    recording.settle(*late[0])
    noted = store.ledger.noted() or pytest.fail()
    assert (noted.committed, noted.intended, noted.missing_to) == (await other.head(), None, 0)
    await write(store)
    assert (store.ledger.noted() or pytest.fail()).missing_to == 0
    await other.close()


def test_a_late_settling_leaves_the_later_write_that_is_intended(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "ledger")
    made.settle(StoreHead(0, "", 1, 1))
    made.intend(StoreHead(0, "", 1, 1), SECOND)
    made.settle(SECOND)  # as the next writer finds out
    made.intend(SECOND, THIRD, [Ended(3, THIRD.hash, WITHDRAWAL, 4)])
    made.settle_intended(SECOND)
    assert (made.noted() or pytest.fail()).intended == THIRD
    made.settle_intended(THIRD)
    noted = made.noted() or pytest.fail()
    assert (noted.committed, noted.intended, noted.missing_to) == (THIRD, None, 0)
