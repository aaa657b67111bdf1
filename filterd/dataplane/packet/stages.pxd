# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One packet in, one answer out: every stage of ``pipeline.py`` in its order, the same for both paths.

``packet_receive`` takes a packet as far as it can go without waiting. ``packet_finish`` goes on with an
upstream's reply; it looks up line and state anew, since both may have changed meanwhile.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.dataplane.cache.shard cimport Cache, Key
from filterd.dataplane.packet.crashboard cimport Board, Note, note_end
from filterd.dataplane.packet.identify cimport METHODS, Ids, Known
from filterd.dataplane.tables.ratelimit cimport RATE_TAGS, RateTable, Rates
from filterd.dataplane.tables.addresses cimport AddressTable
from filterd.policy.decide cimport CLASS_BITS, Line, State, Verdict
from filterd.policy.fingerprint cimport MAX_SUFFIXES, Fingerprint
from filterd.policy.inspect cimport Union
from filterd.wire.codec cimport EdeList, Name, Query
from filterd.wire.cookie cimport CookieSecrets
from filterd.wire.respond cimport AnswerOptions


cdef enum PacketStatus:
    PACKET_ANSWER = 0           # send `written` bytes
    PACKET_DROP = 1             # send nothing
    PACKET_MISS = 2             # forward `asked`, then call packet_finish
    PACKET_OPEN = 3             # it needs a verdict: call packet_take
    PACKET_BUSY = 4             # a table was being written: call packet_again. Never under the GIL

cdef enum:
    DROP_SHORT = 0              # less than a header
    DROP_ANSWER = 1             # QR is set: an answer to an answer would be a loop
    DROP_UNANSWERABLE = 2       # no room, or nothing that could be echoed
    DROP_LIMITED = 3            # beyond the rate limit, and no TC answer left
    DROP_KILLER = 4             # the resolver died at work on this; reduced mode alone
    DROPS = 5

cdef enum:
    LOOKUP_HIT = 0
    LOOKUP_STALE = 1
    LOOKUP_MISS = 2
    LOOKUP_PREFETCH = 3         # a hit that asks for its own renewal
    LOOKUPS = 4

cdef enum:
    OUTCOMES = 4
    REASONS = 13
    MAX_ROUNDS = 4              # names looked up for one query: its own, and safe hosts that it leads to
    BUFFER_SIZE = 65535


cdef struct Exchange:           # one query between its packet and its answer
    Query query
    uint8_t client[16]          # whose line it is (unwrap); IPv4 as ::ffff:a.b.c.d
    uint8_t sender[16]          # the peer of this exchange, which holds the cookie: client or trusted sender
    uint16_t port               # the client's; 0: not known
    bint proxied                # a front in proxy_from passed it on: `client` is what its header said
    uint8_t front[16]           # that front, where `proxied`
    const uint8_t* tlv          # the identity in its header; borrowed, for packet_open alone
    size_t tlv_length           # 0: none
    Ids ids                     # fingerprints of the identities, in the order of trust
    bint by_subnet              # `client` is what a trusted sender's ECS said
    bint cookie_valid           # the sender has shown that it receives at its address (RFC 9018)
    bint has_cookie             # `cookie` goes into the answer
    uint8_t cookie[24]          # client's and server's part
    bint tcp
    int64_t milliseconds        # of its arrival, by the monotonic clock: for the rate limit
    Name asked                  # the name to look up: the query's or a safe host
    bint rewrite                # `asked` is a safe host
    uint8_t rounds
    bint stale                  # a miss, but the cache has a stale answer to `asked`: see packet_stale
    bint refresh                # answered; forward `asked` for the cache alone, then call packet_keep
    bint takes_stale            # internal: the client has waited long enough
    bint identified             # internal: identify has counted it
    bint coming                 # an order that is not in force yet speaks of the name or of what was found
    Fingerprint mark            # for the crash board, between packet_open and packet_take

cdef struct Ahead:              # a look ahead, between packet_open and packet_take
    Key key                     # of the query's own name
    uint32_t entry              # in the cache, + 1; 0: perhaps none
    Fingerprint suffixes[MAX_SUFFIXES]

cdef struct Reply:              # an upstream's reply
    const uint8_t* message      # without OPT; NULL: no upstream answered
    size_t length
    bint ad                     # set by a trusted upstream
    EdeList edes
    bint union_known            # the rest is packet_keep's: what the message could be blocked for
    uint64_t generation         # in the state of that number
    Union seen

cdef struct Counters:           # of one thread, which alone writes them (bump64)
    uint64_t queries[2]         # UDP, TCP
    uint64_t verdicts[OUTCOMES * REASONS]
    uint64_t refused            # outside the ACL
    uint64_t malformed
    uint64_t not_ready
    uint64_t unrecognised[2]    # queries of clients that are no line: IPv4, IPv6
    uint64_t identified[METHODS]    # and of those that are one, by the method
    uint64_t reduced            # refused in reduced mode: not plain
    uint64_t too_large          # answers of upstreams that would take too much effort
    uint64_t ech_stripped       # answers to lines that ECH was taken out of
    uint64_t drops[DROPS]
    uint64_t lookups[LOOKUPS]
    uint64_t truncated[RATE_TAGS]   # clients' queries over the rate limit, by the prefix's tag: with TC
    uint64_t silenced[RATE_TAGS]    # and with silence

cdef enum:                      # model.block_kind.BlockKind
    KIND_PARENTAL = 0
    KIND_SECURITY = 1
    KIND_MANDATORY = 2
    KIND_CONFIDENTIAL = 3
    KINDS = 4

cdef struct Sinkhole:           # the block page's addresses for blocks of one kind
    bint has_ipv4
    bint has_ipv6
    uint8_t ipv4[4]
    uint8_t ipv6[16]

cdef struct AnswerRules:        # sealed at start, replaced whole by a reload
    uint32_t block_ttl
    uint32_t max_ttl_opted_in
    Sinkhole sinkholes[KINDS]
    uint8_t identity_length
    uint8_t identity[64]        # id.server, CHAOS, and NSID; length 0: hidden
    uint16_t keepalive          # idle timeout of TCP in 100 ms (RFC 7828)
    CookieSecrets secrets

cdef struct Core:               # everything that a packet meets; each thread has a copy of its own
    const State* state          # NULL: the mandatory part is missing
    Known known                 # the tables that lead to lines
    const AddressTable* allowed
    const AddressTable* forwarders      # senders with a trusted client subnet; NULL: none
    const AddressTable* proxies         # senders that must send a PROXY header over UDP; NULL: none
    const AddressTable* edns_id_from    # senders whose options say whose line it is; NULL: none
    int proxy_id_tlv            # the type of the TLV that says it in a PROXY header; 0: none
    const Rates* rates          # NULL: no rate limit
    RateTable* clients          # buckets of clients; those of senders outside the ACL stand apart
    RateTable* strangers
    Cache* cache
    const Board* board          # NULL: there is no supervisor
    int64_t earliest            # Unix seconds; a clock that shows an earlier time is wrong
    AnswerRules rules
    Counters* counters          # this thread's
    # CLASS_BITS counts of all threads, by the state's classes: blocks by category, queries of observed lists
    uint64_t* categories        # or NULL

cdef struct Workspace:          # one of each thread
    uint8_t found[BUFFER_SIZE]  # an answer out of the cache, or what scrubbing left of one
    uint8_t out[BUFFER_SIZE]
    size_t written
    Note* note                  # this thread's place on the crash board; NULL without a board


# `now`: Unix seconds, for the policy; `ticks`: seconds of the monotonic clock, for the cache.
cdef int packet_receive(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                        int64_t ticks, Workspace* work) noexcept nogil
# Answers an exchange that waits for an upstream with a stale answer (RFC 8767 5): PACKET_ANSWER; with any
# other status it goes on waiting. `x` stays as it is; packet_keep takes the upstream's reply once it comes.
cdef int packet_stale(Core* core, const Exchange* x, int64_t now, int64_t ticks,
                      Workspace* work) noexcept nogil
# Caches a reply without answering a client: an InsertStatus. `reply` then holds the part that clients may get
# (see wire/scrub), perhaps in work.found; it has no message where they may get none of it.
cdef int packet_keep(Core* core, const Exchange* x, Reply* reply, int64_t ticks,
                     Workspace* work) noexcept nogil
cdef int packet_finish(Core* core, Exchange* x, const Reply* reply, int64_t now, int64_t ticks,
                       Workspace* work) noexcept nogil
# Looks up line and state anew and goes on: with `reply` NULL after PACKET_BUSY, else with a reply that
# packet_keep has cached for another client with the same question.
cdef int packet_again(Core* core, Exchange* x, const Reply* reply, int64_t now, int64_t ticks,
                      Workspace* work) noexcept nogil
# packet_receive in two parts: up to the verdict (PACKET_OPEN, or as packet_receive), and from there on.
# Between the two a batch looks ahead: for each packet packet_look, then for each packet_fetch_entry, then for
# each packet_fetch_answer, so that memory works for all of them at once. `ahead` may be NULL.
cdef int packet_open(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                     Workspace* work) noexcept nogil
cdef void packet_look(const Core* core, const Exchange* x, Ahead* ahead) noexcept nogil
cdef void packet_fetch_entry(const Core* core, Ahead* ahead) noexcept nogil
cdef void packet_fetch_answer(const Core* core, const Ahead* ahead) noexcept nogil
cdef int packet_take(Core* core, Exchange* x, const Ahead* ahead, int64_t now, int64_t ticks,
                     Workspace* work) noexcept nogil
# The two parts as the fast path calls them, with notes on the crash board.
cdef int guarded_open(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                      Workspace* work) noexcept nogil
cdef int guarded_take(Core* core, Exchange* x, const Ahead* ahead, int64_t now, int64_t ticks,
                      Workspace* work) noexcept nogil
# packet_receive as both paths call it: notes the packet on the crash board, and in reduced mode takes plain
# queries alone.
cdef int guarded_receive(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                         int64_t ticks, Workspace* work) noexcept nogil
# Notes the question while the reply of an upstream is handled; where work.note is set, note_end must follow.
cdef void note_question(const Core* core, const Exchange* x, Workspace* work) noexcept nogil


cdef inline int noted(Workspace* work, int status) noexcept nogil:
    """Take the note away, and pass the status on."""
    if work.note != NULL:
        note_end(work.note)
    return status
