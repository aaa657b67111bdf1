"""Sends one command to the resolver on this machine. Needs neither the store nor control."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filterd.dataplane.listeners.commands import SOCKET, CommandRefused
from filterd.operations.errors import OperationError

REPLY_SECONDS = 30.0
"""the longest that a resolver may take to reply"""

T = TypeVar("T")


async def ask(state_dir: Path, line: bytes, read: Callable[[bytes], T], *, silent: str, absent: str) -> T:
    """The reply to a command, as ``read`` makes it of the line. Raises OperationError, with ``silent`` as the
    remedy where the resolver does not reply, and ``absent`` where there is none."""
    path = state_dir / SOCKET
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            return read(await _tell(path, line))
    except PermissionError as error:
        message = f"{path} is its owner's alone"
        raise OperationError(message, "run it as root or as the resolver's user, with sudo") from error
    except CommandRefused as error:
        message = f"the resolver refuses: {error}"
        raise OperationError(message, "run the version of filterd that the resolver runs") from error
    except TimeoutError as error:
        message = "the resolver does not reply"
        raise OperationError(message, silent) from error
    except (OSError, ValueError) as error:
        message = f"no resolver serves with state_dir {state_dir}"
        raise OperationError(message, absent) from error


async def _tell(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(line)
        return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
