# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The memory behind the response cache.

A shard is one sequence word and arrays carved at start: entry headers, chunks of message, buckets that lead
from hash to entry, and the two queues and the ghosts of S3-FIFO. A writer makes the sequence odd, or gives
up if it is odd already; a reader copies and starts again if the sequence moved. Readers and writers touch
shared memory by atomic words only. `shard_flush` alone waits: it is not on the query path.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.tables.hashing cimport Seed
from filterd.policy.inspect cimport Union
from filterd.wire.codec cimport EdeList, Name


cdef enum InsertStatus:
    INSERT_DONE = 0
    INSERT_REFUSED = 1          # not to be cached: TTL 0, negative without SOA, cut, another question
    INSERT_TOO_LARGE = 2        # more than an eighth of a shard
    INSERT_CONTENDED = 3        # another writer was at work: given up
    INSERT_KEPT_STALE = 4       # a failure; the stale answer stays and is not retried for 30 s

cdef enum ReadStatus:
    READ_ABSENT = 0
    READ_FOUND = 1
    READ_TOO_LONG = 2           # all but the message was copied
    READ_BUSY = 3               # a writer was at work at each attempt

cdef enum:                      # entry flags
    E_AD = 1
    E_FAILURE = 2
    E_UNION = 4                 # the union and its generation are set
    E_MANDATORY = 8
    E_NAMES = 16
    E_DAMAGED = 32
    E_COMING = 64

cdef enum:                      # the byte in `frequency`
    M_HITS = 3                  # since the entry last moved in the queues, at most 3
    M_ASKED = 64                # asked for since this answer was inserted
    M_CLAIMED = 128             # a reader refreshes it before its TTL is over

cdef enum:
    ENTRY_WORDS = 16
    CHUNK_WORDS = 16
    CHUNK_BYTES = 128
    WAYS = 8                    # slots of a bucket, one cache line
    EDE_BYTES = 248             # of packed extended errors kept with an answer


cdef struct Key:
    uint64_t hash
    const Name* name            # lower-cased; borrowed
    uint16_t qtype
    uint16_t qclass
    uint8_t flags               # 1: DO, 2: CD

cdef struct Found:              # what a lookup copied out; not to be moved (edes lead into ede_bytes)
    size_t length               # of the message in the caller's buffer
    uint32_t age                # seconds to take off its TTLs; 0 where stale
    uint32_t ttl                # seconds that the answer is still good for; 30 where stale
    bint ad                     # a trusted upstream set AD
    bint failure                # a cached failure (RFC 9520)
    bint hold                   # stale, and the upstreams failed less than 30 s ago: do not ask again now
    bint refresh                # popular and nearly over: this reader asks for it again
    bint union_known
    uint64_t generation         # that `seen` was computed for
    Union seen
    EdeList edes
    uint8_t ede_length          # of what is packed in ede_bytes
    uint8_t ede_bytes[256]
    int64_t inserted_at
    int64_t retry_at
    uint64_t hash               # with entry and version: which insertion this was, for cache_set_union
    uint64_t version
    uint32_t entry

cdef struct Queue:              # a ring of entry numbers
    uint32_t* items
    uint32_t head               # next to be popped
    uint32_t count

cdef struct Shard:
    uint64_t sequence           # odd: a writer is at work
    uint64_t* entries           # ENTRY_WORDS each
    uint64_t* chunks            # CHUNK_WORDS each
    uint64_t* buckets           # WAYS slots each: tag << 32 | entry + 1, 0: empty
    uint32_t* chain             # by chunk: the next one + 1
    uint8_t* frequency          # by entry: hits since it last moved, and M_*; written by readers too
    # below: only the thread that made the sequence odd
    uint8_t* place              # by entry: PLACE_*
    uint64_t* ghosts            # tag << 32 | eviction count at which it left
    Queue small
    Queue main
    uint32_t free_entry         # + 1; chained through the entry's first word
    uint32_t free_chunk         # + 1; chained through `chain`
    uint32_t free_chunks
    uint32_t ghost_clock
    uint64_t version
    uint64_t live
    # counters, added to atomically
    uint64_t inserted
    uint64_t evicted
    uint64_t expired
    uint64_t flushed
    uint64_t refused
    uint64_t contended_reads
    uint64_t contended_writes

cdef struct Cache:
    Seed seed
    void* memory
    Shard* shards
    uint32_t shard_count
    uint32_t entries            # of each shard
    uint32_t chunks
    uint32_t bucket_count
    uint32_t stale_window       # seconds

cdef struct Content:            # a new entry's payload before it is stored
    const uint8_t* message
    size_t length
    uint8_t edes[256]
    uint8_t ede_length
    uint32_t ttl
    uint8_t flags
    bint ends_stale             # a failure that a stale answer must not hide
    const Union* seen           # NULL: not known yet
    uint64_t generation         # of the state that `seen` belongs to


cdef inline Shard* shard_of(const Cache* cache, uint64_t hash) noexcept nogil:
    """The shard of the keys with this hash."""
    return cache.shards + hash % cache.shard_count


# All memory that the cache will ever have, about `size` bytes. False: there is not that much.
cdef bint shards_allocate(Cache* cache, size_t size) noexcept nogil

# Prefetch the memory that a read of the key will touch, each step when the one before has come: the bucket,
# the entry, its answer. They decide nothing.
cdef void shard_fetch_bucket(const Cache* cache, const Key* key) noexcept nogil
cdef uint32_t shard_fetch_entry(const Cache* cache, const Key* key) noexcept nogil      # its number + 1, or 0
cdef void shard_fetch_answer(const Cache* cache, const Key* key, uint32_t number) noexcept nogil

# Copies the key's entry out: READ_*. Nothing is judged: found.ttl is that of the insertion.
cdef int shard_read(const Cache* cache, Shard* shard, const Key* key, uint8_t* out, size_t capacity,
                    Found* found) noexcept nogil

# Counts a hit for the queues. True: it was asked for before, `nearly_over`, and no reader refreshes it yet.
cdef bint shard_count_hit(Shard* shard, uint32_t entry, bint nearly_over) noexcept nogil

# Inserts or replaces: INSERT_*.
cdef int shard_insert(const Cache* cache, Shard* shard, const Key* key, const Content* content,
                      int64_t now) noexcept nogil

# Puts a union beside the entry if it is still of that version; False: it is gone, or contention.
cdef bint shard_set_union(Shard* shard, uint32_t number, uint64_t version, const Union* seen,
                          uint64_t generation) noexcept nogil

# Removes what the name covers; returns the number of entries. Waits for other writers.
cdef uint64_t shard_flush(const Cache* cache, Shard* shard, const Name* name, bint subtree) noexcept nogil
