"""Connections to the API's server: those that bring nothing are closed, and keep nobody out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from filterd.web import connections
from filterd.web.connections import ApiServer, listen, server
from tests.worlds.certificates import Authority


class Application:
    """Answers at once, or once it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.begun = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        await self.may.wait()
        await PlainTextResponse("ok")(scope, receive, send)


@asynccontextmanager
async def serving(made: ApiServer) -> AsyncIterator[int]:
    """The server while it serves; its port."""
    with listen("127.0.0.1", 0) as bound:
        task = asyncio.create_task(made.serve(sockets=[bound]))
        yield int(bound.getsockname()[1])
        made.should_exit = True
        await task


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(2)
    return head


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    """Return whether the server closes a connection, and has sent nothing more on it."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_whoever_sends_no_whole_head_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    async with serving(server(Application(), 8)) as port:
        for beginning in (b"", b"GET / HTTP/1.1\r\nHost:"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(beginning)
            assert await _is_closed(reader)
            writer.close()
        # One that was answered is too, once it is idle again.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await _ask(reader, writer)).startswith(b"HTTP/1.1 200 ")
        assert await _is_closed(reader)
        writer.close()


async def test_the_connection_that_is_idle_longest_makes_room() -> None:
    application = Application()
    async with serving(server(application, 3)) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        application.may.clear()
        busy = await asyncio.open_connection("127.0.0.1", port)
        asked = asyncio.create_task(_ask(*busy))
        while not application.begun:
            await asyncio.sleep(0.001)
        new = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, _ in idle:
            assert await _is_closed(reader)
        application.may.set()
        assert (await asked).startswith(b"HTTP/1.1 200 ")
        for each in new:
            assert (await _ask(*each)).startswith(b"HTTP/1.1 200 ")
        for _, writer in (*idle, *new, busy):
            writer.close()


async def test_tls_is_spoken_and_a_silent_handshake_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    authority = Authority()
    authority.server(tmp_path, "127.0.0.1")
    file = tmp_path / "127.0.0.1.pem"
    trusted = ssl.create_default_context(cadata=authority.pem.decode())
    async with serving(server(Application(), 8, (file, file))) as port:
        async with httpx.AsyncClient(verify=trusted) as client:
            assert (await client.get(f"https://127.0.0.1:{port}/")).text == "ok"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await _is_closed(reader)
        writer.close()


async def test_nothing_tells_which_software_answers() -> None:
    async with serving(server(Application(), 3)) as port, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/")
        assert "server" not in answer.headers


def test_the_body_of_a_response_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    with listen("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_address_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as bound, pytest.raises(OSError, match="cannot listen on 127"):
        listen("127.0.0.1", bound.getsockname()[1])


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    file.write_text("nothing")
    with pytest.raises(ssl.SSLError):
        server(Application(), 3, (file, file))
