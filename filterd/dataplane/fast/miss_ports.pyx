# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.errno cimport EADDRINUSE, EAGAIN, EINTR, ENOBUFS, ENOMEM, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.unistd cimport close

from filterd.dataplane.tables.atomics cimport bump64
from filterd.dataplane.fast.datagrams cimport PEER_SIZE, mmsghdr

cdef extern from *:
    """
    #include <errno.h>
    #include <linux/errqueue.h>
    #include <netinet/in.h>
    #include <string.h>
    #include <sys/epoll.h>
    #include <sys/random.h>
    #include <sys/socket.h>

    /* An unconnected socket that is told of ICMP errors; -1 with errno. */
    static int filterd_open_port(int ipv6) {
        int on = 1, made = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (made < 0)
            return -1;
        if (ipv6) {
            setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
            setsockopt(made, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
        } else {
            setsockopt(made, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
        }
        return made;
    }

    static int filterd_bind_port(int socket, int ipv6, uint16_t port) {
        if (ipv6) {
            struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
            return bind(socket, (struct sockaddr *)&any, sizeof any);
        }
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
        return bind(socket, (struct sockaddr *)&any, sizeof any);
    }

    static int filterd_watch_port(int epoll, int socket, uint64_t number) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};
        return epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    }

    /* One report of the error queue. 1: a query of this id to this address cannot be delivered; 0: there is
       none left; -1: it says nothing of the kind. */
    static int filterd_undelivered(int socket, uint16_t *id, uint8_t *address, size_t size) {
        uint8_t payload[2];
        uint64_t control[64];
        struct iovec in = {.iov_base = payload, .iov_len = sizeof payload};
        struct msghdr came = {.msg_name = address, .msg_namelen = size, .msg_iov = &in, .msg_iovlen = 1,
                              .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *each;
        memset(address, 0, size);
        if (recvmsg(socket, &came, MSG_ERRQUEUE | MSG_DONTWAIT) < (ssize_t)sizeof payload)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        *id = (uint16_t)(payload[0] << 8 | payload[1]);
        for (each = CMSG_FIRSTHDR(&came); each != NULL; each = CMSG_NXTHDR(&came, each)) {
            struct sock_extended_err error;
            if (!((each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR)
                  || (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR)))
                continue;
            memcpy(&error, CMSG_DATA(each), sizeof error);
            /* A way that is narrower than it was is no way that is gone. */
            return error.ee_errno == EMSGSIZE ? -1 : 1;
        }
        return -1;
    }
    """
    int open_port "filterd_open_port"(bint ipv6) nogil
    int bind_port "filterd_bind_port"(int socket, bint ipv6, uint16_t port) nogil
    int watch_port "filterd_watch_port"(int epoll, int socket, uint64_t number) nogil
    int undelivered "filterd_undelivered"(int socket, uint16_t* id, uint8_t* address, size_t size) nogil
    ssize_t getrandom(void* buffer, size_t length, unsigned int flags) nogil
    int recvmmsg(int socket, mmsghdr* messages, unsigned int count, int flags, void* timeout) nogil
    int sendmmsg(int socket, mmsghdr* messages, unsigned int count, int flags) nogil
    enum: MSG_DONTWAIT, MSG_NOSIGNAL

cdef enum:
    LOWEST_PORT = 1024
    BIND_TRIES = 64             # for one socket, where ports are avoided or taken already
    SEND_TRIES = 2              # of one query, after errors that earlier ones left on the socket
    RETRY_MICROS = 1000000      # between two attempts to open what there was not enough of
    NONE = 255


cdef bint ports_allocate(Ports* ports, int32_t epoll, uint64_t first_event,
                         const AvoidedPorts* avoided) noexcept nogil:
    cdef int i
    memset(ports, 0, sizeof(Ports))
    for i in range(2 * PORTS):
        ports.sockets[i] = -1
    for i in range(IN_USE):
        ports.using[False][i] = i
        ports.resting[False][i] = IN_USE + i
        ports.using[True][i] = PORTS + i
        ports.resting[True][i] = PORTS + IN_USE + i
    ports.avoided = avoided
    ports.epoll = epoll
    ports.first_event = first_event
    ports.share = PORT_QUERIES
    ports.going = <Query*>calloc(GOING, sizeof(Query))
    ports.slots = <uint8_t*>calloc(CAME, CAME_SIZE)
    if ports.going == NULL or ports.slots == NULL:
        return False
    for i in range(CAME):
        ports.came_in[i].iov_base = ports.slots + <size_t>i * CAME_SIZE
        ports.came_in[i].iov_len = CAME_SIZE
        ports.came[i].msg_hdr.msg_iov = &ports.came_in[i]
        ports.came[i].msg_hdr.msg_iovlen = 1
        ports.came[i].msg_hdr.msg_name = &ports.sources[i][0]
        ports.came[i].msg_hdr.msg_namelen = PEER_SIZE
    return True


cdef void ports_free(Ports* ports) noexcept nogil:
    cdef uint32_t number
    if ports.going == NULL and ports.slots == NULL:
        return
    for number in range(2 * PORTS):
        shut(ports, number)
    free(ports.going)
    free(ports.slots)
    ports.going = NULL
    ports.slots = NULL
    memset(ports.pool, 0, sizeof(ports.pool))


# ---- sockets ----

cdef bint ports_open(Ports* ports, bint ipv6, int64_t micros) noexcept nogil:
    return ports.open[ipv6] > 0 or replace(ports, ipv6, 0, micros)


cdef int32_t ports_pick(Ports* ports, bint ipv6, uint32_t bits, int64_t micros) noexcept nogil:
    cdef uint32_t place = ports.drawn[ipv6]
    if ports.drawn_left[ipv6] == 0:
        place = bits % IN_USE
        if worn(ports, ipv6, place, micros) and not replace(ports, ipv6, place, micros):
            # The old socket is better than none; and any other place than one without.
            place = open_place(ports, ipv6, place)
            if place == IN_USE:
                return NO_PORT
        ports.drawn[ipv6] = <uint8_t>place
        ports.drawn_left[ipv6] = TOGETHER
    ports.drawn_left[ipv6] -= 1
    if ports.left[ipv6][place]:
        ports.left[ipv6][place] -= 1
    return ports_label(ports, ports.using[ipv6][place])


cdef inline bint worn(const Ports* ports, bint ipv6, uint32_t place, int64_t micros) noexcept nogil:
    """True if no more queries should leave from this place's socket; a closed one is worn as well."""
    return (micros >= ports.until[ipv6][place] or ports.left[ipv6][place] == 0
            or ports.near[ports.using[ipv6][place]] >= NEAR_MISSES)


cdef uint32_t open_place(const Ports* ports, bint ipv6, uint32_t place) noexcept nogil:
    """This place, or the next one that has a socket; IN_USE: none has."""
    cdef uint32_t i
    for i in range(IN_USE):
        if ports.until[ipv6][(place + i) % IN_USE]:
            return (place + i) % IN_USE
    return IN_USE


cdef bint replace(Ports* ports, bint ipv6, uint32_t place, int64_t micros) noexcept nogil:
    """A socket at another port for this place. The one before it rests in the ring; the oldest there, which
    IN_USE replacements ago was in use, is closed for the new one."""
    cdef uint32_t oldest = ports.oldest[ipv6]
    cdef uint32_t number = ports.resting[ipv6][oldest]
    cdef int32_t made
    if micros < ports.retry_at[ipv6]:
        return False
    made = bound(ports, ipv6)
    if made >= 0 and watch_port(ports.epoll, made, ports.first_event + number) < 0:
        close(made)
        made = -1
    if made < 0:
        ports.retry_at[ipv6] = micros + RETRY_MICROS
        return False
    shut(ports, number)
    ports.sockets[number] = made
    ports.generations[number] += 1
    ports.near[number] = 0
    ports.resting[ipv6][oldest] = ports.using[ipv6][place]
    ports.closes[ipv6][oldest] = micros + REST_MICROS if ports.until[ipv6][place] else 0
    ports.oldest[ipv6] = (oldest + 1) % IN_USE
    if ports.until[ipv6][place] == 0:
        ports.open[ipv6] += 1
    ports.using[ipv6][place] = <uint8_t>number
    ports.until[ipv6][place] = micros + PORT_MICROS
    ports.left[ipv6][place] = ports.share
    return True


cdef void ports_sweep(Ports* ports, int64_t micros) noexcept nogil:
    if micros < ports.sweep_at:
        return
    ports.sweep_at = micros + SWEEP_MICROS
    sweep(ports, False, micros)
    sweep(ports, True, micros)


cdef void sweep(Ports* ports, bint ipv6, int64_t micros) noexcept nogil:
    cdef uint32_t i
    for i in range(IN_USE):
        if ports.closes[ipv6][i] and micros >= ports.closes[ipv6][i]:
            shut(ports, ports.resting[ipv6][i])
            ports.closes[ipv6][i] = 0
        if ports.until[ipv6][i] and micros >= ports.until[ipv6][i] + REST_MICROS:
            shut(ports, ports.using[ipv6][i])
            ports.until[ipv6][i] = 0
            ports.open[ipv6] -= 1


cdef void shut(Ports* ports, uint32_t number) noexcept nogil:
    if ports.sockets[number] >= 0:
        close(ports.sockets[number])
    ports.sockets[number] = -1


cdef int32_t bound(Ports* ports, bint ipv6) noexcept nogil:
    """A socket at a random port; -1: there is none to be had."""
    cdef int32_t made = open_port(ipv6)
    cdef uint64_t word
    cdef uint16_t port
    cdef int _
    if made < 0:
        return -1
    for _ in range(BIND_TRIES):
        if not ports_random(ports, &word):
            break
        port = <uint16_t>(word & 0xFFFF)
        if port < LOWEST_PORT or ports_avoided(ports.avoided, port):
            continue
        if bind_port(made, ipv6, port) == 0:
            return made
        if errno != EADDRINUSE:
            break
    close(made)
    return -1


cdef bint ports_random(Ports* ports, uint64_t* word) noexcept nogil:
    cdef size_t had = 0
    cdef ssize_t got
    if ports.pool_left == 0:
        while had < sizeof(ports.pool):
            got = getrandom(<uint8_t*>ports.pool + had, sizeof(ports.pool) - had, 0)
            if got >= 0:
                had += <size_t>got
            elif errno != EINTR:
                return False
        ports.pool_left = POOL
    ports.pool_left -= 1
    word[0] = ports.pool[ports.pool_left]
    ports.pool[ports.pool_left] = 0
    return True


# ---- what goes ----

cdef Query* ports_queue(Ports* ports) noexcept nogil:
    if ports.queued == GOING:
        ports_flush(ports)
    ports.queued += 1
    return ports.going + ports.queued - 1


cdef void ports_flush(Ports* ports) noexcept nogil:
    """One system call for the queries of each socket."""
    cdef uint8_t first[2 * PORTS]
    cdef uint8_t following[GOING]
    cdef uint32_t queued = ports.queued
    cdef uint32_t i, number
    if queued == 0:
        return
    ports.queued = 0
    ports.drawn_left[False] = ports.drawn_left[True] = 0
    memset(first, NONE, sizeof(first))
    for i in range(queued):
        number = ports_number(ports.going[i].port)
        following[i] = first[number]
        first[number] = <uint8_t>i
    for i in range(queued):
        number = ports_number(ports.going[i].port)
        if first[number] != NONE:
            send_from(ports, number, first[number], following)
            first[number] = NONE


cdef void send_from(Ports* ports, uint32_t number, uint8_t at, const uint8_t* following) noexcept nogil:
    cdef mmsghdr messages[GOING]
    cdef iovec parts[GOING]
    cdef Query* queries[GOING]
    cdef Query* query
    cdef unsigned int count = 0
    cdef unsigned int done = 0
    cdef int tries = SEND_TRIES
    cdef int sent
    while at != NONE:
        query = ports.going + at
        queries[count] = query
        parts[count].iov_base = &query.packet[0]
        parts[count].iov_len = query.length
        memset(&messages[count], 0, sizeof(mmsghdr))
        messages[count].msg_hdr.msg_name = &query.address[0]
        messages[count].msg_hdr.msg_namelen = query.address_length
        messages[count].msg_hdr.msg_iov = &parts[count]
        messages[count].msg_hdr.msg_iovlen = 1
        count += 1
        at = following[at]
    while done < count:
        sent = sendmmsg(ports.sockets[number], messages + done, count - done, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent > 0:
            done += sent
            tries = SEND_TRIES
        elif errno == EAGAIN or errno == ENOBUFS or errno == ENOMEM:
            bump64(&ports.not_sent)
            done += 1
        elif errno != EINTR:
            tries -= 1      # perhaps the error of an earlier query, which is told only once
            if tries == 0:
                fail(ports, queries[done])
                tries = SEND_TRIES
                done += 1


cdef void fail(Ports* ports, const Query* query) noexcept nogil:
    if ports.failures < FAILED:
        ports.failed[ports.failures].port = query.port
        ports.failed[ports.failures].id = query.id
        ports.failures += 1


# ---- what came ----

cdef int ports_receive(Ports* ports, uint32_t number) noexcept nogil:
    cdef int count = recvmmsg(ports.sockets[number], ports.came, CAME, MSG_DONTWAIT, NULL)
    cdef int i
    for i in range(count):
        ports.came[i].msg_hdr.msg_namelen = PEER_SIZE   # the kernel wrote the source's own over it
    return max(count, 0)


cdef int ports_undelivered(Ports* ports, uint32_t number, uint16_t* id, uint8_t* address) noexcept nogil:
    return undelivered(ports.sockets[number], id, address, PEER_SIZE)
