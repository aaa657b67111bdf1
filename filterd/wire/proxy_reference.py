"""The readable reference of :mod:`filterd.wire.proxy`: the header that a trusted front puts before a message.

Source: "The PROXY protocol", versions 1 & 2, §2.2 (binary header) and §2.2.1 (TLVs). Version 1 is text for
TCP only, and is refused. Bytes in, values out: who may send such a header is the caller's business.
"""

from __future__ import annotations

from filterd.wire.message import ProxyHeader, ProxyProblem

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_SIZE = 16
"""bytes: signature, version and command, family and transport, length"""
LONGEST = 4096
"""bytes of a header with its TLVs; a front sends far less, and an endless one would only fill buffers"""
MOST_TLV = 128
"""bytes of the TLV that says whose line it is"""
_MAPPED = bytes(10) + b"\xff\xff"


def _source(family: int, content: bytes) -> tuple[bytes, int] | ProxyProblem | None:
    """The source address of a PROXY command; families without IP addresses give none."""
    size = {0: 0, 1: 4, 2: 16, 3: 108}.get(family >> 4)
    if size is None or family & 15 > 2:
        return ProxyProblem.BAD_FAMILY
    if family in (0x11, 0x12, 0x21, 0x22):
        if len(content) < 2 * size + 4:
            return ProxyProblem.BAD_LENGTH
        address = content[:size].removeprefix(_MAPPED)
        return address, int.from_bytes(content[2 * size : 2 * size + 2], "big")
    if len(content) < 2 * size:
        return ProxyProblem.BAD_LENGTH
    return None


def find_tlv(content: bytes, wanted: int) -> bytes:
    """The text of the first TLV of this type, where it has 1 to :data:`MOST_TLV` bytes; TLVs that do not fit
    the header end the search."""
    while len(content) >= 3:
        size = int.from_bytes(content[1:3], "big")
        text, rest = content[3 : 3 + size], content[3 + size :]
        if len(text) < size:
            break
        if content[0] == wanted:
            return text if size <= MOST_TLV else b""
        content = rest
    return b""


def parse_header(data: bytes, tlv: int = 0) -> ProxyHeader | ProxyProblem:
    """The header at the start of a datagram or stream. ``tlv``: the type of the TLV to take, 0 for none; all
    others are passed over, their checksum too."""
    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return ProxyProblem.NO_SIGNATURE
    if len(data) < FIXED_SIZE:
        return ProxyProblem.INCOMPLETE
    if data[12] >> 4 != 2:
        return ProxyProblem.BAD_VERSION
    command = data[12] & 15
    if command > 1:
        return ProxyProblem.BAD_COMMAND
    length = FIXED_SIZE + int.from_bytes(data[14:16], "big")
    if length > LONGEST:
        return ProxyProblem.BAD_LENGTH
    if len(data) < length:
        return ProxyProblem.INCOMPLETE
    if command == 0:
        return ProxyHeader(None, length)
    source = _source(data[13], data[FIXED_SIZE:length])
    if isinstance(source, ProxyProblem):
        return source
    if source is None or not tlv:
        return ProxyHeader(source, length)
    addresses = 12 if data[13] >> 4 == 1 else 36
    return ProxyHeader(source, length, find_tlv(data[FIXED_SIZE + addresses : length], tlv))
