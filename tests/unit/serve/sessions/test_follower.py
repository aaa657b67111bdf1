"""The subscribers of the store and the table of sessions agree, whatever happens to the subscribers."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from filterd.operations import erasure, subscribers
from filterd.operations.context import Context
from filterd.serve.sessions import follower as follower_module
from filterd.serve.sessions.follower import SubscriberFollower, subscriber_fingerprint
from filterd.store import change_log
from tests.unit.serve.sessions.conftest import KEY
from tests.worlds.installation import install


class Known:
    """Stands for a table of sessions."""

    def __init__(self) -> None:
        self.lines: dict[bytes, int] = {}

    def register_many(self, pairs: bytes | bytearray) -> None:
        for subscriber, line in struct.iter_unpack("16sQ", pairs):
            self.lines[subscriber] = line

    def forget(self, subscriber: bytes) -> None:
        self.lines.pop(subscriber, None)

    def of(self, *names: str) -> list[int]:
        return [self.lines.get(subscriber_fingerprint(KEY, each), 0) for each in names]


async def add(context: Context, *names: str) -> None:
    for each in names:
        await subscribers.add(context, each)


async def erase(context: Context, name: str) -> None:
    await erasure.erase(context, name, reason="asked")


async def test_new_and_removed_subscribers_are_followed(tmp_path: Path) -> None:
    made, known = await install(tmp_path), Known()
    follower = SubscriberFollower(known, KEY)
    async with made.open() as context:
        await add(context, "S-1", "S-2", "S-3")
        await follower.follow(context)
        lines = known.of("S-1", "S-2", "S-3")
        assert sorted(lines) == sorted(set(lines))
        assert 0 not in lines
        await erase(context, "S-2")
        await add(context, "S-4")
        await follower.follow(context)
        assert known.of("S-1", "S-2", "S-3")[1:2] == [0]
        assert known.of("S-1", "S-3") == [lines[0], lines[2]]
        assert known.of("S-4")[0] > lines[2]
        assert follower.subscribers == 3


async def test_an_id_that_is_registered_again_gets_its_new_line(tmp_path: Path) -> None:
    made, known = await install(tmp_path), Known()
    follower = SubscriberFollower(known, KEY)
    async with made.open() as context:
        await add(context, "S-1")
        await follower.follow(context)
        before = known.of("S-1")[0]
        await erase(context, "S-1")
        await add(context, "S-1")
        await follower.follow(context)
        assert known.of("S-1")[0] > before


async def test_where_the_log_was_pruned_all_are_read_again(tmp_path: Path) -> None:
    made, known = await install(tmp_path), Known()
    follower = SubscriberFollower(known, KEY)
    async with made.open() as context:
        await add(context, "S-1", "S-2", "S-3")
        await follower.follow(context)
        lines = known.of("S-1", "S-3")
        await erase(context, "S-2")
        await add(context, "S-4")
        async with context.store.report() as connection:
            assert not await change_log.prune(connection, 0)
        await follower.follow(context)
        assert known.of("S-1", "S-3") == lines
        assert known.of("S-2") == [0]
        assert known.of("S-4")[0] > lines[1]


async def test_many_are_read_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, known = await install(tmp_path), Known()
    monkeypatch.setattr(follower_module, "PAGE", 3)
    async with made.open() as context:
        names = [f"S-{number}" for number in range(10)]
        await add(context, *names)
        await SubscriberFollower(known, KEY).follow(context)
        assert len(set(known.of(*names)) - {0}) == 10
