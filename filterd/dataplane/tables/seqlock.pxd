# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A sequence lock: the tables of lines and addresses are read without the GIL beside their one writer.

Each table has a sequence: odd while the writer changes what readers see, and another one afterwards. A reader
notes it, copies, and starts again where it has moved; it waits for nobody, and gives up as BUSY in the end.
Both sides touch what is shared by atomic words only. The writer holds the GIL while the sequence is odd, so
whoever holds the GIL never meets an odd one. Arrays that are replaced are published by their pointer, the old
ones are retired (see epoch.pxd): whoever reads beside a writer without the GIL must be an awake reader.
"""
from libc.stdint cimport uint64_t

from filterd.dataplane.tables.atomics cimport relax, store64

cdef extern from *:
    """
    static inline void filterd_read_words(void *out, const void *shared, size_t size) {
    #pragma GCC unroll 8
        for (size_t i = 0; i < size / 8; i++)
            ((uint64_t *)out)[i] = __atomic_load_n((const uint64_t *)shared + i, __ATOMIC_ACQUIRE);
    }
    static inline void filterd_write_words(void *shared, const void *words, size_t size) {
    #pragma GCC unroll 8
        for (size_t i = 0; i < size / 8; i++)
            __atomic_store_n((uint64_t *)shared + i, ((const uint64_t *)words)[i], __ATOMIC_RELEASE);
    }
    """
    # Copies of what the writer may be writing, and of what somebody may be reading; `size`: a multiple of 8.
    void read_words "filterd_read_words"(void* out, const void* shared, size_t size) noexcept nogil
    void write_words "filterd_write_words"(void* shared, const void* words, size_t size) noexcept nogil


cdef enum LookupStatus:
    LOOKUP_FOUND = 0
    LOOKUP_ABSENT = 1
    LOOKUP_BUSY = 2             # the writer was at work at each attempt: nothing is known

cdef enum Outcome:
    CHANGED = 0
    ADDED = 1
    FULL = 2                    # the table must grow first
    NO_MEMORY = 3

cdef enum:
    READ_ATTEMPTS = 8
    FIRST_SIZE = 16


cdef inline void begin_change(uint64_t* sequence) noexcept nogil:
    """Begin a change that readers see whole or not at all, up to ``end_change``. It must be short."""
    store64(sequence, sequence[0] + 1)


cdef inline void end_change(uint64_t* sequence) noexcept nogil:
    store64(sequence, sequence[0] + 1)


cdef inline void pause_before(int attempt) noexcept nogil:
    """A moment for the writer to finish, longer each time: microseconds in all."""
    cdef int _step
    for _step in range(1 << attempt):
        relax()
