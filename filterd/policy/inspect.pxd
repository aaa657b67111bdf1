# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The verdict on an answer: every alias, service target, address hint and address in a message.

``inspect_reference`` is the plain-Python twin.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from filterd.policy.decide cimport Line, State, Trace, Verdict
from filterd.policy.snapshot cimport WORDS


cdef enum:
    INSPECT_OK = 0
    INSPECT_DAMAGED = 1         # the message cannot be walked: the caller answers SERVFAIL
    INSPECT_TOO_LARGE = 2       # it takes more effort than MOST_EFFORT: SERVFAIL as well

# The effort that an answer takes, in units of some 45 ns: the most that a unit costs on the machine of
# docs/benchmarks.md, addresses with 23 prefix lengths to look for. What is above the bound is refused, so
# that no query costs more than that page says, however many orders there are. Reasons: decision 0130.
cdef enum:
    MOST_EFFORT = 1150          # 125 A records, or 102 AAAA records
    EFFORT_RECORD = 1           # to walk over one
    EFFORT_IPV4 = 8             # to judge an address
    EFFORT_IPV6 = 10
    EFFORT_NAME = 2             # to judge one, beside what its labels and bytes take:
    EFFORT_LABEL = 2
    NAME_BYTES = 16             # so many bytes of it take one
    OWNER_LABELS = 6            # so many labels of a record's owner take one; and, as it only is read,
    MESSAGE_BYTES = 128         # so many bytes of the message
    HOT = 4                     # subjects of an answer that are remembered
    HOT_MANY = 0xFFFF           # in place of the first: there are more

# What an answer could be blocked for, whoever asks: kept beside a cached answer, valid for one generation.
cdef struct Union:
    uint64_t bits[WORDS]
    bint any_mandatory
    bint coming                 # an order that is not in force yet speaks of it
    bint names                  # it has alias or target names, so a line's own names may matter
    bint damaged                # or too large
    uint16_t hot[HOT]           # the subjects that stand in anything, by their number from 1; 0: no more


cdef struct Inspected:          # an answer to be inspected
    const uint8_t* message
    size_t length
    bint own_allow              # the verdict on the query's name: the line allowed it
    bint excepted               # the same verdict: an exception lifts feeds for it
    bint is_protected           # the same verdict: nothing but what protection leaves counts in its answer
    bint rewritten              # a safe host's: safe search asks for no more, and hides nothing behind it
    const uint16_t* hot         # the answer's union's: no other is asked about but own names; NULL: all are


# The status is an INSPECT_*; unless it is INSPECT_OK the verdict says PASS. `trace` may be NULL.
cdef int inspect(const State* state, const Line* line, const Inspected* answer, int64_t now,
                 Verdict* verdict, Trace* trace) noexcept nogil

# Whether the whole message takes more effort than MOST_EFFORT, what is only read of it included: to be asked
# before anything else is done with it. False for one that cannot be walked.
cdef bint is_too_large(const uint8_t* message, size_t length) noexcept nogil

cdef void union_of(const State* state, const uint8_t* message, size_t length, Union* out) noexcept nogil

# Whether `inspect` could give anything but PASS for this line; False is certain, True is not.
cdef bint union_touches(const State* state, const Line* line, const Union* seen, int64_t now) noexcept nogil
