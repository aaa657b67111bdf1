"""The use cases of keys that sign: they are shown, rotated, accepted and exported."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from filterd.disk import signing_keys
from filterd.model.checkpoint import AnnouncedKey, KeyOrigin
from filterd.operations import input_values, signing
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError, UnusableError
from filterd.operations.plain_values import moment
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


async def status(context: Context) -> tuple[SigningKeyStatus, ...]:
    """The keys, in the order in which they came into use."""
    found = await announcing.known(context)
    newest = {found.in_use(each) for each in Purpose}
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
    the old one. Raises OperationError."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    await checkpoints.make(context)  # what an earlier rotation left, and keys that were never announced
    path = signing.file_of(context.settings, purpose)
    async with announcing.alone(context):
        try:
            key = await asyncio.to_thread(signing_keys.make, signing_keys.next_of(path))
        except OSError as error:
            message = f"the next key cannot be made beside {path}: {error.strerror}"
            raise UnusableError(message, "see that the disk has room and belongs to this user") from error
        await announcing.announce(context, purpose, key, KeyOrigin.ROTATED, because)
    await checkpoints.make(context)
    return next(each for each in await status(context) if each.id == key.key_id)


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
        raise UnknownError(message, "control makes them when it starts; or: filterd key make")
    return "".join(
        f"# {each.purpose} {each.id} since {moment(each.at)}{'' if each.in_use else ' (no longer in use)'}\n"
        f"{each.public_key}"
        for each in sorted(found, key=lambda each: -each.at)
    )
