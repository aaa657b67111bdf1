"""The plain model of the response cache: a dictionary with the same lifetimes, stale answers and renewals.

It has no end of memory and forgets only what is flushed: the native one may evict as well, and what it then
does is another matter (``tests/twins/test_cache_model.py``). The native cache also keeps beside each answer
what it could be blocked for; that saves an inspection and changes no answer, so it is left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from filterd.wire.codec_reference import OPT, QR, Refused, need, read_name, u16, walk
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import NOERROR, NXDOMAIN, answer_lifetime

POSITIVE_TTL_CAP = 86_400
NEGATIVE_TTL_CAP = 3600
FAILURE_TTL = 5
"""RFC 9520 section 3.2"""
STALE_TTL = 30
"""RFC 8767 section 4"""
FAILURE_RECHECK = 30
"""seconds in which upstreams that failed are not asked again for what is stale (RFC 8767 section 5)"""
RENEWED = 10
"""an answer is renewed in the last of so many parts of its TTL"""
BOGUS = range(5, 13)
"""extended errors of a validation that failed (RFC 8914 section 4)"""
TEXT_ROOM = 236
"""bytes for the texts of an answer's extended errors together; a text that does not fit is left out"""
HEADER_SIZE = 12
RA, TC, SERVFAIL = 0x0080, 0x0200, 2

Errors = tuple[tuple[int, bytes], ...]
"""code and text of each extended error"""


class Key(NamedTuple):
    """The key of an answer; its name in lower-cased wire form."""

    name: bytes
    qtype: int
    qclass: int
    dnssec_ok: bool
    checking_disabled: bool


class Insertion(Enum):
    """The result of an insertion."""

    DONE = "kept"
    REFUSED = "not to be cached"
    KEPT_STALE = "a failure; the stale answer stays"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, out of the cache or from an upstream."""

    message: bytes = b""
    ad: bool = False
    edes: Errors = ()
    age: int = 0
    """seconds to take off its TTLs"""
    failure: bool = False
    stale: bool = False
    hold: bool = False
    """stale, and the upstreams failed a moment ago: they are not to be asked now"""
    refresh: bool = False
    """popular and nearly over: whoever finds this asks for it again"""


@dataclass(slots=True)
class Entry:
    """An answer as it is kept. All times in seconds."""

    message: bytes
    ttl: int
    inserted_at: int
    ad: bool = False
    edes: Errors = ()
    failure: bool = False
    retry_at: int = 0
    asked: bool = False
    claimed: bool = False
    """somebody renews it"""

    def is_over(self, now: int, stale_window: int) -> bool:
        """True once it is of no use any more, not even as a stale answer."""
        return now - self.inserted_at >= self.ttl + (0 if self.failure else stale_window)

    def ask(self, age: int, now: int) -> bool:
        """Note that somebody asks; whether that one is to renew it: not the first, and one alone."""
        nearly_over = not self.failure and age < self.ttl and (self.ttl - age) * RENEWED <= self.ttl
        claims = nearly_over and self.retry_at <= now and self.asked and not self.claimed
        self.asked = True
        self.claimed |= claims
        return claims


@dataclass(slots=True)
class ReferenceCache:
    """The cache. ``now`` is always seconds of a clock that does not go back."""

    stale_window: int
    entries: dict[Key, Entry] = field(default_factory=dict)
    inserted: int = 0
    refused: int = 0
    flushed: int = 0

    def lookup(self, key: Key, now: int) -> Found | None:
        """The answer for the key, fresh or stale; None: there is none."""
        entry = self.entries.get(key)
        if entry is None or entry.is_over(now, self.stale_window):
            return None
        age = max(now - entry.inserted_at, 0)
        refresh = entry.ask(age, now)
        if age < entry.ttl:
            return Found(entry.message, entry.ad, entry.edes, age, entry.failure, refresh=refresh)
        message = with_ttls(entry.message, STALE_TTL)
        return Found(message, entry.ad, entry.edes, stale=True, hold=entry.retry_at > now)

    def insert(self, key: Key, message: bytes, ad: bool, edes: Errors, now: int) -> Insertion:
        """Keep an answer without OPT."""
        life = answer_lifetime(message)
        ttl, failure = 0, False
        if is_answer(message, key) and not isinstance(life, Status):
            failure = life.rcode == SERVFAIL
            cap = NEGATIVE_TTL_CAP if life.negative else POSITIVE_TTL_CAP
            ttl = min(life.ttl, cap) if life.rcode in (NOERROR, NXDOMAIN) else FAILURE_TTL * failure
        if ttl == 0:
            self.refused += 1
            return Insertion.REFUSED
        before = self.entries.get(key)
        may_hide = failure and not any(code in BOGUS for code, _ in edes)
        if may_hide and before and not before.failure and not before.is_over(now, self.stale_window):
            before.retry_at = now + FAILURE_RECHECK
            return Insertion.KEPT_STALE
        self.entries[key] = Entry(message, ttl, now, ad, short_texts(edes), failure)
        self.inserted += 1
        return Insertion.DONE

    def insert_failure(self, key: Key, edes: Errors, now: int) -> Insertion:
        """Remember that no upstream answered."""
        return self.insert(key, failure_of(key), False, edes, now)

    def flush(self, name: bytes, *, subtree: bool) -> int:
        """Forget the name and, with ``subtree``, all below it; how many answers."""
        covered = [key for key in self.entries if covers(name, subtree, key.name)]
        for key in covered:
            del self.entries[key]
        self.flushed += len(covered)
        return len(covered)


def failure_of(key: Key) -> bytes:
    """The message that a failure is kept as."""
    header = b"".join(number.to_bytes(2, "big") for number in (0, QR | RA | SERVFAIL, 1, 0, 0, 0))
    return header + key.name + key.qtype.to_bytes(2, "big") + key.qclass.to_bytes(2, "big")


def is_answer(message: bytes, key: Key) -> bool:
    """True for a whole answer to the key's question and to no other, without OPT."""
    if not HEADER_SIZE <= len(message) <= 65_535 or u16(message, 4) != 1:
        return False
    if not u16(message, 2) & QR or u16(message, 2) & TC:
        return False
    try:
        name, after = read_name(message, HEADER_SIZE)
        need(after + 4 <= len(message), Status.TRUNCATED)
        asked = (name.lower(), u16(message, after), u16(message, after + 2))
        return asked == key[:3] and all(place.type != OPT for place in walk(message, owners=False))
    except Refused:
        return False


def with_ttls(message: bytes, ttl: int) -> bytes:
    """The message with this TTL in every record."""
    changed = bytearray(message)
    for place in walk(message, owners=False):
        changed[place.fixed_offset + 4 : place.fixed_offset + 8] = ttl.to_bytes(4, "big")
    return bytes(changed)


def short_texts(edes: Sequence[tuple[int, bytes]]) -> Errors:
    """The errors with those of their texts for which there is room."""
    kept, room = [], TEXT_ROOM
    for code, text in edes:
        fitting = text if len(text) <= room else b""
        kept.append((code, fitting))
        room -= len(fitting)
    return tuple(kept)


def covers(name: bytes, subtree: bool, other: bytes) -> bool:
    """True if ``other`` is the name or, with ``subtree``, below it."""
    while subtree and len(other) > len(name):
        other = other[1 + other[0] :]
    return other == name
