"""Signs checkpoints of the audit trail, and compares them with it.

A checkpoint is a fact about the trail and no entry of it, so that none leads to another. Nothing is signed
where the newest one, in the store or on record in the ledger, does not agree with the trail: the store was
set back or altered, and a signature would cover that up. After a restore, which the trail tells, the next
checkpoint says what was lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.disk import signing_keys
from filterd.disk.signing_keys import SigningKeyError
from filterd.model import signed_text
from filterd.model.checkpoint import FIRST_PREVIOUS, AnnouncedKey, Checkpoint, body_of, of_text, row_fault
from filterd.operations import signing
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError, UnusableError
from filterd.operations.plain_values import moment
from filterd.operations.signing import Purpose, Signer
from filterd.operations.trail import announcing
from filterd.store import checkpoints as rows
from filterd.store import noted_checkpoint
from filterd.store.ledger import LedgerDamagedError

DISAGREES_REMEDY = (
    "keep the store file as evidence, and compare: filterd audit verify; where an older store stands there,"
    " put the newest back, or restore it so that the trail tells: filterd restore (DIRECTORY | --in-place)"
    " --reason ..."
)
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class CheckpointFault:
    """A checkpoint that is not what was signed, or does not agree with the trail."""

    number: int
    fault: str


@dataclass(frozen=True, slots=True)
class _Standing:
    """The newest checkpoint, beside what the ledger has on record."""

    newest: Checkpoint | None
    lost: Checkpoint | None
    """on record, and not in the store"""
    fault: str
    """why nothing is signed; empty: nothing is in the way"""


async def make(context: Context, *, if_moved: bool = True) -> Checkpoint | None:
    """Announce keys that have to be, and sign a checkpoint of the trail as it is. None: the trail has not
    grown since the last one. Raises ConflictError where the last one does not agree with the trail,
    StoreRolledBackError, and UnusableError."""
    await context.store.require_newest()
    async with announcing.alone(context):
        await announcing.settle(context)
        made = await _sign(context, if_moved=if_moved)
        await announcing.complete(context)
    return made


async def _sign(context: Context, *, if_moved: bool) -> Checkpoint | None:
    with_key = await asyncio.to_thread(signing.signer, context.settings, Purpose.CHECKPOINT)
    noted = await asyncio.to_thread(_noted, context)
    async with context.store.report() as connection:
        standing = await _standing(connection, noted)
        if standing.fault:
            raise ConflictError(standing.fault, DISAGREES_REMEDY)
        if if_moved and not await _has_moved(connection, standing):
            return None
        made = await _signed(context, connection, standing, with_key)
        await rows.add(connection, made)
    try:
        await asyncio.to_thread(noted_checkpoint.note, context.store.ledger, made)
    except OSError as error:
        message = f"the ledger {context.settings.store.ledger} cannot be written: {error.strerror}"
        raise UnusableError(message, "see that its disk has room and belongs to this user") from error
    return made


async def _has_moved(connection: AsyncConnection, standing: _Standing) -> bool:
    if standing.newest is None or standing.lost is not None:
        return True
    return (await rows.trail_head(connection))[0] != standing.newest.audit_sequence


async def _signed(
    context: Context, connection: AsyncConnection, standing: _Standing, key: Signer
) -> Checkpoint:
    sequence, digest, revision, change_hash = await rows.trail_head(connection)
    newest, lost, now = standing.newest, standing.lost, context.clock()
    number = max(each.number for each in (newest, lost) if each) + 1 if newest or lost else 1
    announced = [each for each in await rows.keys(connection) if not each.checkpoint]
    body: dict[str, Any] = {
        "installation": await rows.installation_id(connection),
        "number": number,
        "at": moment(now),
        "sequence": sequence,
        "hash": digest,
        "revision": revision,
        "change_hash": change_hash,
        "previous": FIRST_PREVIOUS if newest is None else newest.digest,
        "key_id": key.key_id,
        "keys": [each.told for each in announced],
    }
    if lost is not None:
        body["lost"] = {
            "number": lost.number,
            "sequence": lost.audit_sequence,
            "hash": lost.audit_hash,
            "digest": lost.digest,
        }
    whole = signed_text.signed(signed_text.CHECKPOINT, body, key.key_id, key.sign)
    await rows.note_announced(connection, [each.number for each in announced], number)
    return of_text(signed_text.text_of(whole), float(now))


def _noted(context: Context) -> Checkpoint | None:
    try:
        return noted_checkpoint.noted(context.store.ledger)
    except (LedgerDamagedError, OSError) as error:
        path = noted_checkpoint.path_of(context.store.ledger)
        message = f"the last checkpoint on record cannot be read: {error}"
        raise UnusableError(
            message, f"make sure that the store is the newest one, then remove {path}: the next one makes it"
        ) from error


async def _standing(connection: AsyncConnection, noted: Checkpoint | None) -> _Standing:
    newest = await rows.newest(connection)
    fault = await _disagreement(connection, newest) if newest is not None else ""
    if fault or noted is None:
        return _Standing(newest, None, fault)
    if newest is not None and noted.number <= newest.number:
        same = await rows.find(connection, noted.number)
        if same is None or same.digest != noted.digest:
            fault = f"checkpoint {noted.number} is not the one on record in the ledger"
        return _Standing(newest, None, fault)
    if await rows.restored_after(connection, 0 if newest is None else newest.audit_sequence):
        return _Standing(newest, noted, "")
    sequence = (await rows.trail_head(connection))[0]
    return _Standing(
        newest,
        noted,
        f"checkpoint {noted.number} is on record in the ledger, and not in the store, whose trail ends at"
        f" entry {sequence}: the store was set back",
    )


async def _disagreement(connection: AsyncConnection, row: Checkpoint) -> str:
    """Why a checkpoint does not agree with the trail; empty where it does."""
    fault = row_fault(row)
    if fault:
        return f"checkpoint {row.number}: {fault}"
    there = await rows.entry_hash_at(connection, row.audit_sequence)
    if row.audit_sequence and there is None:
        return f"checkpoint {row.number} covers entry {row.audit_sequence}, which the trail does not have"
    if row.audit_sequence and there != row.audit_hash:
        return f"checkpoint {row.number} covers another entry {row.audit_sequence} than the trail has"
    return ""


async def unreadable_record(context: Context) -> Path | None:
    """The file of the checkpoint on record in the ledger, where it cannot be read."""
    try:
        await asyncio.to_thread(_noted, context)
    except UnusableError:
        return noted_checkpoint.path_of(context.store.ledger)
    return None


async def standing_fault(context: Context) -> str:
    """Why no checkpoint can be signed on what stands there; empty where one can."""
    try:
        noted = await asyncio.to_thread(_noted, context)
    except UnusableError as error:
        return str(error)
    async with context.store.read() as connection:
        return (await _standing(connection, noted)).fault


async def newest(context: Context) -> Checkpoint | None:
    """The newest checkpoint; None: there is none yet."""
    async with context.store.read() as connection:
        return await rows.newest(connection)


async def show(context: Context, number: int = 0) -> Checkpoint:
    """The checkpoint of a number; 0: the newest. Raises UnknownError."""
    async with context.store.read() as connection:
        found = await (rows.find(connection, number) if number else rows.newest(connection))
    if found is None:
        what = f"there is no checkpoint {number}" if number else "there is no checkpoint yet"
        raise UnknownError(what, "see those that there are: filterd audit checkpoints")
    return found


async def listed(context: Context, *, after: int = 0, limit: int = PAGE) -> Sequence[Checkpoint]:
    """Checkpoints above a number, oldest first."""
    async with context.store.read() as connection:
        return await rows.page(connection, after=after, limit=limit)


async def newest_ones(context: Context, limit: int) -> Sequence[Checkpoint]:
    """The newest checkpoints, the newest first."""
    async with context.store.read() as connection:
        return await rows.page(connection, limit=limit, newest_first=True)


async def verify(context: Context) -> tuple[CheckpointFault, ...]:
    """Compare every checkpoint with its signature, the one before it, and the trail. The keys are believed
    that the checkpoints announce themselves, from the first on; of a key that replaced another one a person's
    acceptance is asked for."""
    faults: list[CheckpointFault] = []
    async with context.store.read() as connection:
        known, newest_one = await rows.keys(connection), await rows.newest(connection)
    of_purpose = [each for each in known if each.purpose == Purpose.CHECKPOINT]
    before, keys, announced = None, announcing.public_keys(of_purpose), []
    last = 0 if newest_one is None else newest_one.number  # those made meanwhile announce keys made meanwhile
    async for each in _every(context):
        async with context.store.read() as connection:
            fault = await _disagreement(connection, each)
        fault = fault or _broken_link(each, before) or _bad_signature(each, keys)
        if fault:
            faults.append(CheckpointFault(each.number, fault))
        elif each.number <= last:
            announced += [(each.number, told) for told in body_of(each)["keys"]]
        before = each
    behind = await standing_fault(context)
    if behind and not faults:
        faults.append(CheckpointFault(before.number if before else 0, behind))
    return tuple(faults or _misplaced(known, announced))


def _misplaced(
    keys: Sequence[AnnouncedKey], announced: Sequence[tuple[int, Any]]
) -> Sequence[CheckpointFault]:
    """The keys that another checkpoint announced, or none, than their rows say. Keys are announced in the
    order in which they came into use."""
    nothing: tuple[int, Any] = (0, {})
    said = [(each.checkpoint, each.told) for each in keys if each.checkpoint]
    pairs = zip_longest(said, announced, fillvalue=nothing)
    number = next((max(one[0], other[0]) for one, other in pairs if one != other), 0)
    fault = "the keys that it announces are not those whose rows say so"
    return [CheckpointFault(number, fault)] if number else []


async def _every(context: Context) -> AsyncIterator[Checkpoint]:
    after = 0
    while some := await listed(context, after=after):
        for each in some:
            yield each
        after = some[-1].number


def _broken_link(row: Checkpoint, before: Checkpoint | None) -> str:
    if row.previous != (FIRST_PREVIOUS if before is None else before.digest):
        return "it does not follow the checkpoint before it"
    number, lost = 0 if before is None else before.number, body_of(row).get("lost")
    if row.number != (lost["number"] if isinstance(lost, dict) else number) + 1:
        return "checkpoints before it are missing"
    return ""


def _bad_signature(row: Checkpoint, keys: dict[str, bytes]) -> str:
    found = signed_text.read(row.text)
    public = keys.get(found.key_id)
    if public is None:
        return f"the key {found.key_id} that signed it is not known"
    message = signed_text.signed_bytes(signed_text.CHECKPOINT, found.body)
    return "" if signing_keys.signature_holds(public, found.signature, message) else "its signature is wrong"


def keys_differ(context: Context, known: announcing.KeysInUse) -> bool:
    """True if a key's file does not hold the key that the trail has, or is not there. That of published lists
    may be missing: none is made in its place. Reads three small files."""
    return any(_differs(context, known, each) for each in Purpose)


def _differs(context: Context, known: announcing.KeysInUse, purpose: Purpose) -> bool:
    key, path = known.in_use(purpose), signing.file_of(context.settings, purpose)
    try:
        found = signing.load_key(purpose, path)
    except (OSError, SigningKeyError):
        found = None
    if found is None:
        return purpose is not Purpose.LIST
    return key is None or found.key_id != key.key_id or signing_keys.next_of(path).exists()
