# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From the fast path to the slow path: one ring for each thread, bounded, and fair to client prefixes.

A thread puts, the event loop takes; nobody waits. The clients of one prefix (RFC 4632 /24, RFC 6177 /56) may
have a share of the ring and no more, so that a flood of what must be punted costs no one else their place.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from filterd.dataplane.tables.hashing cimport Seed
from filterd.dataplane.fast.datagrams cimport ReturnPath
from filterd.dataplane.packet.stages cimport Exchange


cdef enum:                      # why the slow path takes over; PuntReason in Python
    PUNT_FORWARD = 0            # no upstream is asked over plain UDP, or too much is pending there
    PUNT_STALE = 1              # a stale answer stands by, for the client-answer timer (RFC 8767 5)
    PUNT_REFRESH = 2            # answered; what it came from is to be asked for again, and not over plain UDP
    PUNT_BUSY = 3               # a table was being written
    PUNT_LOOP = 4               # perhaps a loop check of ours that came back
    PUNT_UNANSWERED = 5         # no upstream answered in time, or with anything that can be passed on
    PUNT_TRUNCATED = 6          # the answer was cut, or lost its letter case: to be asked over TCP
    PUNT_DOUBTED = 7            # several replies nearly matched: to be asked over TCP
    PUNT_REASONS = 8

cdef enum PuntStatus:
    PUNT_TAKEN = 0
    PUNT_FULL = 1               # the ring is
    PUNT_UNFAIR = 2             # the prefix has its share

cdef enum:
    RING = 1024                 # exchanges
    SHARES = 1024               # counters that prefixes are hashed to
    SHARE = 128                 # of the ring, for one prefix


cdef struct Punt:
    Exchange x
    ReturnPath return_path
    int64_t came                # microseconds of the monotonic clock
    uint8_t reason              # PUNT_*

cdef struct Punts:
    Punt* ring
    uint64_t put                # how many ever; atomic
    uint64_t taken
    uint32_t shares[SHARES]     # atomic
    Seed seed
    uint64_t reasons[PUNT_REASONS]      # counted by the thread that puts
    uint64_t full               # clients that got no answer since the ring was full
    uint64_t unfair             # or their prefix had its share


cdef bint punts_allocate(Punts* punts, const Seed* seed) noexcept nogil
cdef void punts_free(Punts* punts) noexcept nogil

# A PuntStatus; what is not taken is counted, as its client gets no answer.
cdef int punt_put(Punts* punts, uint8_t reason, const Exchange* x, const ReturnPath* return_path,
                  int64_t came) noexcept nogil
# The same for what may have an answer elsewhere, and is not counted; then it had none, for this PuntStatus.
cdef int punt_try(Punts* punts, uint8_t reason, const Exchange* x, const ReturnPath* return_path,
                  int64_t came) noexcept nogil
cdef void punt_lost(Punts* punts, int status) noexcept nogil
# The oldest, copied out; False: there is none.
cdef bint punt_take(Punts* punts, Punt* out) noexcept nogil
