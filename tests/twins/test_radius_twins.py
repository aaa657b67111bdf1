"""The native reading of an accounting packet is what its plain-Python reference makes of the same bytes."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filterd.accounting import radius, radius_reference
from filterd.accounting.attributes import Attribute
from filterd.accounting.radius_types import Judged, LineRule, PacketOutcome, RadiusClient
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint import fingerprint
from tests.worlds.radius_packets import ARRIVAL, CLIENT, KEY, SECRET, SENDER, plain, signed, start, vendor

FOUR = st.one_of(
    st.binary(min_size=4, max_size=4), st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xfe", b"\x64\x40\0\1"])
)
SIXTEEN = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=6).map(lambda each: (b"\x20\x01" + each).ljust(16, b"\0")),
    st.binary(min_size=4, max_size=4).map(lambda each: bytes(10) + b"\xff\xff" + each),
)
GROUPS = st.lists(st.sampled_from([b"\0\0", b"\0\1", b"\x0d\xb8", b"\x20\x01"]), max_size=8).map(b"".join)
PREFIX = st.tuples(st.integers(0, 128), st.one_of(GROUPS, st.binary(max_size=16))).map(
    lambda each: bytes([0, each[0]]) + each[1]
)
MAC = st.tuples(
    st.binary(min_size=6, max_size=6), st.sampled_from(["", ":", "-", "."]), st.sampled_from([1, 2])
).map(lambda each: (each[0].hex(each[1], each[2]) if each[1] else each[0].hex()).upper().encode())
TEXT = st.one_of(
    st.binary(max_size=24),
    MAC,
    st.sampled_from(
        [b"Ana@Isp.example", b"@isp.example", b"00-11-22-AA-BB-CC", b"0011.22aa.bbcc", b"00:11-22:aa:bb:cc"]
    ),
)
STATUS = st.integers(0, 16).map(lambda each: each.to_bytes(4, "big"))
TIME = st.one_of(FOUR, st.integers(946_684_799, 946_684_801).map(lambda each: each.to_bytes(4, "big")))
VENDOR = st.builds(vendor, st.sampled_from([3561, 14988]), st.integers(1, 3), TEXT)

attribute = st.one_of(
    st.tuples(st.sampled_from([1, 25, 31, 32, 44, 87, 89, 33]), TEXT),
    st.tuples(st.sampled_from([4, 8, 41, 46]), FOUR),
    st.tuples(st.just(40), STATUS),
    st.tuples(st.just(55), TIME),
    st.tuples(st.sampled_from([95, 168]), SIXTEEN),
    st.tuples(st.sampled_from([97, 123]), PREFIX),
    st.tuples(st.just(80), st.just(bytes(16))),
    VENDOR,
    st.tuples(st.just(26), st.binary(max_size=12)),
    st.tuples(st.integers(170, 240), st.binary(max_size=20)),
)
any_attribute = st.tuples(st.integers(1, 255), st.binary(max_size=20))
attributes = st.one_of(
    st.lists(attribute, max_size=7).map(lambda each: [(40, b"\0\0\0\3"), *each]),
    st.lists(attribute, max_size=4).map(lambda each: [*start(), *each]),
    st.lists(attribute | any_attribute, max_size=9),
)
rules = st.builds(
    LineRule,
    st.just(0),
    st.sampled_from([1, 25, 31, 87, 89, 97, 123]),
    st.lists(st.sampled_from(["realm", "case", "mac"]), max_size=4).map(tuple),
) | st.builds(LineRule, st.sampled_from([3561, 14988]), st.integers(1, 3))
clients = st.builds(
    RadiusClient,
    st.just(CLIENT.prefix),
    st.one_of(st.just(SECRET), st.binary(min_size=1, max_size=80)),
    st.booleans(),
    st.booleans(),
    st.just(b"") | st.binary(min_size=1, max_size=80),
    st.sampled_from([b"", b"/etc/filterd/north", b"/etc/filterd/south"]),
    st.sampled_from(
        [
            (),
            (ip_network("100.64.0.0/10"),),
            (ip_network("2001::/16"), ip_network("100.64.0.0/16"), ip_network("100.64.0.1/32")),
            (ip_network("2001:d00::/25"), ip_network("2001:d80::/25"), ip_network("0.0.0.0/0")),
            (ip_network("::/0"),),
        ]
    ),
)
codes = st.sampled_from([4, 4, 4, 4, 4, 4, 12, 40, 40, 43, 43, 0, 1, 3, 5, 13, 44, 255])


def both(text: bytes, client: RadiusClient = CLIENT, rule: LineRule | None = None) -> Judged:
    rule = rule or LineRule()
    found = radius.judge(text, client, rule, KEY, SENDER, ARRIVAL)
    assert found == radius_reference.judge(text, client, rule, KEY, SENDER, ARRIVAL), text.hex()
    return found


def test_the_native_one_is_loaded() -> None:
    assert radius.__file__.endswith(".so")


@given(code=codes, values=attributes, client=clients, rule=rules, padding=st.binary(max_size=3))
@example(4, [*start(), (80, bytes(16))], CLIENT, LineRule(), b"")
@example(4, [(40, b"\0\0\0\7")], CLIENT, LineRule(), b"")
@example(4, [*start(), (4, b"\xc0\0\2\x32")], CLIENT, LineRule(), b"")
@example(4, [*start(nas=b""), (4, b"\0\0\0\0"), (95, b"\1" * 16)], CLIENT, LineRule(), b"")
@example(4, [*start(), (95, bytes(16))], CLIENT, LineRule(), b"")
@example(12, [(80, bytes(16))], CLIENT, LineRule(), b"")
@example(4, [*start(), (26, b"\0\0\x0d\xe9\1\4ab")], CLIENT, LineRule(3561, 1), b"")
def test_signed_packets(
    code: int, values: list[tuple[int, bytes]], client: RadiusClient, rule: LineRule, padding: bytes
) -> None:
    packet = signed(plain(code, values), client.secret)
    found = both(packet + padding, client, rule)
    if code in (4, 40, 43):
        assert found.outcome is not PacketOutcome.BAD_AUTHENTICATOR
    assert (found.answer or b"")[1:2] in (b"", packet[1:2])


@given(values=attributes, changes=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), min_size=1))
def test_a_changed_packet_never_tells_anything(
    values: list[tuple[int, bytes]], changes: list[tuple[int, int]]
) -> None:
    packet = signed(plain(4, values))
    changed = bytearray(packet)
    for at, value in changes:
        changed[at % len(changed)] ^= value
    found = both(bytes(changed))
    if bytes(changed[: int.from_bytes(changed[2:4], "big")]) != packet:
        assert found.event is None
        assert found.answer is None


@given(values=attributes, at=st.integers(20, 200), value=st.integers(0, 255))
def test_a_packet_changed_and_signed_anew(values: list[tuple[int, bytes]], at: int, value: int) -> None:
    changed = bytearray(plain(4, values))
    if len(changed) > 20:
        changed[20 + at % (len(changed) - 20)] = value
    both(signed(bytes(changed)))


@given(values=attributes)
def test_every_cut_of_a_packet_is_malformed(values: list[tuple[int, bytes]]) -> None:
    packet = signed(plain(4, values))
    for length in range(len(packet)):
        assert both(packet[:length]).outcome is PacketOutcome.MALFORMED


@given(text=st.binary(max_size=80), length=st.integers(18, 90))
def test_any_bytes(text: bytes, length: int) -> None:
    both(text)
    both(signed(b"\4\7" + length.to_bytes(2, "big") + bytes(16) + text))


@given(size=st.integers(4070, 4100), client=clients)
def test_the_longest_packets(size: int, client: RadiusClient) -> None:
    rest = size - 20 - len(plain(4, start()))
    values = [*start(), *[(33, bytes(253))] * (rest // 255)]
    values.append((33, bytes(max(rest % 255 + 18, 2))[:253]))
    both(signed(plain(4, values), client.secret), client)


@given(values=attributes, rule=rules)
def test_another_secret_is_refused(values: list[tuple[int, bytes]], rule: LineRule) -> None:
    packet = signed(plain(4, [*start(), *[each for each in values if each[0] == Attribute.USER_NAME]]))
    other = dataclasses.replace(CLIENT, secret=b"another")
    assert both(packet, other, rule).outcome is PacketOutcome.BAD_AUTHENTICATOR


# ---- the borders, each by name ----


def claimed(number: int, value: bytes) -> bool:
    found = both(signed(plain(4, [*start(address=b"\0\0\0\0"), (number, value)])))
    assert found.event is not None
    return bool(found.event.claims)


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("0.255.255.255", False),
        ("1.0.0.0", True),
        ("126.255.255.255", True),
        ("127.0.0.1", False),
        ("128.0.0.0", True),
        ("169.253.255.255", True),
        ("169.254.0.0", False),
        ("169.254.255.255", False),
        ("169.255.0.0", True),
        ("223.255.255.255", True),
        ("224.0.0.0", False),
        ("239.255.255.255", False),
        ("240.0.0.0", False),
        ("255.255.255.254", False),
        ("::ffff:100.64.0.1", False),
        ("::1", False),
        ("100::1", True),
        ("2001:db8::1", True),
        ("fe7f::1", True),
        ("fe80::1", False),
        ("febf::1", False),
        ("fec0::1", True),
        ("feff::1", True),
        ("ff02::1", False),
    ],
)
def test_the_addresses_that_a_line_can_have(address: str, may: bool) -> None:
    packed = ip_address(address).packed
    number = 8 if len(packed) == 4 else 168
    values = [*start()[:4], (number, packed)]
    found = both(signed(plain(4, values)))
    assert found.event is not None
    assert bool(found.event.claims) == may


@pytest.mark.parametrize(("length", "may"), [(0, False), (39, False), (40, True), (64, True), (128, True)])
@pytest.mark.parametrize("number", [97, 123])
def test_the_prefixes_that_a_line_can_have(number: int, length: int, may: bool) -> None:
    assert claimed(number, bytes([0, length]) + b"\x20\1\x0d\xb8\xff\xff") == may


def test_a_prefix_longer_than_an_address_is_malformed() -> None:
    assert both(signed(plain(4, [*start(), (97, b"\0\x81")]))).outcome is PacketOutcome.MALFORMED


@pytest.mark.parametrize(("told", "stamped"), [(946_684_799, False), (946_684_800, True), (0xFFFFFFFF, True)])
@pytest.mark.parametrize("sent", [False, True])
def test_the_times(told: int, stamped: bool, sent: bool) -> None:
    client = dataclasses.replace(CLIENT, sent=sent)
    values = [*start(), (55, told.to_bytes(4, "big")), (41, b"\0\0\0\5")]
    event = both(signed(plain(4, values)), client).event
    assert event is not None
    assert event.stamped == stamped
    assert event.stamp == (1000 * told - 5000 * sent if stamped else ARRIVAL - 5000)


@pytest.mark.parametrize("size", [1, 55, 56, 63, 64, 65, 119, 120, 200])
def test_secrets_of_each_size(size: int) -> None:
    client = dataclasses.replace(CLIENT, secret=bytes(range(1, size + 1)))
    packet = signed(plain(4, [*start(), (80, bytes(16))]), client.secret)
    assert both(packet, client).outcome is PacketOutcome.ACCEPTED


def line_in(values: list[tuple[int, bytes]], rule: LineRule) -> bytes:
    event = both(signed(plain(4, [*start(user=b""), *values])), rule=rule).event
    assert event is not None
    return event.line


@pytest.mark.parametrize("number", [1, 44, 32])
def test_the_first_value_that_is_not_empty_holds(number: int) -> None:
    base = [each for each in start() if each[0] != number]
    alone = both(signed(plain(4, [*base, (number, b"one")]))).event
    several = [*base, (number, b""), (number, b"one"), (number, b"two")]
    assert both(signed(plain(4, several))).event == alone
    assert alone is not None


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (b"00:11:22:AA:bb:cc", True),
        (b"00-11-22-aa-bb-cc", True),
        (b"00.11.22.aa.bb.cc", True),
        (b"0011.22aa.bbcc", True),
        (b"0011-22AA-BBCC", True),
        (b"001122aabbcc", True),
        (b"00:11-22:aa:bb:cc", False),
        (b"00:11:22:aa:bb-cc", False),
        (b"0011.22aa-bbcc", False),
        (b"001122aabbcg", False),
        (b"001122aabbc", False),
        (b"00/11/22/aa/bb/cc", False),
        (b"00:11:22:aa:bb:cc:ssid", False),
    ],
)
def test_the_forms_of_a_hardware_address(value: bytes, same: bool) -> None:
    wanted = line_in([(31, b"00:11:22:aa:bb:cc")], LineRule(0, 31))
    assert (line_in([(31, value)], LineRule(0, 31, ("mac",))) == wanted) == same


@given(first=FOUR, second=FOUR)
def test_a_nas_is_its_address_and_its_name(first: bytes, second: bytes) -> None:
    """Accounting-On ends the sessions of its own NAS, and makers give one name to all."""
    none, name, begins = bytes(4), (32, b"MikroTik"), (40, b"\0\0\0\7")
    began = both(signed(plain(4, [*start(nas=name[1]), (4, first)]))).event
    same = both(signed(plain(4, [begins, (4, first), name]))).event
    other = both(signed(plain(4, [begins, (4, second), name]))).event
    assert began is not None
    assert same is not None
    assert other is not None
    assert began.nas == same.nas
    assert (began.nas == other.nas) == (first == second)
    bare = both(signed(plain(4, [begins, name]))).event
    assert bare is not None
    assert (bare.nas == began.nas) == (first == none)


POOLS = (ip_network("100.64.0.0/16"), ip_network("2001:db8::/32"))
OUTSIDE = [
    (8, ip_address("100.65.0.1").packed),
    (8, ip_address("9.9.9.9").packed),
    (8, ip_address("127.0.0.1").packed),
    (8, ip_address("169.254.7.7").packed),
    (8, ip_address("224.0.0.1").packed),
    (168, ip_address("2001:db9::1").packed),
    (168, ip_address("fe80::1").packed),
    (97, b"\0\x40" + ip_address("2001:db9::").packed[:8]),
    (123, b"\0\x20" + ip_address("2001:db8::").packed[:4]),
    (123, b"\0\x08\x20"),
]


@pytest.mark.parametrize(("number", "value"), OUTSIDE)
def test_a_client_claims_in_its_networks_alone_and_the_rest_of_a_packet_counts(
    number: int, value: bytes
) -> None:
    client = dataclasses.replace(CLIENT, networks=POOLS)
    good = start()[4] if number != 8 else (168, ip_address("2001:db8::9").packed)
    base = [each for each in start() if each[0] != 8]
    found = both(signed(plain(4, [*base, good, (number, value)])), client)
    assert (found.outcome, found.answer is not None) == (PacketOutcome.ACCEPTED, True)
    assert found.event is not None
    assert len(found.event.claims) == 1
    assert (found.event.refused, found.event.refused_kinds.bit_count()) == (1, 1)
    alone = both(signed(plain(4, [*base, (number, value)])), client)
    assert alone.outcome is PacketOutcome.NO_ADDRESS
    assert alone.event is not None
    assert alone.event.claims == ()
    unnamed = [each for each in base if each[0] != 44]
    assert both(signed(plain(4, [*unnamed, (number, value)])), client).event is None


@pytest.mark.parametrize(
    ("number", "value"), [(8, bytes(4)), (8, b"\xff" * 4), (168, bytes(16)), (97, bytes(2))]
)
def test_no_address_yet_is_no_refused_one(number: int, value: bytes) -> None:
    found = both(signed(plain(4, [*start(), (number, value)])), dataclasses.replace(CLIENT, networks=POOLS))
    assert found.event is not None
    assert (found.event.refused, len(found.event.claims)) == (0, 1)


def test_refused_claims_take_no_room_and_their_number_is_bounded() -> None:
    client = dataclasses.replace(CLIENT, networks=POOLS)
    many = [(8, bytes([9, 9, 9, at])) for at in range(15)]
    base = [each for each in start() if each[0] != 8]
    found = both(signed(plain(4, [*base, *many, start()[4]])), client).event
    assert found is not None
    assert (len(found.claims), found.refused) == (1, 15)
    late = both(signed(plain(4, [*base, *many, *many[:1], start()[4]])), client).event
    assert late is not None
    assert (len(late.claims), late.refused) == (0, 16)


@given(values=attributes)
def test_a_client_speaks_for_no_nas_of_another(values: list[tuple[int, bytes]]) -> None:
    """The same packet, proven by the secrets of two clients, tells of two NASes and of two sessions."""
    packet = signed(plain(4, [*start(), *[each for each in values if each[0] in (4, 32, 95)]]))
    north, south = (
        both(packet, dataclasses.replace(CLIENT, authority=each)).event for each in (b"north", b"south")
    )
    assert north is not None
    assert south is not None
    assert (north.nas != south.nas, north.session != south.session) == (True, True)
    assert north == both(packet, dataclasses.replace(CLIENT, authority=b"north")).event
    assert north.line == south.line


@pytest.mark.parametrize("name", [b"command", b"lease"])
def test_no_client_speaks_for_commands_or_lease_files(name: bytes) -> None:
    found = both(signed(plain(4, [(40, b"\0\0\0\7"), (32, name)]))).event
    assert found is not None
    assert found.nas != fingerprint(KEY, identity_input(IdentityKind.NAS, name))


def test_either_secret_proves_and_answers_while_one_is_changed() -> None:
    client = dataclasses.replace(CLIENT, secret=b"new", second=b"old")
    packet = plain(4, [*start(), (80, bytes(16))])
    for place, secret in enumerate((b"new", b"old")):
        found = both(signed(packet, secret), client)
        assert (found.outcome, found.secret) == (PacketOutcome.ACCEPTED, place)
        assert found.answer == both(signed(packet, secret), dataclasses.replace(CLIENT, secret=secret)).answer
        status = both(signed(plain(12, [(80, bytes(16))]), secret), client)
        assert (status.outcome, status.secret) == (PacketOutcome.ACCEPTED, place)
    assert both(signed(packet, b"another"), client).outcome is PacketOutcome.BAD_AUTHENTICATOR
    assert both(signed(packet, b""), client).outcome is PacketOutcome.BAD_AUTHENTICATOR
    needs = dataclasses.replace(client, message_authenticator=True)
    assert both(signed(plain(4, start()), b"old"), needs).outcome is PacketOutcome.NO_MESSAGE_AUTHENTICATOR
