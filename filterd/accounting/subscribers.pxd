# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The registered subscribers: fingerprint -> line."""

from libc.stdint cimport uint32_t, uint64_t

cdef struct Subscriber:
    uint32_t fingerprint[3]
    uint32_t next
    uint64_t line               # 0: the place is free


cdef struct Subscribers:
    Subscriber* entries         # places 1 to `used`
    uint32_t* heads
    uint32_t room               # of both; `entries` has one more
    uint32_t level              # a power of two: there are `level` + `split` chains
    uint32_t split              # the chain that is split next
    uint32_t used
    uint32_t free               # places given back
    uint64_t count


cdef bint subscribers_start(Subscribers* known, uint32_t size) noexcept nogil
cdef void subscribers_free(Subscribers* known) noexcept nogil
# The line of a subscriber; 0: it is not registered.
cdef uint64_t line_of_subscriber(const Subscribers* known, const uint32_t* fingerprint) noexcept nogil
# Set the line of a subscriber, 0 to take it out. False: no memory.
cdef bint set_subscriber(Subscribers* known, const uint32_t* fingerprint, uint64_t line) noexcept nogil
