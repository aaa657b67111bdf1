"""The body of a receipt: everything that an installation can say of an order's life. Pure.

Times are ISO 8601 in UTC to the second; null where there is none, or where nobody knows. People are counted
and not named: the receipt leaves the house, and whoever must know them finds them by the entries of the trail
that it lists (decision 0367). Of a confidential order the entries, and the free texts that may name them, are
withheld; ``withheld`` lists their keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from filterd.model.audit_chain import StoredEntry
from filterd.model.order import Order, OrderState
from filterd.model.order_rows import audited, row_digest
from filterd.model.order_sql import DECISIONS
from filterd.model.signed_text import Body
from filterd.operations.plain_records import standing
from filterd.operations.plain_values import moment
from filterd.policy.deadlines import KnownBasis

FORMAT = 1
"""of the body; a change that adds keys keeps it"""
APPROVED = "order.approve"
UNKNOWN_BASIS = KnownBasis(None, None)


@dataclass(frozen=True, slots=True)
class Issuer:
    """The installation that issues a receipt."""

    installation: str
    """its random id"""
    provider: str
    """the name of the provider, ``service.name``; empty: nobody wrote it"""
    jurisdiction: str
    zone: str
    """of the authority's clock"""
    version: str
    """of filterd"""


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """A node at the time of the receipt."""

    name: str
    reported_at: float
    has_it: bool | None
    """whether it had applied the newest decision on the order at its last report; None: it follows another
    history of the store, or its place in this one is not known"""


@dataclass(frozen=True, slots=True)
class TrailHead:
    """The end of the audit trail before the entry on the receipt itself."""

    sequence: int
    hash: str
    checkpoint: int
    """the number of the newest checkpoint; 0: there is none yet"""
    checkpoint_digest: str


@dataclass(frozen=True, slots=True)
class ReceiptDeadline:
    """A duty with its moments, in Unix seconds."""

    duty: str
    """of :class:`~filterd.policy.jurisdictions.DeadlineKind`"""
    due_at: float
    source: str
    """``order``, ``jurisdiction``, or ``provider``: a review that neither of them sets"""
    done_at: float = 0.0
    """0: not done, or not known to be"""
    measured: bool = True
    """False: nobody knows whether it was done"""
    over_at: float = 0.0
    """since when the order asks for it no more, of one that was not done"""


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """Everything that a receipt is made of."""

    order: Order
    issuer: Issuer
    trail: TrailHead
    entries: Sequence[StoredEntry]
    """of the trail, on this order"""
    nodes: Sequence[NodeStanding]
    at: float
    deadlines: Sequence[ReceiptDeadline] = ()
    enforcement: Body | None = None
    """the measured times of enforcement (:func:`.effects.effect_of`), of several the newest; None: none were
    measured"""
    lifting: Body | None = None
    """the same of the lifting"""
    first_enforcement: Body | None = None
    """those of the first enforcement, where a later one followed"""
    basis: KnownBasis = UNKNOWN_BASIS
    """the authority and the ground as the jurisdiction's file has them"""


def body_of(facts: ReceiptFacts) -> Body:
    """The body, ready to be signed. No floating-point numbers."""
    order, issuer = facts.order, facts.issuer
    return {
        "format": FORMAT,
        "issued_at": moment(facts.at),
        "provider": issuer.provider,
        "installation": issuer.installation,
        "jurisdiction": issuer.jurisdiction,
        "zone": issuer.zone,
        "product": "filterd",
        "version": issuer.version,
        "order": {**_order(order, facts.at), **_titles(facts.basis)},
        "entries": _entries(order),
        "people": len(set(order.approvals)),
        "steps": steps(order, facts.entries),
        "first_enforcement": facts.first_enforcement,
        "enforcement": facts.enforcement,
        "lifting": facts.lifting,
        "nodes": [
            {"name": each.name, "reported_at": _time(each.reported_at), "has_it": each.has_it}
            for each in facts.nodes
        ],
        "deadlines": [_deadline(each, facts.at) for each in facts.deadlines],
        "trail": {
            "sequence": facts.trail.sequence,
            "hash": facts.trail.hash,
            "checkpoint": facts.trail.checkpoint or None,
            "checkpoint_digest": facts.trail.checkpoint_digest or None,
            "entries": [
                {
                    "sequence": each.sequence,
                    "action": each.entry.action,
                    "at": _time(each.entry.at),
                    "hash": each.hash,
                }
                for each in _decisions(facts.entries)
            ],
        },
        "withheld": withheld(order),
    }


def withheld(order: Order) -> list[str]:
    """The keys whose content a receipt on this order keeps back."""
    if not order.demand.confidential:
        return []
    return ["entries.addresses", "entries.names", "order.proportionality", "steps.evidence"]


def steps(order: Order, entries: Iterable[StoredEntry]) -> list[Body]:
    """The moments of the order's life in their order, each with what came with it."""
    demand = order.demand
    found: list[tuple[float, Body]] = (
        [(demand.received_at, {"step": "received"})] if demand.received_at else []
    )
    found.append((order.added_at, {"step": "taken_in"}))
    found += [
        (each.entry.at, {"step": "approved"}) for each in _decisions(entries) if each.entry.action == APPROVED
    ]
    if order.accepted_at:
        found.append((order.accepted_at, {"step": "accepted"}))
    for each in order.steps:
        told: Body = {"step": each.kind.value}
        told |= {"document": each.document} if each.document else {}
        told |= {"received_at": moment(each.received_at)} if each.received_at else {}
        told |= {"until": moment(each.until)} if each.until else {}
        if each.evidence and not demand.confidential:
            told["evidence"] = each.evidence
        told |= {"evidence_digest": each.digest} if each.digest else {}
        found.append((each.at, told))
    if order.state is OrderState.WITHDRAWN and order.withdrawn_at:
        found.append((order.withdrawn_at, {"step": "withdrawn"}))
    return [{"at": _time(at), **told} for at, told in sorted(found, key=lambda one: one[0])]


def _order(order: Order, at: float) -> Body:
    demand = order.demand
    return {
        "reference": order.reference,
        "state": order.state.value,
        "in_force": order.in_force(at),
        "standing": standing(order, at),
        "authority": demand.authority,
        "official": demand.official,
        "document": demand.document,
        "document_digest": demand.document_digest or None,
        "ground": demand.ground,
        "law": demand.law or None,
        "mode": demand.mode.word,
        "confidential": demand.confidential,
        "proportionality": None if demand.confidential else demand.proportionality or None,
        "protection_overridden": demand.protection_overridden,
        "overblocking_accepted": demand.overblocking_accepted,
        "received_at": _time(demand.received_at),
        "not_before": _time(demand.not_before),
        "not_after": _time(demand.not_after),
        "review_at": _time(demand.review_at),
    }


def _titles(basis: KnownBasis) -> Body:
    """The titles of authority and ground in both languages; null for those that the file does not have."""
    found = {"authority_title": basis.authority, "ground_title": basis.ground}
    return {
        key: None if each is None else {"es": each.title.es, "en": each.title.en}
        for key, each in found.items()
    }


def _entries(order: Order) -> Body:
    """The entries of an open order; of a confidential one their number. Each with the digest by which the
    trail stands for them."""
    demand = order.demand
    shown: Body = {
        "count": order.entries,
        "row_digest": row_digest(order),
        "digest": None,
        "names": None,
        "addresses": None,
    }
    if not demand.confidential:
        shown["digest"] = audited(order)["digest"]
        shown["names"] = [{"name": name, "scope": scope.word} for name, scope in demand.names]
        shown["addresses"] = list(demand.addresses)
    return shown


def _deadline(each: ReceiptDeadline, at: float) -> Body:
    return {
        "duty": each.duty,
        "source": each.source,
        "due_at": moment(each.due_at),
        "done_at": _time(each.done_at),
        "over_at": _time(each.over_at),
        "met": met(each, at),
    }


def met(each: ReceiptDeadline, at: float) -> bool | None:
    """True if a duty was done in time; None: it is not due yet, it was over before it was due, or nobody
    knows. The last second counts whole."""
    late = each.due_at + 1
    if each.done_at:
        return each.done_at < late
    return False if each.measured and (each.over_at or at) >= late else None


def _decisions(entries: Iterable[StoredEntry]) -> list[StoredEntry]:
    return [each for each in entries if each.entry.action in DECISIONS]


def _time(seconds: float) -> str | None:
    return moment(seconds) or None
