"""Answers are delivered until they are taken, and what is open is answered later."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterItem, RegisterRun
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.registers import answering, applying, showing, taking
from filterd.store.errors import StoreError
from tests.unit.operations.registers.conftest import adopted, node_has_all, with_registers
from tests.unit.operations.registers.test_lists import blocked, pull
from tests.unit.operations.registers.test_taking import document
from tests.worlds.installation import Installation


class Receiver:
    """A channel that takes answers once it is told to."""

    def __init__(self) -> None:
        self.trouble = "503: busy"
        self.taken: list[tuple[str, int]] = []

    async def send(
        self, context: Context, register: RegisterSettings, run: RegisterRun, items: Sequence[RegisterItem]
    ) -> str:
        """Take the answers, or say why not."""
        del context, register
        if not self.trouble:
            self.taken.append((run.document, len(items)))
        return self.trouble


@pytest.fixture
async def told(installation: Installation) -> AsyncIterator[Context]:
    """A context with an adopted register whose answers have a receiver."""
    receiver = {"id": "sat", "url": "http://127.0.0.1:21100/answers", "secret_file": "none"}
    with_registers(installation, {"id": "own", "kind": "csv", "answers": receiver})
    async with installation.open("ana") as context:
        await adopted(context, "own")
        yield context


async def test_answers_are_sent_until_they_are_taken(told: Context, installation: Installation) -> None:
    await taking.take(told, "own", document("D-1", "block,one.example", "block,com"))
    await node_has_all(told)
    receiver = Receiver()
    waits = []
    for _ in range(9):
        assert await answering.deliver_due(told, lambda: 1.0, {"csv": receiver}) == 0
        (waiting,) = await answering.undelivered(told)
        assert waiting.trouble == "503: busy"
        waits.append(waiting.next_at - installation.now)
        assert await answering.deliver_due(told, lambda: 1.0, {"csv": receiver}) == 0, "it is not due"
        installation.now = waiting.next_at
    assert waits == [10, 30, 90, 270, 810, 2430, 3600, 3600, 3600]
    assert (await showing.show(told, "own")).problem == "answers are not taken"
    receiver.trouble = ""
    assert await answering.deliver_due(told, lambda: 1.0, {"csv": receiver}) == 1
    assert receiver.taken == [("D-1", 2)]
    assert await answering.undelivered(told) == []
    assert "register.deliver" in [each.entry.action for each in await audit.tail(told, 1)]


async def test_a_receiver_that_cannot_be_reached_is_told(told: Context) -> None:
    await taking.take(told, "own", document("D-1", "block,one.example"))
    await node_has_all(told)
    assert await answering.deliver_due(told, lambda: 0.0) == 0
    (waiting,) = await answering.undelivered(told)
    assert "secret" in waiting.trouble
    assert await answering.deliver_now(told) == 1


async def test_the_message_has_every_answer_and_the_same_id(told: Context) -> None:
    taken = await taking.take(told, "own", document("D-1", "block,one.example", "block,com"))
    message = answering.message_of(taken.run, taken.items)
    assert message.id == answering.message_of(taken.run, taken.items).id
    data = json.loads(message.body)["data"]
    assert (data["document"], data["order"]) == ("D-1", "O-1")
    assert [(each["entry"], each["answer"], each["reason"]) for each in data["answers"]] == [
        ("one.example", "processed", ""),
        ("com", "unprocessed", "not_executable_by_dns"),
    ]


async def test_a_list_that_cannot_be_kept_is_put_in_force_later(
    polish: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pull(polish, "a.example")

    async def broken(*_: object) -> None:
        message = "the disk is full"
        raise OperationError(message)

    monkeypatch.setattr(updating, "update", broken)
    taken = await pull(polish, "a.example", "b.example")
    assert (taken.waiting, taken.run.problem) == (1, "the disk is full")
    assert await blocked(polish) == {"a.example"}
    monkeypatch.undo()
    assert await showing.retry_open(polish) == 1
    assert await blocked(polish) == {"a.example", "b.example"}
    (run,) = await showing.list_runs(polish, "pl", limit=1)
    assert (run.problem, run.answered_at) == ("", polish.clock())


async def test_a_crash_before_the_list_was_written_loses_nothing(
    polish: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> int:
        message = "killed"
        raise StoreError(message, "")

    monkeypatch.setattr(applying, "apply", crash)
    with pytest.raises(StoreError):
        await pull(polish, "a.example")
    monkeypatch.undo()
    assert await blocked(polish) == set()
    assert await showing.retry_open(polish, "pl") == 1
    assert await blocked(polish) == {"a.example"}
