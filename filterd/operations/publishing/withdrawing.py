"""Withdraws published lists: their editions go from the disk, and the last manifest of the chain says so.

It says nothing of why, nor of what stood in the list. Whoever took a copy before has it: nothing calls that
back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import OperationError, UnknownError, UnusableError
from filterd.operations.feeds import adoption
from filterd.operations.plain_values import moment
from filterd.operations.publishing import editions, leftovers, manifests, openness, rendering
from filterd.operations.publishing.current_keys import ListKeys, current_keys
from filterd.operations.publishing.manifests import ManifestError
from filterd.operations.publishing.publisher import ListSigner, alone
from filterd.operations.safe_texts import safe_text
from filterd.store import publications as rows
from filterd.store.errors import StoreError
from filterd.store.publications import PublishedEdition
from filterd.telemetry import log

REPORT = "report it, with this line; see: filterd doctor"
MUST_NOT_BE_PUBLIC = "it must not be public any more"
"""the reason in the trail of a withdrawal that nobody asked for; the trail tells of the change itself"""


@dataclass(frozen=True, slots=True)
class WithdrawnList:
    """A list that is not published any more."""

    list: str
    serial: int
    manifest_digest: str
    key_id: str
    changed: bool
    """False: it was withdrawn already, and nothing of it lay there"""


async def unpublish(
    context: Context, identifier: str, *, reason: str, out: Path | None = None
) -> WithdrawnList:
    """Withdraw a list, by its id or its label. ``out``: the directory; None: that of the settings. Raises
    OperationError, UnknownError for a list that was never published."""
    because = input_values.text(reason, "reason", limit=1000)
    directory = out or context.settings.publish.directory
    if directory is None:
        message = "nobody says where the list was published"
        raise OperationError(message, "give --out DIRECTORY, or name one in publish.directory")
    identifier = await adoption.feed_id(context, identifier)
    async with alone(context):
        async with context.store.read() as connection:
            known = await rows.newest(connection, identifier)
        there = identifier in await asyncio.to_thread(lists_in, directory)
        if known is None and not there:
            message = f"no list {identifier[:64]!r} was published"
            raise UnknownError(message, "see those that were: GET /api/v1/publications, or the directory")
        return await _withdrawn(context, directory, identifier, because)


async def sweep(context: Context, *, out: Path | None = None) -> tuple[WithdrawnList, ...]:
    """Withdraw the lists in a directory that must not be public any more: those that became confidential, and
    those that are no more in force. ``out``: as for :func:`unpublish`; without any directory nothing is done.
    Raises OperationError."""
    directory = out or context.settings.publish.directory
    if directory is None or not await _barred(context, directory):
        return ()
    async with alone(context):
        barred = await _barred(context, directory)
        return tuple([await _withdrawn(context, directory, each, MUST_NOT_BE_PUBLIC) for each in barred])


async def sweep_or_warn(context: Context) -> None:
    """As :func:`sweep`, for a caller that goes on whatever comes of it: a failure is logged."""
    try:
        await sweep(context)
    except Exception as error:  # the caller goes on whatever it is
        warn(error)


def warn(error: Exception) -> None:
    """Log why lists are not withdrawn."""
    event = "published lists that must not be public are not withdrawn"
    log.get().warning(event, reason=safe_text(error), remedy=getattr(error, "remedy", REPORT))


async def _barred(context: Context, directory: Path) -> list[str]:
    """The lists of which the directory holds an edition, and that must not be public."""
    there = await asyncio.to_thread(lists_in, directory)
    return sorted(there & (await openness.look(context)).closed) if there else []


def lists_in(directory: Path) -> frozenset[str]:
    """As :func:`leftovers.lists_in`. Raises UnusableError where the directory cannot be read."""
    try:
        return leftovers.lists_in(directory)
    except OSError as error:
        raise _unusable(directory, error) from error


def _unusable(directory: Path, error: OSError) -> UnusableError:
    message = f"{directory}: {error.strerror or type(error).__name__}"  # a file's name tells of its list
    remedy = "give the user that runs this the right to remove it there, or remove it by hand: its names are"
    return UnusableError(message, f"{remedy} public as long as another web server serves the directory")


async def _withdrawn(context: Context, directory: Path, identifier: str, reason: str) -> WithdrawnList:
    """The list withdrawn, under the lock of publishing. Its editions go also where the withdrawal cannot be
    recorded or signed."""
    try:
        keys = await current_keys(context)
        edition = await _recorded(context, directory, identifier, keys, reason)
        changed = await asyncio.to_thread(_put, directory, edition, keys)
    except (OperationError, StoreError, OSError) as error:
        await asyncio.to_thread(_drop, directory, identifier)
        await asyncio.to_thread(leftovers.mark, directory, identifier)
        if isinstance(error, OSError):
            raise _unusable(directory, error) from error
        raise
    return WithdrawnList(identifier, edition.serial, edition.manifest_digest, keys.signs.key_id, changed)


def _drop(directory: Path, identifier: str) -> None:
    try:
        leftovers.drop(directory, identifier)
    except OSError as error:
        raise _unusable(directory, error) from error


async def _recorded(
    context: Context, directory: Path, identifier: str, keys: ListKeys, reason: str
) -> PublishedEdition:
    """The withdrawal as the store has it: committed before anybody can see it."""
    async with context.store.read() as connection:
        known = await rows.newest(connection, identifier)
    signs = keys.signs
    there = await asyncio.to_thread(editions.standing, directory, identifier, *keys.public_keys)
    led_to = await asyncio.to_thread(editions.led_to, directory, identifier)
    serial, previous = (0, "") if known is None else (known.serial, known.manifest_digest)
    if known is not None and led_to <= serial and _withdraws(known, signs):
        return known
    if there is not None and there.serial > serial:  # a store that was put back
        serial, previous = there.serial, there.digest
    dated = int(datetime.fromtimestamp(context.clock(), UTC).strftime("%Y%m%d%H%M%S"))
    number = max(dated, serial + 1, led_to + 1)
    body = {
        "form": manifests.FORM,
        "list": identifier,
        "at": moment(context.clock()),
        "serial": number,
        "previous": previous,
        "key_id": signs.key_id,
        "public_key": signs.public_key,
        "withdrawn": True,
    }
    text = manifests.text_of(body)
    made = PublishedEdition(identifier, number, context.clock(), "", manifests.digest_of(text), text.decode())
    async with context.store.write(context.actor, context.clock()) as write:
        await rows.add(write.connection, made)
        after = {"serial": made.serial, "manifest": made.manifest_digest, "key": signs.key_id}
        write.audit(rows.WITHDRAWN, f"feed:{identifier}", reason=reason, after=after)
    return made


def _withdraws(known: PublishedEdition, signs: ListSigner) -> bool:
    """True for a withdrawal that names this key, and can be read."""
    try:
        return known.withdrawn and manifests.read(known.manifest.encode()).body["key_id"] == signs.key_id
    except ManifestError:
        return False


def _put(directory: Path, edition: PublishedEdition, keys: ListKeys) -> bool:
    """Put the withdrawal in the place of all editions. False where it stood there alone already."""
    identifier, text = edition.list, edition.manifest.encode()
    draft = editions.begun(directory, identifier)
    rendering.written(draft / manifests.NAME, (text,), "")
    signature = keys.signs.sign(text, identifier, edition.serial)
    rendering.written(draft / manifests.SIGNATURE, (signature,), "")
    keys.write(directory)
    changed = editions.put_in_place(directory, draft, identifier, edition.serial)
    return leftovers.drop(directory, identifier, kept=edition.serial) or changed
