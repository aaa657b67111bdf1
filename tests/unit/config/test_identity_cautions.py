"""A warning where customers could say themselves whose line they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.cautions import cautions
from filterd.config.load import from_value


@pytest.mark.parametrize(
    ("sender", "warned"), [("0.0.0.0/0", True), ("10.0.0.0/8", True), ("10.0.0.1/32", False)]
)
def test_a_crowd_is_not_trusted_for_identities_unwarned(sender: str, warned: bool) -> None:
    dns = {"upstreams": ["192.0.2.53"], "edns_id_from": [sender]}
    found = cautions(from_value({"dns": dns}, base=Path("/")))
    assert [each.path for each in found] == (["dns.edns_id_from"] if warned else [])
    assert all("whose line" in each.message and each.remedy for each in found)


@pytest.mark.parametrize(
    ("pools", "listen", "warned"),
    [
        (["100.64.0.0/16"], ["192.0.2.53:53", "[2001:db8::53]:53"], True),
        (["100.64.0.0/16", "2001:db8::/32"], ["192.0.2.53:53", "[2001:db8::53]:53"], False),
        (["100.64.0.0/16"], ["192.0.2.53:53", "[::1]:53"], False),
        (["2001:db8::/32"], ["192.0.2.53:53", "[2001:db8::53]:53"], True),
        ([], ["192.0.2.53:53", "[2001:db8::53]:53"], False),
    ],
)
def test_clients_of_a_version_without_a_pool_are_told(
    pools: list[str], listen: list[str], warned: bool
) -> None:
    """Seen: pools of IPv4 alone; while sessions were not loaded, IPv6 clients got no restrictions."""
    dns = {
        "upstreams": ["192.0.2.54"],
        "listen": listen,
        "allow_from": ["100.64.0.0/16", "2001:db8::/32"],
    }
    clients = [{"prefix": "192.0.2.1/32", "secret_file": "secret"}]
    accounting = {"radius": {"listen": "127.0.0.1:1813", "clients": clients}, "pools": pools}
    found = cautions(from_value({"dns": dns, "accounting": accounting}, base=Path("/")))
    assert [each.path for each in found] == (["accounting.pools"] if warned else [])
    alone = cautions(from_value({"dns": dns, "accounting": {"pools": pools}}, base=Path("/")))
    assert alone == ()  # nothing tells of sessions
