"""Sends one command to a role that runs on this machine. Needs no store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filterd.dataplane.listeners.commands import SOCKET, CommandRefused
from filterd.disk.locks import is_held
from filterd.operations.errors import NotReachedError, OperationError

REPLY_SECONDS = 30.0
"""the longest that a role may take to reply"""

LARGEST_REPLY = 1 << 22
OTHER_VERSION = (
    "see which version runs: filterd doctor; after an upgrade: sudo systemctl restart filterd-{role}"
)

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
        message = f"the {role.name} does not reply within {REPLY_SECONDS:.0f} seconds"
        raise NotReachedError(message, silent) from error
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        if is_held(state_dir / f"{role.name}.lock"):
            message = f"the {role.name} runs, and does not take commands at {path} yet"
            raise NotReachedError(message, f"try again in some seconds; if it stays: {silent}") from error
        message = f"no {role.name} {role.verb} with state_dir {state_dir}"
        raise NotReachedError(message, absent) from error
    except (OSError, EOFError) as error:
        message = f"the {role.name} broke off before it replied"
        raise NotReachedError(message, f"try again; if it stays: {silent}") from error
    except (ValueError, LookupError, TypeError) as error:
        message = f"the {role.name} gave a reply that this version of filterd does not understand"
        raise OperationError(message, OTHER_VERSION.format(role=role.name)) from error


async def _tell(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path, limit=LARGEST_REPLY)
    try:
        writer.write(line)
        reply = await reader.readline()
        if not reply:
            raise EOFError
        return reply
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
