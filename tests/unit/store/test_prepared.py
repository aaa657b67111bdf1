"""Prepared statements: the same rows, of the same types, whichever way they take."""

from __future__ import annotations

import pytest

from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.model.subscriber import Subscriber
from filterd.store import notices, subscribers
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
