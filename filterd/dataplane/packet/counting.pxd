# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Counts verdicts, blocks by category, and queries for the names of observed lists, for ``stages.pyx``."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from filterd.dataplane.packet.stages cimport REASONS, Core
from filterd.dataplane.tables.atomics cimport add64, bump64
from filterd.policy.decide cimport CLASS_BITS, REASON_CATEGORY


cdef inline void count_observed(Core* core, uint64_t observed) noexcept nogil:
    """Count a query for each observed list that has its name, in the slot of the list's class bit."""
    cdef int index
    if core.categories == NULL:
        return
    for index in range(64):
        if observed >> index & 1:
            add64(core.categories + core.state.first_observed + index, 1)


cdef inline void count(Core* core, uint8_t outcome, uint8_t reason, uint32_t reference) noexcept nogil:
    bump64(&core.counters.verdicts[outcome * REASONS + reason])
    if reason == REASON_CATEGORY and reference < CLASS_BITS and core.categories != NULL:
        add64(core.categories + reference, 1)
