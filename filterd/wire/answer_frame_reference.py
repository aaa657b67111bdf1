"""The frame of every answer, in plain Python: header, question, and the OPT record that fits.

Part of the readable reference (:mod:`filterd.wire.respond_reference`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from filterd.wire.codec_reference import OPT, QR
from filterd.wire.edns import UDP_SIZE
from filterd.wire.options import AnswerOptions

TC, RD, RA, AD, CD = 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
SERVFAIL = 2
NSID, SUBNET, COOKIE, KEEPALIVE, EXTENDED_ERROR = 3, 8, 10, 11, 15
MAX_MESSAGE = 65535


class Query(Protocol):
    """A query, as far as an answer needs it: native and reference queries both have this."""

    @property
    def id(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def opcode(self) -> int: ...
    @property
    def qtype(self) -> int: ...
    @property
    def qclass(self) -> int: ...
    @property
    def name(self) -> bytes: ...
    @property
    def question(self) -> bytes: ...
    @property
    def has_edns(self) -> bool: ...
    @property
    def dnssec_ok(self) -> bool: ...
    @property
    def wants_nsid(self) -> bool: ...
    @property
    def wants_keepalive(self) -> bool: ...
    @property
    def client_subnet(self) -> tuple[int, int, bytes] | None: ...


Body = tuple[tuple[int, int, int], bytes]
"""record counts of the three sections, and the records"""


def _frame(query: Query, flags: int, counts: Iterable[int], body: bytes) -> bytes:
    """Header, question and body."""
    numbers = (query.id, flags, 1 if query.question else 0, *counts)
    return b"".join(number.to_bytes(2, "big") for number in numbers) + query.question + body


def _option(code: int, content: bytes) -> bytes:
    return code.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def _opt(query: Query, rcode: int, content: bytes) -> bytes:
    """The OPT record (RFC 6891 §6.1.2) with these options."""
    ttl = rcode >> 4 << 24 | (0x8000 if query.dnssec_ok else 0)
    fixed = b"\0" + OPT.to_bytes(2, "big") + UDP_SIZE.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return fixed + len(content).to_bytes(2, "big") + content


def _needed(query: Query, options: AnswerOptions) -> bytes:
    """The options that the client's next step rests on: they are given up last."""
    needed = b""
    if cookie := options.get("cookie", b""):
        needed += _option(COOKIE, cookie)
    if options.get("echo_subnet", False) and query.client_subnet is not None:
        family, prefix, address = query.client_subnet
        content = family.to_bytes(2, "big") + bytes([prefix, prefix]) + address[: (prefix + 7) // 8]
        needed += _option(SUBNET, content)
    if (timeout := options.get("keepalive", 0)) and query.wants_keepalive:
        needed += _option(KEEPALIVE, timeout.to_bytes(2, "big"))
    return needed


def _opts(query: Query, rcode: int, options: AnswerOptions) -> list[bytes]:
    """The OPT records to try, longest first."""
    if not query.has_edns:
        return [b""]
    needed = _needed(query, options)
    nsid = options.get("nsid", b"") if query.wants_nsid else b""
    identity = needed + (_option(NSID, nsid) if nsid else b"")
    edes = [(code.to_bytes(2, "big"), words) for code, words in options.get("ede", ())]
    texts = b"".join(_option(EXTENDED_ERROR, code + words) for code, words in edes)
    codes = b"".join(_option(EXTENDED_ERROR, code) for code, _ in edes)
    return [_opt(query, rcode, tried) for tried in (identity + texts, identity + codes, needed)]


def finish(
    query: Query,
    rcode: int,
    options: AnswerOptions,
    bodies: Iterable[Body],
    ad: bool = False,
) -> bytes:
    """The answer with the first of the bodies that fits the limit, else truncated, else nothing."""
    if query.flags & QR:
        return b""
    rcode = SERVFAIL if rcode > 15 and not query.has_edns else rcode
    flags = QR | query.opcode << 11 | query.flags & (RD | CD) | rcode & 15
    flags |= RA if options.get("ra", True) else 0
    limit = min(MAX_MESSAGE, options.get("limit", MAX_MESSAGE), options.get("capacity", MAX_MESSAGE))

    def tries() -> Iterator[bytes]:
        opts = _opts(query, rcode, options)
        for (answers, authority, additional), body in bodies:
            counts = (answers, authority, additional + query.has_edns)
            yield from (_frame(query, flags | (AD if ad else 0), counts, body + opt) for opt in opts)
        yield from (_frame(query, flags | TC, (0, 0, query.has_edns), opt) for opt in opts)

    return next((tried for tried in tries() if len(tried) <= limit), b"")
