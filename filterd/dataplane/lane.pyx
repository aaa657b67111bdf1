# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.errno cimport EINTR, errno
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from filterd.dataplane.atomics cimport bump64, load32, load64, store32, store64

# What <sys/socket.h> offers as macros over casts that Cython would have to repeat.
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


cdef bint lane_allocate(Lane* lane) noexcept nogil:
    cdef int i
    memset(lane, 0, sizeof(Lane))
    for i in range(DOORS):
        lane.doors[i].socket = -1
    lane.used = BATCH
    lane.slots = <uint8_t*>calloc(BATCH, SLOT)
    lane.replies = <uint8_t*>calloc(BATCH, REPLY_SLOT)
    if lane.slots == NULL or lane.replies == NULL:
        return False
    for i in range(BATCH):
        lane.came_in[i].iov_base = lane.slots + <size_t>i * SLOT
        lane.came_in[i].iov_len = SLOT
        lane.came[i].msg_hdr.msg_iov = &lane.came_in[i]
        lane.came[i].msg_hdr.msg_iovlen = 1
        lane.came[i].msg_hdr.msg_name = &lane.backs[i].peer[0]
        lane.going_in[i].iov_base = lane.replies + <size_t>i * REPLY_SLOT
        lane.going[i].msg_hdr.msg_iov = &lane.going_in[i]
        lane.going[i].msg_hdr.msg_iovlen = 1
    return True


cdef void lane_free(Lane* lane) noexcept nogil:
    free(lane.slots)
    free(lane.replies)
    lane.slots = lane.replies = NULL


cdef void door_open(Door* door, int32_t socket, bint wildcard) noexcept nogil:
    # In this order, and read in the other one: whoever has read a new word finds that `opening` has moved.
    store32(&door.wildcard, wildcard)
    store32(&door.opening, door.opening + 1)
    store32(<uint32_t*>&door.socket, <uint32_t>socket)


cdef void door_close(Door* door) noexcept nogil:
    store32(<uint32_t*>&door.socket, <uint32_t>-1)
    store32(&door.opening, door.opening + 1)


cdef inline int32_t socket_of(const Door* door) noexcept nogil:
    return <int32_t>load32(<const uint32_t*>&door.socket)


cdef int lane_receive(Lane* lane, int door) noexcept nogil:
    cdef uint32_t opening = load32(&lane.doors[door].opening)
    cdef int32_t socket = socket_of(&lane.doors[door])
    cdef bint wildcard = load32(&lane.doors[door].wildcard)
    cdef msghdr* header
    cdef int count, i
    if socket < 0 or load32(&lane.doors[door].opening) != opening:
        return 0
    for i in range(lane.used if lane.readied_for == door else BATCH):
        header = &lane.came[i].msg_hdr
        header.msg_namelen = PEER_SIZE
        header.msg_control = &lane.came_control[i][0] if wildcard else NULL
        header.msg_controllen = sizeof(lane.came_control[i]) if wildcard else 0
    lane.readied_for = door
    lane.used = 0
    count = recvmmsg(socket, lane.came, BATCH, MSG_DONTWAIT, NULL)
    if count <= 0:
        # EAGAIN, or an ICMP error about an earlier answer: that client is gone, and reading goes on.
        return 0
    lane.used = count
    for i in range(count):
        lane.backs[i].peer_length = <uint8_t>lane.came[i].msg_hdr.msg_namelen
        lane.backs[i].door = <uint16_t>door
        lane.backs[i].opening = opening
        lane.backs[i].control_length = 0
    bump64(&lane.batches)
    add_datagrams(lane, count)
    return count


cdef inline void add_datagrams(Lane* lane, int count) noexcept nogil:
    store64(&lane.datagrams, load64(&lane.datagrams) + <uint64_t>count)


cdef int lane_arrival(Lane* lane, int i) noexcept nogil:
    cdef Back* back = &lane.backs[i]
    cdef msghdr* header = &lane.came[i].msg_hdr
    cdef int length
    if header.msg_flags & MSG_TRUNC:
        return ARRIVED_CUT
    if header.msg_control != NULL:
        length = answer_from(header, <uint8_t*>&back.control[0])
        if length < 0:
            return ARRIVED_FOR_GROUP
        back.control_length = <uint8_t>length
    return ARRIVED


cdef inline bint is_open(const Lane* lane, const Back* back) noexcept nogil:
    """Whether the socket that the query came on is still there."""
    return load32(&lane.doors[back.door].opening) == back.opening


cdef inline bint same_way(const Back* a, const Back* b) noexcept nogil:
    return a.door == b.door and a.opening == b.opening


cdef inline void address_to(msghdr* header, const Back* back) noexcept nogil:
    header.msg_name = <void*>&back.peer[0]
    header.msg_namelen = back.peer_length
    header.msg_control = <void*>&back.control[0] if back.control_length else NULL
    header.msg_controllen = back.control_length


cdef void lane_reply(Lane* lane, const Back* back, const uint8_t* answer, size_t length) noexcept nogil:
    cdef uint32_t at = lane.queued
    if length > REPLY_SLOT or not is_open(lane, back):
        bump64(&lane.not_sent)
        return
    if at == BATCH or (at and not same_way(&lane.going_back[0], back)):
        lane_flush(lane)
        at = 0
    lane.going_back[at] = back[0]
    address_to(&lane.going[at].msg_hdr, &lane.going_back[at])
    lane.going_in[at].iov_len = length
    memcpy(lane.going_in[at].iov_base, answer, length)
    lane.queued = at + 1


cdef void lane_flush(Lane* lane) noexcept nogil:
    cdef unsigned int at = 0
    cdef unsigned int queued = lane.queued
    cdef int32_t socket
    cdef int sent
    cdef int tries = SEND_TRIES
    if queued == 0 or lane.recorded:
        return
    lane.queued = 0
    socket = socket_of(&lane.doors[lane.going_back[0].door])
    if not is_open(lane, &lane.going_back[0]):
        store64(&lane.not_sent, load64(&lane.not_sent) + queued)
        return
    while at < queued:
        sent = sendmmsg(socket, lane.going + at, queued - at, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent > 0:
            at += sent
            tries = SEND_TRIES
        elif errno == EINTR or tries > 0:
            tries -= 1      # perhaps the error of an earlier answer, which is told only once
        else:
            # The queue is full, the way or our own address is gone: an answer over UDP may be lost.
            bump64(&lane.not_sent)
            at += 1
            tries = SEND_TRIES


cdef bint back_send(const Lane* lane, const Back* back, const uint8_t* answer, size_t length) noexcept nogil:
    cdef msghdr header
    cdef iovec part
    memset(&header, 0, sizeof(msghdr))
    part.iov_base = <void*>answer
    part.iov_len = length
    header.msg_iov = &part
    header.msg_iovlen = 1
    address_to(&header, back)
    if not is_open(lane, back):
        return False
    return sendmsg(socket_of(&lane.doors[back.door]), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0


cdef void peer_address(const Back* back, uint8_t* out) noexcept nogil:
    read_peer(&back.peer[0], out)
