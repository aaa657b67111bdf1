# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Queries to upstreams and the checks on replies, for the native threads.

`upstream/message.py` is the readable twin: same bytes, same judgement.
"""

from libc.stdint cimport uint8_t, uint16_t, uint64_t

from filterd.wire.codec cimport Name


cdef enum:
    QUESTION_SIZE = 260         # name, type and class
    COINS = 4                   # words that hold a random bit for each byte of a name
    MISS_QUERY_SIZE = 283       # header, question and OPT at most

cdef enum Check:                # see message.Check
    CHECK_OURS = 0
    CHECK_EDNS_REFUSED = 1
    CHECK_CASE_LOST = 2
    CHECK_WRONG_ID = 3
    CHECK_WRONG_QUESTION = 4


cdef struct MissQuery:          # a query but for its name
    uint16_t qtype
    uint16_t qclass
    bint dnssec_ok
    bint checking_disabled
    bint mixed_case
    bint edns


# Writes the question with its letter case into `question` (QUESTION_SIZE) and the whole query into `out`
# (MISS_QUERY_SIZE); the query's length. `coins`: random bits, one for each byte of the name.
cdef size_t miss_query_write(const MissQuery* query, const Name* name, uint16_t id, const uint64_t* coins,
                             uint8_t* question, uint8_t* out) noexcept nogil
# Checks a datagram from the right address against the query with that id and question: a Check.
cdef int miss_query_check(const MissQuery* query, uint16_t id, const uint8_t* question,
                          size_t question_length, const uint8_t* reply, size_t length) noexcept nogil
