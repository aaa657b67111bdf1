# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The fast path: threads without the GIL that receive, decide and answer in batches.

One turn of a thread: wait on its epoll; wake for the epoch; take over the published core if it is another
one; read the clocks; serve every listening and upstream socket that has something; send what was queued; tell
the event loop of punts; sleep. Pointers into the published state are valid for one turn only.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from filterd.dataplane.fast.turn cimport Turn
from filterd.dataplane.packet.stages cimport Ahead, Core, Exchange
from filterd.dataplane.fast.misses cimport Misses
from filterd.dataplane.packet.plane cimport Plane, Pending, Tally
from filterd.dataplane.fast.datagrams cimport ReturnPath
from filterd.dataplane.fast.routes cimport Route, Routes, Tallies
from filterd.dataplane.fast.selfquery cimport SelfKey


cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint32_t u32
        uint64_t u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_wait(int epoll, epoll_event* events, int count, int timeout)


cdef enum:                      # datagrams that get no answer, beside those of the packet's stages
    FAST_MULTICAST = 0
    FAST_TOO_LONG = 1
    FAST_NO_PROXY_HEADER = 2
    FAST_DROPS = 3
    GROUP = 8                   # packets whose memory is fetched at one time
    EVENTS = 640                # of one turn: more than there are sockets, so that answers come before ticks

cdef struct Fast:               # one thread's
    Turn turn
    Misses misses
    Exchange group[GROUP]
    Ahead aheads[GROUP]
    Core* const* shown          # the plane's
    const uint64_t* serial
    const void* route_shown     # the routes' pointer to the published one
    const Route* route          # of this turn
    uint64_t taken              # the serial of turn.core
    int32_t epoll
    int32_t wake                # eventfd: there is news for the thread
    int32_t news                # eventfd: there is a punt for the event loop
    int32_t reader              # its number among the epoch's
    uint32_t number             # its own, from 0
    uint64_t stopping           # atomic
    uint64_t turns              # bump64
    uint64_t waiting            # atomic: exchanges that waited for upstreams at the end of the last turn
    uint64_t drops[FAST_DROPS]  # bump64
    SelfKey itself
    uint64_t self_queries       # bump64: taken, whether answered or too old


# The parts of a turn, in their order. The first wakes the thread for the epoch and takes what is published;
# the caller puts it to sleep again (epoch_asleep).
cdef void fast_wake(Fast* fast) noexcept nogil
# Serves the first `count` received datagrams.
cdef void fast_batch(Fast* fast, int count) noexcept nogil
# Serves the events and what is due; microseconds until there is more to do, -1: nothing.
cdef int64_t fast_serve(Fast* fast, const epoll_event* events, int count) noexcept nogil


# Sets the clocks of a turn: `real` is Unix seconds as the machine says, `micros` the monotonic clock.
cdef inline void fast_clocks(Fast* fast, int64_t real, int64_t micros) noexcept nogil:
    fast.turn.now = max(real, fast.turn.core.earliest)
    fast.turn.micros = micros
    fast.turn.ticks = micros // 1000000
    fast.turn.sent = micros


cdef class Punted:
    """An exchange that a thread left to the slow path."""
    cdef readonly int reason
    cdef readonly Pending pending
    cdef readonly double came
    cdef ReturnPath return_path


cdef class FastThread:
    """One thread's sockets and memory; all but ``run`` is for the event loop."""
    cdef Fast* fast
    cdef Plane packets
    cdef Routes routes
    cdef Tally tally
    cdef Tallies tallies
    cdef dict descriptors
    cdef readonly bint running
