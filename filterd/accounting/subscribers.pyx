# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The hash table of registered subscribers. It has room for as many as there may be sessions. Where there are
more it grows by one chain with each (linear hashing), so that nothing waits while a table is built anew."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset


cdef inline bint _same(const uint32_t* one, const uint32_t* other) noexcept nogil:
    return one[0] == other[0] and one[1] == other[1] and one[2] == other[2]


cdef bint subscribers_start(Subscribers* known, uint32_t size) noexcept nogil:
    memset(known, 0, sizeof(Subscribers))
    known.room = size
    known.level = size
    known.entries = <Subscriber*>calloc(<size_t>size + 1, sizeof(Subscriber))
    known.heads = <uint32_t*>calloc(size, 4)
    return known.entries != NULL and known.heads != NULL


cdef void subscribers_free(Subscribers* known) noexcept nogil:
    free(known.entries)
    free(known.heads)


cdef inline uint32_t* _head(const Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    """The chain of a fingerprint."""
    cdef uint32_t chain = fingerprint[0] & (known.level - 1)
    if chain < known.split:
        chain = fingerprint[0] & (2 * known.level - 1)
    return known.heads + chain


cdef Subscriber* subscriber_find(const Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    cdef uint32_t at = _head(known, fingerprint)[0]
    while at != 0:
        if _same(known.entries[at].fingerprint, fingerprint):
            return known.entries + at
        at = known.entries[at].next
    return NULL


cdef uint64_t line_of_subscriber(const Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    cdef const Subscriber* found = subscriber_find(known, fingerprint)
    return 0 if found == NULL else found.line


cdef bint _make_room(Subscribers* known) noexcept nogil:
    """Room for twice as many. The system moves large blocks by their pages, without copying. False: no
    memory."""
    cdef size_t room = <size_t>known.room * 2
    cdef Subscriber* entries = <Subscriber*>realloc(known.entries, (room + 1) * sizeof(Subscriber))
    cdef uint32_t* heads
    if entries == NULL:
        return False
    known.entries = entries
    heads = <uint32_t*>realloc(known.heads, room * 4)
    if heads == NULL:
        return False
    known.heads = heads
    known.room = <uint32_t>room
    return True


cdef void _split(Subscribers* known) noexcept nogil:
    """One more chain: what belongs to it leaves the chain at `split`."""
    cdef uint32_t* link = known.heads + known.split
    cdef uint32_t* fresh = known.heads + known.level + known.split
    cdef uint32_t at = link[0]
    while at != 0:
        if known.entries[at].fingerprint[0] & known.level:
            fresh[0] = at
            fresh = &known.entries[at].next
        else:
            link[0] = at
            link = &known.entries[at].next
        at = known.entries[at].next
    link[0] = 0
    fresh[0] = 0
    known.split += 1
    if known.split == known.level:
        known.level *= 2
        known.split = 0


cdef bint _add(Subscribers* known, const uint32_t* fingerprint, uint64_t line) noexcept nogil:
    cdef uint32_t at = known.free
    cdef uint32_t* head
    if at != 0:
        known.free = known.entries[at].next
    else:
        if known.used == known.room and not _make_room(known):
            return False
        if known.used >= known.level + known.split:
            _split(known)
        known.used += 1
        at = known.used
    head = _head(known, fingerprint)
    memcpy(known.entries[at].fingerprint, fingerprint, 12)
    known.entries[at].line = line
    known.entries[at].next = head[0]
    head[0] = at
    known.count += 1
    return True


cdef void _remove(Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    cdef uint32_t* link = _head(known, fingerprint)
    cdef uint32_t at
    while link[0] != 0 and not _same(known.entries[link[0]].fingerprint, fingerprint):
        link = &known.entries[link[0]].next
    at = link[0]
    if at == 0:
        return
    link[0] = known.entries[at].next
    memset(known.entries + at, 0, sizeof(Subscriber))
    known.entries[at].next = known.free
    known.free = at
    known.count -= 1


cdef bint set_subscriber(Subscribers* known, const uint32_t* fingerprint, uint64_t line) noexcept nogil:
    cdef Subscriber* found = subscriber_find(known, fingerprint)
    if line == 0:
        _remove(known, fingerprint)
    elif found != NULL:
        found.line = line
    else:
        return _add(known, fingerprint, line)
    return True
