# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Random ports towards upstreams: one thread's sockets, the queries sent and the datagrams received.

UDP sockets for each address family that is used, each bound to a port that the kernel's random bits chose,
none connected: datagrams from elsewhere are to be seen and counted. What they mean is for others. Every few
seconds one of them is replaced by one at another port: who finds a port out cannot use it for long. Some
ports are avoided, though nobody has them now: a server that begins again finds its own free.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.tables.atomics cimport load64, store64
from filterd.dataplane.fast.datagrams cimport PEER_SIZE, iovec, mmsghdr


cdef enum:
    PORTS = 72                  # of one family; one of them is about to be replaced and is not used
    RENEWAL_MICROS = 3000000    # between two replacements: answers that take longer may not be heard
    GOING = 64                  # queries that wait for a flush
    TOGETHER = 8                # of these may leave from one port
    GOING_SIZE = 320            # of one: header, question and OPT have 12 + 259 + 11 bytes
    CAME = 16                   # datagrams of one system call
    CAME_SIZE = 4096            # of one; what is longer is cut, and then malformed
    FAILED = 128                # queries that could not be sent and are remembered; others time out
    POOL = 128                  # random words that are fetched at one time

cdef enum PortState:
    PORTS_UNUSED = 0
    PORTS_OPEN = 1
    PORTS_REFUSED = 2           # no port was free: try again at `retry_at`


cdef struct AvoidedPorts:       # of all threads; added to by one writer, atomic
    uint64_t words[1024]        # a bit for each port


cdef struct Query:              # one that waits for a flush
    uint8_t packet[GOING_SIZE]
    uint16_t length
    uint16_t id
    uint16_t port               # number of its socket: IPv4's from 0, IPv6's from PORTS on
    uint8_t address_length
    uint8_t address[PEER_SIZE]

cdef struct Failure:
    uint16_t port
    uint16_t id

cdef struct Ports:
    const AvoidedPorts* avoided
    int32_t epoll
    uint64_t first_event        # the event of socket 0; the others follow
    int32_t sockets[2 * PORTS]  # -1: closed
    uint8_t states[2]           # of IPv4 and IPv6
    int64_t retry_at[2]         # microseconds
    uint32_t leaving[2]         # which socket is about to be replaced
    int64_t renew_at            # microseconds
    uint16_t drawn[2]           # the port that queries leave from
    uint8_t drawn_left[2]       # how many more, until the next flush
    # random words; those that were used are gone
    uint64_t pool[POOL]
    uint32_t pool_left
    # sending
    Query* going                # GOING
    uint32_t queued
    Failure failed[FAILED]
    uint32_t failures
    # receiving
    mmsghdr came[CAME]
    iovec came_in[CAME]
    uint8_t sources[CAME][PEER_SIZE]
    uint8_t* slots              # CAME of CAME_SIZE bytes
    uint64_t not_sent           # counted by this thread alone (bump64): the queue was full


# `avoided` must outlive them.
cdef bint ports_allocate(Ports* ports, int32_t epoll, uint64_t first_event,
                         const AvoidedPorts* avoided) noexcept nogil
cdef void ports_free(Ports* ports) noexcept nogil

# Returns whether there are sockets of that family; opens them at the first call.
cdef bint ports_open(Ports* ports, bint ipv6, int64_t micros) noexcept nogil

# Chooses the port of a query: by its 32 random bits, or the same as for up to seven queries before it in this
# flush.
cdef uint16_t ports_pick(Ports* ports, bint ipv6, uint32_t bits) noexcept nogil
# Replaces a socket of each family in use, when it is due.
cdef void ports_renew(Ports* ports, int64_t micros) noexcept nogil

# Draws a random word of the kernel. False: it gives none.
cdef bint ports_random(Ports* ports, uint64_t* word) noexcept nogil

# A query to fill in; it goes with the next flush, or before.
cdef Query* ports_queue(Ports* ports) noexcept nogil
# Sends the queue. `failed` then holds the queries that found no route.
cdef void ports_flush(Ports* ports) noexcept nogil

# Takes the datagrams of a socket, without waiting: their number; 0: none, or the error of an earlier query.
# Number i is ports_datagram(i), ports_length(i) and came from ports_source(i).
cdef int ports_receive(Ports* ports, uint32_t port) noexcept nogil
# Takes one report that a query could not be delivered: its id, and the address that it went to (PEER_SIZE
# bytes). 0: there is none; -1: it names no query.
cdef int ports_undelivered(Ports* ports, uint32_t port, uint16_t* id, uint8_t* address) noexcept nogil


cdef inline const uint8_t* ports_datagram(const Ports* ports, int i) noexcept nogil:
    return ports.slots + <size_t>i * CAME_SIZE


cdef inline size_t ports_length(const Ports* ports, int i) noexcept nogil:
    return ports.came[i].msg_len


cdef inline const uint8_t* ports_source(const Ports* ports, int i) noexcept nogil:
    return &ports.sources[i][0]


cdef inline void ports_avoid(AvoidedPorts* avoided, uint16_t port) noexcept nogil:
    store64(&avoided.words[port >> 6], avoided.words[port >> 6] | <uint64_t>1 << (port & 63))


cdef inline bint ports_avoided(const AvoidedPorts* avoided, uint16_t port) noexcept nogil:
    return load64(&avoided.words[port >> 6]) >> (port & 63) & 1
