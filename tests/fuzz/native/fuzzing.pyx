# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Three fuzz targets over the native core, driven by libFuzzer. Built by .ci/fuzz, never part of filterd.

``query``: a packet as a client's, perhaps behind a front's PROXY header. ``answer``: a packet as an upstream's. ``packet``: whole exchanges, in the form
that ``tests/fuzz/exchanges.py`` describes. Each input is copied to memory of its own exact size, so that AddressSanitizer
sees a read behind its end, and what was built is checked here: it can be walked to its end, echoes id and question,
keeps to its limit. A check that fails aborts, and libFuzzer saves the input.
"""

import sys

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.packet cimport (
    BUFFER_SIZE,
    DROP_UNANSWERABLE,
    MAX_ROUNDS,
    PACKET_ANSWER,
    PACKET_MISS,
    Core,
    Exchange,
    Packets,
    Reply,
    Workspace,
    packet_finish,
    packet_receive,
)
from filterd.dataplane.plain cimport PLAIN_QUERY, PLAIN_REFUSED, PLAIN_SIZE, plain_query
from filterd.policy.decide cimport Verdict
from filterd.policy.inspect cimport Union, inspect, union_of
from filterd.wire.codec cimport (
    BADVERS,
    END,
    FORMERR,
    HEADER_SIZE,
    NOT_A_QUERY,
    OK,
    REFUSED,
    SERVFAIL,
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
from filterd.wire.scrub cimport scrub
from filterd.wire.respond cimport (
    AnswerOptions,
    add_ede,
    default_options,
    respond_answer,
    respond_blocked,
    respond_error,
    respond_header_error,
    respond_local,
    respond_malformed,
    respond_rewrite,
    respond_text,
    respond_truncated,
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
    EXCHANGE_HEAD = 3           # bytes before the query in an input of the target `packet`
    QUERY_END = 512             # a longer question of the target `answer` is left alone

cdef const uint8_t* ECHO = b"resolver-1"
cdef const uint8_t* SAFE_HOST = b"\x04safe\x07example\x00"
cdef uint16_t[4] RCODES = [FORMERR, SERVFAIL, REFUSED, BADVERS]
cdef Core* core = NULL
cdef Workspace* work = NULL
cdef int64_t clock = 1000


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
    """Whether the records can be read to the message's very end; reads each service's hints too."""
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef Service service
    cdef uint8_t family = 0
    cdef const uint8_t* address = NULL
    cdef int status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, &owner)
        if status == OK and record.type in (64, 65) and service_start(message, length, &record, &service) == OK:
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
        return respond_blocked(query, <uint8_t>((which - 4) % 4), <uint8_t>((which - 4) // 4), options, out, capacity)
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
    """Where the message begins: behind a PROXY header, which lies inside the packet and is not one without its end."""
    cdef ProxySource source
    cdef ProxySource cut
    if read_proxy(packet, size, &source) != PROXY_OK:
        return 0
    must(source.length >= 16 and source.length <= size, 33)
    must(read_proxy(packet, source.length, &cut) == PROXY_OK and cut.length == source.length, 34)
    must(read_proxy(packet, source.length - 1, &cut) == PROXY_INCOMPLETE, 35)
    return source.length


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
        must(respond_header_error(packet, size, 1, out, capacity) == 0, 12)
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
    """Writes the query that an answer claims to answer, RD and DO set, and returns its length; 0 without a question."""
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
    free(out)


cdef void scrubs(const uint8_t* kept, size_t length) noexcept nogil:
    """What is left of an answer can be read, is still an answer to the same question, and has nothing left to lose."""
    cdef uint8_t* out = <uint8_t*> malloc(MESSAGE)
    cdef uint8_t* again = <uint8_t*> malloc(MESSAGE)
    cdef size_t left = 0, more = 0
    must(out != NULL and again != NULL, 29)
    if scrub(kept, length, out, MESSAGE, &left) == OK and left:
        must(left <= MESSAGE and walks(out, left), 30)
        must(memcmp(out, kept, 6) == 0, 31)
        must(scrub(out, left, again, MESSAGE, &more) == OK and more == 0, 32)
    free(out)
    free(again)


cdef void look_into(const uint8_t* kept, size_t length) noexcept nogil:
    """Inspection, the union of classes and the lifetime: none may fail on what was stripped."""
    cdef Lifetime lives
    cdef Verdict verdict
    cdef Union seen
    must(walks(kept, length), 17)
    scrubs(kept, length)
    must(lifetime(kept, length, &lives) == OK, 18)
    memset(&verdict, 0, sizeof(Verdict))
    if core != NULL and core.state != NULL:
        inspect(core.state, NULL, kept, length, False, 1_800_000_000, &verdict, NULL)
        union_of(core.state, kept, length, &seen)


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
    """What the upstream's side of an input says, as an answer to what is asked; 0 where there is no room."""
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


cdef int finish(Exchange* x, uint8_t how, const uint8_t* rest, size_t size, uint8_t* raw,
                uint8_t* kept) noexcept nogil:
    """Gives the exchange what the input's upstream says, if that can be read."""
    cdef Upstream facts
    cdef Reply reply
    cdef size_t length = answer_for(x, rest, size, raw, BUFFER_SIZE)
    memset(&reply, 0, sizeof(Reply))
    if length and not how & 8 and strip_opt(raw, length, kept, BUFFER_SIZE, &reply.length, &facts) == OK:
        reply.message = kept
        reply.ad = (how & 16) != 0
        reply.edes = facts.ede
    return packet_finish(core, x, &reply, 1_800_000_000, clock, work)


cdef void exchange(uint8_t how, const uint8_t* packet, size_t length, const uint8_t* rest, size_t size,
                   uint8_t* raw, uint8_t* kept) noexcept nogil:
    cdef Exchange x
    cdef int turns = 0, status
    cdef uint64_t unanswerable = core.counters.drops[DROP_UNANSWERABLE]
    memset(&x, 0, sizeof(Exchange))
    x.client[10] = x.client[11] = 0xFF
    x.client[12] = 127
    x.client[15] = 1 + (how >> 1 & 3)
    x.tcp = how & 1
    status = packet_receive(core, packet, length, &x, 1_800_000_000, clock, work)
    while status == PACKET_MISS:
        turns += 1
        must(turns <= MAX_ROUNDS, 23)
        status = finish(&x, how, rest, size, raw, kept)
    if status == PACKET_ANSWER:
        check_built(&x.query, work.out, work.written, 65535 if x.tcp else 1232)
    must(core.counters.drops[DROP_UNANSWERABLE] == unanswerable, 24)


cdef int one_packet(const uint8_t* data, size_t size) noexcept nogil:
    """The exchange, and the same query once more, which may find the answer in the cache."""
    global clock
    cdef uint8_t* packet
    cdef uint8_t* rest
    cdef uint8_t* raw
    cdef uint8_t* kept
    cdef size_t length
    if size < EXCHANGE_HEAD:
        return 0
    length = min(<size_t> get16(data + 1), size - EXCHANGE_HEAD)
    packet = copy_of(data + EXCHANGE_HEAD, length)
    rest = copy_of(data + EXCHANGE_HEAD + length, size - EXCHANGE_HEAD - length)
    raw = <uint8_t*> malloc(BUFFER_SIZE)
    kept = <uint8_t*> malloc(BUFFER_SIZE)
    must(raw != NULL and kept != NULL, 25)
    for _ in range(2):
        exchange(data[0], packet, length, rest, size - EXCHANGE_HEAD - length, raw, kept)
        clock += 1 << 3 * (data[0] >> 5)
    free(raw)
    free(kept)
    free(packet)
    free(rest)
    return 0


TARGETS = ("query", "answer", "packet")


def run(target, list arguments, Packets packets not None):
    """Gives this process to libFuzzer, which ends it; ``arguments`` are those of its command line. ValueError for a
    target that is none."""
    global core, work
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
    core = &packets.core
    work = packets.work
    # For a merge libFuzzer starts itself again, by a shell, as its first argument.
    itself = f"{sys.executable} -m tests.fuzz.run {target}"
    encoded = [each.encode() for each in [itself, *arguments]]
    for each in encoded:
        argv[argc] = each
        argc += 1
    argv[argc] = NULL
    return LLVMFuzzerRunDriver(&argc, &start, one)
