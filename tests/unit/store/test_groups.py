"""Writes that are committed together: each for itself, and none half done."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from filterd.audit.chain import prove
from filterd.model.changelog import LineRemoved
from filterd.store import change_log, groups, tables
from filterd.store.engine import transaction
from filterd.store.errors import LedgerUnusableError, StoreBusyError, StoreFullError, StoreGroupError
from filterd.store.groups import WriteGroups
from filterd.store.ledger import OPT_OUT
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside

NOW = 1_800_000_000.0


@pytest.fixture
async def gathering(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Store, WriteGroups]]:
    """A store whose writes are gathered, however slow the machine is."""
    monkeypatch.setattr(groups, "MOST_SECONDS", 600.0)
    store.gather_writes()
    assert store.groups is not None
    yield store, store.groups


async def put(store: Store, number: int, *, fails: type[Exception] | None = None) -> int:
    """One write of a row of its own; the lines that it saw before."""
    async with store.write("ana", NOW, shared=True) as write:
        seen = len((await write.connection.execute(select(tables.answered_request))).all())
        values = {"key": f"{number}", "digest": "", "status": 0, "subject": "", "at": NOW}
        await write.connection.execute(insert(tables.answered_request).values(values))
        write.change(LineRemoved(number))
        write.audit("test", f"line:{number}")
        if fails is not None:
            raise fails
    return seen


async def kept(store: Store) -> tuple[list[str], list[str]]:
    """The keys of the rows, and the subjects of the trail, whose chain holds."""
    async with store.read() as connection:
        end = await change_log.chain_end(connection)
        rows = (await connection.execute(select(tables.answered_request.c.key))).scalars().all()
        trail = [each.entry.subject for each in await change_log.entries(connection)]
        revisions = [each.entry.revision for each in await change_log.entries(connection)]
        newest = await change_log.revision(connection)
    assert (await prove(change_log.all_entries(store.read, end[0]), end)).holds
    assert revisions == list(range(1, newest + 1))
    return sorted(rows), trail


async def test_writes_that_come_together_are_one_transaction_in_their_order(
    gathering: tuple[Store, WriteGroups],
) -> None:
    store, counted = gathering
    seen = await asyncio.gather(*(put(store, number) for number in range(5)))
    assert seen == [0, 1, 2, 3, 4]
    assert (counted.groups, counted.writes, counted.undone, counted.failed) == (1, 5, 0, 0)
    assert await kept(store) == ([*"01234"], [f"line:{number}" for number in range(5)])


async def test_one_that_fails_takes_nothing_else_along(gathering: tuple[Store, WriteGroups]) -> None:
    store, counted = gathering
    tasks = (put(store, number, fails=KeyError if number == 2 else None) for number in range(5))
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [int, int, KeyError, int, int]
    assert found[3] == 2
    assert (counted.groups, counted.writes, counted.undone) == (1, 4, 1)
    assert await kept(store) == ([*"0134"], ["line:0", "line:1", "line:3", "line:4"])


async def test_one_that_the_store_refuses_is_taken_back_alone(gathering: tuple[Store, WriteGroups]) -> None:
    store, _ = gathering
    found = await asyncio.gather(put(store, 1), put(store, 1), put(store, 2), return_exceptions=True)
    assert [type(each) for each in found] == [int, IntegrityError, int]
    assert await kept(store) == ([*"12"], ["line:1", "line:2"])


async def test_one_without_an_audit_entry_is_taken_back_alone(gathering: tuple[Store, WriteGroups]) -> None:
    store, _ = gathering

    async def silent() -> None:
        async with store.write("ana", NOW, shared=True) as write:
            write.change(LineRemoved(9))

    found = await asyncio.gather(put(store, 1), silent(), put(store, 2), return_exceptions=True)
    assert [type(each) for each in found] == [int, RuntimeError, int]
    assert await kept(store) == ([*"12"], ["line:1", "line:2"])


async def test_reports_and_writes_share_a_transaction(gathering: tuple[Store, WriteGroups]) -> None:
    store, counted = gathering

    async def report() -> None:
        async with store.report(shared=True) as connection:
            values = {"key": "r", "digest": "", "status": 0, "subject": "", "at": NOW}
            await connection.execute(insert(tables.answered_request).values(values))

    await asyncio.gather(put(store, 1), report(), put(store, 2))
    assert counted.groups == 1
    assert await kept(store) == ([*"12r"], ["line:1", "line:2"])


async def test_readers_see_all_of_a_group_or_nothing(gathering: tuple[Store, WriteGroups]) -> None:
    store, _ = gathering

    async def looking() -> int:
        async with store.write("ana", NOW, shared=True) as write:
            write.audit("looked", "line:0")
            async with store.read() as connection:
                return len((await connection.execute(select(tables.answered_request))).all())

    assert (await asyncio.gather(put(store, 1), looking(), put(store, 2)))[1] == 0
    assert (await kept(store))[0] == [*"12"]


async def test_a_group_that_finds_no_room_fails_whole(gathering: tuple[Store, WriteGroups]) -> None:
    store, counted = gathering
    await put(store, 0)
    async with transaction(store._writer, write=False) as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    async def long(number: int) -> None:
        async with store.write("ana", NOW, shared=True) as write:
            write.audit("test", f"line:{number}", reason="x" * 40_000)

    found = await asyncio.gather(put(store, 1), long(2), put(store, 3), return_exceptions=True)
    assert [type(each) for each in found] == [StoreFullError] * 3
    assert len({id(each) for each in found}) == 3
    assert (counted.groups, counted.failed) == (1, 1)
    assert await kept(store) == (["0"], ["line:0"])
    async with transaction(store._writer, write=False) as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    await put(store, 4)
    assert await kept(store) == ([*"04"], ["line:0", "line:4"])


async def test_one_that_was_refused_is_told_where_its_group_fails(
    gathering: tuple[Store, WriteGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been refused for what a write before it did, and that is not there."""
    store, _ = gathering

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store.ledger, "intend", refuse)
        tasks = (put(store, 1), put(store, 2, fails=KeyError))
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [LedgerUnusableError] * 2
    assert await kept(store) == ([], [])


async def test_a_caller_that_goes_takes_its_own_write_along(gathering: tuple[Store, WriteGroups]) -> None:
    store, _ = gathering
    inside, hold = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        async with store.write("ana", NOW, shared=True) as write:
            write.audit("test", "line:1")
            inside.set()
            await hold.wait()

    first = asyncio.create_task(held())
    await inside.wait()
    waiting, last = asyncio.create_task(put(store, 2)), asyncio.create_task(put(store, 3))
    await asyncio.sleep(0)
    first.cancel()
    waiting.cancel()
    await asyncio.wait([first, waiting])
    assert first.cancelled() and waiting.cancelled()
    await last
    assert await kept(store) == (["3"], ["line:3"])


async def test_a_group_is_bounded(
    gathering: tuple[Store, WriteGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, counted = gathering
    monkeypatch.setattr(groups, "MOST_WRITES", 3)
    await asyncio.gather(*(put(store, number) for number in range(7)))
    assert (counted.groups, counted.writes) == (3, 7)
    assert len((await kept(store))[0]) == 7


async def test_a_write_inside_another_is_refused_and_not_waited_for(
    gathering: tuple[Store, WriteGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, counted = gathering

    async def nested() -> None:
        async with store.write("ana", NOW, shared=True) as write:
            write.audit("test", "line:1")
            await put(store, 2)

    with monkeypatch.context() as hasty, pytest.raises(StoreBusyError):
        hasty.setattr(counted, "wait", 0.05)
        await nested()
    await put(store, 3)
    assert await kept(store) == (["3"], ["line:3"])


async def test_writes_for_themselves_come_between_groups(gathering: tuple[Store, WriteGroups]) -> None:
    store, counted = gathering

    async def alone() -> None:
        async with store.write("ana", NOW) as write:
            write.audit("test", "line:9")

    await asyncio.gather(put(store, 1), alone(), put(store, 2))
    assert counted.writes == 2
    assert sorted((await kept(store))[1]) == ["line:1", "line:2", "line:9"]


async def test_the_ledger_has_the_endings_of_a_group_under_its_head(
    gathering: tuple[Store, WriteGroups],
) -> None:
    store, _ = gathering

    async def end(number: int) -> None:
        async with store.write("ana", NOW, shared=True) as write:
            write.end(OPT_OUT, number)
            write.audit("test", f"line:{number}")

    await asyncio.gather(end(1), put(store, 2), end(3), put(store, 4))
    await store.groups.close()  # type: ignore[union-attr]  # the fixture has made it
    head = await store.head()
    assert [(each.number, each.revision, each.hash) for each in store.ledger.endings()] == [
        (1, head.revision, head.hash),
        (3, head.revision, head.hash),
    ]
    noted = store.ledger.noted()
    assert noted is not None
    assert (noted.committed, noted.intended) == (head, None)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from filterd.store.ledger import Ledger
from filterd.store.store import Store
from tests.unit.store.test_groups import put

def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(url, ledger, when):
    store = await Store.open(url, Path(ledger))
    store.gather_writes()
    if when == "intended":
        intend = Ledger.intend
        Ledger.intend = lambda *given: (intend(*given), end())
    elif when == "committed":
        Ledger.settle_intended = end
    async def last():
        async with store.write("ana", 1.0, shared=True) as write:
            write.audit("test", "line:9")
            if when == "inside":
                end()
    await asyncio.gather(put(store, 1), put(store, 2), last(), put(store, 3))
    await store.close()
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.ring("merge")
@pytest.mark.parametrize(("when", "rows"), [("inside", 0), ("intended", 0), ("committed", 3)])
async def test_a_killed_process_leaves_all_of_a_group_or_nothing(
    store: Store, url: str, when: str, rows: int
) -> None:
    words = [sys.executable, "-c", KILLED, url, str(ledger_beside(url)), when]
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=Path(__file__).parents[3], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -9, done.stderr
    assert len((await kept(store))[0]) == rows
    await put(store, 5)
    assert (await kept(store))[0][-1] == "5"


async def test_an_error_that_nobody_foresaw_is_no_bare_one(
    gathering: tuple[Store, WriteGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = gathering

    async def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(groups.WriteGroup, "append", fail)
    found = await asyncio.gather(put(store, 1), put(store, 2), return_exceptions=True)
    assert [type(each) for each in found] == [StoreGroupError] * 2
    assert isinstance(found[0], StoreGroupError)
    assert isinstance(found[0].__cause__, ZeroDivisionError)
