"""A listener on a Unix socket in ``state_dir``, for its owner and root alone.

Whoever cleans a directory removes sockets too, and a role would go on without anybody reaching it. So each
listener looks once a second whether its socket is still there, and makes a new one where it is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""talks to one client until it has gone"""
Tell = Callable[[Path, str], None]
"""is told that the socket was gone and is there again, or why it cannot be made (told once for a reason)"""

LOOK_SECONDS = 1.0
"""between two looks for the socket"""


def say_nothing(path: Path, failure: str) -> None:
    """A ``Tell`` that nobody hears."""


class LocalServer:
    """Serves each client in a task of its own. Owned by the event loop."""

    def __init__(self, path: Path, serve: Serve, largest_line: int, tell: Tell = say_nothing) -> None:
        """``serve`` may raise OSError and ValueError: the client is gone, or says what nobody understands."""
        self.failure = ""
        """why nobody can connect; empty: the socket is there"""
        self._path = path
        self._talk = serve
        self._largest_line = largest_line
        self._notice = tell
        self._server: asyncio.Server | None = None
        self._made: tuple[int, int, int] | None = None
        """what tells our socket from another one at its path"""
        self._watch: asyncio.Task[None] | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def clients(self) -> int:
        """The clients that are connected."""
        return len(self._open)

    async def start(self) -> None:
        """Begin to listen; replaces a socket that a killed process left behind. Raises ``OSError``, and tries
        again all the same until :meth:`close`."""
        self._watch = asyncio.get_running_loop().create_task(self._look_for_ever())
        try:
            await self._listen()
        except OSError as error:
            self.failure = str(error)
            raise

    async def close(self) -> None:
        """Stop listening and close all connections."""
        ending = set(self._open)
        if self._watch is not None:
            ending.add(self._watch)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        if self._server is None:
            return
        with contextlib.suppress(OSError):  # at this path may stand the socket of who comes after us
            if _identity(self._path.lstat()) == self._made:
                self._path.unlink(missing_ok=True)
        self._server.close()

    async def _listen(self) -> None:
        """Bind anew; who is connected stays so."""
        if self._server is not None:
            self._server.close()
            self._server = None
        bound = _bind(self._path)
        self._made = _identity(self._path.lstat())
        self._server = await asyncio.start_unix_server(self._accepted, sock=bound, limit=self._largest_line)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            # In a thread: a disk that hangs must not hold the clients of the event loop.
            if self._server is not None and await asyncio.to_thread(_is_socket, self._path):
                continue
            before, self.failure = self.failure, ""
            try:
                await self._listen()
            except OSError as error:
                self.failure = str(error)
            if not self.failure or self.failure != before:
                self._notice(self._path, self.failure)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, ValueError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()  # we end: what a client does not read must not keep us
            raise
        finally:
            await shut(writer)


async def shut(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until the socket is closed."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _is_socket(path: Path) -> bool:
    """True for a socket, also for another's: a successor binds at the same path."""
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    """Device, inode and time of making: an inode's number may be used again at once."""
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _bind(path: Path) -> socket.socket:
    """A bound socket that only its owner may use, before anybody can connect to it."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound
