# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Chains of a hash table: `head` leads to a place, `links` from a place to the next one; 0 ends a chain.

In a chain that may be long (the sessions of one subscriber) `back` leads from a place to the one before it,
so that taking one out costs the same however long the chain is. A chain of few has no `back`, and is walked.
"""

from libc.stdint cimport uint32_t


cdef inline void link(uint32_t* head, uint32_t* links, uint32_t place) noexcept nogil:
    """Put a place at the beginning of a chain."""
    links[place] = head[0]
    head[0] = place


cdef inline bint unlink(uint32_t* head, uint32_t* links, uint32_t wanted) noexcept nogil:
    """Take ``wanted`` out of a chain; False, and the chain as it is, where it does not hold it."""
    while head[0] != wanted:
        if head[0] == 0:
            return False
        head = links + head[0]
    head[0] = links[wanted]
    return True


cdef inline void link_both(uint32_t* head, uint32_t* links, uint32_t* back, uint32_t place) noexcept nogil:
    """Put a place at the beginning of a chain that leads both ways."""
    back[head[0]] = place       # back[0] is nobody's: it is written and never read
    back[place] = 0
    link(head, links, place)


cdef inline bint unlink_both(uint32_t* head, uint32_t* links, uint32_t* back, uint32_t place) noexcept nogil:
    """Take a place out of the chain that holds it and leads both ways; False, and all as it is, where that
    chain has another head."""
    if back[place] == 0 and head[0] != place:
        return False
    back[links[place]] = back[place]
    if back[place] == 0:
        head[0] = links[place]
    else:
        links[back[place]] = links[place]
    return True
