"""The texts of what bindings bind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.bound import (
    LAST_PORT,
    LONGEST,
    MOST_PORT_PREFIXES,
    BoundError,
    IdentityBound,
    PortsBound,
    PrefixBound,
    parse_bound,
    port_prefixes,
)
from filterd.model.identity import IdentityKind

PORT = st.integers(0, LAST_PORT)


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("192.0.2.7", "192.0.2.7/32", PrefixBound),
        (" 2001:DB8:1:0::/56 ", "2001:db8:1::/56", PrefixBound),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24", PrefixBound),
        ("cafe::1", "cafe::1/128", PrefixBound),
        ("192.0.2.1:1024-2047", "192.0.2.1:1024-2047", PortsBound),
        ("192.0.2.1:80", "192.0.2.1:80-80", PortsBound),
        ("mac:00:11:22:AA:BB:CC", "mac:00:11:22:aa:bb:cc", IdentityBound),
        ("MAC:00-11-22-aa-bb-cc", "mac:00:11:22:aa:bb:cc", IdentityBound),
        ("mac:0011.22aa.bbcc", "mac:00:11:22:aa:bb:cc", IdentityBound),
        ("mac:001122aabbcc", "mac:00:11:22:aa:bb:cc", IdentityBound),
        ("device:00:11:22:aa:bb:cc", "mac:00:11:22:aa:bb:cc", IdentityBound),
        ("device:Ana-TV", "device:Ana-TV", IdentityBound),
        ("cpe:Serial.7:A", "cpe:Serial.7:A", IdentityBound),
        ("tlv:olt1/1/2", "tlv:olt1/1/2", IdentityBound),
        ("device:" + "x" * 64, "device:" + "x" * 64, IdentityBound),
    ],
)
def test_texts_have_one_canonical_form(text: str, canonical: str, kind: type) -> None:
    bound = parse_bound(text)
    assert isinstance(bound, kind)
    assert str(bound) == canonical
    assert parse_bound(canonical) == bound
    assert len(canonical) <= LONGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "here",
        "192.0.2.1/24",
        "fe80::1%eth0",
        "192.0.2.1:",
        "192.0.2.1:9-8",
        "192.0.2.1:0-65536",
        "192.0.2.1/32:1-2",
        "2001:db8::1:1024-2047",
        "mac:00:11:22:aa:bb",
        "mac:00:11-22:aa:bb:cc",
        "cpe:",
        "cpe:a b",
        "cpe:ñ",
        "tlv:" + "x" * 65,
        "line:7",
    ],
)
def test_other_texts_are_refused_with_the_way_to_write_them(text: str) -> None:
    with pytest.raises(BoundError) as refused:
        parse_bound(text)
    assert str(refused.value)
    assert "write" in refused.value.remedy


def test_an_identity_is_known_by_its_kind_and_its_text() -> None:
    mac = parse_bound("mac:00:11:22:aa:bb:cc")
    assert isinstance(mac, IdentityBound)
    assert mac.input() == bytes([IdentityKind.MAC]) + bytes.fromhex("001122aabbcc")


def test_prefixes_and_ports_have_places_in_the_tables() -> None:
    prefix, ports = parse_bound("192.0.2.0/24"), parse_bound("192.0.2.1:1024-2047")
    assert isinstance(prefix, PrefixBound)
    assert isinstance(ports, PortsBound)
    assert prefix.places() == [(bytes(10) + b"\xff\xff\xc0\x00\x02\x00", 120)]
    assert ports.places() == [(b"\xc0\x00\x02\x01\x04\x00" + bytes(10), 32 + 6)]


@given(PORT, PORT)
def test_a_range_of_ports_is_cut_into_aligned_prefixes_without_gap_or_overlap(one: int, other: int) -> None:
    first, last = sorted((one, other))
    found = port_prefixes(first, last)
    assert len(found) <= MOST_PORT_PREFIXES
    following = first
    for port, bits in found:
        size = 1 << (16 - bits)
        assert port == following
        assert port % size == 0
        following += size
    assert following == last + 1
