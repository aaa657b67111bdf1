"""A restore between the documents of a register opens nothing that was to stay blocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.register import RunState
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import showing as orders
from filterd.operations.registers import lists, showing, taking
from filterd.operations.registers.finding import require_register
from tests.unit.operations.registers.test_lists import blocked, pull
from tests.unit.operations.registers.test_taking import document
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation


async def in_force(context: Context) -> list[str]:
    """The names of all orders in force."""
    every = [each for each in await orders.list_orders(context) if each.in_force(context.clock())]
    found = [await orders.show(context, each.reference) for each in every]
    return sorted(name for each in found for name, _ in each.demand.names)


@pytest.mark.ring("merge")
async def test_the_rest_of_an_order_stays_blocked_where_its_successor_is_lost(
    own: Context, installation: Installation, tmp_path: Path
) -> None:
    whole = document("D-1", "block,one.example", "block,two.example", "block,three.example")
    unblocks = document("D-2", "unblock,two.example")
    await taking.take(own, "own", whole)
    await backup(own, tmp_path / "backup")
    await taking.take(own, "own", unblocks)
    assert await in_force(own) == ["one.example", "three.example"]
    done = await put_back(installation, tmp_path / "backup")
    assert done.ended_again == {}
    (told,) = [each for each in done.remarks if "O-1" in each]
    assert told.startswith("blocked as a whole: O-1, of the registers own")
    async with installation.open("ana") as context:
        assert await in_force(context) == ["one.example", "three.example", "two.example"]
        assert (await taking.take(context, "own", whole)).repeated, "and it is in force"
        assert not (await taking.take(context, "own", unblocks)).repeated
        assert await in_force(context) == ["one.example", "three.example"]


@pytest.mark.ring("merge")
async def test_an_order_whose_successors_all_ended_is_ended_again(
    own: Context, installation: Installation, tmp_path: Path
) -> None:
    await taking.take(own, "own", document("D-1", "block,one.example", "block,two.example"))
    await backup(own, tmp_path / "backup")
    await taking.take(own, "own", document("D-2", "unblock,two.example"))
    await taking.take(own, "own", document("D-3", "unblock,one.example"))
    done = await put_back(installation, tmp_path / "backup")
    assert not [each for each in done.remarks if "as a whole" in each]
    async with installation.open("ana") as context:
        assert await in_force(context) == []


@pytest.mark.ring("merge")
async def test_held_removals_of_the_backup_are_off(
    polish: Context, installation: Installation, tmp_path: Path
) -> None:
    names = [f"n{number}.example" for number in range(5)]
    await pull(polish, *names)
    assert (await pull(polish, "n0.example")).run.state is RunState.HELD
    await backup(polish, tmp_path / "backup")
    await pull(polish, *names)  # listed again: the removals are off
    done = await put_back(installation, tmp_path / "backup")
    assert [each for each in done.remarks if "register pl" in each and "(4)" in each]
    async with installation.open("ana") as context:
        with pytest.raises(ConflictError, match="nothing of the register pl is held"):
            await lists.accept_removals(context, require_register(context, "pl"), reason="as told")
        await showing.retry_open(context, "pl")
        assert await blocked(context) == set(names)
        again = await pull(context, "n0.example")  # the bytes of before: judged anew
        assert (again.repeated, again.run.state) == (False, RunState.HELD)
