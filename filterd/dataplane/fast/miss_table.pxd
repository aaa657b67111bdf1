# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Questions on their way to upstreams: one thread's places for them, in memory that it has from its start.

A *miss* is one question. Its *waiters* are the exchanges that want the answer, its *attempts* the queries
that were sent for it. The table stores all three, finds them (a miss by its question and by its deadline, an
attempt by port and id) and limits how many a client may hold. It sends nothing, reads no datagram and judges
none: see `miss_attempts` and `misses`.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.fast.miss_query cimport QUESTION_SIZE, MissQuery
from filterd.dataplane.tables.hashing cimport Seed
from filterd.dataplane.fast.datagrams cimport ReturnPath
from filterd.dataplane.packet.stages cimport Exchange
from filterd.dataplane.fast.routes cimport HOPS, Hop, HopTally, Silences


cdef enum:
    MISSES = 4096               # questions on their way
    WAITERS = 8192              # exchanges that wait for them
    ATTEMPTS = 4                # of one question that may be answered yet; the oldest gives way
    MISS_BUCKETS = 8192
    ATTEMPT_BUCKETS = 16384
    CLIENTS = 4096              # counters that clients are hashed to
    ENDED = 4096                # attempts that ended and are remembered
    NOBODY = 0xFFFFFFFF         # no attempt has that number


cdef struct Attempt:            # one question asked of one upstream
    Hop hop                     # as it was when it was asked
    MissQuery query
    bint live                   # it may be answered yet
    bint again                  # the same upstream, asked without EDNS
    bint late                   # its silence was told
    bint doubted                # it was answered, after several replies that nearly matched
    uint16_t id
    uint16_t port               # a label of `miss_ports`
    uint32_t near               # replies that had nearly matched at that port before
    int64_t sent                # microseconds
    uint32_t next               # in its bucket: number + 1
    uint16_t question_length
    uint8_t question[QUESTION_SIZE]     # letter case as sent

cdef struct Miss:
    Attempt attempts[ATTEMPTS]
    uint32_t tries               # attempts that were ever made
    uint32_t next               # in its bucket, or of those that are free: number + 1
    uint32_t sooner             # by deadline: number + 1
    uint32_t later
    int64_t deadline
    uint64_t hash
    uint32_t first              # who waits: number + 1. 0: nobody, it is there for late answers to be heard
    uint32_t last
    uint8_t asked               # how many upstreams
    uint16_t numbers[HOPS]      # which

cdef struct Waiter:
    Exchange x
    ReturnPath return_path
    int64_t came                # microseconds
    uint32_t next               # who waits for the same, or of those that are free: number + 1
    uint16_t client             # its counter
    bint for_cache              # waits only to refresh the cache: its client has its answer

cdef struct MissTable:
    HopTally* tallies           # NUMBERS of them, this thread's: what is on its way to whom
    Silences* silences          # every thread's
    Seed seed
    Miss* misses
    Waiter* waiters
    uint32_t* miss_buckets      # by question
    uint32_t* attempt_buckets   # by id
    uint32_t* ended             # port and id of attempts that ended: what comes for them is late
    uint16_t* clients           # how many waiters of the clients that share a counter
    uint32_t free_miss
    uint32_t fresh_miss         # numbers from here on were never used
    uint32_t free_waiter
    uint32_t fresh_waiter
    uint32_t waiting            # exchanges
    uint32_t asking             # questions, those included that nobody waits for any more
    uint32_t soonest            # by deadline
    uint32_t latest


# `seed` is secret; `tallies` are what routes.join() gives, `silences` the routes' own. False: no memory.
cdef bint miss_table_allocate(MissTable* table, HopTally* tallies, Silences* silences,
                              const Seed* seed) noexcept nogil
cdef void miss_table_free(MissTable* table) noexcept nogil

# A place for one who waits, and for the question that it is the first to ask. NULL and 0: there is none, or
# the client has its share.
cdef Waiter* waiter_new(MissTable* table, const Exchange* x, const ReturnPath* return_path,
                        int64_t came) noexcept nogil
cdef void waiter_free(MissTable* table, Waiter* waiter) noexcept nogil
cdef uint32_t miss_new(MissTable* table, const Waiter* waiter, uint64_t hash) noexcept nogil

# A question's hash, and the number of the miss for the same question; 0: there is none.
cdef uint64_t miss_hash(const MissTable* table, const Exchange* x) noexcept nogil
cdef uint32_t miss_find(const MissTable* table, const Exchange* x, uint64_t hash) noexcept nogil
# One more waits for it.
cdef void miss_join(MissTable* table, uint32_t number, const Waiter* waiter) noexcept nogil
# When it is gone on with, later than for all others: each waits equally long.
cdef void miss_wait_until(MissTable* table, uint32_t number, int64_t deadline) noexcept nogil
# Whether somebody may yet answer.
cdef bint miss_is_asking(const Miss* miss) noexcept nogil
# Nothing that comes for its attempts counts any more.
cdef void miss_give_up(MissTable* table, Miss* miss) noexcept nogil
# Nobody waits for it any more: who did, as a list. It stays for a while where attempts are on their way, so
# that their upstreams are heard; then miss_forget.
cdef uint32_t miss_detach(MissTable* table, uint32_t number) noexcept nogil
cdef void miss_forget(MissTable* table, uint32_t number) noexcept nogil

# An attempt by port and id: its number, or NOBODY.
cdef uint32_t attempt_find(const MissTable* table, uint16_t port, uint16_t id) noexcept nogil
# Returns whether an attempt of that port and id has ended lately.
cdef bint attempt_ended(const MissTable* table, uint16_t port, uint16_t id) noexcept nogil
# The place for the miss's next attempt; the oldest is given up for it where there is no other.
cdef Attempt* attempt_place(MissTable* table, uint32_t miss) noexcept nogil
# It is on its way, and it is not any more.
cdef void attempt_link(MissTable* table, Attempt* attempt, uint32_t miss) noexcept nogil
cdef void attempt_unlink(MissTable* table, Attempt* attempt) noexcept nogil


cdef inline Attempt* attempt_at(const MissTable* table, uint32_t number) noexcept nogil:
    return &table.misses[number // ATTEMPTS].attempts[number % ATTEMPTS]


cdef inline uint64_t* tally_word(const MissTable* table, uint16_t number, int which) noexcept nogil:
    """One of the counts of the upstream with that number."""
    return &table.tallies[number].words[which]


cdef inline Waiter* first_waiter(const MissTable* table, uint32_t number) noexcept nogil:
    """Of a miss that somebody waits for."""
    return table.waiters + table.misses[number - 1].first - 1


cdef inline uint16_t places_of(const MissTable* table, const Waiter* waiter) noexcept nogil:
    """The number of places that its client holds."""
    return table.clients[waiter.client]
