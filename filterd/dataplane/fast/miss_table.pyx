# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.addresses cimport is_mapped
from filterd.dataplane.tables.atomics cimport bump64, load64, store64
from filterd.dataplane.tables.hashing cimport keyed_hash
from filterd.dataplane.fast.routes cimport W_OUTSTANDING, W_TIMEOUT
from filterd.wire.codec cimport FLAG_CD


cdef bint miss_table_allocate(MissTable* t, HopTally* tallies, Silences* silences,
                              const Seed* seed) noexcept nogil:
    memset(t, 0, sizeof(MissTable))
    t.tallies = tallies
    t.silences = silences
    t.seed = seed[0]
    # Zeros that nobody has touched yet: pages come with use.
    t.misses = <Miss*>calloc(MISSES, sizeof(Miss))
    t.waiters = <Waiter*>calloc(WAITERS, sizeof(Waiter))
    t.miss_buckets = <uint32_t*>calloc(MISS_BUCKETS, sizeof(uint32_t))
    t.attempt_buckets = <uint32_t*>calloc(ATTEMPT_BUCKETS, sizeof(uint32_t))
    t.ended = <uint32_t*>calloc(ENDED, sizeof(uint32_t))
    t.clients = <uint16_t*>calloc(CLIENTS, sizeof(uint16_t))
    return (t.misses != NULL and t.waiters != NULL and t.miss_buckets != NULL
            and t.attempt_buckets != NULL and t.ended != NULL and t.clients != NULL)


cdef void miss_table_free(MissTable* t) noexcept nogil:
    free(t.misses)
    free(t.waiters)
    free(t.miss_buckets)
    free(t.attempt_buckets)
    free(t.clients)
    free(t.ended)
    memset(t, 0, sizeof(MissTable))


# ---- waiters ----

cdef inline uint32_t waiter_number(const MissTable* t, const Waiter* waiter) noexcept nogil:
    return <uint32_t>(waiter - t.waiters) + 1


cdef Waiter* waiter_new(MissTable* t, const Exchange* x, const ReturnPath* return_path,
                        int64_t came) noexcept nogil:
    """A client may hold no more places than are free; an IPv4 address or an IPv6 /56 is one."""
    cdef size_t length = 16 if is_mapped(x.client) else 7
    cdef uint16_t client = <uint16_t>(keyed_hash(&t.seed, x.client, length, 0) % CLIENTS)
    cdef uint32_t number = t.free_waiter
    cdef Waiter* waiter
    if t.clients[client] >= WAITERS - t.waiting:
        return NULL
    if number:
        t.free_waiter = t.waiters[number - 1].next
    else:
        t.fresh_waiter += 1
        number = t.fresh_waiter
    waiter = t.waiters + number - 1
    memcpy(&waiter.x, x, sizeof(Exchange))
    memcpy(&waiter.return_path, return_path, sizeof(ReturnPath))
    waiter.came = came
    waiter.next = 0
    waiter.client = client
    waiter.for_cache = False
    t.clients[client] += 1
    t.waiting += 1
    return waiter


cdef void waiter_free(MissTable* t, Waiter* waiter) noexcept nogil:
    t.clients[waiter.client] -= 1
    t.waiting -= 1
    waiter.next = t.free_waiter
    t.free_waiter = waiter_number(t, waiter)


# ---- misses by their question ----

cdef uint64_t miss_hash(const MissTable* t, const Exchange* x) noexcept nogil:
    cdef uint64_t rest = <uint64_t>x.query.qtype << 16 | x.query.qclass
    rest |= <uint64_t>(x.query.dnssec_ok != 0) << 32 | <uint64_t>(x.query.flags & FLAG_CD != 0) << 33
    return keyed_hash(&t.seed, x.asked.bytes, x.asked.length, rest)


cdef uint32_t miss_find(const MissTable* t, const Exchange* x, uint64_t hash) noexcept nogil:
    cdef uint32_t number = t.miss_buckets[hash % MISS_BUCKETS]
    cdef const Miss* miss
    while number:
        miss = t.misses + number - 1
        if miss.hash == hash and same_question(x, &t.waiters[miss.first - 1].x):
            break
        number = miss.next
    return number


cdef inline bint same_question(const Exchange* a, const Exchange* b) noexcept nogil:
    return (a.query.qtype == b.query.qtype and a.query.qclass == b.query.qclass
            and (a.query.dnssec_ok != 0) == (b.query.dnssec_ok != 0)
            and a.query.flags & FLAG_CD == b.query.flags & FLAG_CD
            and a.asked.length == b.asked.length
            and memcmp(a.asked.bytes, b.asked.bytes, a.asked.length) == 0)


cdef uint32_t miss_new(MissTable* t, const Waiter* waiter, uint64_t hash) noexcept nogil:
    cdef uint32_t number = t.free_miss
    cdef uint32_t* bucket = t.miss_buckets + hash % MISS_BUCKETS
    cdef Miss* miss
    if t.clients[waiter.client] > MISSES - t.asking:
        return 0
    if number:
        t.free_miss = t.misses[number - 1].next
    else:
        t.fresh_miss += 1
        number = t.fresh_miss
    t.asking += 1
    miss = t.misses + number - 1
    miss.hash = hash
    miss.asked = 0
    miss.tries = 0
    miss.sooner = miss.later = 0
    miss.deadline = 0
    miss.first = miss.last = waiter_number(t, waiter)
    miss.next = bucket[0]
    bucket[0] = number
    return number


cdef void miss_join(MissTable* t, uint32_t number, const Waiter* waiter) noexcept nogil:
    cdef Miss* miss = t.misses + number - 1
    t.waiters[miss.last - 1].next = waiter_number(t, waiter)
    miss.last = waiter_number(t, waiter)


cdef uint32_t miss_detach(MissTable* t, uint32_t number) noexcept nogil:
    cdef Miss* miss = t.misses + number - 1
    cdef uint32_t first = miss.first
    cdef uint32_t* at = t.miss_buckets + miss.hash % MISS_BUCKETS
    while at[0] != number:
        at = &t.misses[at[0] - 1].next
    at[0] = miss.next
    miss.first = miss.last = 0
    if not miss_is_asking(miss):
        miss_forget(t, number)
    return first


cdef void miss_forget(MissTable* t, uint32_t number) noexcept nogil:
    cdef Miss* miss = t.misses + number - 1
    miss_give_up(t, miss)
    unlink_deadline(t, number)
    miss.next = t.free_miss
    t.free_miss = number
    t.asking -= 1


cdef bint miss_is_asking(const Miss* miss) noexcept nogil:
    cdef uint32_t i
    for i in range(min(miss.tries, <uint32_t>ATTEMPTS)):
        if miss.attempts[i].live:
            return True
    return False


cdef void miss_give_up(MissTable* t, Miss* miss) noexcept nogil:
    cdef uint32_t i
    for i in range(min(miss.tries, <uint32_t>ATTEMPTS)):
        if miss.attempts[i].live:
            give_up(t, miss.attempts + i)


# ---- by deadline: each new one is the latest ----

cdef void miss_wait_until(MissTable* t, uint32_t number, int64_t deadline) noexcept nogil:
    cdef Miss* miss = t.misses + number - 1
    unlink_deadline(t, number)
    miss.deadline = deadline
    miss.sooner = t.latest
    miss.later = 0
    if t.latest:
        t.misses[t.latest - 1].later = number
    else:
        t.soonest = number
    t.latest = number


cdef void unlink_deadline(MissTable* t, uint32_t number) noexcept nogil:
    cdef Miss* miss = t.misses + number - 1
    if miss.deadline == 0:
        return
    if miss.sooner:
        t.misses[miss.sooner - 1].later = miss.later
    else:
        t.soonest = miss.later
    if miss.later:
        t.misses[miss.later - 1].sooner = miss.sooner
    else:
        t.latest = miss.sooner
    miss.deadline = 0


# ---- attempts by port and id ----

cdef inline uint32_t* attempt_bucket(const MissTable* t, uint16_t port, uint16_t id) noexcept nogil:
    """Ids are random and nobody's choice: they need no hash."""
    return t.attempt_buckets + ((id ^ <uint32_t>port << 9) % ATTEMPT_BUCKETS)


cdef uint32_t attempt_find(const MissTable* t, uint16_t port, uint16_t id) noexcept nogil:
    cdef uint32_t number = attempt_bucket(t, port, id)[0]
    cdef const Attempt* attempt
    while number:
        attempt = attempt_at(t, number - 1)
        if attempt.id == id and attempt.port == port:
            return number - 1
        number = attempt.next
    return NOBODY


cdef inline uint32_t* ended_place(const MissTable* t, uint32_t word) noexcept nogil:
    return t.ended + (word ^ word >> 16) % ENDED


cdef bint attempt_ended(const MissTable* t, uint16_t port, uint16_t id) noexcept nogil:
    cdef uint32_t word = <uint32_t>port << 16 | id
    return ended_place(t, word)[0] == word


cdef Attempt* attempt_place(MissTable* t, uint32_t miss) noexcept nogil:
    cdef Miss* mine = t.misses + miss - 1
    cdef Attempt* attempt = mine.attempts + mine.tries % ATTEMPTS
    if mine.tries >= ATTEMPTS and attempt.live:
        give_up(t, attempt)
    return attempt


cdef void attempt_link(MissTable* t, Attempt* attempt, uint32_t miss) noexcept nogil:
    cdef uint32_t* bucket = attempt_bucket(t, attempt.port, attempt.id)
    t.misses[miss - 1].tries += 1
    attempt.live = True
    attempt.next = bucket[0]
    bucket[0] = (miss - 1) * ATTEMPTS + <uint32_t>(attempt - t.misses[miss - 1].attempts) + 1
    bump64(tally_word(t, attempt.hop.number, W_OUTSTANDING))


cdef void attempt_unlink(MissTable* t, Attempt* attempt) noexcept nogil:
    cdef uint32_t* at = attempt_bucket(t, attempt.port, attempt.id)
    cdef uint64_t* outstanding = tally_word(t, attempt.hop.number, W_OUTSTANDING)
    cdef uint32_t word = <uint32_t>attempt.port << 16 | attempt.id
    while attempt_at(t, at[0] - 1) != attempt:
        at = &attempt_at(t, at[0] - 1).next
    at[0] = attempt.next
    attempt.live = False
    ended_place(t, word)[0] = word
    store64(outstanding, load64(outstanding) - 1)


cdef void give_up(MissTable* t, Attempt* attempt) noexcept nogil:
    """Nothing that comes for it counts any more."""
    attempt_unlink(t, attempt)
    bump64(tally_word(t, attempt.hop.number, W_TIMEOUT))
