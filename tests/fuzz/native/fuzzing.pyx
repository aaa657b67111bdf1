# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Four fuzz targets over the native core, driven by libFuzzer. Built by .ci/fuzz, never part of filterd.

``query``: a packet as a client's, perhaps behind a front's PROXY header. ``answer``: a packet as an
upstream's, to a query of a thread and to others. ``packet``: whole exchanges, in the form that
``tests/fuzz/exchanges.py`` describes, over UDP in the steps of a thread's batch. ``lines``: the same, and the
answers of one client are compared with those of others. Each input is copied to memory of its own exact size,
so that AddressSanitizer sees a read behind its end. Each answer is checked: it can be walked to its end,
echoes id and question, and keeps to its limit. A check that fails aborts, and libFuzzer saves the input.
"""

import sys

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.fast.miss_query cimport (
    MISS_QUERY_SIZE,
    CHECK_CASE_LOST,
    CHECK_OURS,
    CHECK_WRONG_ID,
    COINS,
    QUESTION_SIZE,
    MissQuery,
    miss_query_check,
    miss_query_write,
)
from filterd.dataplane.cache.cache cimport cache_flush
from filterd.dataplane.packet.stages cimport (
    BUFFER_SIZE,
    DROP_UNANSWERABLE,
    MAX_ROUNDS,
    PACKET_ANSWER,
    PACKET_MISS,
    PACKET_OPEN,
    OUTCOMES,
    REASONS,
    Ahead,
    Core,
    Exchange,
    Reply,
    Workspace,
    guarded_open,
    guarded_receive,
    guarded_take,
    packet_fetch_answer,
    packet_fetch_entry,
    packet_finish,
    packet_keep,
    packet_look,
    packet_stale,
)
from filterd.dataplane.packet.plane cimport Plane
from filterd.dataplane.packet.identify cimport MAX_IDS, WHO_LINE, Ids, identify, ids_of_query
from filterd.dataplane.packet.plain cimport PLAIN_QUERY, PLAIN_REFUSED, PLAIN_SIZE, plain_query
from filterd.policy.decide cimport (
    OUTCOME_BLOCK,
    OUTCOME_PASS,
    REASON_LOCAL,
    REASON_MANDATORY,
    REASON_NONE,
    REASON_SECURITY,
    REASON_SPECIAL_USE,
    Line,
    PublishedState,
    State,
    Verdict,
    awaits_lists,
    decide,
)
from filterd.policy.inspect cimport (
    INSPECT_OK,
    INSPECT_TOO_LARGE,
    Inspected,
    Union,
    inspect,
    is_too_large,
    union_of,
)
from filterd.wire.codec cimport (
    MAX_TLV,
    BADVERS,
    END,
    FORMERR,
    HEADER_SIZE,
    NOT_AN_ANSWER,
    NOT_A_QUERY,
    OK,
    REFUSED,
    SERVFAIL,
    EdeList,
    Lifetime,
    Name,
    Query,
    Record,
    Service,
    Upstream,
    Walk,
    get16,
    lifetime,
    parse_query,
    put16,
    read_name,
    service_hint,
    service_start,
    strip_opt,
    walk_next,
    walk_start,
)
from filterd.wire.proxy cimport PROXY_INCOMPLETE, PROXY_OK, ProxySource, read_proxy
from filterd.wire.scrub cimport answer_status, scrub
from filterd.wire.ech cimport EchCut, find_ech
from filterd.wire.respond cimport (
    AnswerOptions,
    add_ede,
    default_options,
    respond_answer,
    respond_blocked,
    respond_error,
    respond_local,
    respond_malformed,
    respond_rewrite,
    respond_text,
    respond_truncated,
    udp_limit,
)

cdef extern from * nogil:
    """
    typedef int (*OneInput)(const uint8_t *data, size_t size);
    int LLVMFuzzerRunDriver(int *argc, char ***argv, OneInput one);
    """
    ctypedef int (*OneInput)(const uint8_t* data, size_t size) noexcept nogil
    int LLVMFuzzerRunDriver(int* argc, char*** argv, OneInput one)

cdef enum:
    MESSAGE = 65535
    EXCHANGE_HEAD = 4           # bytes before the query in an input of the targets `packet` and `lines`
    NOW = 1_800_000_000         # Unix seconds; what tests/fuzz/world.py is made for
    CLIENTS = 16                # at most
    QUERY_END = 512             # a longer question of the target `answer` is left alone

cdef enum:                      # how an exchange goes: tests/fuzz/exchanges.py
    TCP = 1
    PROXIED = 2
    IMPATIENT = 4
    SILENT = 8
    AUTHENTIC = 16
    FRONT = 8                   # in clients: who passed it on, whose identities are believed
    IDENTITY_TLV = 0xE0
    STATES = 4                  # of the target `lines`

cdef enum:                      # sets of reasons
    MANDATORY_ALONE = 1 << REASON_MANDATORY
    COMMON_REASONS = (1 << REASON_NONE | 1 << REASON_LOCAL | 1 << REASON_MANDATORY | 1 << REASON_SPECIAL_USE
                      | 1 << REASON_SECURITY)

cdef struct Input:              # of the targets `packet` and `lines`
    uint8_t how
    uint8_t who
    uint8_t* packet
    size_t length
    uint8_t* rest               # what an upstream says
    size_t rest_size
    uint8_t* raw                # room for its message
    uint8_t* kept               # and for that without OPT

cdef struct Seen:               # what a client got
    Exchange x
    bint answered
    size_t length
    uint32_t reasons            # a set
    bint blocked
    uint8_t out[BUFFER_SIZE]

cdef const uint8_t* ECHO = b"resolver-1"
cdef const uint8_t* SAFE_HOST = b"\x04safe\x07example\x00"
cdef uint16_t[4] RCODES = [FORMERR, SERVFAIL, REFUSED, BADVERS]
cdef Core* core = NULL
cdef Workspace* work = NULL
cdef int64_t clock = 1000
cdef uint8_t clients[CLIENTS][16]
cdef int client_count = 0
cdef const State* states[STATES]
cdef Seen seen[4]


cdef void must(bint holds, int line) noexcept nogil:
    """Ends the run where something does not hold; ``line`` says what, in this file."""
    if not holds:
        fprintf(stderr, "fuzzing.pyx: check %d does not hold\n", line)
        abort()


cdef uint8_t* copy_of(const uint8_t* data, size_t size) noexcept nogil:
    """The same bytes in memory of exactly that size; to be freed."""
    cdef uint8_t* made = <uint8_t*> malloc(size if size else 1)
    must(made != NULL, 1)
    memcpy(made, data, size)
    return made


cdef bint walks(const uint8_t* message, size_t length) noexcept nogil:
    """True if the records can be read to the message's very end; reads each service's hints too."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef Service service
    cdef uint8_t family = 0
    cdef const uint8_t* address = NULL
    cdef int status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if (status == OK and record.type in (64, 65)
                and service_start(message, length, &record, &service) == OK):
            while service_hint(&service, &family, &address) == OK:
                must(address >= message and address + (4 if family == 4 else 16) <= message + length, 2)
    return status == END and walk.offset == length


# ---- what a client sends ----

cdef void check_built(const Query* query, const uint8_t* out, size_t length, size_t limit) noexcept nogil:
    """An answer to that query: readable, within its limit, for the question that was sent, and an answer."""
    cdef Query again
    must(length >= HEADER_SIZE and length <= limit, 3)
    must(get16(out) == query.id, 4)
    must(out[2] & 0x80 != 0, 5)
    must(parse_query(out, length, &again) == NOT_A_QUERY, 6)
    if get16(out + 4) == 1:
        must(length >= HEADER_SIZE + query.question_length, 7)
        must(memcmp(out + HEADER_SIZE, query.question, query.question_length) == 0, 8)
    must(walks(out, length), 9)


cdef size_t build(int which, const Query* query, const AnswerOptions* options, uint8_t* out,
                  size_t capacity) noexcept nogil:
    """One of the answers that are made here."""
    if which < 4:
        return respond_error(query, RCODES[which], options, out, capacity)
    if which < 16:
        return respond_blocked(query, <uint8_t>((which - 4) % 4), <uint8_t>((which - 4) // 4), options, out,
                               capacity)
    if which < 19:
        return respond_local(query, <uint8_t>(which - 16), 0, options, out, capacity)
    if which == 19:
        return respond_text(query, ECHO, 10, options, out, capacity)
    return respond_truncated(query, options, out, capacity)


cdef void check_plain(const uint8_t* packet, size_t size) noexcept nogil:
    """Reduced mode: what is plain is a sound query, what is refused a sound answer of no more bytes."""
    cdef uint8_t out[PLAIN_SIZE]
    cdef Query query
    cdef size_t written = 0, question = 0
    cdef int status = plain_query(packet, size, out, &written, &question)
    must(written <= PLAIN_SIZE and (status > PLAIN_REFUSED or written >= HEADER_SIZE + question), 26)
    if status == PLAIN_QUERY:
        must(parse_query(out, written, &query) == OK and query.question_length == question, 27)
    elif status == PLAIN_REFUSED:
        must(written <= size and parse_query(out, written, &query) == NOT_A_QUERY and walks(out, written), 28)


cdef size_t behind_proxy(const uint8_t* packet, size_t size) noexcept nogil:
    """The start of the message: behind a PROXY header, which lies inside the packet as a whole."""
    cdef ProxySource source
    cdef ProxySource cut
    if read_proxy(packet, size, IDENTITY_TLV, &source) != PROXY_OK:
        return 0
    if source.tlv_length:
        must(source.tlv > packet and source.tlv + source.tlv_length <= packet + source.length, 48)
        must(source.tlv_length <= MAX_TLV, 49)
    must(source.length >= 16 and source.length <= size, 33)
    must(read_proxy(packet, source.length, 0, &cut) == PROXY_OK and cut.length == source.length, 34)
    must(read_proxy(packet, source.length - 1, 0, &cut) == PROXY_INCOMPLETE, 35)
    return source.length


cdef void check_ids(const Query* query) noexcept nogil:
    """Check that all identities in the options are read, and that there is room for them and one more."""
    cdef Ids ids
    ids.count = ids.from_edns = 0
    ids_of_query(core.state.key, query, &ids)
    must(ids.count < MAX_IDS and ids.count == ids.from_edns, 50)


cdef int one_query(const uint8_t* data, size_t size) noexcept nogil:
    cdef uint8_t* packet
    cdef uint8_t* whole
    cdef uint8_t* out
    cdef Query query
    cdef AnswerOptions options
    cdef size_t written, capacity
    cdef int status
    if size < 1 or size > MESSAGE:
        return 0
    capacity = 65535 if data[0] & 1 else 512 + 2 * data[0]
    packet = whole = copy_of(data + 1, size - 1)
    out = <uint8_t*> malloc(capacity)
    must(out != NULL, 10)
    packet += behind_proxy(whole, size - 1)
    size -= 1 + (packet - whole)
    check_plain(packet, size)
    status = parse_query(packet, size, &query)
    if status == OK:
        check_ids(&query)
    default_options(&options)
    options.limit = 512 if data[0] & 2 else 1232
    if capacity < options.limit:
        options.limit = <uint32_t> capacity
    options.nsid = ECHO
    options.nsid_length = 10
    options.has_ipv4 = (data[0] & 4) != 0
    add_ede(&options, 16, NULL, 0)
    add_ede(&options, 17, ECHO, 10)
    if size < HEADER_SIZE or packet[2] & 0x80:
        must(status != OK, 11)
    elif status != OK:
        must(status != NOT_A_QUERY, 13)
        check_built(&query, out, respond_malformed(&query, status, &options, out, capacity), options.limit)
    else:
        must(query.question_length > 4 and query.name.length > 0, 14)
        for which in range(21):
            written = build(which, &query, &options, out, capacity)
            check_built(&query, out, written, options.limit)
    free(out)
    free(whole)
    return 0


# ---- what an upstream sends ----

cdef size_t question_query(const uint8_t* message, size_t length, uint8_t* out) noexcept nogil:
    """Write the query that an answer claims to answer, RD and DO set: its length; 0 without a question."""
    cdef Name name
    cdef size_t end = HEADER_SIZE
    if get16(message + 4) != 1 or read_name(message, length, &end, &name) != OK or end + 4 > length:
        return 0
    if end + 4 > QUERY_END:
        return 0
    end += 4
    memcpy(out, message, end)
    memset(out + 2, 0, 10)
    out[2] = 1
    out[5] = 1
    out[11] = 1
    memset(out + end, 0, 11)
    put16(out + end + 1, 41)
    put16(out + end + 3, 1232)
    out[end + 7] = 0x80
    return end + 11


cdef bint has_ech(const uint8_t* message, size_t length) noexcept nogil:
    """True if a service has ECH, or cannot be read."""
    cdef Walk walk
    cdef Record record
    cdef EchCut cut
    cdef int status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, NULL)
        if status == OK and record.type in (64, 65):
            if find_ech(message, length, &record, &cut) != OK or cut.end:
                return True
    return False


cdef void pass_on(const uint8_t* kept, size_t length, uint8_t how) noexcept nogil:
    """The stripped answer, given to the client that asked its question."""
    cdef uint8_t asked[QUERY_END + 16]
    cdef Query query
    cdef AnswerOptions options
    cdef Name target
    cdef size_t at = 0, written
    cdef uint8_t* out
    cdef size_t size = question_query(kept, length, asked)
    if size == 0 or parse_query(asked, size, &query) != OK:
        return
    out = <uint8_t*> malloc(MESSAGE)
    must(out != NULL, 15)
    default_options(&options)
    options.limit = 512 if how & 1 else (1232 if how & 2 else MESSAGE)
    options.age = how
    if how & 4:
        options.ttl_cap = 300
    add_ede(&options, 3, NULL, 0)
    written = respond_answer(&query, kept, length, &options, out, MESSAGE)
    check_built(&query, out, written, options.limit)
    must(read_name(SAFE_HOST, 14, &at, &target) == OK, 16)
    written = respond_rewrite(&query, &target, kept, length, &options, out, MESSAGE)
    check_built(&query, out, written, options.limit)
    options.strip_ech = True
    written = respond_answer(&query, kept, length, &options, out, MESSAGE)
    check_built(&query, out, written, options.limit)
    must(not has_ech(out, written), 57)
    written = respond_rewrite(&query, &target, kept, length, &options, out, MESSAGE)
    check_built(&query, out, written, options.limit)
    must(not has_ech(out, written), 58)
    free(out)


cdef void scrubs(const uint8_t* kept, size_t length) noexcept nogil:
    """Check a scrubbed answer: it can be read, has the same question, and has nothing left to scrub."""
    cdef uint8_t* out = <uint8_t*> malloc(MESSAGE)
    cdef uint8_t* again = <uint8_t*> malloc(MESSAGE)
    cdef size_t left = 0, more = 0
    cdef EdeList edes
    cdef int status
    edes.count = 0
    must(out != NULL and again != NULL, 29)
    status = scrub(kept, length, out, MESSAGE, &left, &edes)
    must((status == NOT_AN_ANSWER) == (answer_status(kept, length) == NOT_AN_ANSWER), 33)
    if status == OK and left:
        must(left <= MESSAGE and walks(out, left), 30)
        must(memcmp(out, kept, 6) == 0, 31)
        must(scrub(out, left, again, MESSAGE, &more, &edes) == OK and more == 0, 32)
    free(out)
    free(again)


cdef void look_into(const uint8_t* kept, size_t length) noexcept nogil:
    """Inspection, the union of classes and the lifetime: none may fail on what was stripped."""
    cdef Lifetime lives
    cdef Verdict verdict
    cdef Inspected answer
    cdef Union united
    must(walks(kept, length), 17)
    scrubs(kept, length)
    must(lifetime(kept, length, &lives) == OK, 18)
    memset(&verdict, 0, sizeof(Verdict))
    if core != NULL and core.state != NULL:
        answer.message = kept
        answer.length = length
        answer.own_allow = answer.is_protected = answer.rewritten = answer.excepted = False
        answer.hot = NULL
        if inspect(core.state, NULL, &answer, NOW, &verdict, NULL) == INSPECT_TOO_LARGE:
            must(is_too_large(kept, length), 56)
        union_of(core.state, kept, length, &united)


cdef void check_asked(const uint8_t* message, size_t length, uint8_t how) noexcept nogil:
    """Check the message as a datagram to a thread that has asked its question, or another one: a thread
    believes only what has its very question."""
    cdef MissQuery form
    cdef Name name
    cdef Query query
    cdef uint8_t question[QUESTION_SIZE]
    cdef uint8_t sent[MISS_QUERY_SIZE]
    cdef uint64_t coins[COINS]
    cdef size_t end = HEADER_SIZE, size
    cdef uint16_t id
    cdef int check, i
    if length < 2:
        return
    id = get16(message)
    if length < HEADER_SIZE or read_name(message, length, &end, &name) != OK or end + 4 > length:
        end = 0
        must(read_name(SAFE_HOST, 14, &end, &name) == OK, 49)
        form.qtype = form.qclass = 1
    else:
        form.qtype = get16(message + end)
        form.qclass = get16(message + end + 2)
    for i in range(COINS):
        coins[i] = how * <uint64_t> 0x0101010101010101
    form.mixed_case = (how & 1) != 0
    form.edns = (how & 2) != 0
    form.dnssec_ok = (how & 4) != 0
    form.checking_disabled = (how & 8) != 0
    size = miss_query_write(&form, &name, id, coins, question, sent)
    must(size <= MISS_QUERY_SIZE and parse_query(sent, size, &query) == OK, 50)
    must(query.name.length == name.length and memcmp(query.name.bytes, name.bytes, name.length) == 0, 51)
    check = miss_query_check(&form, id, question, name.length + 4, message, length)
    must(check != CHECK_WRONG_ID, 52)
    if check == CHECK_OURS or check == CHECK_CASE_LOST:
        must(length >= HEADER_SIZE + name.length + 4 and message[2] & 0x80 != 0, 53)
        must(check == CHECK_OURS or form.mixed_case, 54)
    must(miss_query_check(&form, id ^ 1, question, name.length + 4, message, length) == CHECK_WRONG_ID, 55)


cdef int one_answer(const uint8_t* data, size_t size) noexcept nogil:
    cdef uint8_t* message
    cdef uint8_t* out
    cdef uint8_t* kept
    cdef Upstream facts
    cdef size_t length = 0, again = 0
    if size < 1 or size > MESSAGE:
        return 0
    message = copy_of(data + 1, size - 1)
    out = <uint8_t*> malloc(MESSAGE)
    must(out != NULL, 19)
    walks(message, size - 1)
    check_asked(message, size - 1, data[0])
    if strip_opt(message, size - 1, out, MESSAGE, &length, &facts) == OK:
        must(length >= HEADER_SIZE and length <= MESSAGE, 20)
        kept = copy_of(out, length)
        must(strip_opt(kept, length, out, MESSAGE, &again, &facts) == OK, 21)
        must(again == length and memcmp(out, kept, length) == 0, 22)
        look_into(kept, length)
        pass_on(kept, length, data[0])
        free(kept)
    free(out)
    free(message)
    return 0


# ---- whole exchanges ----

cdef size_t answer_for(const Exchange* x, const uint8_t* rest, size_t size, uint8_t* out,
                       size_t capacity) noexcept nogil:
    """Write the upstream's side of an input as an answer to what is asked; 0 where there is no room."""
    cdef size_t name = x.asked.length
    if size < 8 or HEADER_SIZE + name + 4 + size - 8 > capacity:
        return 0
    put16(out, x.query.id)
    out[2] = rest[0] | 0x80
    out[3] = rest[1]
    put16(out + 4, 1)
    memcpy(out + 6, rest + 2, 6)
    memcpy(out + HEADER_SIZE, x.asked.bytes, name)
    put16(out + HEADER_SIZE + name, x.query.qtype)
    put16(out + HEADER_SIZE + name + 2, x.query.qclass)
    memcpy(out + HEADER_SIZE + name + 4, rest + 8, size - 8)
    return HEADER_SIZE + name + 4 + size - 8


cdef uint8_t* upstream_says(const Exchange* x, const Input* given, Reply* reply) noexcept nogil:
    """Fill the reply with the answer of the input's upstream: its message, to be freed, or NULL."""
    cdef Upstream facts
    cdef size_t length = answer_for(x, given.rest, given.rest_size, given.raw, BUFFER_SIZE)
    cdef uint8_t* message = NULL
    memset(reply, 0, sizeof(Reply))
    if not length or given.how & SILENT:
        return NULL
    if strip_opt(given.raw, length, given.kept, BUFFER_SIZE, &reply.length, &facts) != OK:
        return NULL
    message = copy_of(given.kept, reply.length)
    reply.message = message
    reply.ad = (given.how & AUTHENTIC) != 0
    reply.edes = facts.ede
    return message


cdef int go_on(Exchange* x, const Input* given) noexcept nogil:
    """One turn of forwarding: what the client gets, and perhaps what is then kept for the next one."""
    cdef Reply reply
    cdef uint8_t* message
    cdef int status = PACKET_MISS
    message = upstream_says(x, given, &reply)
    if given.how & IMPATIENT and x.stale:
        status = packet_stale(core, x, NOW, clock, work)
    if status == PACKET_ANSWER:
        packet_keep(core, x, &reply, clock, work)
        x.rewrite = True        # it may be a safe host's answer: what is stale was answered by a copy of x
    else:
        status = packet_finish(core, x, &reply, NOW, clock, work)
    free(message)
    return status


cdef void renew(Exchange* x, const Input* given) noexcept nogil:
    """Ask again, for the cache alone, for what the answer came from."""
    cdef Reply reply
    cdef uint8_t* message = upstream_says(x, given, &reply)
    packet_keep(core, x, &reply, clock, work)
    free(message)


cdef void check_answer(const Exchange* x, const uint8_t* out, size_t length) noexcept nogil:
    """Within the client's limit and, if it spoke no EDNS, without OPT."""
    cdef Walk walk
    cdef Record record
    check_built(&x.query, out, length, 65535 if x.tcp else udp_limit(&x.query))
    must(walk_start(out, length, &walk) == OK, 37)
    while walk_next(&walk, &record, NULL) == OK:
        must(record.type != 41 or x.query.has_edns, 38)


cdef void check_passes(const Exchange* x, const uint8_t* out, size_t length) noexcept nogil:
    """Check that the answer would pass inspection once more, for the same line on the same state."""
    cdef Verdict verdict
    cdef Inspected answer
    cdef int status
    cdef Line mine
    cdef const Line* line = &mine
    cdef uint8_t method
    if get16(out + 6) == 0:
        return
    # A client whose choices are not known yet gets the rules for all, and ``mine`` says nothing.
    if (identify(core.state, &core.known, x.client, x.port, &x.ids, clock, &mine, &method) != WHO_LINE
            or awaits_lists(core.state, line, NOW)):
        line = NULL
    decide(core.state, line, &x.query.name, x.query.qtype, NOW, &verdict, NULL)
    if verdict.outcome != OUTCOME_BLOCK:
        answer.message = out
        answer.length = length
        answer.own_allow = verdict.own_allow
        answer.is_protected = verdict.is_protected
        answer.excepted = verdict.excepted
        answer.rewritten = x.rewrite
        answer.hot = NULL
        status = inspect(core.state, line, &answer, NOW, &verdict, NULL)
        if status == INSPECT_TOO_LARGE and x.rewrite:
            return      # the alias to a safe host comes on top of what the host's own answer takes
        must(status == INSPECT_OK, 46)
        must(verdict.outcome == OUTCOME_PASS, 47)


cdef void client_of(int number, uint8_t* address) noexcept nogil:
    memcpy(address, clients[number % client_count], 16)


cdef int receive(const Input* given, Exchange* x) noexcept nogil:
    """All that comes before a wait: over UDP in the steps of a batch, which looks ahead."""
    cdef Ahead ahead
    cdef int status
    if x.tcp:
        return guarded_receive(core, given.packet, given.length, x, NOW, clock, work)
    status = guarded_open(core, given.packet, given.length, x, NOW, work)
    if status != PACKET_OPEN:
        return status
    packet_look(core, x, &ahead)
    packet_fetch_entry(core, &ahead)
    packet_fetch_answer(core, &ahead)
    return guarded_take(core, x, &ahead, NOW, clock, work)


cdef int exchange(const Input* given, int number, Exchange* x) noexcept nogil:
    """The query's way to its answer, in work.out; whether there is one."""
    cdef int turns = 0, status
    cdef uint64_t unanswerable = core.counters.drops[DROP_UNANSWERABLE]
    memset(x, 0, sizeof(Exchange))
    client_of(number, x.client)
    x.tcp = (given.how & TCP) != 0
    x.proxied = (given.how & PROXIED) != 0
    if x.proxied:               # its identity is the end of the packet
        client_of(FRONT, x.front)
        x.tlv_length = min(given.length, <size_t> 12)
        x.tlv = given.packet + given.length - x.tlv_length
    x.milliseconds = clock
    status = receive(given, x)
    while status == PACKET_MISS:
        turns += 1
        must(turns <= MAX_ROUNDS, 23)
        status = go_on(x, given)
    must(core.counters.drops[DROP_UNANSWERABLE] == unanswerable, 24)
    if status != PACKET_ANSWER:
        return False
    check_answer(x, work.out, work.written)
    check_passes(x, work.out, work.written)
    return True


cdef bint open_input(const uint8_t* data, size_t size, Input* given) noexcept nogil:
    """Takes an input apart, each part in memory of its own; False for too few bytes."""
    if size < EXCHANGE_HEAD:
        return False
    given.how = data[0]
    given.who = data[1]
    given.length = min(<size_t> get16(data + 2), size - EXCHANGE_HEAD)
    given.rest_size = size - EXCHANGE_HEAD - given.length
    given.packet = copy_of(data + EXCHANGE_HEAD, given.length)
    given.rest = copy_of(data + EXCHANGE_HEAD + given.length, given.rest_size)
    given.raw = <uint8_t*> malloc(BUFFER_SIZE)
    given.kept = <uint8_t*> malloc(BUFFER_SIZE)
    must(given.raw != NULL and given.kept != NULL, 25)
    return True


cdef void close_input(Input* given) noexcept nogil:
    free(given.packet)
    free(given.rest)
    free(given.raw)
    free(given.kept)


cdef int one_packet(const uint8_t* data, size_t size) noexcept nogil:
    """The query from two clients, the second of whom may get what was cached for the first."""
    global clock
    cdef Input given
    cdef Exchange x
    cdef int turn
    if not open_input(data, size, &given):
        return 0
    for turn in range(2):
        if exchange(&given, given.who >> 4 * turn & 15, &x) and x.refresh:
            renew(&x, &given)
        clock += 1 << 3 * (given.how >> 5)
    close_input(&given)
    return 0


# ---- lines beside each other ----

cdef bint alike(const Seen* a, const Seen* b) noexcept nogil:
    return a.answered == b.answered and a.length == b.length and memcmp(a.out, b.out, a.length) == 0


cdef void see(const Input* given, int number, Seen* out) noexcept nogil:
    """One exchange of that client, and which reasons it was decided for."""
    cdef int i
    cdef uint64_t before[OUTCOMES * REASONS]
    memcpy(before, core.counters.verdicts, sizeof(before))
    out.answered = exchange(given, number, &out.x)
    out.length = work.written if out.answered else 0
    memcpy(out.out, work.out, out.length)
    out.reasons = 0
    out.blocked = False
    for i in range(OUTCOMES * REASONS):
        if core.counters.verdicts[i] != before[i]:
            out.reasons |= 1 << i % REASONS
            out.blocked = out.blocked or i // REASONS == OUTCOME_BLOCK


cdef void alone(const Input* given, int number, Seen* out) noexcept nogil:
    """The same with nothing in the cache."""
    cdef Name root
    memset(&root, 0, sizeof(Name))
    root.length = 1
    cache_flush(core.cache, &root, True)
    see(given, number, out)


cdef void check_line(const Input* given, int number, const Seen* seen) noexcept nogil:
    """Check what a line must not see: AD that no upstream set, filtering that it did not ask for, and TTLs
    that outlive its choices."""
    cdef Walk walk
    cdef Record record
    cdef bint opted_in = number in (1, 4, 5, 6, 7, 10) and core.state.parental_ready
    if not seen.answered:
        return
    must(given.how & AUTHENTIC or seen.out[3] & 0x20 == 0, 39)
    if number in (0, 2) or number >= 9 and number != 10:
        must(seen.reasons & ~COMMON_REASONS == 0, 40)
    must(walk_start(seen.out, seen.length, &walk) == OK, 41)
    while walk_next(&walk, &record, NULL) == OK:
        must(record.type == 41 or record.ttl <= <uint32_t> (300 if opted_in else 86400), 42)


cdef int one_lines(const uint8_t* data, size_t size) noexcept nogil:
    """Whoever asked before, and whichever state was in force then, a client gets what it gets alone; what is
    mandatory holds for every line; a line that asked for nothing is like no line."""
    cdef Input given
    cdef int first, second
    if not open_input(data, size, &given):
        return 0
    first = (given.who & 15) % client_count
    second = (given.who >> 4) % client_count
    core.state = states[0]
    alone(&given, first, &seen[0])
    core.state = states[(given.how >> 5) % STATES]
    see(&given, second, &seen[1])
    alone(&given, second, &seen[2])
    must(alike(&seen[1], &seen[2]), 43)
    check_line(&given, second, &seen[1])
    if second < 9 and core.state.parental_ready:
        alone(&given, 0, &seen[3])
        if seen[3].reasons & MANDATORY_ALONE and not seen[1].x.rewrite and not seen[1].x.by_subnet:
            must(seen[1].blocked, 44)
        if second == 2 and not seen[1].x.has_cookie:
            must(alike(&seen[1], &seen[3]), 45)
    close_input(&given)
    return 0


TARGETS = ("query", "answer", "packet", "lines")


cdef int know(Plane packets, published, addresses) except -1:
    """Set the clients, and the state that they meet."""
    global core, work, client_count
    cdef bytes address
    cdef PublishedState state
    if len(addresses) > CLIENTS:
        raise ValueError(f"there is room for {CLIENTS} clients")
    for address in addresses:
        memcpy(clients[client_count], <const char*> address, 16)
        client_count += 1
    core = &packets.core
    work = packets.work
    for at, state in enumerate(published[:STATES]):
        states[<int> at] = &state.state
    return 0


def run(target, list arguments, served, addresses):
    """Give this process to libFuzzer, which ends it; ``arguments`` are those of its command line, ``served``
    and ``addresses`` the world. ValueError for an unknown target."""
    cdef char* argv[64]
    cdef char** start = argv
    cdef int argc = 0
    cdef OneInput one = one_query
    if target not in TARGETS or len(arguments) > 60:
        raise ValueError(f"the targets are {', '.join(TARGETS)}")
    if target == "answer":
        one = one_answer
    elif target == "packet":
        one = one_packet
    elif target == "lines":
        one = one_lines
    know(served.packets, served.states, addresses)
    # For a merge libFuzzer starts itself again, by a shell, as its first argument.
    itself = f"{sys.executable} -m tests.fuzz.run {target}"
    encoded = [each.encode() for each in [itself, *arguments]]
    for each in encoded:
        argv[argc] = each
        argc += 1
    argv[argc] = NULL
    return LLVMFuzzerRunDriver(&argc, &start, one)
