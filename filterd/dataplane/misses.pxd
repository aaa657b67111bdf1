# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Cache misses on their way to upstreams over UDP: one thread's, in memory that it has from its start.

A miss is one question, however many clients wait for it. It is asked of one upstream after the other, in the
order of the route: at once where one will not answer, after 400 ms where it says nothing; whichever answers
first is believed. What this cannot do goes to the slow path: answers that are cut or lost the letter case,
and questions that nobody answered. See upstream/race.py for what that does better and at more cost.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.asking cimport QUESTION_SIZE, Asking
from filterd.dataplane.hand cimport Hand
from filterd.dataplane.hashing cimport Seed
from filterd.dataplane.lane cimport Back
from filterd.dataplane.packet cimport BUFFER_SIZE, Exchange
from filterd.dataplane.ports cimport PORTS, Ports
from filterd.dataplane.routes cimport HOPS, Hop, HopTally, Route


cdef enum MissStatus:
    MISS_TAKEN = 0
    MISS_PUNT = 1               # not to be forwarded here: the caller punts it

cdef enum:
    MISSES = 4096               # questions on their way
    WAITERS = 8192              # exchanges that wait for them
    ATTEMPTS = 4                # of one question that may be answered yet; the oldest gives way
    MISS_EVENTS = 2 * PORTS     # events of one thread's sockets
    MISS_BUCKETS = 8192
    ATTEMPT_BUCKETS = 16384
    CLIENTS = 4096              # counters that clients are hashed to
    NEWS_MICROS = 500000        # within which the event loop has certainly shown what threads told it
    SILENCE_MICROS = 400000     # as upstream/health.py has it in seconds


cdef struct Attempt:            # one question asked of one upstream
    Hop hop                     # as it was when it was asked
    Asking asking
    bint live                   # it may be answered yet
    bint again                  # the same upstream, asked without EDNS
    bint late                   # its silence was told
    uint16_t id
    uint16_t port
    int64_t sent                # microseconds
    uint32_t next               # in its bucket: number + 1
    uint16_t question_length
    uint8_t question[QUESTION_SIZE]     # letter case as sent

cdef struct Miss:
    Attempt attempts[ATTEMPTS]
    uint32_t turn               # attempts that were ever made
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
    Back back
    int64_t came                # microseconds
    uint32_t next               # who waits for the same, or of those that are free: number + 1
    uint16_t client             # its counter

cdef struct Misses:
    Ports ports
    HopTally* tallies           # NUMBERS of them, this thread's
    Seed seed
    Miss* misses
    Waiter* waiters
    uint32_t* miss_buckets      # by question
    uint32_t* attempt_buckets   # by id
    uint16_t* clients           # how many waiters of the clients that share a counter
    uint8_t* kept               # an answer as it is cached
    uint32_t free_miss
    uint32_t fresh_miss         # numbers from here on were never used
    uint32_t free_waiter
    uint32_t fresh_waiter
    uint32_t waiting            # exchanges
    uint32_t asking             # questions, those included that nobody waits for any more
    uint32_t soonest            # by deadline
    uint32_t latest
    # counted, by this thread alone (bump64)
    uint64_t taken
    uint64_t joined             # of these, those that found their question on its way
    uint64_t full               # not taken: too much is on its way, or the client has its share


# `seed` is secret. The sockets' events are the numbers from `first_event` on, MISS_EVENTS of them, at that
# epoll; `tallies` are what routes.join() gives. False: no memory.
cdef bint misses_allocate(Misses* misses, int32_t epoll, uint64_t first_event, HopTally* tallies,
                          const Seed* seed) noexcept nogil
cdef void misses_free(Misses* misses) noexcept nogil

# Takes what packet_receive found missing and no stale answer stands by for: a MissStatus, and a PuntReason.
cdef int misses_take(Misses* misses, const Route* route, Hand* hand, const Exchange* x, const Back* back,
                     int64_t came, uint8_t* reason) noexcept nogil
# There is something at that socket (the event's number less the first).
cdef void misses_ready(Misses* misses, const Route* route, Hand* hand, uint32_t port) noexcept nogil
# Sends what is queued: after each batch, and before each sleep.
cdef void misses_flush(Misses* misses, const Route* route, Hand* hand) noexcept nogil
# Goes on where an upstream was silent, by hand.micros; microseconds until there is more to do, -1: nothing.
# After misses_ready: what has come is heard first. Queues what misses_flush has to send.
cdef int64_t misses_tick(Misses* misses, const Route* route, Hand* hand) noexcept nogil
