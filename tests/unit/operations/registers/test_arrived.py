"""`processed` goes out once the nodes have it, and no later than it may; nothing is held while it waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from filterd.model.register import RegisterRun, RunOrigin
from filterd.operations import audit, nodes
from filterd.operations.context import Context
from filterd.operations.registers import answering, arrived, taking
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed
from tests.unit.operations.registers.conftest import adopted, node_has_all, with_list, with_registers
from tests.unit.operations.registers.test_answering import Receiver
from tests.unit.operations.registers.test_lists import register_xml
from tests.unit.operations.registers.test_taking import document
from tests.worlds.installation import Installation

RECEIVER = {"id": "sat", "url": "http://127.0.0.1:41100/answers", "secret_file": "none"}


@pytest.fixture
async def told(installation: Installation) -> AsyncIterator[Context]:
    """A context with a list and a register of documents, both with a receiver of answers."""
    answers: dict[str, Any] = {"answers": RECEIVER, "answer_within": "3m"}
    listed = {"id": "pl", "kind": "poland", "list": "pl-list", **answers}
    with_registers(installation, listed, {"id": "own", "kind": "csv", **answers})
    with_list(installation)
    async with installation.open("ana") as context:
        for each in ("pl", "own"):
            await adopted(context, each)
        yield context


class Deliveries:
    """Delivers to a receiver that takes all, and keeps what went before nodes had it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.receiver = Receiver()
        self.receiver.trouble = ""
        self.ahead: list[tuple[str, tuple[str, ...]]] = []

    async def turn(self) -> list[str]:
        """The documents whose answers were taken in one turn."""
        before = len(self.receiver.taken)
        senders = {"csv": self.receiver, "poland": self.receiver}
        await answering.deliver_due(self.context, lambda: 0.0, senders, self._note)
        return [each for each, _ in self.receiver.taken[before:]]

    def _note(self, run: RegisterRun, lacking: tuple[str, ...]) -> None:
        self.ahead.append((run.document, lacking))

    async def delivered(self) -> dict[str, Any]:
        """The newest delivery in the trail."""
        found = [e.entry for e in await audit.tail(self.context, 9) if e.entry.action == "register.deliver"]
        return dict(found[-1].after or {})


async def test_answers_wait_until_every_node_has_the_order(told: Context) -> None:
    deliveries = Deliveries(told)
    old = await node_has_all(told, "resolver-2")
    await taking.take(told, "own", document("D-1", "block,one.example"))
    assert await deliveries.turn() == []
    await node_has_all(told, "resolver-1")
    assert await deliveries.turn() == [], "resolver-2 lacks it"
    await nodes.record(told, replace(old, mandatory_revision=10**6))
    assert await deliveries.turn() == [], "it follows another history"
    fresh = await node_has_all(told, "resolver-2")
    await nodes.record(told, replace(fresh, effective_digest=""))
    assert await deliveries.turn() == [], "it serves nothing"
    await node_has_all(told, "resolver-2")
    assert await deliveries.turn() == ["D-1"]
    await taking.take(told, "own", document("D-2", "unblock,one.example"))
    assert await deliveries.turn() == [], "an unblock waits in the same way"
    for each in ("resolver-1", "resolver-2"):
        await node_has_all(told, each)
    assert await deliveries.turn() == ["D-2"]
    assert deliveries.ahead == []
    assert "nodes_lacking" not in await deliveries.delivered()


async def test_answers_go_in_time_whatever_nodes_lack(told: Context, installation: Installation) -> None:
    deliveries = Deliveries(told)
    await node_has_all(told, "resolver-2")
    taken = await taking.take(told, "own", document("D-1", "block,one.example"))
    await node_has_all(told, "resolver-1")
    until = arrived.held_until(taken.run)
    assert taken.run.answered_at < until < taken.run.due_at
    installation.now = until - 1
    assert await deliveries.turn() == []
    installation.now = until
    assert await deliveries.turn() == ["D-1"]
    assert deliveries.ahead == [("D-1", ("resolver-2",))]
    assert (await deliveries.delivered())["nodes_lacking"] == ["resolver-2"]


async def test_without_any_node_they_go_in_time_and_refusals_wait_for_none(
    told: Context, installation: Installation
) -> None:
    deliveries = Deliveries(told)
    await taking.take(told, "own", document("D-1", "block,com"))
    taken = await taking.take(told, "own", document("D-2", "block,one.example", "block,com"))
    assert await deliveries.turn() == ["D-1"]
    installation.now = arrived.held_until(taken.run)
    assert await deliveries.turn() == ["D-2"]
    assert deliveries.ahead == [("D-2", (arrived.NO_NODE,))]


async def test_the_answers_of_a_list_wait_for_its_version(told: Context) -> None:
    deliveries = Deliveries(told)
    await taking.take(told, "pl", Handed(register_xml(["a.example"]), RunOrigin.PULL, "L-1"))
    await node_has_all(told)
    assert await deliveries.turn() == ["L-1"]
    await taking.take(told, "pl", Handed(register_xml(["a.example", "b.example"]), RunOrigin.PULL, "L-2"))
    assert await deliveries.turn() == [], "the node has the version before"
    await node_has_all(told)
    assert await deliveries.turn() == ["L-2"]


async def test_a_wait_holds_nothing_and_ends(told: Context) -> None:
    register, clock = require_register(told, "own"), [0.0]
    await node_has_all(told)
    items = (await taking.take(told, "own", document("D-1", "block,one.example"))).items

    async def pause(seconds: float) -> None:
        clock[0] += seconds

    async def pause_and_report(seconds: float) -> None:
        await pause(seconds)
        if clock[0] > 1:
            await node_has_all(told)  # a write, which the one who waits does not hold up

    def ticks() -> float:
        return clock[0]

    assert await arrived.wait(told, register, items, 3.0, pause, ticks) == ("resolver-1",)
    assert 3 <= clock[0] < 4
    clock[0] = 0.0
    assert await arrived.wait(told, register, items, 3.0, pause_and_report, ticks) == ()
    assert clock[0] < 3
