"""What many people use takes two people, and the commands say what an order hits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.policies import load_policies
from filterd.config.settings import OrderSettings, ShortestPrefixSettings
from filterd.model.order import Demand, OrderState
from filterd.model.rule import Scope
from filterd.operations import audit
from filterd.operations.context import OperationError
from filterd.operations.orders import ending, showing, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.orders.reach import OPEN_KINDS, Hit, HitKind, reach
from filterd.policy.documents import Policies
from tests.worlds.installation import Installation, as_person

SHIPPED = Path(__file__).resolve().parents[3] / "policies"
SHORTEST = ShortestPrefixSettings()
REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="1/2026",
    ground="Ground 1",
    reason="notified",
    entries=(),
    accept_overblocking=True,
    proportionality="the court weighed it: no narrower name serves",
)


def asks(*names: str, scope: Scope = Scope.SUBTREE) -> OrderRequest:
    """A request on names and addresses."""
    return replace(REQUEST, entries=tuple((name, scope) for name in names))


@pytest.fixture(scope="module")
def shipped() -> Policies:
    """The policies that operators copy."""
    return load_policies(SHIPPED)


def hits(policies: Policies, *names: str, scope: Scope = Scope.SUBTREE) -> dict[HitKind, str]:
    """What a demand on names hits, in words."""
    demand = Demand("", "", "", "", names=tuple((name, scope) for name in names))
    return {hit.kind: hit.says for hit in reach(demand, policies, SHORTEST)}


@pytest.mark.ring("merge")
def test_a_service_is_named_with_how_many_of_its_names(shipped: Policies) -> None:
    whole = tuple(
        rule.name for service in shipped.services if service.id == "whatsapp" for rule in service.names
    )
    assert len(whole) > 3
    assert (
        hits(shipped, *whole)[HitKind.SERVICE]
        == f"the service WhatsApp: {len(whole)} of its {len(whole)} names"
    )
    assert hits(shipped, "whatsapp.com") == {
        HitKind.SERVICE: f"the service WhatsApp: 1 of its {len(whole)} names",
        HitKind.POPULAR: "whatsapp.com, a popular name",
    }
    assert "a part of it, web.whatsapp.com" in hits(shipped, "web.whatsapp.com")[HitKind.SERVICE]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("wikipedia.org", {HitKind.POPULAR}),
        ("es.wikipedia.org", {HitKind.POPULAR}),
        ("www.google.com.mx", {HitKind.SAFE_SEARCH, HitKind.POPULAR}),
        ("forcesafesearch.google.com", {HitKind.SAFE_SEARCH, HitKind.POPULAR}),
        ("github.io", {HitKind.SUFFIX}),
        # Services have buckets there, which would be hit with everybody's.
        ("amazonaws.com", {HitKind.SUFFIX, HitKind.POPULAR, HitKind.SERVICE}),
        ("x.compute.amazonaws.com", {HitKind.SUFFIX, HitKind.POPULAR}),
        # One customer's, below a suffix: no part of what stands above it.
        ("somebody.github.io", set()),
        ("d1234.cloudfront.net", set()),
        ("bucket.s3.amazonaws.com", set()),
        ("shop.example", set()),
        ("notwhatsapp.com", set()),
    ],
)
def test_the_kinds_of_what_is_hit(shipped: Policies, name: str, kinds: set[HitKind]) -> None:
    assert set(hits(shipped, name)) == kinds


def test_the_scope_counts(shipped: Policies) -> None:
    assert HitKind.SUFFIX in hits(shipped, "amazonaws.com", scope=Scope.BELOW)
    assert HitKind.SUFFIX not in hits(shipped, "amazonaws.com", scope=Scope.EXACT)
    assert HitKind.SAFE_SEARCH not in hits(shipped, "www.google.com", scope=Scope.BELOW)


@pytest.mark.parametrize(
    ("prefixes", "says"),
    [
        (("203.0.112.0/23",), ["203.0.112.0/23: 512 addresses, wider than /24"]),
        (("10.1.0.0/16",), ["10.1.0.0/16: 65,536 addresses, wider than /24"]),
        (("2001:db8::/47",), ["2001:db8::/47: 131,072 networks of /64, wider than /48"]),
        (("203.0.113.0/24", "2001:db8::/48", "192.0.2.1/32"), []),
        # Cut into pieces it is as wide.
        (
            ("203.0.112.0/24", "203.0.113.0/25", "203.0.113.128/25"),
            ["203.0.112.0/23: 512 addresses, wider than /24"],
        ),
        (("203.0.111.0/24", "203.0.113.0/24"), []),
    ],
)
def test_wide_prefixes(prefixes: tuple[str, ...], says: list[str]) -> None:
    found = reach(Demand("", "", "", "", addresses=prefixes), Policies(), SHORTEST)
    assert [hit.says for hit in found] == says


def test_the_operator_sets_the_widest_prefix() -> None:
    demand = Demand("", "", "", "", addresses=("203.0.113.0/26", "2001:db8::/56"))
    assert reach(demand, Policies(), ShortestPrefixSettings(26, 56)) == ()
    assert len(reach(demand, Policies(), ShortestPrefixSettings(27, 57))) == 2


def test_ten_thousand_names_are_judged_by_what_is_near(shipped: Policies) -> None:
    names = [f"n{number}.shop.example" for number in range(9_999)]
    assert set(hits(shipped, *names, "wikipedia.org")) == {HitKind.POPULAR}


@pytest.mark.parametrize(
    "entry",
    ["chat.example", "www.chat.example", "search.example", "popular.example", "203.0.112.0/23", "github.io"],
)
async def test_it_takes_two_people_where_one_is_enough(installation: Installation, entry: str) -> None:
    async with installation.open(approvals=1) as context:
        added = await taking.add(context, asks(entry))
        assert added.state is OrderState.PENDING
        with pytest.raises(OperationError, match="ana stands behind order O-1 already"):
            await taking.approve(context, "O-1")
        assert (await showing.show(context, "O-1")).state is OrderState.PENDING
        assert len(await showing.hits_of(context, added)) >= 1
        accepted = await taking.approve(as_person(context, "bob"), "O-1")
        assert accepted.state is OrderState.ACCEPTED
        decisions = [each.entry.after for each in await audit.tail(context)]
        assert all(decision and decision["reach"] for decision in decisions)


async def test_an_ordinary_one_takes_one(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        added = await taking.add(context, asks("shop.example", "203.0.113.0/24"))
        assert added.state is OrderState.ACCEPTED
        assert await showing.hits_of(context, added) == ()


async def test_what_became_popular_while_it_waited_counts(installation: Installation) -> None:
    async with installation.open("ana", approvals=2) as context:
        await taking.add(context, asks("shop.example"))
        installation.write_policy("expected.yaml", "shop.example: []\n")
        one = replace(context, settings=replace(context.settings, orders=OrderSettings(1)))
        with pytest.raises(OperationError, match="stands behind"):
            await taking.approve(one, "O-1")
        assert [
            hit.subject for hit in await showing.hits_of(context, await showing.show(context, "O-1"))
        ] == ["shop.example"]


async def test_in_force_stays_in_force(installation: Installation) -> None:
    """An order that one person put in force before what it hits was known to be popular."""
    async with installation.open(approvals=1) as context:
        await taking.add(context, asks("shop.example"))
        installation.write_policy("expected.yaml", "shop.example: []\n")
        found = await showing.show(context, "O-1")
        assert found.in_force(installation.now)
        assert [hit.kind for hit in await showing.hits_of(context, found)] == [HitKind.POPULAR]
        assert (await ending.withdraw(context, "O-1", reason="lifted")).state is OrderState.WITHDRAWN


async def test_one_that_was_quarantined_takes_two_people(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, asks("portal.example"))).state is OrderState.QUARANTINED
        installation.write_policy("protected.yaml", "public_suffixes: true\n")
        with pytest.raises(OperationError, match="ana stands behind"):
            await taking.approve(context, "O-1")
        assert (await taking.approve(as_person(context, "bob"), "O-1")).state is OrderState.ACCEPTED


async def test_the_reach_of_a_confidential_order_names_nothing(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        entries = (
            "chat.example",
            "search.example",
            "popular.example",
            "github.io",
            "203.0.112.0/23",
            "doh.example",
        )
        added = await taking.add(context, replace(asks(*entries), confidential=True))
        found = await showing.hits_of(context, added)
        assert {hit.kind for hit in found} == set(HitKind) - OPEN_KINDS - {HitKind.PROTECTED}
        shown = " ".join(f"{hit.subject} {hit.says}" for hit in found)
        for secret in ("chat", "Chat", "search.example", "popular.example", "github", "203.0", "doh", "DoH"):
            assert secret not in shown
        assert "512 addresses, wider than /24" in shown


async def test_an_order_is_shown_where_the_policies_cannot_be_read(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        added = await taking.add(context, asks("shop.example"))
        installation.write_policy("expected.yaml", "")
        (hit,) = await showing.hits_of(context, added)
        assert (hit.kind, hit.subject) == (HitKind.UNKNOWN, "")
        assert hit.says.startswith("not wholly known: expected.yaml: is empty")
        assert hit.unnamed == hit


def test_what_it_hits_is_a_value() -> None:
    assert Hit(HitKind.POPULAR, "a.example").unnamed.subject == ""
