"""Control's end of the stream of sessions (``wire.session_stream``): each resolver that connects follows.

A follower is written to as fast as it reads and holds nothing back in control: it is at a number, and the
changes behind it are in the table's own ring. One that does not read for some seconds is dropped; it connects
again and resumes, or begins anew where the ring has gone past it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from filterd.disk.local_server import LocalServer, Tell, say_nothing
from filterd.serve.sessions.table import OutboxTable
from filterd.wire.session_stream import ENTRY_SIZE, FRAME_SIZE, MOST_ENTRIES, Frame, FrameKind

SOCKET = "sessions.sock"
LOOK_SECONDS = 0.03
"""between two looks for changes"""
BEAT_SECONDS = 1.0
UNREAD_SECONDS = 10.0
"""how long a follower may leave what was sent to it unread"""
HELLO_SECONDS = 10.0


class StreamListener:
    """Sends the sessions to each follower. Owned by the event loop."""

    def __init__(
        self, path: Path, table: OutboxTable, complete: Callable[[], bool], tell: Tell = say_nothing
    ) -> None:
        """``complete``: whether control has every session."""
        self._table = table
        self._complete = complete
        self._server = LocalServer(path, self._serve, FRAME_SIZE, tell)

    @property
    def followers(self) -> int:
        """The followers that are connected."""
        return self._server.clients

    @property
    def failure(self) -> str:
        """Why nobody can connect; empty: anybody may who should."""
        return self._server.failure

    async def start(self) -> None:
        """Begin to listen. Raises ``OSError``, and tries again all the same."""
        await self._server.start()

    async def close(self) -> None:
        """Stop listening and close all connections."""
        await self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(HELLO_SECONDS):
                hello = Frame.from_bytes(await reader.readexactly(FRAME_SIZE))
            if hello.kind == FrameKind.HELLO and not hello.entries:
                await _Follower(self._table, self._complete, reader, writer).follow(hello)


class _Follower:
    """One connection behind its HELLO."""

    def __init__(
        self,
        table: OutboxTable,
        complete: Callable[[], bool],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._table = table
        self._complete = complete
        self._reader = reader
        self._writer = writer
        self._at = 0
        """the newest change that the follower has"""

    async def follow(self, hello: Frame) -> None:
        """Bring the follower up to date and keep it so, until it leaves or does not read."""
        known = hello.stream == self._table.stream and self._table.changes(hello.sequence, 1) is not None
        if known:
            self._at = hello.sequence
        else:
            await self._send_all()
        clock = asyncio.get_running_loop().time
        beat = clock()  # a beat at once tells a follower that resumes that it is connected
        while not self._reader.at_eof():
            if not await self._send_changes():
                await self._send_all()
            if clock() >= beat:
                await self._send(FrameKind.BEAT)
                beat = clock() + BEAT_SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    async def _send_all(self) -> None:
        """The whole state as it is, slice by slice: what changes meanwhile has numbers behind this one."""
        self._at = self._table.sequence
        await self._send(FrameKind.BEGIN)
        cursor = 0
        while True:
            cursor, entries = self._table.full(cursor, MOST_ENTRIES)
            if entries:
                await self._send(FrameKind.FULL, entries)
            if not cursor:
                break
            await asyncio.sleep(0)
        await self._send(FrameKind.END)

    async def _send_changes(self) -> bool:
        """Send what came since. False: it is no longer known."""
        while True:
            found = self._table.changes(self._at, MOST_ENTRIES)
            if found is None:
                return False
            self._at, entries = found
            if not entries:
                return True
            await self._send(FrameKind.CHANGE, entries)

    async def _send(self, kind: FrameKind, entries: bytes = b"") -> None:
        head = Frame(kind, self._at, self._table.stream, len(entries) // ENTRY_SIZE, self._complete())
        self._writer.write(head.to_bytes() + entries)
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            self._writer.transport.abort()  # a close would wait until it is read
            raise
