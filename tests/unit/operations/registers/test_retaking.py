"""Refused items of a document are taken up once the reason is gone, and nothing of it acts twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest

from filterd.model.order import OrderState
from filterd.model.register import ItemAnswer, ItemReason, RegisterItem
from filterd.operations import audit
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import ending, showing
from filterd.operations.registers import answering, taking
from filterd.operations.registers import showing as registers
from filterd.operations.registers.capacity import capacity
from filterd.store import registers as rows
from tests.unit.operations.registers.conftest import adopted, with_registers
from tests.unit.operations.registers.test_lists import with_room
from tests.unit.operations.registers.test_taking import document, names_of
from tests.worlds.installation import Installation

D1 = document("D-1", "block,one.example", "block,two.example", "block,three.example", "block,com")
OVER = ItemReason.OVER_CAPACITY


@pytest.fixture
async def full(installation: Installation) -> AsyncIterator[Context]:
    """A context whose register has room for one name, in which D-1 was taken in: two of it were refused."""
    receiver = {"id": "sat", "url": "http://127.0.0.1:41100/answers", "secret_file": "none"}
    register = {"id": "own", "kind": "csv", "capacity": {"names": 1}, "answers": receiver}
    with_registers(installation, register)
    async with installation.open("ana") as context:
        await adopted(context, "own")
        assert (await taking.take(context, "own", D1)).refused == {
            "not_executable_by_dns": 1,
            "over_capacity": 2,
        }
        yield context


def refused(taken_items: Iterable[RegisterItem]) -> list[ItemReason | None]:
    """The reasons of items."""
    return [each.reason for each in taken_items]


async def orders_of(context: Context) -> list[list[str]]:
    """The names of each order, the oldest first."""
    found = sorted(await showing.list_orders(context), key=lambda each: each.number)
    return [await names_of(context, each.reference) for each in found]


async def test_a_document_that_comes_again_is_taken_up_where_there_is_room_now(
    full: Context, installation: Installation
) -> None:
    assert (await taking.take(full, "own", D1)).repeated, "there is no room still"
    assert len(await orders_of(full)) == 1
    more, installation.now = with_room(full, 2), installation.now + 100 * 3600
    looked = await taking.take(more, "own", D1, dry_run=True)
    assert (looked.dry, looked.again, len(await orders_of(more))) == (True, 1, 1)
    taken = await taking.take(more, "own", D1)
    assert (taken.repeated, taken.again, refused(taken.items)) == (
        False,
        1,
        [None, None, OVER, ItemReason.NOT_EXECUTABLE],
    )
    assert await orders_of(more) == [["one.example"], ["two.example"]]
    order = await showing.show(more, "O-2")
    assert (order.demand.document, order.approvals) == ("D-1", ("ana", "bob"))
    assert order.demand.received_at == taken.items[1].answered_at == more.clock(), "its time begins anew"
    assert taken.items[1].due_at == more.clock() + 48 * 3600
    assert (taken.run.number, taken.run.given, taken.run.order, taken.run.items) == (2, "D-1", 2, 1)
    (use,) = await capacity(more)
    assert use.used == 2
    again = await taking.take(more, "own", D1)
    assert (again.repeated, again.items, len(await orders_of(more))) == (True, taken.items, 2)
    (*_, entry) = [e.entry for e in await audit.tail(more, 5) if e.entry.action == "register.take"]
    assert entry.after is not None
    assert (entry.after["again_of"], entry.after["order"], entry.after["processed"]) == (1, "O-2", 1)
    await audit.verify(more)


async def test_a_retry_takes_up_what_there_is_room_for_and_a_look_of_controls_does_not(full: Context) -> None:
    more = with_room(full, 9)
    assert await registers.retry_open(more, "own") == 0, "a clock takes up nothing"
    assert await registers.retry_open(more, "own", refused=True) == 2
    assert await orders_of(more) == [["one.example"], ["three.example", "two.example"]]
    assert await registers.retry_open(more, "own", refused=True) == 0
    waiting = await answering.undelivered(more)
    assert [(each.document, each.items) for each in waiting] == [("D-1", 4), ("D-1 (again 2)", 2)]
    async with more.store.read() as connection:
        items = await rows.items(connection, 2)
    message = answering.message_of(waiting[1], items)
    assert message.id != answering.message_of(waiting[0], ()).id
    data = json.loads(message.body)["data"]
    assert (data["document"], data["again"], data["order"]) == ("D-1", True, "O-2")
    assert [(each["item"], each["answer"]) for each in data["answers"]] == [
        (2, "processed"),
        (3, "processed"),
    ]


async def test_what_is_protected_no_more_is_taken_up(own: Context, installation: Installation) -> None:
    handed = document("D-1", "block,one.example", "block,portal.example")
    assert (await taking.take(own, "own", handed)).refused == {"protected": 1}
    assert await registers.retry_open(own, "own", refused=True) == 0
    before = (installation.base / "policies" / "protected.yaml").read_text("utf-8")
    installation.write_policy("protected.yaml", before.replace("portal.example", "other.example"))
    assert await registers.retry_open(own, refused=True) == 1
    assert await orders_of(own) == [["one.example"], ["portal.example"]]


@pytest.mark.ring("night")
async def test_what_was_taken_back_since_is_not_taken_up(full: Context) -> None:
    more = with_room(full, 9)
    await taking.take(more, "own", document("D-2", "unblock,two.example"))
    await taking.take(more, "own", document("D-3", "unblock,one.example"))
    assert (await showing.show(more, "O-1")).state is OrderState.LIFTED
    taken = await taking.take(more, "own", D1)
    assert (taken.again, taken.items[1].reason, taken.items[2].answer) == (1, OVER, ItemAnswer.PROCESSED)
    assert await names_of(more, "O-2") == ["three.example"]
    await taking.take(with_room(more, 1), "own", document("D-4", "block,four.example"))
    await ending.withdraw(more, "O-2", reason="the court says so")
    assert (await taking.take(more, "own", D1)).repeated, "a person ended its order"
    assert await registers.retry_open(more, "own", refused=True) == 1, "of D-4 alone"


async def test_an_order_that_a_person_ended_takes_the_rest_of_its_document_back(full: Context) -> None:
    await ending.withdraw(full, "O-1", reason="the court says so")
    assert (await taking.take(with_room(full, 9), "own", D1)).repeated
    assert await registers.retry_open(with_room(full, 9), "own", refused=True) == 0


@pytest.mark.ring("night")
async def test_a_document_that_comes_twice_at_once_is_taken_up_once(full: Context) -> None:
    more = with_room(full, 9)
    found = await asyncio.gather(*(taking.take(more, "own", D1) for _ in range(3)))
    assert sorted(each.again for each in found) == [0, 0, 2]
    assert len(await orders_of(more)) == 2


async def test_of_a_confidential_register_the_document_itself_is_needed(installation: Installation) -> None:
    secret = {"confidential": True, "capacity": {"names": 1}}
    with_registers(installation, {"id": "own", "kind": "csv", **secret})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        await taking.take(context, "own", D1)
        more = with_room(context, 9)
        assert await registers.retry_open(more, "own", refused=True) == 0
        assert (await taking.take(more, "own", D1)).again == 2
        async with more.store.read() as connection:
            assert {each.value for each in await rows.items(connection, 2)} == {""}
        await taking.take(with_room(more, 3), "own", document("D-2", "block,late.example"))
        await taking.take(more, "own", document("D-3", "unblock,other.example"))
        assert (await taking.take(more, "own", document("D-2", "block,late.example"))).repeated


async def test_other_terms_and_an_unread_guard_take_up_nothing(
    full: Context, installation: Installation
) -> None:
    (register,) = full.settings.registers
    changed = replace(register, ground="another", capacity=replace(register.capacity, names=9))
    other = replace(full, settings=replace(full.settings, registers=(changed,)))
    assert (await taking.take(other, "own", D1)).repeated
    assert await registers.retry_open(other, "own", refused=True) == 0
    installation.write_policy("protected.yaml", "names: [")
    assert (await taking.take(with_room(full, 9), "own", D1)).repeated
    assert len(await orders_of(full)) == 1


async def test_no_document_comes_with_a_number_of_ours(own: Context) -> None:
    with pytest.raises(ConflictError, match="like one of ours"):
        await taking.take(own, "own", document("D-1 (again 2)", "block,one.example"))
