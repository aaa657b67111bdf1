# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What one thread of the fast path has in hand while it works on a batch."""

from libc.stdint cimport int64_t, uint64_t

from filterd.dataplane.lane cimport Lane
from filterd.dataplane.packet cimport Core, Workspace
from filterd.dataplane.punts cimport Punts


cdef enum:
    TIMES = 15                  # buckets of response times: stages/record.py has their upper ends


cdef struct Hand:
    Core core                   # a copy of the one that is shown, with this thread's counters
    Workspace* work
    Lane lane
    Punts punts
    int64_t now                 # Unix seconds; these three are read once for each batch
    int64_t ticks               # seconds of a clock that does not go back
    int64_t micros              # the same clock in microseconds
    uint64_t answered           # in this batch, and not counted by its response time yet
    uint64_t times[TIMES]       # answers by response time
    uint64_t waited             # all response times together, microseconds


# An answer goes that was asked for at `came` (microseconds); counted by its response time.
cdef void hand_answered(Hand* hand, int64_t came) noexcept nogil
# What was answered in this batch took so long (microseconds).
cdef void hand_batch_answered(Hand* hand, int64_t waited) noexcept nogil
