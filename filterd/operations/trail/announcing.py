"""Brings what the audit trail says of the keys that sign in line with the files of the keys.

A key that came into use is announced twice: by an entry of the audit trail, in one transaction with its
row, and by the next checkpoint. A rotation makes the next key in a file of its own (``NAME.next``), announces
it, has the old key sign the checkpoint that announces it, and puts it in the old one's place then. Where that
ends midway, :func:`settle` goes on: before the announcement the next key is discarded, after it the rotation
is completed.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk import list_keys, signing_keys
from filterd.disk.list_keys import ListSigningKey
from filterd.disk.signing_keys import SigningKey, SigningKeyError
from filterd.model import publication_keys
from filterd.model.checkpoint import AnnouncedKey, KeyOrigin
from filterd.model.signed_text import key_id_of
from filterd.operations import signing
from filterd.operations.context import Context
from filterd.operations.key_locks import key_lock
from filterd.operations.plain_values import moment
from filterd.operations.signing import Purpose
from filterd.store import checkpoints as rows
from filterd.store.store import Write

LOCK = "signing.lock"
LOST = "the key's file was lost"
DAMAGED = "the key's file was damaged, and set aside as {0}"
SWAPPED = "another key stands in the key's file"
FIRST = "the first key"


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """The keys as the trail has them, and those that a checkpoint has yet to announce."""

    keys: tuple[AnnouncedKey, ...]
    """in the order in which they came into use"""

    def in_use(self, purpose: Purpose) -> AnnouncedKey | None:
        """The key of a purpose that came last."""
        return next((each for each in reversed(self.keys) if each.purpose == purpose), None)

    def of(self, purpose: Purpose) -> tuple[AnnouncedKey, ...]:
        """Those of a purpose."""
        return tuple(each for each in self.keys if each.purpose == purpose)

    @property
    def unannounced(self) -> tuple[AnnouncedKey, ...]:
        """Those that no checkpoint has announced."""
        return tuple(each for each in self.keys if not each.checkpoint)

    @property
    def unexplained(self) -> tuple[AnnouncedKey, ...]:
        """Those that took the place of another one, which nobody has accepted yet."""
        return tuple(each for each in self.keys if each.unexplained)


@asynccontextmanager
async def alone(context: Context) -> AsyncIterator[None]:
    """Keep other processes from changing the keys meanwhile. Raises UnusableError."""
    async with key_lock(context, LOCK, "another process changes the keys that sign"):
        yield


async def known(context: Context) -> KeysInUse:
    """The keys as the trail has them now."""
    async with context.store.read() as connection:
        return KeysInUse(tuple(await rows.keys(connection)))


async def settle(context: Context) -> KeysInUse:
    """Announce in the trail the keys whose files are there, make those that are not; that of published lists
    is not made, nor set aside. A rotation that was announced and not completed stays for :func:`complete`.
    Only within :func:`alone`."""
    found = await known(context)
    for purpose in Purpose:
        if purpose is Purpose.LIST and not await asyncio.to_thread(list_key_stands, context.settings):
            continue
        if await _under_way(context, found, purpose):
            continue
        present, why = await asyncio.to_thread(_present, context, purpose, found.in_use(purpose))
        if why:
            how = KeyOrigin.MADE if why == FIRST else KeyOrigin.REPLACED
            await announce(context, purpose, present, how, why)
            found = await known(context)
    return found


async def complete(context: Context) -> None:
    """Put next keys whose announcement a checkpoint has signed in the place of the old ones. Only within
    :func:`alone`."""
    found = await known(context)
    for purpose in Purpose:
        key = found.in_use(purpose)
        path = signing.file_of(context.settings, purpose)
        if purpose is Purpose.LIST and not await asyncio.to_thread(list_key_stands, context.settings):
            continue
        if key is not None and key.checkpoint and await _under_way(context, found, purpose):
            await asyncio.to_thread(signing_keys.take_next, path)


def list_key_stands(settings: Settings) -> bool:
    """True if the file of the key of published lists holds one that can be used."""
    try:
        return signing.load_key(Purpose.LIST, signing.file_of(settings, Purpose.LIST)) is not None
    except (OSError, SigningKeyError):
        return False


async def announce(
    context: Context,
    purpose: Purpose,
    key: SigningKey,
    how: KeyOrigin,
    reason: str,
    *,
    by: SigningKey | None = None,
) -> AnnouncedKey:
    """Tell in the trail that a key is in use from now on; one of published lists is endorsed by ``by``, the
    key before it."""
    async with context.store.write(context.actor, context.clock()) as write:
        before = KeysInUse(tuple(await rows.keys(write.connection)))
        made = AnnouncedKey(
            number=len(before.keys) + 1,
            purpose=purpose.value,
            key_id=key.key_id,
            public_key=base64.b64encode(key.public_key).decode("ascii"),
            how=how,
            at=write.now,
            checkpoint=0,
            accepted_at=0.0,
        )
        old = before.in_use(purpose)
        await rows.add_key(write.connection, made)
        write.audit(
            "key.sign",
            f"key:{key.key_id}",
            reason=reason,
            before=None if old is None else {"key": old.key_id},
            after={**made.told, **_told(key, by, await _installation(write), write.now)},
        )
    return made


def _told(key: SigningKey, by: SigningKey | None, installation: str, now: float) -> dict[str, str]:
    """The part of an entry that is not in the key's row: the files beside published lists are made of it."""
    told = {"installation": installation}
    if isinstance(key, ListSigningKey):
        told["minisign"] = public = key.minisign
        if isinstance(by, ListSigningKey):
            named = (list_keys.shown_id(public), public)
            text = publication_keys.endorsement(installation, moment(now), named, by.minisign)
            told |= {"endorsement": text.decode(), "endorsed": by.sign(text).decode()}
    return told


async def _installation(write: Write) -> str:
    found = await rows.installation_id(write.connection)
    if not found:
        found = secrets.token_hex(16)
        await rows.name_installation(write.connection, found, write.now)
    return found


async def _under_way(context: Context, found: KeysInUse, purpose: Purpose) -> bool:
    """True if the next key of this purpose is announced and waits for its place. One that was made and not
    announced is discarded, and one whose predecessor is gone and cannot vouch for it."""
    path = signing.file_of(context.settings, purpose)
    following = await asyncio.to_thread(_loaded, purpose, signing_keys.next_of(path))
    present = await asyncio.to_thread(_loaded, purpose, path)
    key, ids = found.in_use(purpose), {each.key_id for each in found.keys}
    if key and following and present and key.key_id == following.key_id and present.key_id in ids:
        return True
    await asyncio.to_thread(signing_keys.next_of(path).unlink, missing_ok=True)
    return False


def _loaded(purpose: Purpose, path: Path) -> SigningKey | None:
    try:
        return signing.load_key(purpose, path)
    except SigningKeyError:
        return None


def _present(context: Context, purpose: Purpose, announced: AnnouncedKey | None) -> tuple[SigningKey, str]:
    """The key in the file, made where there is none; why it has to be announced, empty where it is already.
    A file that holds no key is set aside."""
    path, why = signing.file_of(context.settings, purpose), LOST
    try:
        found = signing.load_key(purpose, path)
        why = SWAPPED if found is not None else LOST
    except SigningKeyError:
        why = DAMAGED.format(signing_keys.set_damaged_aside(path).name)
    key = signing.make_key(purpose, path)
    if announced is None:
        return key, FIRST
    return key, "" if key.key_id == announced.key_id else why


def public_keys(keys: Sequence[AnnouncedKey]) -> dict[str, bytes]:
    """Raw public keys by their ids, without those whose row was altered."""
    found = {}
    for each in keys:
        try:
            raw = base64.b64decode(each.public_key, validate=True)
        except ValueError:
            continue
        if key_id_of(raw) == each.key_id:
            found[each.key_id] = raw
    return found
