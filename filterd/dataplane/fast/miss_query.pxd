# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Queries to upstreams and the checks on what comes back, for the native threads.

The same bytes and the same judgement as `upstream/message.py`, which is the readable statement of both.
"""

from libc.stdint cimport uint8_t, uint16_t, uint64_t

from filterd.wire.codec cimport Name


cdef enum:
    QUESTION_SIZE = 260         # name, type and class
    COINS = 4                   # words that hold a random bit for each byte of a name
    ASKING_SIZE = 283           # header, question and OPT at most

cdef enum Check:                # see message.Check
    CHECK_OURS = 0
    CHECK_EDNS_REFUSED = 1
    CHECK_CASE_LOST = 2
    CHECK_WRONG_ID = 3
    CHECK_WRONG_QUESTION = 4


cdef struct Asking:             # what makes the query for a name
    uint16_t qtype
    uint16_t qclass
    bint dnssec_ok
    bint checking_disabled
    bint mixed_case
    bint edns


# Writes the question with its letter case into `question` (QUESTION_SIZE) and the whole query into `out`
# (ASKING_SIZE); the query's length. `coins`: random bits, one for each byte of the name.
cdef size_t asking_write(const Asking* asking, const Name* name, uint16_t id, const uint64_t* coins,
                         uint8_t* question, uint8_t* out) noexcept nogil
# Whether a datagram from the right address answers the query with that id and question: a Check.
cdef int asking_check(const Asking* asking, uint16_t id, const uint8_t* question, size_t question_length,
                      const uint8_t* reply, size_t length) noexcept nogil
