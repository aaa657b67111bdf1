"""Issues receipts: gathers what there is on an order, signs it, and tells the audit trail.

The facts are read, signed and recorded in one transaction: the head of the trail that a receipt names is that
before the entry which records the receipt, by its digest. A receipt is not kept: whoever lost one has another
issued, and the trail has the digests of all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd import __version__
from filterd.model import signed_text
from filterd.model.audit_chain import StoredEntry
from filterd.model.order import NOT_ACCEPTED, Order
from filterd.model.order_sql import DECISIONS
from filterd.model.records import NodeReport
from filterd.model.signed_text import RECEIPT, Body
from filterd.operations import nodes
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import times
from filterd.operations.orders.duties import measured, measured_whole
from filterd.operations.orders.finding import require, subject
from filterd.operations.receipts.body import (
    Issuer,
    NodeStanding,
    ReceiptFacts,
    TrailHead,
    body_of,
)
from filterd.operations.receipts.due import deadlines_of
from filterd.operations.receipts.effects import effect_of
from filterd.operations.reviews.terms import country_of
from filterd.operations.signing import Purpose, Signer, signer
from filterd.operations.trail import announcing
from filterd.policy.deadlines import resolve
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import change_log, checkpoints, order_times, snapshots

ACTION = "order.receipt"
TOLD = frozenset(DECISIONS) - {"order.seal", "order.confirm", "order.report", "order.expire", "order.review"}
"""the decisions that nodes are told of; the others are notes"""
CLOCK = "control"
"""who notes what nodes do by their own clocks"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that was issued."""

    reference: str
    issued_at: float
    """Unix seconds"""
    text: str
    """the signed object (:mod:`filterd.model.signed_text`), one line without a newline"""
    key_id: str

    @property
    def body(self) -> Body:
        """The facts that it states."""
        return signed_text.read(self.text).body

    @property
    def digest(self) -> str:
        """SHA-256 of the text, as the audit trail has it."""
        return signed_text.digest(self.text)


async def issue(context: Context, reference: str) -> Receipt:
    """Issue a receipt on an order. Raises OperationError for a damaged one, ConflictError for one that nobody
    has accepted, UnusableError where there is no key to sign with."""
    key = await _key(context)
    country = country_of(context)
    async with context.store.write(context.actor, context.clock()) as write:
        order = await require(write.connection, reference)
        if order.state in NOT_ACCEPTED:
            message = (
                f"order {order.reference} is {order.state.value}: nothing was done that could be attested"
            )
            raise ConflictError(message, f"see what it waits for: filterd order show {order.reference}")
        body = body_of(await facts_of(write.connection, context, order, country, write.now))
        text = signed_text.text_of(signed_text.signed(RECEIPT, body, key.key_id, key.sign))
        issued = Receipt(order.reference, write.now, text, key.key_id)
        write.audit(
            ACTION,
            subject(order),
            after={
                "digest": issued.digest,
                "key_id": key.key_id,
                "state": order.state.value,
                "confidential": order.demand.confidential,
            },
        )
    return issued


async def _key(context: Context) -> Signer:
    """The key of receipts, which the trail announces before it signs the first one."""
    async with announcing.alone(context):
        await announcing.settle(context)
        return await asyncio.to_thread(signer, context.settings, Purpose.RECEIPT)


async def facts_of(
    connection: AsyncConnection, context: Context, order: Order, country: Jurisdiction, now: float
) -> ReceiptFacts:
    """Everything that a receipt on an order would be made of now."""
    settings = context.settings
    issuer = Issuer(
        installation=await checkpoints.installation_id(connection),
        provider=settings.service.name,
        jurisdiction=settings.jurisdiction,
        zone=country.zone if country.authorities else settings.zone,
        version=__version__,
    )
    entries = await change_log.entries_of(connection, subject(order))
    shown = await times.times_of(connection, context, order)
    effects = await order_times.of_order(connection, order.number)
    first = None  # of an order from before such times were kept nobody knows it
    if measured_whole(effects, order):
        first = await times.first_enforcement(connection, context, effects)
    return ReceiptFacts(
        order=order,
        issuer=issuer,
        trail=await _trail(connection),
        entries=entries,
        nodes=await _nodes(connection, entries),
        at=now,
        deadlines=deadlines_of(order, country, measured(effects, order)),
        basis=resolve(country, order.demand.authority, order.demand.ground),
        first_enforcement=effect_of(first),
        enforcement=effect_of(shown.enforcement),
        lifting=effect_of(shown.lifting),
    )


async def _trail(connection: AsyncConnection) -> TrailHead:
    sequence, digest, _, _ = await checkpoints.trail_head(connection)
    newest = await checkpoints.newest(connection)
    if newest is None:
        return TrailHead(sequence, digest, 0, "")
    return TrailHead(sequence, digest, newest.number, newest.digest)


async def _nodes(connection: AsyncConnection, entries: list[StoredEntry]) -> list[NodeStanding]:
    """Every node that ever reported, by name, compared with the revision of the newest decision."""
    told = [each.entry for each in entries if each.entry.action in TOLD and each.entry.actor != CLOCK]
    decided = max((each.revision for each in told), default=0)
    found = []
    for report in await snapshots.nodes(connection):
        history = await nodes.history_of(connection, report)
        found.append(NodeStanding(report.name, report.seen_at, _has(report, history, decided)))
    return found


def _has(report: NodeReport, history: str, decided: int) -> bool | None:
    if history != nodes.THIS:
        return None
    return report.mandatory_revision >= decided
