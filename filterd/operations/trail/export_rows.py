"""The rows of an export: what the store holds of orders, lists, liftings and pages at its end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.export_format import row_record
from filterd.model.order import Order
from filterd.model.order_rows import GONE, UNREADABLE, digested, earlier_digest, row_digest
from filterd.operations import liftings
from filterd.operations.errors import OperationError
from filterd.operations.feeds import adoption
from filterd.store import exports, feeds, orders

NOTHING = {"rows": 0, "sha256": hashlib.sha256(b"").hexdigest()}
"""the digest of a table without rows"""


async def gather(connection: AsyncConnection, only: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The name of the table and the record of each row, in the order of an export. ``only``: of this order
    alone. What cannot be read is left out: the verifiers miss it."""
    if only:
        return await _orders(connection, only)
    return [
        *await _adoptions(connection),
        *await _feeds(connection),
        *await _liftings(connection),
        *await _orders(connection),
        *await _pages(connection),
    ]


async def _adoptions(connection: AsyncConnection) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for each in await exports.adopted_feeds(connection):
        with contextlib.suppress(OperationError):
            found.append(("adoption", row_record("adoption", f"feed:{each.feed}", adoption.audited(each))))
    return found


async def _feeds(connection: AsyncConnection) -> list[tuple[str, dict[str, Any]]]:
    current = sorted((await feeds.current(connection)).items())
    return [("feed", row_record("feed", f"feed:{feed}", feeds.audited(each))) for feed, each in current]


async def _liftings(connection: AsyncConnection) -> list[tuple[str, dict[str, Any]]]:
    made = await exports.liftings_made(connection)
    return [
        ("lifting", row_record("lifting", liftings.subject(each), liftings.audited(each))) for each in made
    ]


async def _pages(connection: AsyncConnection) -> list[tuple[str, dict[str, Any]]]:
    return [
        (
            "page",
            row_record("page", f"page:{each.stamp.number}", {"digest": each.digest, "facts": each.facts}),
        )
        for each in await exports.page_records(connection)
    ]


async def _orders(connection: AsyncConnection, only: str = "") -> list[tuple[str, dict[str, Any]]]:
    told = await exports.told_digests(connection)
    every = (await orders.all_orders(connection)).orders
    return await asyncio.to_thread(_records_of, every, told, only)


def _records_of(
    every: Iterable[Order], told: Mapping[str, str], only: str
) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("order", row_record("order", f"order:{each.reference}", row))
        for each in every
        if each.damage not in (GONE, UNREADABLE) and only in ("", each.reference)
        if (row := _order(each, told.get(each.reference, "")))
    ]


def _order(order: Order, told: str) -> object:
    """The row of an order; of a confidential one whose decision covers its sealed form in whole, or which has
    a text on proportionality, the digest. None for one that is known from the trail alone."""
    if order.demand.sealed is not None and told != row_digest(order):
        return earlier_digest(order)
    if order.demand.confidential and order.demand.proportionality and order.seal:
        return row_digest(order)
    return digested(order) if order.seal else None
