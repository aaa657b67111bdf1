"""The readable reference of the native answers: the same bytes from the same query and options.

Nothing on the query path calls it; tests hold the two equal. Common to all answers: nothing answers a query
whose flags say QR; id and question are echoed as sent, RD and CD copied, AA clear; an OPT record exactly when
the client sent one; too long, an answer gives up first the EDEs' texts, then the EDEs, then its records (TC).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Unpack

from filterd.wire.answers_reference import copy_record
from filterd.wire.codec_reference import (
    HEADER_SIZE,
    OPT,
    QR,
    Place,
    Refused,
    need,
    read,
    read_name,
    u16,
    walk,
)
from filterd.wire.options import AnswerOptions
from filterd.wire.status import Status

TC, RD, RA, AD, CD = 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP = 1, 2, 3, 4
A, CNAME, SOA, TXT, AAAA = 1, 5, 6, 16, 28
IN = 1
UDP_SIZE = 1232
MAX_MESSAGE = 65535
NO_CAP = 0xFFFFFFFF
MODE_NXDOMAIN, MODE_NODATA, MODE_NULL, MODE_SINKHOLE = range(4)
SCOPE_EXACT = 0
LOCAL_NODATA, LOCAL_NXDOMAIN, LOCAL_LOCALHOST = range(3)
QUESTION = b"\xc0\x0c"
"""a pointer to the query name"""
SOA_REST = b"\x06nobody\x07invalid\0" + b"".join(n.to_bytes(4, "big") for n in (1, 3600, 1200, 604800))
"""behind SOA's first name: nobody.invalid., serial, refresh, retry, expire (RFC 6303 §3)"""


class Query(Protocol):
    """What an answer needs of a query: native and reference queries both have it."""

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


def _frame(query: Query, flags: int, counts: Iterable[int], body: bytes) -> bytes:
    """Header, question and body."""
    numbers = (query.id, flags, 1 if query.question else 0, *counts)
    return b"".join(number.to_bytes(2, "big") for number in numbers) + query.question + body


def _opt(query: Query, rcode: int, edes: Iterable[tuple[int, bytes]]) -> bytes:
    """The OPT record (RFC 6891 §6.1.2) with EDEs (RFC 8914 §2)."""
    content = b""
    for code, words in edes:
        content += b"\0\x0f" + (2 + len(words)).to_bytes(2, "big") + code.to_bytes(2, "big") + words
    ttl = rcode >> 4 << 24 | (0x8000 if query.dnssec_ok else 0)
    fixed = b"\0" + OPT.to_bytes(2, "big") + UDP_SIZE.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return fixed + len(content).to_bytes(2, "big") + content


def _opts(query: Query, rcode: int, options: AnswerOptions) -> list[bytes]:
    """The OPT records to try, longest first."""
    edes = options.get("ede", ())
    if not query.has_edns:
        return [b""]
    return [_opt(query, rcode, tried) for tried in (edes, [(code, b"") for code, _ in edes], ())]


def _finish(
    query: Query,
    rcode: int,
    options: AnswerOptions,
    counts: tuple[int, int, int],
    body: bytes,
    ad: bool = False,
) -> bytes:
    """The answer: whole if it fits the limit, else truncated, else nothing."""
    if query.flags & QR:
        return b""
    rcode = SERVFAIL if rcode > 15 and not query.has_edns else rcode
    flags = QR | query.opcode << 11 | query.flags & (RD | CD) | rcode & 15
    flags |= RA if options.get("ra", True) else 0
    limit = min(MAX_MESSAGE, options.get("limit", MAX_MESSAGE), options.get("capacity", MAX_MESSAGE))
    additional = counts[2] + query.has_edns
    for opt in _opts(query, rcode, options):
        whole = _frame(query, flags | (AD if ad else 0), (*counts[:2], additional), body + opt)
        if len(whole) <= limit:
            return whole
    for opt in _opts(query, rcode, options):
        cut = _frame(query, flags | TC, (0, 0, query.has_edns), opt)
        if len(cut) <= limit:
            return cut
    return b""


def _made_ttl(options: AnswerOptions) -> int:
    return min(options.get("ttl", 30), options.get("ttl_cap", NO_CAP))


def _passed_ttl(ttl: int, options: AnswerOptions) -> bytes:
    """A record's TTL after its time in the cache; one with the top bit set counts as 0 (RFC 2181 §8)."""
    left = max(0, ttl - options.get("age", 0)) if ttl < 1 << 31 else 0
    return min(max(left, options.get("ttl_floor", 0)), options.get("ttl_cap", NO_CAP)).to_bytes(4, "big")


def _record(query: Query, kind: int, ttl: int, content: bytes) -> bytes:
    """A record of the query name."""
    fixed = kind.to_bytes(2, "big") + query.qclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return QUESTION + fixed + len(content).to_bytes(2, "big") + content


def _negative(query: Query, rcode: int, options: AnswerOptions) -> bytes:
    """No answer, and an SOA that denies nothing but the query name (RFC 2308 §3)."""
    ttl = _made_ttl(options)
    soa = _record(query, SOA, ttl, QUESTION + SOA_REST + ttl.to_bytes(4, "big"))
    return _finish(query, rcode, options, (0, 1, 0), soa)


def _addressed(query: Query, ipv4: bytes | None, ipv6: bytes | None, options: AnswerOptions) -> bytes:
    """The one address of the asked type, NODATA where there is none."""
    address = {A: ipv4, AAAA: ipv6}.get(query.qtype) if query.qclass == IN else None
    if address is None:
        return _negative(query, 0, options)
    record = _record(query, query.qtype, _made_ttl(options), address)
    return _finish(query, 0, options, (1, 0, 0), record)


def error(query: Query, rcode: int, **options: Unpack[AnswerOptions]) -> bytes:
    """An error answer; extended codes such as BADVERS need EDNS."""
    return _finish(query, rcode, options, (0, 0, 0), b"")


def header_error(packet: bytes, rcode: int) -> bytes:
    """An error answer of a header alone; nothing for an answer or less than a header."""
    if len(packet) < HEADER_SIZE or u16(packet, 2) & QR:
        return b""
    flags = QR | u16(packet, 2) & (0x7800 | RD | CD) | rcode & 15
    return packet[:2] + flags.to_bytes(2, "big") + bytes(8)


def malformed(packet: bytes, **options: Unpack[AnswerOptions]) -> bytes:
    """What a packet that cannot be parsed is answered: FORMERR, NOTIMP or nothing."""
    status, query = read(packet)
    if status is Status.OK:
        return b""
    return error(query, NOTIMP if status is Status.UNKNOWN_OPCODE else FORMERR, **options)


def truncated(query: Query, **options: Unpack[AnswerOptions]) -> bytes:
    """An empty answer with TC: the client is to come back over TCP."""
    return _finish(query, 0, options, (0, 0, 0), bytes(MAX_MESSAGE))


def blocked(query: Query, mode: int, scope: int, **options: Unpack[AnswerOptions]) -> bytes:
    """The answer for a blocked name; mode and scope are those of :mod:`filterd.model.rule`."""
    ipv4, ipv6 = options.get("ipv4"), options.get("ipv6")
    if mode == MODE_SINKHOLE and ipv4 is None and ipv6 is None:
        mode = MODE_NXDOMAIN
    if mode == MODE_NXDOMAIN and scope != SCOPE_EXACT:  # NXDOMAIN also denies all below (RFC 8020)
        return _negative(query, NXDOMAIN, options)
    if mode == MODE_NULL:
        return _addressed(query, bytes(4), bytes(16), options)
    if mode == MODE_SINKHOLE:
        return _addressed(query, ipv4, ipv6, options)
    return _negative(query, 0, options)


def local(query: Query, kind: int, **options: Unpack[AnswerOptions]) -> bytes:
    """The answer for a name that the resolver answers itself (RFC 6761)."""
    if kind == LOCAL_LOCALHOST:
        return _addressed(query, b"\x7f\0\0\x01", bytes(15) + b"\x01", options)
    return _negative(query, NXDOMAIN if kind == LOCAL_NXDOMAIN else 0, options)


def local_kind_of(name: bytes) -> int:
    """localhost and all below it, else NODATA; the name in lower-cased wire form."""
    position, last = 0, b""
    while name[position]:
        last = name[position + 1 : position + 1 + name[position]]
        position += 1 + name[position]
    return LOCAL_LOCALHOST if last == b"localhost" else LOCAL_NODATA


def text(query: Query, content: bytes, **options: Unpack[AnswerOptions]) -> bytes:
    """One TXT string of at most 255 bytes, TTL 0 (RFC 4892)."""
    record = _record(query, TXT, 0, bytes([len(content)]) + content)
    return _finish(query, 0, options, (1, 0, 0), record)


def _answers(query: Query, message: bytes) -> bool:
    """Whether the message is an answer to the question, whose name it must hold in full."""
    if len(message) < HEADER_SIZE or not u16(message, 2) & QR or u16(message, 4) != 1:
        return False
    try:
        name, after = read_name(message, HEADER_SIZE)
    except Refused:
        return False
    asked = name.lower() == query.name and message[after : after + 4] == query.question[-4:]
    return asked and after + 4 == HEADER_SIZE + len(query.question)


def answer(query: Query, message: bytes, **options: Unpack[AnswerOptions]) -> bytes:
    """An upstream's answer (without OPT), aged and capped; SERVFAIL if damaged or for another question."""
    body = b""
    try:
        need(_answers(query, message), Status.NOT_AN_ANSWER)
        for place in walk(message, owners=False):
            need(place.type != OPT, Status.BAD_OPTION)
            before, behind = place.fixed_offset + 4, place.fixed_offset + 8
            body += message[place.owner_offset : before] + _passed_ttl(place.ttl, options)
            body += message[behind : place.end]
    except Refused:
        return error(query, SERVFAIL, **options)
    counts = (u16(message, 6), u16(message, 8), u16(message, 10))
    return _finish(query, message[3] & 15, options, counts, body, options.get("ad", False))


def _target_records(
    query: Query, target: bytes, message: bytes, options: AnswerOptions
) -> list[tuple[int, bytes]]:
    """(section, record) of what the target's answer holds of CNAME and the asked type, else its SOA."""
    pointer = (0xC000 | HEADER_SIZE + len(query.question) + 12).to_bytes(2, "big")
    places = list(walk(message, owners=True))
    found = any(place.section == 1 and place.type == query.qtype for place in places)

    def wanted(place: Place) -> bool:
        if place.section == 1:
            return place.type in (query.qtype, CNAME)
        return place.section == 2 and place.type == SOA and not found

    copies = []
    for place in filter(wanted, places):
        owner = read_name(message, place.owner_offset)[0]
        owner = pointer if owner.lower() == target else owner
        copy = copy_record(message, place, owner)
        ttl = len(owner) + 4
        copies.append((place.section, copy[:ttl] + _passed_ttl(place.ttl, options) + copy[ttl + 4 :]))
    return copies


def rewrite(query: Query, target: bytes, message: bytes, **options: Unpack[AnswerOptions]) -> bytes:
    """CNAME from the query name to the target (lower-cased), then the target's own answer for the asked type.

    An empty message: the CNAME alone. A damaged or failed answer gives SERVFAIL.
    """
    rcode = 0
    copies: list[tuple[int, bytes]] = []
    if message:
        rcode = message[3] & 15 if len(message) >= HEADER_SIZE else SERVFAIL
    if rcode not in (0, NXDOMAIN):
        return error(query, SERVFAIL, **options)
    try:
        if message and query.qtype != CNAME:
            copies = _target_records(query, target, message, options)
    except Refused:
        return error(query, SERVFAIL, **options)
    cname = _record(query, CNAME, _made_ttl(options), target)
    counts = [sum(section == n for section, _ in copies) for n in (1, 2, 3)]
    body = cname + b"".join(copy for _, copy in copies)
    return _finish(query, rcode, options, (1 + counts[0], counts[1], counts[2]), body)
