# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.tables.atomics cimport bump64
from filterd.dataplane.cache.shard cimport INSERT_KEPT_STALE
from filterd.dataplane.fast.turn cimport turn_answered, turn_go_on
from filterd.dataplane.fast.datagrams cimport PEER_SIZE, datagrams_reply
from filterd.dataplane.fast.miss_table cimport (
    ATTEMPTS,
    MISSES,
    NOBODY,
    Attempt,
    Miss,
    Waiter,
    attempt_at,
    attempt_find,
    first_waiter,
    miss_detach,
    miss_find,
    miss_forget,
    miss_give_up,
    miss_hash,
    miss_is_asking,
    miss_join,
    miss_new,
    miss_table_allocate,
    miss_table_free,
    waiter_free,
    waiter_new,
)
from filterd.dataplane.fast.miss_attempts cimport (
    JUDGED_AGAIN,
    JUDGED_DOUBTED,
    JUDGED_GOOD,
    JUDGED_OVER_TCP,
    attempts_again,
    attempts_judge,
    attempts_match,
    attempts_next,
    attempts_silent,
    attempts_undelivered,
    attempts_unreachable,
    attempts_unread,
)
from filterd.dataplane.packet.stages cimport (
    BUFFER_SIZE,
    PACKET_ANSWER,
    PACKET_BUSY,
    PACKET_MISS,
    Reply,
    note_question,
    noted,
    packet_again,
    packet_keep,
)
from filterd.dataplane.fast.miss_ports cimport (
    CAME,
    AvoidedPorts,
    ports_allocate,
    ports_datagram,
    ports_flush,
    ports_free,
    ports_label,
    ports_length,
    ports_receive,
    ports_source,
    ports_sweep,
    ports_undelivered,
)
from filterd.dataplane.fast.punts cimport (
    PUNT_BUSY,
    PUNT_DOUBTED,
    PUNT_FORWARD,
    PUNT_LOOP,
    PUNT_REFRESH,
    PUNT_STALE,
    PUNT_TRUNCATED,
    PUNT_UNANSWERED,
    punt_put,
    punt_try,
)
from filterd.wire.codec cimport Name

from filterd.dataplane.upstream import probes

cdef enum:
    READS = 4                   # batches that are taken from one socket at one go
    REPLIES = 8                 # replies between two looks at the clock
    MOST_FOR_RENEWALS = MISSES // 4     # questions on their way when no more are asked for nobody

cdef bytes LOOP_CHECK = bytes([len(probes.LABEL) + probes.DIGITS]) + probes.LABEL
cdef const uint8_t* loop_check = LOOP_CHECK     # how the name of a loop check begins
cdef size_t loop_check_size = len(LOOP_CHECK)


cdef bint misses_allocate(Misses* m, int32_t epoll, uint64_t first_event, HopTally* tallies,
                          Silences* silences, const AvoidedPorts* avoided, const Seed* seed) noexcept nogil:
    cdef bint has_ports, has_table
    memset(m, 0, sizeof(Misses))
    has_ports = ports_allocate(&m.ports, epoll, first_event, avoided)
    has_table = miss_table_allocate(&m.table, tallies, silences, seed)
    m.kept = <uint8_t*>calloc(1, BUFFER_SIZE)
    return has_ports and has_table and m.kept != NULL


cdef void misses_free(Misses* m) noexcept nogil:
    ports_free(&m.ports)
    miss_table_free(&m.table)
    free(m.kept)
    memset(m, 0, sizeof(Misses))


# ---- a question comes ----

cdef int misses_take(Misses* m, const Route* route, Turn* turn, const Exchange* x,
                     const ReturnPath* return_path, int64_t came, uint8_t* reason) noexcept nogil:
    cdef uint64_t hash
    cdef uint32_t number
    cdef Waiter* waiter
    reason[0] = PUNT_FORWARD
    if route.count == 0:
        return MISS_PUNT
    if is_loop_check(&x.asked):
        reason[0] = PUNT_LOOP
        return MISS_PUNT
    hash = miss_hash(&m.table, x)
    number = miss_find(&m.table, x, hash)
    waiter = waiter_new(&m.table, x, return_path, came)
    if waiter == NULL:
        bump64(&m.full)
        return MISS_PUNT
    if number:
        bump64(&m.joined)
        miss_join(&m.table, number, waiter)
    elif begin(m, route, turn, waiter, hash):
        bump64(&m.asked)
    else:
        waiter_free(&m.table, waiter)
        bump64(&m.full)
        return MISS_PUNT
    return MISS_TAKEN


cdef void misses_renew(Misses* m, const Route* route, Turn* turn, const Exchange* x,
                       const ReturnPath* return_path, int64_t came) noexcept nogil:
    cdef uint64_t hash
    cdef Waiter* waiter
    if route.count == 0 or is_loop_check(&x.asked):
        punt_try(&turn.punts, PUNT_REFRESH, x, return_path, came)
        return
    hash = miss_hash(&m.table, x)
    if m.table.asking >= MOST_FOR_RENEWALS or miss_find(&m.table, x, hash):
        return
    waiter = waiter_new(&m.table, x, return_path, came)
    if waiter == NULL:
        return
    waiter.for_cache = True
    if begin(m, route, turn, waiter, hash):
        bump64(&m.renewed)
    else:
        waiter_free(&m.table, waiter)


cdef bint is_loop_check(const Name* name) noexcept nogil:
    """True if it may be a loop check of ours that came back; the slow path knows."""
    return name.labels == 1 and memcmp(name.bytes, loop_check, loop_check_size) == 0


cdef bint begin(Misses* m, const Route* route, Turn* turn, const Waiter* waiter,
                uint64_t hash) noexcept nogil:
    """Ask what nobody has asked yet; False: there is no room for it, or no upstream has."""
    cdef uint32_t number = miss_new(&m.table, waiter, hash)
    if number == 0:
        return False
    if attempts_next(&m.table, &m.ports, route, turn.micros, number):
        return True
    miss_detach(&m.table, number)
    return False


# ---- the slow path takes over ----

cdef void punt_all(Misses* m, Turn* turn, uint32_t number, uint8_t reason) noexcept nogil:
    """For all who wait; a renewal where there is room."""
    cdef uint32_t each = miss_detach(&m.table, number)
    cdef uint32_t following
    cdef Waiter* waiter
    while each:
        waiter = m.table.waiters + each - 1
        following = waiter.next
        if waiter.for_cache:
            punt_try(&turn.punts, PUNT_REFRESH, &waiter.x, &waiter.return_path, waiter.came)
        else:
            punt_put(&turn.punts, reason, &waiter.x, &waiter.return_path, waiter.came)
        waiter_free(&m.table, waiter)
        each = following


cdef void go_on(Misses* m, const Route* route, Turn* turn, uint32_t number) noexcept nogil:
    """An upstream will not answer: the next one, or whoever is on the way yet, or the slow path."""
    if (not attempts_next(&m.table, &m.ports, route, turn.micros, number)
            and not miss_is_asking(m.table.misses + number - 1)):
        punt_all(m, turn, number, PUNT_UNANSWERED)


# ---- time passes ----

cdef int64_t misses_tick(Misses* m, const Route* route, Turn* turn) noexcept nogil:
    cdef uint32_t number
    cdef int64_t deadline
    cdef int _
    ports_sweep(&m.ports, turn.micros)
    for _ in range(MISSES):
        number = m.table.soonest
        if number == 0:
            return -1
        deadline = m.table.misses[number - 1].deadline
        if deadline > turn.micros:
            return deadline - turn.micros
        expire(m, route, turn, number)
    return 0


cdef void expire(Misses* m, const Route* route, Turn* turn, uint32_t number) noexcept nogil:
    """All that this miss asked said nothing for 400 ms."""
    cdef Miss* miss = m.table.misses + number - 1
    attempts_silent(&m.table, miss)
    if miss.first == 0:
        miss_forget(&m.table, number)
    elif not attempts_next(&m.table, &m.ports, route, turn.micros, number):
        miss_give_up(&m.table, miss)
        punt_all(m, turn, number, PUNT_UNANSWERED)


cdef void misses_flush(Misses* m, const Route* route, Turn* turn) noexcept nogil:
    cdef uint32_t number, i
    ports_flush(&m.ports)
    while m.ports.failures:
        # Those found here may fail again, with another upstream: each is asked once.
        m.ports.failures -= 1
        i = m.ports.failures
        number = attempt_find(&m.table, m.ports.failed[i].port, m.ports.failed[i].id)
        if number != NOBODY:
            unreachable(m, route, turn, number)
        if m.ports.failures == 0:
            ports_flush(&m.ports)


cdef void unreachable(Misses* m, const Route* route, Turn* turn, uint32_t number) noexcept nogil:
    cdef uint32_t miss = number // ATTEMPTS + 1
    attempts_unreachable(&m.table, turn.micros, attempt_at(&m.table, number))
    if m.table.misses[miss - 1].first:
        go_on(m, route, turn, miss)
    else:
        forget_unless_asking(m, miss)


cdef void forget_unless_asking(Misses* m, uint32_t miss) noexcept nogil:
    """Nobody waits for it: it stays as long as an upstream may yet be heard."""
    if not miss_is_asking(m.table.misses + miss - 1):
        miss_forget(&m.table, miss)


# ---- something came ----

cdef void misses_ready(Misses* m, const Route* route, Turn* turn, uint32_t number) noexcept nogil:
    cdef uint16_t port = ports_label(&m.ports, number)
    cdef int count, reads, i
    for reads in range(READS):
        count = ports_receive(&m.ports, number)
        for i in range(count):
            take_reply(m, route, turn, port, i)
            if i % REPLIES == REPLIES - 1:
                turn_go_on(turn)
        if count == CAME:
            continue
        # Where there was something, errors can wait for their next event.
        if count or reads or not take_errors(m, route, turn, number):
            return


cdef bint take_errors(Misses* m, const Route* route, Turn* turn, uint32_t number) noexcept nogil:
    """Reports that queries could not be delivered, a batch at most; whether there was any."""
    cdef uint8_t address[PEER_SIZE]
    cdef uint16_t id
    cdef uint32_t attempt
    cdef bint found = False
    cdef int status
    cdef int _
    for _ in range(CAME):
        status = ports_undelivered(&m.ports, number, &id, address)
        if status == 0:
            break
        found = True
        if status < 0:
            continue
        attempt = attempts_undelivered(&m.table, ports_label(&m.ports, number), id, address)
        if attempt != NOBODY:
            unreachable(m, route, turn, attempt)
    return found


cdef void take_reply(Misses* m, const Route* route, Turn* turn, uint16_t port, int i) noexcept nogil:
    """One datagram."""
    cdef const uint8_t* reply = ports_datagram(&m.ports, i)
    cdef size_t length = ports_length(&m.ports, i)
    cdef int check = 0
    cdef uint32_t number = attempts_match(&m.table, &m.ports, route, turn.micros, port,
                                          ports_source(&m.ports, i), reply, length, &check)
    if number == NOBODY:
        return
    if m.table.misses[number // ATTEMPTS].first:
        settle(m, route, turn, number, check, reply, length)
    else:
        attempts_unread(&m.table, attempt_at(&m.table, number), reply)
        forget_unless_asking(m, number // ATTEMPTS + 1)


cdef void settle(Misses* m, const Route* route, Turn* turn, uint32_t number, int check, const uint8_t* reply,
                 size_t length) noexcept nogil:
    """Give the exchanges that wait what an upstream's reply means for them."""
    cdef Attempt* attempt = attempt_at(&m.table, number)
    cdef uint32_t miss = number // ATTEMPTS + 1
    cdef Waiter* waiter = first_waiter(&m.table, miss)
    cdef Reply answer
    cdef int judgement
    note_question(&turn.core, &waiter.x, turn.work)
    judgement = attempts_judge(&m.table, attempt, check, reply, length, m.kept, &answer)
    if judgement == JUDGED_GOOD:
        if packet_keep(&turn.core, &waiter.x, &answer, turn.ticks, turn.work) == INSERT_KEPT_STALE:
            answer.message = NULL       # as packet_finish does
        answer_all(m, route, turn, miss_detach(&m.table, miss), &answer)
        return
    noted(turn.work, 0)
    if judgement == JUDGED_OVER_TCP:
        punt_all(m, turn, miss, PUNT_TRUNCATED)
    elif judgement == JUDGED_DOUBTED:
        punt_all(m, turn, miss, PUNT_DOUBTED)
    elif judgement != JUDGED_AGAIN or not attempts_again(&m.table, &m.ports, turn.micros, miss, attempt):
        go_on(m, route, turn, miss)


# ---- and is answered ----

cdef void answer_all(Misses* m, const Route* route, Turn* turn, uint32_t each, Reply* answer) noexcept nogil:
    """All who waited get their own answer from the one that is cached now; the first one's question is noted.
    """
    cdef Waiter* waiter
    cdef uint32_t following
    cdef int status
    cdef bint first = True
    if answer.message == turn.work.found:
        # What one of them looks up would be written over it.
        memcpy(m.kept, answer.message, answer.length)
        answer.message = m.kept
    while each:
        waiter = m.table.waiters + each - 1
        following = waiter.next
        if not first:
            note_question(&turn.core, &waiter.x, turn.work)
        first = False
        if waiter.for_cache:
            noted(turn.work, 0)
        else:
            status = packet_again(&turn.core, &waiter.x, answer, turn.now, turn.ticks, turn.work)
            finish(m, route, turn, waiter, noted(turn.work, status))
        waiter_free(&m.table, waiter)
        each = following


cdef void finish(Misses* m, const Route* route, Turn* turn, Waiter* waiter, int status) noexcept nogil:
    """One of them has an answer, or needs another name's, or must try again."""
    cdef uint8_t reason = PUNT_STALE
    if status == PACKET_ANSWER:
        datagrams_reply(&turn.datagrams, &waiter.return_path, turn.work.out, turn.work.written)
        turn_answered(turn, waiter.came)
        if waiter.x.refresh:
            misses_renew(m, route, turn, &waiter.x, &waiter.return_path, waiter.came)
    elif status == PACKET_MISS:
        if waiter.x.stale or misses_take(m, route, turn, &waiter.x, &waiter.return_path, waiter.came,
                                         &reason) == MISS_PUNT:
            punt_put(&turn.punts, reason, &waiter.x, &waiter.return_path, waiter.came)
    elif status == PACKET_BUSY:
        punt_put(&turn.punts, PUNT_BUSY, &waiter.x, &waiter.return_path, waiter.came)
