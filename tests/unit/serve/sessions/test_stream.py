"""The stream of sessions to resolvers, over its socket, with a follower that keeps what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filterd.operations.sessions.protocol import ToldSession as S
from filterd.operations.sessions.protocol import sessions_line
from filterd.serve.sessions import stream as stream_module
from filterd.serve.sessions.stream import StreamListener
from filterd.wire.session_stream import ENTRY_SIZE, FRAME_SIZE, Frame, FrameKind, SessionEntry
from tests.unit.serve.sessions.conftest import Told


@dataclass
class Follower:
    """A resolver's end: what it knows, by address and length."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    known: dict[tuple[bytes, int], int] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)

    @classmethod
    async def connect(cls, path: Path, stream: int = 0, sequence: int = 0) -> Follower:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(Frame(FrameKind.HELLO, sequence, stream).to_bytes())
        return cls(reader, writer)

    async def next(self) -> Frame:
        frame = Frame.from_bytes(await self.reader.readexactly(FRAME_SIZE))
        if frame.kind == FrameKind.BEGIN:
            self.known.clear()
        for _ in range(frame.entries):
            entry = SessionEntry.from_bytes(await self.reader.readexactly(ENTRY_SIZE))
            self.known[entry.address, entry.length] = entry.line
            if not entry.line:
                del self.known[entry.address, entry.length]
        self.frames.append(frame)
        return frame

    async def until(self, kind: FrameKind) -> Frame:
        async with asyncio.timeout(20):
            while (frame := await self.next()).kind != kind:
                pass
        return frame

    async def knows(self, lines: list[int]) -> None:
        async with asyncio.timeout(20):
            while sorted(self.known.values()) != lines:
                await self.next()

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@dataclass
class Streaming:
    """A listener over a table."""

    told: Told
    listener: StreamListener
    path: Path
    complete: bool = True

    async def put(self, address: str, subscriber: str) -> None:
        reply = await self.told.commands.execute(sessions_line("put", [S((address,), subscriber)]))
        assert reply["taken"] == 1, reply


@pytest.fixture
async def streaming(told: Told, tmp_path: Path) -> AsyncIterator[Streaming]:
    path = tmp_path / "sessions.sock"
    made = Streaming(told, StreamListener(path, told.table, lambda: made.complete), path)
    for number in range(1, 4):
        told.register(f"S-{number}", number)
    await made.listener.start()
    yield made
    await made.listener.close()


async def test_a_follower_gets_all_that_there_is_and_then_what_changes(streaming: Streaming) -> None:
    await streaming.put("192.0.2.1", "S-1")
    await streaming.put("2001:db8:2::/56", "S-2")
    follower = await Follower.connect(streaming.path)
    await follower.until(FrameKind.END)
    assert [each.kind for each in follower.frames] == [FrameKind.BEGIN, FrameKind.FULL, FrameKind.END]
    assert sorted(follower.known.values()) == [1, 2]
    await streaming.put("192.0.2.3", "S-3")
    await follower.knows([1, 2, 3])
    streaming.told.now += 3
    await streaming.told.commands.execute(sessions_line("end", [S(("192.0.2.1",))]))
    await follower.knows([2, 3])
    assert (await follower.until(FrameKind.BEAT)).complete
    await follower.leave()


async def test_one_that_comes_back_gets_only_what_it_missed(streaming: Streaming) -> None:
    await streaming.put("192.0.2.1", "S-1")
    first = await Follower.connect(streaming.path)
    end = await first.until(FrameKind.END)
    await first.leave()
    await streaming.put("192.0.2.2", "S-2")
    again = await Follower.connect(streaming.path, end.stream, end.sequence)
    await again.knows([2])
    assert FrameKind.BEGIN not in {each.kind for each in again.frames}
    await again.leave()
    other = await Follower.connect(streaming.path, end.stream + 1, end.sequence)
    assert (await other.next()).kind == FrameKind.BEGIN
    await other.leave()


async def test_a_hand_over_has_two_followers_that_know_the_same(streaming: Streaming) -> None:
    followers = [await Follower.connect(streaming.path) for _ in range(2)]
    for each in followers:
        await each.until(FrameKind.END)
    assert streaming.listener.followers == 2
    await streaming.put("192.0.2.1", "S-1")
    for each in followers:
        await each.knows([1])
        await each.leave()


async def test_a_million_places_come_in_frames_of_bounded_size(streaming: Streaming) -> None:
    for number in range(5):
        sessions = [S((f"10.0.{number}.{host}",), "S-1") for host in range(250)]
        await streaming.told.commands.execute(sessions_line("put", sessions))
    follower = await Follower.connect(streaming.path)
    await follower.until(FrameKind.END)
    assert len(follower.known) == 1250
    await follower.leave()


async def test_what_is_lost_is_said_in_each_frame(streaming: Streaming) -> None:
    streaming.complete = False
    follower = await Follower.connect(streaming.path)
    assert not (await follower.until(FrameKind.END)).complete
    streaming.complete = True
    await follower.until(FrameKind.BEAT)
    async with asyncio.timeout(20):
        while not (await follower.next()).complete:
            pass
    await follower.leave()


async def test_one_that_says_nothing_understood_is_left(streaming: Streaming) -> None:
    for hello in (b"x" * FRAME_SIZE, Frame(FrameKind.BEAT, 0, 0).to_bytes()):
        reader, writer = await asyncio.open_unix_connection(streaming.path)
        writer.write(hello)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.ring("merge")
async def test_one_that_does_not_read_is_dropped(
    streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "UNREAD_SECONDS", 0.2)
    follower = await Follower.connect(streaming.path)
    async with asyncio.timeout(60):
        while not streaming.listener.followers:
            await asyncio.sleep(0)
        turn = 0
        while streaming.listener.followers:
            turn += 1
            hosts = [f"10.0.{turn % 8}.{host}" for host in range(250)]
            sessions = [S((each,), f"S-{1 + turn // 8 % 2}") for each in hosts]  # each time another's
            await streaming.told.commands.execute(sessions_line("put", sessions))
            streaming.told.now += 1
            await asyncio.sleep(0.002)
    await follower.leave()


@pytest.mark.ring("merge")
async def test_one_that_does_not_read_does_not_keep_control_from_ending(streaming: Streaming) -> None:
    for turn in range(8):
        hosts = [f"10.{turn}.{number // 250}.{number % 250}" for number in range(1000)]
        await streaming.told.commands.execute(sessions_line("put", [S((each,), "S-1") for each in hosts]))
    follower = await Follower.connect(streaming.path)
    while not streaming.listener.followers:
        await asyncio.sleep(0)
    for turn in range(16):
        hosts = [f"10.{turn % 8}.{number // 250}.{number % 250}" for number in range(1000)]
        subscriber = f"S-{2 - turn // 8 % 2}"
        await streaming.told.commands.execute(
            sessions_line("put", [S((each,), subscriber) for each in hosts])
        )
        await asyncio.sleep(0.02)
    async with asyncio.timeout(20):
        await streaming.listener.close()
    await follower.leave()
