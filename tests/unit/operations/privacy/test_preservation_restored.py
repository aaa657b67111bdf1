"""Preservation holds over a restore: what was ended stays so; what came after the backup has a stand-in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.operations import erasure, subscribers
from filterd.operations.backup import backup
from filterd.operations.context import OperationError
from filterd.operations.privacy import preservation, retention
from filterd.operations.privacy.preservation import STAND_IN, HoldDemand
from filterd.store.engine import database_path
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation

DAY = 86_400.0
DEMAND = HoldDemand("A", "O", "D", "G", "R", days=30, classes=("changes",))


@pytest.mark.ring("merge")
async def test_a_hold_that_was_made_after_the_backup_has_a_stand_in(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        for each in ("home", "gone"):
            await subscribers.add(context, each)
        await backup(context, tmp_path / "copy")
        await erasure.erase(context, "gone", reason="R-1")
        made = (await preservation.add(context, replace(DEMAND, classes=(), subscribers=("home",)))).hold
        past = (await preservation.add(context, replace(DEMAND, document="E", days=1))).hold
    installation.now += 2 * DAY
    done = await put_back(installation, tmp_path / "copy")
    assert (done.ended_again["erasure"], done.ended_again["hold"]) == (1, 1)
    assert [made.reference in each for each in done.remarks] == [True]
    assert past.reference not in done.remarks[0], "it is over, and does not come back"
    async with installation.open() as context:
        (found,) = await preservation.list_holds(context)
        assert (found.hold.authority, found.hold.until) == (STAND_IN, made.until)
        with pytest.raises(OperationError, match="not erased"):
            await erasure.erase(context, "home", reason="R-2")
        await preservation.end(context, made.reference, reason="entered anew as H-2001")
        await erasure.erase(context, "home", reason="R-2")
    again = await put_back(installation, tmp_path / "copy")
    assert again.remarks == [], "the end of the stand-in is on record too"


async def test_a_hold_that_was_ended_after_the_backup_stays_ended(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        made = (await preservation.add(context, DEMAND)).hold
        await backup(context, tmp_path / "copy")
        await preservation.end(context, made.reference, reason="lifted")
    done = await put_back(installation, tmp_path / "copy")
    assert (done.ended_again, done.remarks) == ({"hold_end": 1}, [])
    async with installation.open() as context:
        assert await preservation.list_holds(context) == []
        (found,) = await preservation.list_holds(context, everything=True)
        assert found.state == "ended"


@pytest.mark.ring("merge")
async def test_a_hold_of_the_backup_holds_to_its_own_end_and_no_longer(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        await preservation.add(context, DEMAND)
        await backup(context, tmp_path / "copy")
    installation.now += 29 * DAY
    assert (await put_back(installation, tmp_path / "copy")).ended_again == {}
    async with installation.open() as context:
        assert len(await preservation.list_holds(context)) == 1
        installation.now += DAY
        assert await preservation.list_holds(context) == []
        assert await retention.on_hold(context) == {}


async def test_without_ledger_and_store_a_restore_says_that_holds_may_be_missing(
    installation: Installation, tmp_path: Path
) -> None:
    async with installation.open() as context:
        await backup(context, tmp_path / "copy")
        await preservation.add(context, DEMAND)
    shutil.rmtree(installation.settings.store.ledger)
    done = await put_back(installation, tmp_path / "copy")
    assert done.ended_again == {"hold": 1}, "the store that is replaced has it"
    assert preservation.UNKNOWN not in done.remarks
    shutil.rmtree(installation.settings.store.ledger)
    database_path(installation.url).unlink()
    done = await put_back(installation, tmp_path / "copy", accept_lost=True)
    assert preservation.UNKNOWN in done.remarks
