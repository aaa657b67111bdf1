"""The operator's commands to a running resolver, over the Unix socket ``state_dir/resolver-command.sock``.

The resolver itself listens, for its own user and root only, so that a command needs neither control nor the
store. One line of JSON is one command and gets one line back::

    {"command": "flush", "name": "example.org" or null, "subtree": true}   ->   {"removed": 12}
    {"command": "node"}                                                    ->   {"node": {...}}
    {"command": "resync"}                                                  ->   {"resync": "begun"}
    anything else                                                          ->   {"error": "..."}

``node`` tells which history of the store the node follows, and the orders that it alone keeps in force;
``resync`` makes it follow the history that the store has now.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Protocol

from filterd.disk.local_server import LocalServer, Tell, say_nothing
from filterd.wire.names import NameTextError, name_from_text, name_to_text

SOCKET = "resolver-command.sock"
LARGEST_LINE = 8192
ROOT = b"\0"
FOLLOWS = "this node follows the store that stands there"
"""the reason why there is nothing to accept"""


class Flushable(Protocol):
    """The response cache, as commands need it."""

    def flush(self, name: bytes, *, subtree: bool) -> int:
        """Forget a name (lower-cased wire form), or its subtree; return the number of answers."""


class Resyncable(Protocol):
    """The node, as commands need it."""

    def describe(self) -> dict[str, object]:
        """Its state, as values of JSON."""

    def accept_history(self) -> bool:
        """Begin to follow the history that the store has now; False: it follows that already."""


class CommandRefused(ValueError):  # noqa: N818 - a refusal by the resolver, not a fault of ours
    """The resolver refused a command; the message is its reason."""


def flush_line(name: bytes | None, subtree: bool) -> bytes:
    """The command to forget a name in wire form, or everything (None)."""
    text = None if name is None else name_to_text(name)
    return _line({"command": "flush", "name": text, "subtree": subtree})


def node_line() -> bytes:
    """The command to describe the node."""
    return _line({"command": "node"})


def resync_line() -> bytes:
    """The command to follow the history that the store has now."""
    return _line({"command": "resync"})


def node_of(reply: bytes) -> dict[str, Any]:
    """The description in the resolver's reply. Raises CommandRefused and ValueError."""
    fields = json.loads(reply)
    if isinstance(fields, dict) and isinstance(fields.get("node"), dict):
        return dict(fields["node"])
    raise _refusal(fields)


def require_begun(reply: bytes) -> None:
    """Return if the reply says that a resync has begun. Raises CommandRefused and ValueError."""
    fields = json.loads(reply)
    if not isinstance(fields, dict) or fields.get("resync") != "begun":
        raise _refusal(fields)


def removed_of(reply: bytes) -> int:
    """The number of forgotten answers in the resolver's reply. Raises CommandRefused and ValueError."""
    fields = json.loads(reply)
    if isinstance(fields, dict) and isinstance(fields.get("removed"), int):
        return int(fields["removed"])
    raise _refusal(fields)


def _refusal(fields: Any) -> CommandRefused:
    reason = fields.get("error") if isinstance(fields, dict) else None
    return CommandRefused(str(reason or "not the reply of a resolver"))


class CommandSocket:
    """The resolver's end. Owned by the event loop."""

    def __init__(self, path: Path, cache: Flushable, node: Resyncable, tell: Tell = say_nothing) -> None:
        self.path = path
        self._cache = cache
        self._node = node
        self._server = LocalServer(path, self._serve, LARGEST_LINE, tell)

    async def start(self) -> None:
        """Begin to listen; replaces a socket that an earlier resolver left behind. Raises ``OSError``, and
        tries again all the same."""
        await self._server.start()

    async def close(self) -> None:
        """Stop listening and close all connections."""
        await self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(_line(await self._execute(line)))
            await writer.drain()

    async def _execute(self, line: bytes) -> dict[str, object]:
        try:
            command = json.loads(line)
            word = command.get("command") if isinstance(command, dict) else None
            if word == "node":
                return {"node": self._node.describe()}
            if word == "resync":
                return self._resync()
            name, subtree = _read_flush(command)
        except (ValueError, RecursionError) as error:
            return {"error": str(error) if isinstance(error, CommandRefused | NameTextError) else "no JSON"}
        # In a thread, since it walks the whole cache.
        return {"removed": await asyncio.to_thread(self._cache.flush, name, subtree=subtree)}

    def _resync(self) -> dict[str, object]:
        if not self._node.accept_history():
            raise CommandRefused(FOLLOWS)
        return {"resync": "begun"}


def _read_flush(command: Any) -> tuple[bytes, bool]:
    """The name in wire form, and whether its subtree is meant. Raises CommandRefused, NameTextError."""
    if not isinstance(command, dict) or command.get("command") != "flush":
        msg = "unknown command"
        raise CommandRefused(msg)
    name, subtree = command.get("name"), command.get("subtree", False)
    if name is None:
        return ROOT, True
    if not isinstance(name, str) or not isinstance(subtree, bool):
        msg = "flush takes a name and whether all below it is meant"
        raise CommandRefused(msg)
    return name_from_text(name).lower(), subtree


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
