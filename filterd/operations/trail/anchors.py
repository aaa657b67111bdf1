"""Takes checkpoints to their anchors outside, and says how far each anchor is.

A checkpoint counts as anchored when its proof was verified: a time stamp against the operator's certificates,
a countersignature against the signer's key, a file by reading it back. A failure is tried again, at growing
intervals; checkpoints wait meanwhile and are not lost, since each leads to all before it.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filterd.config.signing_settings import AnchorKind, AnchorSettings
from filterd.disk import worm
from filterd.fetch.failures import TimestampFetchError
from filterd.fetch.request import Lookup
from filterd.model.checkpoint import Checkpoint
from filterd.operations.context import Context
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.trail import timestamps
from filterd.operations.trail.timestamps import TimestampError
from filterd.store import anchors as rows
from filterd.store import checkpoints as checkpoint_rows
from filterd.store.anchors import AnchorAttempts, AnchorRow

FIRST_RETRY, LONGEST_RETRY = 30.0, 3_600.0
"""seconds; each failure in a row doubles the wait"""
BATCH = 100
"""checkpoints that a file takes in one turn"""
LookupOf = Callable[[Any], AbstractAsyncContextManager[Lookup]]


@dataclass(frozen=True, slots=True)
class AnchorStatus:
    """How far an anchor is."""

    id: str
    kind: str
    checkpoint: int
    """the newest one that it has; 0: none"""
    at: float
    """when it took that, by our clock; 0: never"""
    told_at: float
    """the time that it gave itself; 0: none"""
    waiting: int
    """checkpoints that are newer"""
    due: bool
    """true if it should have a newer one by now"""
    failures: int
    """in a row"""
    trouble: str


async def status(context: Context) -> tuple[AnchorStatus, ...]:
    """Every anchor of the configuration."""
    async with context.store.read() as connection:
        newest = await checkpoint_rows.newest(connection)
        tried = await rows.attempts(connection)
        taken = {each.id: await rows.newest(connection, each.id) for each in context.settings.signing.anchors}
    return tuple(
        _status(each, taken[each.id], tried.get(each.id), newest, context.clock())
        for each in context.settings.signing.anchors
    )


def _status(
    anchor: AnchorSettings,
    taken: AnchorRow | None,
    tried: AnchorAttempts | None,
    newest: Checkpoint | None,
    now: float,
) -> AnchorStatus:
    number, last = (0, 0.0) if taken is None else (taken.checkpoint, taken.at)
    waiting = 0 if newest is None else max(0, newest.number - number)
    return AnchorStatus(
        id=anchor.id,
        kind=anchor.kind.value,
        checkpoint=number,
        at=last,
        told_at=0.0 if taken is None else taken.told_at,
        waiting=waiting,
        due=waiting > 0 and not 0 <= now - last < anchor.every,
        failures=0 if tried is None else tried.failures,
        trouble="" if tried is None else tried.trouble,
    )


def wait_after(failures: int) -> float:
    """Seconds until the next attempt after so many failures in a row."""
    return min(FIRST_RETRY * 2.0 ** (min(failures, 20) - 1), LONGEST_RETRY) if failures else 0.0


async def is_due(context: Context, anchor: AnchorSettings) -> bool:
    """True if this anchor is to be given a checkpoint now. Countersignatures are brought by a person."""
    if anchor.kind is AnchorKind.COUNTERSIGN:
        return False
    async with context.store.read() as connection:
        newest = await checkpoint_rows.newest(connection)
        taken = await rows.newest(connection, anchor.id)
        tried = (await rows.attempts(connection)).get(anchor.id)
    now = context.clock()
    if tried is not None and tried.failures and 0 <= now - tried.tried_at < wait_after(tried.failures):
        return False
    return _status(anchor, taken, tried, newest, now).due


async def deliver(
    context: Context, anchor: AnchorSettings, lookups: LookupOf = server_addresses
) -> AnchorAttempts:
    """Give an anchor what is due, and note how it went; what the anchor or the network does raises
    nothing."""
    trouble = ""
    try:
        if anchor.kind is AnchorKind.RFC3161:
            await _stamp(context, anchor, lookups)
        else:
            await _keep(context, anchor)
    except (OSError, TimestampFetchError, TimestampError) as error:
        trouble = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    async with context.store.report() as connection:
        before = (await rows.attempts(connection)).get(anchor.id)
        now = context.clock()
        noted = AnchorAttempts(
            anchor.id,
            now,
            (0.0 if before is None else before.succeeded_at) if trouble else now,
            (0 if before is None else before.failures) + 1 if trouble else 0,
            trouble,
        )
        await rows.note(connection, noted)
    return noted


async def _stamp(context: Context, anchor: AnchorSettings, lookups: LookupOf) -> None:
    """Have the newest checkpoint stamped."""
    from filterd.fetch.timestamp import post_query  # its client is loaded where there is such an anchor

    assert anchor.ca is not None  # noqa: S101 - the configuration requires it
    async with context.store.read() as connection:
        newest = await checkpoint_rows.newest(connection)
    if newest is None:
        return
    asked = await asyncio.to_thread(timestamps.query, newest.text, anchor.ca)
    async with lookups(context.settings) as lookup:
        reply = await post_query(anchor.url, asked.as_bytes(), anchor.tls_ca, anchor.timeout, lookup)
    told_at = await asyncio.to_thread(timestamps.stamped_at, reply, newest.text, anchor.ca, asked)
    await _note(context, anchor, (newest,), told_at, base64.b64encode(reply).decode("ascii"))


async def _keep(context: Context, anchor: AnchorSettings) -> None:
    """Write to a file or directory what it does not have: every checkpoint, or the newest one alone where
    only some are to go there."""
    async with context.store.read() as connection:
        taken = await rows.newest(connection, anchor.id)
        newest = await checkpoint_rows.newest(connection)
        after = 0 if taken is None else taken.checkpoint
        some = await checkpoint_rows.page(connection, after=after, limit=BATCH)
    if anchor.every and newest is not None:
        some = [newest]
    for each in some:
        await asyncio.to_thread(_write, anchor, each)
        await _note(context, anchor, (each,), 0.0, "")


def _write(anchor: AnchorSettings, checkpoint: Checkpoint) -> None:
    assert anchor.path is not None  # noqa: S101 - the configuration requires it
    if anchor.kind is AnchorKind.FILE:
        worm.append_line(anchor.path, checkpoint.text)
    else:
        worm.add_file(anchor.path, file_name(checkpoint), checkpoint.text)


def file_name(checkpoint: Checkpoint) -> str:
    """The name of a checkpoint's file in a directory; names sort as checkpoints follow each other."""
    return f"checkpoint-{checkpoint.number:010}-{checkpoint.digest[:16]}.json"


async def _note(
    context: Context, anchor: AnchorSettings, taken: Sequence[Checkpoint], told_at: float, proof: str
) -> None:
    async with context.store.report() as connection:
        for each in taken:
            number = await rows.next_number(connection)
            await rows.add(
                connection,
                AnchorRow(
                    number,
                    anchor.id,
                    anchor.kind.value,
                    each.number,
                    each.digest,
                    context.clock(),
                    told_at,
                    "",
                    proof,
                ),
            )


async def check(context: Context) -> dict[str, str]:
    """Look at what each anchor says it has of its newest checkpoint: why it does not, by the anchor's id;
    empty where it does."""
    found = {}
    for anchor in context.settings.signing.anchors:
        async with context.store.read() as connection:
            taken = await rows.newest(connection, anchor.id)
            row = None if taken is None else await checkpoint_rows.find(connection, taken.checkpoint)
            signers = await rows.countersigners(connection)
        if taken is not None:
            found[anchor.id] = await asyncio.to_thread(_fault, anchor, taken, row, signers)
    return found


def _fault(anchor: AnchorSettings, taken: AnchorRow, row: Checkpoint | None, signers: dict[str, str]) -> str:
    from filterd.operations.trail.countersigning import signature_fault

    if row is None or row.digest != taken.digest:
        return f"it has another checkpoint {taken.checkpoint} than the store"
    try:
        if anchor.kind is AnchorKind.RFC3161:
            timestamps.stamped_at(base64.b64decode(taken.proof), row.text, anchor.ca or Path())
        elif anchor.kind is AnchorKind.COUNTERSIGN:
            return signature_fault(taken, row, signers)
        elif not _has(anchor, row):
            return f"checkpoint {row.number} is not there"
    except (OSError, TimestampError, ValueError) as error:
        return str(error)
    return ""


def _has(anchor: AnchorSettings, row: Checkpoint) -> bool:
    path = anchor.path or Path()
    if anchor.kind is AnchorKind.FILE:
        return worm.has_line(path, row.text)
    return worm.has_file(path, file_name(row), row.text)
