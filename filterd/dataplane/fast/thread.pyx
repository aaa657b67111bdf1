# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec
from posix.unistd cimport close, read, write

from filterd.dataplane.tables.addresses cimport address_find
from filterd.dataplane.tables.atomics cimport bump64, load64, load_pointer, store64
from filterd.dataplane.tables.epoch cimport epoch_asleep, epoch_awake, epoch_join, epoch_leave
from filterd.dataplane.fast.turn cimport TIMES, turn_batch_answered, turn_go_on
from filterd.dataplane.tables.hashing cimport Seed, seed_from
from filterd.dataplane.fast.datagrams cimport (
    ARRIVED_CUT,
    ARRIVED_FOR_GROUP,
    MAX_LISTEN_SOCKETS,
    return_path_send,
    listen_socket_close,
    listen_socket_open,
    datagrams_allocate,
    datagram_arrival,
    datagrams_flush,
    datagrams_free,
    datagram_length,
    datagram_packet,
    datagrams_receive,
    datagrams_reply,
    peer_address,
    peer_port,
)
from filterd.dataplane.packet.crashboard cimport NOTES, Note
from filterd.dataplane.fast.misses cimport (
    MISS_TAKEN,
    misses_allocate,
    misses_flush,
    misses_free,
    misses_ready,
    misses_renew,
    misses_take,
    misses_tick,
)
from filterd.dataplane.packet.stages cimport (
    Counters,
    PACKET_ANSWER,
    PACKET_BUSY,
    PACKET_DROP,
    PACKET_MISS,
    PACKET_OPEN,
    Workspace,
    guarded_open,
    guarded_take,
    note_question,
    noted,
    packet_fetch_answer,
    packet_fetch_entry,
    packet_look,
    packet_stale,
)
from filterd.dataplane.fast.punts cimport (
    PUNT_BUSY,
    PUNT_STALE,
    PUNT_TAKEN,
    Punt,
    punt_lost,
    punt_put,
    punt_take,
    punt_try,
    punts_allocate,
    punts_free,
)
from filterd.dataplane.fast.routes cimport Route
from filterd.dataplane.fast.selfquery cimport (
    SELF_KEY,
    SELF_OTHER,
    SELF_SIZE,
    SELF_TAKEN,
    self_answer,
    self_take,
)
from filterd.wire.proxy cimport PROXY_OK, ProxySource, read_proxy

from typing import NamedTuple

from filterd.dataplane.tables.epoch import retire
from filterd.dataplane.fast.punts import PuntReason

cdef extern from "<sys/epoll.h>" nogil:
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int socket, epoll_event* event)
    enum: EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CLOEXEC

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int first, int flags)
    enum: EFD_NONBLOCK, EFD_CLOEXEC

cdef extern from "<fcntl.h>" nogil:
    int fcntl(int socket, int operation, ...)
    enum: F_DUPFD_CLOEXEC

# A build for tests (-DFILTERD_TEST_HOOKS) parks thread N for good once it finds the file park-N in the folder
# that the environment's FILTERD_TEST_HOOKS names; it takes the file away.
cdef extern from *:
    """
    #ifdef FILTERD_TEST_HOOKS
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    static void filterd_hook(unsigned number) {
        char path[4096];
        const char *folder = getenv("FILTERD_TEST_HOOKS");
        if (folder == NULL)
            return;
        snprintf(path, sizeof path, "%s/park-%u", folder, number);
        if (unlink(path) == 0)
            for (;;)
                pause();
    }
    #else
    #define filterd_hook(number) ((void)0)
    #endif
    """
    void hook "filterd_hook"(unsigned int number) nogil

cdef enum:
    WAKE = 1 << 16              # the event of the thread's own eventfd; below: listening sockets
    FIRST_MISS = 1 << 17        # and above: sockets to upstreams
    LONGEST_SLEEP = 1000        # milliseconds


# ---- one turn ----

cdef void run_turns(Fast* fast) noexcept nogil:
    cdef epoll_event events[EVENTS]
    cdef uint64_t word
    cdef uint64_t punted
    cdef int64_t left = -1
    cdef int count
    while not load64(&fast.stopping):
        count = epoll_wait(fast.epoll, events, EVENTS, sleep_of(left))
        begin_turn(fast)
        hook(fast.number)
        punted = fast.turn.punts.put
        left = fast_serve(fast, events, count)
        if fast.turn.punts.put != punted:
            word = 1
            write(fast.news, &word, sizeof(word))
        store64(&fast.waiting, fast.misses.table.waiting)
        bump64(&fast.turns)
        epoch_asleep(fast.reader)


cdef int64_t fast_serve(Fast* fast, const epoll_event* events, int count) noexcept nogil:
    cdef int64_t left
    cdef int i
    for i in range(count):
        serve_event(fast, events[i].data.u64)
    left = misses_tick(&fast.misses, fast.route, &fast.turn)
    misses_flush(&fast.misses, fast.route, &fast.turn)
    datagrams_flush(&fast.turn.datagrams)
    return left


cdef inline int sleep_of(int64_t left) noexcept nogil:
    """The milliseconds to sleep until there is something to do in ``left`` microseconds; -1: nothing."""
    return LONGEST_SLEEP if left < 0 else <int>min((left + 999) // 1000, LONGEST_SLEEP)


cdef void serve_event(Fast* fast, uint64_t event) noexcept nogil:
    cdef uint64_t word
    if event < MAX_LISTEN_SOCKETS:
        serve_listen_socket(fast, <int>event)
    elif event >= FIRST_MISS:
        misses_ready(&fast.misses, fast.route, &fast.turn, <uint32_t>(event - FIRST_MISS))
    else:
        read(fast.wake, &word, sizeof(word))


cdef void begin_turn(Fast* fast) noexcept nogil:
    """Take the published state and read the clocks."""
    cdef timespec real
    fast_wake(fast)
    clock_gettime(CLOCK_REALTIME, &real)
    fast_clocks(fast, real.tv_sec, micros_now())


cdef void fast_wake(Fast* fast) noexcept nogil:
    epoch_awake(fast.reader)
    take_core(fast)
    fast.route = <const Route*>load_pointer(fast.route_shown)


cdef void take_core(Fast* fast) noexcept nogil:
    """Copy the published core, unless this is the copy in use. The thread is awake for the epoch."""
    cdef Turn* turn = &fast.turn
    cdef uint64_t serial = load64(fast.serial)
    cdef Counters* counters = turn.core.counters
    if serial == fast.taken:
        return
    memcpy(&turn.core, load_pointer(fast.shown), sizeof(Core))
    turn.core.counters = counters
    turn.work.note = NULL
    if turn.core.board != NULL:
        turn.work.note = <Note*>&turn.core.board.notes[1 + fast.number]
    fast.taken = serial


cdef inline int64_t micros_now() noexcept nogil:
    cdef timespec monotonic
    clock_gettime(CLOCK_MONOTONIC, &monotonic)
    return <int64_t>monotonic.tv_sec * 1000000 + monotonic.tv_nsec // 1000


cdef void serve_listen_socket(Fast* fast, int listen_socket) noexcept nogil:
    """Serve one batch; datagrams that are left on the socket end the next wait at once."""
    cdef int count = datagrams_receive(&fast.turn.datagrams, listen_socket)
    fast_batch(fast, count)
    datagrams_flush(&fast.turn.datagrams)
    turn_batch_answered(&fast.turn, micros_now() - fast.turn.micros)


cdef void fast_batch(Fast* fast, int count) noexcept nogil:
    cdef int first = 0
    while first < count:
        serve_group(fast, first, min(first + GROUP, count))
        first += GROUP
        if first < count:
            turn_go_on(&fast.turn)


cdef void serve_group(Fast* fast, int first, int end) noexcept nogil:
    """Serve a few packets in step: memory for the later ones is fetched while the first ones are decided."""
    cdef Turn* turn = &fast.turn
    cdef int places[GROUP]
    cdef int opened = 0
    cdef int i, status
    for i in range(first, end):
        status = open_datagram(fast, i, &fast.group[opened])
        if status == PACKET_OPEN:
            packet_look(&turn.core, &fast.group[opened], &fast.aheads[opened])
            places[opened] = i
            opened += 1
        else:
            settle(fast, status, &fast.group[opened], &turn.datagrams.return_paths[i])
    for i in range(opened):
        packet_fetch_entry(&turn.core, &fast.aheads[i])
    for i in range(opened):
        packet_fetch_answer(&turn.core, &fast.aheads[i])
    for i in range(opened):
        status = guarded_take(&turn.core, &fast.group[i], &fast.aheads[i], turn.now, turn.ticks, turn.work)
        settle(fast, status, &fast.group[i], &turn.datagrams.return_paths[places[i]])


# ---- one datagram ----

cdef int open_datagram(Fast* fast, int i, Exchange* x) noexcept nogil:
    """Unwrap, then the stages that need no verdict; see pipeline.py."""
    cdef Turn* turn = &fast.turn
    cdef const uint8_t* packet = datagram_packet(&turn.datagrams, i)
    cdef size_t length = datagram_length(&turn.datagrams, i)
    cdef int arrival = datagram_arrival(&turn.datagrams, i)
    cdef ProxySource source
    if arrival == ARRIVED_FOR_GROUP:
        bump64(&fast.drops[FAST_MULTICAST])
        return PACKET_DROP
    if arrival == ARRIVED_CUT:
        bump64(&fast.drops[FAST_TOO_LONG])
        return PACKET_DROP
    peer_address(&turn.datagrams.return_paths[i], &x.client[0])
    x.tcp = x.proxied = False
    x.port = peer_port(&turn.datagrams.return_paths[i])
    x.tlv_length = 0
    x.milliseconds = turn.micros // 1000
    if turn.core.proxies != NULL and address_find(turn.core.proxies, x.client, False) != NULL:
        if read_proxy(packet, length, turn.core.proxy_id_tlv, &source) != PROXY_OK:
            bump64(&fast.drops[FAST_NO_PROXY_HEADER])
            return PACKET_DROP
        packet += source.length
        length -= source.length
        x.proxied = True
        memcpy(x.front, x.client, 16)
        x.tlv = source.tlv
        x.tlv_length = source.tlv_length
        if source.has_source:
            memcpy(x.client, source.address, 16)
            x.port = source.port
    if take_self(fast, packet, length, &turn.datagrams.return_paths[i]):
        return PACKET_DROP          # there is nothing more to do, and nothing to count
    return guarded_open(&turn.core, packet, length, x, turn.now, turn.work)


cdef bint take_self(Fast* fast, const uint8_t* packet, size_t length,
                    const ReturnPath* return_path) noexcept nogil:
    """The resolver's own query to this thread: above admit and outside of all counts of clients' queries."""
    cdef uint8_t answer[SELF_SIZE]
    cdef int status = self_take(&fast.itself, packet, length)
    if status == SELF_OTHER:
        return False
    bump64(&fast.self_queries)
    if status == SELF_TAKEN:
        self_answer(&fast.itself, packet, fast.number, answer)
        datagrams_reply(&fast.turn.datagrams, return_path, answer, SELF_SIZE)
    return True


cdef void settle(Fast* fast, int status, Exchange* x, const ReturnPath* return_path) noexcept nogil:
    """Send, forward or punt an exchange after the stages that do not wait."""
    cdef Turn* turn = &fast.turn
    if status == PACKET_ANSWER:
        datagrams_reply(&turn.datagrams, return_path, turn.work.out, turn.work.written)
        turn.answered += 1
        if x.refresh:
            misses_renew(&fast.misses, fast.route, turn, x, return_path, turn.micros)
    elif status == PACKET_MISS:
        forward(fast, x, return_path)
    elif status == PACKET_BUSY:
        punt_put(&turn.punts, PUNT_BUSY, x, return_path, turn.micros)


cdef void forward(Fast* fast, Exchange* x, const ReturnPath* return_path) noexcept nogil:
    """Ask an upstream, here or on the slow path; where neither can, there may be a stale answer."""
    cdef Turn* turn = &fast.turn
    cdef uint8_t reason = PUNT_STALE
    cdef int status
    if misses_take(&fast.misses, fast.route, turn, x, return_path, turn.micros, &reason) == MISS_TAKEN:
        return      # should the upstreams be silent, the slow path has the stale answer
    if x.stale:
        reason = PUNT_STALE
    status = punt_try(&turn.punts, reason, x, return_path, turn.micros)
    if status == PUNT_TAKEN:
        return
    if x.stale:
        note_question(&turn.core, x, turn.work)
        if noted(turn.work, packet_stale(&turn.core, x, turn.now, turn.ticks, turn.work)) == PACKET_ANSWER:
            datagrams_reply(&turn.datagrams, return_path, turn.work.out, turn.work.written)
            turn.answered += 1
            return
    punt_lost(&turn.punts, status)


# ---- the Python face ----

class FastCounts(NamedTuple):
    """Counts of one thread since it was made."""

    turns: int
    batches: int
    datagrams: int
    punts: dict
    drops: dict
    misses: dict
    times: tuple
    seconds: float
    self_queries: int
    sent_early: int


cdef class Descriptor:
    """An open file, closed when nobody holds it any more."""
    cdef int32_t number

    def __cinit__(self, int32_t number):
        self.number = number

    def __dealloc__(self):
        if self.number >= 0:
            close(self.number)


cdef class Punted:
    """An exchange that a thread left to the slow path."""


cdef class FastThread:
    """One thread's sockets and memory; all but ``run`` is for the event loop."""

    def __cinit__(self, Plane packets not None, Routes routes not None, uint32_t number, int32_t news,
                  bytes seed not None):
        cdef Seed secret
        cdef Turn* turn
        if len(seed) != 16:
            raise ValueError("a seed has 16 bytes")
        if number >= NOTES - 1:
            raise ValueError(f"there are {NOTES - 1} threads at most: the crash board has no more notes")
        self.fast = <Fast*>calloc(1, sizeof(Fast))
        if self.fast == NULL:
            raise MemoryError("no memory for a thread of the fast path")
        turn = &self.fast.turn
        self.fast.epoll = self.fast.wake = self.fast.reader = -1
        self.packets, self.tally, self.descriptors = packets, packets.join(), {}
        self.routes, self.tallies = routes, routes.join()
        self.fast.news = news
        self.fast.number = number
        self.fast.shown = &packets.shown
        self.fast.serial = &packets.serial
        self.fast.route_shown = &routes.shown
        turn.core.counters = &self.tally.counters
        turn.work = <Workspace*>calloc(1, sizeof(Workspace))
        secret = seed_from(<const uint8_t*><const char*>seed)
        if (not datagrams_allocate(&turn.datagrams) or not punts_allocate(&turn.punts, &secret)
                or turn.work == NULL):
            raise MemoryError("no memory for a thread of the fast path")
        self._open()
        if not misses_allocate(&self.fast.misses, self.fast.epoll, FIRST_MISS, self.tallies.hops,
                               &routes.silences, &routes.avoided, &secret):
            raise MemoryError("no memory for a thread of the fast path")

    def _open(self):
        cdef epoll_event event
        self.fast.epoll = epoll_create1(EPOLL_CLOEXEC)
        self.fast.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
        self.fast.reader = epoch_join()
        if self.fast.epoll < 0 or self.fast.wake < 0 or self.fast.reader < 0:
            raise OSError("no descriptor is left for a thread of the fast path")
        event.events = EPOLLIN
        event.data.u64 = WAKE
        if epoll_ctl(self.fast.epoll, EPOLL_CTL_ADD, self.fast.wake, &event) < 0:
            raise OSError("a thread of the fast path cannot be woken")

    def __dealloc__(self):
        if self.fast == NULL:
            return
        if self.fast.reader >= 0:
            epoch_leave(self.fast.reader)
        if self.fast.epoll >= 0:
            close(self.fast.epoll)
        if self.fast.wake >= 0:
            close(self.fast.wake)
        misses_free(&self.fast.misses)
        datagrams_free(&self.fast.turn.datagrams)
        punts_free(&self.fast.turn.punts)
        free(self.fast.turn.work)
        free(self.fast)

    def open_listen_socket(self, int32_t socket, bint wildcard):
        cdef epoll_event event
        cdef int listen_socket
        cdef Descriptor mine = Descriptor(fcntl(socket, F_DUPFD_CLOEXEC, 0))
        if mine.number < 0:
            raise OSError("no descriptor is left for a listening socket")
        for listen_socket in range(MAX_LISTEN_SOCKETS):
            if listen_socket not in self.descriptors:
                break
        else:
            raise OSError(
                f"a thread listens on {MAX_LISTEN_SOCKETS} sockets at most: configure fewer addresses"
            )
        listen_socket_open(&self.fast.turn.datagrams.listen_sockets[listen_socket], mine.number, wildcard)
        event.events = EPOLLIN
        event.data.u64 = listen_socket
        if epoll_ctl(self.fast.epoll, EPOLL_CTL_ADD, mine.number, &event) < 0:
            listen_socket_close(&self.fast.turn.datagrams.listen_sockets[listen_socket])
            raise OSError("a listening socket cannot be waited for")
        self.descriptors[listen_socket] = mine
        return listen_socket

    def close_listen_socket(self, int listen_socket):
        cdef Descriptor mine = self.descriptors.pop(listen_socket)
        cdef epoll_event event
        listen_socket_close(&self.fast.turn.datagrams.listen_sockets[listen_socket])
        epoll_ctl(self.fast.epoll, EPOLL_CTL_DEL, mine.number, &event)
        retire(mine)

    def stop_reading(self, int listen_socket):
        cdef Descriptor mine = self.descriptors[listen_socket]
        cdef epoll_event event
        epoll_ctl(self.fast.epoll, EPOLL_CTL_DEL, mine.number, &event)

    def wake(self):
        cdef uint64_t one = 1
        write(self.fast.wake, &one, sizeof(one))

    def know_itself(self, bytes key not None):
        if self.running or len(key) != SELF_KEY:
            raise ValueError("a key has 16 bytes, and is given before the thread runs")
        memcpy(self.fast.itself.key, <const char*>key, SELF_KEY)
        self.fast.itself.known = True

    def run(self):
        self.running = True
        with nogil:
            run_turns(self.fast)
        self.running = False

    def stop(self):
        store64(&self.fast.stopping, 1)
        self.wake()

    def take(self):
        cdef Punt punt
        cdef Punted punted
        if not punt_take(&self.fast.turn.punts, &punt):
            return None
        punted = Punted.__new__(Punted)
        punted.pending = Pending.__new__(Pending)
        punted.pending.x = punt.x
        punted.return_path = punt.return_path
        punted.came = punt.came / 1e6
        punted.reason = punt.reason
        return punted

    def answer(self, Punted punted not None, bytes answer not None):
        return bool(return_path_send(&self.fast.turn.datagrams, &punted.return_path,
                                     <const uint8_t*><const char*>answer, len(answer)))

    @property
    def turns(self):
        return load64(&self.fast.turns)

    @property
    def waiting(self):
        return load64(&self.fast.waiting)

    def counts(self):
        cdef Fast* fast = self.fast
        cdef Turn* turn = &fast.turn
        cdef int i
        return FastCounts(
            turns=load64(&fast.turns),
            batches=load64(&turn.datagrams.batches),
            datagrams=load64(&turn.datagrams.received),
            punts={reason: load64(&turn.punts.reasons[<int>reason]) for reason in PuntReason},
            drops={
                "multicast": load64(&fast.drops[FAST_MULTICAST]),
                "too_long": load64(&fast.drops[FAST_TOO_LONG]),
                "no_proxy_header": load64(&fast.drops[FAST_NO_PROXY_HEADER]),
                "not_sent": load64(&turn.datagrams.not_sent),
                "punts_full": load64(&turn.punts.full),
                "punts_unfair": load64(&turn.punts.unfair),
            },
            misses={
                "asked": load64(&fast.misses.asked),
                "renewed": load64(&fast.misses.renewed),
                "joined": load64(&fast.misses.joined),
                "full": load64(&fast.misses.full),
            },
            times=tuple([load64(&turn.times[i]) for i in range(TIMES)]),
            seconds=load64(&turn.waited) / 1e6,
            self_queries=load64(&fast.self_queries),
            sent_early=load64(&turn.sent_early),
        )
