"""Sends one command to a role that runs on this machine. Needs no store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filterd.dataplane.listeners.commands import SOCKET, CommandRefused
from filterd.operations.errors import OperationError

REPLY_SECONDS = 30.0
"""the longest that a resolver may take to reply"""

LARGEST_REPLY = 1 << 22

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """The role that a command is sent to."""

    name: str
    socket: str
    """its file in ``state_dir``"""
    refusal: type[ValueError]
    """what the reading of a reply raises where the role refuses"""
    verb: str = "serves"


RESOLVER = Asked("resolver", SOCKET, CommandRefused)


async def ask(
    state_dir: Path,
    line: bytes,
    read: Callable[[bytes], T],
    *,
    silent: str,
    absent: str,
    role: Asked = RESOLVER,
) -> T:
    """The reply to a command, as ``read`` makes it of the line. Raises OperationError, with ``silent`` as the
    remedy where the role does not reply, and ``absent`` where there is none."""
    path = state_dir / role.socket
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            return read(await _tell(path, line))
    except PermissionError as error:
        message = f"{path} is its owner's alone"
        raise OperationError(message, f"run it as root or as the {role.name}'s user, with sudo") from error
    except role.refusal as error:
        message = f"the {role.name} refuses: {error}"
        raise OperationError(message, f"run the version of filterd that the {role.name} runs") from error
    except TimeoutError as error:
        message = f"the {role.name} does not reply"
        raise OperationError(message, silent) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        message = f"no {role.name} {role.verb} with state_dir {state_dir}"
        raise OperationError(message, absent) from error


async def _tell(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path, limit=LARGEST_REPLY)
    try:
        writer.write(line)
        return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
