"""The readable reference of the native answers: the same bytes from the same query and options.

Nothing on the query path calls it; tests hold the two equal. Common to all answers: nothing answers a query
whose flags say QR; id and question are echoed as sent, RD and CD copied, AA clear; an OPT record exactly when
the client sent one; too long, an answer gives up the EDEs' texts, then EDEs and identity, then sections that
nobody needs, then its records (TC); cookie, subnet and keepalive stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from filterd.wire.answer_frame_reference import SERVFAIL, Body, Query, finish
from filterd.wire.codec_reference import (
    HEADER_SIZE,
    OPT,
    QR,
    RecordSpan,
    Refused,
    need,
    read_name,
    u16,
    walk,
)
from filterd.wire.ech_reference import HTTPS, NO_CUT, SVCB, ech_types, find_ech, signed_type
from filterd.wire.options import AnswerOptions
from filterd.wire.queries_reference import read
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import copy_record

NOERROR, FORMERR, NXDOMAIN, NOTIMP = 0, 1, 3, 4
A, CNAME, SOA, TXT, AAAA = 1, 5, 6, 16, 28
IN = 1
NS, RRSIG, NSEC, NSEC3, ANY = 2, 46, 47, 50, 255
NO_CAP = 0xFFFFFFFF
MODE_NXDOMAIN, MODE_NODATA, MODE_NULL, MODE_SINKHOLE = range(4)
SCOPE_EXACT = 0
LOCAL_NODATA, LOCAL_NXDOMAIN, LOCAL_LOCALHOST = range(3)
QUESTION = b"\xc0\x0c"
"""a pointer to the query name"""
SOA_REST = b"\x06nobody\x07invalid\0" + b"".join(n.to_bytes(4, "big") for n in (1, 3600, 1200, 604800))
"""behind SOA's first name: nobody.invalid., serial, refresh, retry, expire (RFC 6303 §3)"""


def _made_ttl(options: AnswerOptions) -> int:
    return min(options.get("ttl", 30), options.get("ttl_cap", NO_CAP))


def _passed_ttl(ttl: int, options: AnswerOptions) -> bytes:
    """A record's TTL after its time in the cache; one with the top bit set counts as 0 (RFC 2181 §8)."""
    left = max(0, ttl - options.get("age", 0)) if ttl < 1 << 31 else 0
    return min(max(left, options.get("ttl_floor", 0)), options.get("ttl_cap", NO_CAP)).to_bytes(4, "big")


def _record(query: Query, kind: int, ttl: int, content: bytes, owner: bytes = QUESTION) -> bytes:
    """A record of the query name, or of another owner."""
    fixed = kind.to_bytes(2, "big") + query.qclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return owner + fixed + len(content).to_bytes(2, "big") + content


def _soa(query: Query, apex: int, options: AnswerOptions) -> bytes:
    """The SOA of the zone whose name starts at that byte of the query name."""
    ttl, zone = _made_ttl(options), (0xC000 | HEADER_SIZE + apex).to_bytes(2, "big")
    return _record(query, SOA, ttl, zone + SOA_REST + ttl.to_bytes(4, "big"), zone)


def _parent_of(query: Query) -> int:
    """The byte at which the query name's parent starts, the zone of an SOA that denies it (RFC 2308 §3).

    One for the name itself says to caches in front that the name exists.
    """
    return query.name[0] + 1 if query.name[0] else 0


def _negative(query: Query, rcode: int, options: AnswerOptions, apex: int) -> bytes:
    """No answer, and the SOA of the zone whose name starts at that byte of the query name."""
    return finish(query, rcode, options, [((0, 1, 0), _soa(query, apex, options))])


def _addressed(query: Query, ipv4: bytes | None, ipv6: bytes | None, options: AnswerOptions) -> bytes:
    """The one address of the asked type, NODATA where there is none."""
    address = {A: ipv4, AAAA: ipv6}.get(query.qtype) if query.qclass == IN else None
    if address is None:
        return _negative(query, 0, options, 0)
    record = _record(query, query.qtype, _made_ttl(options), address)
    return finish(query, 0, options, [((1, 0, 0), record)])


def error(query: Query, rcode: int, **options: Unpack[AnswerOptions]) -> bytes:
    """An error answer; extended codes such as BADVERS need EDNS."""
    return finish(query, rcode, options, [((0, 0, 0), b"")])


def malformed(packet: bytes, **options: Unpack[AnswerOptions]) -> bytes:
    """The answer to a packet that cannot be parsed: FORMERR, NOTIMP or nothing."""
    status, query = read(packet)
    if status is Status.OK:
        return b""
    rcode = {Status.UNKNOWN_OPCODE: NOTIMP, Status.NO_QUESTION: NOERROR}.get(status, FORMERR)
    return error(query, rcode, **options)


def truncated(query: Query, **options: Unpack[AnswerOptions]) -> bytes:
    """An empty answer with TC: the client is to come back over TCP."""
    return finish(query, 0, options, [])


def blocked(query: Query, mode: int, scope: int, **options: Unpack[AnswerOptions]) -> bytes:
    """The answer for a blocked name; mode and scope are those of :mod:`filterd.model.rule`."""
    ipv4, ipv6 = options.get("ipv4"), options.get("ipv6")
    if mode == MODE_SINKHOLE and ipv4 is None and ipv6 is None:
        mode = MODE_NXDOMAIN
    if mode == MODE_NXDOMAIN and scope != SCOPE_EXACT:  # NXDOMAIN also denies all below (RFC 8020)
        return _negative(query, NXDOMAIN, options, _parent_of(query))
    if mode == MODE_NULL:
        return _addressed(query, bytes(4), bytes(16), options)
    if mode == MODE_SINKHOLE:
        return _addressed(query, ipv4, ipv6, options)
    return _negative(query, 0, options, 0)


def local(query: Query, kind: int, apex: int = 0, **options: Unpack[AnswerOptions]) -> bytes:
    """The answer for a name of a zone served here (RFC 6761); the zone's name starts at byte ``apex``."""
    if kind == LOCAL_LOCALHOST and query.qtype in (A, AAAA):
        return _addressed(query, b"\x7f\0\0\x01", bytes(15) + b"\x01", options)
    if apex:
        return _negative(query, NXDOMAIN if kind == LOCAL_NXDOMAIN else 0, options, apex)
    if query.qtype in (SOA, ANY):  # the zone itself exists (RFC 6303 §3)
        return finish(query, 0, options, [((1, 0, 0), _soa(query, 0, options))])
    if query.qtype == NS:
        record = _record(query, NS, _made_ttl(options), QUESTION)
        return finish(query, 0, options, [((1, 0, 0), record)])
    return _negative(query, 0, options, 0)


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
    return finish(query, 0, options, [((1, 0, 0), record)])


def _answers(query: Query, message: bytes) -> bool:
    """True if the message is an answer to the question, whose name it must hold in full."""
    if len(message) < HEADER_SIZE or not u16(message, 2) & QR or u16(message, 4) != 1:
        return False
    try:
        name, after = read_name(message, HEADER_SIZE)
    except Refused:
        return False
    asked = name.lower() == query.name and message[after : after + 4] == query.question[-4:]
    return asked and after + 4 == HEADER_SIZE + len(query.question)


def _altered(message: bytes, options: AnswerOptions) -> frozenset[int]:
    """The types that ECH is taken out of. Their signatures go too: they are of the records as they were."""
    return ech_types(message) if options.get("strip_ech", False) else frozenset()


def _one_rrset(query: Query, message: bytes, options: AnswerOptions) -> tuple[int, list[bytes]]:
    """Of an answer to ANY the first RRset at the query name, with DO its signatures too (RFC 8482 §4.1): its
    type and its records, 0 if there is none."""
    places = list(walk(message, owners=True))
    need(all(place.type != OPT for place in places), Status.BAD_OPTION)
    own = [
        place
        for place in places
        if place.section == 1 and read_name(message, place.owner_offset)[0].lower() == query.name
    ]
    chosen = next((place.type for place in own if place.type not in (0, RRSIG)), 0)
    altered = _altered(message, options)

    def wanted(place: RecordSpan) -> bool:
        covers = message[place.data_offset : place.end][:2] == chosen.to_bytes(2, "big")
        signs = place.type == RRSIG and query.dnssec_ok and covers and chosen not in altered
        return place.type == chosen or signs

    places = [place for place in own if chosen and wanted(place)]
    return chosen, [_passed_copy(message, place, QUESTION, options) for place in places]


def _passed_copy(message: bytes, place: RecordSpan, owner: bytes, options: AnswerOptions) -> bytes:
    """A record with its names uncompressed, aged and capped, under this owner; nothing if it is left out."""
    ttl = len(owner) + 4
    if options.get("strip_ech", False) and place.type in (SVCB, HTTPS):
        cut = find_ech(message, place)
        if cut is not NO_CUT:
            content = message[place.data_offset : cut.start] + message[cut.end : place.end]
            fixed = message[place.fixed_offset : place.fixed_offset + 4] + _passed_ttl(place.ttl, options)
            whole = owner + fixed + len(content).to_bytes(2, "big") + content
            return b"" if cut.requires_ech else whole
    copy = copy_record(message, place, owner)
    return copy[:ttl] + _passed_ttl(place.ttl, options) + copy[ttl + 4 :]


def _as_it_stands(message: bytes, options: AnswerOptions) -> Iterator[tuple[RecordSpan, bytes]]:
    """Each record, aged and capped, its names as they are."""
    for place in walk(message, owners=False):
        need(place.type != OPT, Status.BAD_OPTION)
        before, behind = place.fixed_offset + 4, place.fixed_offset + 8
        times = _passed_ttl(place.ttl, options)
        yield place, message[place.owner_offset : before] + times + message[behind : place.end]


def _without_ech(
    query: Query, message: bytes, altered: frozenset[int], options: AnswerOptions
) -> Iterator[tuple[RecordSpan, bytes]]:
    """Each record, aged and capped, its names uncompressed; nothing in place of those that are left out."""
    for place in walk(message, owners=True):
        need(place.type != OPT, Status.BAD_OPTION)
        owner = read_name(message, place.owner_offset)[0]
        owner = QUESTION if owner.lower() == query.name else owner
        signs = signed_type(message, place) in altered
        yield place, b"" if signs else _passed_copy(message, place, owner, options)


def _bodies(message: bytes, records: Iterator[tuple[RecordSpan, bytes]]) -> list[Body]:
    """The answer's records, and what may be sent in their place where they are too long.

    The additional section is optional (RFC 2181 §9); the authority section is so where it proves nothing.
    """
    sections = [b"", b"", b"", b""]
    counts = [0, 0, 0, 0]
    proves = False
    for place, record in records:
        sections[place.section] += record
        counts[place.section] += bool(record)
        proves |= place.section == 2 and place.type in (SOA, NSEC, NSEC3)
    answers, authority, additional = counts[1:]
    bodies: list[Body] = [((answers, authority, additional), b"".join(sections))]
    if additional:
        bodies.append(((answers, authority, 0), sections[1] + sections[2]))
    if u16(message, 6) and not proves and message[3] & 15 == NOERROR:
        bodies.append(((answers, 0, 0), sections[1]))
    return bodies


def answer(query: Query, message: bytes, **options: Unpack[AnswerOptions]) -> bytes:
    """An upstream's answer (without OPT), aged and capped; SERVFAIL if damaged or for another question."""
    try:
        need(_answers(query, message), Status.NOT_AN_ANSWER)
        altered = _altered(message, options)
        chosen, rrset = _one_rrset(query, message, options) if query.qtype == ANY else (0, [])
        if chosen:
            bodies = [((sum(map(bool, rrset)), 0, 0), b"".join(rrset))]
            altered &= {chosen}
        elif altered:
            bodies = _bodies(message, _without_ech(query, message, altered, options))
        else:
            bodies = _bodies(message, _as_it_stands(message, options))
    except Refused:
        return error(query, SERVFAIL, **options)
    return finish(query, message[3] & 15, options, bodies, options.get("ad", False) and not altered)


def _target_records(
    query: Query, target: bytes, message: bytes, options: AnswerOptions
) -> list[tuple[int, bytes]]:
    """(section, record) of what the target's answer holds of CNAME and the asked type, else its SOA."""
    pointer = (0xC000 | HEADER_SIZE + len(query.question) + 12).to_bytes(2, "big")
    places = list(walk(message, owners=True))
    found = any(place.section == 1 and place.type == query.qtype for place in places)

    def wanted(place: RecordSpan) -> bool:
        if place.section == 1:
            return place.type in (query.qtype, CNAME)
        return place.section == 2 and place.type == SOA and not found

    copies = []
    for place in filter(wanted, places):
        owner = read_name(message, place.owner_offset)[0]
        owner = pointer if owner.lower() == target else owner
        copies.append((place.section, _passed_copy(message, place, owner, options)))
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
    counts = [sum(section == n and bool(copy) for section, copy in copies) for n in (1, 2, 3)]
    body = cname + b"".join(copy for _, copy in copies)
    return finish(query, rcode, options, [((1 + counts[0], counts[1], counts[2]), body)])
