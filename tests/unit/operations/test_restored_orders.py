"""Steps of orders after the backup: repeated by the restore where it can, named where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.order import OrderState, StepKind
from filterd.operations import audit
from filterd.operations.backup import backup
from filterd.operations.orders import confirming, ending, lifting, showing, suspending, taking
from tests.worlds.backups import put_back, request
from tests.worlds.installation import NOW, Installation, as_person

DAY = 86_400


async def suspended(installation: Installation, tmp_path: Path, names: int) -> Path:
    """Orders that are suspended for a long time, and a backup of that."""
    async with installation.open("ana", approvals=1) as context:
        for number in range(1, names + 1):
            await taking.add(context, request(f"n{number}.example"))
            until = int(NOW) + 300 * DAY
            await suspending.suspend(context, f"O-{number}", until=until, document="S-7", reason="asked for")
        await backup(context, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.mark.ring("merge")
async def test_what_was_resumed_after_the_backup_is_in_force_again(
    installation: Installation, tmp_path: Path
) -> None:
    made = await suspended(installation, tmp_path, 4)
    async with installation.open("ana", approvals=1) as context:
        await suspending.resume(context, "O-1", reason="the authority wrote")
        await suspending.resume(context, "O-2", reason="the authority wrote")
        await ending.withdraw(context, "O-2", reason="a mistake")
        until = int(NOW) + 2 * DAY
        await suspending.suspend(context, "O-3", until=until, document="S-8", reason="shorter")
    done = await put_back(installation, made)
    assert done.ended_again == {"order_resumed": 2, "withdrawal": 1}
    told = [each for each in done.remarks if "O-" in each]
    assert [each.partition(": O-")[0] for each in told[:3]] == [
        "withdrawn again",
        "back in force",
        "open until the end of the suspension in the backup",
    ]
    assert [("O-3" in each, "O-4" in each) for each in told] == [
        (False, False),
        (False, False),
        (True, False),
        (True, False),
    ]
    async with installation.open() as context:
        orders = {each.reference: each for each in await showing.list_orders(context)}
        assert orders["O-1"].in_force(NOW)
        assert [each.kind for each in orders["O-1"].steps] == [StepKind.SUSPENDED, StepKind.RESUMED]
        assert orders["O-2"].state is OrderState.WITHDRAWN
        assert [orders[each].state for each in ("O-3", "O-4")] == [OrderState.SUSPENDED] * 2
        assert (await audit.verify(context)).holds
    again = await put_back(installation, made)
    assert again.ended_again == done.ended_again, "the ledger forgets nothing by it"


@pytest.mark.ring("merge")
async def test_an_approval_after_the_backup_is_named(installation: Installation, tmp_path: Path) -> None:
    async with installation.open("ana") as context:
        for number in (1, 2, 3):
            await taking.add(context, request(f"n{number}.example"))
        await backup(context, tmp_path / "backup")
        for number in (1, 2):
            assert (await taking.approve(as_person(context, "bob"), f"O-{number}")).in_force(NOW)
        await ending.withdraw(context, "O-2", reason="a mistake")
    done = await put_back(installation, tmp_path / "backup")
    (waiting,) = [each for each in done.remarks if "waiting again" in each]
    assert waiting.startswith("not in force: O-1: accepted after the backup")
    assert not [each for each in done.remarks if "O-3" in each or "are lost" in each]
    async with installation.open("ana") as context:
        assert (await showing.show(context, "O-1")).state is OrderState.PENDING
        assert (await taking.approve(as_person(context, "bob"), "O-1")).in_force(NOW), "as the remark says"


@pytest.mark.ring("merge")
async def test_lifted_orders_and_lost_steps_are_named(installation: Installation, tmp_path: Path) -> None:
    async with installation.open("ana", approvals=1) as context:
        for number in range(1, 4):
            await taking.add(context, request(f"n{number}.example"))
        await backup(context, tmp_path / "backup")
        await lifting.lift(context, "O-1", document="L-9", reason="the court ordered it")
        await ending.withdraw(context, "O-2", reason="a mistake")
        await confirming.confirm(context, "O-3", reason="needed")
    done = await put_back(installation, tmp_path / "backup")
    assert any(each.startswith("withdrawn again: O-1, O-2; look up the papers") for each in done.remarks)
    (lost,) = [each for each in done.remarks if "are lost" in each]
    assert lost.startswith("steps of O-3 after the backup are lost")
    assert "reports to the authority" in lost
