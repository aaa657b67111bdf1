"""A listener on a Unix socket: for its owner alone, one task for each client, nothing left at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from filterd.disk import local_server
from filterd.disk.local_server import LocalServer


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line == b"wrong\n":
            raise ValueError
        writer.write(line)
        await writer.drain()


async def ask(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    reply = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return reply


async def test_clients_are_served_until_the_end_and_a_wrong_one_is_left(tmp_path: Path) -> None:
    path = tmp_path / "some.sock"
    path.write_text("left behind")
    server = LocalServer(path, echo, 1000)
    await server.close()  # before a start there is nothing to close
    await server.start()
    assert path.stat().st_mode & 0o777 == 0o600
    reader, writer = await asyncio.open_unix_connection(path)
    assert await ask(path, b"hello\n") == b"hello\n"
    assert await ask(path, b"wrong\n") == b""
    assert await ask(path, b"x" * 5000 + b"\n") == b""
    assert server.clients == 1
    await server.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert not path.exists()


@pytest.mark.parametrize("how", ["removed", "another file", "with its directory"])
async def test_a_socket_that_is_removed_is_made_anew_and_who_was_connected_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(local_server, "LOOK_SECONDS", 0.01)
    told: list[tuple[Path, str]] = []
    path = tmp_path / "state" / "some.sock"
    path.parent.mkdir()
    server = LocalServer(path, echo, 1000, lambda *what: told.append(what))
    await server.start()
    reader, writer = await asyncio.open_unix_connection(path)
    path.unlink()
    if how == "another file":
        path.write_text("from a backup")
    if how == "with its directory":
        path.parent.rmdir()
        await until(lambda: server.failure != "")
        await until(lambda: len(told) > 0)
        path.parent.mkdir()
    await until(lambda: (path, "") in told)
    assert await ask(path, b"hello\n") == b"hello\n"
    assert (path.stat().st_mode & 0o777, server.failure) == (0o600, "")
    writer.write(b"still here\n")
    assert await reader.readline() == b"still here\n"
    writer.close()
    await writer.wait_closed()
    await server.close()
    assert not path.exists()
    assert len(told) == (2 if how == "with its directory" else 1)


async def test_what_cannot_be_bound_at_the_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "LOOK_SECONDS", 0.01)
    told: list[str] = []
    path = tmp_path / "state" / "some.sock"
    server = LocalServer(path, echo, 1000, lambda _, failure: told.append(failure))
    with pytest.raises(OSError, match="No such file"):
        await server.start()
    assert "No such file" in server.failure
    path.parent.mkdir()
    await until(path.exists)
    assert await ask(path, b"hello\n") == b"hello\n"
    assert told == [""]  # the failure was the caller's to tell
    await server.close()


async def test_a_successor_keeps_its_socket_when_its_predecessor_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "LOOK_SECONDS", 0.01)
    path = tmp_path / "some.sock"
    told: list[str] = []
    predecessor = LocalServer(path, echo, 1000, lambda _, failure: told.append(failure))
    successor = LocalServer(path, echo, 1000)
    await predecessor.start()
    await successor.start()
    await asyncio.sleep(0.1)  # some looks of the predecessor
    await predecessor.close()
    assert await ask(path, b"hello\n") == b"hello\n"
    await successor.close()
    assert told == []


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not seen():
            await asyncio.sleep(0.005)
