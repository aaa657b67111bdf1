"""An order of an authority: its demand as it was taken in, and its state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    SUSPENDED = "suspended"
    """not enforced until a moment, at the authority's request; nodes resume it by themselves"""
    OUTSIDE_DNS = "outside_dns"
    """executed by other means, with evidence: the provider itself hosts what is demanded. No node has it"""
    EXPIRED = "expired"
    """its term is over; nodes ended it by themselves"""
    LIFTED = "lifted"
    """the authority demanded its end"""
    WITHDRAWN = "withdrawn"
    """the provider ended it"""


NOT_ACCEPTED = frozenset((OrderState.PENDING, OrderState.QUARANTINED))
"""the states of an order that not enough people stand behind"""
ENDED_BY_PEOPLE = frozenset((OrderState.LIFTED, OrderState.WITHDRAWN))
"""the states that no order leaves any more"""
ENDED = ENDED_BY_PEOPLE | {OrderState.EXPIRED}
OFF_NODES = ENDED_BY_PEOPLE | {OrderState.OUTSIDE_DNS}
"""the states in which nodes hold no name of it and enforce nothing"""
ON_NODES = frozenset((OrderState.ACCEPTED, OrderState.SUSPENDED, OrderState.EXPIRED))
"""the states in which nodes hold its names, and its times alone say whether they enforce it"""


class StepKind(StrEnum):
    """The steps of an order's life after it was taken in. Each is a row of its own and stays."""

    SUSPENDED = "suspended"
    RESUMED = "resumed"
    """back in force: at the end of a suspension or before it, or since its term is not over after all"""
    LIFTED = "lifted"
    CONFIRMED = "confirmed"
    """the authority confirmed a provisional order, or somebody its need at a review"""
    REPORTED = "reported"
    """the authority was told that it was carried out"""
    EXECUTED = "executed"
    """carried out outside DNS"""
    EXPIRED = "expired"
    EMERGENCY = "emergency"
    """ended by one person at once, to be looked at by another one afterwards"""
    REVIEWED = "reviewed"
    """another person looked at an emergency end"""


@dataclass(frozen=True, slots=True)
class OrderStep:
    """One step, in the order of :attr:`number`, from 1. Times are Unix seconds, 0 for none."""

    number: int
    kind: StepKind
    at: float
    """when it happened: of what control notes afterwards, the moment of it and not of the note"""
    actor: str
    reason: str = ""
    document: str = ""
    """the number of the authority's instrument, where one asked for it"""
    received_at: float = 0.0
    """when that instrument came in: deadlines count from it"""
    until: int = 0
    """the end of a suspension (of a resumption: 0, or the end that came), or the next review"""
    evidence: str = ""
    """the means by which it was executed outside DNS, or the reference of a report"""
    digest: str = ""
    """SHA-256 of a document that is evidence, where one was at hand"""


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
    law: str = ""
    """the substantive law; empty for an order of a time when none was asked for"""
    proportionality: str = ""
    """why what it reaches beyond its target is bearable; of each order that takes two people for its reach"""
    protection_overridden: bool = False
    """two people decided that it holds for protected names as well"""
    enforce_by: int = 0
    report_by: int = 0
    """as the order itself sets them; 0: by the ground in the jurisdiction pack"""
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
    """of those three: whoever ended it, be it withdrawn or lifted"""
    steps: tuple[OrderStep, ...] = ()
    seal: str = field(default="", repr=False)
    """random, part of the digest of its row (model.order_rows); never shown"""
    damage: str = ""
    """why its row in the store is not to be trusted; empty where it is what was decided"""

    @property
    def not_before(self) -> int:
        """The beginning of its force: its own, or the end of a suspension, Unix seconds. That end stays when
        control has noted the resumption: a clock of control that is ahead resumes nothing on nodes."""
        bound = self.last(StepKind.SUSPENDED, StepKind.RESUMED)
        return max(self.demand.not_before, 0 if bound is None else bound.until)

    @property
    def review_at(self) -> int:
        """When somebody must look at it next, Unix seconds; 0: never."""
        confirmed = self.last(StepKind.CONFIRMED)
        return self.demand.review_at if confirmed is None or not confirmed.until else confirmed.until

    @property
    def unreviewed(self) -> OrderStep | None:
        """The emergency end that nobody else has looked at yet."""
        newest = self.last(StepKind.EMERGENCY, StepKind.REVIEWED)
        return newest if newest is not None and newest.kind is StepKind.EMERGENCY else None

    def last(self, *kinds: StepKind) -> OrderStep | None:
        """The newest step of these kinds."""
        return next((each for each in reversed(self.steps) if each.kind in kinds), None)

    def with_step(self, step: OrderStep) -> Order:
        """The order with one more step, which gets the next number."""
        return replace(self, steps=(*self.steps, replace(step, number=len(self.steps) + 1)))

    def as_of(self, now: float) -> Order:
        """The order without what control noted by a clock that was ahead: where its term is not over at
        ``now`` it has not expired, and where its suspension has not ended by then it is suspended."""
        if self.state is not OrderState.ACCEPTED and self.state is not OrderState.EXPIRED:
            return self
        if self.state is OrderState.EXPIRED and self.demand.not_after <= now:
            return self
        bound = self.last(StepKind.SUSPENDED, StepKind.RESUMED)
        suspended = bound is not None and bound.until > now
        return replace(self, state=OrderState.SUSPENDED if suspended else OrderState.ACCEPTED)

    @property
    def mandate(self) -> Mandate:
        """The part of it that verdicts need."""
        return Mandate(
            id=order_id(self.number),
            reference=self.reference,
            mode=self.demand.mode,
            not_before=self.not_before,
            not_after=self.demand.not_after,
            withdrawn=self.state in OFF_NODES,
            confidential=self.demand.confidential,
            pending=self.state in NOT_ACCEPTED,
        )

    def in_force(self, now: float) -> bool:
        """Return whether nodes enforce it at ``now``, as far as the store is to be trusted."""
        if self.damage:
            return False
        return self.state in ON_NODES and self.mandate.active(int(now))
