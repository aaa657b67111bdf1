"""A restore beside a ledger or a store that was put back: what was ended stays ended, or it is refused."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from filterd.disk import checked_file
from filterd.model.order import OrderState
from filterd.operations import restore, subscribers
from filterd.operations.backup import backup
from filterd.operations.context import OperationError
from filterd.operations.orders import ending, showing
from filterd.store import copying, endings, recording
from filterd.store import ledger as ledger_module
from filterd.store.copying import SIDE_FILES
from filterd.store.engine import database_path
from filterd.store.errors import StoreRestoringError
from filterd.store.ledger import (
    ENDED,
    HEAD,
    OPT_OUT,
    ORDER_REPLACED,
    ORDER_SUCCESSOR,
    ORIGIN,
    WITHDRAWAL,
    Ended,
    Ledger,
    merged,
)
from filterd.store.store import Store
from tests.worlds.backups import filled, put_back
from tests.worlds.installation import Installation, install

BOTH = {"opt_out": 1, "withdrawal": 1}


async def end_both(installation: Installation) -> None:
    """Opt a line out and withdraw an order."""
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "home")
        await ending.withdraw(context, "O-1", reason="lifted")


async def is_over(installation: Installation) -> bool:
    """True if both stand ended in the store."""
    async with installation.open() as context:
        line = await subscribers.show(context, "home")
        order = await showing.show(context, "O-1")
    return not line.choices.opted_in and order.state is OrderState.WITHDRAWN


def keep(path: Path, place: Path) -> None:
    """Copy a directory, or a store with its side files."""
    if path.is_dir():
        shutil.copytree(path, place)
        return
    place.mkdir()
    for side in SIDE_FILES:
        if (file := path.with_name(path.name + side)).exists():
            shutil.copy(file, place)


def lay_back(place: Path, path: Path) -> None:
    """Put a copy of :func:`keep` in the place of what is there now."""
    if path.is_dir():
        shutil.rmtree(path)
        shutil.copytree(place, path)
        return
    for side in SIDE_FILES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    for file in place.iterdir():
        shutil.copy(file, path.parent)


async def noted(installation: Installation) -> tuple[tuple[Ended, ...], tuple[Ended, ...], int, int]:
    """The endings of the store and of the ledger, and up to which revision each may lack some."""
    ledger = Ledger(installation.settings.store.ledger)
    head = ledger.noted()
    assert head is not None
    async with installation.open() as context, context.store.read() as connection:
        here, lacking = await endings.every(connection), await endings.missing_to(connection)
    return here, ledger.endings(), lacking, head.missing_to


async def is_red(installation: Installation) -> bool:
    """True while a restore that lost endings is not settled."""
    async with installation.open() as context, context.store.read() as connection:
        return await endings.losing_restore(connection) is not None


async def test_an_older_ledger_undoes_no_ending_that_the_store_knows(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    ledger, path = installation.settings.store.ledger, database_path(installation.url)
    keep(ledger, tmp_path / "ledger")
    await end_both(installation)
    lay_back(tmp_path / "ledger", ledger)
    done = await put_back(installation, made)
    assert (done.ended_again, done.endings_lost, done.remarks[1:]) == (BOTH, False, [])
    assert done.lost_revisions > 0
    assert await is_over(installation)
    here, there, *lacking = await noted(installation)
    assert (here, lacking) == (there, [0, 0])
    assert [each.kind for each in here] == [OPT_OUT, WITHDRAWAL]
    path.unlink()
    assert (await put_back(installation, made)).ended_again == BOTH, "the ledger is whole again"


@pytest.mark.ring("merge")
async def test_an_older_store_undoes_no_ending_that_the_ledger_knows(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    path = database_path(installation.url)
    keep(path, tmp_path / "store")
    await end_both(installation)
    for source in (made, None):
        lay_back(tmp_path / "store", path)
        done = await put_back(installation, source)
        assert (done.ended_again, done.endings_lost) == (BOTH, False)
        assert await is_over(installation)
        here, there, *lacking = await noted(installation)
        assert (here, lacking) == (there, [0, 0])


@pytest.mark.ring("merge")
@pytest.mark.parametrize("store", ["older", "gone"])
async def test_endings_that_nothing_knows_any_more_are_lost_only_when_it_is_accepted(
    installation: Installation, tmp_path: Path, store: str
) -> None:
    """A later backup tells that there was more."""
    made = await filled(installation, tmp_path)
    ledger, path = installation.settings.store.ledger, database_path(installation.url)
    keep(ledger, tmp_path / "ledger")
    keep(path, tmp_path / "store")
    await end_both(installation)
    async with installation.open() as context:
        later = await backup(context, tmp_path / "later")
    lay_back(tmp_path / "ledger", ledger)
    lay_back(tmp_path / "store", path)
    if store == "gone":
        path.unlink()
    for source in (made, tmp_path / "later"):
        with pytest.raises(OperationError, match=f"revision {later.revision} was reached") as caught:
            await put_back(installation, source)
        assert "--accept-lost-endings" in caught.value.remedy
    assert path.exists() == (store == "older")
    assert not Ledger(ledger).restoring
    done = await put_back(installation, made, accept_lost=True)
    assert (done.ended_again, done.endings_lost) == ({}, True)
    assert any("compare orders, opt-outs" in each for each in done.remarks)
    assert await is_red(installation)
    await end_both(installation)
    async with installation.open() as context:
        await backup(context, tmp_path / "after")
    assert await is_red(installation), "a backup holds what was not compared"
    assert (await put_back(installation, tmp_path / "after")).endings_lost, "and so does its restore"
    assert not (await put_back(installation, None)).endings_lost
    assert not await is_red(installation), "somebody said that it was compared"
    path.unlink()
    with pytest.raises(OperationError, match="may lack endings up to"):
        await put_back(installation, made)


@pytest.mark.ring("merge")
@pytest.mark.parametrize("lost", ["all", HEAD])
async def test_a_store_that_stands_does_not_vouch_for_itself_without_a_ledger(
    installation: Installation, tmp_path: Path, lost: str
) -> None:
    await filled(installation, tmp_path)
    ledger = installation.settings.store.ledger
    shutil.rmtree(ledger) if lost == "all" else (ledger / lost).unlink()
    with pytest.raises(OperationError, match="the ledger has no record"):
        await put_back(installation, None)
    assert (await put_back(installation, None, accept_lost=True)).endings_lost


@pytest.mark.ring("merge")
async def test_a_store_that_stands_is_the_truth_beside_an_older_ledger(
    installation: Installation, tmp_path: Path
) -> None:
    await filled(installation, tmp_path)
    ledger = installation.settings.store.ledger
    keep(ledger, tmp_path / "ledger")
    await end_both(installation)
    lay_back(tmp_path / "ledger", ledger)
    done = await put_back(installation, None)
    assert (done.lost_revisions, done.ended_again, done.remarks) == (0, {}, [])
    here, there, *lacking = await noted(installation)
    assert (here, lacking) == (there, [0, 0])


@pytest.mark.ring("merge")
async def test_the_ledger_of_another_installation_leaves_the_store_as_a_witness(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    other = await install(tmp_path / "other")
    await filled(other, tmp_path / "other")
    await end_both(installation)
    ledger = installation.settings.store.ledger
    shutil.rmtree(ledger)
    shutil.copytree(other.settings.store.ledger, ledger)
    done = await put_back(installation, made)
    assert (done.ended_again, done.lost_revisions, done.endings_lost) == (BOTH, -1, False)
    assert restore.FOREIGN in done.remarks
    here, there, *lacking = await noted(installation)
    assert (here, lacking) == (there, [0, 0])


@pytest.mark.ring("merge")
@pytest.mark.parametrize("name", [HEAD, ENDED])
async def test_a_damaged_file_of_the_ledger_leaves_the_store_as_a_witness(
    installation: Installation, tmp_path: Path, name: str
) -> None:
    made = await filled(installation, tmp_path)
    await end_both(installation)
    damaged = installation.settings.store.ledger / name
    damaged.write_bytes(b"x" * 1023 + b"\n")
    done = await put_back(installation, made)
    assert (done.ended_again, done.endings_lost) == (BOTH, False)
    assert bool(list(damaged.parent.glob(f"{ENDED}.damaged-*"))) == (name == ENDED)
    assert (await put_back(installation, made)).ended_again == BOTH
    database_path(installation.url).unlink()
    assert (await put_back(installation, made)).ended_again == BOTH


@pytest.mark.ring("merge")
async def test_an_ending_at_the_revision_of_a_migration_is_repeated(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that writes in the copy takes the number of a change that was made after the backup."""
    made = await filled(installation, tmp_path)
    async with installation.open() as context:
        before = (await context.store.head()).revision
        await subscribers.opt_out(context, "home")
    database_path(installation.url).unlink()
    real = Store.migrate

    async def migrate(url: str, ledger: Path, now: float, **named: Any) -> tuple[str | None, str]:
        versions = await real(url, ledger, now, **named)
        store = await Store.open(url, ledger)
        async with store.write("migration", now) as write:
            write.audit("sealed", "store")
        await store.close()
        return versions

    monkeypatch.setattr(Store, "migrate", migrate)
    done = await put_back(installation, made)
    assert (done.ended_again, done.backup_revision) == ({"opt_out": 1}, before)
    assert (done.lost_revisions, done.endings_lost) == (1, False)


async def opt_out_cut_off(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """An opt-out whose process ends when the ledger has it, and the store has not."""
    real = recording.intend

    def end(*arguments: Any) -> None:
        real(*arguments)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(recording, "intend", end)
        async with installation.open() as context:
            with pytest.raises(SystemExit):
                await subscribers.opt_out(context, "home")


@pytest.mark.ring("merge")
@pytest.mark.parametrize("store", ["gone", "older", "there"])
async def test_an_ending_that_was_intended_is_repeated_unless_the_store_shows_that_it_was_not_committed(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    made = await filled(installation, tmp_path)
    path = database_path(installation.url)
    keep(path, tmp_path / "store")
    async with installation.open(approvals=1) as context:
        await ending.withdraw(context, "O-1", reason="lifted")
    await opt_out_cut_off(installation, monkeypatch)
    if store == "older":
        lay_back(tmp_path / "store", path)
    elif store == "gone":
        path.unlink()
    done = await put_back(installation, made)
    assert done.ended_again == (BOTH if store != "there" else {"withdrawal": 1})
    assert not done.endings_lost
    said = [each for each in done.remarks if "may never have been committed" in each]
    assert len(said) == (store != "there")
    assert all("opt_out" in each and "withdrawal" not in each for each in said)


@pytest.mark.ring("merge")
@pytest.mark.parametrize("origin", [b"", None], ids=["damaged", "missing"])
@pytest.mark.parametrize("store", ["gone", "older"])
async def test_a_ledger_without_its_origin_keeps_its_endings(
    installation: Installation, tmp_path: Path, origin: bytes | None, store: str
) -> None:
    """Where nothing in it tells of which installation it is, the refusal says how to say it."""
    made = await filled(installation, tmp_path)
    ledger, path = installation.settings.store.ledger, database_path(installation.url)
    right = Ledger(ledger).origin()
    keep(path, tmp_path / "store")
    await end_both(installation)
    (ledger / ORIGIN).unlink() if origin is None else (ledger / ORIGIN).write_bytes(origin)
    path.unlink() if store == "gone" else lay_back(tmp_path / "store", path)
    with pytest.raises(OperationError, match="does not tell of which installation it is") as caught:
        await put_back(installation, made)
    assert f"{ledger / ORIGIN} back from a copy" in caught.value.remedy
    assert f"this one line: {right};" in caught.value.remedy
    assert not Ledger(ledger).restoring
    (ledger / ORIGIN).write_text(f"{right}\n")
    done = await put_back(installation, made)
    assert (done.ended_again, done.endings_lost) == (BOTH, False)
    assert await is_over(installation)


@pytest.mark.ring("merge")
@pytest.mark.parametrize("store", ["gone", "there"])
async def test_a_ledger_that_has_what_the_backup_has_needs_no_origin(
    installation: Installation, tmp_path: Path, store: str
) -> None:
    await filled(installation, tmp_path)
    ledger, path = Ledger(installation.settings.store.ledger), database_path(installation.url)
    async with installation.open(approvals=1) as context:
        await subscribers.opt_out(context, "shop")
        await backup(context, tmp_path / "later")
    right = ledger.origin()
    await end_both(installation)
    (ledger.directory / ORIGIN).write_bytes(b"x")
    if store == "gone":
        path.unlink()
    done = await put_back(installation, tmp_path / "later")
    assert (done.ended_again, done.endings_lost) == (BOTH, False)
    assert restore.IDENTIFIED in done.remarks
    assert ledger.origin() == right
    assert ledger.origin_aside.exists()


@pytest.mark.ring("merge")
async def test_a_ledger_without_its_origin_is_set_aside_when_the_loss_is_accepted(
    installation: Installation, tmp_path: Path
) -> None:
    made = await filled(installation, tmp_path)
    ledger = installation.settings.store.ledger
    await end_both(installation)
    (ledger / ORIGIN).unlink()
    database_path(installation.url).unlink()
    done = await put_back(installation, made, accept_lost=True)
    assert (done.ended_again, done.endings_lost) == ({}, True)
    assert restore.UNIDENTIFIED in done.remarks
    assert list(ledger.glob(f"{ENDED}.other-*"))


@pytest.mark.ring("merge")
@pytest.mark.parametrize("step", ["settle_restored", "note_origin"])
async def test_a_restore_that_ended_before_the_ledger_was_written_is_repeated(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    made = await filled(installation, tmp_path)
    ledger = installation.settings.store.ledger
    keep(ledger, tmp_path / "ledger")
    await end_both(installation)
    lay_back(tmp_path / "ledger", ledger)

    def end(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, step, end)
        patched.setattr(Ledger, "end_restore", lambda _: None)
        with pytest.raises(SystemExit):
            await put_back(installation, made)
    assert Ledger(ledger).restoring
    assert (await put_back(installation, made)).ended_again == BOTH
    assert await is_over(installation)
    here, there, *lacking = await noted(installation)
    assert (here, lacking) == (there, [0, 0])


class Fuse:
    """Fails the call number ``at`` of the steps by which a restore changes files once its store is made; 0:
    before the first."""

    def __init__(self, patched: pytest.MonkeyPatch, at: int) -> None:
        self.at, self.calls, self.armed = at, 0, False
        for module in (ledger_module, copying, checked_file):
            for name in ("replace_file", "rename_file", "sync_directory", "write_at"):
                if hasattr(module, name):
                    patched.setattr(module, name, self.failing(getattr(module, name)))
        patched.setattr(Path, "rename", self.failing(Path.rename))
        patched.setattr(Path, "unlink", self.failing(Path.unlink))
        real = restore._install

        def install(*arguments: Any) -> str:
            self.armed = True
            if self.at == 0:
                raise OSError(5, "Input/output error")
            return real(*arguments)

        patched.setattr(restore, "_install", install)

    def failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += self.armed
            if self.armed and self.calls == self.at:
                raise OSError(5, "Input/output error")
            return real(*arguments, **named)

        return call


@pytest.mark.ring("night")
@pytest.mark.parametrize("store", ["whole", "damaged", "beside another ledger"])
async def test_a_restore_that_fails_at_any_step_is_finished_by_repeating_it(
    installation: Installation, tmp_path: Path, store: str
) -> None:
    """It says what stands there, and writers are stopped unless the old store stands as it was."""
    made = await filled(installation, tmp_path)
    directory, path = installation.settings.store.ledger, database_path(installation.url)
    await end_both(installation)
    if store == "damaged":
        path.write_bytes(b"x" * 5000)
    elif store == "beside another ledger":
        other = await install(tmp_path / "other")
        await filled(other, tmp_path / "other")
        shutil.rmtree(directory)
        shutil.copytree(other.settings.store.ledger, directory)
    keep(path, tmp_path / "store")
    keep(directory, tmp_path / "ledger")
    outcomes = Counter[str]()
    for at in itertools.count():
        lay_back(tmp_path / "store", path)
        lay_back(tmp_path / "ledger", directory)
        with pytest.MonkeyPatch.context() as patched:
            fuse = Fuse(patched, at)
            try:
                await put_back(installation, made)
            except OperationError as error:
                failure = error
            else:
                if fuse.calls < at:
                    break
                outcomes["finished"] += 1
                continue
        begins = str(failure).partition(":")[0]
        outcomes[begins] += 1
        if begins == "not finished":
            assert Ledger(directory).restoring
            assert "run filterd restore again with the same backup" in failure.remedy
        else:
            assert begins == "not restored"
            assert not Ledger(directory).restoring
            assert store != "damaged"
            assert await is_over(installation)
        done = await put_back(installation, made)
        assert (done.ended_again, done.endings_lost) == (BOTH, False), at
        assert await is_over(installation)
        assert not Ledger(directory).restoring
        here, there, *lacking = await noted(installation)
        assert (here, lacking) == (there, [0, 0])
    print(f"{store}: {dict(outcomes)}")
    assert outcomes["not finished"] >= 5


@pytest.mark.ring("merge")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SystemExit()])
async def test_writers_stay_stopped_after_a_restore_that_replaced_the_store_and_failed(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    made = await filled(installation, tmp_path)
    await end_both(installation)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle_restored", fail)
        with pytest.raises((OperationError, SystemExit)) as caught:
            await put_back(installation, made)
    if isinstance(caught.value, OperationError):
        assert "not finished: [Errno 28] No space left on device: the restored store stands" in str(
            caught.value
        )
        assert "run filterd restore again with the same backup" in caught.value.remedy
    with pytest.raises(OperationError, match="no backup of filterd"):
        await put_back(installation, tmp_path / "misspelt")
    async with installation.open() as context:
        with pytest.raises(StoreRestoringError):
            await subscribers.add(context, "mill")
    assert (await put_back(installation, made)).ended_again == BOTH
    async with installation.open() as context:
        await subscribers.add(context, "mill")


async def test_the_table_has_what_the_ledger_has(installation: Installation, tmp_path: Path) -> None:
    await filled(installation, tmp_path)
    async with installation.open(approvals=1) as context:
        context.store.gather_writes()
        await subscribers.opt_out(context, "home")
        await subscribers.opt_out(context, "shop")
        async with context.store.write("ana", 0.0, shared=True) as write:
            write.end(WITHDRAWAL, 7)
            write.audit("looked", "order:O-7")
    here, there, *lacking = await noted(installation)
    assert (here, lacking) == (there, [0, 0])
    assert [(each.kind, each.number) for each in here][-1] == (WITHDRAWAL, 7)
    assert len(here) == 3


@pytest.mark.ring("merge")
@pytest.mark.parametrize("ledger", ["whole", "gone", "older"])
async def test_a_store_of_before_takes_its_endings_from_the_ledger(
    installation: Installation, tmp_path: Path, ledger: str
) -> None:
    made = await filled(installation, tmp_path)
    directory, path = installation.settings.store.ledger, database_path(installation.url)
    keep(directory, tmp_path / "ledger")
    await end_both(installation)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DROP TABLE changed_line")
        raw.execute("DROP INDEX ix_review_waiting")
        raw.execute("CREATE INDEX ix_review_closed_at ON review (closed_at)")
        raw.execute("DROP INDEX ix_change_stream_revision_line")
        raw.execute("ALTER TABLE change DROP COLUMN line")
        raw.execute("CREATE INDEX ix_change_stream_revision ON change (stream, revision)")
        raw.execute("DROP TABLE ending")
        raw.execute("ALTER TABLE head DROP COLUMN endings_missing_to")
        raw.execute("UPDATE alembic_version SET version_num = '0037'")
        (revision,) = raw.execute("SELECT revision FROM head").fetchone()
    if ledger == "gone":
        shutil.rmtree(directory)
    elif ledger == "older":
        lay_back(tmp_path / "ledger", directory)
    assert await Store.migrate(installation.url, directory) == ("0037", "0040")
    here, there, *lacking = await noted(installation)
    if ledger == "whole":
        assert (len(here), here, lacking) == (2, there, [0, 0])
        shutil.rmtree(directory)
        assert (await put_back(installation, made)).ended_again == BOTH
        return
    assert (here, lacking[0]) == ((), revision)
    with pytest.raises(OperationError, match=f"may lack endings up to {revision}"):
        await put_back(installation, made)


def test_endings_of_two_sources_keep_their_order() -> None:
    def of(revision: int, *ends: tuple[str, int]) -> tuple[Ended, ...]:
        return tuple(Ended(revision, f"{revision:064x}", *each) for each in ends)

    first, torn = of(3, (OPT_OUT, 9), (OPT_OUT, 2)), of(7, (ORDER_REPLACED, 5))
    whole, last = of(7, (ORDER_REPLACED, 5), (ORDER_SUCCESSOR, 6)), of(9, (WITHDRAWAL, 6))
    assert merged((*first, *torn), (*whole, *last)) == (*first, *whole, *last)
    assert merged(last, first) == merged((*first, *last), last) == (*first, *last)
    assert merged() == ()
