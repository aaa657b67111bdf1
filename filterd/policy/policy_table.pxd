# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The policies of all lines at one moment, by index, with class masks that equal ones share.

A table never changes once a published state points to it; the next one is made from it. Readers without the
GIL follow its pointers for as long as they may hold the state.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from filterd.policy.snapshot cimport WORDS


cdef struct Policy:
    # Masks of WORDS words each, in the pool of the table.
    const uint64_t* categories
    const uint64_t* services
    const uint64_t* safe_search
    const uint64_t* bypass
    const uint64_t* schedule      # categories and services that the schedule adds at this moment
    const uint64_t* interest      # all of the above: what a cached answer is tested with
    const uint64_t* always        # the always-allowed names that schedule_all leaves open at this moment
    int64_t next_boundary               # when the schedule's masks change, Unix seconds; 0: never
    uint8_t schedule_all                # all but the always-allowed names are blocked at this moment
    uint8_t mode
    uint8_t strip_ech                   # take ECH out of HTTPS and SVCB answers
    uint8_t unread                      # a category of it has lists, and none of them was ever read


# Write the class mask, an int, to WORDS words.
cdef int words_of(object mask, uint64_t* out) except -1


cdef class MaskPool:
    """Class masks, each kept once at a place of its own for good. Only added to, by one thread with the
    GIL."""

    cdef uint64_t** pages
    cdef uint32_t page_count
    cdef uint32_t* slots        # number + 1 by hash, 0: empty; linear probing
    cdef uint32_t size          # of the slots, a power of two
    cdef uint32_t count
    cdef uint32_t limit         # above it a table looks how many masks it uses
    cdef dict names

    cdef const uint64_t* at(self, uint32_t number) noexcept
    cdef uint32_t slot_of(self, const uint64_t* words) noexcept
    cdef const uint64_t* keep(self, const uint64_t* words) except NULL
    cdef int grow(self) except -1
    cdef int add(self, const uint64_t* words) except -1


cdef class PolicyTable:
    cdef Policy* entries
    cdef uint32_t count
    cdef MaskPool pool
    cdef tuple names            # (profile, zone) by index
    cdef list kept
    cdef int64_t looked_at      # `soonest` is the first boundary after this moment; 0: there is none
    cdef int64_t soonest

    cdef int check(self, uint32_t index) except -1
    cdef int begin(self, uint32_t count) except -1
    cdef const uint64_t* masked(self, object mask) except NULL
    cdef int set_policy(self, uint32_t index, object policy) except -1
    cdef int set_moment(self, uint32_t index, object schedule, bint everything, object always,
                        int64_t boundary) except -1
    cdef int unite(self, Policy* policy) except -1
    cdef int take_over(self, MaskPool pool) except -1
    cdef int renew_pool(self) except -1
    cdef int64_t next_boundary(self, int64_t now) noexcept
