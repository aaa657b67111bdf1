"""Advice against a block opens the name; an act that leaves it blocked says so at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import advice, check, exceptions, snapshots, staying, subscribers
from filterd.operations.context import Context
from filterd.operations.explain import Explanation, explain
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from tests.worlds.installation import NOW, Installation, as_person

EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
REQUEST = OrderRequest("SAT", "A. Official", "D-1", "LIVA", "order", (("ordered.example", Scope.SUBTREE),))
ADULT = "adult.example\ndoh.example\nsearch.example\ntoxic.example\nordered.example\nred.example\n"
NIGHT = """
title: {es: Noche, en: Night}
description: {es: Noche, en: Night}
audience: {es: 5 a 12, en: 5 to 12}
categories: [adult]
warning: {es: Cierra todo, en: It closes everything}
schedule: [{days: daily, from: "20:00", until: "06:00", block: everything}]
"""
TOXIC = "- {id: toxic, source: lists/toxic.txt, format: domains, security: {}}\n"


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """A child's line. The category has names that later stages hold too: a way around, a search engine."""
    installation.write_policy("lists/adult.txt", ADULT)
    installation.write_policy("lists/toxic.txt", "toxic.example\ndoh.example\n")
    feeds = (installation.base / "policies/feeds.yaml").read_text()
    installation.write_policy("feeds.yaml", feeds + TOXIC)
    installation.write_policy("profiles/night.yaml", NIGHT)
    security = replace(installation.settings.security, enabled=True)
    installation.settings = replace(installation.settings, security=security)
    async with installation.open() as context:
        await subscribers.add(context, "child", zone="UTC")
        await subscribers.opt_in(context, "child", "child", EVIDENCE)
        await updating.update(context)
        await snapshots.build(context)
        yield context


def acts(found: Explanation) -> list[tuple[str, str, str]]:
    return [(each.act, each.verdict, each.reason) for each in found.tried]


async def test_an_allow_name_that_helps_is_advised(context: Context) -> None:
    found = await explain(context, "adult.example", subscriber="child")
    assert acts(found) == [("allow", "pass", "own_allow")]
    said = advice.next_step(found)
    assert said == "if the line's holder wants it: filterd subscriber allow child adult.example"
    assert (await explain(context, "adult.example")).tried == (), "no line is known"


async def test_a_way_around_that_stands_in_a_category_too_is_not_advised_to_be_allowed(
    context: Context,
) -> None:
    """The category decides first, and behind it the way around, which no own name opens."""
    await subscribers.leave_security(context, "child")
    found = await explain(context, "doh.example", subscriber="child")
    assert (found.verdict, found.reason) == ("block", "category")
    assert acts(found) == [("allow", "block", "bypass"), ("pause", "pass", "none")]
    said = advice.next_step(found)
    assert "filterd subscriber allow" not in said
    assert "an own allow name alone does not open it: a way around the resolver: doh (DoH)" in said
    assert "filterd subscriber pause child --for 1h, or another profile" in said


async def test_an_act_that_helps_by_halves_says_what_is_left(context: Context) -> None:
    """A pause lifts the profile, and never the operator's security."""
    found = await explain(context, "doh.example", subscriber="child")
    assert acts(found) == [("allow", "block", "bypass"), ("pause", "block", "security")]
    said = advice.next_step(found)
    assert "a pause alone does not open it: the operator's security list toxic" in said
    assert said.endswith("filterd subscriber leave-security child")


async def test_a_name_that_opens_with_its_safe_host_says_so(context: Context) -> None:
    found = await explain(context, "search.example", subscriber="child")
    assert acts(found) == [("allow", "rewrite", "safe_search")]
    said = advice.next_step(found)
    assert "filterd subscriber allow child search.example; it is then answered with the safe host of" in said


async def test_an_own_block_name_over_a_category(context: Context) -> None:
    await subscribers.deny(context, "child", "red.example")
    found = await explain(context, "www.red.example", subscriber="child")
    assert acts(found) == [("remove", "block", "category")]
    said = advice.next_step(found)
    assert said.startswith("filterd subscriber remove child red.example; that alone does not open it: ")
    assert said.endswith("filterd subscriber allow child www.red.example")


async def test_a_line_that_allows_is_told_what_still_blocks(context: Context) -> None:
    for name in ("adult.example", "doh.example", "search.example"):
        await subscribers.allow(context, "child", name)
    assert await staying.on_line(context, "child", "adult.example") is None
    for name, reason in (("doh.example", "bypass"), ("search.example", "safe_search")):
        found = await staying.on_line(context, "child", name)
        assert found is not None
        assert (found.reason, found.at) == (reason, int(NOW))
    assert "doh.example stays blocked (at now): a way around" in advice.stays(
        await explain(context, "doh.example", subscriber="child"), "now"
    )


async def test_an_order_is_named_and_a_confidential_list_is_not(context: Context) -> None:
    order = await taking.add(context, REQUEST)
    await taking.approve(as_person(context, "bob"), order.reference)
    for name in ("ordered.example", "worst.example"):
        await subscribers.allow(context, "child", name)
    found = await staying.on_line(context, "child", "ordered.example")
    assert found is not None
    assert order.reference in advice.why(found)
    assert await staying.on_line(context, "child", "worst.example") is None, "only check may tell, on record"


async def test_a_night_that_closes_everything_is_told_by_day(context: Context) -> None:
    await subscribers.set_profile(context, "child", "night")
    await subscribers.allow(context, "child", "adult.example")
    found = await staying.on_line(context, "child", "adult.example")
    assert found is not None
    assert (found.verdict, found.reason) == ("block", "schedule")
    assert found.at == int(NOW) - int(NOW) % 86400 + 20 * 3600, "from 20:00 of the same day"
    assert await staying.on_line(context, "child", "school.example") is None, "left open at night"


async def test_an_exception_names_the_profiles_whose_hours_it_does_not_open(context: Context) -> None:
    made = await exceptions.add(context, "red.example", 3600, reason="wrong")
    assert made.closed_hours == ("night",)
    opened = await exceptions.add(context, "school.example", 3600, reason="wrong")
    assert opened.closed_hours == ()


async def test_silence_tells_no_confidential_name(context: Context) -> None:
    """A name of a confidential list gets the words of any other: who tries names learns nothing."""
    await subscribers.set_profile(context, "child", "night")
    told = []
    for name in ("worst.example", "unlisted.example"):
        await subscribers.allow(context, "child", name)
        found = await staying.on_line(context, "child", name)
        assert found is not None
        told.append((found.reason, found.at, found.confidential, found.tried))
        assert (await exceptions.add(context, name, 3600, reason="wrong")).closed_hours == ("night",)
    assert told[0] == told[1]


async def test_a_state_is_moved_without_its_line(context: Context) -> None:
    state = await check.load_state(context, int(NOW), subscriber="child")
    assert state.moved(int(NOW) + 60).line is state.line
    assert state.key.hex() not in repr(state), "a key is shown nowhere"
