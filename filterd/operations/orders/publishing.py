"""Tells the nodes of an order within a write, and notes what it shall do there from when on."""

from __future__ import annotations

from filterd.model.order import Order, OrderState
from filterd.model.order_rows import change_of
from filterd.store import order_times
from filterd.store.store import Write


def publish(write: Write, order: Order) -> None:
    """Tell the nodes. Until a pending order is accepted they only keep the TTLs of its names short."""
    if order.state is not OrderState.QUARANTINED:
        write.change(change_of(order))
        write.defer(lambda revision: order_times.plan(write.connection, order, write.now, revision))
