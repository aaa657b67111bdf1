"""The values that parsing a message returns, from the native codec and from its reference alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class ResourceRecord(NamedTuple):
    """One record of a message; the offset counts from the start of the message."""

    section: int
    """1 answer, 2 authority, 3 additional"""
    owner: bytes
    """lower-cased wire form"""
    type: int
    rclass: int
    ttl: int
    """seconds, as sent"""
    data_offset: int
    data: bytes
    """as sent; names in it may be compressed"""


class ServiceData(NamedTuple):
    """The parts of an SVCB or HTTPS record that a filter must see (RFC 9460 §2.2)."""

    priority: int
    target: bytes
    """lower-cased wire form; the root for "the owner itself\""""
    hints: tuple[tuple[int, bytes], ...]
    """(4 or 6, address) of ipv4hint and ipv6hint, in their order"""


class StrippedAnswer(NamedTuple):
    """An upstream's answer without OPT and TSIG, and their content."""

    message: bytes
    rcode: int
    """12 bits, the extended part included"""
    flags: int
    has_edns: bool
    edes: tuple[tuple[int, bytes], ...]
    """(code, text) of the upstream's extended errors (RFC 8914), four at most"""


class AnswerLifetime(NamedTuple):
    """The lifetime of an answer, before the limits of the cache."""

    ttl: int
    """seconds; 0: not at all"""
    negative: bool
    """NXDOMAIN or no data (RFC 2308 §2)"""
    rcode: int
    records: int


class ProxyProblem(Enum):
    """The reasons for refusing a PROXY header, in the order of ``ProxyStatus`` in ``proxy.pxd``."""

    INCOMPLETE = "header is not complete"
    """a stream may still bring the rest; a datagram is refused"""
    NO_SIGNATURE = "header has no signature"
    BAD_VERSION = "version is not 2"
    BAD_COMMAND = "command is neither LOCAL nor PROXY"
    BAD_FAMILY = "family or transport is unknown"
    BAD_LENGTH = "length does not fit the family, or is too long"


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """The client in a PROXY header, and the length of the header before the message."""

    source: tuple[bytes, int] | None
    """packed address (4 or 16 bytes; an IPv4-mapped one as IPv4) and port; None: as seen on the socket"""
    length: int
    identity: bytes = b""
    """the text of the TLV that was asked for; empty: there is none"""
