# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The NASes and their clocks, and the ring of what has ended.

The ring holds the newest evidence about addresses that nobody has and about sessions that a Stop ended, in
memory alone, under keyed hashes. Its size is fixed: the oldest entry makes room.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free


cdef bint evidence_start(Evidence* evidence, uint32_t most) noexcept nogil:
    cdef uint32_t heads = 1
    while heads < most:
        heads *= 2
    evidence.nases = <Nas*>calloc(MOST_NASES + 1, sizeof(Nas))
    evidence.nas_places = <uint32_t*>calloc(NAS_PLACES, sizeof(uint32_t))
    evidence.nas_count = 0
    evidence.ring = <Remembered*>calloc(<size_t>most + 1, sizeof(Remembered))
    evidence.heads = <uint32_t*>calloc(heads, sizeof(uint32_t))
    evidence.ring_size = most
    evidence.head_mask = heads - 1
    evidence.newest = 0
    evidence.remembered = 0
    return (evidence.nases != NULL and evidence.nas_places != NULL and evidence.ring != NULL
            and evidence.heads != NULL)


cdef void evidence_free(Evidence* evidence) noexcept nogil:
    free(evidence.nases)
    free(evidence.nas_places)
    free(evidence.ring)
    free(evidence.heads)


cdef uint32_t nas_place(Evidence* evidence, uint64_t id) noexcept nogil:
    cdef uint32_t at = <uint32_t>(id ^ id >> 32) & (NAS_PLACES - 1)
    cdef uint32_t nas
    cdef Nas* fresh
    while evidence.nas_places[at] != 0:
        nas = evidence.nas_places[at]
        if evidence.nases[nas].id == id:
            return nas
        at = (at + 1) & (NAS_PLACES - 1)
    if evidence.nas_count == MOST_NASES:
        return 0
    evidence.nas_count += 1
    evidence.nas_places[at] = evidence.nas_count
    fresh = evidence.nases + evidence.nas_count
    fresh.id = id
    fresh.least[0] = NO_SAMPLE
    fresh.least[1] = NO_SAMPLE
    return evidence.nas_count


cdef void sample(Evidence* evidence, uint32_t nas, int64_t arrival, int64_t stamp) noexcept nogil:
    """Count a message in the NAS's offset; it arrived within a day of its stamp."""
    cdef Nas* found = evidence.nases + nas
    cdef int32_t took = <int32_t>(arrival - stamp)
    if nas == 0:
        return
    if -AGREES <= took <= AGREES:
        found.proven = True     # its clock is right, and the message was prompt
    elif found.seen == 0 or took - found.took > MARGIN or found.took - took > MARGIN:
        found.seen = arrival
        found.took = took
    elif arrival - found.seen >= APART:
        found.proven = True     # a queue that is drained would not be late by the same time twice
    if found.least[0] == NO_SAMPLE or arrival - found.window >= HALF_WINDOW:
        found.least[1] = found.least[0] if arrival - found.window < 2 * HALF_WINDOW else NO_SAMPLE
        found.least[0] = NO_SAMPLE
        found.window = arrival
    if took < found.least[0]:
        found.least[0] = took


cdef Remembered* recall(Evidence* evidence, uint64_t key) noexcept nogil:
    """The newest evidence that is kept about ``key``, or NULL."""
    cdef uint32_t at = evidence.heads[key & evidence.head_mask]
    while at != 0:
        if evidence.ring[at].key == key:
            return evidence.ring + at
        at = evidence.ring[at].next
    return NULL


cdef void _forget(Evidence* evidence, uint32_t at) noexcept nogil:
    cdef Remembered* entry = evidence.ring + at
    cdef uint32_t* link = evidence.heads + (entry.key & evidence.head_mask)
    if entry.key == 0:
        return
    while link[0] != at:
        link = &evidence.ring[link[0]].next
    link[0] = entry.next
    entry.key = 0
    evidence.remembered -= 1


cdef void remember(Evidence* evidence, uint64_t key, uint32_t mark, uint32_t nas,
                   uint32_t subscriber) noexcept nogil:
    cdef Remembered* known = recall(evidence, key)
    cdef Remembered* entry
    if known != NULL:
        if (
            subscriber != known.subscriber
            and lead(evidence, known.mark, known.nas, mark, nas) == 0
            and lead(evidence, mark, nas, known.mark, known.nas) == 0
            and not (nas == known.nas and evidence.nases[nas].in_order)
        ):
            subscriber = 0
            known.subscriber = 0
        if ahead(evidence, known.mark, known.nas, mark, nas) > 0:
            return
        _forget(evidence, <uint32_t>(known - evidence.ring))
    evidence.newest = evidence.newest % evidence.ring_size + 1
    _forget(evidence, evidence.newest)
    entry = evidence.ring + evidence.newest
    entry.key = key
    entry.mark = mark
    entry.nas = nas
    entry.subscriber = subscriber
    entry.next = evidence.heads[key & evidence.head_mask]
    evidence.heads[key & evidence.head_mask] = evidence.newest
    evidence.remembered += 1
