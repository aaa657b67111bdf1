"""Prepared statements: the same rows, of the same types, whichever way they take."""

from __future__ import annotations

import contextlib

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.model.subscriber import Subscriber
from filterd.store import bindings, notices, subscribers
from filterd.store.driver import StoreConnection
from filterd.store.notices import NewNotice, NoticeFilter
from filterd.store.store import Store

NOW = 1_800_000_000.0
LINE = LineChoices(1, opted_in=True, profile="children", zone="America/Mexico_City", paused_until=7)
NAMES = (
    OwnName("a.example", Action.BLOCK, Scope.SUBTREE, 9),
    OwnName("b.example", Action.ALLOW, Scope.EXACT),
)


@pytest.mark.parametrize("gathered", [False, True])
async def test_a_line_is_read_as_it_was_saved(store: Store, gathered: bool) -> None:
    if gathered:
        store.gather_writes()
    new = Subscriber("one", LINE, (), NOW)
    async with store.write("ana", NOW, shared=True) as write:
        await subscribers.add(write.connection, [(new, "5e")])
        changed = LineChoices(1, zone="America/Tijuana", security_left=True, own_names=NAMES)
        await subscribers.save(write.connection, changed, LINE)
        within = await subscribers.find_sealed(write.connection, "one")
        none = await subscribers.find_sealed(write.connection, "two")
        write.audit("test", "line:1")
    async with store.read() as connection:
        after = await subscribers.find_sealed(connection, "one")
    assert none is None
    assert within is not None
    assert within == after == (Subscriber("one", changed, (), NOW), "5e")
    assert (within[0].choices.opted_in, within[0].choices.security_left) == (False, True)
    assert type(within[0].choices.opted_in) is bool


@pytest.mark.parametrize("gathered", [False, True])
async def test_notices_are_numbered_on(store: Store, gathered: bool) -> None:
    if gathered:
        store.gather_writes()
    for number in (1, 2):
        async with store.write("ana", NOW, shared=True) as write:
            if number == 1:
                await subscribers.add(write.connection, [(Subscriber("one", LINE, (), NOW), "5e")])
            new = [NewNotice(f"{number}{each}", 1, "pause", {"until": each}, ()) for each in (1, 2)]
            await notices.add(write.connection, new, NOW)
            write.audit("test", "line:1")
    async with store.read() as connection:
        found = await notices.page(connection, NoticeFilter())
    assert [(each.number, each.id) for each in found] == [(1, "11"), (2, "12"), (3, "21"), (4, "22")]


async def test_a_change_of_no_row_changes_nothing(store: Store) -> None:
    store.gather_writes()
    async with store.write("ana", NOW, shared=True) as write:
        await subscribers.add(write.connection, [(Subscriber("one", LINE, (), NOW), "5e")])
        await subscribers.save(write.connection, LINE)
        found = await subscribers.find(write.connection, "one")
        write.audit("test", "line:1")
    assert found is not None
    assert found.choices == LINE


@pytest.mark.parametrize("here", [False, True])
async def test_a_reader_finds_the_same_wherever_its_statements_run(store: Store, here: bool) -> None:
    bound = {"192.0.2.0/24": 1, "192.0.2.7:1024-2047": 1, "192.0.2.70:1-9": 1}
    async with store.write("ana", NOW) as write:
        await subscribers.add(write.connection, [(Subscriber("one", LINE, tuple(bound), NOW), "5e")])
        await bindings.add(write.connection, bound.items())
        write.audit("test", "line:1")
    async with store.read(here=here) as connection:
        found = await bindings.owners(connection, ["192.0.2.0/24", "192.0.2.7:1024-2047", "10.0.0.0/8"])
        of_one = await bindings.of_ports(connection, ["192.0.2.7"])
        of_two = await bindings.of_ports(connection, ["192.0.2.7", "192.0.2.70"])
        by_line, by_id = await subscribers.find_line(connection, 1), await subscribers.find(connection, "one")
        nobody = await subscribers.find_line(connection, 2)
    assert found == {"192.0.2.0/24": 1, "192.0.2.7:1024-2047": 1}
    assert of_one == [("192.0.2.7:1024-2047", 1)]
    assert set(of_two) == {("192.0.2.7:1024-2047", 1), ("192.0.2.70:1-9", 1)}
    assert by_line == by_id
    assert by_id is not None
    assert set(by_id.bindings) == set(bound)
    assert nobody is None


async def test_a_connection_is_given_back_as_it_was(store: Store) -> None:
    for number in range(8):  # more than the pool has
        with contextlib.suppress(ZeroDivisionError):
            async with store.read(here=True) as connection:
                assert (await driver_of(connection)).here
                _ = 1 // (number % 2)
    async with store.read() as connection:
        assert not (await driver_of(connection)).here


async def driver_of(connection: AsyncConnection) -> StoreConnection:
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, StoreConnection)
    return driver
