"""What an operator may tell a running resolver, over the Unix socket ``state_dir/resolver-command.sock``.

The resolver listens itself, for its own user and root alone, so that a command needs neither control nor the
store. One line of JSON is one command, and gets one line back::

    {"command": "flush", "name": "example.org" or null, "subtree": true}   ->   {"removed": 12}
    anything else                                                          ->   {"error": "..."}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any, Protocol

from filterd.wire.names import NameTextError, name_from_text, name_to_text

SOCKET = "resolver-command.sock"
LARGEST_LINE = 8192
ROOT = b"\0"


class Flushable(Protocol):
    """The response cache, as commands need it."""

    def flush(self, name: bytes, *, subtree: bool) -> int:
        """Forget a name (lower-cased wire form), with ``subtree`` all below it too; how many answers."""


class CommandRefused(ValueError):  # noqa: N818 - the resolver's word, not an error of ours
    """The resolver did not take a command, and says why."""


def flush_line(name: bytes | None, subtree: bool) -> bytes:
    """The command to forget a name in wire form, or everything (None)."""
    text = None if name is None else name_to_text(name)
    return _line({"command": "flush", "name": text, "subtree": subtree})


def removed_of(reply: bytes) -> int:
    """How many answers were forgotten, by the resolver's reply. CommandRefused: by its word; ValueError."""
    said = json.loads(reply)
    if isinstance(said, dict) and isinstance(said.get("removed"), int):
        return int(said["removed"])
    reason = said.get("error") if isinstance(said, dict) else None
    raise CommandRefused(str(reason or "not the reply of a resolver"))


class CommandSocket:
    """The resolver's end. Owned by the event loop."""

    def __init__(self, path: Path, cache: Flushable) -> None:
        self._path = path
        self._cache = cache
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen, in the place of a socket that an earlier resolver left. Raises ``OSError``."""
        bound = _bind(self._path)
        self._server = await asyncio.start_unix_server(self._accepted, sock=bound, limit=LARGEST_LINE)

    async def close(self) -> None:
        """Stop listening and cut who is connected."""
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
            while line := await reader.readline():
                writer.write(_line(await self._obey(line)))
                await writer.drain()
        except (OSError, ValueError):
            pass  # gone, or a line without end
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _obey(self, line: bytes) -> dict[str, object]:
        try:
            name, subtree = _read_flush(json.loads(line))
        except (ValueError, RecursionError) as error:
            return {"error": str(error) if isinstance(error, CommandRefused | NameTextError) else "no JSON"}
        # In a thread: it goes through the whole cache.
        return {"removed": await asyncio.to_thread(self._cache.flush, name, subtree=subtree)}


def _read_flush(said: Any) -> tuple[bytes, bool]:
    """The name in wire form and whether all below it is meant. CommandRefused and NameTextError."""
    if not isinstance(said, dict) or said.get("command") != "flush":
        msg = "unknown command"
        raise CommandRefused(msg)
    name, subtree = said.get("name"), said.get("subtree", False)
    if name is None:
        return ROOT, True
    if not isinstance(name, str) or not isinstance(subtree, bool):
        msg = "flush takes a name and whether all below it is meant"
        raise CommandRefused(msg)
    return name_from_text(name).lower(), subtree


def _bind(path: Path) -> socket.socket:
    """A bound socket that is its owner's alone before anybody can connect."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
