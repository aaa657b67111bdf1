"""The settings on sessions: what is read, what is refused, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.accounting_settings import (
    LeaseFormat,
    LeaseValue,
    Normalization,
    PortOrder,
    RadiusClientSettings,
    Timestamps,
)
from filterd.config.load import ConfigErrors, from_value
from filterd.config.settings import Settings
from filterd.config.value_types import attribute_of, parse_attribute, parse_network

BASE = Path("/etc/filterd")


def read(**sections: object) -> Settings:
    """The settings of a file with these sections."""
    return from_value({"dns": {"upstreams": ["192.0.2.53"]}} | sections, base=BASE)


def test_without_a_word_there_is_no_listener() -> None:
    found = read().accounting
    assert found.radius is None
    assert found.leases == ()
    assert (found.stale_after, found.settle, found.sessions) == (7200, 900, 1_000_000)


def test_a_file_with_everything() -> None:
    client = {"prefix": "10.0.0.1", "secret_file": "nas.secret", "timestamps": "sent"}
    radius = {"listen": "192.0.2.1:1813", "clients": [client], "line": "user-name", "normalize": ["realm"]}
    lease = {"format": "kea", "file": "/var/lib/kea/kea-leases4.csv", "line": "circuit-id"}
    found = read(accounting={"radius": radius, "leases": [lease], "pools": ["100.64.0.0/10"]}).accounting
    assert found.radius is not None
    assert str(found.radius.listen) == "192.0.2.1:1813"
    assert found.radius.line == "User-Name"
    assert found.radius.normalize == (Normalization.REALM,)
    assert found.radius.clients == (
        RadiusClientSettings(parse_network("10.0.0.1"), BASE / "nas.secret", Timestamps.SENT, False),
    )
    assert (found.leases[0].format, found.leases[0].line) == (LeaseFormat.KEA, LeaseValue.CIRCUIT_ID)
    assert [str(each) for each in found.pools] == ["100.64.0.0/10"]
    again = Settings.from_json(read(accounting={"radius": radius, "leases": [lease]}).to_json())
    assert again.accounting.radius == found.radius


@pytest.mark.parametrize("line", ["circuit-id", "remote-id"])
def test_a_lease_file_has_the_part_that_names_the_line(line: str) -> None:
    """Seen: dnsmasq's files have nothing of relays, and no lease was ever anybody's."""
    lease = {"format": "dnsmasq", "file": "/var/lib/misc/dnsmasq.leases", "line": line}
    with pytest.raises(ConfigErrors) as caught:
        read(accounting={"leases": [lease]})
    (error,) = caught.value.errors
    assert error.path == "accounting.leases[0].line"
    assert f"dnsmasq have no {line}" in error.message
    assert "write hw-address" in error.message
    for known in ("kea", "isc"):
        assert read(accounting={"leases": [lease | {"format": known}]}).accounting.leases
    assert read(accounting={"leases": [lease | {"line": "hostname"}]}).accounting.leases


def test_a_clients_networks_lie_in_the_pools() -> None:
    def with_networks(pools: list[str], *networks: str) -> Settings:
        client = {"prefix": "10.0.0.1", "secret_file": "s", "networks": list(networks)}
        return read(accounting={"radius": {"clients": [client]}, "pools": pools})

    found = with_networks(["100.64.0.0/17", "100.64.128.0/17", "2001:db8::/32"], "100.64.0.0/16")
    assert found.accounting.radius is not None
    assert found.accounting.radius.clients[0].networks == (parse_network("100.64.0.0/16"),)
    with_networks([], "100.64.0.0/16", "2001:db8::/32")
    for outside in ("100.65.0.0/24", "100.0.0.0/8", "2001:db9::/32"):
        with pytest.raises(ConfigErrors, match="lies in no network of pools"):
            with_networks(["100.64.0.0/16", "2001:db8::/32"], "100.64.1.0/24", outside)


def test_shared_addresses_and_mapping_rules() -> None:
    shared = {"outside": "192.0.2.0/28", "inside": "100.64.0.0/22", "ports": 1008}
    rule = {"ipv4": "198.51.100.0/24", "ipv6": "2001:db8::/40", "ea_bits": 16}
    found = read(dns={"upstreams": ["192.0.2.53"], "shared_addresses": [shared], "map_rules": [rule]}).dns
    assert (found.shared_addresses[0].first_port, found.shared_addresses[0].order) == (
        1024,
        PortOrder.SEQUENTIAL,
    )
    assert found.map_rules[0].psid_offset == 6


@pytest.mark.parametrize(
    ("section", "value", "path", "words"),
    [
        ("accounting", {"radius": {"line": "Password"}}, "accounting.radius.line", "not an attribute"),
        ("accounting", {"radius": {"line": "14988:300"}}, "accounting.radius.line", "VENDOR:NUMBER"),
        ("accounting", {"leases": [{"format": "bind", "file": "x"}]}, "accounting.leases[0].format", "kea"),
        (
            "accounting",
            {"radius": {"clients": [{"prefix": "10.0.0.1", "secret_file": "s"}] * 2}},
            "accounting.radius",
            "stands here twice",
        ),
        (
            "dns",
            {"shared_addresses": [{"outside": "192.0.2.0/30", "inside": "100.64.0.0/22", "ports": 1008}]},
            "dns.shared_addresses[0]",
            "room for 256",
        ),
        (
            "dns",
            {"map_rules": [{"ipv4": "192.0.2.0/24", "ipv6": "2001:db8::/56", "ea_bits": 16}]},
            "dns.map_rules[0]",
            "more than 64 bits",
        ),
        ("dns", {"proxy_id_tlv": 5}, "dns.proxy_id_tlv", "224"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(section: str, value: object, path: str, words: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(**{section: value})
    assert any(each.path == path and words in each.message for each in caught.value.errors), caught.value


def test_attributes_have_their_numbers() -> None:
    assert attribute_of(parse_attribute("agent-circuit-id")) == (3561, 1)
    assert attribute_of(parse_attribute("14988:10")) == (14988, 10)
