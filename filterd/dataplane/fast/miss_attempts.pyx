# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from filterd.dataplane.fast.miss_query cimport (
    CHECK_CASE_LOST,
    CHECK_OURS,
    CHECK_WRONG_QUESTION,
    COINS,
    miss_query_check,
    miss_query_write,
)
from filterd.dataplane.tables.atomics cimport bump64, load64, store64
from filterd.dataplane.fast.datagrams cimport PEER_SIZE
from filterd.dataplane.fast.miss_table cimport (
    ATTEMPTS,
    NOBODY,
    attempt_at,
    attempt_ended,
    attempt_find,
    attempt_link,
    attempt_place,
    attempt_unlink,
    first_waiter,
    miss_wait_until,
    places_of,
    tally_word,
)
from filterd.dataplane.packet.stages cimport BUFFER_SIZE, Exchange
from filterd.dataplane.fast.miss_ports cimport (
    NEAR_MISSES,
    NO_PORT,
    Query,
    ports_near,
    ports_open,
    ports_pick,
    ports_queue,
    ports_random,
)
from filterd.dataplane.fast.routes cimport (
    HOPS,
    W_ANSWERED,
    W_CASE_KEPT,
    W_CASE_LOST,
    W_DOUBTED,
    W_EDNS_REFUSED,
    W_EDNS_SPOKEN,
    W_HEARD,
    W_HEARD_AT,
    W_LATE,
    W_MALFORMED,
    W_MICROS,
    W_OUTSTANDING,
    W_REFUSED,
    W_SENT,
    W_SERVFAIL,
    W_UNREACHABLE,
    W_UNREACHABLE_AT,
    W_WITHOUT_EDNS,
    W_WRONG_ID,
    W_WRONG_QUESTION,
    W_WRONG_SOURCE,
    Hop,
)
from filterd.policy.inspect cimport is_too_large
from filterd.wire.codec cimport (
    FLAG_AD,
    FLAG_CD,
    FORMERR,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    OK,
    SERVFAIL,
    YXDOMAIN,
    Upstream,
    get16,
    strip_opt,
)
from filterd.wire.scrub cimport answer_status

from filterd.dataplane.upstream import server_order, health_sharing

cdef enum:
    DRAWS = 8                   # of an id that is not on its way from that socket yet
    FIRST_EXTENDED = 16         # rcodes that stand in OPT (RFC 6891 6.1.3)
    SMALL = 512                 # bytes of a message that takes little time to look into, whatever it holds

cdef int64_t SILENCE_MICROS = round(server_order.SILENCE * 1e6)
# Within five turns the event loop has certainly published a route that knows of it.
cdef int64_t NEWS_MICROS = round(5 * health_sharing.TURN * 1e6)


# ---- asking an upstream ----

cdef bint attempts_next(MissTable* t, Ports* ports, const Route* route, int64_t micros,
                        uint32_t miss) noexcept nogil:
    """An upstream that has just been silent comes after the others, as the next route will say."""
    cdef const Hop* hop
    cdef uint32_t i
    for i in range(route.count):
        hop = &route.hops[i]
        if not fell_silent(t, micros, hop) and may_ask(t, ports, micros, miss, hop):
            return ask(t, ports, micros, miss, hop, hop.edns, False)
    for i in range(route.count):
        hop = &route.hops[i]
        if may_ask(t, ports, micros, miss, hop):
            return ask(t, ports, micros, miss, hop, hop.edns, False)
    return False


cdef bint attempts_again(MissTable* t, Ports* ports, int64_t micros, uint32_t miss,
                         const Attempt* attempt) noexcept nogil:
    cdef Hop hop = attempt.hop      # the attempt's place may be the next one's
    return ask(t, ports, micros, miss, &hop, False, True)


cdef bint may_ask(const MissTable* t, Ports* ports, int64_t micros, uint32_t miss,
                  const Hop* hop) noexcept nogil:
    """True if the upstream was not asked this yet and has room. Of that, too, a client may have no more than
    is left free."""
    return (not was_asked(t.misses + miss - 1, hop.number)
            and (load64(tally_word(t, hop.number, W_OUTSTANDING)) + places_of(t, first_waiter(t, miss))
                 <= hop.outstanding)
            and ports_open(ports, hop.ipv6, micros))


cdef bint fell_silent(const MissTable* t, int64_t micros, const Hop* hop) noexcept nogil:
    """True if a thread found it silent so lately that the event loop may not know yet, and this thread has
    not heard it since."""
    cdef int64_t since = <int64_t>load64(&t.silences.since[hop.number])
    return (since > <int64_t>load64(tally_word(t, hop.number, W_HEARD_AT))
            and micros - since < SILENCE_MICROS + NEWS_MICROS)


cdef bint was_asked(const Miss* miss, uint16_t number) noexcept nogil:
    cdef uint8_t i
    for i in range(miss.asked):
        if miss.numbers[i] == number:
            return True
    return miss.asked == HOPS


cdef bint ask(MissTable* t, Ports* ports, int64_t micros, uint32_t number, const Hop* hop, bint edns,
              bint again) noexcept nogil:
    """Ask an upstream; False: there are no random bits to do it with, or no port."""
    cdef Miss* miss = t.misses + number - 1
    cdef Attempt* attempt = attempt_place(t, number)
    cdef Query* query
    if not draw(t, ports, micros, attempt, &first_waiter(t, number).x, hop, edns, &query):
        return False
    attempt.hop = hop[0]
    attempt.again = again
    attempt.late = attempt.doubted = False
    attempt.sent = micros
    query.id = attempt.id
    query.port = attempt.port
    query.address_length = hop.address_length
    memcpy(query.address, hop.address, PEER_SIZE)
    attempt_link(t, attempt, number)
    if not again:
        miss.numbers[miss.asked] = hop.number
        miss.asked += 1
    bump64(tally_word(t, hop.number, W_SENT))
    miss_wait_until(t, number, micros + SILENCE_MICROS)
    return True


cdef bint draw(const MissTable* t, Ports* ports, int64_t micros, Attempt* attempt, const Exchange* x,
               const Hop* hop, bint edns, Query** query) noexcept nogil:
    """Draw port, id and letter case, and write the query."""
    cdef uint64_t bits
    cdef uint64_t coins[COINS]
    cdef int32_t port
    cdef int words, i
    cdef int _
    for _ in range(DRAWS):
        if not ports_random(ports, &bits):
            return False
        port = ports_pick(ports, hop.ipv6, <uint32_t>(bits >> 32), micros)
        if port == NO_PORT:
            return False
        attempt.port = <uint16_t>port
        attempt.near = ports_near(ports, attempt.port)[0]
        attempt.id = <uint16_t>(bits & 0xFFFF)
        if attempt_find(t, attempt.port, attempt.id) == NOBODY:
            break
    else:
        return False
    words = (x.asked.length + 63) >> 6 if hop.mixed_case else 0
    for i in range(words):
        if not ports_random(ports, &coins[i]):
            return False
    attempt.query.qtype = x.query.qtype
    attempt.query.qclass = x.query.qclass
    attempt.query.dnssec_ok = x.query.dnssec_ok
    attempt.query.checking_disabled = x.query.flags & FLAG_CD != 0
    attempt.query.mixed_case = hop.mixed_case
    attempt.query.edns = edns
    attempt.question_length = x.asked.length + 4
    query[0] = ports_queue(ports)
    query[0].length = miss_query_write(&attempt.query, &x.asked, attempt.id, coins, attempt.question,
                                       &query[0].packet[0])
    return True


# ---- matching a datagram to its attempt (RFC 5452 9) ----

cdef uint32_t attempts_match(MissTable* t, Ports* ports, const Route* route, int64_t micros, uint16_t port,
                             const uint8_t* source, const uint8_t* reply, size_t length,
                             int* check) noexcept nogil:
    cdef uint32_t number = NOBODY
    cdef Attempt* attempt
    if length >= 2:
        number = attempt_find(t, port, get16(reply))
    if number == NOBODY:
        count_stray(t, ports, route, port, source, reply, length)
        return NOBODY
    attempt = attempt_at(t, number)
    if not same_address(source, &attempt.hop):
        bump64(tally_word(t, attempt.hop.number, W_WRONG_SOURCE))
        return NOBODY
    check[0] = miss_query_check(&attempt.query, attempt.id, attempt.question, attempt.question_length,
                                reply, length)
    if check[0] == CHECK_WRONG_QUESTION:
        bump64(tally_word(t, attempt.hop.number, W_WRONG_QUESTION))
        ports_near(ports, port)[0] += 1
        return NOBODY
    # Whichever of the port's questions they were meant for.
    attempt.doubted = ports_near(ports, port)[0] - attempt.near >= <uint32_t>NEAR_MISSES
    attempt_unlink(t, attempt)
    hear(t, micros, attempt)
    return number


cdef uint32_t attempts_undelivered(const MissTable* t, uint16_t port, uint16_t id,
                                   const uint8_t* address) noexcept nogil:
    cdef uint32_t number = attempt_find(t, port, id)
    if number != NOBODY and same_address(address, &attempt_at(t, number).hop):
        return number
    return NOBODY


cdef bint same_address(const uint8_t* address, const Hop* hop) noexcept nogil:
    """Family, port and address; sockaddr_in6 has the flow between the last two."""
    if memcmp(address, hop.address, 4) != 0:
        return False
    if hop.ipv6:
        return memcmp(address + 8, &hop.address[8], 16) == 0
    return memcmp(address + 4, &hop.address[4], 4) == 0


cdef void count_stray(MissTable* t, Ports* ports, const Route* route, uint16_t port, const uint8_t* source,
                      const uint8_t* reply, size_t length) noexcept nogil:
    """Count a datagram with an unknown id for the upstream that it came from, else for the first. One that
    comes late, or twice, is nobody's attempt at a forgery."""
    cdef uint32_t i
    for i in range(route.count):
        if same_address(source, &route.hops[i]):
            if length >= 2 and attempt_ended(t, port, get16(reply)):
                bump64(tally_word(t, route.hops[i].number, W_LATE))
            else:
                bump64(tally_word(t, route.hops[i].number, W_WRONG_ID))
                ports_near(ports, port)[0] += 1
            return
    if route.count:
        bump64(tally_word(t, route.hops[0].number, W_WRONG_SOURCE))


cdef void hear(MissTable* t, int64_t micros, const Attempt* attempt) noexcept nogil:
    cdef uint64_t* sum_of = tally_word(t, attempt.hop.number, W_MICROS)
    store64(sum_of, load64(sum_of) + <uint64_t>max(micros - attempt.sent, 0))
    bump64(tally_word(t, attempt.hop.number, W_HEARD))
    store64(tally_word(t, attempt.hop.number, W_HEARD_AT), <uint64_t>micros)


cdef void attempts_unreachable(MissTable* t, int64_t micros, Attempt* attempt) noexcept nogil:
    attempt_unlink(t, attempt)
    bump64(tally_word(t, attempt.hop.number, W_UNREACHABLE))
    store64(tally_word(t, attempt.hop.number, W_UNREACHABLE_AT), <uint64_t>micros)


cdef void attempts_silent(MissTable* t, Miss* miss) noexcept nogil:
    cdef uint32_t i
    cdef Attempt* attempt
    cdef uint64_t* since
    for i in range(min(miss.tries, <uint32_t>ATTEMPTS)):
        attempt = miss.attempts + i
        if attempt.live and not attempt.late:
            attempt.late = True
            since = &t.silences.since[attempt.hop.number]
            store64(since, max(load64(since), <uint64_t>attempt.sent))


# ---- judging the reply; upstream/peer.py judges those of the event loop ----

cdef int attempts_judge(MissTable* t, const Attempt* attempt, int check, const uint8_t* reply, size_t length,
                        uint8_t* kept, Reply* answer) noexcept nogil:
    if attempt.doubted:
        bump64(tally_word(t, attempt.hop.number, W_DOUBTED))
        return JUDGED_DOUBTED
    if check == CHECK_CASE_LOST:
        bump64(tally_word(t, attempt.hop.number, W_CASE_LOST))
        return JUDGED_OVER_TCP
    if check == CHECK_OURS and attempt.query.mixed_case and has_capitals(attempt):
        bump64(tally_word(t, attempt.hop.number, W_CASE_KEPT))
    if reply[2] & 2:
        return JUDGED_OVER_TCP
    return judge(t, attempt, reply, length, kept, answer)


cdef bint has_capitals(const Attempt* attempt) noexcept nogil:
    cdef int i
    for i in range(attempt.question_length - 4):
        if 65 <= attempt.question[i] <= 90:
            return True
    return False


cdef bint answers(const uint8_t* message, size_t length) noexcept nogil:
    """True if a message answers its question. One that is too large to be judged is refused where it is taken
    in; here it is not looked into."""
    return (length > SMALL and is_too_large(message, length)) or answer_status(message, length) == OK


cdef int judge(MissTable* t, const Attempt* attempt, const uint8_t* reply, size_t length, uint8_t* kept,
               Reply* answer) noexcept nogil:
    """Judge a reply that passed the checks: an answer, or a reason to ask again or elsewhere."""
    cdef Upstream facts
    cdef uint16_t number = attempt.hop.number
    cdef size_t kept_length = 0
    cdef int status = strip_opt(reply, length, kept, BUFFER_SIZE, &kept_length, &facts)
    cdef int rcode = reply[3] & 15
    if attempt.query.edns:
        if (rcode == FORMERR or rcode == NOTIMP) and (status != OK or not facts.has_edns):
            bump64(tally_word(t, number, W_WITHOUT_EDNS))
            return JUDGED_AGAIN
        if get16(reply + 10):
            bump64(tally_word(t, number, W_EDNS_SPOKEN))
    if status != OK:
        bump64(tally_word(t, number, W_MALFORMED))
        return JUDGED_NEXT
    if facts.rcode != SERVFAIL and (facts.rcode >= FIRST_EXTENDED or not answers(kept, kept_length)):
        bump64(tally_word(t, number, W_REFUSED))
        return JUDGED_NEXT
    if attempt.again:
        bump64(tally_word(t, number, W_EDNS_REFUSED))
    if facts.rcode == SERVFAIL:
        bump64(tally_word(t, number, W_SERVFAIL))
        return JUDGED_NEXT
    bump64(tally_word(t, number, W_ANSWERED))
    kept[3] &= 0xFF ^ FLAG_AD
    answer.message = kept
    answer.length = kept_length
    answer.ad = attempt.hop.trusted and facts.flags & FLAG_AD
    answer.edes = facts.ede
    return JUDGED_GOOD


cdef void attempts_unread(MissTable* t, const Attempt* attempt, const uint8_t* reply) noexcept nogil:
    cdef int rcode = reply[3] & 15
    if rcode == SERVFAIL:
        bump64(tally_word(t, attempt.hop.number, W_SERVFAIL))
    elif rcode not in (NOERROR, NXDOMAIN, YXDOMAIN):
        bump64(tally_word(t, attempt.hop.number, W_REFUSED))
    else:
        bump64(tally_word(t, attempt.hop.number, W_ANSWERED))
