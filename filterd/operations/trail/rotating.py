"""The use cases of keys that sign: they are shown, rotated, accepted and exported."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from filterd.disk import list_keys, signing_keys
from filterd.disk.signing_keys import SigningKey, SigningKeyError
from filterd.model.checkpoint import AnnouncedKey, KeyOrigin
from filterd.operations import input_values, signing
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError, UnusableError
from filterd.operations.plain_values import moment
from filterd.operations.publishing import key_files, publisher
from filterd.operations.signing import Purpose
from filterd.operations.trail import announcing, checkpoints
from filterd.store import checkpoints as rows


@dataclass(frozen=True, slots=True)
class SigningKeyStatus:
    """A key that signs or signed, without the private key."""

    id: str
    purpose: str
    in_use: bool
    how: str
    """how it came into use: ``made``, ``rotated`` or ``replaced``"""
    at: float
    """since when, Unix seconds"""
    checkpoint: int
    """the checkpoint that announced it; 0: none yet"""
    accepted: bool
    """false for one that took another's place, as long as nobody has accepted it"""
    public_key: str
    """PEM"""
    minisign: str
    """of a key of published lists: the public key as minisign writes it; empty for others"""


async def status(context: Context) -> tuple[SigningKeyStatus, ...]:
    """The keys, in the order in which they came into use."""
    found = await announcing.known(context)
    newest = {found.in_use(each) for each in Purpose}
    async with context.store.read() as connection:
        lists = await key_files.history(connection) if found.of(Purpose.LIST) else ()
    public = {each.announced_id: each.public_key for each in lists}
    return tuple(
        SigningKeyStatus(
            each.key_id,
            each.purpose,
            each in newest,
            each.how.value,
            each.at,
            each.checkpoint,
            not each.unexplained,
            pem_of(each),
            public.get(each.key_id, "") if each.purpose == Purpose.LIST else "",
        )
        for each in found.keys
    )


def pem_of(key: AnnouncedKey) -> str:
    """The public key in PEM; empty where its row was altered."""
    raw = announcing.public_keys((key,)).get(key.key_id)
    return "" if raw is None else signing_keys.public_pem(raw)


async def make(context: Context) -> tuple[SigningKeyStatus, ...]:
    """Make the keys that are not there, and announce them. Raises OperationError."""
    await checkpoints.make(context)
    return await status(context)


async def rotate(context: Context, purpose: Purpose, *, reason: str) -> SigningKeyStatus:
    """Make a new key of this purpose, which signs from now on; the checkpoint that announces it is signed by
    the old one of checkpoints. The old key of published lists signs for the new one as well; where it is gone
    or damaged the new one takes its place, and nothing vouches for it. Raises OperationError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    async with publisher.alone(context) if purpose is Purpose.LIST else nullcontext():
        await checkpoints.make(context)  # what an earlier rotation left, and keys that were never announced
        path = signing.file_of(context.settings, purpose)
        async with announcing.alone(context):
            try:
                if purpose is Purpose.LIST:
                    key = await _rotate_list_key(context, path, because)
                else:
                    key = await asyncio.to_thread(signing_keys.make, signing_keys.next_of(path))
                    await announcing.announce(context, purpose, key, KeyOrigin.ROTATED, because)
            except OSError as error:
                message = f"the next key cannot be made beside {path}: {error.strerror}"
                raise UnusableError(message, "see that the disk has room and belongs to this user") from error
        await checkpoints.make(context)
    return next(each for each in await status(context) if each.id == key.key_id)


async def _rotate_list_key(context: Context, path: Path, because: str) -> SigningKey:
    """The new key of published lists, announced: it waits beside the old one, which endorses it, or stands in
    the place of one that cannot be used. Raises ``OSError``."""
    last = (await announcing.known(context)).in_use(Purpose.LIST)
    if last is None and not await asyncio.to_thread(path.exists):
        message = "no key has signed a published list yet"
        raise UnknownError(message, "the first publishing makes it: filterd feed publish LIST")
    try:
        before = await asyncio.to_thread(list_keys.load, path)
    except SigningKeyError:
        before = None
        await asyncio.to_thread(signing_keys.set_damaged_aside, path)
    place = path if before is None else signing_keys.next_of(path)
    key = await asyncio.to_thread(list_keys.make, place)
    how = KeyOrigin.ROTATED
    if before is None:
        how = KeyOrigin.MADE if last is None else KeyOrigin.REPLACED
    await announcing.announce(context, Purpose.LIST, key, how, because, by=before)
    return key


async def accept(context: Context, identifier: str, *, reason: str) -> str:
    """Accept a key that took the place of another one, and return its id. Raises OperationError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    found = next(
        (each for each in (await announcing.known(context)).unexplained if each.key_id == identifier), None
    )
    if found is None:
        message = f"no key {identifier[:32]!r} waits to be accepted"
        raise UnknownError(message, "see the keys with: filterd key list")
    async with context.store.write(context.actor, context.clock()) as write:
        await rows.accept_key(write.connection, found.number, write.now)
        write.audit("key.accept", f"key:{identifier}", reason=because, after={"how": found.how.value})
    return identifier


async def public_pem(context: Context, purpose: Purpose) -> str:
    """Every public key of a purpose in PEM, the newest first; before each a line that says its purpose, which
    the verifiers heed, its id, and since when it is in use."""
    found = [each for each in await status(context) if each.purpose == purpose]
    if not found:
        message = "there is no key that signs yet"
        first = "the first publishing makes it: filterd feed publish LIST"
        others = "control makes them when it starts; or: filterd key make"
        raise UnknownError(message, first if purpose is Purpose.LIST else others)
    return "".join(
        f"# {each.purpose} {each.id} since {moment(each.at)}{'' if each.in_use else ' (no longer in use)'}"
        f"{each.minisign and f', minisign {each.minisign}'}\n{each.public_key}"
        for each in sorted(found, key=lambda each: -each.at)
    )
