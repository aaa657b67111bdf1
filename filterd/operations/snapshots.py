"""Policy snapshots: compiled by another process from one store transaction, published whole, never rewritten.

They are in ``state_dir/snapshots``; the file ``current`` names the one in force (``policy.snapshot_layout``
has the names). Whatever fails before the last step leaves the earlier snapshot in force.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.files import drop_drafts, make_directory, rename_file
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.locks import LockedError, locked, take_lock
from filterd.model.mandatory import label_of
from filterd.model.order import ON_NODES
from filterd.model.order_rows import change_of
from filterd.model.records import SnapshotRecord
from filterd.operations import (
    compiler_process,
    confidential,
    integrity,
    last_rules,
    lost_rules,
    snapshot_meanings,
)
from filterd.operations.compile import StandIn, StoredMaterial, job_of
from filterd.operations.compiler_process import Progress
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.feeds.lost import take_back
from filterd.operations.keys import load_key
from filterd.operations.last_rules import Chosen
from filterd.operations.lost_rules import NOTHING_ACCEPTED, AcceptedLoss
from filterd.operations.policies import policies
from filterd.operations.snapshot_input import MEANINGS, remember
from filterd.policy import snapshot_layout, unread_categories
from filterd.policy.documents import Feed, Policies
from filterd.policy.snapshot import Snapshot
from filterd.policy.snapshot_layout import HEADER_SIZE, SnapshotError, read_header
from filterd.store import change_log, orders, subscribers
from filterd.store import feeds as feed_rows
from filterd.store import meanings as meaning_rows
from filterd.store import snapshots as rows

KEPT_FILES = 4
_LOCK = ".lock"
_DRAFTS = (".*.draft", "..*.draft.new")
"""the drafts of compiles: whole ones, and such as were being written"""
LOCK_WAIT = 300.0
"""seconds to wait for another build"""


class UntriedListsError(OperationError):
    """There is no snapshot yet, and lists that nothing has tried to read since the store was made."""


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """A snapshot file, and the facts that stand in it."""

    record: SnapshotRecord
    lists: Sequence[dict[str, Any]]
    current: bool


@dataclass(frozen=True, slots=True)
class Built:
    """A snapshot that was just published."""

    record: SnapshotRecord
    stand_ins: tuple[StandIn, ...]
    """the lists that are in it with other rules than those of the store, or left out"""


async def build(
    context: Context,
    *,
    clock_is_right: bool = False,
    accepted: AcceptedLoss = NOTHING_ACCEPTED,
    progress: Progress | None = None,
) -> SnapshotRecord:
    """As :func:`make`, for who needs no more than the record."""
    made = await make(context, clock_is_right=clock_is_right, accepted=accepted, progress=progress)
    return made.record


async def make(
    context: Context,
    *,
    clock_is_right: bool = False,
    accepted: AcceptedLoss = NOTHING_ACCEPTED,
    progress: Progress | None = None,
) -> Built:
    """Compile a snapshot of the store as it is now, publish it, and make it the current one.

    A snapshot never claims to be older than the one before it, since the clock may have lost its time. With
    ``clock_is_right`` somebody says that it did not: then the one before was made by a clock that was ahead.

    A profile that lines have keeps its rules in force where its file lost much of them, unless that is
    ``accepted``: the lists and orders of this moment do not wait for it (:func:`losses_in_force`).

    The first snapshot waits until each list was tried (:class:`UntriedListsError`). Categories whose lists
    were tried and never read are in its meta (``policy.unread_categories``).
    """
    directory = _directory(context)
    make_directory(directory)
    _require_readable_pointer(directory)
    documents = await asyncio.to_thread(policies, context)
    try:
        async with locked(directory / _LOCK, LOCK_WAIT):
            drop_drafts(directory, *_DRAFTS)
            basis = await basis_of(context)
            if basis.meta:
                await take_back(context, documents, basis.meta)
            await _settle_confidential(context, documents)
            await snapshot_meanings.note(context, documents, basis.meta, accepted)
            before = 0 if clock_is_right else await _made_before(context, basis.path)
            built_at = max(int(context.clock()), before)
            job = _Job(context, directory, documents, basis, accepted, built_at, progress)
            record, made_of, stand_ins = await _build(job)
            remember(directory, made_of, record.file)
            return Built(record, tuple(stand_ins))
    except LockedError:
        message = "another snapshot is being built"
        raise OperationError(message, "wait for it, then build again") from None


def drop_snapshot_drafts(state_dir: Path) -> None:
    """Remove the drafts that killed compiles left behind, if no snapshot is being built just now. Each may
    have the size of a snapshot, and a full disk may need that room."""
    lock = state_dir / snapshot_layout.DIRECTORY / _LOCK
    if lock.exists():
        with contextlib.suppress(LockedError, OSError), take_lock(lock, 0.0):
            drop_drafts(lock.parent, *_DRAFTS)


async def _settle_confidential(context: Context, documents: Policies) -> None:
    """Seal what is in clear still. Where a record is damaged the build says so, a moment later."""
    try:
        in_force = await adoption.policies_in_force(context, documents)
    except OperationError:
        return
    await confidential.settle(context, in_force.policies.feeds)


def meta_in_force(directory: Path) -> dict[str, Any] | None:
    """The meta of the snapshot in force; a damaged one tells nothing."""
    path = current_file(directory)
    return None if path is None else _meta_of(path)


def _meta_of(path: Path) -> dict[str, Any] | None:
    try:
        return read_facts(path)[1]
    except (SnapshotError, OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Basis:
    """The snapshot that a compile is compared with. ``meta`` is empty where none can be read. ``path`` is
    None where ``current`` names none either: the next one counts as the first."""

    path: Path | None
    meta: Mapping[str, Any]


async def basis_of(context: Context) -> Basis:
    """The current snapshot; where that one is damaged, gone, or older than the newest in the store, the
    newest of the store whose file is there and whole."""
    directory = _directory(context)
    path = current_file(directory)
    revision = -1 if path is None else snapshot_layout.revision_of(path.name)
    async with context.store.read() as connection:
        recorded = await rows.newest(connection, limit=KEPT_FILES)
    if path is not None and not any(each.revision > revision for each in recorded):
        meta = await asyncio.to_thread(_meta_of, path)
        if meta is not None:
            return Basis(path, meta)
    for each in recorded:
        snapshot = await asyncio.to_thread(_whole, context, each)
        if snapshot is not None:
            return Basis(directory / each.file, snapshot.meta)
    return Basis(path, (None if path is None else _meta_of(path)) or {})


def _whole(context: Context, record: SnapshotRecord) -> Snapshot | None:
    """The snapshot of a row, every byte of its file checked; None where the file cannot be used."""
    try:
        path = _directory(context) / record.file
        snapshot = Snapshot.open(path, load_key(context.settings, FINGERPRINT_KEY))
    except (SnapshotError, OperationError, OSError, ValueError):
        return None
    return snapshot if snapshot.digest == record.digest else None


async def take_up_newest(context: Context) -> bool:
    """Let ``current`` name the newest snapshot of the store again, where it names none or an older one.
    False where the file of that snapshot cannot be used: another must be compiled. Raises ``OSError``."""
    directory = _directory(context)
    make_directory(directory)
    try:
        async with locked(directory / _LOCK, LOCK_WAIT):
            newest = await _newer_than_current(context)
            if newest is None:
                return True  # another process has published meanwhile
            if await asyncio.to_thread(_whole, context, newest) is None:
                return False
            checked_file.write(directory / snapshot_layout.CURRENT, snapshot_layout.pointer_to(newest.file))
            return True
    except LockedError:
        return False


@dataclass(frozen=True, slots=True)
class _Job:
    """One build."""

    context: Context
    directory: Path
    documents: Policies
    basis: Basis
    accepted: AcceptedLoss
    built_at: int
    progress: Progress | None


async def _build(job: _Job) -> tuple[SnapshotRecord, str, Sequence[StandIn]]:
    """The published snapshot, the digest of its input, and the lists that have stand-ins in it.

    Where it cannot be compiled, the files of lists are looked at: one that was altered has a stand-in.
    """
    material, rules = await _material(job)
    try:
        record, made_of = await _compiled(job, material, rules)
    except OperationError:
        again = await _looked_at(job, material)
        if again is None:
            raise
        material, rules = again
        record, made_of = await _compiled(job, material, rules)
    return record, made_of, material.stand_ins


async def _looked_at(job: _Job, before: StoredMaterial) -> tuple[StoredMaterial, int] | None:
    """The material after a look at the files of lists; None where that changes nothing."""
    try:
        material, rules = await _material(job, look=True)
    except OperationError:
        return None
    return None if material.versions == before.versions else (material, rules)


async def _compiled(job: _Job, material: StoredMaterial, rules: int) -> tuple[SnapshotRecord, str]:
    draft = job.directory / f".{os.getpid()}.draft"
    text = job_of(job.context.settings, material, job.built_at, draft)
    try:
        answer = await compiler_process.compile_job(text, rules, job.progress)
        record = SnapshotRecord(
            file=snapshot_layout.file_name(material.cursor.revision, answer["digest"]),
            digest=answer["digest"],
            revision=material.cursor.revision,
            built_at=float(job.built_at),
            names=answer["names"],
            size=answer["size"],
        )
        rename_file(draft, job.directory / record.file)
    finally:
        draft.unlink(missing_ok=True)
    await _publish(job, record)
    return record, str(answer["made_of"])


async def chosen_now(context: Context, in_force: Policies) -> Chosen:
    """The versions that a build would take now, and the stand-ins among them; every file is looked at."""
    listed = (await basis_of(context)).meta.get("lists", ())
    async with context.store.read() as connection:
        known = await last_rules.stored(connection)
    return await asyncio.to_thread(
        last_rules.choose, context.settings, in_force.feeds, known, listed, look=True
    )


async def untried_lists(connection: AsyncConnection, feeds: Iterable[Feed]) -> list[Feed]:
    """The feeds that were neither read nor refused so far. An attempt that could not be recorded, since the
    store was busy, is none."""
    return _untried(feeds, await feed_rows.tried(connection))


def _untried(feeds: Iterable[Feed], tried: Container[str]) -> list[Feed]:
    return [each for each in feeds if each.id not in tried]


async def _made_before(context: Context, path: Path | None) -> int:
    """When the current snapshot was made; 0 where its file and the store do not say the same."""
    if path is None:
        return 0
    async with context.store.read() as connection:
        recorded = {each.file: int(each.built_at) for each in await rows.newest(connection)}
    made = made_at(path)
    return made if recorded.get(path.name) == made else 0


async def _material(job: _Job, *, look: bool = False) -> tuple[StoredMaterial, int]:
    """The material of one read transaction, and the number of rules of its feeds; all of it is what was
    decided.

    Orders that have ended are among them: the clock that says so may be wrong. The active set decides.
    """
    context, documents, before = job.context, job.documents, job.basis.meta
    listed = before.get("lists", ())
    async with context.store.read() as connection:
        cursor = (await change_log.ends(connection))[1]
        found = await integrity.faults(connection, [each.id for each in documents.feeds])
        known_rules = await last_rules.stored(connection)
        known = (await orders.all_orders(connection)).orders
        used = await subscribers.profiles_in_use(connection)
        adopted = await adoption.definitions(connection)
        overriding = await orders.overriding(connection, context.person_of)
        meant = await meaning_rows.known(connection)
        in_meanings = await snapshot_meanings.in_snapshot(connection, context.clock())
        tried = await feed_rows.tried(connection)
    integrity.require_sound(each for each in found if not each.version_of)
    lost_rules.require_profiles(documents, used)
    compared = snapshot_meanings.compared(before, meant)
    standing = {unread_categories.STANDING: unread_categories.standing(before)}
    guarded = lost_rules.guarded(documents, compared, used, NOTHING_ACCEPTED) | standing
    guarded |= {MEANINGS: in_meanings}
    in_force = adoption.combined(documents, adopted).policies
    wanted_feeds = in_force.feeds
    parental = {each.id for each in wanted_feeds if each.mandatory is None}
    integrity.require_sound(each for each in found if each.version_of not in parental)
    current = known_rules.current
    missing = [each for each in wanted_feeds if each.mandatory and each.id not in current]
    if missing:
        labels = (label_of(each.id, confidential=each.confidential) for each in missing)
        message = f"mandatory lists that were never read: {', '.join(labels)}"
        raise OperationError(message, "run: filterd feed update")
    untried = _untried(wanted_feeds, tried)
    if untried and job.basis.path is None:
        names = ", ".join(label_of(each.id, confidential=each.confidential) for each in untried)
        message = f"the first snapshot waits for lists that nothing has tried to read yet: {names}"
        raise UntriedListsError(message, "run: filterd feed update")
    chosen = await asyncio.to_thread(
        last_rules.choose, context.settings, wanted_feeds, known_rules, listed, look=look
    )
    accepted = [each for each in known if each.state in ON_NODES]
    wanted = [change_of(each) for each in confidential.in_clear(context.settings, accepted)]
    rules = sum(each.names for feed, each in current.items() if feed in {one.id for one in wanted_feeds})
    return StoredMaterial(
        cursor, chosen.versions, wanted, adopted, chosen.stand_ins, guarded, overriding
    ), rules


async def _publish(job: _Job, record: SnapshotRecord) -> None:
    context, directory = job.context, job.directory
    async with context.store.write(context.actor, context.clock()) as write:
        await rows.add(write.connection, record)
        write.audit(
            "snapshot.build",
            f"snapshot:{record.file}",
            after={"digest": record.digest, "revision": record.revision, "names": record.names},
        )
        for each in job.accepted.profiles:
            write.audit("profile.accept_loss", f"profile:{each}", reason=job.accepted.reason)
    checked_file.write(directory / snapshot_layout.CURRENT, snapshot_layout.pointer_to(record.file))
    _drop_old(directory, record.file)


def _drop_old(directory: Path, current: str) -> None:
    """Delete all but the newest few files and the current one."""
    files = sorted(
        directory.glob(f"*{snapshot_layout.SUFFIX}"),
        key=lambda path: snapshot_layout.revision_of(path.name),
        reverse=True,
    )
    for path in files[KEPT_FILES:]:
        if path.name != current:
            with contextlib.suppress(OSError):  # a directory, or a disk that takes nothing: it stays
                path.unlink(missing_ok=True)


def current_file(directory: Path) -> Path | None:
    """The file that ``current`` names; None where nothing was published, or it is damaged, names no snapshot
    or cannot be read."""
    try:
        pointer = checked_file.read(directory / snapshot_layout.CURRENT, snapshot_layout.OLD_POINTER)
        name = snapshot_layout.named_in(pointer)
    except (OSError, DamagedFileError):
        return None
    return directory / name if snapshot_layout.is_file_name(name) else None


def nodes_can_read(state_dir: Path, path: Path) -> bool:
    """Return whether a snapshot was made with the fingerprint key that stands in the state directory; a node
    reads no other."""
    key_file = FINGERPRINT_KEY.path(state_dir)
    try:
        key = FINGERPRINT_KEY.key_in(key_file.read_bytes(), key_file)
    except (OSError, DamagedFileError):
        return False
    return not is_of_another_key(path, key)


def is_of_another_key(path: Path, key: bytes) -> bool:
    """Return whether a snapshot was made with another fingerprint key; false where it cannot be read, which
    its verification says."""
    try:
        with path.open("rb") as file:
            header = read_header(file.read(HEADER_SIZE), path.stat().st_size)
    except (SnapshotError, OSError):
        return False
    return header.key_id != snapshot_layout.key_id(key)


async def is_behind_store(context: Context) -> bool:
    """Return whether the store has a snapshot, and ``current`` names none or an older one: the files went
    back in time or are damaged, or a publish was killed before it could write ``current``."""
    return await _newer_than_current(context) is not None


async def _newer_than_current(context: Context) -> SnapshotRecord | None:
    path = current_file(_directory(context))
    async with context.store.read() as connection:
        newest = next(iter(await rows.newest(connection, limit=1)), None)
    if newest is None or (path is not None and snapshot_layout.revision_of(path.name) >= newest.revision):
        return None
    return newest


def made_at(path: Path) -> int:
    """When a snapshot file says that it was made, Unix seconds; 0 where it cannot be read."""
    try:
        with path.open("rb") as file:
            return read_header(file.read(HEADER_SIZE), path.stat().st_size).built_at
    except (SnapshotError, OSError):
        return 0


def show(context: Context) -> SnapshotView:
    """The current snapshot and the lists in it."""
    path = _require_current(context)
    try:
        record, meta = read_facts(path)
        return SnapshotView(record, meta["lists"], current=True)
    except (SnapshotError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def verify(context: Context) -> SnapshotView:
    """Read the current snapshot as a node does: every byte under its checksum, every offset."""
    open_current(context, Snapshot.open)
    return show(context)


def open_current(context: Context, opened: Callable[[Path, bytes], Snapshot] | None = None) -> Snapshot:
    """The current snapshot, verified and in memory; ``opened`` opens it instead of the context's."""
    path, opens = _require_current(context), opened or context.kept_snapshot or Snapshot.open
    try:
        return opens(path, load_key(context.settings, FINGERPRINT_KEY))
    except (SnapshotError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


async def history(context: Context) -> Sequence[SnapshotRecord]:
    """The last snapshots that were published, newest first."""
    async with context.store.read() as connection:
        return await rows.newest(connection)


def read_facts(path: Path) -> tuple[SnapshotRecord, dict[str, Any]]:
    """The facts in header and meta, read without the table."""
    with path.open("rb") as file:
        header = read_header(file.read(HEADER_SIZE), path.stat().st_size)
        file.seek(header.meta_offset)
        meta = json.loads(file.read(header.meta_length))
    record = SnapshotRecord(
        file=path.name,
        digest=header.digest.hex(),
        revision=header.built_at_revision,
        built_at=float(header.built_at),
        names=header.used,
        size=header.file_size,
    )
    return record, meta


def _require_readable_pointer(directory: Path) -> None:
    """Refuse a ``current`` that is no file, or not for us to read: nothing could be published either."""
    pointer = directory / snapshot_layout.CURRENT
    try:
        pointer.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"{pointer} cannot be read: {error.strerror}"
        raise OperationError(message, "remove or rename it, then run: filterd snapshot build") from error


def _require_current(context: Context) -> Path:
    _require_readable_pointer(_directory(context))
    path = current_file(_directory(context))
    if path is None:
        message = f"no snapshot is in {_directory(context)}: none was built yet, or they are lost"
        raise OperationError(message, "run: filterd feed update, then: filterd snapshot build")
    return path


def _damaged(path: Path, error: Exception) -> OperationError:
    message = f"the snapshot {path.name} cannot be used: {error}"
    return OperationError(message, "run: filterd snapshot build (nodes keep the one they have meanwhile)")


def _directory(context: Context) -> Path:
    return context.settings.state_dir / snapshot_layout.DIRECTORY
