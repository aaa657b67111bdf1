"""Connections to the API's server: those that bring nothing are closed, and keep nobody out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import h11
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from filterd.web.listening import connections
from filterd.web.listening.connections import ApiServer, listen, server
from filterd.web.listening.framing import StrictFraming
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


async def test_each_response_over_our_own_tls_asks_for_https_alone(tmp_path: Path) -> None:
    """Also one that no application made. Where a proxy ends TLS, we speak HTTP and say nothing of it."""
    authority = Authority()
    authority.server(tmp_path, "127.0.0.1")
    file = tmp_path / "127.0.0.1.pem"
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    asked = b"strict-transport-security: max-age=31536000\r\n"
    for certificate, tls, times in (((file, file), trusting, 1), (None, None, 0)):
        async with serving(server(Application(), 8, certificate)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            assert (await _ask(reader, writer)).lower().count(asked) == times
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n")
            refused = await reader.read()
            assert (refused[:13], refused.lower().count(asked)) == (b"HTTP/1.1 400 ", times)
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


DOUBTFUL = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 4\r\n",
    "another coding": b"Transfer-Encoding: xchunked\r\n",
    "a coding behind chunked": b"Transfer-Encoding: chunked, identity\r\n",
    "a folded line": b"Transfer-Encoding:\r\n chunked\r\n",
    "a folded line of no meaning": b"X-A: b\n\tc\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n",
}


@pytest.mark.parametrize("lines", DOUBTFUL.values(), ids=DOUBTFUL)
async def test_a_request_whose_end_is_in_doubt_is_refused_with_what_follows(lines: bytes) -> None:
    application = Application()
    async with serving(server(application, 3)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        behind = b"\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + behind)
        said = await reader.read()
        assert (said.count(b"HTTP/1.1 "), said[:13]) == (1, b"HTTP/1.1 400 ")
        assert b"connection: close" in said.lower()
        writer.close()
    assert application.begun == 0


async def test_chunks_and_pipelined_requests_are_read() -> None:
    async with serving(server(Application(), 3)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\n a\r\n0\r\n\r\n"
        writer.write(chunked + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).count(b"HTTP/1.1 200 ") == 2
        writer.close()


class LargeAnswers(Application):
    """Answers with more than the buffers of a connection hold."""

    size = 20_000_000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        await PlainTextResponse(b"~" * self.size)(scope, receive, send)


async def _silent(port: int, requests: bytes) -> socket.socket:
    """A client that reads nothing."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(made, ("127.0.0.1", port))
    await loop.sock_sendall(made, requests)
    return made


async def test_whoever_reads_nothing_has_one_request_begun_and_makes_room() -> None:
    application = LargeAnswers()
    async with serving(server(application, 2)) as port:
        silent = [await _silent(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 40) for _ in range(2)]
        while application.begun < 2:
            await asyncio.sleep(0.001)
        application.size = 2
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await _ask(reader, writer)).startswith(b"HTTP/1.1 200 ")
        assert application.begun == 3
        writer.close()
        for each in silent:
            each.close()


async def test_a_response_that_is_not_read_ends_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.05)
    made = server(LargeAnswers(), 8)
    async with serving(made) as port:
        for each in (b"", b"Connection: close\r\n"):
            with await _silent(port, b"GET / HTTP/1.1\r\nHost: a\r\n" + each + b"\r\n"):
                while not made.connections:
                    await asyncio.sleep(0.001)
                while made.connections:
                    await asyncio.sleep(0.001)


async def test_a_slow_reader_gets_every_byte_and_the_next_response() -> None:
    application = LargeAnswers()
    async with serving(server(application, 8)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
        ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        writer.write(ask + ask.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        size = 0
        while piece := await reader.read(1_000_000):
            size += piece.count(b"~")
        assert (size, application.begun) == (2 * application.size, 2)
        writer.close()


async def test_a_burst_of_connections_leaves_no_more_open_than_there_may_be() -> None:
    """All are accepted in a few turns of the loop; each beyond takes the place of another one."""
    made = server(Application(), 8)
    async with serving(made) as port:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]  # the loop has no turn
        try:
            async with asyncio.timeout(5):  # half of what a connection without a request has
                while made.connections != 8:
                    await asyncio.sleep(0.01)
        finally:
            for each in clients:
                each.close()


class WholeBodies(Application):
    """Answers with the length of the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(f"{len(await Request(scope, receive).body())} bytes")(scope, receive, send)


async def test_a_body_of_small_chunks_gives_way_to_other_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """One read of the socket brings 40,000 of them, which held the event loop for 0.2 s."""
    read: list[int] = []
    """events of each turn"""

    class Counted(connections.Connection):
        def handle_events(self) -> None:
            read.append(0)
            super().handle_events()

    class CountedFraming(StrictFraming):
        def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
            event = super().next_event()
            read[-1] += isinstance(event, h11.Event)
            return event

    monkeypatch.setattr(connections, "Connection", Counted)
    monkeypatch.setattr(connections, "StrictFraming", CountedFraming)
    async with serving(server(WholeBodies(), 3)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write((b"20\r\n" + b"a" * 32 + b"\r\n") * 40_000 + b"0\r\n\r\n")
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        replies = await reader.read()
        assert (b"1280000 bytes" in replies, b"0 bytes" in replies[-10:]) == (True, True)
        writer.close()
    assert sum(read) >= 40_000 + 4, "a chunk that two reads bring is two events"
    assert max(read) <= 500


@pytest.mark.parametrize("framing", ["chunks", "reads"])
async def test_a_body_in_very_many_small_pieces_is_refused(framing: str) -> None:
    """Each piece costs as much as one of 32 kB: 30 connections that sent single bytes had others wait."""
    async with serving(server(WholeBodies(), 3)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if framing == "chunks":
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            writer.write(b"1\r\na\r\n" * 1_000)
        else:
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1003\r\n\r\n")
            for _ in range(1_000):
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        assert not reader.at_eof()
        writer.write(b"1\r\na\r\n" * 3 if framing == "chunks" else b"a")
        if framing == "reads":
            await asyncio.sleep(0.1)
            writer.write(b"a")
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 400 ")
        writer.close()
