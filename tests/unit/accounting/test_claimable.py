"""The networks in which claims count, against a plain search."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.accounting.claimable import ClaimNetworks, is_reserved
from tests.worlds.sessions import claim

four = st.builds(
    lambda bits, length: IPv4Network((bits << 24, length), strict=False),
    st.integers(0, 255),
    st.integers(4, 12),
)
six = st.builds(
    lambda bits, length: IPv6Network((bits << 112, length), strict=False),
    st.integers(0x2000, 0x20FF),
    st.integers(12, 20),
)


FINEST = {4: 12, 6: 20}


@given(networks=st.lists(four | six, max_size=8), asked=four | six)
def test_a_prefix_counts_where_the_networks_together_cover_it(
    networks: list[IPv4Network | IPv6Network], asked: IPv4Network | IPv6Network
) -> None:
    found = ClaimNetworks(networks)
    address, length, _ = claim(str(asked))
    ends = {
        each
        for each in asked.subnets(new_prefix=FINEST[asked.version])
        if any(
            int(one.network_address) <= int(each.network_address)
            and int(each.broadcast_address) <= int(one.broadcast_address)
            for one in networks
            if one.version == each.version
        )
    }
    whole = len(ends) == 2 ** (FINEST[asked.version] - asked.prefixlen)
    assert found.covers(address, length) == (whole or not networks)


@pytest.mark.parametrize(
    ("text", "pools", "taken"),
    [
        ("192.0.2.1", [], True),
        ("192.0.2.1", ["192.0.2.0/24"], True),
        ("192.0.2.1", ["198.51.100.0/24"], False),
        ("192.0.2.0/24", ["192.0.2.0/25"], False),
        ("2001:db8::/39", [], False),
        ("2001:db8::/40", [], True),
        ("127.0.0.5", [], False),
        ("127.0.0.5", ["0.0.0.0/0"], True),
        ("127.0.0.5", ["127.0.0.0/24"], True),
        ("169.254.0.5", ["169.254.0.0/16"], False),
        ("fe80::1", ["fe80::/10"], False),
        ("224.0.0.5", ["224.0.0.0/4"], False),
        ("0.0.0.5", ["0.0.0.0/0"], False),
        ("::1", ["::/0"], False),
    ],
)
def test_what_the_operator_may_tell(text: str, pools: list[str], taken: bool) -> None:
    address, length, _ = claim(text)
    assert ClaimNetworks(map(ip_network, pools)).take(address, length) == taken


def test_reserved_addresses_are_nobodys() -> None:
    assert is_reserved(*claim("255.255.255.255")[:2])
    assert not is_reserved(*claim("100.64.0.1")[:2])
