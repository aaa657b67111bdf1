# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Quiescent-state reclamation, one for the whole process: frees memory that no reader can hold any more.

A reader is a thread that follows published pointers without the GIL. Between two batches it holds none of
them, and says so (``epoch_pass``); a reader that waits for packets is asleep and holds none either. A writer
holds the GIL: it takes a pointer out of readers' sight, then retires what it led to, which is freed once
every reader that was awake at that moment has passed. Readers never wait, take no lock and do no freeing.
"""

cdef enum:
    EPOCH_READERS = 128

# A reader's number, asleep at first; -1: there are EPOCH_READERS already. Its own thread alone uses it.
cdef int epoch_join() noexcept nogil
# The reader is gone and holds nothing; the number may be given to another.
cdef void epoch_leave(int reader) noexcept nogil
# From now on the reader may load published pointers and follow them.
cdef void epoch_awake(int reader) noexcept nogil
# It holds none of them and loads none until it is awake again.
cdef void epoch_asleep(int reader) noexcept nogil
# Awake, between two batches: it has let go of all that it held, and loads pointers anew.
cdef void epoch_pass(int reader) noexcept nogil

# free(memory) once nobody reads it any more; NULL is nothing. It must be out of readers' sight already. With
# the GIL. MemoryError: it is never freed.
cdef int retire_memory(void* memory) except -1
