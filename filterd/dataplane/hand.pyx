# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint64_t

from filterd.dataplane.atomics cimport load64, store64

cdef int64_t BOUNDS[TIMES - 1]         # microseconds: the upper ends of the buckets; the last bucket has none


cdef void hand_answered(Hand* hand, int64_t came) noexcept nogil:
    count(hand, max(hand.micros - came, 0), 1)


cdef void hand_batch_answered(Hand* hand, int64_t waited) noexcept nogil:
    if hand.answered:
        count(hand, waited, hand.answered)
        hand.answered = 0


cdef void count(Hand* hand, int64_t waited, uint64_t answers) noexcept nogil:
    cdef int bucket = 0
    while bucket < TIMES - 1 and waited > BOUNDS[bucket]:
        bucket += 1
    store64(&hand.times[bucket], load64(&hand.times[bucket]) + answers)
    store64(&hand.waited, load64(&hand.waited) + <uint64_t>waited * answers)


def _take_bounds():
    from filterd.dataplane.stages.record import BOUNDS as seconds

    cdef int i
    for i in range(TIMES - 1):
        BOUNDS[i] = <int64_t>(seconds[i] * 1e6)


_take_bounds()
