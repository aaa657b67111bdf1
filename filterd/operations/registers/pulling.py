"""Pulls registers from their servers, or from a file that something else puts there.

The servers of authorities are slow: they may make a whole register for each request. What fails, is cut, or
is no register at all keeps what is in force, and is told; the next pull tries again.
"""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.list_page import Marks
from filterd.feed.registers.parsed import Tell, quiet
from filterd.fetch.failures import FetchError
from filterd.fetch.request import Access, Limits, Lookup
from filterd.fetch.secrets import Secrets
from filterd.model.register import RegisterKind, RegisterPull, RunOrigin
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.registers import taking, troubles
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed, TakenDocument
from filterd.operations.registers.listed import ListedError, obtain
from filterd.operations.safe_texts import safe_text
from filterd.store import registers as rows

if TYPE_CHECKING:
    from filterd.fetch.client import Client

STALL = 300.0
"""seconds that a server may take to begin its answer, or between two pieces of it"""
TOTAL = 1800.0
"""seconds for one answer"""
RETRY = 300.0
"""seconds after which a pull that failed is tried again, where the register is pulled less often"""
SETTLE, SETTLES = 3.0, 5
"""seconds between two readings of a file that may be half written, and how many of them there are"""

LookupOf = Callable[[Any], AbstractAsyncContextManager[Lookup]]


class NotPulledError(OperationError):
    """A register that its source did not give."""


@dataclass(frozen=True, slots=True)
class Pulling:
    """The common part of all pulls of a process."""

    lookups: LookupOf = server_addresses
    chance: Callable[[], float] = field(default=random.SystemRandom().random)
    stall: float = STALL
    total: float = TOTAL
    attempts: int = 3
    sleep: Callable[[float], Any] = asyncio.sleep


def pulled(registers: Sequence[RegisterSettings]) -> list[RegisterSettings]:
    """The registers that have a source. Platforms of tickets are visited, not pulled."""
    return [each for each in registers if each.source and each.as_kind is not RegisterKind.TICKETS]


async def pull(
    context: Context,
    identifier: str,
    *,
    dry_run: bool = False,
    tell: Tell = quiet,
    pulling: Pulling | None = None,
) -> TakenDocument:
    """Pull a register once and take it in. Raises OperationError; what is in force stays then, and
    whatever fails is on record with the register."""
    register = require_register(context, identifier)
    if register.as_kind is RegisterKind.TICKETS:
        message = f"the register {register.id} is a platform of tickets, which control visits by itself"
        raise ConflictError(message, f"to visit it now, on the machine: filterd register pull {register.id}")
    if not register.source:
        message = f"the register {register.id} has no source to pull"
        raise ConflictError(message, "write registers: source; or: filterd register take")
    try:
        content = await fetched(context, register, pulling or Pulling())
        handed = Handed(content, RunOrigin.PULL)
        taken = await taking.take(context, register.id, handed, dry_run=dry_run, tell=tell)
    except Exception as error:
        if not dry_run:
            await note(context, register, safe_text(error))
        raise
    if not dry_run:
        await note(context, register, "")
    return taken


async def fetched(context: Context, register: RegisterSettings, pulling: Pulling) -> bytes:
    """The bytes that the source gives. Raises NotPulledError."""
    if not register.source.startswith("https://"):
        return await _settled(register, pulling)
    from filterd.fetch.client import Client  # it is needed where something is fetched

    settings = context.settings
    access = Access(
        Secrets(settings.policies), ca=register.ca or settings.feeds.ca, proxy=settings.feeds.proxy
    )
    limits = Limits(
        size=register.largest, stall=pulling.stall, total=pulling.total, attempts=pulling.attempts
    )
    try:
        async with pulling.lookups(settings) as lookup:
            client = Client(access, limits, lookup, pulling.chance, pulling.sleep)
            return await _content(client, register)
    except (FetchError, ListedError, OSError) as error:
        message = f"the register {register.id} was not pulled: {error}"
        raise NotPulledError(message, "what is in force stays; it is tried again by itself") from error


async def _content(client: Client, register: RegisterSettings) -> bytes:
    """The document at the source, or the list that the page there names."""

    async def get(address: str) -> bytes:
        sink = _Sink()
        await client.get(address, sink)
        return sink.getvalue()

    if register.page is None:
        return await get(register.source)
    marks = Marks(register.page.list_mark, register.page.control_mark, register.page.hosts)
    return (await obtain(get, register.source, marks)).content


async def due_pulls(context: Context) -> list[str]:
    """The registers whose pull is due. A failed one is due again soon."""
    async with context.store.read() as connection:
        known = await rows.pulls(connection)
    now = context.clock()
    found = []
    for each in pulled(context.settings.registers):
        last = known.get(each.id)
        failed = last is not None and last.problem and not last.problem.startswith(troubles.OPEN)
        rest = min(each.pull_every, RETRY) if failed else each.pull_every
        if last is None or not 0 <= now - last.tried_at < rest:
            found.append(each.id)
    return found


class _Sink(io.BytesIO):
    def write(self, data: Any, /) -> int:  # of the protocol that the client writes to
        return super().write(data)


async def _settled(register: RegisterSettings, pulling: Pulling) -> bytes:
    """The content of a file. Rows of CSV may be cut anywhere and look whole: one without an end, whose name
    may be that of another site, is read again until nothing writes to it any more. Raises NotPulledError."""
    content = await _read_file(register)
    for _ in range(SETTLES):
        if register.as_kind is not RegisterKind.CSV or content.endswith((b"\n", b"\r")):
            return content
        await pulling.sleep(SETTLE)
        before, content = content, await _read_file(register)
        if content == before:
            return content
    message = f"the register {register.id} was not read: {register.source} is being written"
    raise NotPulledError(message, "what is in force stays; write it elsewhere, and move it there")


async def _read_file(register: RegisterSettings) -> bytes:
    path = Path(register.source)

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(register.largest + 1)

    try:
        return await asyncio.to_thread(read)
    except OSError as error:
        message = f"the register {register.id} was not read: {path}: {error.strerror}"
        raise NotPulledError(message, "what is in force stays; put the file there") from error


async def note(context: Context, register: RegisterSettings, problem: str) -> None:
    """Note how a pull went; no problem: it was good. Why what is open is not put in force stays told then:
    a good pull mends nothing of it."""
    now = float(context.clock())
    async with context.store.report() as connection:
        before = (await rows.pulls(connection)).get(register.id)
        good_at = now if not problem else (0.0 if before is None else before.good_at)
        kept = "" if before is None or not before.problem.startswith(troubles.OPEN) else before.problem
        await rows.put_pull(connection, RegisterPull(register.id, now, good_at, problem[:1000] or kept))
