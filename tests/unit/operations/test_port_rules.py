"""Bindings of ports inside a rule for shared addresses are told where they are made and looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.load import from_value
from filterd.operations import bindings, subscribers
from filterd.operations.port_rules import ports_in_rules
from tests.worlds.installation import Installation

DNS = {
    "upstreams": ["192.0.2.53"],
    "shared_addresses": [
        {"outside": "198.51.100.0/28", "inside": "100.64.0.0/24", "first_port": 1024, "ports": 1000}
    ],
    "map_rules": [{"ipv4": "203.0.113.0/25", "ipv6": "2001:db8:4000::/40", "ea_bits": 15, "psid_offset": 6}],
}


@pytest.mark.parametrize(
    ("bound", "rule"),
    [
        ("198.51.100.3:1024-2047", "dns.shared_addresses[0]"),
        ("203.0.113.9:5000-5999", "dns.map_rules[0]"),
        ("192.0.2.1:1024-2047", ""),
        ("198.51.100.3", ""),
        ("device:a.b:1-2", ""),
    ],
)
async def test_ports_of_an_address_in_a_rule_are_told(
    installation: Installation, bound: str, rule: str
) -> None:
    dns = from_value({"dns": DNS}, base=Path("/")).dns
    installation.settings = replace(installation.settings, dns=dns)
    async with installation.open("ana") as context:
        await subscribers.add(context, "one")
        for _ in range(2):  # told again where it was bound before
            made = await bindings.add(context, bound, "one")
            assert (made.rule.rule if made.rule else "") == rule
        found = await ports_in_rules(context)
    assert [(each.bound, each.rule) for each in found] == ([(bound, rule)] if rule else [])
    for each in found:
        assert bound in each.message
        assert rule in each.remedy
