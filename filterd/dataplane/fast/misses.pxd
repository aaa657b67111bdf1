# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Cache misses on their way to upstreams over UDP: one thread's, from the question to the answer.

A miss is one question, whatever the number of clients that wait for it. It is asked of one upstream after the
other, in the order of the route: at once where one will not answer, after 400 ms where it says nothing. The
first answer is believed. A *renewal* is asked for in the same way, for the cache alone, before a popular
entry is over. The slow path gets the rest: answers that are cut or lost the letter case, and questions that
nobody answered. See upstream/race.py for what that does better, and at more cost.

`miss_table` holds the questions, `miss_attempts` asks upstreams and judges their replies; this module gives
the clients their answers.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from filterd.dataplane.fast.turn cimport Turn
from filterd.dataplane.tables.hashing cimport Seed
from filterd.dataplane.fast.datagrams cimport ReturnPath
from filterd.dataplane.fast.miss_table cimport MissTable
from filterd.dataplane.packet.stages cimport Exchange
from filterd.dataplane.fast.miss_ports cimport PORTS, AvoidedPorts, Ports
from filterd.dataplane.fast.routes cimport HopTally, Route, Silences


cdef enum MissStatus:
    MISS_TAKEN = 0
    MISS_PUNT = 1               # not to be forwarded here: the caller punts it

cdef enum:
    MISS_EVENTS = 2 * PORTS     # events of one thread's sockets


cdef struct Misses:
    MissTable table
    Ports ports
    uint8_t* kept               # an answer as it is cached
    # counted, by this thread alone (bump64)
    uint64_t asked              # questions
    uint64_t joined             # exchanges that found their question on its way
    uint64_t renewed            # answers of the cache that were asked for again for nobody who waits
    uint64_t full               # not taken: too much is on its way, or the client has its share


# `seed` is secret. The sockets' events are the numbers from `first_event` on, MISS_EVENTS of them, at that
# epoll; `tallies` are what routes.join() gives, `silences` the routes' own. False: no memory.
cdef bint misses_allocate(Misses* misses, int32_t epoll, uint64_t first_event, HopTally* tallies,
                          Silences* silences, const AvoidedPorts* avoided, const Seed* seed) noexcept nogil
cdef void misses_free(Misses* misses) noexcept nogil

# Takes what packet_receive found missing and no stale answer stands by for: a MissStatus, and a PuntReason.
cdef int misses_take(Misses* misses, const Route* route, Turn* turn, const Exchange* x,
                     const ReturnPath* return_path, int64_t came, uint8_t* reason) noexcept nogil
# Asks again for what `x` was just answered from, which is popular and nearly over (x.refresh): the answer is
# for the cache alone. Without an upstream that may be asked here it is the slow path's; where there is enough
# to do for those who wait, it is not done.
cdef void misses_renew(Misses* misses, const Route* route, Turn* turn, const Exchange* x,
                       const ReturnPath* return_path, int64_t came) noexcept nogil
# There is something at that socket (the event's number less the first).
cdef void misses_ready(Misses* misses, const Route* route, Turn* turn, uint32_t number) noexcept nogil
# Sends what is queued: after each batch, and before each sleep.
cdef void misses_flush(Misses* misses, const Route* route, Turn* turn) noexcept nogil
# Goes on where an upstream was silent, by turn.micros; microseconds until there is more to do, -1: nothing.
# After misses_ready: what has come is heard first. Queues what misses_flush has to send.
cdef int64_t misses_tick(Misses* misses, const Route* route, Turn* turn) noexcept nogil
