# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The hash table of registered subscribers. It has room for as many as there may be sessions, and doubles where
there are more."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset


cdef inline bint _same(const uint32_t* one, const uint32_t* other) noexcept nogil:
    return one[0] == other[0] and one[1] == other[1] and one[2] == other[2]


cdef bint subscribers_start(Subscribers* known, uint32_t size) noexcept nogil:
    memset(known, 0, sizeof(Subscribers))
    known.size = size
    known.entries = <Subscriber*>calloc(<size_t>size + 1, sizeof(Subscriber))
    known.heads = <uint32_t*>calloc(size, 4)
    return known.entries != NULL and known.heads != NULL


cdef void subscribers_free(Subscribers* known) noexcept nogil:
    free(known.entries)
    free(known.heads)


cdef Subscriber* subscriber_find(const Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    cdef uint32_t at = known.heads[fingerprint[0] & (known.size - 1)]
    while at != 0:
        if _same(known.entries[at].fingerprint, fingerprint):
            return known.entries + at
        at = known.entries[at].next
    return NULL


cdef uint64_t line_of_subscriber(const Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    cdef const Subscriber* found = subscriber_find(known, fingerprint)
    return 0 if found == NULL else found.line


cdef bint _double(Subscribers* known) noexcept nogil:
    """Twice the room; False where there is no memory. More subscribers than ``most`` sessions come here alone."""
    cdef size_t size = <size_t>known.size * 2
    cdef uint32_t* heads = <uint32_t*>calloc(size, 4)
    cdef Subscriber* grown = NULL
    cdef uint32_t at
    cdef uint32_t* head
    if heads != NULL:
        grown = <Subscriber*>realloc(known.entries, (size + 1) * sizeof(Subscriber))
    if grown == NULL:
        free(heads)
        return False
    for at in range(1, known.used + 1):
        head = heads + (grown[at].fingerprint[0] & (size - 1))
        grown[at].next = head[0]
        head[0] = at
    free(known.heads)
    known.heads = heads
    known.entries = grown
    known.size = <uint32_t>size
    return True


cdef bint _add(Subscribers* known, const uint32_t* fingerprint, uint64_t line) noexcept nogil:
    cdef uint32_t at = known.free
    cdef uint32_t* head
    if at != 0:
        known.free = known.entries[at].next
    else:
        if known.used == known.size and not _double(known):
            return False
        known.used += 1
        at = known.used
    head = known.heads + (fingerprint[0] & (known.size - 1))
    memcpy(known.entries[at].fingerprint, fingerprint, 12)
    known.entries[at].line = line
    known.entries[at].next = head[0]
    head[0] = at
    known.count += 1
    return True


cdef void _remove(Subscribers* known, const uint32_t* fingerprint) noexcept nogil:
    cdef uint32_t* link = known.heads + (fingerprint[0] & (known.size - 1))
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
