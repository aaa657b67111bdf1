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
    evidence.of_client = <uint16_t*>calloc(1 << 16, sizeof(uint16_t))
    evidence.nas_count = 0
    evidence.ring = <Remembered*>calloc(<size_t>most + 1, sizeof(Remembered))
    evidence.heads = <uint32_t*>calloc(heads, sizeof(uint32_t))
    evidence.ring_size = most
    evidence.head_mask = heads - 1
    evidence.newest = 0
    evidence.remembered = 0
    return (evidence.nases != NULL and evidence.nas_places != NULL and evidence.of_client != NULL
            and evidence.ring != NULL and evidence.heads != NULL)


cdef void evidence_free(Evidence* evidence) noexcept nogil:
    free(evidence.nases)
    free(evidence.nas_places)
    free(evidence.of_client)
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
    if evidence.nas_count == MOST_NASES or evidence.of_client[client_of(id)] == MOST_OF_CLIENT:
        return 0
    evidence.nas_count += 1
    evidence.of_client[client_of(id)] += 1
    evidence.nas_places[at] = evidence.nas_count
    fresh = evidence.nases + evidence.nas_count
    fresh.id = id
    fresh.least[0] = NO_SAMPLE
    fresh.least[1] = NO_SAMPLE
    return evidence.nas_count


cdef void _count_least(Nas* found, int64_t arrival, int32_t rest, bint delayed) noexcept nogil:
    """Count a message that fits the clock in its offset. A delay is the sender's word: a device that writes
    the time of sending and a delay would set its clock ahead, so undelayed messages come first."""
    cdef int64_t age = arrival - found.window
    if delayed and found.least[0] != NO_SAMPLE and age < 2 * HALF_WINDOW:
        return
    if found.least[0] == NO_SAMPLE or age >= HALF_WINDOW:
        if age < 2 * HALF_WINDOW or found.least[0] < found.least[1]:
            found.least[1] = found.least[0]     # after a long silence what is known holds until there is more
        found.least[0] = NO_SAMPLE
        found.window = arrival
    if rest < found.least[0]:
        found.least[0] = rest


cdef bint _proves(Nas* found, int64_t arrival, int64_t took) noexcept nogil:
    """True where two messages agree on another clock, with none between them that fits the known one; what
    seems to be late by the other clock is passed over."""
    cdef int64_t apart = took - found.took
    if found.seen != 0 and -MARGIN <= apart <= MARGIN:
        return arrival - found.seen >= APART
    if found.seen == 0 or not MARGIN < apart <= RETRIED or arrival - found.seen >= HALF_WINDOW:
        found.seen = arrival
        found.took = took
    return False


cdef void _set_clock(Nas* found, int64_t arrival, int64_t took, bint shifted) noexcept nogil:
    """Take the clock of two messages that agree; ``shifted``: by whole seconds, so that the offset stays as
    it is and evidence goes on."""
    cdef int32_t base = 0
    cdef int64_t by
    if found.took < took:
        took = found.took
    if shifted:
        if found.proven and found.least[0] != NO_SAMPLE:
            base = found.least[0] if found.least[0] < found.least[1] else found.least[1]
        by = took - found.shift - base
        found.shift += (by - 999 if by < 0 else by) // 1000 * 1000
    found.proven = True
    found.seen = 0
    found.window = arrival
    found.base = <int32_t>(took - found.shift)
    found.least[0] = found.base
    found.least[1] = NO_SAMPLE


cdef int believe(Evidence* evidence, uint32_t nas, int64_t arrival, int64_t took,
                 bint delayed) noexcept nogil:
    cdef Nas* found = evidence.nases + nas
    cdef int64_t offset = offset_of(evidence, nas)
    cdef int64_t rest = took - found.shift
    cdef bint good = took >= -AGREES
    cdef int otherwise = AHEAD
    if nas == 0:
        return FITS if good else AHEAD
    if not found.proven and -AGREES <= took <= AGREES:
        found.proven = True     # its clock is right, and the message was prompt
        offset = took
    if found.proven:
        good = rest >= (offset if offset < found.base else found.base) - AGREES
        if good and rest <= offset + BEHIND:
            found.seen = 0
            _count_least(found, arrival, <int32_t>rest, delayed)
            return FITS
    elif arrival - took < found.loaded - BEHIND:
        good = False            # the file is of before its clock was set back
        otherwise = SET_BACK
    if _proves(found, arrival, took):
        evidence.steps += found.proven
        _set_clock(found, arrival, took, found.proven or not good)
        return FITS
    if good and not found.proven:
        _count_least(found, arrival, <int32_t>rest, delayed)
    return FITS if good else otherwise


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
