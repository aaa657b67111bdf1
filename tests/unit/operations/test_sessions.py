"""The texts of sessions: addresses, the protocol to control, files of sessions and of packets."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.session import Session, SessionSource
from filterd.operations.errors import OperationError
from filterd.operations.sessions import protocol
from filterd.operations.sessions.claims import claim, place
from filterd.operations.sessions.packet_file import packet_in
from filterd.operations.sessions.protocol import SessionsRefused, ToldSession
from filterd.operations.sessions.reading import read_file
from filterd.operations.sessions.secrets import SecretFileError, read_secrets

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "length", "ports", "canonical"),
    [
        ("192.0.2.7", 128, None, "192.0.2.7"),
        ("::ffff:192.0.2.7", 128, None, "192.0.2.7"),
        ("192.0.2.0/30", 126, None, "192.0.2.0/30"),
        ("2001:DB8:1::/56", 56, None, "2001:db8:1::/56"),
        ("2001:db8::1", 128, None, "2001:db8::1"),
        ("192.0.2.1:1024-2047", 128, (1024, 2047), "192.0.2.1:1024-2047"),
        (" 192.0.2.1:80 ", 128, (80, 80), "192.0.2.1:80-80"),
    ],
)
def test_what_a_session_has(text: str, length: int, ports: tuple[int, int] | None, canonical: str) -> None:
    found = claim(text)
    assert (found.length, found.ports, str(found)) == (length, ports, canonical)
    assert len(found.entry[0]) == 16
    assert claim(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "192.0.2.1:2-1",
        "192.0.2.1:0-65536",
        "192.0.2.1:a",
        "10.0.0.0/8",
        "192.0.2.0/30:1-2",
        "::/0",
        "192.0.2.1:²",
        "fe80::1%eth0",
        "192.0.2.1/24",
    ],
)
def test_what_is_no_address_of_a_session(text: str) -> None:
    with pytest.raises(OperationError) as refused:
        claim(text)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("2001:db8:1::/56", "2001:db8:1:ff::1", True),
        ("2001:db8:1::/56", "2001:db8:1:100::1", False),
        ("2001:db8:1::1", "2001:db8:1::/56", False),
        ("192.0.2.1", "192.0.2.1:1024-2047", True),
        ("192.0.2.1", "192.0.2.2:1024-2047", False),
        ("192.0.2.1:1024-2047", "192.0.2.1", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::/56", "192.0.2.1", False),
    ],
)
def test_what_a_session_covers(wide: str, narrow: str, expected: bool) -> None:
    assert claim(wide).covers(claim(narrow)) is expected


def test_a_client_is_one_address_and_at_most_one_port() -> None:
    assert place("192.0.2.1:1024")[1] == 1024
    assert place("2001:db8::9")[1] == 0
    for text in ("192.0.2.0/30", "192.0.2.1:1-2"):
        with pytest.raises(OperationError):
            place(text)


@given(
    st.lists(st.sampled_from(["192.0.2.7", "2001:db8::/56"]), min_size=1, max_size=4),
    st.text(max_size=20),
    st.none() | st.floats(1, 1e11),
    st.none() | st.floats(1, 1e11),
    st.sampled_from([SessionSource.COMMAND, SessionSource.LEASE]),
)
def test_what_is_told_is_read_as_it_was(
    addresses: list[str], subscriber: str, at: float | None, until: float | None, source: SessionSource
) -> None:
    told = ToldSession(tuple(addresses), subscriber, at, until, source)
    line = json.loads(protocol.sessions_line("put", [told]))
    assert [ToldSession.from_fields(each) for each in line["sessions"]] == [told]


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        {"addresses": []},
        {"addresses": ["a"] * 5},
        {"addresses": [1]},
        {"addresses": ["a"], "subscriber": 7},
        {"addresses": ["a"], "source": "radius"},
        {"addresses": ["a"], "at": True},
        {"addresses": ["a"], "until": -1},
        {"addresses": ["a"], "until": "now"},
    ],
)
def test_what_is_no_session(fields: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ToldSession.from_fields(fields)


def test_replies_are_read_or_refused() -> None:
    session = Session(("192.0.2.7",), 7, SessionSource.RADIUS, NOW - 5, NOW + 60)
    reply = protocol.to_line({"sessions": [protocol.session_fields(session)]})
    assert protocol.sessions_of(reply) == [session]
    with pytest.raises(SessionsRefused, match="no such"):
        protocol.counts_of(protocol.to_line({"error": "no such"}))
    with pytest.raises(SessionsRefused, match="not the reply"):
        protocol.outcome_of(b"[]")


def test_a_file_of_sessions_has_good_lines_and_bad_ones(tmp_path: Path) -> None:
    file = tmp_path / "sessions"
    file.write_bytes(
        b"# all of them\n"
        b"192.0.2.7 S-1\n\n"
        b"2001:db8:1::/56 S-2 2027-01-15T12:00:00Z\n"
        b"192.0.2.1:1024-2047 S-3 1800000600\n"
        b'{"addresses": ["192.0.2.9", "2001:db8:2::/56"], "subscriber": "S 4", "at": 1799999990}\n'
        b"192.0.2.8\n"
        b"192.0.2.8 S-5 2020-01-01T00:00:00Z\n"
        b'{"address": "192.0.2.8", "subscriber": "S-5", "for": "8h"}\n'
        b"{nothing}\n" + b"x" * 9000 + b"\n" + b"\xff\xfe\n192.0.2.10 S-6\n"
    )
    refused: dict[int, str] = {}
    found = dict(read_file(file, NOW, refused.__setitem__))
    assert found == {
        2: ToldSession(("192.0.2.7",), "S-1"),
        4: ToldSession(("2001:db8:1::/56",), "S-2", until=1_800_014_400.0),
        5: ToldSession(("192.0.2.1:1024-2047",), "S-3", until=1_800_000_600.0),
        6: ToldSession(("192.0.2.9", "2001:db8:2::/56"), "S 4", at=1_799_999_990.0),
        13: ToldSession(("192.0.2.10",), "S-6"),
    }
    assert set(refused) == {7, 8, 9, 10, 11, 12}
    assert "ADDRESS SUBSCRIBER" in refused[7]
    assert "ended already" in refused[8]
    assert "'for'" in refused[9]


@given(st.binary(max_size=300))
def test_no_line_of_a_file_is_fatal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("told") / "sessions"
    file.write_bytes(content)
    for _, told in read_file(file, NOW, lambda number, reason: None):
        assert told.subscriber
        assert told.addresses


PACKET = bytes([4, 1, 0, 22]) + bytes(16) + b"\x01\x02"


def capture(link: int, *frames: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    return head + b"".join(struct.pack("<IIII", 1, 2, len(each), len(each)) + each for each in frames)


def udp4(payload: bytes, protocol_number: int = 17) -> bytes:
    head = bytes([0x45, 0]) + struct.pack(">HHHBBH", 28 + len(payload), 0, 0, 64, protocol_number, 0)
    return head + bytes([192, 0, 2, 50, 192, 0, 2, 1]) + struct.pack(">HHHH", 5000, 1813, 0, 0) + payload


def udp6(payload: bytes) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, 8 + len(payload), 17, 64) + b"\x20\x01\x0d\xb8" + bytes(11) + b"\x05"
    return head + bytes(16) + struct.pack(">HHHH", 5000, 1813, 0, 0) + payload


def test_a_packet_is_taken_from_bytes_digits_and_captures() -> None:
    assert packet_in(PACKET).packet == PACKET
    assert packet_in(PACKET.hex(" ", 2).encode() + b"\n").packet == PACKET
    ether = bytes(12) + b"\x08\x00"
    vlan = bytes(12) + b"\x81\x00\x00\x07\x08\x00"
    for link, frame in ((1, ether + udp4(PACKET)), (1, vlan + udp4(PACKET)), (101, udp4(PACKET))):
        found = packet_in(capture(link, ether, ether + udp4(PACKET, 6), frame))
        assert (found.packet, str(found.sender), found.arrived_at) == (PACKET, "192.0.2.50", 1.000002)
    assert packet_in(PACKET).arrived_at is None
    nanoseconds = b"\x4d\x3c\xb2\xa1" + capture(101, udp4(PACKET))[4:]
    assert packet_in(nanoseconds).arrived_at == 1 + 2e-9
    found = packet_in(capture(113, bytes(16) + udp6(PACKET)))
    assert (found.packet, str(found.sender)) == (PACKET, "2001:db8::5")


@pytest.mark.parametrize(
    "content", [b"", b"hello", PACKET[:-1], b"\n\r\r\n" + bytes(40), capture(1), bytes(30)]
)
def test_what_holds_no_packet_says_how_to_get_one(content: bytes) -> None:
    with pytest.raises(OperationError) as refused:
        packet_in(content)
    assert refused.value.remedy


@given(st.binary(max_size=120), st.sampled_from([1, 101, 113, 276, 999]))
def test_no_file_breaks_the_reading(content: bytes, link: int) -> None:
    for each in (content, capture(link, content), capture(link, content)[:-3]):
        try:
            assert len(packet_in(each).packet) >= 20
        except OperationError as refused:
            assert refused.remedy


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"pass word\r\n\r\n")
    assert read_secrets(file) == (b"pass word",)
    for content in (b"", b"\n", b"\nsecond", b"x" * 5000, b"x\n" + b"y" * 5000, b"one\ntwo\nthree\n"):
        file.write_bytes(content)
        with pytest.raises(SecretFileError, match=str(file)):
            read_secrets(file)
    with pytest.raises(SecretFileError, match="No such file"):
        read_secrets(tmp_path / "absent")


def test_a_second_line_is_a_secret_as_well(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for content in (b"new\nold", b"new\r\nold\r\n"):
        file.write_bytes(content)
        assert read_secrets(file) == (b"new", b"old")
