"""Duties of an order: what is due when, by the rules of the jurisdiction in force or by the order itself, and
whether it was done in time.

A time that the order sets itself goes before the ground's. An order whose ground nobody knows has no duties
but those times and its review. A duty that has begun stays, whatever becomes of its order: one that was done
says whether that was in time, and one that was not is over once the order asks for it no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from filterd.model.order import NOT_ACCEPTED, Order, OrderState, OrderStep, StepKind
from filterd.model.order_facts import OrderFacts
from filterd.model.order_times import EffectKind, OrderEffect
from filterd.policy.deadlines import KnownBasis, due, end_of, resolve, starts_with
from filterd.policy.jurisdictions import DeadlineKind, DeadlineStart, Jurisdiction

_STANDING = frozenset((OrderState.ACCEPTED, OrderState.SUSPENDED, OrderState.OUTSIDE_DNS))
"""the states of an order that is carried out, or will be again"""
_LEAVING = frozenset((StepKind.SUSPENDED, StepKind.RESUMED, StepKind.EXPIRED))
"""the steps, beside a person's end, after which an order asks for other things than before"""
_SLACK = 1.0
"""seconds by which two notes of one act may differ"""
_Kinds = DeadlineKind
_UNKNOWN = KnownBasis(None, None)


class HouseDuty(StrEnum):
    """A duty beside those of a single order: of the rule of this program that two people stand behind an
    order, of requests, and of registers' lists."""

    EMERGENCY_REVIEW = "emergency_review"
    """another person looks at an end by one person alone"""
    REQUEST = "request"
    """a request of an authority has an outcome (operations.duty.requests)"""
    LIST_BLOCK = "list_block"
    """new entries of a register's list are in force (operations.registers.alarming)"""
    LIST_UNBLOCK = "list_unblock"
    """entries that a register withdrew are lifted"""


OF_LISTS = frozenset((HouseDuty.LIST_BLOCK, HouseDuty.LIST_UNBLOCK))


@dataclass(frozen=True, slots=True)
class Reached:
    """The moments at which all nodes had an order, and had lifted it; Unix seconds, 0: not yet."""

    enforced_at: float = 0.0
    lifted_at: float = 0.0


def measured(effects: Sequence[OrderEffect], order: OrderFacts | Order) -> Reached:
    """The moments at which the last node had an order in force for the first time, and had lifted it as was
    demanded last, by the nodes' reports. ``effects``: the order's own, oldest first."""
    whole = measured_whole(effects, order)
    enforced = (each.everywhere_at for each in effects if whole and each.kind is EffectKind.ENFORCE)
    demand = _demand(order)
    until = 0.0 if demand is None else demand.at
    lifts = [each for each in effects if each.kind is EffectKind.LIFT and each.due_at <= until]
    return Reached(
        enforced_at=next((at for at in enforced if at > 0), 0.0),  # less than 0: overtaken by a later effect
        lifted_at=max(0.0, lifts[-1].everywhere_at) if lifts else 0.0,
    )


def measured_whole(effects: Sequence[OrderEffect], order: OrderFacts | Order) -> bool:
    """False for an order that was accepted before effects were recorded: its first one is a later one."""
    return bool(effects) and (effects[0].effect > 1 or effects[0].decided_at <= order.accepted_at + _SLACK)


def _demand(order: OrderFacts | Order) -> OrderStep | None:
    """The authority's demand to block no more."""
    return order.last(StepKind.LIFTED) or order.last(StepKind.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is due for an order. Times are Unix seconds, 0 for none."""

    order: OrderFacts
    kind: DeadlineKind | HouseDuty
    began_at: float
    """the event from which the deadline runs"""
    due_at: int
    """the last second in which it is done in time"""
    done_at: float = 0.0
    basis: KnownBasis = _UNKNOWN
    over_at: float = 0.0
    """since when nobody has to do it any more; 0 for one that was done, or still is to be"""

    @property
    def open(self) -> bool:
        """True while it is to be done."""
        return not self.done_at and not self.over_at

    def overdue(self, now: float) -> bool:
        """True for one that is not done, and late."""
        return self.open and now >= self.due_at + 1

    @property
    def late(self) -> bool:
        """True for one that was done, too late."""
        return self.done_at >= self.due_at + 1

    @property
    def missed(self) -> bool:
        """True for one that was never done, and that was late when it was over."""
        return not self.done_at and self.over_at >= self.due_at + 1


def duties_of(
    order: OrderFacts, country: Jurisdiction, reached: Reached, basis: KnownBasis | None = None
) -> Iterator[Duty]:
    """The duties of an order that have begun, done ones among them. ``basis`` is what its words resolve to,
    where the caller knows that already."""
    basis = resolve(country, order.authority, order.ground) if basis is None else basis
    found = _Found(order, country, reached, basis)
    for kind in (_Kinds.ENFORCE, _Kinds.REPORT, _Kinds.UNBLOCK, _Kinds.RECONFIRM, _Kinds.REVIEW):
        duty = found.duty(kind)
        if duty is not None:
            yield duty


@dataclass(frozen=True, slots=True)
class _Found:
    """One order with what its duties follow from."""

    order: OrderFacts
    country: Jurisdiction
    reached: Reached
    basis: KnownBasis

    def duty(self, kind: DeadlineKind) -> Duty | None:
        """The duty of a kind; None: the order has none, or it has not begun."""
        asked = self._asked(kind)
        if not asked and not self._could_begin(kind):
            return None
        began, due_at = self._review() if kind is _Kinds.REVIEW else self._due(kind)
        if not due_at:
            return None
        done = self._done(kind)
        over = 0.0 if asked or done else self._over()
        return Duty(self.order, kind, began, due_at, done, self.basis, over)

    def _could_begin(self, kind: DeadlineKind) -> bool:
        """True for a duty that an order does not ask for now, and may have asked for before."""
        if kind is _Kinds.UNBLOCK:
            return _demand(self.order) is not None
        return bool(self.order.accepted_at) or kind is _Kinds.ENFORCE

    def _over(self) -> float:
        """The moment at which the order left the state in which it asked for a duty."""
        order = self.order
        steps = (each.at for each in reversed(order.steps) if each.kind in _LEAVING)
        return order.ended_at or next(steps, 0.0) or order.not_after or order.accepted_at or order.added_at

    def _asked(self, kind: DeadlineKind) -> bool:
        """True for a duty that the order asks for in its present state."""
        state = self.order.state
        if kind is _Kinds.UNBLOCK:
            return state in (OrderState.LIFTED, OrderState.SUSPENDED)
        if kind is _Kinds.ENFORCE:
            return state in NOT_ACCEPTED or state in (OrderState.ACCEPTED, OrderState.OUTSIDE_DNS)
        if kind is _Kinds.REVIEW:
            return state in _STANDING
        return state in _STANDING or state in NOT_ACCEPTED

    def _due(self, kind: DeadlineKind) -> tuple[float, int]:
        """The beginning of a duty and its last second."""
        own = {_Kinds.ENFORCE: self.order.enforce_by, _Kinds.REPORT: self.order.report_by}.get(kind, 0)
        if own:
            return self._received(), own
        ground = self.basis.ground
        if ground is None:
            return 0.0, 0
        began = self._event(starts_with(ground, self._authority(), kind))
        if not began:
            return 0.0, 0
        return began, due(self.country, ground, self._authority(), kind, int(began)) or 0

    def _review(self) -> tuple[float, int]:
        """The next look: at the time that the last confirmation set, or the order, or by the ground."""
        confirmed = self.order.last(StepKind.CONFIRMED)
        began = self.order.accepted_at if confirmed is None else confirmed.at
        own = self.order.review_at if confirmed is None else confirmed.until
        if own:
            return began, own
        ground = self.basis.ground
        if self.order.not_after and (ground is None or ground.deadline(_Kinds.REVIEW) is None):
            return 0.0, 0  # it ends by itself
        if ground is not None:
            return began, due(self.country, ground, self._authority(), _Kinds.REVIEW, int(began)) or 0
        return began, end_of(self.country, self._authority(), self.country.review, int(began))

    def _done(self, kind: DeadlineKind) -> float:
        step = {_Kinds.REPORT: StepKind.REPORTED, _Kinds.RECONFIRM: StepKind.CONFIRMED}.get(kind)
        if kind is _Kinds.ENFORCE:
            return self._enforced()
        if kind is _Kinds.UNBLOCK:
            return self.reached.lifted_at
        last = None if step is None else self.order.last(step)
        return 0.0 if last is None else last.received_at or last.at

    def _event(self, start: DeadlineStart) -> float:
        """The moment of an event; 0: it has not come yet."""
        if start is DeadlineStart.ACCEPTED:
            return self.order.accepted_at
        if start is DeadlineStart.ENFORCED:
            return self._enforced()
        if start is DeadlineStart.DEMANDED:
            step = _demand(self.order)
            return self.order.ended_at if step is None else step.received_at or step.at
        return self._received()

    def _received(self) -> float:
        return self.order.received_at or self.order.added_at

    def _enforced(self) -> float:
        executed, blocked = self.order.last(StepKind.EXECUTED), self.reached.enforced_at
        if executed is None:
            return blocked
        return min(blocked, executed.at) if blocked else executed.at

    def _authority(self) -> str:
        return "" if self.basis.authority is None else self.basis.authority.id
