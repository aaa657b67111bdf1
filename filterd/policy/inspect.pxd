# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The verdict on an answer: every alias, service target, address hint and address in a message.

``inspect_reference`` is the plain-Python twin.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from filterd.policy.decide cimport Line, State, Trace, Verdict
from filterd.policy.snapshot cimport WORDS


cdef enum:
    INSPECT_OK = 0
    INSPECT_DAMAGED = 1         # the message cannot be walked: the caller answers SERVFAIL

# What an answer could be blocked for, whoever asks: kept beside a cached answer, valid for one generation.
cdef struct Union:
    uint64_t bits[WORDS]
    bint any_mandatory
    bint coming                 # an order that is not in force yet speaks of it
    bint names                  # it has alias or target names, so a line's own names may matter
    bint damaged


cdef struct Inspected:          # an answer to be inspected
    const uint8_t* message
    size_t length
    bint own_allow              # the verdict on the query's name: the line allowed it
    bint is_protected           # the same verdict: nothing but what protection leaves counts in its answer
    bint rewritten              # a safe host's: safe search asks for no more, and hides nothing behind it


# The status is an INSPECT_*; unless it is INSPECT_OK the verdict says PASS. `trace` may be NULL.
cdef int inspect(const State* state, const Line* line, const Inspected* answer, int64_t now,
                 Verdict* verdict, Trace* trace) noexcept nogil

cdef void union_of(const State* state, const uint8_t* message, size_t length, Union* out) noexcept nogil

# Whether `inspect` could give anything but PASS for this line; False is certain, True is not.
cdef bint union_touches(const State* state, const Line* line, const Union* seen, int64_t now) noexcept nogil
