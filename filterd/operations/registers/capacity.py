"""The room that was declared to each authority, and what its orders and lists take of it.

Nothing gives way for what is new: where there is no room, an item is answered ``over_capacity``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.register_settings import RegisterSettings
from filterd.model.records import FeedVersion
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption
from filterd.operations.orders.guards import jurisdiction
from filterd.operations.policies import policies
from filterd.operations.registers import list_files
from filterd.policy.deadlines import resolve
from filterd.policy.documents import Policies
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import feeds, order_counts
from filterd.store import registers as rows

NAMES, ADDRESSES = "names", "addresses"
ALARM_AT = 0.8
"""the share of the declared room from which on somebody is told"""


@dataclass(frozen=True, slots=True)
class CapacityUse:
    """The use of the room of one authority."""

    authority: str
    kind: str
    """``names`` or ``addresses``"""
    declared: int
    used: int

    @property
    def room(self) -> int:
        """How many more may come."""
        return max(0, self.declared - self.used)

    @property
    def alarms(self) -> bool:
        """True from :data:`ALARM_AT` on."""
        return self.used >= ALARM_AT * self.declared


Used = Counter[tuple[str, str]]
"""entries by authority and kind"""


async def capacity(context: Context, connection: AsyncConnection | None = None) -> tuple[CapacityUse, ...]:
    """The use of each room that is declared, by authority; ``connection``: as a write sees it. Takes one
    connection of the store at a time: whoever waits for a second one with the first in hand may wait for
    others who do the same."""
    declared = {each.authority: each.capacity for each in context.settings.registers}
    if not any(each.names or each.addresses for each in declared.values()):
        return ()
    documents = await asyncio.to_thread(policies, context)
    if connection is not None:
        taken = await used(context, documents, connection)
    else:
        async with context.store.read() as reading:
            taken = await used(context, documents, reading)
    country = jurisdiction(context)
    found = []
    for authority, room in sorted(declared.items()):
        key = canonical(country, authority)
        for kind, most in ((NAMES, room.names), (ADDRESSES, room.addresses)):
            if most:
                found.append(CapacityUse(authority, kind, most, taken[key, kind]))
    return tuple(found)


async def used(context: Context, documents: Policies, connection: AsyncConnection) -> Used:
    """The entries of all orders that nobody ended, and of adopted lists, by authority and kind: those that
    are being put in force are among them. Entries of a confidential order count as names. ``documents``: the
    directory's policies."""
    country = jurisdiction(context)
    found: Used = Counter()
    for authority, names, addresses in await order_counts.open_entries(connection):
        key = canonical(country, authority)
        found[key, NAMES] += names
        found[key, ADDRESSES] += addresses
    versions = await feeds.current(connection)
    for feed in adoption.combined(documents, await adoption.definitions(connection)).policies.feeds:
        if feed.mandatory is not None and feed.id in versions:
            found[canonical(country, feed.mandatory.authority), NAMES] += versions[feed.id].names
    for register, entries in (await rows.open_blocks(connection)).items():
        for each in context.settings.registers:
            if each.id == register:
                found[canonical(country, each.authority), NAMES] += await _coming(
                    context, each, versions.get(each.list), entries
                )
    return found


async def _coming(
    context: Context, register: RegisterSettings, version: FeedVersion | None, entries: set[str]
) -> int:
    """The entries that the version in force of a register's list does not have yet; all of them where it
    cannot be read. A write sees no other version while it lasts."""
    try:
        return len(entries - await list_files.names_of(context, register, version))
    except OperationError:
        return len(entries)


def canonical(country: Jurisdiction | None, authority: str) -> str:
    """The id of an authority, whose titles name it too; one that nobody knows as it is written, folded."""
    body = None if country is None else resolve(country, authority, "").authority
    return authority.strip().casefold() if body is None else body.id
