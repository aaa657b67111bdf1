"""Makes the resolver on this machine forget cached answers. Needs neither the store nor control."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from filterd.config.settings import Settings
from filterd.dataplane.listeners.commands import SOCKET, CommandRefused, flush_line, removed_of
from filterd.operations import input_values
from filterd.operations.errors import OperationError
from filterd.policy.canonical import CanonicalError, text_of, wire_of

REPLY_SECONDS = 30.0
"""the longest that a resolver may take to reply"""


@dataclass(frozen=True, slots=True)
class Flushed:
    """The answers that were forgotten."""

    name: str | None
    """None: everything"""
    subtree: bool
    removed: int
    """answers that left the cache, stale ones among them"""


async def flush(settings: Settings, name: str | None, *, subtree: bool = False) -> Flushed:
    """Forget the answers to questions for a name, with ``subtree`` for all below it too, or all answers.

    Answers to other names that lead to it stay. Raises OperationError for what is no name, and where no
    resolver serves.
    """
    wire = None if name is None else _wire(name)
    path = settings.state_dir / SOCKET
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            reply = await _tell(path, flush_line(wire, subtree))
        return Flushed(None if wire is None else text_of(wire), subtree or wire is None, removed_of(reply))
    except PermissionError as error:
        message = f"{path} is its owner's alone"
        raise OperationError(message, "run it as root or as the resolver's user, with sudo") from error
    except CommandRefused as error:
        message = f"the resolver refuses: {error}"
        raise OperationError(message, "run the version of filterd that the resolver runs") from error
    except TimeoutError as error:
        message = "the resolver does not reply"
        raise OperationError(message, "see its log; its cache is empty after a restart") from error
    except (OSError, ValueError) as error:
        message = f"no resolver serves with state_dir {settings.state_dir}"
        remedy = "start it: filterd serve; a cache starts empty, so there is nothing to forget"
        raise OperationError(message, remedy) from error


async def _tell(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(line)
        return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _wire(name: str) -> bytes:
    """A name in wire form: any octets, escaped where need be, or a name in another alphabet (IDNA)."""
    try:
        return wire_of(name if name.isascii() else input_values.name(name))
    except CanonicalError as error:
        raise OperationError(str(error), "write it like www.example.org") from error
