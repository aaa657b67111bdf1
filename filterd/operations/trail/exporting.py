"""Writes the export of the audit trail: one file that a regulator verifies alone.

The end is fixed first: sequence and hash of the newest entry, and the tables as they are at it, in one read
transaction. The tables wait in a temporary file while the entries are read page by page, each page in a
transaction of its own. What is damaged in the store is exported as it is, so that the verifiers find it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import filterd
from filterd.disk.files import rename_file
from filterd.model import export_format, signed_text
from filterd.model.audit_chain import GENESIS, StoredEntry, entry_hash
from filterd.model.export_format import TABLES, line_of
from filterd.operations import input_values, signing
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError, UnusableError
from filterd.operations.plain_values import moment
from filterd.operations.reports import ranges
from filterd.operations.signing import Purpose, Signer
from filterd.operations.trail import checkpoints, export_rows
from filterd.operations.trail.export_checkpoints import CheckpointRecords
from filterd.store import change_log
from filterd.store import checkpoints as checkpoint_rows
from filterd.store import exports as rows

PAGE = 1_000
"""entries of one read transaction"""
Progress = Callable[[int, int], None]
"""is told how many entries of how many are written"""


@dataclass(frozen=True, slots=True)
class ExportScope:
    """The part of the trail to export. Both times are Unix seconds, None: from the first, to the last."""

    since: float | None = None
    until: float | None = None
    order: str = ""
    """show the entries of this order alone, ``O-1``; all others are withheld"""

    @property
    def whole(self) -> bool:
        """True if every entry is in it, so that the tables can be compared."""
        return self.since is None and self.until is None


def scope_of(since: str, until: str, order: str) -> ExportScope:
    """The part that texts name; empty ones: all. Raises OperationError."""
    return ExportScope(
        input_values.when(since, "the time from which it is exported") if since else None,
        input_values.when(until, "the time to which it is exported") if until else None,
        order.strip().upper(),
    )


def scope_of_days(first: str, last: str, order: str, zone: str) -> ExportScope:
    """The part from one ISO day of a zone to another, both in it; empty ones: from the first, to the last.
    Raises OperationError."""
    since = ranges.between(first, first).bounds(zone)[0] if first else None
    until = ranges.between(last, last).bounds(zone)[1] if last else None
    if since is not None and until is not None and until <= since:
        message = f"the days end on {last}, before they begin on {first}"
        raise OperationError(message, "write the earlier one first")
    return ExportScope(since, until, order.strip().upper())


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that was written."""

    path: Path
    size: int
    digest: str
    """SHA-256 of the whole file"""
    entries: int
    withheld: int
    checkpoints: int
    sequence: int
    hash: str
    key_id: str
    """of the key that signed the seal"""
    warning: str = ""
    """why no checkpoint was signed at its end"""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The fixed ends of an export."""

    after: tuple[int, str]
    """sequence and hash before the first entry"""
    last: tuple[int, str]
    checkpoint: int
    """the number of the newest checkpoint"""
    anchor: int
    installation: str
    keys: tuple[dict[str, str], ...]
    """every public key for checkpoints"""


class ExportStream:
    """The lines of one export. After the last one, :attr:`counts` and :attr:`sealed` tell what it was."""

    def __init__(self, context: Context, scope: ExportScope, progress: Progress | None = None) -> None:
        """Nothing is read before the first line is asked for."""
        self._context, self._scope, self._progress = context, scope, progress
        self._digest = hashlib.sha256()
        self._size = 0
        self.counts: Counter[str] = Counter()
        self.sealed: dict[str, Any] = {}
        """the body of the seal"""
        self.key_id = ""
        self.warning = ""

    async def lines(self) -> AsyncGenerator[bytes]:
        """Every line, the seal last. Raises OperationError."""
        await self._require_order()
        key = await self._checkpointed()
        with TemporaryFile(prefix="filterd-export-") as kept:
            bounds, tables = await self._fixed(kept)
            yield self._line(self._header(bounds))
            records = CheckpointRecords(self._context, bounds.after, bounds.checkpoint, bounds.anchor)
            async for record in records.behind(*bounds.after):
                yield self._line(record)
            async for stored, record in self._entries(bounds):
                yield self._line(record)
                async for each in records.behind(stored.sequence, stored.hash):
                    yield self._line(each)
            if self._scope.whole:
                async for record in records.left():
                    yield self._line(record)
            kept.seek(0)
            for line in kept:
                yield self._counted(export_format.ROW, line)
            yield self._seal(bounds, tables, key)

    async def _require_order(self) -> None:
        if self._scope.order:
            from filterd.operations.orders import showing

            await showing.show(self._context, self._scope.order)

    async def _checkpointed(self) -> Signer:
        """Sign a checkpoint of the trail as it is, if that can be done, and return the key."""
        for _ in range(3):
            try:
                await checkpoints.make(self._context)
            except (ConflictError, UnusableError) as error:
                self.warning = str(error)
            key = await asyncio.to_thread(signing.signer, self._context.settings, Purpose.CHECKPOINT)
            newest = await checkpoints.newest(self._context)
            if newest is None or newest.key_id == key.key_id or self.warning:
                break
        self.key_id = key.key_id
        return key

    async def _fixed(self, kept: IO[bytes]) -> tuple[_Bounds, dict[str, Any]]:
        async with self._context.store.read() as connection:
            last = await change_log.chain_end(connection)
            after = (0, GENESIS)
            newest = await checkpoint_rows.newest(connection)
            if not self._scope.whole:
                after, last = await rows.bounds(connection, self._scope.since, self._scope.until, last)
            found = _Bounds(
                after,
                last,
                0 if newest is None else newest.number,
                await rows.newest_anchor(connection),
                await checkpoint_rows.installation_id(connection),
                tuple(
                    {"key_id": each.key_id, "public_key": each.public_key}
                    for each in await checkpoint_rows.keys(connection)
                    if each.purpose == Purpose.CHECKPOINT
                ),
            )
            tables: dict[str, Any] = {}
            if self._scope.whole:
                gathered = await export_rows.gather(connection, self._scope.order)
                tables = await asyncio.to_thread(_spooled, kept, gathered)
        return found, tables

    def _header(self, bounds: _Bounds) -> dict[str, Any]:
        return {
            "kind": export_format.HEADER,
            "format": export_format.FORMAT,
            "made_at": moment(self._context.clock()),
            "filterd": filterd.__version__,
            "installation": bounds.installation,
            "after": {"sequence": bounds.after[0], "hash": bounds.after[1]},
            "sequence": bounds.last[0],
            "hash": bounds.last[1],
            "order": self._scope.order,
            "keys": list(bounds.keys),
            "tables": self._tables,
        }

    @property
    def _tables(self) -> list[str]:
        if not self._scope.whole:
            return []
        return [each.name for each in TABLES if not self._scope.order or each.name == "order"]

    async def _entries(self, bounds: _Bounds) -> AsyncIterator[tuple[StoredEntry, dict[str, Any]]]:
        (after, previous), last = bounds.after, bounds.last[0]
        first = after
        while after < last:
            async with self._context.store.read() as connection:
                some = await rows.entries(connection, after=after, limit=min(PAGE, last - after))
            if not some:
                return
            for stored in some:
                if stored.sequence > last:
                    return
                yield stored, self._record(stored, previous)
                previous = stored.hash
            after = some[-1].sequence
            if self._progress is not None:
                self._progress(after - first, last - first)

    def _record(self, stored: StoredEntry, previous: str) -> dict[str, Any]:
        """The record of an entry. Where its content cannot be shown and is not what its hash says, the
        verifiers could not tell: it is exported as damaged."""
        shown = export_format.is_shown(stored.entry)
        if self._scope.order:
            shown = shown and stored.entry.subject == f"order:{self._scope.order}"
        fault = ""
        if stored.previous_hash != previous:
            fault = "it does not follow the entry before it"
        elif not shown and stored.hash != entry_hash(previous, stored.entry, stored.salt):
            fault = "it was altered"
        if fault or stored.entry.revision < 0:
            damaged = {"sequence": stored.sequence, "hash": stored.hash}
            return {"kind": export_format.DAMAGED, **damaged, "fault": fault or "it cannot be read"}
        return export_format.entry_record(stored, shown=shown)

    def _line(self, record: dict[str, Any]) -> bytes:
        return self._counted(record["kind"], line_of(record))

    def _counted(self, kind: str, line: bytes) -> bytes:
        self._digest.update(line)
        self._size += len(line)
        self.counts[kind] += 1
        return line

    def _seal(self, bounds: _Bounds, tables: dict[str, Any], key: Signer) -> bytes:
        self.sealed = {
            "installation": bounds.installation,
            "sequence": bounds.last[0],
            "hash": bounds.last[1],
            "bytes": self._size,
            "sha256": self._digest.hexdigest(),
            "records": dict(self.counts),
            "tables": {name: tables.get(name, export_rows.NOTHING) for name in self._tables},
        }
        signed = signed_text.signed(export_format.SEAL, self.sealed, key.key_id, key.sign)
        return self._line({"kind": export_format.SEALED, "object": signed})

    @property
    def digest(self) -> str:
        """SHA-256 of every line so far."""
        return self._digest.hexdigest()

    @property
    def size(self) -> int:
        """Bytes of every line so far."""
        return self._size


def _spooled(kept: IO[bytes], gathered: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Write the rows; the number of them and the digest of each table."""
    digests: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for table, record in gathered:
        line = line_of(record)
        kept.write(line)
        digests.setdefault(table, hashlib.sha256()).update(line)
        counts[table] += 1
    return {name: {"rows": counts[name], "sha256": each.hexdigest()} for name, each in digests.items()}


async def write(
    context: Context, path: Path, scope: ExportScope, progress: Progress | None = None
) -> Exported:
    """Write an export, durably: under the name stands a whole file or none. Raises OperationError."""
    stream = ExportStream(context, scope, progress)
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            draft.chmod(0o600)
            async for some in _batches(stream.lines()):
                await asyncio.to_thread(file.write, some)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        await asyncio.to_thread(rename_file, draft, path)
    except OSError as error:
        message = f"the export cannot be written to {path}: {error.strerror}"
        raise OperationError(message, "choose a directory of yours that has room: --out FILE") from error
    finally:
        draft.unlink(missing_ok=True)
    return _told(path, stream)


def _told(path: Path, stream: ExportStream) -> Exported:
    counts = stream.counts
    return Exported(
        path=path,
        size=stream.size,
        digest=stream.digest,
        entries=counts[export_format.ENTRY] + counts[export_format.WITHHELD] + counts[export_format.DAMAGED],
        withheld=counts[export_format.WITHHELD],
        checkpoints=counts[export_format.CHECKPOINT],
        sequence=stream.sealed["sequence"],
        hash=stream.sealed["hash"],
        key_id=stream.key_id,
        warning=stream.warning,
    )


async def _batches(lines: AsyncIterator[bytes], size: int = 1 << 20) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for line in lines:
        waiting += line
        if len(waiting) >= size:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
