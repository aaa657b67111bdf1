"""While an upstream's answer is read, the board has its question: should that be the end, it is known."""

from __future__ import annotations

import asyncio
import random

import pytest

from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.upstream import message
from filterd.dataplane.upstream.forward_types import UpstreamAnswer
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.wire import codec
from filterd.wire.message import StrippedAnswer
from filterd.wire.status import Status
from tests.worlds.upstream import FIRST, QUESTION, FakeNetwork, Script, good, refusing
from tests.worlds.virtual_time import in_virtual_time


@pytest.mark.parametrize("script", [good, refusing(1)], ids=["an answer", "a refusal of EDNS"])
@in_virtual_time
async def test_the_question_is_noted_while_its_answer_is_read(
    monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    board = CrashBoard.make(bytes(16))
    seen: list[list[bytes]] = []

    class Watched:
        @staticmethod
        def strip(reply: bytes) -> StrippedAnswer | Status:
            seen.append([mark for _, mark in board.under_work()])
            return codec.strip(reply)

    monkeypatch.setattr(message, "codec", Watched)
    forwarder = Forwarder(
        [FIRST],
        clock=asyncio.get_running_loop().time,
        bits=random.Random(1),
        network=FakeNetwork({FIRST.host: script}, {}),
        reading=board.reading,
    )
    answer = await forwarder.resolve(QUESTION)
    assert isinstance(answer, UpstreamAnswer) is (script is good)
    assert seen
    assert all(marks == [board.question_mark(QUESTION.wire)] for marks in seen)
    assert board.under_work() == []
    await forwarder.close()
