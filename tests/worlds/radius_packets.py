"""Accounting packets as a NAS makes them, by the standard library alone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from ipaddress import IPv4Network, ip_address

from filterd.accounting.radius_types import LineRule, RadiusClient

KEY = bytes(range(16))
SECRET = b"a shared secret"
CLIENT = RadiusClient(IPv4Network("192.0.2.0/24"), SECRET)
SENDER = bytes(10) + b"\xff\xff" + ip_address("192.0.2.7").packed
ARRIVAL = 1_790_000_000_123
"""milliseconds"""
RULE = LineRule()

Attributes = Sequence[tuple[int, bytes]]


def plain(code: int, attributes: Attributes, identifier: int = 7, authenticator: bytes = bytes(16)) -> bytes:
    """A packet with the authenticator as given."""
    body = b"".join(bytes([number, len(value) + 2]) + value for number, value in attributes)
    return bytes([code, identifier]) + (20 + len(body)).to_bytes(2, "big") + authenticator + body


def signed(packet: bytes, secret: bytes = SECRET) -> bytes:
    """The packet with the Message-Authenticator filled in (where it has one) and, but of Status-Server, the
    Request Authenticator."""
    at = 20
    while at + 2 <= len(packet) and packet[at + 1] >= 2:
        if packet[at] == 80 and packet[at + 1] == 18 and at + 18 <= len(packet):
            packet = packet[: at + 2] + bytes(16) + packet[at + 18 :]
            packet = packet[: at + 2] + hmac.digest(secret, packet, "md5") + packet[at + 18 :]
            break
        at += packet[at + 1]
    if packet[0] == 12:
        return packet
    text = packet[:4] + bytes(16) + packet[20:] + secret
    return packet[:4] + hashlib.md5(text, usedforsecurity=False).digest() + packet[20:]


def vendor(number: int, kind: int, value: bytes) -> tuple[int, bytes]:
    """A Vendor-Specific attribute with one inside."""
    return 26, number.to_bytes(4, "big") + bytes([kind, len(value) + 2]) + value


def start(**changes: bytes) -> list[tuple[int, bytes]]:
    """The attributes of a Start of one subscriber."""
    values = {
        "status": b"\0\0\0\1",
        "user": b"ana@isp.example",
        "nas": b"bras-1",
        "session": b"81100001",
        "address": ip_address("100.64.0.9").packed,
    } | changes
    numbers = {"status": 40, "user": 1, "nas": 32, "session": 44, "address": 8}
    return [(numbers[name], value) for name, value in values.items()]
