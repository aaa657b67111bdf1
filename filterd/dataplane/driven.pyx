# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close

from filterd.dataplane.atomics cimport load64, load_pointer
from filterd.dataplane.crashboard cimport Note
from filterd.dataplane.epoch cimport epoch_asleep, epoch_awake, epoch_join, epoch_leave
from filterd.dataplane.hand cimport Hand, hand_answered
from filterd.dataplane.hashing cimport Seed, seed_from
from filterd.dataplane.lane cimport BATCH, Back, lane_allocate, lane_flush, lane_free, lane_reply
from filterd.dataplane.misses cimport (
    MISS_EVENTS,
    MISS_TAKEN,
    Misses,
    misses_allocate,
    misses_flush,
    misses_free,
    misses_ready,
    misses_take,
    misses_tick,
)
from filterd.dataplane.packet cimport (
    PACKET_ANSWER,
    PACKET_DROP,
    PACKET_MISS,
    Core,
    Counters,
    Exchange,
    Workspace,
    guarded_receive,
)
from filterd.dataplane.packets cimport Packets, Tally
from filterd.dataplane.punts cimport PUNT_BUSY, Punt, punt_take, punts_allocate, punts_free
from filterd.dataplane.routes cimport Route, Routes, Tallies

from filterd.dataplane.punting import PuntReason

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_wait(int epoll, epoll_event* events, int count, int timeout)
    enum: EPOLL_CLOEXEC

cdef enum:
    EVENTS = 64
    FIRST_EVENT = 1000
    DIGITS = 8                  # of a number in a name
    TURNS = 64                  # of one pump, so that it ends whatever an upstream sends


cdef const uint8_t* HEXADECIMAL = b"0123456789abcdef"


cdef struct Driven:
    Hand hand
    Misses misses
    int epoll
    int reader
    int note
    const void* const* core     # what is shown
    const void* const* route


cdef void begin(Driven* d, int64_t now, int64_t micros) noexcept nogil:
    """Awake, with what is published now."""
    cdef Counters* counters = d.hand.core.counters
    epoch_awake(d.reader)
    memcpy(&d.hand.core, load_pointer(<void* const*>d.core), sizeof(Core))
    d.hand.core.counters = counters
    d.hand.work.note = NULL
    if d.hand.core.board != NULL:
        d.hand.work.note = <Note*>&d.hand.core.board.notes[d.note]
    d.hand.now = now
    d.hand.micros = micros
    d.hand.ticks = micros // 1000000


cdef inline const Route* route_of(const Driven* d) noexcept nogil:
    return <const Route*>load_pointer(<void* const*>d.route)


cdef int take(Driven* d, const uint8_t* packet, size_t length, Exchange* x, const Back* back, int64_t now,
              int64_t micros) noexcept nogil:
    """-1: answered; -2: dropped; -3: waits; else why it was punted."""
    cdef Hand* hand = &d.hand
    cdef uint8_t reason = PUNT_BUSY
    cdef int status, result = 0
    begin(d, now, micros)
    x.tcp = x.proxied = False
    x.milliseconds = micros // 1000
    status = guarded_receive(&hand.core, packet, length, x, now, hand.ticks, hand.work)
    if status == PACKET_ANSWER:
        lane_reply(&hand.lane, back, hand.work.out, hand.work.written)
        hand_answered(hand, micros)
        result = -1
    elif status == PACKET_DROP:
        result = -2
    elif status == PACKET_MISS and misses_take(&d.misses, route_of(d), hand, x, back, micros,
                                               &reason) == MISS_TAKEN:
        result = -3
    else:
        result = reason
    epoch_asleep(d.reader)
    return result


cdef int64_t pump(Driven* d, int64_t now, int64_t micros, int milliseconds) noexcept nogil:
    cdef epoll_event events[EVENTS]
    cdef int count, i
    cdef int64_t left = -1
    cdef int _
    begin(d, now, micros)
    misses_flush(&d.misses, route_of(d), &d.hand)
    for _ in range(TURNS):
        epoch_asleep(d.reader)
        count = epoll_wait(d.epoll, events, EVENTS, milliseconds)
        begin(d, now, micros)
        milliseconds = 0
        for i in range(count):
            misses_ready(&d.misses, route_of(d), &d.hand, <uint32_t>(events[i].data.u64 - FIRST_EVENT))
        misses_flush(&d.misses, route_of(d), &d.hand)
        if count <= 0:
            break
    left = misses_tick(&d.misses, route_of(d), &d.hand)
    misses_flush(&d.misses, route_of(d), &d.hand)
    lane_flush(&d.hand.lane)
    epoch_asleep(d.reader)
    return left


cdef int64_t micros_now() noexcept nogil:
    cdef timespec monotonic
    clock_gettime(CLOCK_MONOTONIC, &monotonic)
    return <int64_t>monotonic.tv_sec * 1000000 + monotonic.tv_nsec // 1000


cdef uint64_t spin(Driven* d, uint8_t* packet, size_t length, size_t place, uint64_t first, uint64_t count,
                   uint64_t window, const uint8_t* client, const Back* back, int64_t now) noexcept nogil:
    """Questions with numbers in hexadecimal at ``place``, so many on their way at one time; answers are
    dropped."""
    cdef Exchange x
    cdef uint64_t asked = first
    cdef uint64_t punted = 0
    cdef Punt punt
    cdef uint32_t i
    cdef int digit
    d.hand.lane.recorded = True
    while asked < first + count or d.misses.table.asking:
        i = 0
        while i < BATCH and asked < first + count and d.misses.table.waiting < window:
            for digit in range(DIGITS):
                packet[place + digit] = HEXADECIMAL[asked >> 4 * digit & 15]
            memcpy(x.client, client, 16)
            take(d, packet, length, &x, back, now, micros_now())
            asked += 1
            i += 1
        pump(d, now, micros_now(), 0 if d.misses.table.waiting < window else 1)
        d.hand.lane.queued = 0
        while punt_take(&d.hand.punts, &punt):
            punted += 1
    d.hand.lane.recorded = False
    return punted


cdef class DrivenMisses:
    """See the stub."""
    cdef Driven* driven
    cdef Packets packets
    cdef Routes routes
    cdef Tally tally
    cdef Tallies tallies
    cdef dict doors

    def __cinit__(self, Packets packets not None, Routes routes not None, bytes seed not None, int note=1):
        cdef Seed secret
        if len(seed) != 16:
            raise ValueError("a seed has 16 bytes")
        secret = seed_from(<const uint8_t*><const char*>seed)
        self.driven = <Driven*>calloc(1, sizeof(Driven))
        if self.driven == NULL:
            raise MemoryError("no memory for what is driven")
        self.packets, self.routes = packets, routes
        self.tally, self.tallies = packets.join(), routes.join()
        self.doors = {}
        self.driven.note = note
        self.driven.core = <const void* const*>&packets.shown
        self.driven.route = <const void* const*>&routes.shown
        self.driven.hand.core.counters = &self.tally.counters
        self.driven.hand.work = <Workspace*>calloc(1, sizeof(Workspace))
        self.driven.reader = epoch_join()
        self.driven.epoll = epoll_create1(EPOLL_CLOEXEC)
        if (self.driven.hand.work == NULL or self.driven.reader < 0 or self.driven.epoll < 0
                or not lane_allocate(&self.driven.hand.lane)
                or not punts_allocate(&self.driven.hand.punts, &secret)
                or not misses_allocate(&self.driven.misses, self.driven.epoll, FIRST_EVENT, self.tallies.hops,
                                       &secret)):
            raise MemoryError("no memory for what is driven")

    def __dealloc__(self):
        if self.driven == NULL:
            return
        misses_free(&self.driven.misses)
        punts_free(&self.driven.hand.punts)
        lane_free(&self.driven.hand.lane)
        if self.driven.epoll >= 0:
            close(self.driven.epoll)
        if self.driven.reader >= 0:
            epoch_leave(self.driven.reader)
        free(self.driven.hand.work)
        free(self.driven)

    def open_door(self, int number, socket):
        """See the stub."""
        self.doors[number] = socket
        self.driven.hand.lane.doors[number].socket = socket.fileno()

    def take(self, const uint8_t[::1] packet not None, bytes client not None, int port, int64_t now,
             int64_t micros):
        """See the stub."""
        cdef Exchange x
        cdef Back back
        cdef int result
        cdef size_t length = packet.shape[0]
        if len(client) != 16 or length == 0:
            raise ValueError("a packet has bytes and a client's address has 16")
        memset(&back, 0, sizeof(Back))
        memcpy(x.client, <const char*>client, 16)
        back.peer[0] = 2                # AF_INET, in the machine's byte order
        back.peer[2] = <uint8_t>(port >> 8)
        back.peer[3] = <uint8_t>(port & 0xFF)
        memcpy(&back.peer[4], <const char*>client + 12, 4)
        back.peer_length = 16
        with nogil:
            result = take(self.driven, &packet[0], length, &x, &back, now, micros)
        if result >= 0:
            return PuntReason(result)
        return ("answered", "dropped", "waits")[-1 - result]

    def pump(self, int64_t now, int64_t micros, int milliseconds=0):
        """See the stub."""
        cdef int64_t left
        with nogil:
            left = pump(self.driven, now, micros, milliseconds)
        return None if left < 0 else left

    def spin(self, bytes packet not None, size_t place, uint64_t first, uint64_t count, uint64_t window,
             bytes client not None, int64_t now):
        """See the stub."""
        cdef bytearray mine = bytearray(packet)
        cdef uint8_t* start = mine
        cdef size_t length = len(mine)
        cdef Back back
        cdef uint64_t punted
        cdef const uint8_t* asking = <const uint8_t*><const char*>client
        if place + DIGITS > length or len(client) != 16:
            raise ValueError("no room for the numbers, or a client's address that has not 16 bytes")
        memset(&back, 0, sizeof(Back))
        with nogil:
            punted = spin(self.driven, start, length, place, first, count, window, asking, &back, now)
        return punted

    def punted(self):
        """See the stub."""
        cdef Punt punt
        found = []
        while punt_take(&self.driven.hand.punts, &punt):
            found.append((PuntReason(punt.reason), (<const char*>punt.x.asked.bytes)[:punt.x.asked.length],
                          (<const char*>punt.x.client)[:16]))
        return found

    def counts(self):
        """See the stub."""
        cdef Misses* m = &self.driven.misses
        return {
            "taken": load64(&m.taken),
            "joined": load64(&m.joined),
            "full": load64(&m.full),
            "waiting": m.table.waiting,
            "asking": m.table.asking,
            "not_sent": load64(&m.ports.not_sent),
        }

    def ports(self):
        """See the stub."""
        return [self.driven.misses.ports.sockets[i] for i in range(MISS_EVENTS)
                if self.driven.misses.ports.sockets[i] >= 0]
