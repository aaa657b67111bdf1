"""An order: what an authority demands, as it was taken in, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.mandatory import Mandate, order_id
from filterd.model.rule import BlockingMode, Scope


class OrderState(StrEnum):
    """What was decided about an order. Whether an accepted one is in force depends on the time too."""

    PENDING = "pending"
    """waits for another person's approval"""
    QUARANTINED = "quarantined"
    """demands a protected name: not enforced"""
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Demand:
    """What the authority wrote, complete (LMTR 182). Times are Unix seconds, 0 for none."""

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
    """when someone must look at it again, if it has no end"""
    received_at: float = 0.0
    document_digest: str = ""
    """SHA-256 of the document, where one was at hand"""
    confidential: bool = False
    overblocking_accepted: bool = False
    """somebody decided that a demand which DNS cannot follow precisely is followed nevertheless"""


@dataclass(frozen=True, slots=True)
class Order:
    """A demand with its number, its state, and who did what about it."""

    number: int
    reference: str
    """the public number, ``O-17``; says nothing of the contents"""
    state: OrderState
    demand: Demand
    reason: str
    added_by: str
    added_at: float
    entries: int = 0
    """how many names and addresses, also where they are not shown"""
    approvals: tuple[str, ...] = ()
    """who stands behind it, the one who added it first"""
    accepted_at: float = 0.0
    withdrawn_by: str = ""
    withdrawn_at: float = 0.0
    withdrawal_reason: str = ""

    @property
    def mandate(self) -> Mandate:
        """What a verdict needs to know of it."""
        return Mandate(
            id=order_id(self.number),
            reference=self.reference,
            mode=self.demand.mode,
            not_before=self.demand.not_before,
            not_after=self.demand.not_after,
            withdrawn=self.state is OrderState.WITHDRAWN,
            confidential=self.demand.confidential,
        )

    def in_force(self, now: float) -> bool:
        """Whether nodes enforce it at ``now``."""
        return self.state in (OrderState.ACCEPTED, OrderState.WITHDRAWN) and self.mandate.active(int(now))
