"""Finds an order by its reference, and refuses one whose row is damaged."""

from __future__ import annotations

import re

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import Order
from filterd.operations.context import OperationError
from filterd.operations.errors import UnknownError
from filterd.operations.integrity import DAMAGED_REMEDY
from filterd.store import orders as rows


async def require(connection: AsyncConnection, reference: str) -> Order:
    """A sound order. Raises OperationError."""
    found = await find(connection, reference)
    require_sound(found)
    return found


def require_sound(order: Order) -> None:
    """Refuse to decide on an order whose row is not what was decided."""
    if order.damage:
        message = f"order {order.reference} is damaged in the store: {order.damage}"
        raise OperationError(message, DAMAGED_REMEDY.format(order.reference))


async def find(connection: AsyncConnection, reference: str) -> Order:
    """The order, be it damaged or not. Raises UnknownError."""
    found = await rows.find(connection, reference.strip().upper())
    if found is None:
        message = f"unknown order {reference.strip()[:32]!r}"
        guess = await _meant(connection, reference)
        raise UnknownError(message, f"{guess}see those that exist with: filterd order list")
    return found


async def _meant(connection: AsyncConnection, reference: str) -> str:
    """The order that was probably meant: 7 and o7 are O-7."""
    number = re.search(r"[1-9][0-9]{0,17}", reference)
    found = None if number is None else await rows.find(connection, f"O-{number[0]}")
    return "" if found is None else f"did you mean {found.reference}? "


def subject(order: Order) -> str:
    """The name of an order in the audit trail."""
    return f"order:{order.reference}"
