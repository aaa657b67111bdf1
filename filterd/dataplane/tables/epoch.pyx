# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Epochs: a counter that each retirement raises, and for each reader the epoch at which it last held nothing.

What is retired gets the epoch behind it. A reader whose word is that epoch or a later one loaded the counter
after the raise, hence after the pointer was taken away, and let go of everything before: it cannot hold the
thing. A word of 0 is a reader asleep. The one order that acquire and release do not give is between a
reader's word and its next load of a pointer on one side, and between the writer's store of the pointer and
its look at the words on the other: each side has a fence there, so that either the writer sees the reader
awake or the reader sees the pointer gone.

Things wait in the order of their epochs, so that only the first ones need to be looked at.
"""
from cpython.ref cimport PyObject, Py_INCREF, Py_XDECREF
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from filterd.dataplane.tables.atomics cimport fence, load64, store64, swap64

cdef extern from *:
    """
    /* Each in a cache line of its own: a reader's word is written by that reader alone. */
    typedef struct { uint64_t epoch, taken; } __attribute__((aligned(64))) filterd_epoch_slot;
    typedef struct { uint64_t epoch, seen; } __attribute__((aligned(64))) filterd_epoch_head;
    """
    ctypedef struct Slot "filterd_epoch_slot":
        uint64_t epoch          # 0: asleep
        uint64_t taken
    ctypedef struct Head "filterd_epoch_head":
        uint64_t epoch          # the present one, at least 1
        uint64_t seen           # slots below this number were taken at some time

cdef enum:
    FEW = 16                    # freed at most on a retirement, so that none takes long
    MANY = 4096                 # and by collect
    FIRST_ROOM = 64

cdef struct Retired:
    uint64_t epoch
    void* memory                # NULL: an object
    PyObject* thing

cdef Slot slots[EPOCH_READERS]
cdef Head head
head.epoch = 1

# A ring, under the GIL alone.
cdef Retired* ring = NULL
cdef size_t room = 0            # a power of two
cdef size_t first = 0
cdef size_t kept = 0


# --- readers: without the GIL ----------------------------------------------------------------------------

cdef int epoch_join() noexcept nogil:
    cdef uint64_t seen
    cdef uint64_t number
    for number in range(EPOCH_READERS):
        if load64(&slots[number].taken) == 0 and swap64(&slots[number].taken, 0, 1):
            seen = load64(&head.seen)
            while seen <= number and not swap64(&head.seen, seen, number + 1):
                seen = load64(&head.seen)
            return <int>number
    return -1


cdef void epoch_leave(int reader) noexcept nogil:
    store64(&slots[reader].epoch, 0)
    store64(&slots[reader].taken, 0)


cdef void epoch_awake(int reader) noexcept nogil:
    store64(&slots[reader].epoch, load64(&head.epoch))
    fence()


cdef void epoch_asleep(int reader) noexcept nogil:
    store64(&slots[reader].epoch, 0)


cdef void epoch_pass(int reader) noexcept nogil:
    # Nothing was retired meanwhile: the old word says the same, and no cache line is written.
    if load64(&head.epoch) != load64(&slots[reader].epoch):
        epoch_awake(reader)


# --- writers: with the GIL -------------------------------------------------------------------------------

cdef uint64_t _oldest() noexcept nogil:
    """The epoch up to which no reader holds what was retired."""
    cdef uint64_t oldest
    cdef uint64_t epoch
    cdef uint64_t number
    oldest = load64(&head.epoch)
    fence()
    for number in range(load64(&head.seen)):
        epoch = load64(&slots[number].epoch)
        if epoch != 0 and epoch < oldest:
            oldest = epoch
    return oldest


cdef void _release(const Retired* each):
    if each.thing != NULL:
        Py_XDECREF(each.thing)
    else:
        free(each.memory)


cdef size_t _collect(size_t most):
    """Free what may be freed, ``most`` things at most; how many are kept.

    What an object does when it goes may come here again: each thing leaves the ring before it is freed.
    """
    global first, kept
    cdef uint64_t oldest
    cdef Retired each
    if kept == 0:
        return 0
    oldest = _oldest()
    while most != 0 and kept != 0 and ring[first].epoch <= oldest:
        each = ring[first]
        first = (first + 1) & (room - 1)
        kept -= 1
        most -= 1
        _release(&each)
    return kept


cdef int _make_room() except -1:
    """The ring doubled, front first."""
    global ring, room, first
    cdef size_t wanted = room * 2 if room else FIRST_ROOM
    cdef size_t front = room - first
    cdef Retired* fresh = <Retired*>malloc(wanted * sizeof(Retired))
    if fresh == NULL:
        raise MemoryError
    if room:
        memcpy(fresh, ring + first, front * sizeof(Retired))
        memcpy(fresh + front, ring, first * sizeof(Retired))
    free(ring)
    ring = fresh
    room = wanted
    first = 0
    return 0


cdef int _retire(void* memory, PyObject* thing) except -1:
    global kept
    cdef uint64_t epoch = load64(&head.epoch) + 1
    cdef Retired* entry
    if kept == room:
        _make_room()
    entry = ring + ((first + kept) & (room - 1))
    entry.epoch = epoch
    entry.memory = memory
    entry.thing = thing
    kept += 1
    store64(&head.epoch, epoch)  # writers hold the GIL: nobody else raises it
    _collect(FEW)
    return 0


cdef int retire_memory(void* memory) except -1:
    if memory == NULL:
        return 0
    # As ``_oldest``: whoever joins behind the fence finds the memory gone.
    fence()
    if load64(&head.seen) == 0:
        free(memory)
        return 0
    return _retire(memory, NULL)


# --- the Python face -------------------------------------------------------------------------------------

def retire(thing):
    fence()
    if load64(&head.seen) == 0:
        return
    Py_INCREF(thing)
    _retire(NULL, <PyObject*>thing)


def collect():
    return _collect(MANY)


def waiting():
    return kept


cdef class Reader:
    """A reader's number for as long as this lives: for tests and tools."""

    cdef readonly int number

    def __cinit__(self):
        self.number = epoch_join()
        if self.number < 0:
            raise ValueError(f"there are {EPOCH_READERS} readers already")

    def __dealloc__(self):
        if self.number >= 0:
            epoch_leave(self.number)

    def awake(self):
        epoch_awake(self.number)

    def asleep(self):
        epoch_asleep(self.number)

    def pass_on(self):
        epoch_pass(self.number)
