# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.errno cimport EAGAIN, ECONNREFUSED, EHOSTUNREACH, EINTR, ENETUNREACH, ENOBUFS, ENOMEM, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy
from posix.time cimport CLOCK_REALTIME, clock_gettime, clockid_t, timespec
from posix.unistd cimport close, read, write

from filterd.accounting.event cimport EventSink
from filterd.accounting.radius cimport (
    RADIUS_MOST,
    RADIUS_UNKNOWN_CLIENT,
    Network,
    RadiusArrival,
    RadiusJudged,
    networks_of,
    radius_judge,
    rule_of,
    radius_sender,
)
from filterd.policy.fingerprint cimport KEY_SIZE

import os
from operator import itemgetter

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.radius_types import PacketOutcome

# <sys/socket.h> has the control messages as macros, with casts that Cython would have to repeat.
cdef extern from "<time.h>" nogil:
    clockid_t CLOCK_BOOTTIME

cdef extern from *:
    """
    #include <netinet/in.h>
    #include <poll.h>
    #include <string.h>
    #include <sys/eventfd.h>
    #include <sys/socket.h>

    static uint64_t filterd_counted(const uint64_t *at) {
        return __atomic_load_n(at, __ATOMIC_RELAXED);
    }
    static void filterd_count(uint64_t *at, uint64_t more) {  /* there is one writer */
        __atomic_store_n(at, *at + more, __ATOMIC_RELAXED);
    }

    static void filterd_tell_asked(int fd) {
        int on = 1;
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    }

    /* Leaves in `message`, as it came, what an answer needs: it goes out from the address that was asked
       (on a wildcard socket), by any interface unless the address means nothing without it (fe80::/10). */
    static void filterd_turn_round(struct msghdr *message) {
        struct cmsghdr *each = CMSG_FIRSTHDR(message);
        if (each != NULL && each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo asked;
            memcpy(&asked, CMSG_DATA(each), sizeof asked);
            asked.ipi_ifindex = 0;
            asked.ipi_addr.s_addr = 0;
            memcpy(CMSG_DATA(each), &asked, sizeof asked);
            message->msg_controllen = CMSG_SPACE(sizeof asked);
        } else if (each != NULL && each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo asked;
            memcpy(&asked, CMSG_DATA(each), sizeof asked);
            if (asked.ipi6_addr.s6_addr[0] != 0xFE || (asked.ipi6_addr.s6_addr[1] & 0xC0) != 0x80)
                asked.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(each), &asked, sizeof asked);
            message->msg_controllen = CMSG_SPACE(sizeof asked);
        } else {
            message->msg_control = NULL;
            message->msg_controllen = 0;
        }
        message->msg_flags = 0;
    }

    static void filterd_sender(const struct sockaddr_in6 *name, uint8_t *out) {
        if (name->sin6_family == AF_INET) {
            memset(out, 0, 10);
            memset(out + 10, 0xFF, 2);
            memcpy(out + 12, &((const struct sockaddr_in *)name)->sin_addr, 4);
        } else {
            memcpy(out, &name->sin6_addr, 16);
        }
    }
    """
    ctypedef struct sockaddr_in6 "struct sockaddr_in6":
        pass
    uint64_t counted "filterd_counted"(const uint64_t* at) nogil
    void count "filterd_count"(uint64_t* at, uint64_t more) nogil
    void tell_asked "filterd_tell_asked"(int fd) nogil
    void turn_round "filterd_turn_round"(msghdr* message) nogil
    void sender_of "filterd_sender"(const sockaddr_in6* name, uint8_t* out) nogil

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int initial, int flags)
    enum: EFD_CLOEXEC, EFD_NONBLOCK

cdef extern from "<poll.h>" nogil:
    ctypedef struct pollfd "struct pollfd":
        int fd
        short events
        short revents
    int poll(pollfd* descriptors, unsigned long descriptor_count, int timeout)
    enum: POLLIN

cdef extern from "<sys/socket.h>" nogil:
    ctypedef struct iovec "struct iovec":
        void* iov_base
        size_t iov_len
    ctypedef struct msghdr "struct msghdr":
        void* msg_name
        uint32_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    ctypedef struct mmsghdr "struct mmsghdr":
        msghdr msg_hdr
        unsigned int msg_len
    int recvmmsg(int socket, mmsghdr* messages, unsigned int most, int flags, void* timeout)
    int sendmmsg(int socket, mmsghdr* messages, unsigned int most, int flags)
    enum: MSG_DONTWAIT, MSG_NOSIGNAL

cdef extern from "<pthread.h>" nogil:
    int pthread_mutex_init(pthread_mutex_t* lock, void* attributes)
    int pthread_mutex_lock(pthread_mutex_t* lock)
    int pthread_mutex_unlock(pthread_mutex_t* lock)
    int pthread_mutex_destroy(pthread_mutex_t* lock)

cdef enum:
    BATCH = 64                  # datagrams of one system call
    CONTROL_ROOM = 64           # bytes of control messages, one pktinfo of either family
    PAUSE = 10                  # milliseconds after an error
    MOST_CLIENTS = 65536        # radius_types.MOST_CLIENTS

cdef struct Batch:
    mmsghdr came[BATCH]
    iovec came_in[BATCH]
    sockaddr_in6 peers[BATCH]
    uint64_t control[BATCH][8]  # CONTROL_ROOM
    mmsghdr going[BATCH]
    iovec going_in[BATCH]
    uint8_t packets[BATCH][RADIUS_MOST]
    uint8_t answers[BATCH][RADIUS_MOST]


# ---- who may send ----

cdef inline bint covers(const Client* client, const uint8_t* address) noexcept nogil:
    """True if the client's prefix covers an address."""
    cdef int whole = client.length >> 3
    cdef int rest = client.length & 7
    if memcmp(client.start, address, whole) != 0:
        return False
    return rest == 0 or (client.start[whole] ^ address[whole]) >> (8 - rest) == 0


cdef const Client* client_of(const Clients* clients, const uint8_t* address) noexcept nogil:
    cdef int32_t low = 0
    cdef int32_t high = clients.count
    cdef int32_t middle
    while low < high:           # the first that begins behind the address
        middle = (low + high) // 2
        if memcmp(clients.all[middle].start, address, 16) <= 0:
            low = middle + 1
        else:
            high = middle
    low -= 1                    # the last that begins before; if it does not cover, one around it may
    while low >= 0 and not covers(&clients.all[low], address):
        low = clients.all[low].around
    return &clients.all[low] if low >= 0 else NULL


cdef void clients_free(Clients* clients) noexcept nogil:
    if clients != NULL:
        free(clients.all)
        free(clients.networks)
    free(clients)


cdef object place_of(object client):
    """The first address and length, in the form of 16 bytes."""
    prefix = client.prefix
    start = prefix.network_address.packed
    if len(start) == 4:
        return bytes(10) + b"\xff\xff" + start, prefix.prefixlen + 96
    return start, prefix.prefixlen


cdef object secrets_of(object client):
    """The texts of the secrets behind one another."""
    return client.secret + client.second


cdef Clients* clients_of(object clients, object rule, const uint8_t* key) except NULL:
    """A sealed table of clients. ValueError for too many, one twice, and an empty secret."""
    cdef list ordered = sorted([(*place_of(each), each) for each in clients], key=itemgetter(0, 1))
    cdef dict places = {}           # networks of a client -> their first place and number
    cdef tuple entries = ()
    cdef Clients* made
    if len(ordered) > MOST_CLIENTS:
        raise ValueError(f"{len(ordered)} clients of accounting: at most {MOST_CLIENTS}")
    for networks in {each.networks for _, _, each in ordered}:
        own = ClaimNetworks(networks).entries
        places[networks] = (len(entries), len(own))
        entries += own
    made = <Clients*>calloc(1, sizeof(Clients))
    if made != NULL:
        made.all = <Client*>calloc(
            1, len(ordered) * sizeof(Client) + sum([len(secrets_of(each)) for _, _, each in ordered]) + 1
        )
        made.networks = <Network*>calloc(len(entries) + 1, sizeof(Network))
    try:
        if made == NULL or made.all == NULL or made.networks == NULL:
            raise MemoryError
        rule_of(rule, &made.rule)
        networks_of(entries, made.networks)
        fill(made, ordered, places, key)
    except BaseException:
        clients_free(made)
        raise
    return made


cdef int fill(Clients* made, list ordered, dict places, const uint8_t* key) except -1:
    """Write the clients, each with the place of the longest prefix around it, and their secrets."""
    cdef uint8_t* secrets = <uint8_t*>(made.all + len(ordered))
    cdef Client* each
    cdef const uint8_t* start
    cdef int32_t around
    cdef int i
    for at, (first, length, client) in enumerate(ordered):
        each = made.all + <size_t>at
        start = <const uint8_t*><const char*><bytes>first
        memcpy(each.start, start, 16)
        each.length = length
        around = <int32_t>at - 1
        while around >= 0 and not covers(&made.all[around], start):
            around = made.all[around].around
        each.around = around
        if around >= 0 and made.all[around].length == length:
            raise ValueError(f"{client.prefix} stands twice among the clients of accounting")
        radius_sender(client, key, &each.sender)
        begin, each.sender.network_count = places[client.networks]
        each.sender.networks = made.networks + <size_t>begin
        for i in range(each.sender.secret_count):
            memcpy(secrets, each.sender.secrets[i].text, each.sender.secrets[i].size)
            each.sender.secrets[i].text = secrets
            secrets += each.sender.secrets[i].size
        made.count += 1
    return 0


# ---- a batch ----

cdef void batch_ready(Batch* batch) noexcept nogil:
    """Point each header at its own buffers."""
    cdef int i
    for i in range(BATCH):
        batch.came_in[i].iov_base = &batch.packets[i][0]
        batch.came_in[i].iov_len = RADIUS_MOST
        batch.came[i].msg_hdr.msg_iov = &batch.came_in[i]
        batch.came[i].msg_hdr.msg_iovlen = 1
        batch.came[i].msg_hdr.msg_name = &batch.peers[i]


cdef int batch_receive(Batch* batch, int socket) noexcept nogil:
    """The number of datagrams that came."""
    cdef int i
    for i in range(BATCH):
        batch.came[i].msg_hdr.msg_namelen = sizeof(sockaddr_in6)
        batch.came[i].msg_hdr.msg_control = &batch.control[i][0]
        batch.came[i].msg_hdr.msg_controllen = CONTROL_ROOM
    return recvmmsg(socket, batch.came, BATCH, MSG_DONTWAIT, NULL)


cdef void batch_answer(Batch* batch, int i, int queued, size_t size) noexcept nogil:
    """Queue the answer to datagram `i`, which stands in its place among the answers."""
    batch.going[queued].msg_hdr = batch.came[i].msg_hdr
    turn_round(&batch.going[queued].msg_hdr)
    batch.going_in[queued].iov_base = &batch.answers[i][0]
    batch.going_in[queued].iov_len = size
    batch.going[queued].msg_hdr.msg_iov = &batch.going_in[queued]


cdef void batch_send(Batch* batch, int socket, int queued) noexcept nogil:
    """Send the answers. One that cannot go is lost, as on the way: its sender asks again."""
    cdef int at = 0
    cdef int sent
    while at < queued:
        sent = sendmmsg(socket, batch.going + at, queued - at, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent > 0:
            at += sent
        elif errno != EINTR:
            at += 1


cdef inline bint is_passing(int code) noexcept nogil:
    """True for success, and for an error that speaks of an earlier answer or of this moment."""
    return code in (0, EAGAIN, EINTR, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOBUFS, ENOMEM)


cdef class Receiver:
    """Takes accounting packets from a socket, hands their events to a sink and answers. Without the GIL."""

    def __cinit__(self, EventSink sink not None, bytes key not None, double anchor=0):
        if len(key) != KEY_SIZE:
            raise ValueError(f"a fingerprint key has {KEY_SIZE} bytes, not {len(key)}")
        self.sink = sink
        self.anchor = <int64_t>(anchor * 1000)
        memcpy(self.key, <const uint8_t*><const char*>key, KEY_SIZE)
        self.clients = NULL
        pthread_mutex_init(&self.lock, NULL)
        self.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self.wake < 0:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        if self.wake > 0:
            close(self.wake)
        clients_free(self.clients)
        pthread_mutex_destroy(&self.lock)

    def configure(self, clients, rule, uint32_t lasts):
        """Put other clients and another rule in force from the next batch on; ValueError leaves the old."""
        cdef Clients* made = clients_of(clients, rule, self.key)
        cdef Clients* old
        made.lasts = lasts
        with nogil:
            self.begin()
            old = self.clients
            self.clients = made
            self.end()
            clients_free(old)

    def run(self, int descriptor):
        """Serve a UDP socket until `stop`; OSError when it cannot be read any more."""
        cdef int code
        if self.running:
            raise ValueError("this receiver runs in another thread")
        self.running = True
        try:
            with nogil:
                code = serve(self, descriptor)
            if code:
                raise OSError(code, os.strerror(code))
        finally:
            self.running = False

    def stop(self):
        """End `run`, in whatever thread it is; if none runs, the next ends at once."""
        cdef uint64_t one = 1
        write(self.wake, &one, sizeof(one))

    def counts(self):
        """The packets so far by outcome."""
        return {str(outcome): counted(&self.counted[i]) for i, outcome in enumerate(PacketOutcome)}

    @property
    def refused(self):
        """The addresses so far that their client may not claim."""
        return counted(&self.refused_claims)

    @property
    def second(self):
        """The packets so far that the second secret of their client proved."""
        return counted(&self.by_second)

    cdef void begin(self) noexcept nogil:
        pthread_mutex_lock(&self.lock)

    cdef void end(self) noexcept nogil:
        pthread_mutex_unlock(&self.lock)

    cdef size_t take(self, const uint8_t* packet, size_t size, const uint8_t* sender, int64_t arrival,
                     uint8_t* answer) noexcept nogil:
        cdef const Client* client = client_of(self.clients, sender) if self.clients != NULL else NULL
        cdef RadiusArrival came
        cdef RadiusJudged judged
        if client == NULL:
            count(&self.counted[<int>RADIUS_UNKNOWN_CLIENT], 1)
            return 0
        came.key = self.key
        came.sender = sender
        came.at = arrival
        radius_judge(packet, size, &client.sender, &self.clients.rule, &came, answer, &judged)
        if judged.tells and self.sink.take != NULL:
            judged.event.lasts = self.clients.lasts
            self.sink.take(self.sink.context, &judged.event)
        count(&self.counted[judged.outcome], 1)
        if judged.event.refused:
            count(&self.refused_claims, judged.event.refused)
        if judged.secret:
            count(&self.by_second, 1)
        return judged.answer_size


cdef int turn(Receiver receiver, Batch* batch, int socket) noexcept nogil:
    """Take the datagrams of one system call: 0, or an errno."""
    cdef uint8_t sender[16]
    cdef timespec now
    cdef int64_t arrival
    cdef size_t size
    cdef int queued = 0
    cdef int came = batch_receive(batch, socket)
    cdef int i
    if came < 0:
        return errno
    clock_gettime(CLOCK_BOOTTIME if receiver.anchor else CLOCK_REALTIME, &now)
    arrival = <int64_t>now.tv_sec * 1000 + now.tv_nsec // 1000000 + receiver.anchor
    receiver.begin()
    for i in range(came):
        sender_of(&batch.peers[i], sender)
        size = receiver.take(&batch.packets[i][0], batch.came[i].msg_len, sender, arrival,
                             &batch.answers[i][0])
        if size:
            batch_answer(batch, i, queued, size)
            queued += 1
    receiver.end()
    batch_send(batch, socket, queued)
    return 0


cdef int serve(Receiver receiver, int socket) noexcept nogil:
    """Receive, take and answer until `stop`: 0, or an errno."""
    cdef Batch* batch = <Batch*>calloc(1, sizeof(Batch))
    cdef pollfd waiting[2]
    cdef uint64_t stops
    cdef int code = 0
    if batch == NULL:
        return ENOMEM
    batch_ready(batch)
    tell_asked(socket)
    waiting[0].fd = socket
    waiting[1].fd = receiver.wake
    waiting[0].events = waiting[1].events = POLLIN
    while True:
        if poll(waiting, 2, -1) < 0:
            continue
        if waiting[1].revents:
            read(receiver.wake, &stops, sizeof(stops))
            break
        code = turn(receiver, batch, socket)
        if not is_passing(code):
            break
        if code not in (0, EAGAIN, EINTR):
            poll(waiting + 1, 1, PAUSE)     # the kernel has no memory, or a way is gone: not again at once
        code = 0
    free(batch)
    return code
