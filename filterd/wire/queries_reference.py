"""The readable reference of the native codec's reading of queries, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.wire.codec_reference import (
    HEADER_SIZE,
    OPT,
    QR,
    RecordSpan,
    Refused,
    first_record,
    need,
    options,
    read_name,
    u16,
    walk,
)
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import TSIG, check_data

TC = 0x0200
NOTIFY = 4
SIG, KEY = 24, 25
CLASS_ANY = 255
MAX_QUERY_RECORDS = 64
ID_OPTIONS = (65001, 65073, 65074)
"""a hardware address, the same as text or a device's name, and the customer's equipment"""
MOST_ID = 64
"""bytes of such an option; longer ones are passed over"""


@dataclass(slots=True)
class ParsedQuery:
    """A query; the fields are those of the native class."""

    id: int = 0
    flags: int = QR
    opcode: int = 0
    qtype: int = 0
    qclass: int = 0
    name: bytes = b"\0"
    question: bytes = b""
    has_edns: bool = False
    udp_size: int = 0
    edns_version: int = 0
    dnssec_ok: bool = False
    wants_nsid: bool = False
    wants_keepalive: bool = False
    client_subnet: tuple[int, int, bytes] | None = None
    cookie: bytes = b""
    ids: tuple[bytes, ...] = (b"", b"", b"")
    """the identities in the options of :data:`ID_OPTIONS`; empty: there is none"""


def read_client_subnet(content: bytes) -> tuple[int, int, bytes] | None:
    """RFC 7871 §6; None for a family that we do not know."""
    need(len(content) >= 4, Status.BAD_OPTION)
    family, prefix, scope, address = u16(content, 0), content[2], content[3], content[4:]
    if family not in (1, 2):
        return None
    bits = 32 if family == 1 else 128
    need(scope == 0 and prefix <= bits and len(address) == (prefix + 7) // 8, Status.BAD_OPTION)
    if prefix % 8:
        need(address[-1] & (0xFF >> prefix % 8) == 0, Status.BAD_OPTION)
    return family, prefix, address.ljust(bits // 8, b"\0")


def read_query_opt(packet: bytes, place: RecordSpan, query: ParsedQuery) -> None:
    """Take over what the client's OPT record says."""
    need(not query.has_edns, Status.DUPLICATE_OPT)
    need(place.section == 3 and packet[place.owner_offset] == 0, Status.BAD_OPTION)
    query.has_edns = True
    query.udp_size = place.rclass
    query.edns_version = place.ttl >> 16 & 0xFF
    query.dnssec_ok = bool(place.ttl & 0x8000)
    if query.edns_version:
        return
    seen: set[int] = set()
    for code, content in options(packet[place.data_offset : place.end]):
        if code == 8:
            need(query.client_subnet is None, Status.BAD_OPTION)
            query.client_subnet = read_client_subnet(content)
        elif code == 3:
            query.wants_nsid = True
        elif code == 11:
            query.wants_keepalive |= not content  # a client gives no timeout (RFC 7828 §3.2.1)
        elif code == 10 and not query.cookie:
            need(len(content) == 8 or 16 <= len(content) <= 40, Status.BAD_OPTION)
            query.cookie = content
        elif code in ID_OPTIONS:
            need(code not in seen, Status.BAD_OPTION)
            seen.add(code)
            take_id(code, content, query)


def take_id(code: int, content: bytes, query: ParsedQuery) -> None:
    """An identity that a front adds. Two of one kind are refused, for the same reason as two subnets."""
    if len(content) <= MOST_ID:
        ids = dict(zip(ID_OPTIONS, query.ids, strict=True)) | {code: content}
        query.ids = tuple(ids[each] for each in ID_OPTIONS)


def read_question(packet: bytes, query: ParsedQuery) -> None:
    """Name, type and class that are asked for, and their bytes as sent."""
    name, after = read_name(packet, HEADER_SIZE)
    query.name = name.lower()
    need(after + 4 <= len(packet), Status.TRUNCATED)
    query.qtype, query.qclass = u16(packet, after), u16(packet, after + 2)
    query.question = packet[HEADER_SIZE : after + 4]


def check_tsig(packet: bytes, place: RecordSpan, *, last: bool) -> None:
    """The last record of all (RFC 8945 §5.1) and in its form (§4.2); what it signs is not looked at."""
    need(place.section == 3 and last and place.rclass == CLASS_ANY, Status.BAD_DATA)
    position = read_name(packet, place.data_offset, place.end)[1]
    need(position + 10 <= place.end, Status.TRUNCATED)
    position += 10 + u16(packet, position + 8)
    need(position + 6 <= place.end, Status.TRUNCATED)
    need(position + 6 + u16(packet, position + 4) == place.end, Status.BAD_DATA)


def read_records(packet: bytes, query: ParsedQuery) -> None:
    """All that stands behind the question must be sound and of its class; nobody believes it."""
    first_record(packet)
    counts = [u16(packet, at) for at in (6, 8, 10)]
    need(sum(counts) <= MAX_QUERY_RECORDS, Status.BAD_COUNT)
    left = counts[2]
    for place in walk(packet, owners=True):
        left -= place.section == 3
        if place.type == OPT:
            read_query_opt(packet, place, query)
            continue
        if place.type == TSIG:
            check_tsig(packet, place, last=left == 0)
            continue
        if query.question and query.qclass != CLASS_ANY and place.type not in (SIG, KEY):
            need(place.rclass == query.qclass, Status.BAD_DATA)
        check_data(packet, place, None)


def read_other_opcode(packet: bytes, query: ParsedQuery) -> None:
    """NOTIMP, whatever its layout (RFC 8906 §3.1.4), but FORMERR for NOTIFY or TC that cannot be read."""
    if query.opcode == NOTIFY or query.flags & TC:
        read_records(packet, query)
    raise Refused(Status.UNKNOWN_OPCODE)


def read_query(packet: bytes, query: ParsedQuery) -> None:
    """Fill in the query as far as the packet can be read."""
    need(len(packet) >= HEADER_SIZE, Status.TRUNCATED)
    query.id, query.flags = u16(packet, 0), u16(packet, 2)
    query.opcode = query.flags >> 11 & 15
    need(not query.flags & QR, Status.NOT_A_QUERY)
    if query.opcode:
        read_other_opcode(packet, query)
    need(u16(packet, 4) <= 1, Status.BAD_COUNT)
    if u16(packet, 4):
        read_question(packet, query)
    read_records(packet, query)
    need(bool(query.question or query.cookie), Status.BAD_COUNT)
    need(bool(query.question), Status.NO_QUESTION)


def read(packet: bytes) -> tuple[Status, ParsedQuery]:
    """The status and whatever of the query could be read."""
    query = ParsedQuery()
    try:
        read_query(packet, query)
    except Refused as refused:
        return refused.status, query
    return Status.OK, query


def parse(packet: bytes) -> ParsedQuery | Status:
    """The query in a packet, or why there is none."""
    status, query = read(packet)
    return query if status is Status.OK else status
