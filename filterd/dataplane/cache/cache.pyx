# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The response cache: keys, lifetimes, and the judgement on what a lookup finds."""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.atomics cimport add64, load64
from filterd.dataplane.cache.shard cimport (
    EDE_BYTES, E_AD, E_FAILURE, INSERT_DONE, INSERT_REFUSED, READ_ABSENT, READ_BUSY, READ_TOO_LONG,
    Cache, Content, Found, Key, Shard,
    shard_count_hit, shard_flush, shard_insert, shard_of, shard_read, shard_set_union, shards_allocate,
)
from filterd.dataplane.tables.hashing cimport keyed_hash, seed_from
from filterd.policy.inspect cimport HOT_MANY, Union
from filterd.wire.codec cimport (
    FLAG_QR, FLAG_RA, FLAG_TC, HEADER_SIZE, MAX_EDES, NOERROR, NXDOMAIN, OK, SERVFAIL, TYPE_OPT,
    Ede, EdeList, Lifetime, Name, Record, Walk,
    get16, lifetime, name_from_wire, put16, put32, read_name, walk_next, walk_start,
)

import sys
from typing import NamedTuple

cdef enum:
    POSITIVE_TTL_CAP = 86400
    NEGATIVE_TTL_CAP = 3600
    FAILURE_TTL = 5             # RFC 9520 section 3.2
    STALE_TTL = 30              # RFC 8767 section 4
    PREFETCH_SHARE = 10         # a hit in the last tenth of its TTL may refresh it
    FIRST_BOGUS = 5             # DNSSEC Indeterminate to NSEC Missing (RFC 8914 section 4)
    LAST_BOGUS = 12


# --- looking up ---------------------------------------------------------------------------------------------

cdef void cache_key(
    const Cache* cache, const Name* name, uint16_t qtype, uint16_t qclass,
    bint dnssec_ok, bint checking_disabled, Key* out
) noexcept nogil:
    cdef uint64_t tweak
    out.name = name
    out.qtype = qtype
    out.qclass = qclass
    out.flags = (1 if dnssec_ok else 0) | (2 if checking_disabled else 0)
    tweak = <uint64_t>qtype << 32 | <uint64_t>qclass << 16 | out.flags
    out.hash = keyed_hash(&cache.seed, name.bytes, name.length, tweak)


cdef void _list_edes(Found* found) noexcept nogil:
    """Point ``edes`` into the packed errors that were copied."""
    cdef int at = 0
    cdef Ede* ede
    found.edes.count = 0
    while at + 3 <= found.ede_length and found.edes.count < MAX_EDES:
        ede = &found.edes.items[found.edes.count]
        ede.code = get16(found.ede_bytes + at)
        ede.text_length = found.ede_bytes[at + 2]
        ede.text = found.ede_bytes + at + 3
        at += 3 + ede.text_length
        found.edes.count += 1


cdef void _set_ttls(uint8_t* message, size_t length, uint32_t ttl) noexcept nogil:
    """Write this TTL into every record of a message that was walked before."""
    cdef Walk walk
    cdef Record record
    if walk_start(message, length, &walk) != OK:
        return
    while walk_next(&walk, &record, NULL) == OK:
        put32(message + record.ttl_offset, ttl)


cdef int _judge(const Cache* cache, Found* found, int64_t now) noexcept nogil:
    """Judge what was found: fresh, stale or nothing. Sets age and ttl for the caller."""
    cdef int64_t age = max(now - found.inserted_at, 0)
    found.hold = False
    found.refresh = False
    if age < found.ttl:
        found.age = <uint32_t>age
        found.refresh = (found.ttl - age) * PREFETCH_SHARE <= found.ttl and not found.failure
        found.ttl -= <uint32_t>age
        return CACHE_HIT
    if found.failure or age >= <int64_t>found.ttl + cache.stale_window:
        return CACHE_MISS
    found.age = 0
    found.ttl = STALE_TTL
    found.hold = found.retry_at > now
    return CACHE_STALE


cdef int cache_lookup(
    Cache* cache, const Key* key, int64_t now, uint8_t* out, size_t capacity, Found* found
) noexcept nogil:
    cdef Shard* shard = shard_of(cache, key.hash)
    cdef int outcome = shard_read(cache, shard, key, out, capacity, found)
    cdef int status
    if outcome == READ_BUSY:
        return CACHE_BUSY
    if outcome == READ_ABSENT:
        return CACHE_MISS
    status = _judge(cache, found, now)
    if status == CACHE_MISS:
        return CACHE_MISS
    found.refresh = shard_count_hit(shard, found.entry, found.refresh and found.retry_at <= now)
    if outcome == READ_TOO_LONG:
        return CACHE_TOO_LONG
    _list_edes(found)
    if status == CACHE_STALE:
        _set_ttls(out, found.length, STALE_TTL)
    return status


# --- inserting and flushing ---------------------------------------------------------------------------------

cdef void _pack_edes(const EdeList* edes, Content* content) noexcept nogil:
    """Pack extended errors; a text that does not fit is left out, its code stays."""
    cdef const Ede* ede
    cdef int i
    cdef int room = EDE_BYTES - 3 * MAX_EDES
    cdef uint8_t text
    content.ede_length = 0
    if edes == NULL:
        return
    for i in range(min(edes.count, MAX_EDES)):
        ede = &edes.items[i]
        text = ede.text_length if ede.text_length <= room else 0
        put16(content.edes + content.ede_length, ede.code)
        content.edes[content.ede_length + 2] = text
        if text != 0:  # an empty text may be NULL
            memcpy(content.edes + content.ede_length + 3, ede.text, text)
        content.ede_length += 3 + text
        room -= text


cdef bint _answers(const uint8_t* message, size_t length, const Key* key) noexcept nogil:
    """True if a message is a whole answer to the key's question and to no other, without OPT."""
    cdef size_t offset = HEADER_SIZE
    cdef Name name
    cdef Walk walk
    cdef Record record
    if length < HEADER_SIZE or length > 65535 or get16(message + 4) != 1:
        return False
    if not get16(message + 2) & FLAG_QR or get16(message + 2) & FLAG_TC:
        return False
    if read_name(message, length, &offset, &name) != OK or offset + 4 > length:
        return False
    if get16(message + offset) != key.qtype or get16(message + offset + 2) != key.qclass:
        return False
    if name.length != key.name.length or memcmp(name.bytes, key.name.bytes, name.length) != 0:
        return False
    if walk_start(message, length, &walk) != OK:
        return False
    while walk_next(&walk, &record, NULL) == OK:
        if record.type == TYPE_OPT:
            return False
    return True


cdef bint _is_bogus(const EdeList* edes) noexcept nogil:
    """True if a failure is one of validation: no stale answer may hide that the new one is forged."""
    cdef int i
    if edes == NULL:
        return False
    for i in range(edes.count):
        if FIRST_BOGUS <= edes.items[i].code <= LAST_BOGUS:
            return True
    return False


cdef bint _set_lifetime(Content* content) noexcept nogil:
    """Set TTL and failure flag from the message. False: it is not to be cached."""
    cdef Lifetime life
    if lifetime(content.message, content.length, &life) != OK:
        return False
    if life.rcode == SERVFAIL:
        content.ttl = FAILURE_TTL
        content.flags |= E_FAILURE
    elif life.rcode == NOERROR or life.rcode == NXDOMAIN:
        content.ttl = min(life.ttl, <uint32_t>(NEGATIVE_TTL_CAP if life.negative else POSITIVE_TTL_CAP))
    else:
        return False
    return content.ttl != 0


cdef int cache_insert(Cache* cache, const Key* key, const NewAnswer* answer, int64_t now) noexcept nogil:
    cdef Shard* shard = shard_of(cache, key.hash)
    cdef Content content
    content.message = answer.message
    content.length = answer.length
    content.flags = E_AD if answer.ad else 0
    content.ends_stale = _is_bogus(answer.edes)
    content.seen = answer.seen
    content.generation = answer.generation
    if not _answers(answer.message, answer.length, key) or not _set_lifetime(&content):
        add64(&shard.refused, 1)
        return INSERT_REFUSED
    _pack_edes(answer.edes, &content)
    return shard_insert(cache, shard, key, &content, now)


cdef int cache_insert_failure(Cache* cache, const Key* key, const EdeList* edes, int64_t now) noexcept nogil:
    cdef uint8_t message[HEADER_SIZE + 256 + 4]
    cdef size_t length = HEADER_SIZE + key.name.length
    cdef NewAnswer failure
    memset(message, 0, HEADER_SIZE)
    put16(message + 2, FLAG_QR | FLAG_RA | SERVFAIL)
    put16(message + 4, 1)
    memcpy(message + HEADER_SIZE, key.name.bytes, key.name.length)
    put16(message + length, key.qtype)
    put16(message + length + 2, key.qclass)
    memset(&failure, 0, sizeof(NewAnswer))
    failure.message = message
    failure.length = length + 4
    failure.edes = edes
    return cache_insert(cache, key, &failure, now)


cdef bint cache_set_union(
    Cache* cache, const Found* found, const Union* seen, uint64_t generation
) noexcept nogil:
    cdef Shard* shard = shard_of(cache, found.hash)
    return shard_set_union(shard, found.entry, found.version, seen, generation)


cdef uint64_t cache_flush(Cache* cache, const Name* name, bint subtree) noexcept nogil:
    cdef uint64_t removed = 0
    cdef uint32_t i
    for i in range(cache.shard_count):
        removed += shard_flush(cache, cache.shards + i, name, subtree)
    return removed


# --- the Python face ----------------------------------------------------------------------------------------

class CacheKey(NamedTuple):
    """A question as the cache tells questions apart; ``name`` is lower-cased and in wire form."""

    name: bytes
    qtype: int
    qclass: int = 1
    dnssec_ok: bool = False
    checking_disabled: bool = False


class CachedUnion(NamedTuple):
    """The classes that could block an answer, and the generation of the state that they belong to."""

    generation: int
    bits: int
    any_mandatory: bool = False
    names: bool = False
    damaged: bool = False
    coming: bool = False


class CachedAnswer(NamedTuple):
    """A copy of what the cache holds for a key; ``edes`` are (code, text) pairs. Not for logs."""

    message: bytes
    stale: bool
    hold: bool
    refresh: bool
    failure: bool
    age: int
    ttl: int
    ad: bool
    edes: tuple[tuple[int, bytes], ...]
    union: CachedUnion | None


class CacheCounters(NamedTuple):
    """Sums over all shards; ``entries`` is how many there are now, all others only grow."""

    entries: int
    inserted: int
    evicted: int
    expired: int
    flushed: int
    refused: int
    contended_reads: int
    contended_writes: int


cdef int _read_wire(bytes wire, Name* out) except -1:
    """The native name of a lower-cased wire name."""
    if name_from_wire(<const uint8_t*>PyBytes_AS_STRING(wire), len(wire), out) != OK:
        raise ValueError("take a name for the cache: not a whole uncompressed name in wire form")
    return 0


cdef int _read_key(const Cache* cache, object asked, Name* name, Key* out) except -1:
    """The native form of a ``CacheKey``; it borrows ``name``, which is filled in here."""
    _read_wire(asked.name, name)
    cache_key(cache, name, asked.qtype, asked.qclass, asked.dnssec_ok, asked.checking_disabled, out)
    return 0


cdef int _read_edes(tuple edes, EdeList* out) except -1:
    """The native list of at most four (code, text) pairs; the texts are borrowed."""
    cdef bytes text
    memset(out, 0, sizeof(EdeList))
    for code, text in edes[:MAX_EDES]:
        out.items[out.count].code = code
        out.items[out.count].text = <const uint8_t*>PyBytes_AS_STRING(text)
        out.items[out.count].text_length = <uint8_t>min(len(text), 255)
        out.count += 1
    return 0


cdef tuple _edes_of(const EdeList* edes):
    """The (code, text) pairs of a native list."""
    cdef int i
    cdef list pairs = []
    for i in range(edes.count):
        pairs.append((edes.items[i].code, <bytes>edes.items[i].text[:edes.items[i].text_length]))
    return tuple(pairs)


cdef object _union_of(const Found* found):
    """The union beside an answer, or None where none was stored."""
    if not found.union_known:
        return None
    return CachedUnion(
        found.generation,
        int.from_bytes((<const char*>found.seen.bits)[:64], sys.byteorder),
        bool(found.seen.any_mandatory),
        bool(found.seen.names),
        bool(found.seen.damaged),
        bool(found.seen.coming),
    )


cdef void _read_union(object union, Union* out):
    """The native form of a union."""
    cdef int i
    for i in range(8):
        out.bits[i] = union.bits >> 64 * i & 0xFFFFFFFFFFFFFFFF
    out.any_mandatory = union.any_mandatory
    out.names = union.names
    out.damaged = union.damaged
    out.coming = union.coming
    memset(out.hot, 0, sizeof(out.hot))
    out.hot[0] = HOT_MANY       # what stood in what is not told


cdef class ResponseCache:
    """The cache as the slow path and the operator's commands see it. ``size`` is bytes, at least 64 KiB.

    ``secret`` is 16 random bytes; for ``stale_window`` seconds after its TTL an answer may still be
    served (RFC 8767). ``now`` is always seconds of the monotonic clock.
    """

    def __cinit__(self, size_t size, bytes secret not None, uint32_t stale_window=86400):
        if size < 65536 or size > (<size_t>1 << 40):
            raise ValueError(f"allocate a response cache of {size} bytes: at least 64 KiB, at most 1 TiB")
        if len(secret) != 16:
            raise ValueError(f"take a secret of {len(secret)} bytes: it has 16")
        self.cache.seed = seed_from(<const uint8_t*>PyBytes_AS_STRING(secret))
        self.cache.stale_window = stale_window
        if not shards_allocate(&self.cache, size):
            raise MemoryError

    def __dealloc__(self):
        free(self.cache.memory)

    def lookup(self, asked not None, *, int64_t now):
        """The answer that is cached for a ``CacheKey``, fresh or stale.

        None: there is none, or writers were in the way.
        """
        cdef Name name
        cdef Key key
        cdef Found found
        cdef uint8_t[65536] message
        cdef int status
        _read_key(&self.cache, asked, &name, &key)
        with nogil:
            status = cache_lookup(&self.cache, &key, now, message, 65536, &found)
        if status != CACHE_HIT and status != CACHE_STALE:
            return None
        return CachedAnswer(
            message=<bytes>message[:found.length],
            stale=status == CACHE_STALE,
            hold=bool(found.hold),
            refresh=bool(found.refresh),
            failure=bool(found.failure),
            age=found.age,
            ttl=found.ttl,
            ad=bool(found.ad),
            edes=_edes_of(&found.edes),
            union=_union_of(&found),
        )

    def insert(self, asked not None, bytes message not None, *, int64_t now, bint ad=False, tuple edes=(),
               union=None):
        """Keep an upstream's answer without OPT; return whether it was kept.

        ``union`` is what the answer could be blocked for, None where that is not known yet.
        """
        cdef Name name
        cdef Key key
        cdef EdeList errors
        cdef NewAnswer answer
        cdef Union seen
        cdef int status
        _read_key(&self.cache, asked, &name, &key)
        _read_edes(edes, &errors)
        memset(&answer, 0, sizeof(NewAnswer))
        answer.message = <const uint8_t*>PyBytes_AS_STRING(message)
        answer.length = len(message)
        answer.ad = ad
        answer.edes = &errors
        if union is not None:
            _read_union(union, &seen)
            answer.seen = &seen
            answer.generation = union.generation
        with nogil:
            status = cache_insert(&self.cache, &key, &answer, now)
        return status == INSERT_DONE

    def insert_failure(self, asked not None, *, int64_t now, tuple edes=()):
        """Remember that no upstream answered; return whether a lookup now finds that.

        False: a stale answer stands in for it.
        """
        cdef Name name
        cdef Key key
        cdef EdeList errors
        _read_key(&self.cache, asked, &name, &key)
        _read_edes(edes, &errors)
        return cache_insert_failure(&self.cache, &key, &errors, now) == INSERT_DONE

    def set_union(self, asked not None, *, int64_t now, union not None):
        """Put a recomputed union beside the answer that a lookup finds now; False where there is none."""
        cdef Name name
        cdef Key key
        cdef Found found
        cdef Union seen
        cdef uint8_t[65536] message
        _read_key(&self.cache, asked, &name, &key)
        _read_union(union, &seen)
        if cache_lookup(&self.cache, &key, now, message, 65536, &found) not in (CACHE_HIT, CACHE_STALE):
            return False
        return cache_set_union(&self.cache, &found, &seen, union.generation)

    def flush(self, bytes name not None=b"\0", *, bint subtree=True):
        """Forget the name, all types, and with ``subtree`` all below it (default: everything); how many."""
        cdef Name native
        cdef uint64_t removed
        _read_wire(name, &native)
        with nogil:
            removed = cache_flush(&self.cache, &native, subtree)
        return removed

    def counters(self):
        """The sums over all shards since the start."""
        cdef uint32_t i
        cdef Shard* shard
        sums = [0] * 8
        for i in range(self.cache.shard_count):
            shard = self.cache.shards + i
            of_shard = (
                load64(&shard.live), load64(&shard.inserted), load64(&shard.evicted), load64(&shard.expired),
                load64(&shard.flushed), load64(&shard.refused), load64(&shard.contended_reads),
                load64(&shard.contended_writes),
            )
            sums = [total + count for total, count in zip(sums, of_shard, strict=True)]
        return CacheCounters(*sums)

    @property
    def capacity(self):
        """The number of answers that there is room for, if they are of ordinary size."""
        return self.cache.shard_count * self.cache.entries
