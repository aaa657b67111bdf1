"""The look whether a store is the newest one, while another process writes in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.store import recording
from filterd.store.errors import StoreRolledBackError
from filterd.store.ledger import Ledger, NotedHead
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside

NOW = 1_800_000_000.0


@pytest.fixture
async def beside(store: Store, url: str) -> AsyncIterator[Store]:
    """The same store, as another process has it open."""
    opened = await Store.open(url, ledger_beside(url))
    yield opened
    await opened.close()


async def write(store: Store) -> None:
    async with store.write("ana", NOW) as made:
        made.audit("looked", "order:O-1")


@pytest.mark.parametrize("before", [True, False])
async def test_a_write_beside_the_look_is_no_older_store(
    store: Store, beside: Store, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """Whenever it comes: just before the ledger is read, or just after that."""
    await write(store)
    loop = asyncio.get_running_loop()
    plain, turns = recording.noted, iter((True,))

    def noted(ledger: Ledger) -> NotedHead | None:
        if not next(turns, False):
            return plain(ledger)
        found = None if before else plain(ledger)
        asyncio.run_coroutine_threadsafe(write(beside), loop).result()
        return plain(ledger) if before else found

    monkeypatch.setattr(recording, "noted", noted)
    await store.require_newest()


async def test_a_write_that_was_noted_and_never_came_is_looked_at_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(store)
    head = await store.head()
    noted = store.ledger.noted()
    assert noted is not None
    ahead = replace(head, revision=head.revision + 1, hash="0" * 64)
    gone = NotedHead(noted.turn, ahead, replace(ahead, revision=head.revision + 2))
    records = iter((gone, noted))
    monkeypatch.setattr(recording, "noted", lambda ledger: next(records))
    await store.require_newest()


async def test_an_older_store_is_refused_still(store: Store) -> None:
    await write(store)
    head = await store.head()
    store.ledger.settle(replace(head, revision=head.revision + 1, hash="0" * 64))
    with pytest.raises(StoreRolledBackError, match="was acknowledged"):
        await store.require_newest()
