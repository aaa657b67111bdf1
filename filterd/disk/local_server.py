"""A listener on a Unix socket in ``state_dir``, for its owner and root alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""talks to one client until it has gone"""


class LocalServer:
    """Serves each client in a task of its own. Owned by the event loop."""

    def __init__(self, path: Path, serve: Serve, largest_line: int) -> None:
        """``serve`` may raise OSError and ValueError: the client is gone, or says what nobody understands."""
        self._path = path
        self._talk = serve
        self._largest_line = largest_line
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def clients(self) -> int:
        """The clients that are connected."""
        return len(self._open)

    async def start(self) -> None:
        """Begin to listen; replaces a socket that a killed process left behind. Raises ``OSError``."""
        bound = _bind(self._path)
        self._server = await asyncio.start_unix_server(self._accepted, sock=bound, limit=self._largest_line)

    async def close(self) -> None:
        """Stop listening and close all connections."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, ValueError):
            pass
        finally:
            await shut(writer)


async def shut(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until the socket is closed."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


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
