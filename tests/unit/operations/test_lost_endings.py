"""A restore beside a ledger or a store that was put back: what was ended stays ended, or it is refused."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filterd.model.order import OrderState
from filterd.operations import restore, subscribers
from filterd.operations.backup import backup
from filterd.operations.context import OperationError
from filterd.operations.orders import ending, showing
from filterd.store import endings
from filterd.store.copying import SIDE_FILES
from filterd.store.engine import database_path
from filterd.store.ledger import (
    ENDED,
    HEAD,
    OPT_OUT,
    ORDER_REPLACED,
    ORDER_SUCCESSOR,
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
    assert await Store.migrate(installation.url, directory) == ("0037", "0039")
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
