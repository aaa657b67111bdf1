"""A listener on a Unix socket: for its owner alone, one task for each client, nothing left at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

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
