# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.asking cimport (
    CHECK_CASE_LOST,
    CHECK_OURS,
    CHECK_WRONG_QUESTION,
    COINS,
    asking_check,
    asking_write,
)
from filterd.dataplane.atomics cimport bump64, load64, store64
from filterd.dataplane.cache_shard cimport INSERT_KEPT_STALE
from filterd.dataplane.hand cimport hand_answered
from filterd.dataplane.hashing cimport keyed_hash
from filterd.dataplane.lane cimport PEER_SIZE, lane_reply
from filterd.dataplane.packet cimport (
    PACKET_ANSWER,
    PACKET_BUSY,
    PACKET_MISS,
    Reply,
    note_question,
    noted,
    packet_again,
    packet_keep,
)
from filterd.dataplane.ports cimport (
    CAME,
    Query,
    ports_allocate,
    ports_datagram,
    ports_flush,
    ports_free,
    ports_length,
    ports_open,
    ports_pick,
    ports_queue,
    ports_random,
    ports_receive,
    ports_renew,
    ports_source,
    ports_undelivered,
)
from filterd.dataplane.punts cimport (
    PUNT_BUSY,
    PUNT_FORWARD,
    PUNT_LOOP,
    PUNT_REFRESH,
    PUNT_STALE,
    PUNT_TRUNCATED,
    PUNT_UNANSWERED,
    punt_put,
    punt_try,
)
from filterd.dataplane.routes cimport (
    W_ANSWERED,
    W_CASE_KEPT,
    W_CASE_LOST,
    W_EDNS_REFUSED,
    W_EDNS_SPOKEN,
    W_HEARD,
    W_HEARD_AT,
    W_MALFORMED,
    W_MICROS,
    W_OUTSTANDING,
    W_REFUSED,
    W_SENT,
    W_SERVFAIL,
    W_SILENT_SINCE,
    W_TIMEOUT,
    W_UNREACHABLE,
    W_UNREACHABLE_AT,
    W_WITHOUT_EDNS,
    W_WRONG_ID,
    W_WRONG_QUESTION,
    W_WRONG_SOURCE,
)
from filterd.dataplane.addresses cimport is_mapped
from filterd.wire.codec cimport (
    FLAG_AD,
    FLAG_CD,
    FORMERR,
    NOTIMP,
    OK,
    REFUSED,
    SERVFAIL,
    Name,
    Upstream,
    get16,
    strip_opt,
)

cdef enum:
    READS = 4                   # batches that are taken from one socket at one go
    DRAWS = 8                   # of an id that is not on its way from that socket yet
    FIRST_EXTENDED = 16         # rcodes that stand in OPT (RFC 6891 6.1.3)
    NOBODY = 0xFFFFFFFF         # no attempt has that number
    LOOP_LABEL = 31             # bytes of the label of a loop check: see upstream/probes.py
    LOOP_PREFIX = 11

cdef enum Judgement:            # what a reply means for its miss
    JUDGED_GOOD = 0
    JUDGED_AGAIN = 1            # the same upstream, without EDNS
    JUDGED_NEXT = 2             # another upstream


cdef bint misses_allocate(Misses* m, int32_t epoll, uint64_t first_event, HopTally* tallies,
                          const Seed* seed) noexcept nogil:
    cdef bint has_ports
    memset(m, 0, sizeof(Misses))
    has_ports = ports_allocate(&m.ports, epoll, first_event)
    m.tallies = tallies
    m.seed = seed[0]
    # Zeros that nobody has touched yet: pages come with use.
    m.misses = <Miss*>calloc(MISSES, sizeof(Miss))
    m.waiters = <Waiter*>calloc(WAITERS, sizeof(Waiter))
    m.miss_buckets = <uint32_t*>calloc(MISS_BUCKETS, sizeof(uint32_t))
    m.attempt_buckets = <uint32_t*>calloc(ATTEMPT_BUCKETS, sizeof(uint32_t))
    m.clients = <uint16_t*>calloc(CLIENTS, sizeof(uint16_t))
    m.kept = <uint8_t*>calloc(1, BUFFER_SIZE)
    return (has_ports and m.misses != NULL and m.waiters != NULL and m.miss_buckets != NULL
            and m.attempt_buckets != NULL and m.clients != NULL and m.kept != NULL)


cdef void misses_free(Misses* m) noexcept nogil:
    ports_free(&m.ports)
    free(m.misses)
    free(m.waiters)
    free(m.miss_buckets)
    free(m.attempt_buckets)
    free(m.clients)
    free(m.kept)
    memset(m, 0, sizeof(Misses))


# ---- a question comes ----

cdef int misses_take(Misses* m, const Route* route, Hand* hand, const Exchange* x, const Back* back,
                     int64_t came, uint8_t* reason) noexcept nogil:
    cdef uint64_t hash
    cdef uint32_t number
    cdef Waiter* waiter
    reason[0] = PUNT_FORWARD
    if route.count == 0:
        return MISS_PUNT
    if is_loop_check(&x.asked):
        reason[0] = PUNT_LOOP
        return MISS_PUNT
    hash = hash_of(m, x)
    number = find_miss(m, x, hash)
    waiter = new_waiter(m, x, back, came)
    if waiter == NULL:
        return MISS_PUNT
    if number:
        bump64(&m.joined)
        m.waiters[m.misses[number - 1].last - 1].next = waiter_number(m, waiter)
        m.misses[number - 1].last = waiter_number(m, waiter)
    else:
        number = new_miss(m, waiter, hash)
        if number == 0 or not ask_next(m, route, hand, number):
            if number:
                detach(m, number)
            free_waiter(m, waiter)
            bump64(&m.full)
            return MISS_PUNT
    bump64(&m.taken)
    return MISS_TAKEN


cdef bint is_loop_check(const Name* name) noexcept nogil:
    """Whether it may be a probe of ours that came back; the slow path knows."""
    return name.labels == 1 and name.bytes[0] == LOOP_LABEL and memcmp(&name.bytes[1], b"loop-check-",
                                                                       LOOP_PREFIX) == 0


cdef uint64_t hash_of(const Misses* m, const Exchange* x) noexcept nogil:
    cdef uint64_t rest = <uint64_t>x.query.qtype << 16 | x.query.qclass
    rest |= <uint64_t>(x.query.dnssec_ok != 0) << 32 | <uint64_t>(x.query.flags & FLAG_CD != 0) << 33
    return keyed_hash(&m.seed, x.asked.bytes, x.asked.length, rest)


cdef uint32_t find_miss(const Misses* m, const Exchange* x, uint64_t hash) noexcept nogil:
    """The number of the same question on its way; 0: there is none."""
    cdef uint32_t number = m.miss_buckets[hash % MISS_BUCKETS]
    cdef const Miss* miss
    while number:
        miss = m.misses + number - 1
        if miss.hash == hash and same_question(x, &m.waiters[miss.first - 1].x):
            break
        number = miss.next
    return number


cdef inline bint same_question(const Exchange* a, const Exchange* b) noexcept nogil:
    return (a.query.qtype == b.query.qtype and a.query.qclass == b.query.qclass
            and (a.query.dnssec_ok != 0) == (b.query.dnssec_ok != 0)
            and a.query.flags & FLAG_CD == b.query.flags & FLAG_CD
            and a.asked.length == b.asked.length
            and memcmp(a.asked.bytes, b.asked.bytes, a.asked.length) == 0)


cdef inline uint32_t waiter_number(const Misses* m, const Waiter* waiter) noexcept nogil:
    return <uint32_t>(waiter - m.waiters) + 1


cdef Waiter* new_waiter(Misses* m, const Exchange* x, const Back* back, int64_t came) noexcept nogil:
    """A place for one who waits; NULL: there is none, or the client has its share.

    A client may hold no more places than are free (see `places`); an IPv4 address or an IPv6 /56 is one.
    """
    cdef size_t length = 16 if is_mapped(x.client) else 7
    cdef uint16_t client = <uint16_t>(keyed_hash(&m.seed, x.client, length, 0) % CLIENTS)
    cdef uint32_t number = m.free_waiter
    cdef Waiter* waiter
    if m.clients[client] >= WAITERS - m.waiting:
        bump64(&m.full)
        return NULL
    if number:
        m.free_waiter = m.waiters[number - 1].next
    else:
        m.fresh_waiter += 1
        number = m.fresh_waiter
    waiter = m.waiters + number - 1
    memcpy(&waiter.x, x, sizeof(Exchange))
    memcpy(&waiter.back, back, sizeof(Back))
    waiter.came = came
    waiter.next = 0
    waiter.client = client
    m.clients[client] += 1
    m.waiting += 1
    return waiter


cdef void free_waiter(Misses* m, Waiter* waiter) noexcept nogil:
    m.clients[waiter.client] -= 1
    m.waiting -= 1
    waiter.next = m.free_waiter
    m.free_waiter = waiter_number(m, waiter)


cdef uint32_t new_miss(Misses* m, const Waiter* waiter, uint64_t hash) noexcept nogil:
    """The number of a place for a question, with who asked it first; 0: there is none for this client."""
    cdef uint32_t number = m.free_miss
    cdef uint32_t* bucket = m.miss_buckets + hash % MISS_BUCKETS
    cdef Miss* miss
    if m.clients[waiter.client] > MISSES - m.asking:
        return 0
    if number:
        m.free_miss = m.misses[number - 1].next
    else:
        m.fresh_miss += 1
        number = m.fresh_miss
    m.asking += 1
    miss = m.misses + number - 1
    miss.hash = hash
    miss.asked = 0
    miss.turn = 0
    miss.sooner = miss.later = 0
    miss.deadline = 0
    miss.first = miss.last = waiter_number(m, waiter)
    miss.next = bucket[0]
    bucket[0] = number
    return number


# ---- and is asked ----

cdef bint ask_next(Misses* m, const Route* route, Hand* hand, uint32_t number) noexcept nogil:
    """Ask the first upstream that was not asked yet and may be; False: there is none.

    Who has just been silent comes after the others: the route will say so in a moment.
    """
    cdef uint32_t i
    for i in range(route.count):
        if not fell_silent(m, hand, &route.hops[i]) and may_ask(m, hand, number, &route.hops[i]):
            return ask(m, hand, number, &route.hops[i], route.hops[i].edns, False)
    for i in range(route.count):
        if may_ask(m, hand, number, &route.hops[i]):
            return ask(m, hand, number, &route.hops[i], route.hops[i].edns, False)
    return False


cdef bint may_ask(Misses* m, const Hand* hand, uint32_t number, const Hop* hop) noexcept nogil:
    """Whether it was not asked this yet and has room. Here too a client may have no more on its way than is
    free."""
    cdef const Miss* miss = m.misses + number - 1
    cdef uint16_t held = m.clients[m.waiters[miss.first - 1].client]
    return (not was_asked(miss, hop.number)
            and load64(word(m, hop.number, W_OUTSTANDING)) + held <= hop.outstanding
            and ports_open(&m.ports, hop.ipv6, hand.micros))


cdef bint fell_silent(Misses* m, const Hand* hand, const Hop* hop) noexcept nogil:
    """Whether this thread found it silent so lately that the event loop may not know yet."""
    cdef int64_t since = <int64_t>load64(word(m, hop.number, W_SILENT_SINCE))
    return (since > <int64_t>load64(word(m, hop.number, W_HEARD_AT))
            and hand.micros - since < SILENCE_MICROS + NEWS_MICROS)


cdef bint was_asked(const Miss* miss, uint16_t number) noexcept nogil:
    cdef uint8_t i
    for i in range(miss.asked):
        if miss.numbers[i] == number:
            return True
    return miss.asked == HOPS


cdef bint ask(Misses* m, Hand* hand, uint32_t number, const Hop* hop, bint edns, bint again) noexcept nogil:
    """Ask an upstream, at the next flush; False: there are no random bits to do it with."""
    cdef Miss* miss = m.misses + number - 1
    cdef const Exchange* x = &m.waiters[miss.first - 1].x
    cdef Attempt* attempt = miss.attempts + miss.turn % ATTEMPTS
    cdef Query* query
    if miss.turn >= ATTEMPTS and attempt.live:
        give_up(m, attempt)
    if not draw(m, attempt, hop.ipv6, &x.asked, x, hop.mixed_case, edns, &query):
        return False
    miss.turn += 1
    attempt.hop = hop[0]
    attempt.again = again
    attempt.late = False
    attempt.live = True
    attempt.sent = hand.micros
    query.id = attempt.id
    query.port = attempt.port
    query.address_length = hop.address_length
    memcpy(query.address, hop.address, PEER_SIZE)
    link_attempt(m, attempt, number)
    if not again:
        miss.numbers[miss.asked] = hop.number
        miss.asked += 1
    bump64(word(m, hop.number, W_SENT))
    bump64(word(m, hop.number, W_OUTSTANDING))
    unlink_deadline(m, number)
    miss.deadline = hand.micros + SILENCE_MICROS
    link_deadline(m, number)
    return True


cdef bint draw(Misses* m, Attempt* attempt, bint ipv6, const Name* name, const Exchange* x, bint mixed_case,
               bint edns, Query** query) noexcept nogil:
    """Draw port, id and letter case, and write the query."""
    cdef uint64_t bits
    cdef uint64_t coins[COINS]
    cdef int words, i
    cdef int _
    for _ in range(DRAWS):
        if not ports_random(&m.ports, &bits):
            return False
        attempt.port = ports_pick(&m.ports, ipv6, <uint32_t>(bits >> 32))
        attempt.id = <uint16_t>(bits & 0xFFFF)
        if find_attempt(m, attempt.port, attempt.id) == NOBODY:
            break
    else:
        return False
    words = (name.length + 63) >> 6 if mixed_case else 0
    for i in range(words):
        if not ports_random(&m.ports, &coins[i]):
            return False
    attempt.asking.qtype = x.query.qtype
    attempt.asking.qclass = x.query.qclass
    attempt.asking.dnssec_ok = x.query.dnssec_ok
    attempt.asking.checking_disabled = x.query.flags & FLAG_CD != 0
    attempt.asking.mixed_case = mixed_case
    attempt.asking.edns = edns
    attempt.question_length = name.length + 4
    query[0] = ports_queue(&m.ports)
    query[0].length = asking_write(&attempt.asking, name, attempt.id, coins, attempt.question,
                                   &query[0].packet[0])
    return True


cdef inline uint64_t* word(Misses* m, uint16_t number, int which) noexcept nogil:
    return &m.tallies[number].words[which]


# ---- attempts by port and id ----

cdef inline uint32_t* attempt_bucket(const Misses* m, uint16_t port, uint16_t id) noexcept nogil:
    """Ids are random and nobody's choice: they need no hash."""
    return m.attempt_buckets + ((id ^ <uint32_t>port << 9) % ATTEMPT_BUCKETS)


cdef inline Attempt* attempt_at(const Misses* m, uint32_t number) noexcept nogil:
    return &m.misses[number // ATTEMPTS].attempts[number % ATTEMPTS]


cdef uint32_t find_attempt(const Misses* m, uint16_t port, uint16_t id) noexcept nogil:
    cdef uint32_t number = attempt_bucket(m, port, id)[0]
    cdef const Attempt* attempt
    while number:
        attempt = attempt_at(m, number - 1)
        if attempt.id == id and attempt.port == port:
            return number - 1
        number = attempt.next
    return NOBODY


cdef void link_attempt(Misses* m, Attempt* attempt, uint32_t miss) noexcept nogil:
    cdef uint32_t* bucket = attempt_bucket(m, attempt.port, attempt.id)
    attempt.next = bucket[0]
    bucket[0] = (miss - 1) * ATTEMPTS + <uint32_t>(attempt - m.misses[miss - 1].attempts) + 1


cdef void unlink_attempt(Misses* m, Attempt* attempt) noexcept nogil:
    """It is not on its way any more."""
    cdef uint32_t* at = attempt_bucket(m, attempt.port, attempt.id)
    cdef uint64_t* outstanding = word(m, attempt.hop.number, W_OUTSTANDING)
    while attempt_at(m, at[0] - 1) != attempt:
        at = &attempt_at(m, at[0] - 1).next
    at[0] = attempt.next
    attempt.live = False
    store64(outstanding, load64(outstanding) - 1)


cdef void give_up(Misses* m, Attempt* attempt) noexcept nogil:
    """Nothing that comes for it counts any more."""
    unlink_attempt(m, attempt)
    bump64(word(m, attempt.hop.number, W_TIMEOUT))


# ---- misses by deadline: each new one is the latest, as all wait equally long ----

cdef void link_deadline(Misses* m, uint32_t number) noexcept nogil:
    cdef Miss* miss = m.misses + number - 1
    miss.sooner = m.latest
    miss.later = 0
    if m.latest:
        m.misses[m.latest - 1].later = number
    else:
        m.soonest = number
    m.latest = number


cdef void unlink_deadline(Misses* m, uint32_t number) noexcept nogil:
    cdef Miss* miss = m.misses + number - 1
    if miss.deadline == 0:
        return
    if miss.sooner:
        m.misses[miss.sooner - 1].later = miss.later
    else:
        m.soonest = miss.later
    if miss.later:
        m.misses[miss.later - 1].sooner = miss.sooner
    else:
        m.latest = miss.sooner
    miss.deadline = 0


# ---- the end of a miss ----

cdef uint32_t detach(Misses* m, uint32_t number) noexcept nogil:
    """Nobody waits for it any more: who did, as a list. It stays for a while where attempts are on their way,
    so that their upstreams are heard."""
    cdef Miss* miss = m.misses + number - 1
    cdef uint32_t first = miss.first
    cdef uint32_t* at = m.miss_buckets + miss.hash % MISS_BUCKETS
    while at[0] != number:
        at = &m.misses[at[0] - 1].next
    at[0] = miss.next
    miss.first = miss.last = 0
    if not is_asking(miss):
        forget(m, number)
    return first


cdef bint is_asking(const Miss* miss) noexcept nogil:
    """Whether somebody may yet answer."""
    cdef uint32_t i
    for i in range(min(miss.turn, <uint32_t>ATTEMPTS)):
        if miss.attempts[i].live:
            return True
    return False


cdef void give_up_all(Misses* m, Miss* miss) noexcept nogil:
    cdef uint32_t i
    for i in range(min(miss.turn, <uint32_t>ATTEMPTS)):
        if miss.attempts[i].live:
            give_up(m, miss.attempts + i)


cdef void forget(Misses* m, uint32_t number) noexcept nogil:
    """Nobody waits for it, and nothing that comes for it is heard any more."""
    cdef Miss* miss = m.misses + number - 1
    give_up_all(m, miss)
    unlink_deadline(m, number)
    miss.next = m.free_miss
    m.free_miss = number
    m.asking -= 1


cdef void punt_all(Misses* m, Hand* hand, uint32_t number, uint8_t reason) noexcept nogil:
    """The slow path takes over for all who wait."""
    cdef uint32_t each = detach(m, number)
    cdef uint32_t following
    cdef Waiter* waiter
    while each:
        waiter = m.waiters + each - 1
        following = waiter.next
        punt_put(&hand.punts, reason, &waiter.x, &waiter.back, waiter.came)
        free_waiter(m, waiter)
        each = following


cdef void go_on(Misses* m, const Route* route, Hand* hand, uint32_t number) noexcept nogil:
    """An upstream will not answer: the next one, or whoever is on the way yet, or the slow path."""
    if not ask_next(m, route, hand, number) and not is_asking(m.misses + number - 1):
        punt_all(m, hand, number, PUNT_UNANSWERED)


# ---- time passes ----

cdef int64_t misses_tick(Misses* m, const Route* route, Hand* hand) noexcept nogil:
    cdef uint32_t number
    cdef int _
    ports_renew(&m.ports, hand.micros)
    for _ in range(MISSES):
        number = m.soonest
        if number == 0:
            return -1
        if m.misses[number - 1].deadline > hand.micros:
            return m.misses[number - 1].deadline - hand.micros
        expire(m, route, hand, number)
    return 0


cdef void expire(Misses* m, const Route* route, Hand* hand, uint32_t number) noexcept nogil:
    """All that this miss asked said nothing for 400 ms."""
    cdef Miss* miss = m.misses + number - 1
    tell_silence(m, miss)
    if miss.first == 0:
        forget(m, number)
    elif not ask_next(m, route, hand, number):
        give_up_all(m, miss)
        punt_all(m, hand, number, PUNT_UNANSWERED)


cdef void tell_silence(Misses* m, Miss* miss) noexcept nogil:
    cdef uint32_t i
    cdef Attempt* attempt
    cdef uint64_t* since
    for i in range(min(miss.turn, <uint32_t>ATTEMPTS)):
        attempt = miss.attempts + i
        if attempt.live and not attempt.late:
            attempt.late = True
            since = word(m, attempt.hop.number, W_SILENT_SINCE)
            store64(since, max(load64(since), <uint64_t>attempt.sent))


cdef void misses_flush(Misses* m, const Route* route, Hand* hand) noexcept nogil:
    cdef uint32_t number, i
    ports_flush(&m.ports)
    while m.ports.failures:
        # Those found here may fail again, with another upstream: each is asked once.
        m.ports.failures -= 1
        i = m.ports.failures
        number = find_attempt(m, m.ports.failed[i].port, m.ports.failed[i].id)
        if number != NOBODY:
            unreachable(m, route, hand, number)
        if m.ports.failures == 0:
            ports_flush(&m.ports)


cdef void unreachable(Misses* m, const Route* route, Hand* hand, uint32_t number) noexcept nogil:
    cdef Attempt* attempt = attempt_at(m, number)
    cdef uint32_t miss = number // ATTEMPTS + 1
    unlink_attempt(m, attempt)
    bump64(word(m, attempt.hop.number, W_UNREACHABLE))
    store64(word(m, attempt.hop.number, W_UNREACHABLE_AT), <uint64_t>hand.micros)
    if m.misses[miss - 1].first:
        go_on(m, route, hand, miss)
    elif not is_asking(m.misses + miss - 1):
        forget(m, miss)


# ---- something came ----

cdef void misses_ready(Misses* m, const Route* route, Hand* hand, uint32_t port) noexcept nogil:
    cdef int count, turn, i
    for turn in range(READS):
        count = ports_receive(&m.ports, port)
        for i in range(count):
            take_reply(m, route, hand, <uint16_t>port, i)
        if count == CAME:
            continue
        # Where there was something, errors can wait for their next event.
        if count or turn or not take_errors(m, route, hand, <uint16_t>port):
            return


cdef bint take_errors(Misses* m, const Route* route, Hand* hand, uint16_t port) noexcept nogil:
    """Reports that queries could not be delivered, a batch at most; whether there was any."""
    cdef uint8_t address[PEER_SIZE]
    cdef uint16_t id
    cdef uint32_t number
    cdef bint found = False
    cdef int status
    cdef int _
    for _ in range(CAME):
        status = ports_undelivered(&m.ports, port, &id, address)
        if status == 0:
            break
        found = True
        if status < 0:
            continue
        number = find_attempt(m, port, id)
        if number != NOBODY and same_address(address, &attempt_at(m, number).hop):
            unreachable(m, route, hand, number)
    return found


cdef bint same_address(const uint8_t* address, const Hop* hop) noexcept nogil:
    """Family, port and address; sockaddr_in6 has the flow between the last two."""
    if memcmp(address, hop.address, 4) != 0:
        return False
    if hop.ipv6:
        return memcmp(address + 8, &hop.address[8], 16) == 0
    return memcmp(address + 4, &hop.address[4], 4) == 0


cdef void take_reply(Misses* m, const Route* route, Hand* hand, uint16_t port, int i) noexcept nogil:
    """One datagram: whose it is, and whether it may be believed (RFC 5452 9)."""
    cdef const uint8_t* reply = ports_datagram(&m.ports, i)
    cdef size_t length = ports_length(&m.ports, i)
    cdef const uint8_t* source = ports_source(&m.ports, i)
    cdef uint32_t number = NOBODY
    cdef Attempt* attempt
    cdef int check
    if length >= 2:
        number = find_attempt(m, port, get16(reply))
    if number == NOBODY:
        count_stray(m, route, source)
        return
    attempt = attempt_at(m, number)
    if not same_address(source, &attempt.hop):
        bump64(word(m, attempt.hop.number, W_WRONG_SOURCE))
        return
    check = asking_check(&attempt.asking, attempt.id, attempt.question, attempt.question_length, reply,
                         length)
    if check == CHECK_WRONG_QUESTION:
        bump64(word(m, attempt.hop.number, W_WRONG_QUESTION))
        return
    unlink_attempt(m, attempt)
    hear(m, hand, attempt)
    if m.misses[number // ATTEMPTS].first == 0:
        count_unread(m, attempt, reply)
        if not is_asking(m.misses + number // ATTEMPTS):
            forget(m, number // ATTEMPTS + 1)
        return
    settle(m, route, hand, number, check, reply, length)


cdef void count_stray(Misses* m, const Route* route, const uint8_t* source) noexcept nogil:
    """A datagram with an id that is not on its way: counted for the upstream it came from, else the first.
    """
    cdef uint32_t i
    for i in range(route.count):
        if same_address(source, &route.hops[i]):
            bump64(word(m, route.hops[i].number, W_WRONG_ID))
            return
    if route.count:
        bump64(word(m, route.hops[0].number, W_WRONG_SOURCE))


cdef void hear(Misses* m, const Hand* hand, const Attempt* attempt) noexcept nogil:
    cdef uint64_t* micros = word(m, attempt.hop.number, W_MICROS)
    store64(micros, load64(micros) + <uint64_t>max(hand.micros - attempt.sent, 0))
    bump64(word(m, attempt.hop.number, W_HEARD))
    store64(word(m, attempt.hop.number, W_HEARD_AT), <uint64_t>hand.micros)


cdef void count_unread(Misses* m, const Attempt* attempt, const uint8_t* reply) noexcept nogil:
    """An answer that nobody waits for any more, by its header alone."""
    cdef int rcode = reply[3] & 15
    if rcode == SERVFAIL:
        bump64(word(m, attempt.hop.number, W_SERVFAIL))
    elif rcode == FORMERR or rcode == NOTIMP or rcode == REFUSED:
        bump64(word(m, attempt.hop.number, W_REFUSED))
    else:
        bump64(word(m, attempt.hop.number, W_ANSWERED))


cdef void settle(Misses* m, const Route* route, Hand* hand, uint32_t number, int check, const uint8_t* reply,
                 size_t length) noexcept nogil:
    """What an upstream's reply means for those who wait."""
    cdef Attempt* attempt = attempt_at(m, number)
    cdef uint32_t miss = number // ATTEMPTS + 1
    cdef Waiter* waiter = m.waiters + m.misses[miss - 1].first - 1
    cdef Hop hop
    cdef Reply answer
    cdef int judgement
    if check == CHECK_CASE_LOST:
        bump64(word(m, attempt.hop.number, W_CASE_LOST))
    elif check == CHECK_OURS and attempt.asking.mixed_case and has_capitals(attempt):
        bump64(word(m, attempt.hop.number, W_CASE_KEPT))
    if check == CHECK_CASE_LOST or reply[2] & 2:
        punt_all(m, hand, miss, PUNT_TRUNCATED)
        return
    note_question(&hand.core, &waiter.x, hand.work)
    judgement = judge(m, attempt, reply, length, &answer)
    if judgement == JUDGED_GOOD:
        if packet_keep(&hand.core, &waiter.x, &answer, hand.ticks, hand.work) == INSERT_KEPT_STALE:
            answer.message = NULL       # as packet_finish does
        answer_all(m, route, hand, detach(m, miss), &answer)
        return
    noted(hand.work, 0)
    if judgement == JUDGED_AGAIN:
        hop = attempt.hop
        if ask(m, hand, miss, &hop, False, True):
            return
    go_on(m, route, hand, miss)


cdef bint has_capitals(const Attempt* attempt) noexcept nogil:
    cdef int i
    for i in range(attempt.question_length - 4):
        if 65 <= attempt.question[i] <= 90:
            return True
    return False


cdef int judge(Misses* m, const Attempt* attempt, const uint8_t* reply, size_t length,
               Reply* answer) noexcept nogil:
    """As upstream/peer.py: what counts as an answer. A good one is in `kept`, without OPT."""
    cdef Upstream facts
    cdef size_t kept = 0
    cdef int status = strip_opt(reply, length, m.kept, BUFFER_SIZE, &kept, &facts)
    cdef int rcode = reply[3] & 15
    if attempt.asking.edns:
        if (rcode == FORMERR or rcode == NOTIMP) and (status != OK or not facts.has_edns):
            bump64(word(m, attempt.hop.number, W_WITHOUT_EDNS))
            return JUDGED_AGAIN
        if get16(reply + 10):
            bump64(word(m, attempt.hop.number, W_EDNS_SPOKEN))
    if status != OK:
        bump64(word(m, attempt.hop.number, W_MALFORMED))
        return JUDGED_NEXT
    if facts.rcode in (FORMERR, NOTIMP, REFUSED) or facts.rcode >= FIRST_EXTENDED:
        bump64(word(m, attempt.hop.number, W_REFUSED))
        return JUDGED_NEXT
    if attempt.again:
        bump64(word(m, attempt.hop.number, W_EDNS_REFUSED))
    if facts.rcode == SERVFAIL:
        bump64(word(m, attempt.hop.number, W_SERVFAIL))
        return JUDGED_NEXT
    bump64(word(m, attempt.hop.number, W_ANSWERED))
    m.kept[3] &= 0xFF ^ FLAG_AD
    answer.message = m.kept
    answer.length = kept
    answer.ad = attempt.hop.trusted and facts.flags & FLAG_AD
    answer.edes = facts.ede
    return JUDGED_GOOD


cdef void answer_all(Misses* m, const Route* route, Hand* hand, uint32_t each, Reply* answer) noexcept nogil:
    """All who waited get their own answer from the one that is cached now. The first one's question is noted.
    """
    cdef Waiter* waiter
    cdef uint32_t following
    cdef int status
    cdef bint first = True
    if answer.message == hand.work.found:
        # What one of them looks up would be written over it.
        memcpy(m.kept, answer.message, answer.length)
        answer.message = m.kept
    while each:
        waiter = m.waiters + each - 1
        following = waiter.next
        if not first:
            note_question(&hand.core, &waiter.x, hand.work)
        first = False
        status = packet_again(&hand.core, &waiter.x, answer, hand.now, hand.ticks, hand.work)
        finish(m, route, hand, waiter, noted(hand.work, status))
        free_waiter(m, waiter)
        each = following


cdef void finish(Misses* m, const Route* route, Hand* hand, Waiter* waiter, int status) noexcept nogil:
    """One of them has an answer, or needs another name's, or must try again."""
    cdef uint8_t reason = PUNT_STALE
    if status == PACKET_ANSWER:
        lane_reply(&hand.lane, &waiter.back, hand.work.out, hand.work.written)
        hand_answered(hand, waiter.came)
        if waiter.x.refresh:
            punt_try(&hand.punts, PUNT_REFRESH, &waiter.x, &waiter.back, waiter.came)
    elif status == PACKET_MISS:
        if waiter.x.stale or misses_take(m, route, hand, &waiter.x, &waiter.back, waiter.came,
                                         &reason) == MISS_PUNT:
            punt_put(&hand.punts, reason, &waiter.x, &waiter.back, waiter.came)
    elif status == PACKET_BUSY:
        punt_put(&hand.punts, PUNT_BUSY, &waiter.x, &waiter.back, waiter.came)
