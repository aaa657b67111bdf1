# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The table of sessions: records, their indexes, and the rules by which events change them. See ``table.pyx``."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from filterd.accounting.event cimport Event
from filterd.accounting.evidence cimport Evidence
from filterd.accounting.outbox cimport Outbox
from filterd.accounting.slab cimport Slab
from filterd.disk.session_file cimport Record

cdef enum:
    SOURCE_RADIUS = 1           # model.session.SessionSource


cdef struct Subscriber:         # one that is registered
    uint32_t fingerprint[3]
    uint32_t next
    uint64_t line               # 0: the place is free


cdef struct Tally:              # numbers for SessionCounts
    uint64_t live
    uint64_t registered
    uint64_t subscribers
    uint64_t events
    uint64_t refused_full
    uint64_t late
    uint64_t unknown
    uint64_t lost
    uint64_t taken
    uint64_t ambiguous
    uint64_t damaged


cdef struct Table:              # one thread at a time; `sessions.pyx` holds the lock
    Slab slab
    Evidence evidence
    Outbox outbox
    uint8_t key[16]
    int64_t stale_after         # milliseconds
    uint32_t* by_session        # heads of chains of places
    uint32_t* next_session
    uint32_t* by_subscriber
    uint32_t* next_subscriber
    uint32_t mask               # of both
    uint32_t* by_claim          # heads of chains of 4 * place + claim
    uint32_t* next_claim
    uint32_t claim_mask
    uint32_t* marks             # of the newest evidence of each claim (evidence.pxd), by 4 * place + claim
    uint32_t* sent              # the deadline that receivers have, by place
    uint64_t lengths[129]       # claims by prefix length
    uint64_t ranges             # claims of ports
    Subscriber* subscribers     # places from 1
    uint32_t* subscriber_heads
    uint32_t subscriber_size    # a power of two
    uint32_t subscriber_used
    uint32_t subscriber_free
    uint32_t cursor             # of the sweep
    uint32_t urgent             # places to visit until every session that a NAS ended is gone
    bint silent                 # changes are not told: the file is being read
    Tally tally


cdef bint table_start(Table* table, int file, uint32_t there, uint32_t most) noexcept nogil
cdef void table_free(Table* table) noexcept nogil
# Index what the file holds, drop what is damaged, stale or contradicted.
cdef void table_load(Table* table, int64_t now) noexcept nogil
cdef void table_apply(Table* table, const Event* event) noexcept nogil
cdef bint table_register(Table* table, const uint32_t* subscriber, uint64_t line, int64_t now) noexcept nogil
# The place of the session that has the address (and port) now, or 0.
cdef uint32_t table_find(Table* table, const uint8_t* address, uint32_t port, int64_t now) noexcept nogil
cdef bint is_live(const Table* table, const Record* record, int64_t now) noexcept nogil
cdef uint32_t table_sweep(Table* table, uint32_t most, int64_t now) noexcept nogil
# Write the entries of places behind ``cursor``; their number. ``cursor`` is 0 when there are no more.
cdef uint32_t table_full(Table* table, uint32_t* cursor, uint32_t most, int64_t now, uint8_t* out) noexcept nogil
