"""Takes a RADIUS packet out of a file: its bytes as they are, in hexadecimal, or a capture (pcap).

Of a capture the first UDP payload that has the form of a RADIUS packet is taken, with its sender. Captures
of tcpdump are read: Ethernet, Linux "any" and raw IP; pcapng is not.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from filterd.operations.errors import OperationError

SHORTEST, LONGEST = 20, 4096
"""bytes of a packet (RFC 2865 3)"""
LARGEST_FILE = 16 << 20
UDP = 17
_PCAP = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
"""how a capture begins -> its byte order"""
_NANOSECONDS = {b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"}
_PCAPNG = b"\n\r\r\n"
_LINK_HEADS = {1: 14, 101: 0, 113: 16, 276: 20, 228: 0, 229: 0}
"""link type of a capture -> bytes before the IP packet"""
_VLANS = {b"\x81\x00", b"\x88\xa8"}


@dataclass(frozen=True, slots=True)
class FoundPacket:
    """A packet and where it came from."""

    packet: bytes
    sender: IPv4Address | IPv6Address | None = None
    """None: the file does not say"""
    arrived_at: float | None = None
    """Unix seconds, by the clock of the machine that captured it; None: the file does not say"""


def packet_in(content: bytes) -> FoundPacket:
    """The packet in the content of a file. Raises OperationError."""
    order = _PCAP.get(content[:4])
    if order is not None:
        return _of_capture(content, order)
    if content[:4] == _PCAPNG:
        message = "this is a capture in the form of pcapng"
        raise OperationError(message, "turn it into pcap: editcap -F pcap IN OUT; or capture with tcpdump -w")
    if _has_form(content):
        return FoundPacket(content)
    digits = re.sub(rb"0x|[\s:.,]", b"", content)
    if digits and re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", digits):
        packet = bytes.fromhex(digits.decode())
        if _has_form(packet):
            return FoundPacket(packet)
    message = "no RADIUS packet: its length and what the packet says of it differ, or it is too short"
    remedy = "give the UDP payload as bytes or in hexadecimal, or a capture: tcpdump -w FILE udp port 1813"
    raise OperationError(message, remedy)


def _has_form(packet: bytes) -> bool:
    """True if the length is right: bytes behind it are padding (RFC 2865 3)."""
    if not SHORTEST <= len(packet) <= LONGEST:
        return False
    return SHORTEST <= int.from_bytes(packet[2:4], "big") <= len(packet)


def _of_capture(content: bytes, order: str) -> FoundPacket:
    for frame, link, arrived_at in _frames(content, order):
        found = _payload(frame, link)
        if found is not None and _has_form(found.packet):
            return replace(found, arrived_at=arrived_at)
    message = "no RADIUS packet in the capture"
    raise OperationError(message, "capture some: tcpdump -i any -w FILE udp port 1813")


def _frames(content: bytes, order: str) -> Iterator[tuple[bytes, int, float]]:
    """The frames, each with its link type and its Unix seconds."""
    if len(content) < 24:
        return
    link = struct.unpack_from(order + "I", content, 20)[0] & 0xFFFF
    parts = 1e9 if content[:4] in _NANOSECONDS else 1e6
    at = 24
    while at + 16 <= len(content):
        seconds, fraction, size = struct.unpack_from(order + "III", content, at)
        at += 16
        yield content[at : at + size], link, seconds + fraction / parts
        at += size


def _payload(frame: bytes, link: int) -> FoundPacket | None:
    """The UDP payload of a frame; None where it has none."""
    head = _LINK_HEADS.get(link)
    if head is None:
        return None
    while link == 1 and frame[head - 2 : head] in _VLANS:
        head += 4
    packet = frame[head:]
    if len(packet) < 40:
        return None
    if packet[0] >> 4 == 4:
        size, protocol = (packet[0] & 15) * 4, packet[9]
        sender: IPv4Address | IPv6Address = IPv4Address(packet[12:16])
    elif packet[0] >> 4 == 6:
        size, protocol, sender = 40, packet[6], IPv6Address(packet[8:24])
    else:
        return None
    return FoundPacket(packet[size + 8 :], sender) if protocol == UDP else None
