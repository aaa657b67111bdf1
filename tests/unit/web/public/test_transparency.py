"""The transparency report while the store cannot be read."""

from __future__ import annotations

import asyncio

import pytest

from filterd.operations.context import Context
from filterd.operations.publishing.openness import KeptOpenness, ListOpenness
from filterd.store.errors import StoreBusyError
from filterd.web.public.transparency import LastHalf
from tests.unit.web.public.conftest import PublicPages


async def test_many_who_ask_at_one_time_wait_for_a_locked_store_once(
    pages: PublicPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waited for those before it, and then for the lock as long again."""
    looks, last = 0, LastHalf()
    plain = KeptOpenness.look

    async def look(openness: KeptOpenness, context: Context) -> ListOpenness:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        if busy:
            message = "the store is locked by another process"
            raise StoreBusyError(message)
        return await plain(openness, context)

    monkeypatch.setattr(KeptOpenness, "look", look)
    busy = True
    asked = (last.report(pages.context) for _ in range(5))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found] == [StoreBusyError] * 5
    assert looks == 1
    busy = False
    report = await last.report(pages.context)
    assert looks == 2
    busy = True
    assert await asyncio.gather(*(last.report(pages.context) for _ in range(5))) == [report] * 5
    assert looks == 3
