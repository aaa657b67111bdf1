"""The file of a register's whole list, which a mandatory feed reads: one name on each line, sorted.

The audit trail has the digest of each list that is written. A file that is another one (cut, changed by hand,
of before or after a restore) is not believed: what is in force stays, and the file is written anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from filterd.config.register_settings import RegisterSettings
from filterd.config.settings import Settings
from filterd.disk.files import make_directory, replace_file
from filterd.disk.locks import LockedError, locked
from filterd.feed.source import SourceError
from filterd.model.records import FeedVersion
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnusableError
from filterd.operations.feeds import rule_files
from filterd.operations.registers.finding import register_subject
from filterd.policy.compiler import whole_lines
from filterd.policy.documents import Feed
from filterd.store import change_log, feeds

LOCK_WAIT = 120.0
"""seconds for another process that takes a document of the same register in"""
LISTED = "register.list"
"""the action in the trail that has the digest of a list"""
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
    """The names of the register as they were taken last. Where its file is lost, or is another one than was
    written, those in force: such a file unblocks nothing."""
    content = await _sound(context, register)
    return await in_force(context, register) if content is None else set(content.decode("ascii").split())


async def is_sound(context: Context, register: RegisterSettings) -> bool:
    """True where the file is the one that was written last."""
    return await _sound(context, register) is not None


async def require_sound(context: Context, feed: Feed) -> None:
    """Raise SourceError where a feed is the list of a register, and its file is not the one that was written:
    what is in force stays."""
    for each in context.settings.registers:
        path = list_file(context.settings, each.id)
        if each.list != feed.id or context.settings.policies / feed.source != path or not path.exists():
            continue
        if not await is_sound(context, each):
            message = (
                f"{path} is not what the register {each.id} wrote, so the list in force stays;"
                f" to write it anew: filterd register retry {each.id}"
            )
            raise SourceError(message)


async def _sound(context: Context, register: RegisterSettings) -> bytes | None:
    """The content of the file; None where it is lost, or another one than the trail tells."""
    try:
        content = await asyncio.to_thread(list_file(context.settings, register.id).read_bytes)
    except FileNotFoundError:
        return None
    async with context.store.read() as connection:
        told = await change_log.newest_decisions(connection, "register", (LISTED,))
    digest = told.get(register.id, {}).get("digest")
    return content if digest in (None, hashlib.sha256(content).hexdigest()) else None


async def in_force(context: Context, register: RegisterSettings) -> set[str]:
    """The names of the feed's version in force. Raises UnusableError where its file cannot be read."""
    return await names_of(context, register, await version_of(context, register))


async def names_of(context: Context, register: RegisterSettings, version: FeedVersion | None) -> set[str]:
    """The names of a version of the list's feed; none of no version. Raises UnusableError where its file
    cannot be read."""
    if version is None:
        return set()
    path = rule_files.rule_file(context.settings.state_dir, register.list, version.version)
    try:
        return await asyncio.to_thread(_names_of, path)
    except (OSError, ValueError) as error:  # neither text is shown: it may have names of the list
        why = (isinstance(error, OSError) and error.strerror) or "its file is damaged"
        message = f"the list in force of the feed {register.list} cannot be read: {why}"
        raise UnusableError(message, f"read it anew: filterd feed update {register.list}") from error


def _names_of(path: Path) -> set[str]:
    return {
        line.partition(b" ")[0].decode("ascii")
        for piece in whole_lines(rule_files.read_pieces(path))
        for line in piece.split(b"\n")
        if line and not line.endswith(b" allow")
    }


async def write_list(context: Context, register: RegisterSettings, names: Collection[str]) -> None:
    """Write the list durably; its digest goes into the trail first. Raises ``OSError``."""
    ordered = sorted(names)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(ordered), _LINES):
            yield "".join(f"{each}\n" for each in ordered[start : start + _LINES]).encode("ascii")

    def digest() -> str:
        found = hashlib.sha256()
        for piece in pieces():
            found.update(piece)
        return found.hexdigest()

    after = {"digest": await asyncio.to_thread(digest), "names": len(ordered)}
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit(LISTED, register_subject(register.id), after=after)
    await asyncio.to_thread(replace_file, list_file(context.settings, register.id), pieces())
