# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The response cache: unfiltered upstream answers, shared by all lines, read by many threads without a lock.

This module makes keys, sets lifetimes and judges what a lookup finds; `shard` owns the memory.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from filterd.dataplane.cache.shard cimport Cache, Found, Key
from filterd.policy.inspect cimport Union
from filterd.wire.codec cimport EdeList, Name


cdef enum CacheStatus:
    CACHE_MISS = 0
    CACHE_HIT = 1
    CACHE_STALE = 2             # past its TTL, within the stale window (RFC 8767): TTLs in the copy say 30
    CACHE_BUSY = 3              # a writer was at work at each attempt; treat as a miss
    CACHE_TOO_LONG = 4          # fresh, but longer than the buffer; found.length says how long

cdef struct NewAnswer:          # an upstream's answer that is to be kept; borrowed by cache_insert
    const uint8_t* message      # without OPT
    size_t length
    bint ad                     # a trusted upstream set AD
    const EdeList* edes         # NULL: none
    const Union* seen           # NULL: not known yet
    uint64_t generation         # of the state that `seen` belongs to


cdef void cache_key(const Cache* cache, const Name* name, uint16_t qtype, uint16_t qclass,
                    bint dnssec_ok, bint checking_disabled, Key* out) noexcept nogil

# Copies the answer (without OPT) into out. `now`: seconds of the monotonic clock. Where
# found.refresh is set, the caller has to ask for the key again, without waiting for it.
cdef int cache_lookup(Cache* cache, const Key* key, int64_t now, uint8_t* out, size_t capacity,
                      Found* found) noexcept nogil

# Keeps an upstream's answer; gives an InsertStatus.
cdef int cache_insert(Cache* cache, const Key* key, const NewAnswer* answer, int64_t now) noexcept nogil

# Remembers for 5 s that no upstream gave an answer (RFC 9520): later lookups find a SERVFAIL.
cdef int cache_insert_failure(Cache* cache, const Key* key, const EdeList* edes, int64_t now) noexcept nogil

# Puts a recomputed union beside the answer that `found` was copied from; False: it is gone, or contention.
cdef bint cache_set_union(Cache* cache, const Found* found, const Union* seen,
                          uint64_t generation) noexcept nogil

# Removes the name's entries of all types, and with subtree all below it; returns their number.
cdef uint64_t cache_flush(Cache* cache, const Name* name, bint subtree) noexcept nogil


cdef class ResponseCache:
    cdef Cache cache
