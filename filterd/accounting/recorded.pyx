# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

from filterd.accounting.event cimport Event, EventSink
from filterd.accounting.radius cimport RADIUS_MOST, event_for_python
from filterd.accounting.receiver cimport Receiver

cdef struct Kept:
    size_t most
    size_t count                # with those for which there was no room
    Event* events


cdef void keep(void* context, const Event* event) noexcept nogil:
    cdef Kept* kept = <Kept*>context
    if kept.count < kept.most:
        kept.events[kept.count] = event[0]
    kept.count += 1


cdef class RecordedEvents(EventSink):
    """A sink that keeps the first events. One thread at a time may give it some."""

    cdef Kept kept

    def __cinit__(self, size_t most=1024):
        self.kept.events = <Event*>calloc(most + 1, sizeof(Event))
        if self.kept.events == NULL:
            raise MemoryError
        self.kept.most = most
        self.take = keep
        self.context = &self.kept

    def __dealloc__(self):
        free(self.kept.events)

    def events(self):
        """The events that there was room for."""
        return [event_for_python(&self.kept.events[i]) for i in range(min(self.kept.count, self.kept.most))]

    def __len__(self):
        return self.kept.count


def take(Receiver receiver not None, list packets not None, int64_t arrival):
    """Take packets, each with its sender's 16 bytes, as if they had come in one go: the answers."""
    cdef uint8_t answer[RADIUS_MOST]
    cdef size_t size
    cdef list answers = []
    cdef bytes sender, packet
    receiver.begin()
    try:
        for sender, packet in packets:
            if len(sender) != 16 or len(packet) > RADIUS_MOST:
                raise ValueError(f"a packet of {len(packet)} bytes from an address of {len(sender)}")
            size = receiver.take(<const uint8_t*><const char*>packet, len(packet),
                                 <const uint8_t*><const char*>sender, arrival, answer)
            answers.append((<const char*>answer)[:size] if size else None)
    finally:
        receiver.end()
    return answers


cdef struct Recorded:
    const uint8_t* packet
    size_t size
    const uint8_t* sender


def spin(Receiver receiver not None, list packets not None, int rounds, int64_t arrival):
    """Take the packets so many times over, without the GIL: the number of answers."""
    cdef Recorded* all_of_them = <Recorded*>calloc(len(packets) + 1, sizeof(Recorded))
    cdef int64_t answers = 0
    cdef size_t count = len(packets)
    cdef bytes sender, packet
    if all_of_them == NULL:
        raise MemoryError
    for i, (sender, packet) in enumerate(packets):
        all_of_them[<size_t>i].packet = <const uint8_t*><const char*>packet
        all_of_them[<size_t>i].size = len(packet)
        all_of_them[<size_t>i].sender = <const uint8_t*><const char*>sender
    with nogil:
        answers = spun(receiver, all_of_them, count, rounds, arrival)
        free(all_of_them)
    return answers


cdef int64_t spun(Receiver receiver, const Recorded* packets, size_t count, int rounds,
                  int64_t arrival) noexcept nogil:
    cdef uint8_t answer[RADIUS_MOST]
    cdef int64_t answers = 0
    cdef size_t i
    cdef int _turn
    receiver.begin()
    for _turn in range(rounds):
        for i in range(count):
            if receiver.take(packets[i].packet, packets[i].size, packets[i].sender, arrival, answer):
                answers += 1
    receiver.end()
    return answers
