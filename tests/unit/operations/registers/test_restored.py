"""A restore between the documents of a register opens nothing that was to stay blocked."""

from __future__ import annotations

from pathlib import Path

from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.orders import showing
from filterd.operations.registers import taking
from tests.unit.operations.registers.test_taking import document
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation


async def in_force(context: Context) -> list[str]:
    """The names of all orders in force."""
    orders = [each for each in await showing.list_orders(context) if each.in_force(context.clock())]
    found = [await showing.show(context, each.reference) for each in orders]
    return sorted(name for each in found for name, _ in each.demand.names)


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
