"""Duties of orders in the form of JSON that commands and the API show."""

from __future__ import annotations

from typing import Any

from filterd.operations.orders.duties import Duty


def plain_duty(duty: Duty, now: float) -> dict[str, Any]:
    """The duty, without a name: the order's own words, and the ids of what the jurisdiction knows of them."""
    body, ground = duty.basis.authority, duty.basis.ground
    return {
        "order": duty.order.reference,
        "state": duty.order.state.value,
        "duty": duty.kind.value,
        "authority": duty.order.authority,
        "authority_id": None if body is None else body.id,
        "ground": duty.order.ground,
        "ground_id": None if ground is None else ground.id,
        "began_at": duty.began_at,
        "due_at": duty.due_at,
        "done_at": duty.done_at,
        "seconds_left": None if not duty.open else duty.due_at + 1 - int(now),
        "overdue": duty.overdue(now),
        "late": duty.late,
        "missed": duty.missed,
    }
