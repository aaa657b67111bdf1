# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The limit on queries over UDP: a token bucket for each client prefix, in memory taken at start.

A bucket is one word, so that threads without the GIL share it by compare-and-swap alone: the time at which it
will be full again (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371). A query
moves that time on by the interval between two queries; a bucket that would be full later than one burst from
now has nothing left. A full bucket knows nothing, so it may be replaced without loss; where all of a set are
in use, the one that will be full first is. What floods is in debt longest and goes last
(docs/decisions/0053-rate-limit.md).
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t

from filterd.dataplane.tables.hashing cimport Seed
from filterd.dataplane.tables.addresses cimport AddressTable


cdef enum RateOutcome:
    RATE_PASS = 0
    RATE_TRUNCATE = 1           # to be answered with TC alone: the client may come back over TCP
    RATE_DROP = 2

cdef enum:
    RATE_WAYS = 8               # buckets of a set: their keys and their states are a cache line each
    RATE_TAGS = 128             # how many prefix tags there may be, see tag_of


cdef struct RateSet:            # aligned to its 128 bytes; all words atomic
    uint64_t keys[RATE_WAYS]    # the prefix: 8 bytes of an IPv6 address, or the 4 of an IPv4 address
    uint64_t states[RATE_WAYS]  # time, tag, credit, turn: see ratelimit.pyx

cdef struct RateTable:
    Seed seed
    RateSet* sets
    uint64_t size               # of sets

cdef struct Rate:
    uint64_t interval           # between two queries, in units of 1/4096 ms; 0: no limit
    uint64_t burst              # how far ahead of now a bucket may be full: queries at once times interval
    uint8_t length              # of the prefix that has a bucket: up to 32, or up to 64 for IPv6

cdef struct Rates:              # sealed when made, replaced whole by a reload
    Rate ipv4
    Rate ipv6
    const AddressTable* prefixes    # an override's place in the list, by its prefix
    const Rate* overrides


cdef inline uint8_t tag_of(bint ipv4, uint8_t length) noexcept nogil:
    """A prefix length of one family in one byte: 1..64 for IPv6, 65..96 for IPv4."""
    return 64 + length if ipv4 else length


# Takes one query from the bucket of the client's prefix; gives a RateOutcome. `client` has 16 bytes, IPv4 as
# ::ffff:a.b.c.d; `milliseconds` are those of the monotonic clock. `tag`: the prefix's tag.
cdef int rate_take(RateTable* table, const Rates* rates, const uint8_t* client, int64_t milliseconds,
                   uint8_t* tag) noexcept nogil


cdef class RateRules:
    cdef Rates rates
    cdef Rate* overrides
    cdef object prefixes


cdef class RateLimiter:
    cdef RateTable clients
    cdef RateTable strangers
