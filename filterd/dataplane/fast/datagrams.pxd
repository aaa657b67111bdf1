# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Datagrams of clients in batches: one thread's sockets, the queries received, and the answers to send.

A listening socket is bound with SO_REUSEPORT beside those of the other threads. Where it is bound to the
wildcard, the kernel tells with each datagram which of our addresses was asked, and the answer leaves from
that one (RFC 1123 2.1, RFC 3542 6.2).
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "<sys/socket.h>" nogil:
    cdef struct iovec:
        void* iov_base
        size_t iov_len
    cdef struct msghdr:
        void* msg_name
        uint32_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len


cdef enum:
    BATCH = 64                  # datagrams of one system call
    SLOT = 8384                 # bytes for one: a query of 4096 behind a PROXY header, on its own cache lines
    REPLY_SLOT = 1344           # more than any answer over UDP has, see respond.udp_limit
    MAX_LISTEN_SOCKETS = 256    # of one thread, with those of a predecessor that had more threads
    PEER_SIZE = 28              # sockaddr_in6
    CONTROL_WORDS = 5           # words of one pktinfo message of either family

cdef enum Arrival:
    ARRIVED = 0
    ARRIVED_FOR_GROUP = 1       # to a multicast address: all members' answers would fall on one client
    ARRIVED_CUT = 2             # longer than a slot


cdef struct ReturnPath:         # of the answer to a client
    uint64_t control[CONTROL_WORDS]     # a pktinfo message; used for its first control_length bytes
    uint8_t peer[PEER_SIZE]     # sockaddr_in or sockaddr_in6
    uint8_t peer_length
    uint8_t control_length      # 0: from the address that the socket is bound to
    uint16_t listen_socket
    uint32_t opening            # of the listening socket then: another may have its number now

cdef struct ListenSocket:
    int32_t socket              # -1: closed; atomic
    uint32_t opening            # atomic: raised when a socket comes and when it goes
    uint32_t wildcard           # atomic

cdef struct Datagrams:
    ListenSocket listen_sockets[MAX_LISTEN_SOCKETS]
    # receiving
    mmsghdr came[BATCH]
    iovec came_in[BATCH]
    uint8_t* slots              # BATCH of SLOT bytes
    uint64_t came_control[BATCH][8]
    ReturnPath return_paths[BATCH]
    int readied_for             # the listening socket that all headers but the first `used` are ready for
    int used
    # sending
    mmsghdr going[BATCH]
    iovec going_in[BATCH]
    uint8_t* replies            # BATCH of REPLY_SLOT bytes
    ReturnPath going_return_path[BATCH]
    uint32_t queued
    bint recorded               # driven with recorded packets: answers stay in `replies`, nothing is sent
    # counted, by this thread alone (bump64)
    uint64_t batches            # receives that brought something
    uint64_t received
    uint64_t not_sent


cdef bint datagrams_allocate(Datagrams* datagrams) noexcept nogil
cdef void datagrams_free(Datagrams* datagrams) noexcept nogil

# Open and close a listening socket. The thread may use the old socket until it has passed (see epoch). Any
# thread may call them, one at a time.
cdef void listen_socket_open(ListenSocket* listen_socket, int32_t socket, bint wildcard) noexcept nogil
cdef void listen_socket_close(ListenSocket* listen_socket) noexcept nogil

# Takes the datagrams that are there, without waiting: their number. Number i is datagram_packet(i) of
# datagram_length(i) bytes, has return_paths[i], and is an Arrival.
cdef int datagrams_receive(Datagrams* datagrams, int listen_socket) noexcept nogil
cdef int datagram_arrival(Datagrams* datagrams, int i) noexcept nogil

# Copies an answer of up to REPLY_SLOT bytes to be sent with the next flush, or before.
cdef void datagrams_reply(Datagrams* datagrams, const ReturnPath* return_path, const uint8_t* answer,
                          size_t length) noexcept nogil
cdef void datagrams_flush(Datagrams* datagrams) noexcept nogil

# Sends one answer at once; the thread that opens and closes sockets may call it. False: it was not sent, and
# the client asks again.
cdef bint return_path_send(const Datagrams* datagrams, const ReturnPath* return_path, const uint8_t* answer,
                           size_t length) noexcept nogil

# The peer's address in 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
cdef void peer_address(const ReturnPath* return_path, uint8_t* out) noexcept nogil


cdef inline uint16_t peer_port(const ReturnPath* return_path) noexcept nogil:
    """The peer's port, which stands at the same place for both families."""
    return <uint16_t>(return_path.peer[2] << 8 | return_path.peer[3])


cdef inline const uint8_t* datagram_packet(const Datagrams* datagrams, int i) noexcept nogil:
    return datagrams.slots + <size_t>i * SLOT


cdef inline size_t datagram_length(const Datagrams* datagrams, int i) noexcept nogil:
    return datagrams.came[i].msg_len
