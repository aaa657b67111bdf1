# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The records of sessions: places 1 to `most` behind a head, in a shared file or in anonymous memory.

The address range for all of them is reserved once, so records never move; the file grows behind it.
"""

from libc.stdint cimport uint8_t, uint32_t

from filterd.disk.session_file cimport HEAD_SIZE, RECORD_SIZE, Head, Record

cdef struct Slab:
    uint8_t* memory             # the head, then the records; reserved for `most`
    size_t reserved
    int file                    # -1: anonymous memory
    uint32_t most
    uint32_t there              # places that the file has room for
    uint32_t used               # places that were ever taken: those behind are zero
    uint32_t free_head          # places given back, linked by `links`
    uint32_t* links


cdef extern from * nogil:
    """
    /* A process that is killed leaves the stores before this one, and none of those behind it: to the system
       memory, one thread's stores come in order, so that only the compiler must be told. */
    #define keep_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)
    """
    void keep_order()


cdef inline Head* head_of(const Slab* slab) noexcept nogil:
    return <Head*>slab.memory


cdef inline Record* record_at(const Slab* slab, uint32_t place) noexcept nogil:
    """The record of a place, 1 to `used`."""
    return <Record*>(slab.memory + HEAD_SIZE + <size_t>(place - 1) * RECORD_SIZE)


cdef bint slab_start(Slab* slab, int file, uint32_t there, uint32_t most) noexcept nogil
cdef void slab_free(Slab* slab) noexcept nogil
# A free place, its record zero; 0: there is none, or the disk is full. The caller fills the record, and then
# calls `count_place`.
cdef uint32_t take_place(Slab* slab) noexcept nogil
# A record that was zero is in use: behind everything that makes it other than zero.
cdef void count_place(Slab* slab) noexcept nogil
# Give back a place whose record is zero, and was not counted.
cdef void free_place(Slab* slab, uint32_t place) noexcept nogil
# Zero the record, which is in use, and give the place back.
cdef void give_place(Slab* slab, uint32_t place) noexcept nogil
