# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.addresses cimport is_mapped
from filterd.dataplane.tables.atomics cimport add32, bump64, load32, load64, store64
from filterd.dataplane.tables.hashing cimport Seed, keyed_hash
from filterd.dataplane.fast.datagrams cimport ReturnPath
from filterd.dataplane.packet.stages cimport Exchange

from enum import IntEnum


class PuntReason(IntEnum):
    """Why the slow path takes over what a thread has begun; ``punts.pxd`` says what each means."""

    FORWARD = PUNT_FORWARD
    STALE = PUNT_STALE
    REFRESH = PUNT_REFRESH
    BUSY = PUNT_BUSY
    LOOP = PUNT_LOOP
    UNANSWERED = PUNT_UNANSWERED
    TRUNCATED = PUNT_TRUNCATED
    DOUBTED = PUNT_DOUBTED

    @property
    def word(self):
        """The metric's label."""
        return self.name.lower()


cdef bint punts_allocate(Punts* punts, const Seed* seed) noexcept nogil:
    memset(punts, 0, sizeof(Punts))
    punts.seed = seed[0]
    punts.ring = <Punt*>calloc(RING, sizeof(Punt))
    return punts.ring != NULL


cdef void punts_free(Punts* punts) noexcept nogil:
    free(punts.ring)
    punts.ring = NULL


cdef inline uint32_t* share_of(Punts* punts, const Exchange* x) noexcept nogil:
    """The count of exchanges in the ring of the client's prefix, and of those that share its counter."""
    cdef size_t kept = 15 if is_mapped(x.client) else 7
    return &punts.shares[keyed_hash(&punts.seed, x.client, kept, 0) % SHARES]


cdef int punt_put(Punts* punts, uint8_t reason, const Exchange* x, const ReturnPath* return_path,
                  int64_t came) noexcept nogil:
    cdef int status = punt_try(punts, reason, x, return_path, came)
    punt_lost(punts, status)
    return status


cdef void punt_lost(Punts* punts, int status) noexcept nogil:
    if status == PUNT_FULL:
        bump64(&punts.full)
    elif status == PUNT_UNFAIR:
        bump64(&punts.unfair)


cdef int punt_try(Punts* punts, uint8_t reason, const Exchange* x, const ReturnPath* return_path,
                  int64_t came) noexcept nogil:
    cdef uint64_t put = punts.put
    cdef uint32_t* share = share_of(punts, x)
    cdef Punt* place
    if put - load64(&punts.taken) >= RING:
        return PUNT_FULL
    if load32(share) >= SHARE:
        return PUNT_UNFAIR
    add32(share, 1)
    place = punts.ring + put % RING
    memcpy(&place.x, x, sizeof(Exchange))
    place.return_path = return_path[0]
    place.came = came
    place.reason = reason
    store64(&punts.put, put + 1)
    bump64(&punts.reasons[reason])
    return PUNT_TAKEN


cdef bint punt_take(Punts* punts, Punt* out) noexcept nogil:
    cdef uint64_t taken = punts.taken
    if taken == load64(&punts.put):
        return False
    memcpy(out, punts.ring + taken % RING, sizeof(Punt))
    add32(share_of(punts, &out.x), <uint32_t>-1)
    store64(&punts.taken, taken + 1)
    return True
