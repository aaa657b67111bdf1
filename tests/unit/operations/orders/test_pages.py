"""Pages of orders: each reads its own orders alone, and together they are all that there are."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager

import pytest

from filterd.model import order_rows
from filterd.model.order import Order, OrderState
from filterd.model.order_rows import OrderRows, StoredOrders
from filterd.operations.context import Context
from filterd.operations.orders import ending, showing, taking
from filterd.store import orders as rows
from tests.worlds.backups import request
from tests.worlds.installation import Installation

COUNT = 14


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """Orders 1 to 14, some withdrawn, the rows of 4, 5 and 14 gone, that of 7 altered, none from 10 to 12,
    and 15 to 20 never given out."""
    async with installation.open(approvals=1) as opened:
        for number in range(1, COUNT + 1):
            await taking.add(opened, request(f"name{number}.example"))
        for number in (2, 8, 13):
            await ending.withdraw(opened, f"O-{number}", reason="lifted")
    with closing(sqlite3.connect(installation.database)) as connection, connection:
        for gone in (4, 5, 14, 10, 11, 12):
            for table in ("order_name", "order_approval"):
                connection.execute(f"DELETE FROM {table} WHERE order_number = ?", (gone,))  # noqa: S608 - names of tables
            connection.execute("DELETE FROM orders WHERE number = ?", (gone,))
        for never in (10, 11, 12):
            connection.execute("UPDATE audit SET subject = 'line:1' WHERE subject = ?", (f"order:O-{never}",))
        connection.execute("UPDATE orders SET authority = 'other' WHERE number = 7")
        connection.execute("UPDATE head SET next_order = 21")
    async with installation.open(approvals=1) as opened:
        yield opened


@contextmanager
def _read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of the orders that are read."""
    numbers: list[int] = []
    real = order_rows.orders_of

    def read(raw: StoredOrders) -> OrderRows:
        found = real(raw)
        numbers.extend(each.number for each in found.orders)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(order_rows, "orders_of", read)
        yield numbers


async def _all_pages(context: Context, state: OrderState | None, limit: int) -> list[Order]:
    found: list[Order] = []
    after = 0
    while True:
        some, after = await showing.page(context, state, after=after, limit=limit)
        found += some
        if not after:
            return found
        assert len(some) == limit, "a page that is not the last one is full"


async def test_a_page_reads_its_orders_alone(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    with _read(monkeypatch) as read:
        found, following = await showing.page(context, after=2, limit=3)
    assert ([each.number for each in found], following) == ([3, 4, 5], 5)
    assert read == [3, 4, 5, 6], "one more, for whether there is another page"
    with _read(monkeypatch) as read:
        assert [each.number for each in await showing.newest(context, 3)] == [9, 13, 14]
    assert read == [9, 13, 14]


@pytest.mark.parametrize("most", [rows.MOST_LOOKED_FOR, 0])
async def test_pages_together_are_the_whole_list(
    context: Context, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(rows, "MOST_LOOKED_FOR", most)
    monkeypatch.setattr(rows, "PAGE", 4)
    every = await showing.list_orders(context)
    assert [each.number for each in every] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14]
    assert [each.number for each in every if each.damage] == [4, 5, 7, 14]
    states = (None, OrderState.ACCEPTED, OrderState.WITHDRAWN, OrderState.QUARANTINED)
    whole = {state: list(await showing.list_orders(context, state)) for state in states}
    for limit in (1, 2, 3, 100):
        for state in states:
            assert await _all_pages(context, state, limit) == whole[state]
        assert await showing.newest(context, limit) == every[-limit:]


async def test_orders_of_a_state_are_read_until_the_page_is_full(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PAGE", 4)
    with _read(monkeypatch) as read:
        found, following = await showing.page(context, OrderState.ACCEPTED, limit=2)
    assert ([each.number for each in found], following) == ([1, 3], 3)
    assert read == [1, 2, 3, 4], "the damaged one is of every state, and tells that there is another page"


async def test_there_is_no_page_of_no_orders(installation: Installation) -> None:
    async with installation.open() as opened:
        assert await showing.page(opened, limit=5) == ((), 0)
        assert await showing.page(opened, after=2**63 - 1, limit=5) == ((), 0)
        assert await showing.newest(opened, 5) == ()
