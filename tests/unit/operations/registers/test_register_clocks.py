"""A clock that was ahead opens nothing for good, and no answer waits for its time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filterd.config.register_settings import RegisterSettings
from filterd.model.order import OrderState
from filterd.model.register import ItemAct, ItemAnswer, RegisterItem, RegisterRun, RunOrigin, RunState
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.orders import expiring
from filterd.operations.orders import showing as orders
from filterd.operations.registers import answering, showing, taking
from filterd.operations.registers.handed import Handed
from filterd.store import registers as rows
from tests.unit.operations.registers.conftest import (
    JURISDICTION,
    adopted,
    node_has_all,
    with_list,
    with_registers,
)
from tests.unit.operations.registers.test_lists import blocked, register_xml
from tests.unit.operations.registers.test_taking import document, names_of
from tests.worlds.backups import put_back
from tests.worlds.installation import Installation

DAY = 86_400
RECEIVER = {"id": "sat", "url": "http://127.0.0.1:21100/answers", "secret_file": "none"}


class Sender:
    """A channel that takes every answer, and may do something while it does."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(
        self, context: Context, register: RegisterSettings, run: RegisterRun, items: Sequence[RegisterItem]
    ) -> str:
        """Take the answers."""
        del context, register, items
        self.sent.append(run.document)
        return ""


async def push(context: Context, name: str, at: float, removed: float = 0.0) -> list[RegisterItem]:
    """Push one row; the items that it became."""
    entered, gone = (datetime.fromtimestamp(each, UTC).isoformat() for each in (at, removed))
    content = register_xml([name], at=entered, removed=gone if removed else "")
    return list((await taking.take(context, "pl", Handed(content, RunOrigin.PUSH))).items)


@pytest.mark.ring("night")
@pytest.mark.parametrize("again", [False, True])
async def test_a_removal_that_came_too_early_is_taken_back(
    installation: Installation, polish: Context, again: bool
) -> None:
    now = installation.now
    await push(polish, "x.example", now - DAY)
    await push(polish, "k.example", now - DAY)
    await push(polish, "x.example", now - DAY, removed=now + 400 * DAY)
    installation.now = now + 500 * DAY
    await showing.retry_open(polish)
    assert await blocked(polish) == {"k.example"}
    installation.now = now + 60
    if again:  # before control has looked
        (item,) = await push(polish, "x.example", now + 30)
        assert (item.answer, await blocked(polish)) == (ItemAnswer.PROCESSED, {"k.example", "x.example"})
    await showing.retry_open(polish)
    assert await blocked(polish) == {"k.example", "x.example"}
    runs = len(await showing.list_runs(polish, "pl"))
    await showing.retry_open(polish)
    assert len(await showing.list_runs(polish, "pl")) == runs, "it is taken back once"
    installation.now = now + 401 * DAY
    await showing.retry_open(polish)
    assert ("x.example" in await blocked(polish)) is again, "its time has come, unless it was entered anew"


@pytest.mark.ring("night")
async def test_a_removal_that_was_pushed_while_the_clock_was_ahead(
    installation: Installation, polish: Context
) -> None:
    now = installation.now
    await push(polish, "x.example", now - DAY)
    await push(polish, "k.example", now - DAY)
    installation.now = now + 500 * DAY
    await push(polish, "x.example", now - DAY, removed=now + 400 * DAY)
    assert await blocked(polish) == {"k.example"}
    installation.now = now
    await showing.retry_open(polish)
    assert await blocked(polish) == {"k.example", "x.example"}
    done = await push(polish, "x.example", now - DAY, removed=now - DAY / 2)
    assert [(each.act, each.answer) for each in done] == [(ItemAct.UNBLOCK, ItemAnswer.PROCESSED)]
    assert await blocked(polish) == {"k.example"}


async def test_an_order_that_was_noted_as_expired_too_early_is_unblocked(installation: Installation) -> None:
    with_registers(installation, {"id": "own", "kind": "csv"})
    term = "    term: {days: 365, from: received}\n"
    installation.write_policy("jurisdictions/mx.yaml", JURISDICTION + term)
    async with installation.open("ana") as context:
        await adopted(context, "own")
        await taking.take(context, "own", document("D-1", "block,one.example", "block,two.example"))
        right = installation.now
        installation.now += 400 * DAY
        assert await expiring.record_ends(context) == 1
        await taking.take(context, "own", document("D-2", "unblock,one.example"))
        installation.now = right + 10
        await expiring.record_ends(context)
        found = {each.reference: each.state for each in await orders.list_orders(context)}
        assert found == {"O-1": OrderState.LIFTED, "O-2": OrderState.ACCEPTED}
        assert await names_of(context, "O-2") == ["two.example"]


async def test_an_unblock_reads_the_orders_alone_that_have_its_entries(own: Context) -> None:
    await taking.take(own, "own", document("D-1", "block,one.example", "block,two.example"))
    await taking.take(own, "own", document("D-2", "block,three.example"))
    await taking.take(own, "own", document("D-3", "unblock,two.example"))  # O-1 goes on as O-3
    async with own.store.read() as connection:
        found = [
            await rows.orders_with(connection, register, names)
            for register, names in (
                ("own", ["one.example", "two.example"]),
                ("own", ["three.example", "one.example"]),
                ("own", ["two.example"]),
                ("other", ["one.example"]),
            )
        ]
    assert found == [[3], [2, 3], [], []]


async def test_an_answer_does_not_wait_for_the_time_of_a_clock_that_was_ahead(
    installation: Installation,
) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "answers": RECEIVER})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        installation.now += 30 * DAY
        await taking.take(context, "own", document("D-1", "block,one.example"))
        installation.now -= 30 * DAY
        sender = Sender()
        assert await answering.deliver_due(context, lambda: 0.0, {"csv": sender}) == 1
        assert sender.sent == ["D-1"]


@pytest.mark.ring("night")
async def test_the_answers_of_dropped_removals_are_sent(installation: Installation, tmp_path: Path) -> None:
    entry = {"id": "pl", "kind": "poland", "list": "pl-list", "guard": {"max_removals": 1}}
    with_registers(installation, {**entry, "answers": RECEIVER})
    with_list(installation)
    names, sender = ["a.example", "b.example", "c.example"], Sender()
    async with installation.open("ana") as context:
        await adopted(context, "pl")

        async def pull(*names: str) -> RegisterRun:
            installation.now += 60
            return (await taking.take(context, "pl", Handed(register_xml(names), RunOrigin.PULL))).run

        await pull(*names)
        held = await pull("a.example")
        assert held.state is RunState.HELD
        await pull(*names)
        installation.now += 121  # no node is waited for
        await answering.deliver_due(context, lambda: 0.0, {"poland": sender})
        assert held.document in sender.sent, "they are listed again"
        again = await pull("a.example")
        await backup(context, tmp_path / "backup")
    await put_back(installation, tmp_path / "backup")
    async with installation.open("ana") as context:
        installation.now += 121
        await answering.deliver_due(context, lambda: 0.0, {"poland": sender})
    assert again.document in sender.sent, "a restore took them back"


async def test_a_delivery_undoes_no_unblock_that_came_meanwhile(installation: Installation) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "answers": RECEIVER})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        await taking.take(context, "own", document("D-1", "block,one.example", "block,two.example"))
        await node_has_all(context)

        class Meanwhile(Sender):
            async def send(self, *args: object) -> str:
                await taking.take(context, "own", document("D-2", "unblock,one.example"))
                return "busy"

        await answering.deliver_due(context, lambda: 0.0, {"csv": Meanwhile()})
        assert await answering.deliver_now(context) == 2
        await answering.deliver_due(context, lambda: 0.0, {"csv": Sender()})
        await taking.take(context, "own", document("D-3", "unblock,two.example"))
        states = [each.state for each in await orders.list_orders(context)]
        assert states == [OrderState.LIFTED, OrderState.LIFTED], "nothing stays blocked"
        assert await answering.undelivered(context) != [], "of D-3"


@pytest.mark.ring("night")
async def test_a_numbered_list_is_taken_up_as_often_as_there_is_room(installation: Installation) -> None:
    content = ",".join(f'{{"entry": "n{each}.example"}}' for each in range(4))
    handed = Handed(f'{{"document": "A", "items": [{content}]}}'.encode(), RunOrigin.PULL)
    entry = {"id": "pl", "kind": "json", "list": "pl-list"}
    for room in (2, 3, 4):
        with_registers(installation, {**entry, "capacity": {"names": room}})
        if room == 2:
            with_list(installation)
        async with installation.open("ana") as context:
            if room == 2:
                await adopted(context, "pl")
            await taking.take(context, "pl", handed)
            assert len(await blocked(context)) == room
            assert (await taking.take(context, "pl", handed)).repeated


async def test_an_attempt_that_failed_undoes_no_delivery_of_another_process(
    installation: Installation,
) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "answers": RECEIVER})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        await taking.take(context, "own", document("D-1", "block,one.example"))
        await node_has_all(context)

        class Beside(Sender):
            async def send(self, *args: object) -> str:
                await answering.deliver_due(context, lambda: 0.0, {"csv": Sender()})
                return "busy"

        await answering.deliver_due(context, lambda: 0.0, {"csv": Beside()})
        assert await answering.undelivered(context) == []
        (run,) = [each async for each in _runs(context)]
        assert run.delivered_at and not run.trouble


async def _runs(context: Context) -> AsyncIterator[RegisterRun]:
    async with context.store.read() as connection:
        for each in await rows.runs(connection, "own", limit=9):
            yield each
