# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The table of sessions: records, their indexes, and what is told of them. ``rules`` says how events change
it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from filterd.accounting.evidence cimport Evidence, nas_place
from filterd.accounting.message cimport Held, Message
from filterd.accounting.outbox cimport Outbox, tell as tell_receivers
from filterd.accounting.slab cimport Slab
from filterd.accounting.subscribers cimport Subscribers
from filterd.disk.session_file cimport Record, line_of, record_checksum
from filterd.wire.siphash cimport sip_hash64

cdef enum:
    TELL = 1                    # how a claim goes: receivers are told
    REMEMBER = 2                # the evidence about it is kept


cdef struct Tally:              # numbers for SessionCounts
    uint64_t known[2][4]        # sessions, by whether their subscriber is registered, and by source
    uint64_t events
    uint64_t refused_full
    uint64_t late
    uint64_t unknown
    uint64_t lost
    uint64_t taken
    uint64_t ambiguous
    uint64_t damaged
    uint64_t ahead[64]          # messages that were stamped ahead, by kind (event.pxd)
    uint64_t stale              # sessions that the sweep dropped: nothing was heard of them in time


cdef struct Table:              # one thread at a time; `sessions.pyx` holds the lock
    Slab slab
    Evidence evidence
    Outbox outbox
    uint8_t key[16]
    int64_t stale_after         # milliseconds
    uint32_t* by_session        # heads of chains of places
    uint32_t* next_session      # the slab's links: a place is in a chain of sessions, or it is free
    uint32_t* by_subscriber
    uint32_t* next_subscriber
    uint32_t* back_subscriber   # a subscriber may have any number of sessions
    uint32_t mask               # of both
    uint32_t* by_claim          # heads of chains of 4 * place + claim
    uint32_t* next_claim
    uint32_t claim_mask
    uint32_t* marks             # of the newest evidence of each claim (evidence.pxd), by 4 * place + claim
    uint32_t* sent              # the deadline that receivers have, by place
    uint64_t lengths[129]       # claims by prefix length
    uint64_t ranges             # claims of ports
    Subscribers subscribers
    uint32_t cursor             # of the sweep
    uint32_t oldest             # oldest confirmation (Unix seconds) that the last whole sweep met; 0: none
    uint32_t oldest_yet         # that of the sweep under way
    uint32_t urgent             # places to visit until every session that a NAS ended is gone
    bint silent                 # changes are not told: the file is being read
    bint disordered             # another hand changed the file: nothing is taken from it or put into it
    Tally tally


cdef inline uint64_t claim_key(const Table* table, const uint8_t* address, uint8_t length) noexcept nogil:
    """The keyed hash of a claim; never 0."""
    cdef uint8_t text[17]
    memcpy(text, address, 16)
    text[16] = length
    return sip_hash64(table.key, text, 17) | 1


cdef inline uint64_t session_key(const Table* table, const uint32_t* session) noexcept nogil:
    """The key of an ended session."""
    return sip_hash64(table.key, <const uint8_t*>session, 12) | 1


cdef inline uint32_t nas_of(Table* table, const Record* record) noexcept nogil:
    return 0 if record.nas == 0 else nas_place(&table.evidence, record.nas)


cdef inline bint ended_by_nas(Table* table, uint32_t nas, int64_t stamp) noexcept nogil:
    """True for evidence of before the NAS began anew."""
    return nas != 0 and table.evidence.nases[nas].has_floor and stamp <= table.evidence.nases[nas].floor


cdef inline void seal(Record* record) noexcept nogil:
    record.checksum = record_checksum(record)


cdef inline void count(Table* table, const Record* record, int by) noexcept nogil:
    table.tally.known[line_of(record) != 0][record.origin >> 6] += by


cdef inline void set_line(Table* table, Record* record, uint64_t line) noexcept nogil:
    """Set the line of a record that is linked."""
    count(table, record, -1)
    record.line_high = <uint16_t>(line >> 32)
    record.line_low = <uint32_t>line
    count(table, record, 1)


cdef inline void tell(Table* table, const Record* record, int claim, uint64_t line) noexcept nogil:
    if not table.silent:
        tell_receivers(&table.outbox, record.addresses[claim], record.lengths[claim], line, record.until,
                       record.origin >> 6)


cdef bint table_start(Table* table, int file, uint32_t there, uint32_t most) noexcept nogil
cdef void table_free(Table* table) noexcept nogil
cdef bint table_register(Table* table, const uint32_t* subscriber, uint64_t line, int64_t now) noexcept nogil
# The place of the session that has the address (and port) now, or 0.
cdef uint32_t table_find(Table* table, const uint8_t* address, uint32_t port, int64_t now) noexcept nogil
# Visit ``most`` places, and end what is over; the number of places to visit until nothing is left that a NAS
# ended.
cdef uint32_t table_sweep(Table* table, uint32_t most, int64_t now) noexcept nogil
# The same, but stop when ``ended`` sessions were ended; the number of places that were visited.
cdef uint32_t sweep_some(Table* table, uint32_t most, uint32_t ended, int64_t now) noexcept nogil
# Write the entries of places behind ``cursor``; their number. ``cursor`` is 0 when there are no more.
# ``unregistered``: also those of nobody's line, which are 0.
cdef uint32_t table_full(Table* table, uint32_t* cursor, uint32_t most, int64_t now, bint unregistered,
                         uint8_t* out) noexcept nogil

# For the rules.
cdef bint is_live(const Table* table, const Record* record, int64_t now) noexcept nogil
cdef uint32_t find_session(const Table* table, const uint32_t* session) noexcept nogil
# A record without claims for a message's session; 0: there is no room.
cdef uint32_t new_record(Table* table, const Message* m) noexcept nogil
# Put a record that has no claims into the indexes.
cdef void link_record(Table* table, uint32_t place) noexcept nogil
cdef void unlink_subscriber(Table* table, uint32_t place) noexcept nogil
cdef void link_subscriber(Table* table, uint32_t place) noexcept nogil
# Give a record one more claim; there is room for it.
# While sessions of before are lost, receivers may still have a line at an address of which the table knows
# nothing: what ends there, or goes to a line that nobody has registered, is told as well.
cdef void tell_nobody(Table* table, const Held* claim, uint8_t source) noexcept nogil
cdef void add_claim(Table* table, uint32_t place, const Held* claim, uint32_t mark) noexcept nogil
cdef void drop_claim(Table* table, uint32_t place, int claim, uint32_t mark, int how) noexcept nogil
cdef void end_session(Table* table, uint32_t place, uint32_t mark) noexcept nogil
cdef void seal_or_drop(Table* table, uint32_t place) noexcept nogil
# The reference (4 * place + claim) of the next claim of another session that contradicts, behind ``behind``.
cdef uint32_t rival(const Table* table, uint32_t place, const Held* claim, uint32_t behind) noexcept nogil
cdef void tell_all(Table* table, uint32_t place, uint64_t line) noexcept nogil
