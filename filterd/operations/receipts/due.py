"""The duties of an order as a receipt says them: when each was due, and what is known of its being done."""

from __future__ import annotations

from filterd.model.order import Order, StepKind
from filterd.model.order_facts import OrderFacts
from filterd.operations.orders.basis import DEFAULT_REVIEW
from filterd.operations.orders.duties import Duty, HouseDuty, Reached, duties_of
from filterd.operations.receipts.body import ReceiptDeadline
from filterd.policy.deadlines import due, end_of
from filterd.policy.jurisdictions import DeadlineKind, Jurisdiction

_ON_NODES = frozenset((DeadlineKind.ENFORCE, DeadlineKind.UNBLOCK))
"""duties that are done once every node has the change"""
_SLACK = 2
"""seconds that pass within one intake"""


def deadlines_of(order: Order, country: Jurisdiction, reached: Reached) -> list[ReceiptDeadline]:
    """The duties that have begun, by kind. ``reached`` has measured moments alone, 0 for those that nobody
    measured: whether such a duty was done in time is not known then."""
    found = duties_of(_facts(order), country, reached)
    return [
        ReceiptDeadline(
            duty=each.kind.value,
            due_at=each.due_at,
            source=_source(order, each, country),
            done_at=each.done_at,
            measured=bool(each.done_at) or each.kind not in _ON_NODES,
            over_at=each.over_at,
        )
        for each in found
    ]


def _source(order: Order, duty: Duty, country: Jurisdiction) -> str:
    """The one who set the time of a duty. A review that nobody set is in the order all the same, by a default
    of its ground or of the program."""
    own = _own(order, duty)
    kind = DeadlineKind.REVIEW
    if duty.kind is not kind:
        return "order" if own else "jurisdiction"
    ground = duty.basis.ground
    authority = "" if duty.basis.authority is None else duty.basis.authority.id
    confirmed = order.last(StepKind.CONFIRMED)
    began = int(order.added_at if confirmed is None else confirmed.at)
    if ground is not None and ground.deadline(kind, authority) is not None:
        default, source = due(country, ground, authority, kind, began) or 0, "jurisdiction"
    else:
        default, source = end_of(country, authority, country.review, began), "provider"
    defaults = (default, began + DEFAULT_REVIEW)
    return source if not own or any(abs(duty.due_at - each) <= _SLACK for each in defaults) else "order"


def _own(order: Order, duty: Duty) -> bool:
    """True for a time that the order, or a confirmation of it, sets itself."""
    demand, confirmed = order.demand, order.last(StepKind.CONFIRMED)
    own: dict[DeadlineKind | HouseDuty, int] = {
        DeadlineKind.ENFORCE: demand.enforce_by,
        DeadlineKind.REPORT: demand.report_by,
        DeadlineKind.REVIEW: demand.review_at if confirmed is None else confirmed.until,
    }
    return own.get(duty.kind, 0) == duty.due_at


def _facts(order: Order) -> OrderFacts:
    demand = order.demand
    return OrderFacts(
        number=order.number,
        reference=order.reference,
        state=order.state,
        authority=demand.authority,
        ground=demand.ground,
        received_at=demand.received_at,
        added_at=order.added_at,
        accepted_at=order.accepted_at,
        ended_at=order.withdrawn_at,
        enforce_by=demand.enforce_by,
        report_by=demand.report_by,
        review_at=demand.review_at,
        not_after=demand.not_after,
        confidential=demand.confidential,
        steps=order.steps,
    )
