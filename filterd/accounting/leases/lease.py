"""A lease as a file tells of it, and the reading of lines that every format shares. No input or output."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import NamedTuple, Protocol

LONGEST_LINE = 64 * 1024
MOST_REASONS = 3
"""skipped lines that are told with their number for each run of reading; the others are only counted"""
NEVER = float("inf")
EMPTY = "it is empty"
NO_HEADER = "it has no header"
NO_LEASE = "it has no lease"


class BadLineError(ValueError):
    """A line that is no lease; the message says why and never repeats the line, which has an address."""


class Lease(NamedTuple):
    """One statement of a lease file on one address or prefix; the last one in a file holds."""

    address: bytes
    """16 bytes; IPv4 as ::ffff:a.b.c.d"""
    length: int
    """of the 16 bytes, 0 to 128"""
    value: bytes
    """the part that names the line; empty: the lease has none"""
    began: float
    """Unix seconds of the client's last word, or of the end; 0: the file does not tell"""
    ends: float
    """Unix seconds; ``NEVER``"""
    active: bool
    """false: released, expired or declined"""


class SkippedLine(NamedTuple):
    """A line that was passed over."""

    number: int
    """counted from 1 in the file"""
    reason: str


class LeaseParser(Protocol):
    """Reads one file from its beginning, in any portions."""

    skipped: int
    """lines passed over"""
    reasons: list[SkippedLine]
    """the first of them"""

    def feed(self, chunk: bytes) -> Iterator[Lease]:
        """The leases that the file's next bytes complete. A line that has not ended yet waits."""
        ...

    @property
    def torn(self) -> bool:
        """True while the last line, or a block of lines, has not ended."""
        ...

    def fault(self) -> str:
        """Why the bytes so far are no file of this format; empty: they are, or there are none."""
        ...

    def lacking(self) -> str:
        """Why the server does not write a file like this one, which has no lease; empty: it does."""
        ...


class LineParser:
    """The base of the parsers: splits into lines of bounded length, numbers them and counts the bad ones."""

    def __init__(self) -> None:
        self.skipped = 0
        self.reasons: list[SkippedLine] = []
        self._rest = b""
        self._number = 0
        self._too_long = False
        """true: the line that is being passed over has not ended yet"""
        self._nul = False
        """true: a NUL byte was read"""

    @property
    def torn(self) -> bool:
        """True while the last line has not ended."""
        return bool(self._rest) or self._too_long

    def fault(self) -> str:
        """Why the bytes so far are no file of this format; empty: they are, or there are none."""
        return "it has NUL bytes" if self._nul else ""

    def lacking(self) -> str:
        """Why the server does not write a file like this one, which has no lease; empty: it does."""
        return ""

    def feed(self, chunk: bytes) -> Iterator[Lease]:
        """The leases that the file's next bytes complete."""
        self._nul = self._nul or b"\0" in chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._number += 1
            if self._too_long:
                self._too_long = False
            elif len(line) > LONGEST_LINE:
                self._skip("it is too long")
            else:
                yield from self._attempt(line)
        if len(self._rest) > LONGEST_LINE:
            if not self._too_long:
                self._number += 1
                self._skip("it is too long")
                self._number -= 1
            self._too_long, self._rest = True, b""

    def _attempt(self, line: bytes) -> Iterator[Lease]:
        try:
            lease = self._checked(line)
        except BadLineError as error:
            self._skip(str(error))
        except (ValueError, OverflowError, RecursionError):
            self._skip("a field of it is not what the format says")
        else:
            if lease is not None:
                yield lease

    def _checked(self, line: bytes) -> Lease | None:
        """As ``_line``; of a line with NUL bytes nothing is known for sure. Raises ValueError."""
        if self._nul and b"\0" in line:
            self._drop()
            msg = "it has a NUL byte"
            raise BadLineError(msg)
        return self._line(line)

    def _drop(self) -> None:
        """Forget what lines before have begun."""

    def _line(self, line: bytes) -> Lease | None:
        """The lease that a line completes, if any. Raises ValueError."""
        raise NotImplementedError

    def _skip(self, reason: str) -> None:
        self.skipped += 1
        if len(self.reasons) < MOST_REASONS:
            self.reasons.append(SkippedLine(self._number, reason))


def packed(text: bytes) -> bytes:
    """The 16 bytes of an address in text. Raises BadLineError."""
    try:
        if b":" in text:
            return socket.inet_pton(socket.AF_INET6, text.decode("ascii"))
        return b"\0\0\0\0\0\0\0\0\0\0\xff\xff" + socket.inet_pton(socket.AF_INET, text.decode("ascii"))
    except (OSError, ValueError) as error:
        msg = "it has no address"
        raise BadLineError(msg) from error


def masked(address: bytes, length: int) -> bytes:
    """An address with the bits beyond ``length`` set to zero. Raises BadLineError."""
    if not 0 < length <= 128:
        msg = "its prefix length is not within 1 to 128"
        raise BadLineError(msg)
    mask = ((1 << length) - 1) << (128 - length)
    return (int.from_bytes(address, "big") & mask).to_bytes(16, "big")


def octets(text: bytes) -> bytes:
    """The bytes of ``00:1a:2`` or ``001a02``. Raises ValueError."""
    if b":" in text:
        return bytes(int(each, 16) for each in text.split(b":"))
    return bytes.fromhex(text.decode("ascii"))


def colons(value: bytes) -> bytes:
    """Bytes in the form 00:1a:02."""
    return value.hex(":").encode("ascii")


def readable(value: bytes) -> bytes:
    """A relay's value as people write it: the text where all of it is printable, else hexadecimal digits
    with colons."""
    return value if value and all(0x20 <= each < 0x7F for each in value) else colons(value)


def hardware_of_duid(duid: bytes) -> bytes:
    """The Ethernet address in a DUID-LLT or DUID-LL (RFC 8415 11.2, 11.4); empty where it has none."""
    kind = duid[:4]
    if kind == b"\0\1\0\1" and len(duid) == 14:
        return colons(duid[8:])
    if kind == b"\0\3\0\1" and len(duid) == 10:
        return colons(duid[4:])
    return b""


def duid_of_client_id(client_id: bytes) -> bytes:
    """The DUID in a DHCPv4 client identifier of RFC 4361 (255, IAID, DUID); empty where it has none."""
    return client_id[5:] if client_id[:1] == b"\xff" and len(client_id) > 5 else b""


def relay_option(options: bytes, wanted: int) -> bytes:
    """The value of a suboption of DHCPv4's option 82 (RFC 3046), as the client of ``readable`` wants it."""
    at = 0
    while at + 2 <= len(options):
        kind, size = options[at], options[at + 1]
        if kind == wanted:
            return readable(options[at + 2 : at + 2 + size])
        at += 2 + size
    return b""


def relay_option6(options: bytes, wanted: int, skip: int) -> bytes:
    """The value of a DHCPv6 option of a relay (RFC 8415 21.1) behind its first ``skip`` bytes."""
    at = 0
    while at + 4 <= len(options):
        kind, size = (
            int.from_bytes(options[at : at + 2], "big"),
            int.from_bytes(options[at + 2 : at + 4], "big"),
        )
        if kind == wanted:
            return readable(options[at + 4 + skip : at + 4 + size])
        at += 4 + size
    return b""
