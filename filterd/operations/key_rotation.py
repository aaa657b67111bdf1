"""The keys of confidential names: shown with what each seals, replaced by a new one, and dropped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from filterd.disk import key_ring
from filterd.disk.key_ring import KeyRing, KeyRingError, NamedKey
from filterd.operations import confidential, input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, rule_files
from filterd.policy.documents import Feed
from filterd.store import orders as rows
from filterd.store.sealing import reseal

CLEAR = ""
"""stands for the key of what is in clear still"""
DAMAGED_REMEDY = "see which and what to do: filterd audit verify"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key, without the key."""

    id: str
    made_at: float
    """Unix seconds; 0 for a key that is lost"""
    seals: bool
    """it is the one that seals what comes"""
    present: bool
    """false: something is sealed with it, and it is not in the file"""
    orders: int
    """confidential orders that are sealed with it"""
    files: int
    """versions of confidential lists that are sealed with it"""


@dataclass(frozen=True, slots=True)
class Rotated:
    """The result of a rotation."""

    key: str
    """the id of the new key"""
    before: str
    """that of the one before it; empty where there was none"""
    orders: int
    files: int
    """sealed anew"""


async def status(context: Context) -> tuple[KeyStatus, ...]:
    """The keys, the newest last, and those that something needs and that are not there."""
    ring = await asyncio.to_thread(confidential.ring, context.settings)
    orders, files = await _uses(context)
    newest = ring.newest
    found = [
        KeyStatus(each.id, each.made_at, each == newest, True, orders[each.id], files[each.id])
        for each in sorted(ring.keys, key=lambda each: each.made_at)
    ]
    known = {each.id for each in ring.keys} | {CLEAR}
    lost = sorted((orders.keys() | files.keys()) - known)
    return (*(KeyStatus(each, 0, False, False, orders[each], files[each]) for each in lost), *found)


async def rotate(context: Context, *, reason: str) -> Rotated:
    """Make a new key, and seal with it what earlier ones have sealed. Those stay: backups need them.

    Raises OperationError before anything is changed where something cannot be opened. Where it ends midway,
    everything can be opened still, and it is repeated.
    """
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    feeds = (await adoption.policies_in_force(context)).policies.feeds
    keys = await asyncio.to_thread(confidential.ring, context.settings)
    before = keys.newest.id if keys.newest is not None else ""
    await _require_openable(context, keys)
    key = await asyncio.to_thread(_new_key, context)
    files = await asyncio.to_thread(_reseal_files, context, feeds, key)
    seals = confidential.sealer(context.settings, context.clock())
    count = 0
    async with context.store.write(context.actor, context.clock()) as write:
        for order in (await rows.all_orders(write.connection)).orders:
            if order.demand.sealed is None or order.damage or confidential.is_past(order, keys):
                continue
            await reseal(write, order, seals(confidential.opened(context.settings, order)))
            count += 1
        write.audit(
            "key.rotate",
            f"key:{key.id}",
            reason=because,
            before={"key": before},
            after={"key": key.id, "orders": count, "files": files},
        )
    return Rotated(key.id, before, count, files)


async def drop(context: Context, identifier: str, *, reason: str) -> None:
    """Remove a key that nothing here needs any more: old backups cannot be opened then."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    found = {each.id: each for each in await status(context)}.get(identifier)
    if found is None or not found.present:
        message = f"there is no key {identifier[:32]!r}"
        raise OperationError(message, "see the keys with: filterd key list")
    if found.seals or found.orders or found.files:
        message = f"the key {identifier} is in use"
        raise OperationError(
            message, "seal everything with another one first: filterd key rotate --reason ..."
        )
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit("key.drop", f"key:{identifier}", reason=because)
        await asyncio.to_thread(key_ring.drop_key, context.settings.state_dir, identifier)


async def _uses(context: Context) -> tuple[Counter[str], Counter[str]]:
    """How many orders and files each key has sealed, by its id."""
    feeds = (await adoption.policies_in_force(context)).policies.feeds
    async with context.store.read() as connection:
        known = (await rows.all_orders(connection)).orders
    orders = Counter(each.demand.sealed.key_id for each in known if each.demand.sealed is not None)
    files = Counter(
        rule_files.sealed_with(path)
        for feed in feeds
        if feed.confidential
        for path in confidential.files_of(context.settings.state_dir, feed.id)
    )
    return orders, files


async def _require_openable(context: Context, keys: KeyRing) -> None:
    async with context.store.read() as connection:
        known = (await rows.all_orders(connection)).orders
    damaged = [each.reference for each in known if each.damage]
    if damaged:
        message = f"damaged orders: {', '.join(damaged)}"
        raise OperationError(message, DAMAGED_REMEDY)
    for order in known:
        if not confidential.is_past(order, keys):
            confidential.opened(context.settings, order)


def _new_key(context: Context) -> NamedKey:
    try:
        return key_ring.add_key(context.settings.state_dir, context.clock())
    except (OSError, KeyRingError) as error:
        raise confidential.unusable(context.settings.state_dir, error) from error


def _reseal_files(context: Context, feeds: Iterable[Feed], key: NamedKey) -> int:
    state_dir, count = context.settings.state_dir, 0
    try:
        with rule_files.writing(state_dir):
            for feed in feeds:
                if feed.confidential:
                    paths = list(confidential.files_of(state_dir, feed.id))
                    count += sum(rule_files.reseal(path, key) for path in paths)
    except OSError as error:
        message = f"a version of a confidential list was not sealed anew: {error.strerror or error}"
        remedy = "read the list again (filterd feed update), see that the disk has room, and repeat this"
        raise OperationError(message, remedy) from error
    return count
