"""No order is in force that can never act, or that would stop the resolver itself."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config.block_settings import BlockPageSettings, SinkholeSettings
from filterd.config.policies import icann_suffixes
from filterd.config.value_types import Endpoint
from filterd.model.order import Demand, OrderState
from filterd.model.rule import Scope
from filterd.operations import input_values
from filterd.operations.context import OperationError
from filterd.operations.orders import limits, showing, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.policy.published import WELL_KNOWN_NAT64
from tests.worlds.installation import Installation, as_person

REQUEST = OrderRequest("SAT", "A. Official", "1/2026", "Ground 1", "notified", (), accept_overblocking=True)


def asks(entry: str) -> OrderRequest:
    """A request on one entry."""
    return replace(REQUEST, entries=((entry, Scope.SUBTREE),))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("0.0.0.0/0", "is every address"),
        ("::/0", "is every address"),
        ("127.0.0.0/8", "loopback"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::", "unspecified"),
        ("0.0.0.0", "this host"),
        ("112.0.0.0/4", "loopback"),
        ("169.254.1.1", "link-local"),
        ("224.0.0.251", "multicast"),
        ("255.255.255.255", "reserved"),
        ("fe80::/10", "link-local"),
        ("ff02::fb", "multicast"),
        ("8000::/1", "link-local"),
        ("192.0.2.53", "an upstream"),
        ("192.0.2.0/24", "holds 192.0.2.53, an upstream"),
        ("::ffff:192.0.2.53", "an upstream"),
        ("64:ff9b::c000:235", "an upstream"),
        ("2002:c000:235::/48", "an upstream"),
        ("64:ff9b::/32", "every IPv4 address"),
        ("2000::/3", "every IPv4 address"),
        ("2002::/16", "is every address"),
        ("64:ff9b::/96", "is every address"),
        ("::ffff:0:0/96", "is every address"),
        ("::/64", "every IPv4 address"),
        ("2002:c000:201:5::/64", "a part of the 6to4 network of 192.0.2.1"),
        ("id.server", "answered by the resolver itself"),
        ("version.bind", "answered by the resolver itself"),
        ("x.resolver.arpa", "answered by the resolver itself"),
        ("resolver.arpa", "answered by the resolver itself"),
        ("www.localhost", "answered by the resolver itself"),
        ("somebody.onion", "does not exist in the DNS"),
        ("printer.local", "does not exist in the DNS"),
        ("home.arpa", "does not exist in the DNS"),
        ("1.168.192.in-addr.arpa", "does not exist in the DNS"),
        ("d.f.ip6.arpa", "does not exist in the DNS"),
        ("root-servers.net", "infrastructure of the DNS"),
        ("a.root-servers.net", "infrastructure of the DNS"),
        ("gtld-servers.net", "infrastructure of the DNS"),
        ("ipv4only.arpa", "infrastructure of the DNS"),
        ("8.in-addr.arpa", "infrastructure of the DNS"),
        ("in-addr-servers.arpa", "infrastructure of the DNS"),
    ],
)
async def test_what_is_refused(installation: Installation, entry: str, says: str) -> None:
    async with installation.open("ana") as context:
        with pytest.raises(OperationError, match=says) as caught:
            await taking.add(context, asks(entry))
        assert caught.value.remedy
        assert await showing.list_orders(context) == ()
        with pytest.raises(OperationError) as hidden:
            await taking.add(context, replace(asks(entry), confidential=True))
        assert entry not in f"{hidden.value} {hidden.value.remedy}"


@pytest.mark.parametrize(
    ("entry", "taken"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("64:ff9b::cb00:7107", "203.0.113.7/32"),
        ("64:ff9b::203.0.113.0/120", "203.0.113.0/24"),
        ("::cb00:7107", "203.0.113.7/32"),
        ("2002:cb00:7107::/48", "203.0.113.7/32"),
        ("2002:cb00:7100::/40", "203.0.113.0/24"),
        ("2001:db8:1::/48", "2001:db8:1::/48"),
        ("64:ff9b:1::/48", "64:ff9b:1::/48"),
        ("10.0.0.7", "10.0.0.7/32"),
    ],
)
async def test_ipv4_inside_ipv6_is_taken_as_ipv4(installation: Installation, entry: str, taken: str) -> None:
    async with installation.open("ana") as context:
        assert (await taking.add(context, asks(entry))).demand.addresses == (taken,)


def test_our_own_addresses(installation: Installation) -> None:
    settings = installation.settings
    listen = (Endpoint(IPv4Address("203.0.113.53"), 53), Endpoint(IPv6Address("::"), 53))
    general = SinkholeSettings(IPv4Address("203.0.113.80"), IPv6Address("2001:db8::80"))
    parental = SinkholeSettings(IPv4Address("203.0.113.79"), None)
    page = BlockPageSettings(parental, general, general, general)
    kept = limits.ours(
        replace(settings, dns=replace(settings.dns, listen=listen), block_page=page),
    )
    assert [str(address) for address, _ in kept] == [
        "203.0.113.53",
        "192.0.2.53",
        "203.0.113.79",
        "203.0.113.80",
        "2001:db8::80",
    ]
    for entry, says in (
        ("203.0.113.80", "the block page"),
        ("203.0.113.79", "the block page"),
        ("2001:db8::/64", "the block page"),
        ("203.0.113.53", "listen"),
    ):
        with pytest.raises(OperationError, match=says):
            limits.prefix(entry, kept)
    assert limits.prefix("203.0.113.81", kept) == "203.0.113.81/32"


async def test_one_that_waits_from_before_is_not_approved(installation: Installation) -> None:
    """The resolver forwards to the address since: to approve the order would cut it off."""
    async with installation.open("ana") as context:
        await taking.add(context, asks("203.0.113.53"))
        await taking.add(context, replace(asks("203.0.113.54"), confidential=True))
        upstreams = tuple(
            replace(context.settings.dns.upstreams[0], address=Endpoint(IPv4Address(address), 53))
            for address in ("203.0.113.53", "203.0.113.54")
        )
        settings = replace(context.settings, dns=replace(context.settings.dns, upstreams=upstreams))
        bob = replace(as_person(context, "bob"), settings=settings)
        with pytest.raises(OperationError, match=r"O-1 cannot be in force: 203\.0\.113\.53/32 holds"):
            await taking.approve(bob, "O-1")
        with pytest.raises(OperationError, match="an entry of it can never be blocked") as hidden:
            await taking.approve(bob, "O-2")
        assert "203.0" not in f"{hidden.value} {hidden.value.remedy}"
        assert (await showing.show(context, "O-1")).state is OrderState.PENDING


@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_a_prefix_is_refused_or_holds_what_was_asked(address: int, length: int) -> None:
    network = IPv6Network((address >> (128 - length) << (128 - length), length))
    try:
        taken = ip_network(limits.prefix(str(network), ()))
    except OperationError:
        return
    if taken.version == 6:
        assert taken == network
        assert not any(form.overlaps(taken) for form in (WELL_KNOWN_NAT64, IPv6Network("2002::/16")))
    else:
        assert taken.num_addresses <= network.num_addresses


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["::ffff:0:0", "64:ff9b::", "::", "2002::"]),
    st.integers(1, 32),
)
def test_every_form_of_a_prefix_is_the_same_order(number: int, form: str, length: int) -> None:
    inside = ip_network((number >> (32 - length) << (32 - length), length))
    start = int(IPv6Address(form))
    wide = (
        IPv6Network((start | int(inside.network_address) << 80, 16 + length))
        if form == "2002::"
        else IPv6Network((start | int(inside.network_address), 96 + length))
    )

    def outcome(prefix: str) -> str:
        try:
            return limits.prefix(prefix, ())
        except OperationError:
            return "refused"

    if form == "::" and int(inside.network_address) < 2 and length >= 31:
        return  # the unspecified address and loopback of IPv6
    assert outcome(str(wide)) == outcome(str(inside))


TRANSLATORS = (IPv6Network("2001:db8:64::/96"), IPv6Network("2001:db8:122:300::/56"))


@pytest.mark.parametrize(
    ("entry", "taken"),
    [
        ("2001:db8:64::192.0.2.99", "192.0.2.99/32"),
        ("2001:db8:64::c000:200/120", "192.0.2.0/24"),
        ("64:ff9b::192.0.2.99", "192.0.2.99/32"),
        ("::ffff:0:192.0.2.98", "192.0.2.98/32"),
        ("2001:db8:122:3c0:0:221::", "192.0.2.33/32"),
        ("2001:db8:65::/64", "2001:db8:65::/64"),
    ],
)
def test_addresses_behind_the_operators_translators_are_those_of_ipv4(entry: str, taken: str) -> None:
    assert limits.prefix(entry, (), TRANSLATORS) == taken


@pytest.mark.parametrize(
    "entry", ["2001:db8:64::/96", "2001:db8:64::/64", "2001:db8:122:300::/56", "2001:db8:122:3c0::/64"]
)
def test_a_translator_as_a_whole_is_no_order(entry: str) -> None:
    with pytest.raises(OperationError) as caught:
        limits.prefix(entry, (), TRANSLATORS)
    assert "addresses that are meant" in caught.value.remedy


@pytest.mark.parametrize(
    "written",
    [
        "9999-12-31T23:59:59-06:00",
        "9999-12-31T00:00:00-12:00",
        "0001-01-01T00:00:00+06:00",
        "1970-01-01T00:00:00Z",
    ],
)
def test_times_that_no_calendar_shows_are_refused(written: str) -> None:
    with pytest.raises(OperationError, match="not a time that can be meant") as caught:
        input_values.when(written, "the end")
    assert "leave it out" in caught.value.remedy


@pytest.mark.parametrize("name", ["sch.uk", "nom.br", "kobe.jp"])
def test_a_name_directly_below_which_everybody_registers_is_a_suffix(name: str) -> None:
    assert name in icann_suffixes()
    assert f"www.{name}" in icann_suffixes()
    assert "city.kobe.jp" not in icann_suffixes()


@pytest.mark.parametrize("turned", [False, True])
def test_of_nested_translators_the_longest_prefix_counts(turned: bool) -> None:
    nested = (IPv6Network("2001:db8::/32"), TRANSLATORS[1])
    taken = limits.prefix("2001:db8:122:3c0:0:221::", (), nested[::-1] if turned else nested)
    assert taken == "192.0.2.33/32"


@pytest.mark.parametrize("stored", ["2001:db8:64::/96", "2001:db8:64::c000:263/128"])
async def test_an_order_of_before_a_translator_was_configured_is_judged_anew(stored: str) -> None:
    demand = Demand("judge", "J", "1/26", "lmtr-182", addresses=(stored,))
    limits.require_possible(demand, ())
    with pytest.raises(OperationError):
        limits.require_possible(demand, (), TRANSLATORS)
