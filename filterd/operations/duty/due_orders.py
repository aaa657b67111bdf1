"""The part of what is due that orders make: deadlines, and approvals that are waited for."""

from __future__ import annotations

from filterd.model.due_item import DueItem, DueKind
from filterd.model.order import NOT_ACCEPTED, OrderState
from filterd.operations.context import Context
from filterd.operations.orders import due, showing
from filterd.operations.orders.alarm_mail import titles
from filterd.operations.orders.duties import Duty
from filterd.policy.jurisdictions import DeadlineKind

APPROVED_WITHIN = 86_400
"""seconds in which another person looks at a pending order whose ground sets no time to enforce it"""
_COMMANDS = {
    DueKind.ENFORCE: "filterd order show {0}",
    DueKind.REPORT: "filterd order reported {0} --reference ...",
    DueKind.UNBLOCK: "filterd order show {0}",
    DueKind.RECONFIRM: "filterd order confirm {0} --document ... --reason ...",
    DueKind.REVIEW: "filterd order confirm {0} --reason ...",
    DueKind.EMERGENCY_REVIEW: "filterd order review {0} --reason ...",
    DueKind.APPROVAL: "filterd order approve {0}",
}
_PLACES = {
    DueKind.REPORT: "#reported",
    DueKind.RECONFIRM: "#confirm",
    DueKind.REVIEW: "#confirm",
    DueKind.EMERGENCY_REVIEW: "#review",
    DueKind.APPROVAL: "#approve",
}


async def of_orders(context: Context) -> list[DueItem]:
    """The open duties of orders. Of one that nobody has approved, its approval stands for the duties that
    follow from it."""
    found = await due.list_due(context)
    items = [_item(each) for each in found if each.order.state not in NOT_ACCEPTED]
    limits = {each.order.number: each for each in found if each.kind is DeadlineKind.ENFORCE}
    every = await showing.list_orders(context)
    for state in (OrderState.PENDING, OrderState.QUARANTINED):
        for order in every:
            if order.state is not state and not order.damage:
                continue
            duty = limits.get(order.number)
            due_at = int(order.added_at) + APPROVED_WITHIN if duty is None else duty.due_at
            authority = "" if order.demand.confidential else order.demand.authority
            items.append(_made(DueKind.APPROVAL, order.reference, due_at, authority, state.value))
    return items


def _item(duty: Duty) -> DueItem:
    """``authority`` and ``note`` (the ground) are ids of the jurisdiction, which each page puts in words; an
    order's own words where they are none; empty for a confidential one."""
    authority, ground = titles(duty, "en")
    if not duty.order.confidential:
        authority = authority if duty.basis.authority is None else duty.basis.authority.id
        ground = ground if duty.basis.ground is None else duty.basis.ground.id
    return _made(DueKind(duty.kind.value), duty.order.reference, duty.due_at, authority, ground)


def _made(kind: DueKind, reference: str, due_at: int, authority: str, note: str) -> DueItem:
    path = f"/desk/orders/{reference.removeprefix('O-')}{_PLACES.get(kind, '')}"
    return DueItem(kind, reference, due_at, authority, note, path, _COMMANDS[kind].format(reference))
