# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The records' memory: mapping, growth, free places."""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void* start, size_t length, int protection, int flags, int fd, long offset)
    int munmap(void* start, size_t length)
    int PROT_READ
    int PROT_WRITE
    int MAP_SHARED
    int MAP_PRIVATE
    int MAP_ANONYMOUS
    int MAP_NORESERVE
    void* MAP_FAILED

cdef extern from "<fcntl.h>" nogil:
    int posix_fallocate(int fd, long offset, long length)

cdef enum:
    GROWTH = 8192               # places at a time: 1 MiB


cdef bint slab_start(Slab* slab, int file, uint32_t there, uint32_t most) noexcept nogil:
    """Map the memory. False: the system gives none."""
    cdef int flags = MAP_SHARED if file >= 0 else MAP_PRIVATE | MAP_ANONYMOUS
    cdef void* memory
    slab.file = file
    slab.most = most if most > there else there
    slab.there = there if file >= 0 else slab.most
    slab.used = 0
    slab.free_head = 0
    slab.reserved = HEAD_SIZE + <size_t>slab.most * RECORD_SIZE
    memory = mmap(NULL, slab.reserved, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, file, 0)
    slab.memory = NULL if memory == MAP_FAILED else <uint8_t*>memory
    slab.links = <uint32_t*>calloc(<size_t>slab.most + 1, sizeof(uint32_t))
    return slab.memory != NULL and slab.links != NULL


cdef void slab_free(Slab* slab) noexcept nogil:
    if slab.memory != NULL:
        munmap(slab.memory, slab.reserved)
        slab.memory = NULL
    free(slab.links)
    slab.links = NULL


cdef bint _grow(Slab* slab) noexcept nogil:
    """Room for more places in the file. The blocks are allocated here, where a full disk is an answer; a hole
    would end the process when it is written to."""
    cdef uint32_t more = GROWTH if slab.most - slab.there > GROWTH else slab.most - slab.there
    cdef long start = HEAD_SIZE + <long>slab.there * RECORD_SIZE
    if more == 0 or posix_fallocate(slab.file, start, <long>more * RECORD_SIZE) != 0:
        return False
    slab.there += more
    return True


cdef uint32_t take_place(Slab* slab) noexcept nogil:
    cdef uint32_t place = slab.free_head
    if place != 0:
        slab.free_head = slab.links[place]
    elif slab.used == slab.there and not _grow(slab):
        return 0
    else:
        slab.used += 1
        place = slab.used
    memset(record_at(slab, place), 0, RECORD_SIZE)  # a file that was cut off may have left something there
    return place


cdef void count_place(Slab* slab) noexcept nogil:
    keep_order()
    head_of(slab).in_use += 1


cdef void free_place(Slab* slab, uint32_t place) noexcept nogil:
    slab.links[place] = slab.free_head
    slab.free_head = place


cdef void give_place(Slab* slab, uint32_t place) noexcept nogil:
    head_of(slab).in_use -= 1   # first: whenever a kill comes, the head promises no more than there is
    head_of(slab).given += 1
    keep_order()
    memset(record_at(slab, place), 0, RECORD_SIZE)
    free_place(slab, place)
