"""Shared addresses: the rules against an enumeration of every line's addresses and ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.dataplane.packet.translate import SharedAddresses
from filterd.dataplane.packet.translate_reference import translate
from tests.worlds.examples import examples

MAPPED = bytes(10) + b"\xff\xff"
KEY = bytes(16)


@dataclass(frozen=True)
class Nat:
    outside: IPv4Network
    inside: IPv4Network
    first_port: int
    ports: int
    order: str


@dataclass(frozen=True)
class Map:
    ipv4: IPv4Network
    ipv6: IPv6Network
    ea_bits: int
    psid_offset: int


def wide(address: IPv4Address) -> bytes:
    return MAPPED + address.packed


def given_out(rule: Nat) -> Iterator[tuple[IPv4Address, range, IPv4Address]]:
    """Outside address, ports and inside address of each line, one after the other as a NAT gives them out."""
    blocks = range(rule.first_port, 65_536 - rule.ports + 1, rule.ports)
    if rule.order == "sequential":
        free = [(address, block) for address in rule.outside for block in blocks]
    else:
        free = [(address, block) for block in blocks for address in rule.outside]
    for inside, (address, block) in zip(rule.inside, free, strict=False):
        yield address, range(block, block + rule.ports), inside


@st.composite
def nats(draw: st.DrawFn) -> Nat:
    return Nat(
        IPv4Network(("192.0.2.0", draw(st.integers(29, 32)))),
        IPv4Network(("100.64.0.0", draw(st.integers(24, 32)))),
        draw(st.sampled_from([0, 1, 1024, 4096, 65_535])),
        draw(st.sampled_from([1, 63, 64, 1000, 1024, 4032, 40_000])),
        draw(st.sampled_from(["sequential", "interleaved"])),
    )


@settings(max_examples=examples(10))
@given(nats(), st.integers(0, 7), st.integers(0, 65_535))
def test_a_port_leads_to_the_line_that_it_was_given_to(rule: Nat, place: int, port: int) -> None:
    outside = rule.outside[place % rule.outside.num_addresses]
    holders = [
        inside
        for address, block, inside in given_out(rule)
        if address == outside and port in block and port != 0
    ]
    expected = wide(holders[0]) if holders else None
    assert SharedAddresses(KEY, (rule,), ()).translate(wide(outside), port) == expected
    assert translate((rule,), (), wide(outside), port) == expected


def holders_of(rule: Map) -> dict[tuple[int, int], IPv6Network]:
    """The prefix of every line by its outside address and port, as RFC 7597 section 5 builds a line's set."""
    suffix = 32 - rule.ipv4.prefixlen
    psid_bits = max(rule.ea_bits - suffix, 0)
    found: dict[tuple[int, int], IPv6Network] = {}
    for ea in range(1 << rule.ea_bits):
        length = rule.ipv6.prefixlen + rule.ea_bits
        line = IPv6Network((int(rule.ipv6.network_address) | ea << 128 - length, length))
        address, psid = int(rule.ipv4.network_address) + (ea >> psid_bits), ea & (1 << psid_bits) - 1
        if rule.ea_bits < suffix:
            first = int(rule.ipv4.network_address) + (ea << suffix - rule.ea_bits)
            found |= {(first + each, -1): line for each in range(1 << suffix - rule.ea_bits)}
        elif not psid_bits:
            found[address, -1] = line
        else:
            low = 16 - rule.psid_offset - psid_bits
            for block in range(1 if rule.psid_offset else 0, 1 << rule.psid_offset):
                for port in range(1 << low):
                    found[address, block << 16 - rule.psid_offset | psid << low | port] = line
    return found


@pytest.mark.parametrize(
    ("length", "ea_bits", "offset"),
    [
        (30, 8, 6),
        (30, 6, 0),
        (31, 5, 4),
        (32, 8, 6),
        (32, 0, 6),
        (28, 4, 6),
        (28, 2, 6),
        (32, 12, 4),
        (31, 1, 0),
    ],
)
def test_address_and_port_tell_the_prefix_of_the_line(length: int, ea_bits: int, offset: int) -> None:
    rule = Map(IPv4Network(("192.0.2.16", length)), IPv6Network("2001:db8::/40"), ea_bits, offset)
    shared, holders = SharedAddresses(KEY, (), (rule,)), holders_of(rule)
    for address in rule.ipv4:
        for port in (0, 1, 1023, 1024, 1025, *range(0, 65_536, 97), 65_535):
            line = holders.get((int(address), -1)) or (holders.get((int(address), port)) if port else None)
            expected = None if line is None else line.network_address.packed
            assert shared.translate(wide(address), port) == expected, (address, port)
            assert translate((), (rule,), wide(address), port) == expected, (address, port)


def test_the_example_of_the_standard() -> None:
    """RFC 7597 section 5, example 1: 192.0.2.18, PSID 0x34 of 8 bits behind 6, and EA bits 0x1234."""
    rule = Map(IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8::/40"), 16, 6)
    port = 1 << 10 | 0x34 << 2 | 3
    found = SharedAddresses(KEY, (), (rule,)).translate(wide(IPv4Address("192.0.2.18")), port)
    assert found == IPv6Network("2001:db8:12:3400::/56").network_address.packed


def test_who_is_behind_no_rule_is_itself() -> None:
    rule = Nat(IPv4Network("192.0.2.0/31"), IPv4Network("100.64.0.0/26"), 1024, 1008, "sequential")
    shared = SharedAddresses(KEY, (rule,), ())
    assert len(shared) == 1
    for client in (wide(IPv4Address("192.0.2.2")), b"\x20\x01\x0d\xb8" + bytes(12)):
        assert shared.translate(client, 2000) == client == translate((rule,), (), client, 2000)


def test_of_two_rules_for_one_address_the_first_that_knows_the_port_counts() -> None:
    outside = IPv4Network("192.0.2.1/32")
    rules = (
        Nat(outside, IPv4Network("100.64.0.0/31"), 1024, 1024, "sequential"),
        Nat(outside, IPv4Network("100.65.0.0/31"), 32_768, 1024, "sequential"),
        Nat(IPv4Network("192.0.2.0/24"), IPv4Network("100.66.0.0/24"), 1024, 1024, "interleaved"),
    )
    shared = SharedAddresses(KEY, rules, ())
    for port, expected in (
        (1024, "100.64.0.0"),
        (2048, "100.64.0.1"),
        (33_000, "100.65.0.0"),
        (50_000, None),
    ):
        found = None if expected is None else wide(IPv4Address(expected))
        assert (
            shared.translate(wide(outside[0]), port) == found == translate(rules, (), wide(outside[0]), port)
        )


def test_64_lines_on_one_address() -> None:
    rule = Nat(IPv4Network("192.0.2.1/32"), IPv4Network("100.64.0.0/26"), 1024, 1008, "sequential")
    shared, outside = SharedAddresses(KEY, (rule,), ()), wide(IPv4Address("192.0.2.1"))
    found = [shared.translate(outside, 1024 + 1008 * line + 7) for line in range(64)]
    assert found == [wide(address) for address in rule.inside]
