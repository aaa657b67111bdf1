"""Duties of an order: what is due when, by the rules of the jurisdiction in force or by the order itself, and
whether it was done in time.

A time that the order sets itself goes before the ground's. An order whose ground nobody knows has no duties
but those times and its review.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from filterd.model.order import NOT_ACCEPTED, OrderState, StepKind
from filterd.model.order_facts import OrderFacts
from filterd.policy.deadlines import KnownBasis, due, end_of, resolve, starts_with
from filterd.policy.jurisdictions import DeadlineKind, DeadlineStart, Jurisdiction

_STANDING = frozenset((OrderState.ACCEPTED, OrderState.SUSPENDED, OrderState.OUTSIDE_DNS))
"""the states of an order that is carried out, or will be again"""
_Kinds = DeadlineKind
_UNKNOWN = KnownBasis(None, None)


@dataclass(frozen=True, slots=True)
class Reached:
    """The moments at which all nodes had an order, and had lifted it; Unix seconds, 0: not yet."""

    enforced_at: float = 0.0
    lifted_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is due for an order. Times are Unix seconds, 0 for none."""

    order: OrderFacts
    kind: DeadlineKind
    began_at: float
    """the event from which the deadline runs"""
    due_at: int
    """the last second in which it is done in time"""
    done_at: float = 0.0
    basis: KnownBasis = _UNKNOWN

    @property
    def open(self) -> bool:
        """True while it is not done."""
        return not self.done_at

    def overdue(self, now: float) -> bool:
        """True for one that is not done, and late."""
        return self.open and now >= self.due_at + 1

    @property
    def late(self) -> bool:
        """True for one that was done, too late."""
        return self.done_at >= self.due_at + 1


def duties_of(order: OrderFacts, country: Jurisdiction, reached: Reached) -> Iterator[Duty]:
    """The duties of an order that have begun, done ones among them."""
    basis = resolve(country, order.authority, order.ground)
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
        if not self._applies(kind):
            return None
        began, due_at = self._review() if kind is _Kinds.REVIEW else self._due(kind)
        if not due_at:
            return None
        return Duty(self.order, kind, began, due_at, self._done(kind), self.basis)

    def _applies(self, kind: DeadlineKind) -> bool:
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
            steps = (self.order.last(each) for each in (StepKind.LIFTED, StepKind.SUSPENDED))
            step = next((each for each in steps if each is not None), None)
            return self.order.ended_at if step is None else step.received_at or step.at
        return self._received()

    def _received(self) -> float:
        return self.order.received_at or self.order.added_at

    def _enforced(self) -> float:
        executed = self.order.last(StepKind.EXECUTED)
        if self.order.state is OrderState.OUTSIDE_DNS and executed is not None:
            return executed.at
        return self.reached.enforced_at

    def _authority(self) -> str:
        return "" if self.basis.authority is None else self.basis.authority.id
