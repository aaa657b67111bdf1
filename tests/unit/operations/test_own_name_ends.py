"""An own name may be pasted as a URL, and may end by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.model.changelog import CHANGES_SQL, PARENTAL, LineChange, decode
from filterd.model.full_state import lines_page
from filterd.model.line import OwnName
from filterd.model.rule import Action, Scope
from filterd.operations import audit, input_values, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.ends import End
from filterd.store.errors import StoreDamagedError
from tests.worlds.installation import Installation


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        await subscribers.add(context, "S-1", zone="UTC")
        yield context


def _later(context: Context, seconds: int) -> Context:
    return replace(context, clock=lambda: context.clock() + seconds)


async def _own(context: Context, subscriber: str = "S-1") -> tuple[OwnName, ...]:
    return (await subscribers.show(context, subscriber)).choices.own_names


@pytest.mark.parametrize(
    ("pasted", "site"),
    [
        ("www.example.org", "www.example.org"),
        ("https://www.example.org/a/b?c=d#e", "www.example.org"),
        ("http://user:word@Example.ORG:8443/", "example.org"),
        ("www.example.org/page", "www.example.org"),
        ("example.org:8443", "example.org"),
        ("example.org?to=https://other.example/", "example.org"),
        ("//example.org/x", "example.org"),
        ("https://niñas.example/", "xn--nias-hqa.example"),
    ],
)
def test_a_url_stands_for_its_site(pasted: str, site: str) -> None:
    assert input_values.site(pasted) == site


@pytest.mark.parametrize(
    "pasted", ["https:///a", "https://192.0.2.1/", "/a", "https://[::1]/", "http://a b/"]
)
def test_a_url_without_a_site_is_refused(pasted: str) -> None:
    with pytest.raises(OperationError, match="not a domain name"):
        input_values.site(pasted)


@pytest.mark.parametrize(
    "name", ["https://help.example/chat", "portal.example/x", "http://a.portal.example:80"]
)
async def test_help_cannot_be_closed_by_a_url_either(context: Context, name: str) -> None:
    with pytest.raises(OperationError, match="stay reachable"):
        await subscribers.deny(context, "S-1", name, end=End(60))


async def test_nodes_are_told_the_end_and_full_state_has_it(
    context: Context, installation: Installation
) -> None:
    now = int(context.clock())
    await subscribers.allow(context, "S-1", "a.example", Scope.EXACT, end=End(60))
    found = await subscribers.deny(context, "S-1", "b.example")
    assert found.choices.own_names == (
        OwnName("a.example", Action.ALLOW, Scope.EXACT, now + 60),
        OwnName("b.example", Action.BLOCK),
    )
    with closing(sqlite3.connect(installation.database)) as raw:
        last = [decode(row[2], row[4]) for row in raw.execute(CHANGES_SQL, (PARENTAL, 0, 99, 99))][-1]
        assert lines_page(raw.execute, -1, 9) == [last] == [LineChange(found.choices)]


async def test_a_name_goes_at_its_end_and_that_is_audited(context: Context) -> None:
    await subscribers.allow(context, "S-1", "a.example", end=End(60))
    await subscribers.deny(context, "S-1", "b.example", end=End(120))
    await subscribers.deny(context, "S-1", "c.example")
    assert await subscribers.end_names(_later(context, 59)) == 0
    assert await subscribers.end_names(_later(context, 60)) == 1
    assert [each.name for each in await _own(context)] == ["b.example", "c.example"]
    assert (await audit.tail(context))[-1].entry.action == "subscriber.own_name_ended"
    assert await subscribers.end_names(_later(context, 60)) == 0
    assert await subscribers.end_names(_later(context, 9999)) == 1
    assert [each.name for each in await _own(context)] == ["c.example"]


async def test_a_change_of_another_name_drops_what_ended(context: Context) -> None:
    await subscribers.allow(context, "S-1", "a.example", end=End(60))
    await subscribers.deny(_later(context, 60), "S-1", "b.example")
    assert [each.name for each in await _own(context)] == ["b.example"]


async def test_a_second_end_replaces_the_first(context: Context) -> None:
    now = int(context.clock())
    for seconds in (60, 30, 90):
        await subscribers.allow(context, "S-1", "a.example", end=End(seconds))
    assert [each.until for each in await _own(context)] == [now + 90]
    await subscribers.allow(context, "S-1", "a.example")
    assert [each.until for each in await _own(context)] == [0]


async def test_an_end_does_not_take_the_opposite_name_along(context: Context) -> None:
    """At its end the block would not come back: the name would be open for good."""
    await subscribers.deny(context, "S-1", "a.example")
    with pytest.raises(OperationError, match="would be lost") as caught:
        await subscribers.allow(context, "S-1", "a.example", end=End(60))
    assert "filterd subscriber remove S-1 a.example" in caught.value.remedy
    await subscribers.allow(context, "S-1", "a.example")


async def test_one_damaged_line_keeps_no_other_waiting(context: Context, installation: Installation) -> None:
    await subscribers.add(context, "S-2")
    for subscriber in ("S-1", "S-2"):
        await subscribers.allow(context, subscriber, "a.example", end=End(60))
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        raw.execute("UPDATE line_state SET adjustments = '{' WHERE line = 1")
    with pytest.raises(StoreDamagedError, match="line 1"):
        await subscribers.end_names(_later(context, 60))
    assert await _own(context, "S-2") == ()


async def test_names_that_end_are_found_by_their_index(context: Context, installation: Installation) -> None:
    with closing(sqlite3.connect(installation.database)) as raw:
        plan = raw.execute(
            "EXPLAIN QUERY PLAN SELECT line FROM own_name WHERE own_name.ends_at > 0 AND ends_at <= 5"
        )
        assert "ix_own_name_ends_at" in str(plan.fetchall())


async def test_a_pause_may_end_at_a_time(context: Context) -> None:
    from tests.unit.operations.test_plans import EVIDENCE

    await subscribers.opt_in(context, "S-1", "teen", EVIDENCE)
    found = await subscribers.pause(context, "S-1", until="21:00")
    assert found.choices.paused_until == int(context.clock()) + 13 * 3600
    with pytest.raises(OperationError, match="more than 7 days"):
        await subscribers.pause(context, "S-1", until="2027-02-01T08:00")
