"""Orders and nodes as plain values, in the one form that commands and the API show them in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from filterd.operations.plain_values import plain

if TYPE_CHECKING:
    from filterd.model.order import Order
    from filterd.operations.nodes import NodeStatus
    from filterd.operations.notices.keeping import NoticeShown


def plain_order(order: Order, now: float) -> dict[str, Any]:
    """The order, with names and their scopes as objects."""
    value: dict[str, Any] = plain(replace(order, demand=replace(order.demand, names=())))
    del value["seal"], value["demand"]["sealed"]
    value["in_force"] = order.in_force(now)
    value["standing"] = standing(order, now)
    value["demand"]["names"] = [{"name": name, "scope": scope.word} for name, scope in order.demand.names]
    return value


def standing(order: Order, now: float) -> str:
    """An order's state in words: an accepted one is in force, not yet in force, suspended, or has ended. What
    control noted by a wrong clock is no matter: nodes go by its times. Of a damaged one nobody knows."""
    if order.damage:
        return "damaged"
    if order.state.value not in ("accepted", "suspended", "expired"):
        return order.state.value.replace("_", " ")
    if order.in_force(now):
        return "in force"
    if now < order.not_before:
        return "suspended" if order.not_before > order.demand.not_before else "not yet in force"
    return "expired" if order.state.value == "expired" else "ended"


def plain_node(status: NodeStatus) -> dict[str, Any]:
    """A node with its lists as objects."""
    value: dict[str, Any] = plain(status)
    value["state"] = node_state(status)
    del value["report"]["orders"], value["report"]["sent_at"]  # not kept: they stand with the orders
    value["report"]["lists"] = {
        name: dict(zip(("version", "digest"), said.split(" ", 1), strict=False))
        for name, said in status.report.lists.items()
    }
    return value


def plain_notice(shown: NoticeShown) -> dict[str, Any]:
    """A notice with its words, and the receivers that have not taken it."""
    notice = shown.notice
    return {
        "id": notice.id,
        "number": notice.number,
        "subscriber": notice.subscriber,
        "kind": notice.kind,
        "at": notice.at,
        "state": notice.state.value,
        "template": shown.told.version,
        "text": {"es": shown.told.text.es, "en": shown.told.text.en},
        "waiting": [
            {
                "webhook": each.webhook,
                "failed": each.failed,
                "attempts": each.attempts,
                "next_at": each.next_at,
                "trouble": each.trouble,
            }
            for each in shown.deliveries
        ],
    }


def node_state(status: NodeStatus) -> str:
    """A node's state in words."""
    if status.silent:
        return "silent"
    if status.history == "another":
        return "another history"
    if not status.report.ready:
        return "not ready"
    return "drifted" if status.drift else "ready"
