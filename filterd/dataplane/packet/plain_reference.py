"""The plain core of a query, for a resolver in reduced mode: the twin of ``plain``."""

from __future__ import annotations

import struct

QUERY, REFUSED, SHORT, ANSWER = range(4)
HEADER = 12
LARGEST = 512
TYPES = frozenset({1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 48, 52, 64, 65, 257})
CLASS_IN = 1
TYPE_OPT = 41
CLIENT_SUBNET = 8
OPT_SIZE = 11
OPCODE = 0x78


def plain_of(packet: bytes) -> tuple[int, bytes, int]:
    """As ``plain.plain_of``."""
    if len(packet) < HEADER:
        return SHORT, b"", 0
    if packet[2] & 0x80:
        return ANSWER, b"", 0
    end = _question_end(packet)
    question = packet[HEADER:end]
    if end is not None and _is_plain(packet, end):
        opt = b""
        if packet[end:]:
            opt = packet[end : end + 7] + bytes([packet[end + 7] & 0x80, 0, 0, 0])
        return QUERY, packet[:6] + bytes(5) + bytes([bool(opt)]) + question + opt, len(question)
    question = b"" if end is None else question
    rcode = 4 if packet[2] & OPCODE else 5
    flags = bytes([0x80 | packet[2] & 0x79, rcode | 0x80 | packet[3] & 0x10])
    return REFUSED, packet[:2] + flags + bytes([0, bool(question)]) + bytes(6) + question, len(question)


def _question_end(packet: bytes) -> int | None:
    """The offset behind the one question; None where it cannot be read or has a pointer."""
    if packet[4:6] != b"\0\1" or packet[2] & OPCODE:
        return None
    at = HEADER
    while at < len(packet) and packet[at]:
        if packet[at] > 63:
            return None
        at += 1 + packet[at]
        if at - HEADER >= 255:
            return None
    return at + 5 if at + 5 <= len(packet) else None


def _is_plain(packet: bytes, end: int) -> bool:
    if len(packet) > LARGEST or packet[6:10] != bytes(4):
        return False
    qtype, qclass = struct.unpack("!HH", packet[end - 4 : end])
    if qtype not in TYPES or qclass != CLASS_IN:
        return False
    additional = int.from_bytes(packet[10:12], "big")
    rest = packet[end:]
    return rest == b"" if additional == 0 else additional == 1 and _opt_is_plain(rest)


def _opt_is_plain(opt: bytes) -> bool:
    """One OPT of version 0, nothing behind it, and no option that says whose query it is."""
    if len(opt) < OPT_SIZE or opt[:3] != bytes([0, 0, TYPE_OPT]) or opt[5:7] != b"\0\0":
        return False
    options = opt[OPT_SIZE:]
    if int.from_bytes(opt[9:11], "big") != len(options):
        return False
    while options:
        if len(options) < 4:
            return False
        code, size = struct.unpack("!HH", options[:4])
        if code == CLIENT_SUBNET or len(options) - 4 < size:
            return False
        options = options[4 + size :]
    return True
