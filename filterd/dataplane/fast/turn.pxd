# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The state of one thread of the fast path while it works on a batch."""

from libc.stdint cimport int64_t, uint64_t

from filterd.dataplane.fast.datagrams cimport Datagrams
from filterd.dataplane.packet.stages cimport Core, Workspace
from filterd.dataplane.fast.punts cimport Punts


cdef enum:
    TIMES = 15                  # buckets of response times: packet/answer_counts.py has their upper ends
    TURN_BUDGET = 250           # microseconds that an answer may lie ready while others are made


cdef struct Turn:
    Core core                   # a copy of the published one, with this thread's counters
    Workspace* work
    Datagrams datagrams
    Punts punts
    int64_t now                 # Unix seconds; these three are read once for each batch
    int64_t ticks               # seconds of the monotonic clock
    int64_t micros              # the same clock in microseconds
    uint64_t answered           # in this batch, and not counted by its response time yet
    uint64_t times[TIMES]       # answers by response time
    uint64_t waited             # all response times together, microseconds
    int64_t sent                # when answers were last sent, microseconds
    uint64_t sent_early         # bump64: answers sent before their batch was over


# Send what is ready if the budget is spent. To be called between groups of packets: it reads the clock.
cdef void turn_go_on(Turn* turn) noexcept nogil
# Count an answer, whose query came at `came` (microseconds), by its response time.
cdef void turn_answered(Turn* turn, int64_t came) noexcept nogil
# Count the answers of this batch, which took so long (microseconds).
cdef void turn_batch_answered(Turn* turn, int64_t waited) noexcept nogil
