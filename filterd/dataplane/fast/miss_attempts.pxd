# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Outgoing queries of one thread: whom a miss is asked of, and what a reply proves and counts for.

A miss is asked of one upstream after the other, in the order of the route. What becomes of who waits for it
is for `misses`.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from filterd.dataplane.fast.miss_table cimport Attempt, Miss, MissTable
from filterd.dataplane.packet.stages cimport Reply
from filterd.dataplane.fast.miss_ports cimport Ports
from filterd.dataplane.fast.routes cimport Route


cdef enum Judgement:            # what a reply means for its miss
    JUDGED_GOOD = 0
    JUDGED_AGAIN = 1            # the same upstream, without EDNS
    JUDGED_NEXT = 2             # another upstream
    JUDGED_OVER_TCP = 3         # cut, or it lost the letter case


# Asks the first upstream that was not asked this yet and may be, at the next ports_flush; False: there is
# none.
cdef bint outgoing_next(MissTable* table, Ports* ports, const Route* route, int64_t micros,
                        uint32_t miss) noexcept nogil
# Asks the attempt's upstream again, without EDNS. False: there are no random bits to do it with.
cdef bint outgoing_again(MissTable* table, Ports* ports, int64_t micros, uint32_t miss,
                         const Attempt* attempt) noexcept nogil

# The attempt that a datagram answers, which is not on its way then any more: its number, and a Check (see
# `asking`). NOBODY: none; the datagram is counted.
cdef uint32_t outgoing_match(MissTable* table, const Route* route, int64_t micros, uint16_t port,
                             const uint8_t* source, const uint8_t* reply, size_t length,
                             int* check) noexcept nogil
# What such a datagram means and counts for: a Judgement. Where it is good, `answer` is what can be passed on:
# without OPT, in `kept` (BUFFER_SIZE).
cdef int outgoing_judge(MissTable* table, const Attempt* attempt, int check, const uint8_t* reply,
                        size_t length, uint8_t* kept, Reply* answer) noexcept nogil
# The same, by its header alone, where nobody waits for it any more.
cdef void outgoing_unread(MissTable* table, const Attempt* attempt, const uint8_t* reply) noexcept nogil

# The attempt that was reported as undelivered to that address; NOBODY: none.
cdef uint32_t outgoing_undelivered(const MissTable* table, uint16_t port, uint16_t id,
                                   const uint8_t* address) noexcept nogil
# Its upstream cannot be reached: it is not on its way any more.
cdef void outgoing_unreachable(MissTable* table, int64_t micros, Attempt* attempt) noexcept nogil
# The upstreams that this was asked of have said nothing for SILENCE_MICROS.
cdef void outgoing_silent(MissTable* table, Miss* miss) noexcept nogil
