"""The readable reference of :mod:`filterd.wire.scrub`: the part of an answer that is about its question.

A forwarder's upstream may be honest and still pass on what somebody slipped into an answer; and what stands
beside the question's own records would be cached and given to clients that trust it (RFC 2181 section 5.4.1,
RFC 5452 section 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from filterd.wire.codec_reference import (
    HEADER_SIZE,
    RecordSpan,
    Refused,
    first_record,
    need,
    read_name,
    u16,
    walk,
)
from filterd.wire.ede import DANGLING_TEXT, ExtendedError
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import MAX_MESSAGE, copy_record

NS, CNAME, SOA, DNAME, RRSIG, NSEC, NSEC3, ANY = 2, 5, 6, 39, 46, 47, 50, 255
NOERROR, SERVFAIL, NXDOMAIN, YXDOMAIN = 0, 2, 3, 6
ANSWER, AUTHORITY = 1, 2
AA = 0x0400
MAX_CHAIN = 16
"""names of a chain, the question's included"""
MAX_ALIASES = 32
"""in the answer section, among which a chain is looked for"""
DANGLING_TTL = 30
"""seconds that the aliases of a chain live which leads nowhere"""
QUESTION_POINTER = b"\xc0\x0c"


def is_at_or_above(upper: bytes, name: bytes) -> bool:
    """True if the name (wire form, lower case) ends with the whole labels of ``upper``."""
    return any(name[at:] == upper for at in label_starts(name))


def label_starts(name: bytes) -> Iterator[int]:
    """The offset of each label of an uncompressed name, the root's included."""
    at = 0
    while name[at]:
        yield at
        at += name[at] + 1
    yield at


@dataclass
class ScrubbedQuestion:
    """The question, the chain of aliases from its name, and notes of the records that belong to it."""

    message: bytes
    qtype: int = 0
    qclass: int = 0
    chain: list[bytes] = field(default_factory=list)
    records: bool = False
    """the answer section has any"""
    aliased: bool = False
    """any of these is an alias"""
    answered: bool = False
    """any is of the asked type, at the chain's end"""
    claims: bool = False
    """the same, and it is no alias and no signature"""
    soa: bool = False

    @property
    def rcode(self) -> int:
        """The header's four bits."""
        return self.message[3] & 15

    def follow(self) -> None:
        """Read the question and the chain of its aliases. A loop ends where it closes."""
        need(len(self.message) >= HEADER_SIZE, Status.TRUNCATED)
        need(u16(self.message, 4) == 1, Status.BAD_COUNT)
        after = first_record(self.message)
        self.qtype, self.qclass = u16(self.message, after - 4), u16(self.message, after - 2)
        name: bytes | None = read_name(self.message, HEADER_SIZE)[0].lower()
        aliases = [] if self.qtype in (CNAME, ANY) else list(islice(self._aliases(), MAX_ALIASES))
        while name is not None and name not in self.chain and len(self.chain) < MAX_CHAIN:
            self.chain.append(name)
            place = next((place for owner, place in aliases if owner == name), None)
            name = None if place is None else read_name(self.message, place.data_offset, place.end)[0].lower()

    def _aliases(self) -> Iterator[tuple[bytes, RecordSpan]]:
        """The aliases of the answer section, each with its owner."""
        for place in walk(self.message, owners=False):
            if place.section != ANSWER:
                return
            if (place.type, place.rclass) == (CNAME, self.qclass):
                yield read_name(self.message, place.owner_offset)[0].lower(), place

    def belongs(self, place: RecordSpan, owner: bytes) -> bool:
        """True if the record is one that this answer may hold, behind those that were noted."""
        signs = place.type == RRSIG and place.end - place.data_offset >= 2
        kind = u16(self.message, place.data_offset) if signs else place.type
        if place.rclass != self.qclass:
            return False
        if place.section == AUTHORITY:
            denies = self.rcode == NXDOMAIN or not self.answered
            over = any(is_at_or_above(owner, name) for name in self.chain)
            return kind in (NSEC, NSEC3) or (kind == SOA and denies and over)
        if place.section != ANSWER:
            return False
        if owner == self.chain[-1] and self.qtype in (ANY, place.type, kind):
            return True
        if kind == CNAME:
            return owner in self.chain
        return kind == DNAME and any(name != owner and is_at_or_above(owner, name) for name in self.chain)

    def note(self, place: RecordSpan, owner: bytes) -> None:
        """Note a record that belongs to the answer."""
        if place.section == ANSWER:
            asked = owner == self.chain[-1] and self.qtype in (ANY, place.type)
            self.records = True
            self.aliased |= place.type in (CNAME, DNAME)
            self.answered |= asked
            self.claims |= asked and place.type not in (CNAME, DNAME, RRSIG)
        else:
            self.soa |= place.type == SOA

    @property
    def dangles(self) -> bool:
        """True if aliases lead to neither records nor a denial."""
        return self.rcode == NOERROR and self.aliased and not self.answered and not self.soa


def check_answer(message: bytes) -> None:
    """Refuse a message that is no answer.

    That is one of another rcode than these; one that is no success and has records all the same; and a
    referral to other servers (RFC 2308 section 2.2). YXDOMAIN is right where a DNAME makes the name too long
    (RFC 6672 section 2.2).
    """
    asked = ScrubbedQuestion(message)
    asked.follow()
    need(asked.rcode in (NOERROR, SERVFAIL, NXDOMAIN, YXDOMAIN), Status.NOT_AN_ANSWER)
    success = asked.rcode == NOERROR
    if u16(message, 2) & AA if success else not u16(message, 6):
        return
    if success and not u16(message, 8):
        return
    servers = False
    for place in walk(message, owners=True):
        owner = read_name(message, place.owner_offset)[0].lower()
        if asked.belongs(place, owner):
            asked.note(place, owner)
        elif (place.section, place.type, place.rclass) == (AUTHORITY, NS, asked.qclass):
            servers |= is_at_or_above(owner, asked.chain[0])
    refers = servers and not asked.records and not asked.soa
    need(not refers if success else not asked.claims, Status.NOT_AN_ANSWER)


def _scrubbed(message: bytes) -> tuple[bytes, bool]:
    """The part that is kept, and whether its chain leads nowhere."""
    check_answer(message)
    asked = ScrubbedQuestion(message)
    asked.follow()
    kept = message[HEADER_SIZE : first_record(message)]
    counts = [0, 0, 0, 0]
    moved = False
    for place in walk(message, owners=True):
        owner = read_name(message, place.owner_offset)[0].lower()
        if not asked.belongs(place, owner):
            moved = True
            continue
        asked.note(place, owner)
        copy = message[place.owner_offset : place.end]
        if moved:
            copy = copy_record(message, place, QUESTION_POINTER if owner == asked.chain[0] else None)
        need(HEADER_SIZE + len(kept) + len(copy) <= MAX_MESSAGE, Status.NO_SPACE)
        kept += copy
        counts[place.section] += 1
    made = message[:6] + b"".join(count.to_bytes(2, "big") for count in counts[1:]) + kept
    if asked.dangles:
        return _shortened(made if moved else message), True
    return made if moved else message, False


def _shortened(message: bytes) -> bytes:
    """The message with no TTL above DANGLING_TTL; with the top bit set one counts as 0 (RFC 2181, 8)."""
    made = bytearray(message)
    for place in walk(message, owners=False):
        if DANGLING_TTL < place.ttl < 1 << 31:
            at = place.fixed_offset + 4
            made[at : at + 4] = DANGLING_TTL.to_bytes(4, "big")
    return bytes(made)


def scrubbed(message: bytes) -> bytes | Status:
    """The records of an answer (without OPT) that are about its question, or a status."""
    try:
        return _scrubbed(message)[0]
    except Refused as refused:
        return refused.status


def errors_of(message: bytes) -> tuple[tuple[int, bytes], ...]:
    """The extended errors (code and text) that go with the part of an answer that is kept."""
    try:
        return ((ExtendedError.OTHER, DANGLING_TEXT),) if _scrubbed(message)[1] else ()
    except Refused:
        return ()


def status_of(message: bytes) -> Status:
    """OK for an answer without OPT, NOT_AN_ANSWER for a message that is none, or what is wrong."""
    try:
        check_answer(message)
    except Refused as refused:
        return refused.status
    return Status.OK
