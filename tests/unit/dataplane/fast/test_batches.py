"""Changes of the parental stream in the form in which a node keeps them."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.nodestate.lines import batch_of
from filterd.model.changelog import BindingChange, BindingRemoved

KEY = bytes(16)


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_prefix_is_read_as_the_store_writes_it(address: object, length: int) -> None:
    network = ip_network((str(address), min(length, 32) if "." in str(address) else length), strict=False)
    batch = batch_of((BindingChange(str(network), 7), BindingRemoved(str(network))), KEY)
    step = (network.network_address.packed.hex(), network.prefixlen)
    assert batch.bindings == ((*step, 7), (*step, None))


@pytest.mark.parametrize(
    "text",
    ["", "192.0.2.1", "192.0.2.1/", "192.0.2.1/x", "192.0.2.1/33", "192.0.2.1/24", "192.0.2/24", "a::b::/64",
     "2001:db8::1/64", "fe80::1%eth0/128", "192.0.2.0/-1", "name.example/32"],
)  # fmt: skip
def test_what_is_no_prefix_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        batch_of((BindingChange(text, 7),), KEY)
    assert "2001" not in str(caught.value)
