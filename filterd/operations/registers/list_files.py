"""The file of a register's whole list, which a mandatory feed reads: one name on each line, sorted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from filterd.config.register_settings import RegisterSettings
from filterd.config.settings import Settings
from filterd.disk.files import make_directory, replace_file
from filterd.disk.locks import LockedError, locked
from filterd.model.records import FeedVersion
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnusableError
from filterd.operations.feeds import rule_files
from filterd.policy.compiler import whole_lines
from filterd.store import feeds

LOCK_WAIT = 120.0
"""seconds for another process that takes a document of the same register in"""
_LINES = 10_000


def list_file(settings: Settings, register: str) -> Path:
    """The source of the feed that a register's list becomes."""
    return settings.state_dir / "registers" / f"{register}.list"


@asynccontextmanager
async def alone_with(context: Context, register: RegisterSettings) -> AsyncIterator[None]:
    """Let one process at a time change the list of a register. Raises OperationError."""
    directory = list_file(context.settings, register.id).parent
    try:
        await asyncio.to_thread(make_directory, directory)
        async with locked(directory / f"{register.id}.lock", LOCK_WAIT):
            yield
    except LockedError:
        message = f"another process takes in a document of {register.id} just now"
        raise ConflictError(message, "try again in a minute") from None
    except OSError as error:
        message = f"the list of the register {register.id} cannot be written: {error.strerror}"
        raise UnusableError(message, f"make room below {directory}; what is in force stays") from error


async def version_of(context: Context, register: RegisterSettings) -> FeedVersion | None:
    """The version in force of the list's feed."""
    async with context.store.read() as connection:
        return (await feeds.current(connection)).get(register.list)


async def listed(context: Context, register: RegisterSettings) -> set[str]:
    """The names of the register as they were taken last. Where its file is lost, those in force: a lost file
    unblocks nothing."""
    try:
        text = await asyncio.to_thread(list_file(context.settings, register.id).read_text, "ascii")
    except FileNotFoundError:
        return await in_force(context, register)
    return set(text.split())


async def in_force(context: Context, register: RegisterSettings) -> set[str]:
    """The names of the feed's version in force. Raises UnusableError where its file cannot be read."""
    version = await version_of(context, register)
    if version is None:
        return set()
    path = rule_files.rule_file(context.settings.state_dir, register.list, version.version)
    try:
        return await asyncio.to_thread(_names_of, path)
    except OSError as error:
        message = f"the list in force of the feed {register.list} cannot be read: {error.strerror}"
        raise UnusableError(message, f"read it anew: filterd feed update {register.list}") from error


def _names_of(path: Path) -> set[str]:
    return {
        line.partition(b" ")[0].decode("ascii")
        for piece in whole_lines(rule_files.read_pieces(path))
        for line in piece.split(b"\n")
        if line and not line.endswith(b" allow")
    }


async def write_list(context: Context, register: RegisterSettings, names: Collection[str]) -> None:
    """Write the list durably. Raises ``OSError``."""
    ordered = sorted(names)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(ordered), _LINES):
            yield "".join(f"{each}\n" for each in ordered[start : start + _LINES]).encode("ascii")

    await asyncio.to_thread(replace_file, list_file(context.settings, register.id), pieces())
