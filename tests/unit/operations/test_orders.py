"""An order is complete, possible, and backed by two people before it reaches a node; its end needs one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.blocking_mode import BlockingMode
from filterd.model.changelog import CHANGES_SQL, MANDATORY, OrderChange, decode
from filterd.model.full_state import mandatory_state
from filterd.model.order import Demand, OrderState
from filterd.model.rule import NameRule, Scope
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import ending, showing, taking
from filterd.operations.orders.basis import DEFAULT_REVIEW
from filterd.operations.orders.intake import OrderRequest, protected_overlap
from filterd.policy.documents import Protected
from tests.worlds.installation import Installation, as_person

REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="500-2026-1",
    ground="LIVA 18-H QUINTUS",
    reason="notified today",
    entries=(("Bad.Example.", Scope.SUBTREE), ("also.example", Scope.EXACT)),
    mode=BlockingMode.SINKHOLE,
)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open("ana") as context:
        yield context


def sent(installation: Installation) -> list[OrderChange]:
    with closing(sqlite3.connect(installation.database)) as raw:
        rows = raw.execute(CHANGES_SQL, (MANDATORY, 0, 999, 999)).fetchall()
        found = [decode(kind, payload) for _, _, kind, _, payload, *_ in rows]
        orders_only = [each for each in found if isinstance(each, OrderChange)]
        last = {each.id: each for each in orders_only}
        assert list(mandatory_state(raw.execute)) == list(last.values())
    assert orders_only == found
    return orders_only


async def test_an_order_waits_for_another_person(context: Context, installation: Installation) -> None:
    """Nodes know it meanwhile, as a pending one."""
    added = await taking.add(context, REQUEST)
    assert (added.reference, added.state, added.approvals) == ("O-1", OrderState.PENDING, ("ana",))
    names = (("also.example", Scope.EXACT), ("bad.example", Scope.SUBTREE))
    pending = OrderChange(257, "O-1", names, mode=BlockingMode.SINKHOLE, pending=True)
    assert sent(installation) == [pending]
    with pytest.raises(OperationError, match="ana stands behind"):
        await taking.approve(context, "O-1")
    installation.now += 5
    accepted = await taking.approve(as_person(context, "bob"), "o-1")
    assert (accepted.state, accepted.accepted_at) == (OrderState.ACCEPTED, installation.now)
    assert accepted.approvals == ("ana", "bob")
    assert sent(installation) == [pending, replace(pending, pending=False, accepted_at=installation.now)]
    assert await showing.show(context, "O-1") == accepted
    with pytest.raises(OperationError, match="accepted already"):
        await taking.approve(as_person(context, "eva"), "O-1")


async def test_where_one_is_enough_it_is_accepted_at_once(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, REQUEST)).state is OrderState.ACCEPTED
    assert len(sent(installation)) == 1


async def test_what_a_node_reads_anew_is_what_it_was_told(installation: Installation) -> None:
    """Every part of an order, each with a value of its own; ``sent`` compares both ways."""
    now = int(installation.now)
    whole = replace(
        REQUEST,
        entries=(*REQUEST.entries, ("203.0.113.0/24", Scope.EXACT)),
        not_before=now + 100,
        not_after=now + 200,
        confidential=True,
        accept_overblocking=True,
    )
    async with installation.open(approvals=1) as context:
        await taking.add(context, REQUEST)
        await taking.add(context, whole)
        first, second = sent(installation)
        assert (first.not_before, first.not_after, first.confidential, first.addresses) == (0, 0, False, ())
        assert (second.not_before, second.not_after) == (now + 100, now + 200)
        assert (second.confidential, second.names, second.addresses) == (True, (), ())
        assert second.fingerprints is not None
        assert [(family, length) for _, family, length in second.fingerprints.prefixes] == [(4, 24)]
        await ending.withdraw(context, "O-2", reason="lifted")
        assert [each.withdrawn for each in sent(installation)] == [False, False, True]


async def test_one_person_withdraws(context: Context, installation: Installation) -> None:
    await taking.add(context, REQUEST)
    await taking.approve(as_person(context, "bob"), "O-1")
    gone = await ending.withdraw(context, "O-1", reason="court order 7")
    assert (gone.state, gone.withdrawn_by) == (OrderState.WITHDRAWN, "ana")
    assert sent(installation)[-1].withdrawn
    assert sent(installation)[-1].names == ()
    before = await audit.verify(context)
    assert await ending.withdraw(context, "O-1", reason="again") == gone
    assert await audit.verify(context) == before
    with pytest.raises(OperationError, match="reason is empty"):
        await ending.withdraw(context, "O-1", reason="")


async def test_a_pending_order_that_is_withdrawn_is_withdrawn_on_nodes_too(
    context: Context, installation: Installation
) -> None:
    """A node may keep it in force, from a history in which it was accepted."""
    await taking.add(context, REQUEST)
    await ending.withdraw(context, "O-1", reason="mistyped")
    before, told = sent(installation)
    assert (before.pending, told.pending) == (True, False)
    assert (told.reference, told.withdrawn, told.names) == ("O-1", True, ())


async def test_everything_that_is_missing_is_named_at_once(context: Context) -> None:
    bare = OrderRequest(" ", "", "", "", "", ())
    with pytest.raises(OperationError) as caught:
        await taking.add(context, bare)
    assert "lacks name, authority, official, document, ground, reason" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"entries": (("com", Scope.SUBTREE),)}, "not a domain name"),
        ({"entries": (("co.uk", Scope.SUBTREE),)}, "public suffix"),
        ({"entries": (("x.ck", Scope.EXACT),)}, "public suffix"),
        ({"entries": (("not a name", Scope.EXACT),)}, "not a domain name"),
        ({"entries": (("https://bad.example/page", Scope.EXACT),)}, "without blocking more"),
        ({"entries": (("bad.example/page", Scope.EXACT),)}, "without blocking more"),
        ({"entries": (("https://bad.example/#/page", Scope.EXACT),)}, "without blocking more"),
        ({"entries": (("192.0.2.1", Scope.EXACT),)}, "without blocking more"),
        ({"entries": (("2001:db8::/32", Scope.EXACT),)}, "without blocking more"),
        ({"entries": tuple((f"n{n}.example", Scope.EXACT) for n in range(10_001))}, "more than 10000"),
        ({"not_after": 1}, "end before it begins"),
        ({"not_before": 1_900_000_000, "not_after": 1_800_000_001}, "end before it begins"),
        ({"review_at": 5}, "in the past"),
        ({"received_at": 1_900_000_000}, "in the future"),
        ({"document_digest": "abc"}, "no SHA-256"),
        ({"ground": "x" * 1001}, "longer than 1000"),
    ],
)
async def test_what_cannot_be_ordered_is_refused(context: Context, change: dict[str, Any], says: str) -> None:
    with pytest.raises(OperationError, match=says) as caught:
        await taking.add(context, replace(REQUEST, **change))
    assert caught.value.remedy
    assert await showing.list_orders(context) == ()


async def test_overblocking_takes_a_decision(context: Context) -> None:
    entries = (
        ("https://bad.example/page?x=1", Scope.EXACT),
        ("https://whole.example/", Scope.EXACT),
        ("203.0.113.0/24", Scope.EXACT),
        ("::ffff:198.18.0.1", Scope.EXACT),
    )
    added = await taking.add(context, replace(REQUEST, entries=entries, accept_overblocking=True))
    assert added.demand.names == (("bad.example", Scope.EXACT), ("whole.example", Scope.EXACT))
    assert added.demand.addresses == ("198.18.0.1/32", "203.0.113.0/24")
    assert added.demand.overblocking_accepted
    whole = await taking.add(context, replace(REQUEST, entries=(("https://whole.example/", Scope.EXACT),)))
    assert not whole.demand.overblocking_accepted


async def test_names_are_normalised_and_counted_once(context: Context) -> None:
    entries = (("Bücher.Example", Scope.EXACT), ("xn--bcher-kva.example.", Scope.EXACT))
    added = await taking.add(context, replace(REQUEST, entries=entries))
    assert added.demand.names == (("xn--bcher-kva.example", Scope.EXACT),)
    assert added.entries == 1


async def test_an_order_without_an_end_is_reviewed(context: Context, installation: Installation) -> None:
    now = int(installation.now)
    assert (await taking.add(context, REQUEST)).demand.review_at == now + DEFAULT_REVIEW
    ending = await taking.add(context, replace(REQUEST, not_after=now + 60))
    assert (ending.demand.review_at, ending.demand.not_after) == (0, now + 60)


async def test_an_order_that_came_today_and_one_without_a_time(
    context: Context, installation: Installation
) -> None:
    now = int(installation.now)
    assert (await taking.add(context, REQUEST)).demand.received_at == installation.now
    for at in (now - 1000, now + 300):
        added = await taking.add(context, replace(REQUEST, received_at=at))
        assert added.demand.received_at == at


@pytest.mark.parametrize(
    ("taken", "refused", "says"),
    [
        ({"received_at": 300}, {"received_at": 301}, "lies in the future"),
        ({"not_after": 1}, {"not_after": 0}, "end before it begins"),
        ({"not_before": 50, "not_after": 51}, {"not_before": 50, "not_after": 50}, "end before it begins"),
        ({"review_at": 1}, {"review_at": 0}, "in the past"),
    ],
)
async def test_the_first_second_that_is_too_late_or_too_early(
    context: Context,
    installation: Installation,
    taken: dict[str, Any],
    refused: dict[str, Any],
    says: str,
) -> None:
    """Times are given from now."""
    now = int(installation.now)
    with pytest.raises(OperationError, match=says):
        await taking.add(context, replace(REQUEST, **{name: now + after for name, after in refused.items()}))
    demand = (
        await taking.add(context, replace(REQUEST, **{name: now + after for name, after in taken.items()}))
    ).demand
    assert {name: getattr(demand, name) - now for name in taken} == taken


@pytest.mark.parametrize(("count", "taken"), [(10_000, True), (10_001, False)])
async def test_the_most_entries_of_an_order(context: Context, count: int, taken: bool) -> None:
    entries = tuple((f"n{n}.example", Scope.EXACT) for n in range(count))
    if taken:
        assert (await taking.add(context, replace(REQUEST, entries=entries))).entries == count
    else:
        with pytest.raises(OperationError, match=f"{count} entries, more than 10000"):
            await taking.add(context, replace(REQUEST, entries=entries))


async def test_a_digest_is_kept_in_small_letters(context: Context) -> None:
    added = await taking.add(context, replace(REQUEST, document_digest="AB" * 32))
    assert added.demand.document_digest == "ab" * 32


@pytest.mark.parametrize(
    "entry", ["portal.example", "www.portal.example", "help.example", "198.51.100.7", "198.51.0.0/16"]
)
async def test_an_order_on_a_protected_name_is_quarantined(
    context: Context, installation: Installation, entry: str
) -> None:
    request = replace(
        REQUEST, entries=((entry, Scope.SUBTREE),), accept_overblocking=True, proportionality="weighed"
    )
    assert (await taking.add(context, request)).state is OrderState.QUARANTINED
    with pytest.raises(OperationError, match="quarantined"):
        await taking.approve(as_person(context, "bob"), "O-1")
    assert sent(installation) == []
    installation.write_policy("protected.yaml", "public_suffixes: true\n")
    assert (await taking.approve(as_person(context, "bob"), "O-1")).state is OrderState.ACCEPTED


async def test_what_is_beside_a_protected_name_is_not_quarantined(context: Context) -> None:
    entries = (
        ("www.help.example", Scope.SUBTREE),
        ("example", Scope.EXACT),
        ("xportal.example", Scope.EXACT),
    )
    for entry in (entries[0], entries[2]):
        assert (await taking.add(context, replace(REQUEST, entries=(entry,)))).state is OrderState.PENDING


async def test_confidential_names_are_shown_to_nobody(context: Context, installation: Installation) -> None:
    added = await taking.add(context, replace(REQUEST, confidential=True))
    shown = [
        added,
        await taking.approve(as_person(context, "bob"), "O-1"),
        await showing.show(context, "O-1"),
    ]
    assert {(each.demand.names, each.entries) for each in shown} == {((), 2)}
    (listed,) = await showing.list_orders(context, OrderState.ACCEPTED)
    assert (listed.demand.names, listed.entries) == ((), 2)
    trail = json.dumps([each.entry.after for each in await audit.tail(context)])
    assert "bad.example" not in trail
    assert "digest" not in json.loads(trail)[0] or json.loads(trail)[0]["digest"] == ""
    assert sent(installation)[0].confidential
    found = sent(installation)[0]
    assert (found.names, found.fingerprints is not None and len(found.fingerprints.names)) == ((), 2)


async def test_orders_are_counted_by_state(context: Context) -> None:
    for _ in range(3):
        await taking.add(context, REQUEST)
    await taking.approve(as_person(context, "bob"), "O-2")
    await ending.withdraw(context, "O-3", reason="x")
    counted = await showing.count(context)
    assert counted == dict.fromkeys(OrderState, 0) | {"pending": 1, "accepted": 1, "withdrawn": 1}
    with pytest.raises(OperationError, match="unknown order"):
        await showing.show(context, "O-9")


names = st.lists(st.sampled_from(["a", "b", "example"]), min_size=1, max_size=4).map(".".join)
rules = st.builds(NameRule, names, st.sampled_from(Scope))


def covers(rule: NameRule, name: str) -> bool:
    if name == rule.name:
        return rule.scope is not Scope.BELOW
    return rule.scope is not Scope.EXACT and name.endswith("." + rule.name)


@given(rules, rules)
def test_an_overlap_is_found_exactly_where_some_name_falls_under_both(one: NameRule, other: NameRule) -> None:
    candidates = [start + rule.name for rule in (one, other) for start in ("", "x.", "y.x.")]
    expected = any(covers(one, name) and covers(other, name) for name in candidates)
    demand = Demand("", "", "", "", names=((one.name, one.scope),))
    assert bool(protected_overlap(demand, Protected(public_suffixes=False, names=(other,)))) == expected


@pytest.mark.parametrize("entry", ["secret example", "co.uk", "192.0.2.9/24", "https://secret_/x"])
async def test_an_error_of_a_confidential_order_does_not_quote_it(context: Context, entry: str) -> None:
    entries = (("fine.example", Scope.EXACT), (entry, Scope.EXACT))
    request = replace(REQUEST, entries=entries, confidential=True, accept_overblocking=True)
    with pytest.raises(OperationError, match="entry 2 of the order") as caught:
        await taking.add(context, request)
    assert entry not in f"{caught.value} {caught.value.remedy}"
    assert "192.0.2" not in caught.value.remedy
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
