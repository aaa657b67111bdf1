"""The published state that a check decides on: the current snapshot, and what the store knows now.

Made of the same parts and by the same native code as a node's, from one read transaction of the store. A node
is behind the store by a few milliseconds (``filterd node list`` shows by how much), so the two agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.domain import IPNetwork
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.line import LineChoices
from filterd.model.order import Order, OrderState
from filterd.operations import lines, texts
from filterd.operations.context import Context, OperationError
from filterd.operations.keys import load_key
from filterd.operations.orders import change_of
from filterd.operations.snapshots import open_current
from filterd.policy.decide import LineHandle, PublishedState
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.overlay import OrderRules, mandates_of, order_rules, overlay_of
from filterd.policy.published import StateSettings
from filterd.policy.resolve import PolicyBook
from filterd.policy.snapshot import Snapshot
from filterd.store import bindings, log
from filterd.store import orders as order_rows
from filterd.store import subscribers as subscriber_rows

REFUSED = "refused"
"""the method of a client outside of ``dns.allow_from``: whose line it is does not matter"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose query it is, and how that is known."""

    method: str
    """``subscriber`` (named in the check), ``binding``, ``unknown``, or :data:`REFUSED`"""
    choices: LineChoices | None = None
    subscriber: str = ""


@dataclass(frozen=True, slots=True)
class CheckState:
    """What a check decides on."""

    published: PublishedState
    snapshot: Snapshot
    identity: Identity
    line: LineHandle | None
    revision: int
    """the store's"""


async def load(
    context: Context, now: int, *, subscriber: str | None = None, client: str | None = None
) -> CheckState:
    """The state at ``now`` for a subscriber, for a client address, or for nobody known."""
    key = load_key(context.settings, FINGERPRINT_KEY)
    snapshot = open_current(context)
    async with context.store.read() as connection:
        revision = await log.revision(connection)
        identity = await _identify(connection, subscriber, client, context.settings.dns.allow_from)
        listed = await order_rows.list_orders(connection)
        known = [each for each in listed if each.accepted_at]
        in_snapshot = {entry.get("mandatory_id") for entry in snapshot.meta["lists"]}
        newer = [
            await order_rows.find(connection, each.reference)
            for each in known
            if each.state is OrderState.ACCEPTED and each.mandate.id not in in_snapshot
        ]
    empty = PublishedState(snapshot, key, now=now)
    book = PolicyBook.of_meta(snapshot.meta, empty.classes)
    line = None if identity.choices is None else _handle(identity.choices, book, key)
    published = PublishedState(
        snapshot,
        key,
        now=now,
        overlay=overlay_of(_rules(newer, revision, key)),
        mandates=mandates_of(_rules(known, revision, key), snapshot.built_at),
        policies=book.at(now),
        settings=StateSettings(security_enabled=context.settings.security.enabled),
    )
    return CheckState(published, snapshot, identity, line, revision)


async def _identify(
    connection: AsyncConnection, subscriber: str | None, client: str | None, allowed: Sequence[IPNetwork]
) -> Identity:
    if subscriber is not None:
        named = await lines.require(connection, subscriber)
        return Identity("subscriber", named.choices, named.id)
    if client is None:
        return Identity("unknown")
    network = ip_network(texts.prefix(client))
    if network.prefixlen != network.max_prefixlen:
        message = f"{client} is a prefix, not an address"
        raise OperationError(message, "give the address that the client asks from")
    if not any(network.network_address in each for each in allowed):
        return Identity(REFUSED)
    above = [str(network.supernet(new_prefix=length)) for length in range(network.max_prefixlen, -1, -1)]
    owners = await bindings.owners(connection, above)
    line = next((owners[prefix] for prefix in above if prefix in owners), None)
    found = None if line is None else await subscriber_rows.find_line(connection, line)
    return Identity("unknown") if found is None else Identity("binding", found.choices, found.id)


def _handle(choices: LineChoices, book: PolicyBook, key: bytes) -> LineHandle:
    return LineHandle(
        choices.line,
        policy=book.index(choices.profile, choices.zone),
        opted_in=choices.opted_in,
        paused_until=choices.paused_until,
        security_left=choices.security_left,
        own_names=[(fingerprint_name(key, own.name), own.action, own.scope) for own in choices.own_names],
    )


def _rules(orders: Iterable[Order | None], revision: int, key: bytes) -> list[OrderRules]:
    """The orders as nodes enforce them."""
    return [order_rules(change_of(order), revision, key) for order in orders if order is not None]
