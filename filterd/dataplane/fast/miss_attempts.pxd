# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Attempts of one thread: choose the upstream that a miss is asked of, match replies, judge and count them.

A miss is asked of one upstream after the other, in the order of the route. `misses` answers the clients that
wait for it.
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
    JUDGED_DOUBTED = 4          # not to be believed over UDP: several replies nearly matched


# Asks the first upstream that has room and was not asked this yet, at the next ports_flush. False: there is
# none.
cdef bint attempts_next(MissTable* table, Ports* ports, const Route* route, int64_t micros,
                        uint32_t miss) noexcept nogil
# Asks the attempt's upstream again, without EDNS. False: there are no random bits to do it with.
cdef bint attempts_again(MissTable* table, Ports* ports, int64_t micros, uint32_t miss,
                         const Attempt* attempt) noexcept nogil

# Finds the attempt that a datagram answers and unlinks it: its number, and a Check (see `miss_query`).
# NOBODY: there is none, and the datagram is counted; at its port too, where it is an upstream's and nearly
# matches.
cdef uint32_t attempts_match(MissTable* table, Ports* ports, const Route* route, int64_t micros,
                             uint16_t port, const uint8_t* source, const uint8_t* reply, size_t length,
                             int* check) noexcept nogil
# Judges and counts such a datagram: a Judgement. Where it is good, `answer` is the message without OPT, in
# `kept` (BUFFER_SIZE).
cdef int attempts_judge(MissTable* table, const Attempt* attempt, int check, const uint8_t* reply,
                        size_t length, uint8_t* kept, Reply* answer) noexcept nogil
# The same by the header alone, where no client waits for it any more.
cdef void attempts_unread(MissTable* table, const Attempt* attempt, const uint8_t* reply) noexcept nogil

# Finds the attempt that was reported as undelivered to that address; NOBODY: none.
cdef uint32_t attempts_undelivered(const MissTable* table, uint16_t port, uint16_t id,
                                   const uint8_t* address) noexcept nogil
# Ends an attempt whose upstream cannot be reached.
cdef void attempts_unreachable(MissTable* table, int64_t micros, Attempt* attempt) noexcept nogil
# Tells all threads that the upstreams of this miss have been silent for SILENCE_MICROS.
cdef void attempts_silent(MissTable* table, Miss* miss) noexcept nogil
