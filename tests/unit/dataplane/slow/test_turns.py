"""The event loop's time: who has little to do does not wait for who has much."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from filterd.dataplane.slow.turns import BUDGET, SLICE, FairTurns

FIRST, SECOND, THIRD = b"first", b"second", b"third"


@dataclass
class Loop:
    """Turns over a clock that only work moves."""

    seconds: float = 0.0
    done: list[bytes] = field(default_factory=list)
    turns: FairTurns = field(init=False)

    def __post_init__(self) -> None:
        self.turns = FairTurns(lambda: self.seconds)

    def enter(self, client: bytes, pieces: int, cost: float = SLICE) -> None:
        left = pieces

        def work() -> bool:
            nonlocal left
            left -= 1
            self.seconds += cost
            self.done.append(client)
            return left > 0

        self.turns.enter(client, work)


@pytest.fixture
def loop() -> Loop:
    return Loop()


async def test_work_is_done_at_once_while_nobody_waits(loop: Loop) -> None:
    loop.enter(FIRST, 1)
    assert loop.done == [FIRST]
    assert loop.turns.deferred == 0


async def test_clients_take_turns_whatever_each_has_to_do(loop: Loop) -> None:
    loop.enter(FIRST, 50)
    loop.enter(SECOND, 2)
    loop.enter(FIRST, 1)
    loop.enter(THIRD, 1)
    await asyncio.sleep(0)
    assert loop.done[1:5] == [FIRST, SECOND, THIRD, FIRST]
    await asyncio.sleep(0)
    assert loop.done[5] == SECOND


async def test_a_turn_of_the_loop_ends_when_its_time_is_over(loop: Loop) -> None:
    loop.enter(FIRST, 1000)
    for turn in range(1, 4):
        served = False

        def note() -> None:
            nonlocal served
            served = True

        asyncio.get_running_loop().call_soon(note)
        await asyncio.sleep(0)
        assert served
        assert len(loop.done) <= (turn + 1) * (BUDGET / SLICE + 1)


async def test_a_result_comes_when_it_is_the_clients_turn(loop: Loop) -> None:
    assert await loop.turns.share(SECOND, lambda: 1) == 1
    loop.enter(FIRST, 1, cost=2 * BUDGET)
    task = asyncio.create_task(loop.turns.share(SECOND, lambda: len(loop.done)))
    loop.enter(FIRST, 1)
    assert await task == 1 + loop.done.count(FIRST) - 1
    assert loop.turns.deferred >= 1


async def test_an_error_is_raised_where_the_result_is_awaited(loop: Loop) -> None:
    def fail() -> int:
        raise KeyError("gone")

    loop.enter(FIRST, 1, cost=2 * BUDGET)
    with pytest.raises(KeyError):
        await loop.turns.share(SECOND, fail)
    assert await loop.turns.share(SECOND, lambda: 2) == 2


async def test_who_gave_up_is_not_worked_for(loop: Loop) -> None:
    loop.enter(FIRST, 1, cost=2 * BUDGET)
    task = asyncio.create_task(loop.turns.share(SECOND, lambda: loop.done.append(SECOND)))
    loop.enter(FIRST, 3)
    while task not in asyncio.all_tasks() or not loop.turns._queues.get(SECOND):
        await asyncio.sleep(0)
        if task.done():
            break
    task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert task.done()


async def test_an_error_of_one_leaves_the_others_their_turn(loop: Loop) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    def fail() -> bool:
        raise KeyError("gone")

    loop.enter(FIRST, 1, cost=2 * BUDGET)
    loop.turns.enter(SECOND, fail)
    loop.enter(THIRD, 1)
    for _ in range(4):
        await asyncio.sleep(0)
    assert loop.done == [FIRST, THIRD]
