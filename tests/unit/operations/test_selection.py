"""Lines by state, profile, id, address and prefix; the line of an address, and why it is that one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.subscriber import RequestEvidence
from filterd.operations import selection, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.selection import Selection
from tests.worlds.installation import Installation

EVIDENCE = RequestEvidence("holder", "paper", 1_793_600_000.0, "2026-11", "T-1")
LINES = {
    "A-1": ("192.0.2.0/28", "2001:db8:1::/56"),
    "A-2": ("192.0.2.1/32", "2001:db8:1:1::/64"),
    "B-1": ("198.51.100.7/32",),
    "B_2": ("2001:db8:0:1::/64",),
    "b-3": (),
}


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        for identifier, prefixes in LINES.items():
            await subscribers.add(context, identifier, prefixes=prefixes)
        await subscribers.opt_in(context, "A-1", "child", EVIDENCE)
        await subscribers.opt_in(context, "A-2", "teen", EVIDENCE)
        await subscribers.pause(context, "A-2", 3600)
        await subscribers.leave_security(context, "B-1")
        yield context


async def ids(context: Context, **wanted: Any) -> list[str]:
    """The ids of the lines that are wanted."""
    found = subscribers.list_subscribers(context, wanted=Selection(**wanted))
    return [each.id async for each in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["A-1", "A-2", "B-1", "B_2", "b-3"]),
        ({"opted_in": True}, ["A-1", "A-2"]),
        ({"state": "opted-in"}, ["A-1"]),
        ({"state": "paused"}, ["A-2"]),
        ({"state": "not-opted-in"}, ["B-1", "B_2", "b-3"]),
        ({"state": "left-security"}, ["B-1"]),
        ({"profile": "teen"}, ["A-2"]),
        ({"profile": "teen", "state": "opted-in"}, []),
        ({"text": "b-"}, ["B-1", "b-3"]),
        ({"text": "_"}, ["B_2"]),
        ({"text": "%"}, []),
        ({"address": "192.0.2.1"}, ["A-1", "A-2"]),
        ({"address": "::ffff:192.0.2.2"}, ["A-1"]),
        ({"address": "203.0.113.1"}, []),
        ({"prefix": "192.0.2.0/27"}, ["A-1", "A-2"]),
        ({"prefix": "192.0.2.1"}, ["A-2"]),
        ({"prefix": "2001:db8::/48"}, ["B_2"]),
        ({"prefix": "2001:db8::/32"}, ["A-1", "A-2", "B_2"]),
        ({"prefix": "::/0"}, ["A-1", "A-2", "B_2"]),
        ({"prefix": "0.0.0.0/0", "state": "opted-in"}, ["A-1"]),
    ],
)
async def test_the_lines_that_are_wanted(
    context: Context, wanted: dict[str, Any], found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for page in (1, 2, 1000):
        monkeypatch.setattr(subscribers, "PAGE", page)
        assert await ids(context, **wanted) == found
    counted = await subscribers.count(context, Selection(**wanted))
    assert sum(counted.values()) == len(found)
    assert counted["paused"] == found.count("A-2")


async def test_a_list_goes_on_where_it_ended(context: Context) -> None:
    wanted = Selection(prefix="::/0")
    some = [
        each.id async for each in subscribers.list_subscribers(context, wanted=wanted, after="A-1", limit=1)
    ]
    assert some == ["A-2"]
    rest = [each.id async for each in subscribers.list_subscribers(context, after="A-2", limit=2)]
    assert rest == ["B-1", "B_2"]


async def test_what_cannot_be_wanted(context: Context) -> None:
    with pytest.raises(OperationError, match="unknown profile 'tean'") as caught:
        await ids(context, profile="tean")
    assert caught.value.remedy.startswith("did you mean teen?")
    with pytest.raises(OperationError, match="is a prefix, not an address"):
        await ids(context, address="192.0.2.0/24")
    with pytest.raises(OperationError, match="not an address"):
        await ids(context, prefix="nonsense")


async def test_the_line_of_an_address(context: Context) -> None:
    settings = context.settings
    everybody = replace(
        settings, dns=replace(settings.dns, allow_from=(IPv4Network("192.0.2.0/24"), IPv6Network("::/0")))
    )
    context = replace(context, settings=everybody)
    found = await selection.find(context, "192.0.2.1")
    assert found.subscriber is not None
    assert (found.subscriber.id, found.prefix, found.wider, found.admitted) == (
        "A-2",
        "192.0.2.1/32",
        (("192.0.2.0/28", "A-1"),),
        True,
    )
    found = await selection.find(context, "2001:db8:1:2::5")
    assert (found.subscriber and found.subscriber.id, found.prefix) == ("A-1", "2001:db8:1::/56")
    found = await selection.find(context, "203.0.113.1")
    assert (found.subscriber, found.prefix, found.wider, found.admitted) == (None, "", (), False)


@given(st.data())
def test_the_texts_of_all_prefixes_inside_are_in_the_span(data: st.DataObject) -> None:
    """For the longest runs of zeros too, wherever they are."""
    bits = data.draw(st.sampled_from((32, 128)))
    groups = bits // 16
    halves = data.draw(st.lists(st.sampled_from((0, 1, 0xDB8, 0xFFFF)), min_size=groups, max_size=groups))
    whole = int.from_bytes(b"".join(each.to_bytes(2, "big") for each in halves), "big")
    length = data.draw(st.integers(0, bits))
    inner = data.draw(st.integers(length, bits))
    make: Any = IPv4Network if bits == 32 else IPv6Network
    outside = make((whole, bits)).supernet(new_prefix=length)
    inside = make((whole, bits)).supernet(new_prefix=inner)
    assert inside.subnet_of(outside)
    span = selection._span(outside)
    assert span is None or span[0] <= str(inside) < span[1]
