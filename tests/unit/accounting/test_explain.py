"""A packet explained: what is read, and for each fault the reason and the remedy."""

from __future__ import annotations

import hashlib
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.accounting import radius
from filterd.accounting.explain import ExplainedPacket, explain_packet
from filterd.accounting.radius_types import LineRule
from tests.twins.test_radius_twins import attributes, codes
from tests.worlds.radius_packets import ARRIVAL, CLIENT, KEY, SECRET, SENDER, plain, signed, start, vendor

USER_NAME = (0, 1)


def explained(packet: bytes, *secrets: bytes, line: tuple[int, int] = USER_NAME) -> ExplainedPacket:
    return explain_packet(packet, secrets or (SECRET,), line, ("realm",))


def texts(found: ExplainedPacket) -> str:
    assert all(each.remedy for each in found.problems)
    return "; ".join(each.text for each in found.problems)


def test_a_good_packet() -> None:
    values = [
        *start(),
        (41, b"\0\0\0\5"),
        (46, b"\0\0\1\0"),
        (55, b"\x6a\0\0\0"),
        (97, bytes([0, 56]) + bytes.fromhex("20010db8000001ff")),
        vendor(3561, 1, b"olt 1/2/3"),
        (80, bytes(16)),
    ]
    found = explained(signed(plain(4, values)), b"other", SECRET)
    assert (found.code, found.status, found.nas) == ("Accounting-Request", "Start", "bras-1")
    assert (found.line_attribute, found.line_value, found.line) == ("User-Name", "ana@isp.example", "ana")
    assert found.addresses == ("100.64.0.9/32", "2001:db8:0:100::/56")
    assert (found.authenticator, found.message_authenticator, found.secret) == (True, True, 1)
    assert (found.happened_at, found.delay, found.session_time) == (0x6A000000, 5, 256)
    assert found.attributes[-2:] == ("Agent-Circuit-Id", "Message-Authenticator")
    assert found.tells
    assert found.problems == ()
    circuit = explained(signed(plain(4, values)), line=(3561, 1))
    assert (circuit.line_attribute, circuit.line) == ("Agent-Circuit-Id", "olt 1/2/3")
    sent = explain_packet(signed(plain(4, values)), (), USER_NAME, sent=True)
    assert sent.happened_at == 0x6A000000 - 5
    assert (sent.authenticator, sent.message_authenticator) == (None, None)


@pytest.mark.parametrize(
    ("packet", "says", "tells"),
    [
        (b"", "it is no packet of RADIUS: its length says 0 bytes, and it has 0", False),
        (signed(plain(4, start()))[:-1], "its length says", False),
        (b"\4\1\0\x16" + bytes(16) + b"\1\1", "attribute at byte 20", False),
        (signed(plain(4, [(8, b"abc")])), "attribute 8 has 3 bytes", False),
        (plain(1, []), "Access-Request tells nothing of sessions", False),
        (signed(plain(4, start()), b"x"), "no secret proves its Request Authenticator", False),
        (plain(12, []), "Status-Server without Message-Authenticator", False),
        (signed(plain(4, start()[1:])), "Acct-Status-Type is missing", False),
        (signed(plain(4, start(status=b"\0\0\0\x0f"))), "Acct-Status-Type 15", False),
        (signed(plain(4, start(session=b"", address=b"\0\0\0\0"))), "neither Acct-Session-Id nor", False),
        (signed(plain(4, start(user=b""))), "User-Name is missing: it names no line", True),
        (signed(plain(4, start(user=b"@isp"))), "nothing of User-Name is left", True),
        (signed(plain(4, start(address=b"\0\0\0\0"))), "Start without an address", True),
        (signed(plain(4, start(nas=b"MikroTik"))), "what the maker gives to every device", True),
        (signed(plain(4, [*start(nas=b"MikroTik"), (4, bytes(4))])), "no NAS-IP-Address tells", True),
        (signed(plain(4, start())), "Event-Timestamp is missing", True),
        (signed(plain(4, [*start(), (55, b"\0\0\1\0")])), "of before the year 2000", True),
        (signed(plain(4, start(session=b""))), "told apart by address alone", True),
        (
            signed(plain(4, [*start(), *[(168, b"\x20\1" + bytes(13) + bytes([at])) for at in range(4)]])),
            "more than 4 addresses",
            True,
        ),
    ],
)
def test_each_fault_has_its_words(packet: bytes, says: str, tells: bool) -> None:
    found = explained(packet)
    assert says in texts(found)
    assert found.tells == tells


def test_a_wrong_message_authenticator_alone() -> None:
    packet = plain(4, [*start(), (80, bytes(16))])
    wrong = signed(packet)[:-1] + b"x"
    authenticator = hashlib.md5(wrong[:4] + bytes(16) + wrong[20:] + SECRET, usedforsecurity=False).digest()
    found = explained(wrong[:4] + authenticator + wrong[20:])
    assert (found.authenticator, found.message_authenticator, found.secret) == (True, False, None)
    assert "no secret proves its Message-Authenticator" in texts(found)


def test_another_attribute_is_named_as_the_remedy() -> None:
    packet = signed(plain(4, [*start(user=b""), (31, b"00-11-22-AA-BB-CC"), vendor(3561, 2, b"x")]))
    found = explained(packet)
    assert "Calling-Station-Id, Agent-Remote-Id" in "; ".join(each.remedy for each in found.problems)
    mac = explain_packet(packet, (SECRET,), (3561, 2), ("mac",))
    assert "is no hardware address" in texts(mac)


def test_a_nas_by_its_address_and_what_cannot_be_printed() -> None:
    values = [*start(nas=b"", user=b"a\x1b[2J\xff"), (4, b"\xc0\0\2\1")]
    found = explained(signed(plain(4, values)))
    assert (found.nas, found.line) == ("192.0.2.1", "a\\x1b[2J\\xff")


@pytest.mark.parametrize("status", [[], [(40, bytes([0, 0, 0, 3]))], [(40, bytes([0, 0, 0, 7]))]])
@pytest.mark.parametrize(("user", "tells"), [([(1, b"ana")], True), ([], False)])
def test_a_disconnection_names_the_sessions_of_a_line(
    status: list[tuple[int, bytes]], user: list[tuple[int, bytes]], tells: bool
) -> None:
    """As the receiver reads it, whatever status stands in it."""
    packet = signed(plain(40, [*status, *user]))
    done = radius.judge(packet, CLIENT, LineRule(*USER_NAME, ()), KEY, SENDER, ARRIVAL)
    assert (explained(packet).tells, done.event is not None) == (tells, tells)


@given(code=codes, values=attributes, line=st.sampled_from([USER_NAME, (0, 97), (3561, 1)]))
def test_it_says_of_every_packet_what_the_receiver_does(
    code: int, values: list[tuple[int, bytes]], line: tuple[int, int]
) -> None:
    packet = signed(plain(code, values))
    found = explained(packet, line=line)
    done = radius.judge(packet, CLIENT, LineRule(*line, ("realm",)), KEY, SENDER, ARRIVAL)
    assert found.tells == (done.event is not None)
    if done.event is not None:
        assert len(found.addresses) == len(done.event.claims)
        assert (found.line is None) == (done.event.line == bytes(16))


def test_an_address_tells_two_routers_of_one_name_apart() -> None:
    packet = signed(plain(4, [*start(nas=b"MikroTik"), (4, bytes([192, 0, 2, 50]))]))
    found = explained(packet)
    assert found.nas == "MikroTik at 192.0.2.50"
    assert not any("the maker" in each.text for each in found.problems)


def test_an_address_that_its_sender_may_not_claim_is_named_with_the_remedy() -> None:
    values = [*start(), (8, b"\x7f\0\0\1"), (123, b"\0\x20\x20\1\x0d\xb8"), (8, b"\x64\x41\0\1")]
    found = explain_packet(
        signed(plain(4, values)), (SECRET,), USER_NAME, networks=[ip_network("100.64.0.0/16")]
    )
    assert found.addresses == ("100.64.0.9/32",)
    assert found.passed_over == ("127.0.0.1", "2001:db8::/32", "100.65.0.1")
    words = {each.text.split()[0]: each for each in found.problems if "claims nothing" in each.text}
    assert set(words) == {"127.0.0.1/32", "2001:db8::/32", "100.65.0.1/32"}
    assert "accounting.pools" in words["100.65.0.1/32"].remedy
    assert not any(each.stops for each in found.problems)
    everywhere = explained(signed(plain(4, values)))
    assert everywhere.addresses == ("100.64.0.9/32", "100.65.0.1/32")
    reserved = [each for each in everywhere.problems if "claims nothing" in each.text]
    assert ["loopback" in each.text for each in reserved] == [True, True]


def test_a_refused_address_has_its_own_remedy_alone() -> None:
    """Seen: the first remedy was that some NASes know the address only later."""
    packet = signed(plain(4, start()))
    found = explain_packet(packet, (SECRET,), USER_NAME, networks=[ip_network("203.0.113.0/24")])
    about = [each for each in found.problems if "address" in each.text]
    assert "100.64.0.9/32 claims nothing" in about[0].text
    assert "accounting.pools" in about[0].remedy
    assert not any("only later" in each.remedy for each in found.problems)
