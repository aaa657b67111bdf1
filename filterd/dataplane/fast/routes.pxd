# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The upstreams to ask, published by the event loop for the threads, and the threads' counts of each.

The event loop keeps the health of the upstreams. It publishes a route: the upstreams that are asked over
plain UDP, in the order to ask. `serial` moves after `shown` does; an older route is kept until every thread
has passed (see `epoch`). Each thread counts in a block of its own, by the upstream's number. The number stays
the same for as long as the process lives, because queries on their way outlive a route. Threads tell each
other at once of an upstream's silence: otherwise each would wait for it once until the next route is
published.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.fast.datagrams cimport PEER_SIZE
from filterd.dataplane.fast.miss_ports cimport AvoidedPorts


cdef enum:
    HOPS = 16                   # upstreams of one route; the slow path knows of more
    NUMBERS = 256               # upstreams that a process has ever had; others are the slow path's

cdef enum Word:                 # of a tally
    W_SENT = 0
    W_ANSWERED = 1
    W_SERVFAIL = 2
    W_REFUSED = 3
    W_MALFORMED = 4
    W_TIMEOUT = 5
    W_UNREACHABLE = 6
    W_WITHOUT_EDNS = 7
    W_WRONG_SOURCE = 8
    W_WRONG_ID = 9
    W_WRONG_QUESTION = 10
    W_LATE = 11                 # replies to questions that were over
    W_DOUBTED = 12              # replies not believed, after several that nearly matched
    W_CASE_LOST = 13            # ours but for the letter case
    W_CASE_KEPT = 14            # mixed letter case came back as it went
    W_EDNS_REFUSED = 15         # answered without EDNS what it would not answer with it
    W_EDNS_SPOKEN = 16          # answers that showed that the upstream speaks EDNS
    W_HEARD = 17                # answers of any kind
    W_MICROS = 18               # that these took, together
    W_OUTSTANDING = 19          # on their way now
    W_SUMS = 20                 # words above are added up over the threads; of those below the latest counts
    W_HEARD_AT = 20             # microseconds of the monotonic clock; 0: never
    W_UNREACHABLE_AT = 21
    WORDS = 22


cdef struct Hop:
    uint8_t address[PEER_SIZE]  # sockaddr_in or sockaddr_in6
    uint8_t address_length
    bint ipv6
    bint trusted                # its AD flag is believed
    bint mixed_case             # its answers repeat the letter case of the question
    bint edns
    uint16_t number
    uint32_t outstanding        # what one thread may have on its way to it

cdef struct Route:
    uint32_t count              # 0: everything is the slow path's
    Hop hops[HOPS]              # in the order to ask

cdef struct HopTally:           # written by one thread (bump64), read by all
    uint64_t words[WORDS]


cdef struct Silences:           # of all threads, rarely written: atomic; of two that write, either counts
    uint64_t since[NUMBERS]     # when the last query went that got no answer in time, microseconds


cdef class Tallies:
    """Counts of one thread, by the upstreams' numbers. They stay with the routes when the thread ends."""
    cdef HopTally hops[NUMBERS]


cdef class Routes:
    cdef const Route* shown     # atomic; never NULL
    cdef uint64_t serial        # of what is shown; atomic
    cdef readonly uint32_t threads
    cdef tuple published
    cdef dict numbers           # upstream -> its number
    cdef list tallies
    cdef Silences silences
    cdef AvoidedPorts avoided   # the kernel's reserved ones, and those of all upstreams so far

    cdef Tallies join(self)
