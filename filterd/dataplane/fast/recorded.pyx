# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.epoch cimport epoch_asleep
from filterd.dataplane.fast.thread cimport (
    EVENTS,
    Fast,
    FastThread,
    epoll_event,
    epoll_wait,
    fast_batch,
    fast_clocks,
    fast_serve,
    fast_wake,
)
from filterd.dataplane.fast.datagrams cimport (
    BATCH,
    MAX_LISTEN_SOCKETS,
    Datagrams,
    ReturnPath,
    datagram_packet,
)
from filterd.dataplane.fast.misses cimport misses_flush

from typing import NamedTuple

cdef enum:
    RECORDED_SIZE = 4096        # bytes of a packet
    PLACES = 65536              # a place is told by a port
    TURNS = 64                  # of one pump, so that it ends whatever an upstream sends


class Answered(NamedTuple):
    """An answer, and the place and client of its query."""

    place: int
    client: bytes
    answer: bytes


cdef struct Recorded:           # one batch
    int count
    unsigned int lengths[BATCH]
    ReturnPath return_paths[BATCH]
    uint8_t* packets            # one behind the other: a stream pushes little else out of the caches


# ---- the thread's turn ----

cdef inline void begin(Fast* fast, int64_t now, int64_t micros) noexcept nogil:
    fast_wake(fast)
    fast_clocks(fast, now, micros)
    fast.turn.datagrams.recorded = True
    fast.turn.datagrams.queued = 0


cdef inline void end(Fast* fast) noexcept nogil:
    """Asleep, and as a thread that runs has to find it; the answers stay where they are."""
    fast.turn.datagrams.recorded = False
    fast.turn.answered = 0      # nobody's response time
    epoch_asleep(fast.reader)


cdef void serve(Fast* fast, int count, int64_t now, int64_t micros) noexcept nogil:
    begin(fast, now, micros)
    fast_batch(fast, count)
    end(fast)


cdef int run_turn(Fast* fast, int64_t now, int64_t micros, int milliseconds, int64_t* left) noexcept nogil:
    """One turn of the thread; the number of its events."""
    cdef epoll_event events[EVENTS]
    cdef int count = epoll_wait(fast.epoll, events, EVENTS, milliseconds)
    begin(fast, now, micros)
    left[0] = fast_serve(fast, events, count)
    end(fast)
    return count


# ---- packets in, answers out ----

cdef int record(Fast* fast, list packets, int first) except -1:
    """Put packets where received ones stand; how many."""
    cdef int i = 0
    cdef bytes packet, client
    cdef ReturnPath* return_path
    for packet, client in packets:
        if len(packet) > RECORDED_SIZE or len(client) != 16:
            raise ValueError(f"record a packet of at most {RECORDED_SIZE} bytes and a client of 16")
        return_path = &fast.turn.datagrams.return_paths[i]
        memset(return_path, 0, sizeof(ReturnPath))
        return_path.peer[0] = 10               # AF_INET6, in the machine's byte order
        return_path.peer[2] = <uint8_t>(first + i >> 8)
        return_path.peer[3] = <uint8_t>(first + i & 0xFF)
        memcpy(&return_path.peer[8], <const char*>client, 16)
        return_path.peer_length = 28
        return_path.listen_socket = MAX_LISTEN_SOCKETS - 1
        fast.turn.datagrams.came[i].msg_hdr.msg_flags = 0
        fast.turn.datagrams.came[i].msg_hdr.msg_control = NULL
        fast.turn.datagrams.came[i].msg_len = len(packet)
        memcpy(<uint8_t*>datagram_packet(&fast.turn.datagrams, i), <const char*>packet, len(packet))
        i += 1
    return i


cdef uint8_t* keep(const Fast* fast, uint8_t* at, Recorded* out) noexcept nogil:
    """Keep a batch, its packets at this place: the place behind them."""
    cdef int i
    out.packets = at
    for i in range(out.count):
        out.lengths[i] = fast.turn.datagrams.came[i].msg_len
        out.return_paths[i] = fast.turn.datagrams.return_paths[i]
        memcpy(at, datagram_packet(&fast.turn.datagrams, i), out.lengths[i])
        at += out.lengths[i]
    return at


cdef void load(Fast* fast, const Recorded* kept) noexcept nogil:
    cdef int i
    cdef const uint8_t* at = kept.packets
    for i in range(kept.count):
        fast.turn.datagrams.came[i].msg_len = kept.lengths[i]
        fast.turn.datagrams.return_paths[i] = kept.return_paths[i]
        memcpy(<uint8_t*>datagram_packet(&fast.turn.datagrams, i), at, kept.lengths[i])
        at += kept.lengths[i]


cdef list take_answers(Fast* fast):
    cdef Datagrams* datagrams = &fast.turn.datagrams
    cdef const uint8_t* peer
    cdef uint32_t i
    cdef list found = []
    for i in range(datagrams.queued):
        peer = &datagrams.going_return_path[i].peer[0]
        found.append(Answered(peer[2] << 8 | peer[3], (<const char*>peer)[8:24],
                              (<const char*>datagrams.going_in[i].iov_base)[:datagrams.going_in[i].iov_len]))
    datagrams.queued = 0
    return found


# ---- the Python face ----

cdef class Driver:
    """Takes the place of a thread's ``run``: recorded packets and given times go in."""
    cdef FastThread thread
    cdef int64_t left

    def __cinit__(self, FastThread thread not None):
        self.thread = thread
        self.left = -1

    cdef Fast* idle(self) except NULL:
        if self.thread.running:
            raise ValueError("this thread receives from its sockets: it is not to be driven")
        return self.thread.fast

    def limit_ports(self, unsigned short queries):
        self.idle().misses.ports.share = queries

    @property
    def waiting(self):
        return self.idle().misses.table.waiting

    @property
    def asking(self):
        return self.idle().misses.table.asking

    @property
    def due(self):
        return None if self.left < 0 else self.left

    def drive(self, packets, int64_t now, int64_t micros, int first=0):
        """Take packets as one batch; return the answer of each, None for silence, a punt or a wait."""
        cdef Fast* fast = self.idle()
        cdef Py_ssize_t start
        cdef int count
        cdef list answers = [None] * len(packets)
        if first < 0 or first + len(packets) > PLACES:
            raise ValueError(f"there are places from 0 to {PLACES - 1}")
        for start in range(0, len(packets), BATCH):
            count = record(fast, packets[start:start + BATCH], first + <int>start)
            with nogil:
                serve(fast, count, now, micros)
            for each in take_answers(fast):
                answers[each.place - first] = each.answer
        return answers

    def pump(self, int64_t now, int64_t micros, int milliseconds):
        """Send what ``drive`` led to and take what upstreams answer within so many milliseconds."""
        cdef Fast* fast = self.idle()
        cdef list answers = []
        cdef int count
        with nogil:
            begin(fast, now, micros)
            misses_flush(&fast.misses, fast.route, &fast.turn)
            end(fast)
        for _ in range(TURNS):
            with nogil:
                count = run_turn(fast, now, micros, milliseconds, &self.left)
            answers += take_answers(fast)
            milliseconds = 0
            if count <= 0:
                break
        return answers

    def spin(self, packets, int64_t rounds, int64_t now, int64_t micros):
        """Drive the packets ``rounds`` times without the GIL; return the number of answers."""
        cdef Fast* fast = self.idle()
        cdef list batches = [packets[start:start + BATCH] for start in range(0, len(packets), BATCH)]
        cdef Py_ssize_t kept = len(batches)
        cdef size_t size = sum([len(each[0]) for each in packets])
        cdef Recorded* recorded = <Recorded*>calloc(kept or 1, sizeof(Recorded))
        cdef uint8_t* stream = <uint8_t*>calloc(1, size or 1)
        cdef uint8_t* at = stream
        cdef uint64_t answered = 0
        cdef int64_t _, i
        try:
            if recorded == NULL or stream == NULL:
                raise MemoryError("no memory for the recorded packets")
            for i in range(kept):
                recorded[i].count = record(fast, batches[i], 0)
                at = keep(fast, at, &recorded[i])
            with nogil:
                for _ in range(rounds):
                    for i in range(kept):
                        load(fast, &recorded[i])
                        serve(fast, recorded[i].count, now, micros)
                        answered += fast.turn.datagrams.queued
        finally:
            free(recorded)
            free(stream)
            fast.turn.datagrams.queued = 0
        return answered
