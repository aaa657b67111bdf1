# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.errno cimport EINTR, errno
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.dataplane.tables.atomics cimport bump64, load32, load64, store32, store64

# <sys/socket.h> has these as macros, with casts that Cython would have to repeat.
cdef extern from *:
    """
    #include <netinet/in.h>
    #include <string.h>
    #include <sys/socket.h>

    _Static_assert(sizeof(struct sockaddr_in6) == 28, "PEER_SIZE");
    _Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) <= 64 && CMSG_LEN(sizeof(struct in6_pktinfo)) <= 40,
                   "CONTROL_WORDS");

    /* The pktinfo message to answer with, into out: its length; 0 where the kernel told nothing; -1 where a
       group was asked. The interface is kept only where the address means nothing without it (fe80::/10). */
    static int filterd_answer_from(struct msghdr *came, uint8_t *out) {
        struct cmsghdr *each, *made = (struct cmsghdr *)out;
        for (each = CMSG_FIRSTHDR(came); each != NULL; each = CMSG_NXTHDR(came, each)) {
            if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO
                && each->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
                struct in_pktinfo asked;
                memcpy(&asked, CMSG_DATA(each), sizeof asked);
                if ((ntohl(asked.ipi_addr.s_addr) >> 28) == 14)
                    return -1;
                asked.ipi_ifindex = 0;
                asked.ipi_addr.s_addr = 0;
                memset(out, 0, CMSG_SPACE(sizeof asked));
                made->cmsg_level = IPPROTO_IP;
                made->cmsg_type = IP_PKTINFO;
                made->cmsg_len = CMSG_LEN(sizeof asked);
                memcpy(CMSG_DATA(made), &asked, sizeof asked);
                return (int)CMSG_SPACE(sizeof asked);
            }
            if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO
                && each->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
                struct in6_pktinfo asked;
                memcpy(&asked, CMSG_DATA(each), sizeof asked);
                if (asked.ipi6_addr.s6_addr[0] == 0xFF)
                    return -1;
                if (asked.ipi6_addr.s6_addr[0] != 0xFE || (asked.ipi6_addr.s6_addr[1] & 0xC0) != 0x80)
                    asked.ipi6_ifindex = 0;
                memset(out, 0, CMSG_SPACE(sizeof asked));
                made->cmsg_level = IPPROTO_IPV6;
                made->cmsg_type = IPV6_PKTINFO;
                made->cmsg_len = CMSG_LEN(sizeof asked);
                memcpy(CMSG_DATA(made), &asked, sizeof asked);
                return (int)CMSG_SPACE(sizeof asked);
            }
        }
        return 0;
    }

    static void filterd_peer(const uint8_t *name, uint8_t *out) {
        sa_family_t family;
        memcpy(&family, name, sizeof family);
        if (family == AF_INET) {
            memset(out, 0, 10);
            memset(out + 10, 0xFF, 2);
            memcpy(out + 12, name + 4, 4);
        } else {
            memcpy(out, name + 8, 16);
        }
    }
    """
    int answer_from "filterd_answer_from"(msghdr* came, uint8_t* out) nogil
    void read_peer "filterd_peer"(const uint8_t* name, uint8_t* out) nogil

cdef extern from "<sys/socket.h>" nogil:
    int recvmmsg(int socket, mmsghdr* messages, unsigned int count, int flags, void* timeout)
    int sendmmsg(int socket, mmsghdr* messages, unsigned int count, int flags)
    ssize_t sendmsg(int socket, const msghdr* message, int flags)
    enum: MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC

cdef enum:
    SEND_TRIES = 3              # of one flush, after errors that earlier answers left on the socket


cdef bint datagrams_allocate(Datagrams* datagrams) noexcept nogil:
    cdef int i
    memset(datagrams, 0, sizeof(Datagrams))
    for i in range(MAX_LISTEN_SOCKETS):
        datagrams.listen_sockets[i].socket = -1
    datagrams.used = BATCH
    datagrams.slots = <uint8_t*>calloc(BATCH, SLOT)
    datagrams.replies = <uint8_t*>calloc(BATCH, REPLY_SLOT)
    if datagrams.slots == NULL or datagrams.replies == NULL:
        return False
    for i in range(BATCH):
        datagrams.came_in[i].iov_base = datagrams.slots + <size_t>i * SLOT
        datagrams.came_in[i].iov_len = SLOT
        datagrams.came[i].msg_hdr.msg_iov = &datagrams.came_in[i]
        datagrams.came[i].msg_hdr.msg_iovlen = 1
        datagrams.came[i].msg_hdr.msg_name = &datagrams.return_paths[i].peer[0]
        datagrams.going_in[i].iov_base = datagrams.replies + <size_t>i * REPLY_SLOT
        datagrams.going[i].msg_hdr.msg_iov = &datagrams.going_in[i]
        datagrams.going[i].msg_hdr.msg_iovlen = 1
    return True


cdef void datagrams_free(Datagrams* datagrams) noexcept nogil:
    free(datagrams.slots)
    free(datagrams.replies)
    datagrams.slots = datagrams.replies = NULL


cdef void listen_socket_open(ListenSocket* listen_socket, int32_t socket, bint wildcard) noexcept nogil:
    # Readers read these in the opposite order: one that reads a new word finds that `opening` has moved.
    store32(&listen_socket.wildcard, wildcard)
    store32(&listen_socket.opening, listen_socket.opening + 1)
    store32(<uint32_t*>&listen_socket.socket, <uint32_t>socket)


cdef void listen_socket_close(ListenSocket* listen_socket) noexcept nogil:
    store32(<uint32_t*>&listen_socket.socket, <uint32_t>-1)
    store32(&listen_socket.opening, listen_socket.opening + 1)


cdef inline int32_t socket_of(const ListenSocket* listen_socket) noexcept nogil:
    return <int32_t>load32(<const uint32_t*>&listen_socket.socket)


cdef int datagrams_receive(Datagrams* datagrams, int listen_socket) noexcept nogil:
    cdef uint32_t opening = load32(&datagrams.listen_sockets[listen_socket].opening)
    cdef int32_t socket = socket_of(&datagrams.listen_sockets[listen_socket])
    cdef bint wildcard = load32(&datagrams.listen_sockets[listen_socket].wildcard)
    cdef msghdr* header
    cdef int count, i
    if socket < 0 or load32(&datagrams.listen_sockets[listen_socket].opening) != opening:
        return 0
    for i in range(datagrams.used if datagrams.readied_for == listen_socket else BATCH):
        header = &datagrams.came[i].msg_hdr
        header.msg_namelen = PEER_SIZE
        header.msg_control = &datagrams.came_control[i][0] if wildcard else NULL
        header.msg_controllen = sizeof(datagrams.came_control[i]) if wildcard else 0
    datagrams.readied_for = listen_socket
    datagrams.used = 0
    count = recvmmsg(socket, datagrams.came, BATCH, MSG_DONTWAIT, NULL)
    if count <= 0:
        # EAGAIN, or an ICMP error about an earlier answer: that client is gone, and reading goes on.
        return 0
    datagrams.used = count
    for i in range(count):
        datagrams.return_paths[i].peer_length = <uint8_t>datagrams.came[i].msg_hdr.msg_namelen
        datagrams.return_paths[i].listen_socket = <uint16_t>listen_socket
        datagrams.return_paths[i].opening = opening
        datagrams.return_paths[i].control_length = 0
    bump64(&datagrams.batches)
    add_datagrams(datagrams, count)
    return count


cdef inline void add_datagrams(Datagrams* datagrams, int count) noexcept nogil:
    store64(&datagrams.received, load64(&datagrams.received) + <uint64_t>count)


cdef int datagram_arrival(Datagrams* datagrams, int i) noexcept nogil:
    cdef ReturnPath* return_path = &datagrams.return_paths[i]
    cdef msghdr* header = &datagrams.came[i].msg_hdr
    cdef int length
    if header.msg_flags & MSG_TRUNC:
        return ARRIVED_CUT
    if header.msg_control != NULL:
        length = answer_from(header, <uint8_t*>&return_path.control[0])
        if length < 0:
            return ARRIVED_FOR_GROUP
        return_path.control_length = <uint8_t>length
    return ARRIVED


cdef inline bint is_open(const Datagrams* datagrams, const ReturnPath* return_path) noexcept nogil:
    """True if the socket that the query came on is still open."""
    return load32(&datagrams.listen_sockets[return_path.listen_socket].opening) == return_path.opening


cdef inline bint same_way(const ReturnPath* a, const ReturnPath* b) noexcept nogil:
    return a.listen_socket == b.listen_socket and a.opening == b.opening


cdef inline void address_to(msghdr* header, const ReturnPath* return_path) noexcept nogil:
    header.msg_name = <void*>&return_path.peer[0]
    header.msg_namelen = return_path.peer_length
    header.msg_control = <void*>&return_path.control[0] if return_path.control_length else NULL
    header.msg_controllen = return_path.control_length


cdef void datagrams_reply(Datagrams* datagrams, const ReturnPath* return_path, const uint8_t* answer,
                          size_t length) noexcept nogil:
    cdef uint32_t at = datagrams.queued
    if length > REPLY_SLOT or not is_open(datagrams, return_path):
        bump64(&datagrams.not_sent)
        return
    if at == BATCH or (at and not same_way(&datagrams.going_return_path[0], return_path)):
        datagrams_flush(datagrams)
        at = 0
    datagrams.going_return_path[at] = return_path[0]
    address_to(&datagrams.going[at].msg_hdr, &datagrams.going_return_path[at])
    datagrams.going_in[at].iov_len = length
    memcpy(datagrams.going_in[at].iov_base, answer, length)
    datagrams.queued = at + 1


cdef void datagrams_flush(Datagrams* datagrams) noexcept nogil:
    cdef unsigned int at = 0
    cdef unsigned int queued = datagrams.queued
    cdef int32_t socket
    cdef int sent
    cdef int tries = SEND_TRIES
    if queued == 0 or datagrams.recorded:
        return
    datagrams.queued = 0
    socket = socket_of(&datagrams.listen_sockets[datagrams.going_return_path[0].listen_socket])
    if not is_open(datagrams, &datagrams.going_return_path[0]):
        store64(&datagrams.not_sent, load64(&datagrams.not_sent) + queued)
        return
    while at < queued:
        sent = sendmmsg(socket, datagrams.going + at, queued - at, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent > 0:
            at += sent
            tries = SEND_TRIES
        elif errno == EINTR or tries > 0:
            tries -= 1      # perhaps the error of an earlier answer, which is told only once
        else:
            # The queue is full, the way or our own address is gone: an answer over UDP may be lost.
            bump64(&datagrams.not_sent)
            at += 1
            tries = SEND_TRIES


cdef bint return_path_send(const Datagrams* datagrams, const ReturnPath* return_path, const uint8_t* answer,
                           size_t length) noexcept nogil:
    cdef msghdr header
    cdef iovec part
    memset(&header, 0, sizeof(msghdr))
    part.iov_base = <void*>answer
    part.iov_len = length
    header.msg_iov = &part
    header.msg_iovlen = 1
    address_to(&header, return_path)
    if not is_open(datagrams, return_path):
        return False
    return sendmsg(socket_of(&datagrams.listen_sockets[return_path.listen_socket]), &header,
                   MSG_DONTWAIT | MSG_NOSIGNAL) >= 0


cdef void peer_address(const ReturnPath* return_path, uint8_t* out) noexcept nogil:
    read_peer(&return_path.peer[0], out)
