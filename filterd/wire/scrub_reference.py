"""The readable reference of :mod:`filterd.wire.scrub`: the part of an answer that is about its question.

A forwarder's upstream may be honest and still pass on what somebody slipped into an answer; and what stands
beside the question's own records would be cached and given to clients that trust it (RFC 2181 section 5.4.1,
RFC 5452 section 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import MAX_MESSAGE, copy_record, layout

A, NS, CNAME, SOA, MX, AFSDB, RT, AAAA, SRV, NAPTR, KX = 1, 2, 5, 6, 15, 18, 21, 28, 33, 35, 36
DNAME, DS, RRSIG, NSEC, NSEC3, SVCB, HTTPS, ANY = 39, 43, 46, 47, 50, 64, 65, 255
ANSWER, AUTHORITY, ADDITIONAL = 1, 2, 3
MAX_CHAIN = 16
"""names of a chain, the question's included"""
MAX_TARGETS = 128
"""names that kept records name"""
NAMES_A_HOST = frozenset({NS, MX, AFSDB, RT, SRV, NAPTR, KX, SVCB, HTTPS})
"""types whose names get addresses in the additional section"""
QUESTION_POINTER = b"\xc0\x0c"


def is_at_or_above(upper: bytes, name: bytes) -> bool:
    """Whether the name (wire form, lower case) ends with the whole labels of ``upper``."""
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
    """The question, the chain of aliases from its name, and the names in the kept records."""

    message: bytes
    qtype: int = 0
    qclass: int = 0
    chain: list[bytes] = field(default_factory=list)
    targets: list[bytes] = field(default_factory=list)

    def follow(self) -> None:
        """Read the question and the chain of its aliases. A loop ends where it closes."""
        need(len(self.message) >= HEADER_SIZE, Status.TRUNCATED)
        need(u16(self.message, 4) == 1, Status.BAD_COUNT)
        after = first_record(self.message)
        self.qtype, self.qclass = u16(self.message, after - 4), u16(self.message, after - 2)
        name: bytes | None = read_name(self.message, HEADER_SIZE)[0].lower()
        while name is not None and name not in self.chain and len(self.chain) < MAX_CHAIN:
            self.chain.append(name)
            name = self._alias_of(name) if self.qtype not in (CNAME, ANY) else None

    def _alias_of(self, name: bytes) -> bytes | None:
        """The target of the name's first alias."""
        for place in walk(self.message, owners=False):
            if (place.section, place.type, place.rclass) != (ANSWER, CNAME, self.qclass):
                continue
            if read_name(self.message, place.owner_offset)[0].lower() == name:
                return read_name(self.message, place.data_offset, place.end)[0].lower()
        return None

    def belongs(self, place: RecordSpan, owner: bytes) -> bool:
        """Whether the record is one that this answer may hold."""
        signs = place.type == RRSIG and place.end - place.data_offset >= 2
        kind = u16(self.message, place.data_offset) if signs else place.type
        if place.rclass != self.qclass:
            return False
        if place.section == AUTHORITY:
            over = any(is_at_or_above(owner, name) for name in self.chain)
            return kind in (NSEC, NSEC3) or (kind in (SOA, NS, DS) and over)
        if place.section == ADDITIONAL:
            return kind in (A, AAAA, SVCB, HTTPS) and owner in (*self.targets, self.chain[-1])
        if owner == self.chain[-1] and self.qtype in (ANY, place.type, kind):
            return True
        if kind == CNAME:
            return owner in self.chain
        return kind == DNAME and any(name != owner and is_at_or_above(owner, name) for name in self.chain)

    def note_target(self, place: RecordSpan, owner: bytes) -> None:
        """Remember the name in a kept record's data; "." in a service is its owner (RFC 9460 2.5.2)."""
        if place.type not in NAMES_A_HOST or len(self.targets) == MAX_TARGETS:
            return
        before, _, _ = layout(self.message, place)
        name = read_name(self.message, place.data_offset + before, place.end)[0].lower()
        self.targets.append(owner if name == b"\0" and place.type in (SVCB, HTTPS) else name)


def _scrubbed(message: bytes) -> bytes:
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
        copy = message[place.owner_offset : place.end]
        if moved:
            copy = copy_record(message, place, QUESTION_POINTER if owner == asked.chain[0] else None)
        if HEADER_SIZE + len(kept) + len(copy) > MAX_MESSAGE:
            need(place.section == ADDITIONAL, Status.NO_SPACE)
            break  # nobody needs what is there
        kept += copy
        counts[place.section] += 1
        asked.note_target(place, owner)
    if not moved:
        return message
    return message[:6] + b"".join(count.to_bytes(2, "big") for count in counts[1:]) + kept


def scrubbed(message: bytes) -> bytes | Status:
    """The records of an answer (without OPT) that are about its question, or a status."""
    try:
        return _scrubbed(message)
    except Refused as refused:
        return refused.status
