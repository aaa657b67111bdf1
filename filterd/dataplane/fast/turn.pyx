# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from filterd.dataplane.fast.datagrams cimport datagrams_flush
from filterd.dataplane.tables.atomics cimport load64, store64

cdef int64_t BOUNDS[TIMES - 1]         # microseconds: the upper ends of the buckets; the last bucket has none


cdef void turn_go_on(Turn* turn) noexcept nogil:
    cdef unsigned int ready = turn.datagrams.queued
    cdef int64_t micros
    cdef timespec monotonic
    clock_gettime(CLOCK_MONOTONIC, &monotonic)
    micros = <int64_t>monotonic.tv_sec * 1000000 + monotonic.tv_nsec // 1000
    if micros - turn.sent <= TURN_BUDGET:
        return
    turn.sent = micros
    if ready:
        store64(&turn.sent_early, load64(&turn.sent_early) + ready)
        datagrams_flush(&turn.datagrams)


cdef void turn_answered(Turn* turn, int64_t came) noexcept nogil:
    count(turn, max(turn.micros - came, 0), 1)


cdef void turn_batch_answered(Turn* turn, int64_t waited) noexcept nogil:
    if turn.answered:
        count(turn, waited, turn.answered)
        turn.answered = 0


cdef void count(Turn* turn, int64_t waited, uint64_t answers) noexcept nogil:
    cdef int bucket = 0
    while bucket < TIMES - 1 and waited > BOUNDS[bucket]:
        bucket += 1
    store64(&turn.times[bucket], load64(&turn.times[bucket]) + answers)
    store64(&turn.waited, load64(&turn.waited) + <uint64_t>waited * answers)


def _take_bounds():
    from filterd.dataplane.packet.answer_counts import BOUNDS as seconds

    cdef int i
    if len(seconds) != TIMES - 1:
        raise ImportError(f"{len(seconds)} bounds of response times, and room for {TIMES - 1}")
    for i in range(TIMES - 1):
        BOUNDS[i] = <int64_t>(seconds[i] * 1e6)


_take_bounds()
