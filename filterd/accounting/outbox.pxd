# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The newest changes for the receivers of the stream, numbered from 1 in a ring."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    OUTBOX_SIZE = 65_536        # a power of two


cdef struct Change:
    uint8_t address[16]
    uint64_t line               # 0: nobody has it now
    uint32_t until              # Unix seconds
    uint8_t length              # as in the stream's entry
    uint8_t table
    uint8_t source
    uint8_t spare


cdef struct Outbox:
    Change* ring
    uint64_t sequence           # of the newest change; 0: there is none yet


cdef bint outbox_start(Outbox* outbox) noexcept nogil
cdef void outbox_free(Outbox* outbox) noexcept nogil
# Add what one claim means now.
cdef void tell(Outbox* outbox, const uint8_t* address, uint8_t length, uint64_t line, uint32_t until,
               uint8_t source) noexcept nogil
# Write the entries behind ``after``, at most ``most``; their number, or -1 where some are no longer known.
cdef int64_t entries_after(const Outbox* outbox, uint64_t after, uint32_t most, int64_t now,
                           uint8_t* out) noexcept nogil
