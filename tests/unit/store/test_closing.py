"""A store that is closed leaves no connection open, whoever was using one a moment before."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from filterd.store import driver
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside
from tests.worlds.migrated import migrated


@pytest.mark.parametrize("turns", [3, 9, 40])
async def test_no_connection_outlives_the_store(
    url: str, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    await migrated(url, ledger_beside(url))
    made: list[driver.StoreConnection] = []
    begin = driver.StoreConnection.__init__

    def noted(self: driver.StoreConnection, *given: object) -> None:
        begin(self, *given)  # type: ignore[arg-type]  # as they were given
        made.append(self)

    monkeypatch.setattr(driver.StoreConnection, "__init__", noted)

    async def reader(store: Store) -> None:
        async with store.read() as connection:
            while True:
                await connection.execute(text("SELECT 1"))

    store = await Store.open(url, ledger_beside(url))
    readers = [asyncio.ensure_future(reader(store)) for _ in range(6)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for each in readers:
        each.cancel()
    await store.close()
    await asyncio.gather(*readers, return_exceptions=True)
    assert made
    assert [each for each in made if each._connection is not None] == []
