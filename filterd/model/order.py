"""An order of an authority: its demand as it was taken in, and its state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate, order_id
from filterd.model.rule import Scope
from filterd.model.sealed_entries import SealedEntries


class OrderState(StrEnum):
    """The decisions on an order. Whether an accepted order is in force also depends on the time."""

    PENDING = "pending"
    """waits for another person's approval"""
    QUARANTINED = "quarantined"
    """demands a protected name: not enforced"""
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


NOT_ACCEPTED = frozenset((OrderState.PENDING, OrderState.QUARANTINED))
"""the states of an order that not enough people stand behind"""


@dataclass(frozen=True, slots=True)
class Demand:
    """The complete demand of the authority (LMTR 182). Times are Unix seconds, 0 for none."""

    authority: str
    official: str
    document: str
    """the number of the written instrument"""
    ground: str
    """the provision that it rests on"""
    names: tuple[tuple[str, Scope], ...] = ()
    addresses: tuple[str, ...] = ()
    mode: BlockingMode = BlockingMode.NXDOMAIN
    not_before: int = 0
    not_after: int = 0
    """when it ends by itself, exclusive"""
    review_at: int = 0
    """when somebody must review it, if it has no end"""
    received_at: float = 0.0
    document_digest: str = ""
    """SHA-256 of the document, where one was at hand"""
    confidential: bool = False
    overblocking_accepted: bool = False
    """somebody decided to follow a demand that DNS cannot follow precisely"""
    sealed: SealedEntries | None = None
    """the entries of a confidential demand as the store holds them; ``names`` and ``addresses`` are empty
    then, until somebody who has the key opens them"""


@dataclass(frozen=True, slots=True)
class Order:
    """A demand with its number, its state, and the people who decided on it."""

    number: int
    reference: str
    """the public number, ``O-17``; it does not reveal the content"""
    state: OrderState
    demand: Demand
    reason: str
    added_by: str
    added_at: float
    entries: int = 0
    """the number of names and addresses, even if they are not shown"""
    approvals: tuple[str, ...] = ()
    """the people who approve it; the first one added it"""
    accepted_at: float = 0.0
    withdrawn_by: str = ""
    withdrawn_at: float = 0.0
    withdrawal_reason: str = ""
    seal: str = field(default="", repr=False)
    """random, part of the digest of its row (model.order_rows); never shown"""
    damage: str = ""
    """why its row in the store is not to be trusted; empty where it is what was decided"""

    @property
    def mandate(self) -> Mandate:
        """The part of it that verdicts need."""
        return Mandate(
            id=order_id(self.number),
            reference=self.reference,
            mode=self.demand.mode,
            not_before=self.demand.not_before,
            not_after=self.demand.not_after,
            withdrawn=self.state is OrderState.WITHDRAWN,
            confidential=self.demand.confidential,
            pending=self.state in NOT_ACCEPTED,
        )

    def in_force(self, now: float) -> bool:
        """Return whether nodes enforce it at ``now``, as far as the store is to be trusted."""
        if self.damage:
            return False
        return self.state in (OrderState.ACCEPTED, OrderState.WITHDRAWN) and self.mandate.active(int(now))
