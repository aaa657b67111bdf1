# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Self-queries: the resolver asks itself, and the answer proves which of its threads took the query.

An ordinary DNS query for a name below "invalid", with one EDNS option of the range for local use: the number
of the query, who took it, and a hash of both under a key that only this process has. What travels is good
for one time: a thread takes each number once, in rising order. Whoever gets one by mistake answers NXDOMAIN.

    header 12 | question 32 | OPT 11 | option 4 | number 8 | who 4 | hash 16
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef enum:
    SELF_SIZE = 87              # bytes of the query and of its answer
    SELF_KEY = 16

cdef enum SelfStatus:
    SELF_OTHER = 0              # no self-query of this process
    SELF_TAKEN = 1              # to be answered by self_answer
    SELF_OLD = 2                # was taken before: silence

cdef struct SelfKey:            # of one thread
    bint known                  # False: there are no self-queries
    uint8_t key[SELF_KEY]
    uint64_t last               # the highest number that was taken


cdef int self_read(SelfKey* key, const uint8_t* packet) noexcept nogil
# `out` has room for SELF_SIZE; `who` is below SELF_ASKED.
cdef void self_answer(const SelfKey* key, const uint8_t* packet, uint32_t who, uint8_t* out) noexcept nogil


cdef inline int self_take(SelfKey* key, const uint8_t* packet, size_t length) noexcept nogil:
    """A SelfStatus; for all other packets it costs a comparison of lengths."""
    if length != SELF_SIZE or not key.known:
        return SELF_OTHER
    return self_read(key, packet)
