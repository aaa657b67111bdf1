"""Each format of lease files: what its lines tell, and that a bad line costs nothing but itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.accounting.leases.files import Parsers
from filterd.accounting.leases.lease import LONGEST_LINE, NEVER, Lease
from filterd.config.accounting_settings import LeaseFormat, LeaseValue
from tests.unit.accounting.leases.samples import (
    DNSMASQ,
    ISC4,
    ISC6,
    KEA4,
    KEA4_HEAD,
    KEA4_OLD,
    KEA6,
    SAMPLES,
    VALUES,
    address,
    leases,
    parser,
)

MAC = b"62:44:a1:49:14:f9"


def test_each_format_and_value_of_the_configuration_is_read() -> None:
    assert set(Parsers) == set(LeaseFormat)
    assert set(VALUES) == set(LeaseValue)
    for form, text in SAMPLES.values():
        for value in LeaseValue:
            assert leases(form, text, value)


def test_kea_tells_of_leases_and_their_ends() -> None:
    found = leases("kea", KEA4)
    assert found == [
        Lease(address("192.0.2.10"), 128, b"96:18:5e:a8:82:ea", 1795735251.0, 1795735851.0, True),
        Lease(address("192.0.2.11"), 128, b"96:18:5e:a8:82:eb", 1795735260.0, 1795735860.0, True),
        Lease(address("192.0.2.12"), 128, b"", 1795735270.0, 1795735870.0, False),
        Lease(address("192.0.2.13"), 128, b"", 1795735880.0, 1795735880.0, False),
        Lease(address("192.0.2.10"), 128, b"", 1795735300.0, 1795735300.0, False),
    ]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("client-id", b"ff:00:00:00:07:00:03:00:01:96:18:5e:a8:82:eb"),
        ("duid", b"00:03:00:01:96:18:5e:a8:82:eb"),
        ("hostname", b"uno,dos"),
        ("circuit-id", b"en01"),
        ("remote-id", b"00:ff:00:01"),
    ],
)
def test_kea_names_the_line_by_each_part(value: str, named: bytes) -> None:
    assert leases("kea", KEA4, value)[1].value == named


def test_kea_before_states_and_contexts_is_read() -> None:
    (found,) = leases("kea", KEA4_OLD)
    assert found.active
    assert found.value == b"96:18:5e:a8:82:ea"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("hw-address", b"96:18:5e:a8:82:ea"),
        ("client-id", b"00:03:00:01:96:18:5e:a8:82:ea"),
        ("duid", b"00:03:00:01:96:18:5e:a8:82:ea"),
        ("circuit-id", b"port1234"),
        ("remote-id", b"ab:cd:01:02"),
    ],
)
def test_kea_of_ipv6_names_the_line_by_each_part(value: str, named: bytes) -> None:
    assert leases("kea", KEA6, value)[0].value == named


def test_kea_delegates_prefixes() -> None:
    found = leases("kea", KEA6, "duid")[1]
    assert (found.address, found.length) == (address("2001:db8:100::"), 56)


def test_kea_lease_without_an_end() -> None:
    (found,) = leases("kea", KEA4_HEAD + b"192.0.2.10,,,4294967295,6090702546,1,0,0,,0,,0\n")
    assert found.ends == NEVER
    assert found.began == 1795735251.0


def test_dnsmasq_tells_of_both_families() -> None:
    assert leases("dnsmasq", DNSMASQ) == [
        Lease(address("192.0.2.13"), 128, MAC, 0.0, 1795735866.0, True),
        Lease(address("192.0.2.14"), 128, b"62:44:a1:49:14:fa", 0.0, NEVER, True),
        Lease(address("2001:db8::1a0"), 128, MAC, 0.0, 1795735900.0, True),
        Lease(address("2001:db8::1a1"), 128, b"", 0.0, 1795735900.0, True),
    ]
    names = [each.value for each in leases("dnsmasq", DNSMASQ, "hostname")]
    assert names == [b"casa", b"", b"casa", b""]


def test_dhcpd_tells_of_leases_and_their_ends() -> None:
    start = 1795735270.0
    assert leases("isc", ISC4) == [
        Lease(address("192.0.2.10"), 128, MAC, start, start + 600, True),
        Lease(address("192.0.2.11"), 128, b"62:44:a1:49:14:fa", start, NEVER, True),
        Lease(address("192.0.2.10"), 128, b"", start + 60, start + 60, False),
    ]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("client-id", b"01:62:44:a1:49:14:f9"),
        ("hostname", b'ca"sa'),
        ("circuit-id", b"en01"),
        ("remote-id", b"00:ff:00:01"),
    ],
)
def test_dhcpd_names_the_line_by_each_part(value: str, named: bytes) -> None:
    assert leases("isc", ISC4, value)[0].value == named


def test_dhcpd_of_ipv6_has_addresses_and_prefixes() -> None:
    start = 1795735270.0
    assert leases("isc", ISC6) == [
        Lease(address("2001:db8::1a0"), 128, MAC, start, start + 600, True),
        Lease(address("2001:db8:100::"), 56, b"", start + 60, start + 60, False),
    ]
    assert leases("isc", ISC6, "duid")[0].value == b"00:03:00:01:62:44:a1:49:14:f9"


def test_a_block_that_a_crash_tore_costs_only_itself() -> None:
    torn = ISC4[: ISC4.index(b"  binding state active")] + ISC4[ISC4.index(b"lease 192.0.2.11") :]
    read = parser("isc", "hw-address")
    assert [each.address for each in read.feed(torn)] == [address("192.0.2.11"), address("192.0.2.10")]
    assert read.skipped == 1
    assert read.reasons[0].reason == "the block before it did not end"


@pytest.mark.parametrize(
    ("form", "bad", "reason"),
    [
        ("kea", b"192.0.2.300,,,600,1795735851,1,0,0,,0,,0", "it has no address"),
        ("kea", b"192.0.2.3,,,600", "it has too few fields"),
        ("kea", b"192.0.2.3,,,x,1795735851,1,0,0,,0,,0", "a field of it is not what the format says"),
        ("kea", b"192.0.2.3" + b"," * LONGEST_LINE, "it is too long"),
        ("dnsmasq", b"1795735866 62:44:a1:49:14:f9", "it has too few fields"),
        ("dnsmasq", b"soon 62:44:a1:49:14:f9 192.0.2.1 * *", "a field of it is not what the format says"),
        ("isc", b"}", "it ends a block that did not begin"),
    ],
)
def test_a_bad_line_is_passed_over_and_told_by_its_number(form: str, bad: bytes, reason: str) -> None:
    good = next(text for kind, text in SAMPLES.values() if kind == form)
    read = parser(form, "hw-address")
    assert list(read.feed(good + bad + b"\n" + good)) == [*leases(form, good), *leases(form, good)]
    assert read.skipped == 1
    assert read.reasons == [(good.count(b"\n") + 1, reason)]


def test_a_line_without_an_end_takes_no_memory() -> None:
    read = parser("dnsmasq", "hw-address")
    for _ in range(40):
        assert list(read.feed(b"x" * 10_000)) == []
    assert list(read.feed(b"\n" + DNSMASQ)) == leases("dnsmasq", DNSMASQ)
    assert read.reasons == [(1, "it is too long")]


def test_rows_before_a_header_are_told() -> None:
    read = parser("kea", "hw-address")
    assert list(read.feed(KEA4.partition(b"\n")[2])) == []
    assert read.skipped == 5


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("value", VALUES)
def test_a_file_cut_at_any_byte_tells_of_the_first_leases_alone(sample: str, value: str) -> None:
    form, text = SAMPLES[sample]
    whole = leases(form, text, value)
    for cut in range(len(text)):
        found = leases(form, text[:cut], value)
        assert found == whole[: len(found)]


@pytest.mark.parametrize("sample", SAMPLES)
@given(st.data())
def test_portions_make_no_difference(sample: str, data: st.DataObject) -> None:
    form, text = SAMPLES[sample]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    read = parser(form, "hw-address")
    bounds = [0, *cuts, len(text)]
    found = [each for a, b in pairwise(bounds) for each in read.feed(text[a:b])]
    assert found == leases(form, text)
    assert read.skipped == 0


@pytest.mark.parametrize("form", ["kea", "dnsmasq", "isc"])
@given(st.binary(max_size=300), st.integers(0, 10_000), st.sampled_from(VALUES))
def test_any_bytes_parse_or_are_passed_over(form: str, noise: bytes, at: int, value: str) -> None:
    text = next(text for kind, text in SAMPLES.values() if kind == form)
    at %= len(text)
    for each in leases(form, text[:at] + noise + text[at:], value):
        assert len(each.address) == 16
        assert 0 < each.length <= 128
