"""Two lists of one authority share its room, and so do the lists and the documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from filterd.model.register import RunOrigin
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.registers import list_files, lists, showing, taking
from filterd.operations.registers.capacity import capacity
from filterd.operations.registers.documents import DocumentWork
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed, TakenDocument
from filterd.operations.registers.lists import ListPlan
from tests.unit.operations.registers.conftest import adopted, with_list, with_registers
from tests.unit.operations.registers.test_lists import register_xml
from tests.unit.operations.registers.test_taking import document
from tests.worlds.installation import Installation

ROOM = 3


@pytest.fixture
async def both(installation: Installation) -> AsyncIterator[Context]:
    """A context with two lists and a register of documents of one authority, which has room for three."""
    common: dict[str, Any] = {"kind": "poland", "capacity": {"names": ROOM}}
    lists_of_it = [{**common, "id": each, "list": f"{each}-list"} for each in ("pl", "pm")]
    with_registers(installation, *lists_of_it, {**common, "id": "own", "kind": "csv"})
    for each in ("pl", "pm"):
        with_list(installation, each)
    async with installation.open("ana") as context:
        for each in ("pl", "pm", "own"):
            await adopted(context, each)
        yield context


async def pull(context: Context, register: str, *names: str) -> TakenDocument:
    """Take a whole list in."""
    return await taking.take(context, register, Handed(register_xml(names), RunOrigin.PULL))


async def standing(context: Context) -> int:
    """The names in force of both lists."""
    found = [await list_files.in_force(context, require_register(context, each)) for each in ("pl", "pm")]
    return sum(map(len, found))


@pytest.mark.ring("night")
async def test_lists_that_come_at_once_do_not_overflow_the_room(
    both: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, met = lists._plan, asyncio.Barrier(2)

    async def planned(context: Context, work: DocumentWork) -> ListPlan:
        found = await plan(context, work)
        await met.wait()  # each saw the whole room free
        return found

    monkeypatch.setattr(lists, "_plan", planned)
    found = await asyncio.gather(
        pull(both, "pl", "a.example", "b.example"), pull(both, "pm", "c.example", "d.example")
    )
    assert sum(each.added for each in found) == ROOM
    assert [each.refused.get("over_capacity", 0) for each in found].count(1) == 1
    assert await standing(both) == ROOM
    (use,) = [each for each in await capacity(both) if each.authority == "mf"]
    assert (use.used, use.room) == (ROOM, 0)


async def test_what_is_still_being_put_in_force_has_its_room(
    both: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        message = "the disk is full"
        raise OperationError(message)

    with monkeypatch.context() as full_disk:
        full_disk.setattr(updating, "update", broken)
        assert (await pull(both, "pl", "a.example", "b.example")).waiting == 2
    handed = document("D-1", "block,c.example", "block,d.example")
    assert (await taking.take(both, "own", handed)).refused == {"over_capacity": 1}
    assert (await pull(both, "pm", "e.example")).refused == {"over_capacity": 1}
    assert await showing.retry_open(both, "pl") == 2
    (use,) = await capacity(both)
    assert use.used == ROOM, "what is in force counts once"
