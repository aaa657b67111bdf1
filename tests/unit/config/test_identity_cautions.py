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
