"""The readable reference of the native codec's second half: record data, and answers of upstreams."""

from __future__ import annotations

from collections.abc import Iterator

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
    u32,
    walk,
)
from filterd.wire.message import AnswerLifetime, ServiceData, StrippedAnswer
from filterd.wire.status import Status

A, CNAME, SOA, TXT, AAAA, NAPTR, SVCB, HTTPS, TSIG, ANY = 1, 5, 6, 16, 28, 35, 64, 65, 250, 255
IN = 1
MAX_EDES = 4
MAX_MESSAGE = 65535
NOERROR, NXDOMAIN = 0, 3

LAYOUTS: dict[int, tuple[int, int, int | None]] = {
    **dict.fromkeys(
        (2, 3, 4, 5, 7, 8, 9, 12, 23, 39), (0, 1, 0)
    ),  # NS MD MF CNAME MB MG MR PTR NSAP-PTR DNAME
    SOA: (0, 2, 20),
    **dict.fromkeys((14, 17, 58), (0, 2, 0)),  # MINFO RP TALINK
    **dict.fromkeys((15, 18, 21, 36, 107), (2, 1, 0)),  # MX AFSDB RT KX LP
    26: (2, 2, 0),  # PX
    33: (6, 1, 0),  # SRV
    **dict.fromkeys((24, 46), (18, 1, None)),  # SIG RRSIG
    **dict.fromkeys((30, 47), (0, 1, None)),  # NXT NSEC
    **dict.fromkeys((SVCB, HTTPS), (2, 1, None)),
}
"""type -> bytes before the names, names, bytes behind them (None: any number)"""


def read_service(message: bytes, start: int, end: int) -> ServiceData:
    """Priority, target and address hints (RFC 9460 §2.2, §7.3); parameters must be in increasing order."""
    target, position = read_target(message, start, end)
    return ServiceData(u16(message, start), target, tuple(read_hints(message, position, end)))


def read_target(message: bytes, start: int, end: int) -> tuple[bytes, int]:
    """The target of a service in lower case, and the offset of its parameters."""
    need(end - start >= 3 and end <= len(message), Status.TRUNCATED)
    target, position = read_name(message, start + 2, end)
    need(position - start - 2 == len(target), Status.BAD_DATA)  # not compressed
    return target.lower(), position


def read_hints(message: bytes, position: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Family and address of each hint among the parameters, as far as these are sound."""
    last = -1
    while position < end:
        need(position + 4 <= end, Status.TRUNCATED)
        key = u16(message, position)
        content = message[position + 4 : position + 4 + u16(message, position + 2)]
        need(position + 4 + u16(message, position + 2) <= end, Status.TRUNCATED)
        need(key > last, Status.BAD_DATA)
        last = key
        if key in (4, 6):
            unit = 4 if key == 4 else 16
            need(len(content) > 0 and len(content) % unit == 0, Status.BAD_DATA)
            yield from ((key, content[at : at + unit]) for at in range(0, len(content), unit))
        position += 4 + len(content)


def service(message: bytes, data_offset: int, data_length: int) -> ServiceData | Status:
    """Target and address hints of the SVCB or HTTPS record whose data stands there."""
    try:
        return read_service(message, data_offset, data_offset + data_length)
    except Refused as refused:
        return refused.status


def layout(message: bytes, place: RecordSpan) -> tuple[int, int, int | None]:
    """The layout of the data: bytes before its names, names, bytes behind them (None: any number)."""
    if place.type != NAPTR:
        return LAYOUTS.get(place.type, (0, 0, None))
    position = 4  # order and preference, then three strings (RFC 3403 §4.1)
    for _ in range(3):
        need(position < place.end - place.data_offset, Status.TRUNCATED)
        position += 1 + message[place.data_offset + position]
    return position, 1, 0


def check_strings(content: bytes) -> None:
    """Character strings fill the data exactly, one at least (RFC 1035 §3.3.14)."""
    position = 0
    while position < len(content):
        position += 1 + content[position]
    need(position == len(content) > 0, Status.BAD_DATA)


class Names:
    """The places of the labels read so far: a pointer may lead nowhere else.

    Other bytes are not for names: times change in the cache, and the client's question is put in.
    """

    def __init__(self) -> None:
        self._starts: set[int] = set()

    def read(self, message: bytes, start: int, end: int | None = None) -> int:
        """Read the name at an offset; the offset behind it."""
        after = read_name(message, start, end)[1]
        position = start
        while message[position] < 0xC0:
            self._starts.add(position)
            if message[position] == 0:
                return after
            position += 1 + message[position]
        need(u16(message, position) & 0x3FFF in self._starts, Status.BAD_POINTER)
        return after


def check_data(message: bytes, place: RecordSpan, names: Names | None) -> None:
    """Refuse unsound data of the types that clients and filters act on; others are opaque.

    Without ``names`` a pointer may lead into any bytes.
    """
    size = place.end - place.data_offset
    if place.rclass == IN and place.type in (A, AAAA):
        need(size == (4 if place.type == A else 16), Status.BAD_DATA)
        return
    if place.rclass == IN and place.type in (SVCB, HTTPS):
        read_service(message, place.data_offset, place.end)
    if place.type == TXT:
        check_strings(message[place.data_offset : place.end])
        return
    before, count, behind = layout(message, place)
    position = place.data_offset + before
    for _ in range(count):
        if names is None:
            position = read_name(message, position, place.end)[1]
        else:
            position = names.read(message, position, place.end)
    need(behind is None or position + behind == place.end, Status.BAD_DATA)


def copy_record(message: bytes, place: RecordSpan, owner: bytes | None = None) -> bytes:
    """The record with all its names uncompressed, case kept; ``owner`` stands in the owner's place."""
    if owner is None:
        owner = read_name(message, place.owner_offset)[0]
    before, names, _ = layout(message, place)
    need(before <= place.end - place.data_offset, Status.TRUNCATED)
    position = place.data_offset + before
    content = message[place.data_offset : position]
    for _ in range(names):
        name, position = read_name(message, position, place.end)
        content += name
    content += message[position : place.end]
    need(len(content) <= MAX_MESSAGE, Status.NO_SPACE)
    return (
        owner
        + message[place.fixed_offset : place.fixed_offset + 8]
        + len(content).to_bytes(2, "big")
        + content
    )


def passed_text(text: bytes) -> bytes:
    """An EDE's text worth passing on: whole UTF-8 characters, 255 bytes at most, no final NUL; or nothing."""
    text = text.removesuffix(b"\0")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return b""
    return text[:255].decode("utf-8", "ignore").encode()


class _Hop:
    """The content of an upstream's OPT record (RFC 6891 §6.1.3, RFC 8914 §2)."""

    def __init__(self, rcode: int) -> None:
        self.rcode = rcode
        self.has_edns = False
        self.edes: list[tuple[int, bytes]] = []

    def read(self, message: bytes, place: RecordSpan) -> None:
        need(not self.has_edns, Status.DUPLICATE_OPT)
        need(place.section == 3 and message[place.owner_offset] == 0, Status.BAD_OPTION)
        self.has_edns = True
        self.rcode |= place.ttl >> 24 << 4
        for code, content in options(message[place.data_offset : place.end]):
            if code == 15 and len(content) >= 2 and len(self.edes) < MAX_EDES:
                self.edes.append((u16(content, 0), passed_text(content[2:])))


def _strip(message: bytes) -> StrippedAnswer:
    kept = message[HEADER_SIZE : first_record(message)]
    flags = u16(message, 2)
    need(bool(flags & QR), Status.NOT_AN_ANSWER)
    hop = _Hop(flags & 15)
    counts = [0, 0, 0, 0]
    moved = False
    names = Names()
    position = HEADER_SIZE
    for _ in range(u16(message, 4)):
        position = names.read(message, position) + 4
    for place in walk(message, owners=True):
        names.read(message, place.owner_offset)
        if place.type == OPT:
            moved = True
            hop.read(message, place)
        elif place.type == TSIG:
            moved = True
            need(place.section == 3, Status.BAD_DATA)
        else:
            check_data(message, place, names)
            kept += copy_record(message, place) if moved else message[place.owner_offset : place.end]
            counts[place.section] += 1
    need(HEADER_SIZE + len(kept) <= MAX_MESSAGE, Status.NO_SPACE)
    header = message[:6] + b"".join(count.to_bytes(2, "big") for count in counts[1:])
    return StrippedAnswer(header + kept, hop.rcode, flags, hop.has_edns, tuple(hop.edes))


def strip(message: bytes) -> StrippedAnswer | Status:
    """An upstream's answer without OPT and TSIG, which are hop by hop, and what these said."""
    try:
        return _strip(message)
    except Refused as refused:
        return refused.status


def _lifetime(message: bytes) -> AnswerLifetime:
    start = first_record(message)
    qtype = u16(message, start - 4) if u16(message, 4) == 1 else 0
    rcode = message[3] & 15
    places = list(walk(message, owners=False))
    answered = any(place.section == 1 and (place.type == qtype or qtype == ANY) for place in places)
    soas = [p for p in places if p.section == 2 and p.type == SOA and p.end - p.data_offset >= 22]
    negative = rcode == NXDOMAIN or (rcode == NOERROR and not answered)
    times = [place.ttl if place.ttl < 1 << 31 else 0 for place in places]  # RFC 2181 §8
    if not answered:
        times += [u32(message, soa.end - 4) for soa in soas]
    keep = rcode in (NOERROR, NXDOMAIN) and (bool(soas) or not negative)
    return AnswerLifetime(min(times) if keep else 0, negative, rcode, len(places))


def answer_lifetime(message: bytes) -> AnswerLifetime | Status:
    """The lifetime of an answer without OPT: its smallest TTL, for a negative one SOA's minimum too.

    A negative answer without SOA is not kept (RFC 2308 §5).
    """
    try:
        return _lifetime(message)
    except Refused as refused:
        return refused.status
