# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The receiver of accounting packets: who may send, what becomes of each, and the counts.

A thread runs it without the GIL. The table of clients is made aside and swapped whole, under a lock that the
thread holds while it works on a batch.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from filterd.accounting.event cimport EventSink
from filterd.accounting.radius cimport RADIUS_OUTCOMES, Network, RadiusRule, RadiusSender

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass

cdef struct Client:
    uint8_t start[16]           # the prefix's first address; IPv4 as ::ffff:a.b.c.d
    uint8_t length              # of the 16 bytes
    int32_t around              # the place of the longest prefix around this one; -1: there is none
    RadiusSender sender

cdef struct Clients:            # sealed when made
    Client* all                 # in the order of their starts, the shorter first; secrets stand behind them
    int32_t count
    Network* networks           # of all clients
    RadiusRule rule
    uint32_t lasts              # seconds for which a session is good after a packet

cdef class Receiver:
    cdef EventSink sink
    cdef uint8_t key[16]
    cdef Clients* clients       # under `lock`, as is what it points to
    cdef pthread_mutex_t lock
    cdef int64_t anchor         # milliseconds: Unix time less CLOCK_BOOTTIME; 0: the machine's clock is asked
    cdef int wake               # an eventfd: readable when the thread shall end
    cdef bint running           # under the GIL
    cdef uint64_t counted[RADIUS_OUTCOMES]      # written under `lock`, read atomically, as are the next two
    cdef uint64_t refused_claims                # addresses that their client may not claim
    cdef uint64_t by_second                     # packets that the second secret of a client proved

    # Judge a datagram, hand its event to the sink, count it, and write its answer, which has room for
    # RADIUS_MOST: the answer's size, 0 for silence. The caller holds `lock`.
    cdef size_t take(self, const uint8_t* packet, size_t size, const uint8_t* sender, int64_t arrival,
                     uint8_t* answer) noexcept nogil
    cdef void begin(self) noexcept nogil        # take `lock`
    cdef void end(self) noexcept nogil          # release it

# The client with the longest prefix that covers an address; NULL: there is none.
cdef const Client* client_of(const Clients* clients, const uint8_t* address) noexcept nogil
