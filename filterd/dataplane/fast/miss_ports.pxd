# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Random ports towards upstreams: one thread's sockets, the queries sent and the datagrams received.

UDP sockets for each address family that is used, each bound to a port that the kernel's random bits chose,
none connected: datagrams from elsewhere are to be seen and counted. What they mean is for others. Some ports
are avoided, though nobody has them now: a server that begins again finds its own free.

Queries leave from IN_USE *places*, each with a socket. Before a query leaves, its place gets a socket at
another port if the port is a second old, has served its share of queries, or if several replies came there
that nearly matched: whoever finds a port out cannot use it for long. The socket before it rests for a while,
so that late replies are heard, and is closed. A socket is known by its *label*: its number, and the count of
sockets that had this number before, so that no query is taken for one of an earlier socket.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.tables.atomics cimport load64, store64
from filterd.dataplane.fast.datagrams cimport PEER_SIZE, iovec, mmsghdr


cdef enum:
    IN_USE = 64                 # places of one family that queries leave from
    PORTS = 128                 # sockets of one family at most: as many again may rest
    PORT_MICROS = 1000000       # in which queries leave from one port
    PORT_QUERIES = 1024         # that leave from one port at most
    REST_MICROS = 2000000       # in which late replies are heard: an attempt lives for 1.6 s at most
    SWEEP_MICROS = 1000000      # between two looks for sockets to close
    NEAR_MISSES = 3             # at one port, before a reply there is not believed; see upstream/peer.py
    NO_PORT = -1
    GOING = 64                  # queries that wait for a flush
    TOGETHER = 8                # of these may leave from one port
    GOING_SIZE = 320            # of one: header, question and OPT have 12 + 259 + 11 bytes
    CAME = 16                   # datagrams of one system call
    CAME_SIZE = 4096            # of one; what is longer is cut, and then malformed
    FAILED = 128                # queries that could not be sent and are remembered; others time out
    POOL = 128                  # random words that are fetched at one time


cdef struct AvoidedPorts:       # of all threads; added to by one writer, atomic
    uint64_t words[1024]        # a bit for each port


cdef struct Query:              # one that waits for a flush
    uint8_t packet[GOING_SIZE]
    uint16_t length
    uint16_t id
    uint16_t port               # label of its socket
    uint8_t address_length
    uint8_t address[PEER_SIZE]

cdef struct Failure:
    uint16_t port
    uint16_t id

cdef struct Ports:
    const AvoidedPorts* avoided
    int32_t epoll
    uint64_t first_event        # the event of socket 0; the others follow
    int32_t sockets[2 * PORTS]  # by number, IPv4's from 0, IPv6's from PORTS on; -1: closed
    uint8_t generations[2 * PORTS]      # sockets that had this number
    uint32_t near[2 * PORTS]    # replies that nearly matched
    # of IPv4 and IPv6; times are microseconds
    uint8_t using[2][IN_USE]    # the number of each place's socket
    int64_t until[2][IN_USE]    # when it is replaced; 0: it is closed
    uint16_t left[2][IN_USE]    # how many queries may yet leave from it
    uint8_t resting[2][IN_USE]  # numbers that no query leaves from, in a ring
    int64_t closes[2][IN_USE]   # when their sockets are closed; 0: they are
    uint32_t oldest[2]          # of the ring: its number is the next to be used
    uint32_t open[2]            # places with a socket
    uint16_t share              # queries that may leave from one socket: PORT_QUERIES
    int64_t retry_at[2]         # no port was free: when to try again
    int64_t sweep_at
    uint8_t drawn[2]            # the place that queries leave from
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

# Returns whether a query can leave over that family.
cdef bint ports_open(Ports* ports, bint ipv6, int64_t micros) noexcept nogil

# Chooses the port of a query: by its 32 random bits, or the same as for up to seven queries before it in this
# flush. The label, or NO_PORT.
cdef int32_t ports_pick(Ports* ports, bint ipv6, uint32_t bits, int64_t micros) noexcept nogil
# Closes sockets that have rested, and those that no query has left from for as long.
cdef void ports_sweep(Ports* ports, int64_t micros) noexcept nogil

# Draws a random word of the kernel. False: it gives none.
cdef bint ports_random(Ports* ports, uint64_t* word) noexcept nogil

# A query to fill in; it goes with the next flush, or before.
cdef Query* ports_queue(Ports* ports) noexcept nogil
# Sends the queue. `failed` then holds the queries that found no route.
cdef void ports_flush(Ports* ports) noexcept nogil

# Takes the datagrams of the socket with that number, without waiting: how many; 0: none, or the error of an
# earlier query.
# Number i is ports_datagram(i), ports_length(i) and came from ports_source(i).
cdef int ports_receive(Ports* ports, uint32_t number) noexcept nogil
# Takes one report that a query could not be delivered: its id, and the address that it went to (PEER_SIZE
# bytes). 0: there is none; -1: it names no query.
cdef int ports_undelivered(Ports* ports, uint32_t number, uint16_t* id, uint8_t* address) noexcept nogil


cdef inline uint16_t ports_label(const Ports* ports, uint32_t number) noexcept nogil:
    return <uint16_t>(number | <uint32_t>ports.generations[number] << 8)


cdef inline uint32_t ports_number(uint16_t label) noexcept nogil:
    return label & 0xFF


cdef inline uint32_t* ports_near(Ports* ports, uint16_t label) noexcept nogil:
    """The replies that nearly matched at that socket; asked of open ones alone."""
    return &ports.near[ports_number(label)]


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
