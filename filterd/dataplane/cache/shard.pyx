# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The shards of the response cache: sequence-locked memory of a fixed size, evicted by S3-FIFO.

S3-FIFO ("FIFO queues are all you need for cache eviction", SOSP 2023): what is new waits in a small queue
of a tenth of the entries; if it was asked for twice by the time it reaches the end it moves to the main
queue, else it leaves and its hash is remembered as a ghost; a ghost that comes back goes to the main queue
at once. The main queue gives a second chance for each hit remembered, at most three. Readers only count
hits.

An entry in shared memory is ENTRY_WORDS words (the W_ numbers) and a chain of chunks, which hold the name,
the packed extended errors and the message, each starting at a word.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy

from filterd.dataplane.tables.atomics cimport add64, load8, load32, load64, store8, store32, store64, swap64
from filterd.dataplane.tables.hashing cimport home_of
from filterd.policy.inspect cimport Union
from filterd.wire.codec cimport Name

cdef extern from *:
    void __builtin_prefetch(const void*) noexcept nogil

cdef extern from "sched.h" nogil:
    int sched_yield()

cdef enum:                      # words of an entry header
    W_HASH = 0                  # while the entry is free: the next free entry + 1
    W_INSERTED = 1              # hot subjects 1 and 2 of the union, 16 bits each | seconds
    W_TTL = 2                   # hot subjects 3 and 4 | seconds
    W_RETRY = 3                 # do not ask the upstreams again before, seconds
    W_GENERATION = 4
    W_UNION = 5                 # 8 words of class bits
    W_SHAPE = 13                # qtype 16, qclass 16, key flags 8, name length 8, ede length 8, entry flags 8
    W_EXTENT = 14               # first chunk + 1 in the high half | message length
    W_VERSION = 15

cdef enum:                      # where an entry is
    PLACE_FREE = 0
    PLACE_SMALL = 1
    PLACE_MAIN = 2
    PLACE_DEAD = 4              # added to the queue's: removed, but its number still stands in the queue

cdef enum:
    CHUNKS_PER_ENTRY = 3
    MOST_SHARDS = 64
    LEAST_SHARD = 1 << 20
    READ_ATTEMPTS = 8
    SECOND_CHANCES = 64         # per eviction, so that an insertion is bounded
    MOST_HITS = 3
    FAILURE_RECHECK = 30        # RFC 8767 section 5

cdef struct Cursor:             # a place in an entry's payload
    const Shard* shard
    uint32_t chunk              # + 1; 0: behind the end
    uint32_t word
    uint32_t chunks             # how many the shard has


# --- reading ------------------------------------------------------------------------------------------------

cdef inline uint64_t _tag(uint64_t hash) noexcept nogil:
    """The part of the hash that slots and ghosts keep, in their high half."""
    return (hash << 16) & <uint64_t>0xFFFFFFFF00000000


cdef inline uint64_t* _bucket_of(const Cache* cache, const Shard* shard, uint64_t hash) noexcept nogil:
    return shard.buckets + home_of(hash, cache.bucket_count) * WAYS


cdef inline uint64_t* _entry_at(const Shard* shard, uint32_t entry) noexcept nogil:
    return shard.entries + <size_t>entry * ENTRY_WORDS


cdef inline uint64_t _shape(const Key* key, uint8_t ede_length, uint8_t flags) noexcept nogil:
    return (
        <uint64_t>key.qtype << 48 | <uint64_t>key.qclass << 32 | <uint64_t>key.flags << 24
        | <uint64_t>key.name.length << 16 | <uint64_t>ede_length << 8 | flags
    )


cdef inline bint _same_shape(uint64_t shape, const Key* key) noexcept nogil:
    return (shape ^ _shape(key, 0, 0)) >> 16 == 0


cdef inline uint64_t _next_word(Cursor* cursor) noexcept nogil:
    """The next word of the payload; 0 behind the end. Safe on an entry that is being rewritten."""
    cdef uint64_t word
    if cursor.chunk == 0 or cursor.chunk > cursor.chunks:
        return 0
    word = load64(cursor.shard.chunks + <size_t>(cursor.chunk - 1) * CHUNK_WORDS + cursor.word)
    cursor.word += 1
    if cursor.word == CHUNK_WORDS:
        cursor.word = 0
        cursor.chunk = load32(cursor.shard.chain + cursor.chunk - 1)
    return word


cdef void _copy_out(Cursor* cursor, uint8_t* out, size_t length) noexcept nogil:
    """Copy ``length`` bytes of the payload and move to the word behind them."""
    cdef uint64_t word
    while length >= 8:
        word = _next_word(cursor)
        memcpy(out, &word, 8)
        out += 8
        length -= 8
    if length > 0:
        word = _next_word(cursor)
        memcpy(out, &word, length)


cdef bint _same_name(Cursor* cursor, const Name* name) noexcept nogil:
    """True if the payload begins with this name; moves behind it if so."""
    cdef uint8_t padded[8]
    cdef uint64_t word
    cdef int at = 0
    cdef int step
    while at < name.length:
        step = min(8, name.length - at)
        word = _next_word(cursor)
        memcpy(padded, &word, 8)
        if memcmp(padded, name.bytes + at, step) != 0:
            return False
        at += step
    return True


cdef void _start(Cursor* cursor, const Cache* cache, const Shard* shard, uint64_t extent) noexcept nogil:
    cursor.shard = shard
    cursor.chunk = <uint32_t>(extent >> 32)
    cursor.word = 0
    cursor.chunks = cache.chunks


cdef int _read_entry(
    const Cache* cache, const Shard* shard, uint32_t number, const Key* key, uint8_t* out, size_t capacity,
    Found* found
) noexcept nogil:
    """Copy the entry out if it is the key's. What was copied counts only if the sequence has not moved."""
    cdef const uint64_t* entry = _entry_at(shard, number)
    cdef uint64_t shape = load64(entry + W_SHAPE)
    cdef uint64_t extent = load64(entry + W_EXTENT)
    cdef Cursor cursor
    cdef uint64_t timed
    cdef int i
    if load64(entry + W_HASH) != key.hash or not _same_shape(shape, key):
        return READ_ABSENT
    _start(&cursor, cache, shard, extent)
    if not _same_name(&cursor, key.name):
        return READ_ABSENT
    found.length = <uint32_t>extent
    found.ad = (shape & E_AD) != 0
    found.failure = (shape & E_FAILURE) != 0
    found.union_known = (shape & E_UNION) != 0
    found.seen.any_mandatory = (shape & E_MANDATORY) != 0
    found.seen.coming = (shape & E_COMING) != 0
    found.seen.names = (shape & E_NAMES) != 0
    found.seen.damaged = (shape & E_DAMAGED) != 0
    found.generation = load64(entry + W_GENERATION)
    for i in range(8):
        found.seen.bits[i] = load64(entry + W_UNION + i)
    found.version = load64(entry + W_VERSION)
    found.entry = number
    found.hash = key.hash
    timed = load64(entry + W_TTL)
    found.ttl = <uint32_t>timed
    found.seen.hot[2] = <uint16_t>(timed >> 32)
    found.seen.hot[3] = <uint16_t>(timed >> 48)
    timed = load64(entry + W_INSERTED)
    found.inserted_at = <uint32_t>timed
    found.seen.hot[0] = <uint16_t>(timed >> 32)
    found.seen.hot[1] = <uint16_t>(timed >> 48)
    found.retry_at = <int64_t>load64(entry + W_RETRY)
    found.ede_length = <uint8_t>(shape >> 8 & 0xFF)
    _copy_out(&cursor, found.ede_bytes, found.ede_length)
    if found.length > capacity:
        return READ_TOO_LONG
    _copy_out(&cursor, out, found.length)
    return READ_FOUND


cdef int _read(
    const Cache* cache, const Shard* shard, const Key* key, uint8_t* out, size_t capacity, Found* found
) noexcept nogil:
    """Find the key's entry in its bucket and copy it out."""
    cdef const uint64_t* bucket = _bucket_of(cache, shard, key.hash)
    cdef uint64_t tag = _tag(key.hash)
    cdef uint64_t slot
    cdef uint32_t number
    cdef int way, outcome
    for way in range(WAYS):
        slot = load64(bucket + way)
        number = <uint32_t>slot
        if number == 0 or slot - number != tag:
            continue
        outcome = _read_entry(cache, shard, number - 1, key, out, capacity, found)
        if outcome != READ_ABSENT:
            return outcome
    return READ_ABSENT


cdef void shard_fetch_bucket(const Cache* cache, const Key* key) noexcept nogil:
    cdef const Shard* shard = shard_of(cache, key.hash)
    __builtin_prefetch(shard)
    __builtin_prefetch(_bucket_of(cache, shard, key.hash))


cdef uint32_t shard_fetch_entry(const Cache* cache, const Key* key) noexcept nogil:
    cdef const Shard* shard = shard_of(cache, key.hash)
    cdef const uint64_t* bucket = _bucket_of(cache, shard, key.hash)
    cdef uint64_t tag = _tag(key.hash)
    cdef uint64_t slot
    cdef int way
    for way in range(WAYS):
        slot = load64(bucket + way)
        if <uint32_t>slot != 0 and slot - <uint32_t>slot == tag:
            __builtin_prefetch(_entry_at(shard, <uint32_t>slot - 1))
            __builtin_prefetch(_entry_at(shard, <uint32_t>slot - 1) + 8)
            __builtin_prefetch(shard.frequency + <uint32_t>slot - 1)
            return <uint32_t>slot
    return 0


cdef void shard_fetch_answer(const Cache* cache, const Key* key, uint32_t number) noexcept nogil:
    cdef const Shard* shard = shard_of(cache, key.hash)
    cdef uint32_t chunk = <uint32_t>(load64(_entry_at(shard, number - 1) + W_EXTENT) >> 32)
    if 0 < chunk <= cache.chunks:
        __builtin_prefetch(shard.chunks + <size_t>(chunk - 1) * CHUNK_WORDS)
        __builtin_prefetch(shard.chunks + <size_t>(chunk - 1) * CHUNK_WORDS + 8)


cdef int shard_read(
    const Cache* cache, Shard* shard, const Key* key, uint8_t* out, size_t capacity, Found* found
) noexcept nogil:
    cdef uint64_t sequence
    cdef int outcome
    for _ in range(READ_ATTEMPTS):
        sequence = load64(&shard.sequence)
        if sequence & 1:
            continue
        outcome = _read(cache, shard, key, out, capacity, found)
        if load64(&shard.sequence) == sequence:
            return outcome
    add64(&shard.contended_reads, 1)
    return READ_BUSY


cdef bint shard_count_hit(Shard* shard, uint32_t entry, bint nearly_over) noexcept nogil:
    # A lost or misplaced count does no harm; of two who claim at one time both refresh, as one question.
    cdef uint8_t before = load8(shard.frequency + entry)
    cdef uint8_t after = before | M_ASKED
    cdef bint claims = nearly_over and before & M_ASKED != 0 and not before & M_CLAIMED
    if before & M_HITS < MOST_HITS:
        after += 1
    if claims:
        after |= M_CLAIMED
    if after != before:
        store8(shard.frequency + entry, after)
    return claims


# --- writing: all but the three entrances runs with the shard's sequence odd --------------------------------

cdef bint _lock(Shard* shard) noexcept nogil:
    """Make the sequence odd; False where another writer did."""
    cdef uint64_t sequence = load64(&shard.sequence)
    return not sequence & 1 and swap64(&shard.sequence, sequence, sequence + 1)


cdef void _unlock(Shard* shard) noexcept nogil:
    store64(&shard.sequence, load64(&shard.sequence) + 1)


cdef void _push(Queue* queue, uint32_t size, uint32_t entry) noexcept nogil:
    queue.items[(queue.head + <uint64_t>queue.count) % size] = entry
    queue.count += 1


cdef uint32_t _pop(Queue* queue, uint32_t size) noexcept nogil:
    cdef uint32_t entry = queue.items[queue.head]
    queue.head = (queue.head + 1) % size
    queue.count -= 1
    return entry


cdef void _free_chunks(Shard* shard, uint64_t extent) noexcept nogil:
    """Give an entry's chunks back."""
    cdef uint32_t chunk = <uint32_t>(extent >> 32)
    cdef uint32_t behind
    while chunk != 0:
        behind = shard.chain[chunk - 1]
        store32(shard.chain + chunk - 1, shard.free_chunk)
        shard.free_chunk = chunk
        shard.free_chunks += 1
        chunk = behind


cdef void _unlink(const Cache* cache, Shard* shard, uint32_t number) noexcept nogil:
    """Take a live entry out of its bucket and give its chunks back; its queue still holds its number."""
    cdef uint64_t* entry = _entry_at(shard, number)
    cdef uint64_t* bucket = _bucket_of(cache, shard, entry[W_HASH])
    cdef int way
    for way in range(WAYS):
        if <uint32_t>bucket[way] == number + 1:
            store64(bucket + way, 0)
    _free_chunks(shard, entry[W_EXTENT])
    store64(entry + W_EXTENT, 0)
    store64(entry + W_VERSION, 0)
    shard.place[number] |= PLACE_DEAD
    add64(&shard.live, <uint64_t>-1)


cdef void _free_entry(Shard* shard, uint32_t number) noexcept nogil:
    """Put an unlinked entry that has left its queue on the free list."""
    store64(_entry_at(shard, number) + W_HASH, shard.free_entry)
    shard.free_entry = number + 1
    shard.place[number] = PLACE_FREE


cdef void _remember_ghost(const Cache* cache, Shard* shard, uint64_t hash) noexcept nogil:
    shard.ghost_clock += 1
    shard.ghosts[home_of(hash, cache.entries)] = _tag(hash) | shard.ghost_clock


cdef bint _is_ghost(const Cache* cache, const Shard* shard, uint64_t hash) noexcept nogil:
    """True if the hash left the small queue no longer ago than there is room for entries."""
    cdef uint64_t ghost = shard.ghosts[home_of(hash, cache.entries)]
    cdef uint32_t since = shard.ghost_clock - <uint32_t>ghost
    return ghost != 0 and (ghost ^ _tag(hash)) >> 32 == 0 and since <= cache.entries


cdef bint _is_over(const Cache* cache, const uint64_t* entry, int64_t now) noexcept nogil:
    """True if an entry is of no use to anybody any more, not even as a stale answer."""
    cdef int64_t window = 0 if entry[W_SHAPE] & E_FAILURE else cache.stale_window
    return now - <int64_t><uint32_t>entry[W_INSERTED] >= <int64_t><uint32_t>entry[W_TTL] + window


cdef void _evict(const Cache* cache, Shard* shard, uint32_t number, int64_t now) noexcept nogil:
    """Remove a live entry that was popped from its queue."""
    cdef const uint64_t* entry = _entry_at(shard, number)
    if _is_over(cache, entry, now):
        add64(&shard.expired, 1)
    else:
        add64(&shard.evicted, 1)
        if shard.place[number] == PLACE_SMALL:
            _remember_ghost(cache, shard, entry[W_HASH])
    _unlink(cache, shard, number)
    _free_entry(shard, number)


cdef bint _stays(const Cache* cache, Shard* shard, uint32_t number, int64_t now) noexcept nogil:
    """True if S3-FIFO keeps a live entry that was popped; if so it is in the main queue again."""
    cdef uint8_t mark = load8(shard.frequency + number)
    cdef uint8_t hits = mark & M_HITS
    if _is_over(cache, _entry_at(shard, number), now):
        return False
    if shard.place[number] == PLACE_SMALL:
        if hits < 2:
            return False
        hits = 1
    elif hits == 0:
        return False
    store8(shard.frequency + number, mark & ~<uint8_t>M_HITS | (hits - 1))
    shard.place[number] = PLACE_MAIN
    _push(&shard.main, cache.entries, number)
    return True


cdef inline bint _heads_dead(const Shard* shard, const Queue* queue) noexcept nogil:
    """True if the oldest of a queue is an entry that was unlinked."""
    return queue.count > 0 and (shard.place[queue.items[queue.head]] & PLACE_DEAD) != 0


cdef bint _make_room(const Cache* cache, Shard* shard, int64_t now) noexcept nogil:
    """Free one entry and its chunks. False: there is none left."""
    cdef int chances = SECOND_CHANCES
    cdef uint32_t number
    while shard.small.count + shard.main.count > 0:
        # What was flushed goes first: else the main queue's dead would keep the small one to a ninth of them.
        if _heads_dead(shard, &shard.main):
            number = _pop(&shard.main, cache.entries)
        elif shard.small.count > 0 and shard.small.count * <uint64_t>9 >= shard.main.count:
            number = _pop(&shard.small, cache.entries)
        else:
            number = _pop(&shard.main, cache.entries)
        if shard.place[number] & PLACE_DEAD:
            _free_entry(shard, number)
            return True
        if chances > 0 and _stays(cache, shard, number, now):
            chances -= 1
            continue
        _evict(cache, shard, number, now)
        return True
    return False


cdef uint32_t _chunks_for(const Key* key, const Content* content) noexcept nogil:
    cdef size_t words = (key.name.length + 7) // 8 + (content.ede_length + 7) // 8 + (content.length + 7) // 8
    return <uint32_t>((words + CHUNK_WORDS - 1) // CHUNK_WORDS)


cdef uint32_t _take_chunks(Shard* shard, uint32_t count) noexcept nogil:
    """A chain of free chunks, which must be there: the first + 1."""
    cdef uint32_t first = shard.free_chunk
    cdef uint32_t last = first
    for _ in range(count - 1):
        last = shard.chain[last - 1]
    shard.free_chunk = shard.chain[last - 1]
    shard.free_chunks -= count
    store32(shard.chain + last - 1, 0)
    return first


cdef void _put_bytes(Cursor* cursor, const uint8_t* source, size_t length) noexcept nogil:
    """Write bytes into the payload, from a word on."""
    cdef uint64_t word
    cdef size_t step
    while length > 0:
        step = min(<size_t>8, length)
        word = 0
        memcpy(&word, source, step)
        store64(cursor.shard.chunks + <size_t>(cursor.chunk - 1) * CHUNK_WORDS + cursor.word, word)
        source += step
        length -= step
        cursor.word += 1
        if cursor.word == CHUNK_WORDS:
            cursor.word = 0
            cursor.chunk = cursor.shard.chain[cursor.chunk - 1]


cdef int64_t _find_entry(const Cache* cache, const Shard* shard, const Key* key) noexcept nogil:
    """The number of the key's entry, or -1."""
    cdef const uint64_t* bucket = _bucket_of(cache, shard, key.hash)
    cdef const uint64_t* entry
    cdef uint32_t number
    cdef Cursor cursor
    cdef int way
    for way in range(WAYS):
        number = <uint32_t>bucket[way]
        if number == 0:
            continue
        entry = _entry_at(shard, number - 1)
        if entry[W_HASH] != key.hash or not _same_shape(entry[W_SHAPE], key):
            continue
        _start(&cursor, cache, shard, entry[W_EXTENT])
        if _same_name(&cursor, key.name):
            return number - 1
    return -1


cdef int _free_way(const Cache* cache, Shard* shard, const uint64_t* bucket) noexcept nogil:
    """A slot for a new entry: an empty one, else that of the least asked for, small queue first."""
    cdef int way
    cdef int least = 0
    cdef int worth
    cdef int lowest = 255
    cdef uint32_t number
    for way in range(WAYS):
        if bucket[way] == 0:
            return way
        number = <uint32_t>bucket[way] - 1
        worth = load8(shard.frequency + number) & M_HITS
        if shard.place[number] == PLACE_MAIN:
            worth += MOST_HITS + 1
        if worth < lowest:
            lowest = worth
            least = way
    add64(&shard.evicted, 1)
    _unlink(cache, shard, <uint32_t>bucket[least] - 1)
    return least


cdef uint32_t _new_entry(const Cache* cache, Shard* shard, const Key* key) noexcept nogil:
    """Take a free entry, which must be there, and put it into its bucket and queue."""
    cdef uint32_t number = shard.free_entry - 1
    cdef uint64_t* bucket = _bucket_of(cache, shard, key.hash)
    cdef int way = _free_way(cache, shard, bucket)
    shard.free_entry = <uint32_t>_entry_at(shard, number)[W_HASH]
    store8(shard.frequency + number, 0)
    if _is_ghost(cache, shard, key.hash):
        shard.place[number] = PLACE_MAIN
        _push(&shard.main, cache.entries, number)
    else:
        shard.place[number] = PLACE_SMALL
        _push(&shard.small, cache.entries, number)
    store64(bucket + way, _tag(key.hash) | (number + 1))
    add64(&shard.live, 1)
    return number


cdef inline uint64_t _beside(uint64_t word, uint16_t first, uint16_t second) noexcept nogil:
    """The seconds of a word, and two hot subjects in its high half."""
    return <uint32_t>word | <uint64_t>first << 32 | <uint64_t>second << 48


cdef void _store_union(uint64_t* entry, const Union* seen, uint64_t generation) noexcept nogil:
    """Write union, generation and their flags beside an entry."""
    cdef uint64_t shape = entry[W_SHAPE] & ~<uint64_t>(
        E_UNION | E_MANDATORY | E_NAMES | E_DAMAGED | E_COMING
    )
    cdef int i
    shape |= E_UNION
    if seen.any_mandatory:
        shape |= E_MANDATORY
    if seen.coming:
        shape |= E_COMING
    if seen.names:
        shape |= E_NAMES
    if seen.damaged:
        shape |= E_DAMAGED
    for i in range(8):
        store64(entry + W_UNION + i, seen.bits[i])
    store64(entry + W_INSERTED, _beside(entry[W_INSERTED], seen.hot[0], seen.hot[1]))
    store64(entry + W_TTL, _beside(entry[W_TTL], seen.hot[2], seen.hot[3]))
    store64(entry + W_GENERATION, generation)
    store64(entry + W_SHAPE, shape)


cdef void _fill(
    const Cache* cache, Shard* shard, uint32_t number, const Key* key, const Content* content, int64_t now
) noexcept nogil:
    """Write everything but the union into an entry whose old chunks were given back."""
    cdef uint64_t* entry = _entry_at(shard, number)
    cdef uint64_t extent = <uint64_t>_take_chunks(shard, _chunks_for(key, content)) << 32 | content.length
    cdef Cursor cursor
    _start(&cursor, cache, shard, extent)
    _put_bytes(&cursor, key.name.bytes, key.name.length)
    _put_bytes(&cursor, content.edes, content.ede_length)
    _put_bytes(&cursor, content.message, content.length)
    shard.version += 1
    store8(shard.frequency + number, load8(shard.frequency + number) & M_HITS)
    store64(entry + W_HASH, key.hash)
    store64(entry + W_INSERTED, <uint32_t>now)
    store64(entry + W_TTL, content.ttl)
    store64(entry + W_RETRY, 0)
    store64(entry + W_SHAPE, _shape(key, content.ede_length, content.flags))
    store64(entry + W_EXTENT, extent)
    store64(entry + W_VERSION, shard.version)


cdef bint _keeps_stale(
    const Cache* cache, uint64_t* entry, const Content* content, int64_t now
) noexcept nogil:
    """True if a failure meets an answer that can still be served; that stays, and upstreams get a pause."""
    if not content.flags & E_FAILURE or content.ends_stale:
        return False
    if entry[W_SHAPE] & E_FAILURE or _is_over(cache, entry, now):
        return False
    store64(entry + W_RETRY, <uint64_t>(now + FAILURE_RECHECK))
    return True


cdef int _insert_locked(
    const Cache* cache, Shard* shard, const Key* key, const Content* content, int64_t now
) noexcept nogil:
    """Insert or replace."""
    cdef uint32_t chunks = _chunks_for(key, content)
    cdef int64_t number = _find_entry(cache, shard, key)
    if number >= 0 and _keeps_stale(cache, _entry_at(shard, <uint32_t>number), content, now):
        return INSERT_KEPT_STALE
    while shard.free_chunks < chunks or shard.free_entry == 0:
        if not _make_room(cache, shard, now):
            return INSERT_TOO_LARGE
    number = _find_entry(cache, shard, key)     # it may just have been evicted
    if number < 0:
        number = _new_entry(cache, shard, key)
    else:
        _free_chunks(shard, _entry_at(shard, <uint32_t>number)[W_EXTENT])
    _fill(cache, shard, <uint32_t>number, key, content, now)
    if content.seen != NULL:
        _store_union(_entry_at(shard, <uint32_t>number), content.seen, content.generation)
    add64(&shard.inserted, 1)
    return INSERT_DONE


cdef int shard_insert(
    const Cache* cache, Shard* shard, const Key* key, const Content* content, int64_t now
) noexcept nogil:
    cdef int status
    if _chunks_for(key, content) > cache.chunks // 8:
        add64(&shard.refused, 1)
        return INSERT_TOO_LARGE
    if not _lock(shard):
        add64(&shard.contended_writes, 1)
        return INSERT_CONTENDED
    status = _insert_locked(cache, shard, key, content, now)
    _unlock(shard)
    return status


cdef bint shard_set_union(
    Shard* shard, uint32_t number, uint64_t version, const Union* seen, uint64_t generation
) noexcept nogil:
    cdef uint64_t* entry = _entry_at(shard, number)
    cdef bint same
    if not _lock(shard):
        add64(&shard.contended_writes, 1)
        return False
    same = entry[W_VERSION] == version
    if same:
        _store_union(entry, seen, generation)
    _unlock(shard)
    return same


cdef bint _covers(const Name* name, bint subtree, const uint8_t* other, uint8_t length) noexcept nogil:
    """True if ``other`` (a name in wire form) is the name, or with ``subtree`` below it."""
    cdef int at = 0
    while subtree and length - at > name.length:
        at += other[at] + 1
    return length - at == name.length and memcmp(other + at, name.bytes, name.length) == 0


cdef uint64_t shard_flush(const Cache* cache, Shard* shard, const Name* name, bint subtree) noexcept nogil:
    cdef uint64_t removed = 0
    cdef const uint64_t* entry
    cdef uint8_t other[256]
    cdef uint8_t length
    cdef uint32_t number
    cdef Cursor cursor
    while not _lock(shard):
        sched_yield()
    for number in range(cache.entries):
        if shard.place[number] == PLACE_FREE or shard.place[number] & PLACE_DEAD:
            continue
        entry = _entry_at(shard, number)
        length = <uint8_t>(entry[W_SHAPE] >> 16 & 0xFF)
        _start(&cursor, cache, shard, entry[W_EXTENT])
        _copy_out(&cursor, other, length)
        if _covers(name, subtree, other, length):
            _unlink(cache, shard, number)
            removed += 1
    _unlock(shard)
    add64(&shard.flushed, removed)
    return removed


# --- memory -------------------------------------------------------------------------------------------------

cdef size_t _round(size_t size) noexcept nogil:
    """Up to whole cache lines."""
    return (size + 63) // 64 * 64


cdef size_t _shard_size(const Cache* cache) noexcept nogil:
    """Bytes of one shard: its struct and its arrays."""
    return (
        _round(sizeof(Shard))
        + _round(<size_t>cache.bucket_count * WAYS * sizeof(uint64_t))
        + _round(<size_t>cache.entries * ENTRY_WORDS * sizeof(uint64_t))
        + _round(<size_t>cache.chunks * CHUNK_BYTES)
        + _round(<size_t>cache.chunks * sizeof(uint32_t))
        + _round(<size_t>cache.entries * sizeof(uint64_t))
        + 2 * _round(<size_t>cache.entries * sizeof(uint32_t))
        + 2 * _round(cache.entries)
    )


cdef void _choose_sizes(Cache* cache, size_t size) noexcept nogil:
    """As many shards as still have a megabyte, and as many entries as ``size`` bytes have room for."""
    cdef size_t each
    cache.shard_count = 1
    while cache.shard_count < MOST_SHARDS and size // (2 * cache.shard_count) >= LEAST_SHARD:
        cache.shard_count *= 2
    each = size // cache.shard_count
    cache.entries = <uint32_t>(each // 512)
    while True:
        cache.bucket_count = max(cache.entries * 2 // WAYS, 1)
        cache.chunks = cache.entries * CHUNKS_PER_ENTRY
        if _shard_size(cache) <= each:
            break
        cache.entries -= cache.entries // 64 + 1


cdef uint8_t* _carve(uint8_t** at, size_t size) noexcept nogil:
    """The next ``size`` bytes of the cache's memory, at the start of a cache line."""
    cdef uint8_t* here = at[0]
    at[0] += _round(size)
    return here


cdef void _lay_out(Cache* cache, Shard* shard, uint8_t** at) noexcept nogil:
    """Give a shard its arrays and make every entry and chunk free."""
    cdef uint32_t i
    shard.buckets = <uint64_t*>_carve(at, <size_t>cache.bucket_count * WAYS * sizeof(uint64_t))
    shard.entries = <uint64_t*>_carve(at, <size_t>cache.entries * ENTRY_WORDS * sizeof(uint64_t))
    shard.chunks = <uint64_t*>_carve(at, <size_t>cache.chunks * CHUNK_BYTES)
    shard.chain = <uint32_t*>_carve(at, <size_t>cache.chunks * sizeof(uint32_t))
    shard.ghosts = <uint64_t*>_carve(at, <size_t>cache.entries * sizeof(uint64_t))
    shard.small.items = <uint32_t*>_carve(at, <size_t>cache.entries * sizeof(uint32_t))
    shard.main.items = <uint32_t*>_carve(at, <size_t>cache.entries * sizeof(uint32_t))
    shard.frequency = _carve(at, cache.entries)
    shard.place = _carve(at, cache.entries)
    for i in range(cache.entries):
        _entry_at(shard, i)[W_HASH] = 0 if i + 1 == cache.entries else i + 2
    for i in range(cache.chunks):
        shard.chain[i] = 0 if i + 1 == cache.chunks else i + 2
    shard.free_entry = 1
    shard.free_chunk = 1
    shard.free_chunks = cache.chunks


cdef bint shards_allocate(Cache* cache, size_t size) noexcept nogil:
    cdef uint8_t* at
    cdef uint8_t* shards
    cdef uint32_t i
    _choose_sizes(cache, size)
    cache.memory = calloc(1, 64 + cache.shard_count * _shard_size(cache))
    if cache.memory == NULL:
        return False
    at = <uint8_t*>cache.memory + (64 - <uintptr_t>cache.memory % 64)
    shards = _carve(&at, cache.shard_count * _round(sizeof(Shard)))
    cache.shards = <Shard*>shards
    for i in range(cache.shard_count):
        _lay_out(cache, cache.shards + i, &at)
    return True
