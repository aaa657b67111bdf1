"""The PROXY protocol's header, version 2."""

from __future__ import annotations

import random
import struct

import pytest

from filterd.wire.proxy import FIXED_SIZE, LONGEST, SIGNATURE, ProxyHeader, ProxyProblem, parse_header

V4 = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + struct.pack("!HH", 40000, 53)
V6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01" + bytes(16) + struct.pack("!HH", 40000, 53)
UNIX = bytes(216)


def header(content: bytes, command: int = 0x21, family: int = 0x12) -> bytes:
    """A header with this content."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(content)) + content


@pytest.mark.parametrize("family", [0x11, 0x12])
def test_ipv4(family: int) -> None:
    packet = header(V4, family=family)
    assert parse_header(packet + b"query") == ProxyHeader((V4[:4], 40000), len(packet))


@pytest.mark.parametrize("family", [0x21, 0x22])
def test_ipv6(family: int) -> None:
    packet = header(V6, family=family)
    assert parse_header(packet) == ProxyHeader((V6[:16], 40000), len(packet))


def test_mapped_address_is_ipv4() -> None:
    mapped = bytes(10) + b"\xff\xff" + V4[:4] + bytes(16) + struct.pack("!HH", 1, 53)
    assert parse_header(header(mapped, family=0x22)) == ProxyHeader((V4[:4], 1), FIXED_SIZE + 36)


def test_tlvs_are_passed_over() -> None:
    packet = header(V4 + b"\x03\x00\x04\xde\xad\xbe\xef")
    assert parse_header(packet + b"query") == ProxyHeader((V4[:4], 40000), FIXED_SIZE + 19)


@pytest.mark.parametrize("family", [0x00, 0x11, 0x12, 0x31])
def test_local_means_the_socket_address(family: int) -> None:
    assert parse_header(header(b"", 0x20, family)) == ProxyHeader(None, FIXED_SIZE)


@pytest.mark.parametrize(("family", "content"), [(0x00, b""), (0x00, b"any"), (0x31, UNIX), (0x32, UNIX)])
def test_families_without_ip_address(family: int, content: bytes) -> None:
    assert parse_header(header(content, family=family)) == ProxyHeader(None, FIXED_SIZE + len(content))


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (b"", ProxyProblem.INCOMPLETE),
        (SIGNATURE, ProxyProblem.INCOMPLETE),
        (header(V4)[:-1], ProxyProblem.INCOMPLETE),
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 40000 53\r\n", ProxyProblem.NO_SIGNATURE),
        (b"\x12\x34\x01\x00\x00\x01", ProxyProblem.NO_SIGNATURE),
        (header(V4, 0x11), ProxyProblem.BAD_VERSION),
        (header(V4, 0x22), ProxyProblem.BAD_COMMAND),
        (header(V4, family=0x41), ProxyProblem.BAD_FAMILY),
        (header(V4, family=0x13), ProxyProblem.BAD_FAMILY),
        (header(V4[:-1]), ProxyProblem.BAD_LENGTH),
        (header(V4, family=0x22), ProxyProblem.BAD_LENGTH),
        (header(UNIX[:-1], family=0x31), ProxyProblem.BAD_LENGTH),
        (header(V4 + bytes(LONGEST)), ProxyProblem.BAD_LENGTH),
    ],
)
def test_refused(packet: bytes, problem: ProxyProblem) -> None:
    assert parse_header(packet) is problem


def test_every_cut_is_incomplete_and_no_bytes_raise() -> None:
    packet = header(V6, family=0x21)
    for length in range(len(packet)):
        assert parse_header(packet[:length]) is ProxyProblem.INCOMPLETE
    rng = random.Random(1)
    for _ in range(2000):
        changed = bytearray(packet)
        changed[rng.randrange(len(changed))] = rng.randrange(256)
        assert isinstance(parse_header(bytes(changed)), ProxyHeader | ProxyProblem)
