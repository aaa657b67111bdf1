"""The command socket: who may speak to it, what it takes, and what it says to anything else."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filterd.dataplane.listeners.commands import (
    LARGEST_LINE,
    SOCKET,
    CommandRefused,
    CommandSocket,
    flush_line,
    node_line,
    node_of,
    removed_of,
    require_begun,
    resync_line,
)
from filterd.wire.names import name_from_text


@dataclass
class Forgetful:
    """A cache that forgets three answers whenever it is told to."""

    told: list[tuple[bytes, bool]] = field(default_factory=list)

    def flush(self, name: bytes, *, subtree: bool) -> int:
        self.told.append((name, subtree))
        return 3


@dataclass
class Resynced:
    """A node that can be told once to follow the store."""

    follows: bool = False

    def describe(self) -> dict[str, object]:
        return {"name": "node-7", "other_history": not self.follows}

    def accept_history(self) -> bool:
        before, self.follows = self.follows, True
        return not before


@dataclass
class Served:
    path: Path
    cache: Forgetful

    async def say(self, *lines: bytes) -> list[Any]:
        """The replies to some lines on one connection."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(b"".join(lines))
        replies = [json.loads(await reader.readline()) for _ in lines]
        writer.close()
        await writer.wait_closed()
        return replies


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    cache = Forgetful()
    commands = CommandSocket(tmp_path / SOCKET, cache, Resynced())
    await commands.start()
    yield Served(tmp_path / SOCKET, cache)
    await commands.close()
    assert not (tmp_path / SOCKET).exists()


async def test_a_name_a_tree_or_everything_is_forgotten(served: Served) -> None:
    www, odd = name_from_text("www.example"), b"\3a.b\0"
    lines = [flush_line(www, False), flush_line(www, True), flush_line(odd, False), flush_line(None, False)]
    assert await served.say(*lines) == [{"removed": 3}] * 4
    assert served.cache.told == [(www, False), (www, True), (odd, False), (b"\0", True)]


async def test_names_are_looked_up_in_lower_case(served: Served) -> None:
    await served.say(b'{"command": "flush", "name": "WWW.Example."}\n')
    assert served.cache.told == [(name_from_text("www.example"), False)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{\n", "no JSON"),
        (b"\xff\n", "no JSON"),
        (b"[" * 5000 + b"\n", "no JSON"),
        (b"[]\n", "unknown command"),
        (b'{"command": "stop"}\n', "unknown command"),
        (b'{"command": "flush", "name": 7}\n', "flush takes a name and whether all below it is meant"),
        (b'{"command": "flush", "name": "a", "subtree": 1}\n', "flush takes a name and whether all below it"),
        (b'{"command": "flush", "name": "a..b"}\n', "label of 0 bytes"),
    ],
)
async def test_anything_else_is_refused_and_the_next_line_is_heard(
    served: Served, line: bytes, reason: str
) -> None:
    refused, done = await served.say(line, flush_line(None, True))
    assert reason in refused["error"]
    assert done == {"removed": 3}
    assert len(served.cache.told) == 1


async def test_a_line_without_end_ends_the_connection(served: Served) -> None:
    reader, writer = await asyncio.open_unix_connection(served.path)
    writer.write(b"x" * (2 * LARGEST_LINE + 1))
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_the_socket_is_its_owner_s_alone_and_takes_a_dead_one_s_place(tmp_path: Path) -> None:
    path = tmp_path / SOCKET
    path.touch()
    commands = CommandSocket(path, Forgetful(), Resynced())
    await commands.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(flush_line(None, True))
    assert removed_of(await reader.readline()) == 3
    await commands.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_path_that_no_socket_can_have_is_an_error_and_closing_is_not(tmp_path: Path) -> None:
    commands = CommandSocket(tmp_path / ("x" * 120), Forgetful(), Resynced())
    with pytest.raises(OSError, match="too long"):
        await commands.start()
    await commands.close()


@pytest.mark.parametrize("reply", [b'{"error": "no"}', b"[]", b"{}", b'{"removed": "many"}'])
def test_a_reply_that_is_a_refusal(reply: bytes) -> None:
    with pytest.raises(CommandRefused):
        removed_of(reply)


async def test_the_node_is_described_and_told_once_to_follow_the_store(served: Served) -> None:
    replies = await served.say(node_line(), resync_line(), node_line(), resync_line())
    assert replies == [
        {"node": {"name": "node-7", "other_history": True}},
        {"resync": "begun"},
        {"node": {"name": "node-7", "other_history": False}},
        {"error": "this node follows the store that stands there"},
    ]
    assert node_of(json.dumps(replies[0]).encode()) == {"name": "node-7", "other_history": True}
    require_begun(json.dumps(replies[1]).encode())
    with pytest.raises(CommandRefused, match="this node follows the store"):
        require_begun(json.dumps(replies[3]).encode())


@pytest.mark.parametrize("reply", [b'{"error": "no"}', b"[]", b"{}", b'{"node": 7, "resync": 7}'])
def test_a_reply_about_the_node_that_is_a_refusal(reply: bytes) -> None:
    for read in (node_of, require_begun):
        with pytest.raises(CommandRefused):
            read(reply)
