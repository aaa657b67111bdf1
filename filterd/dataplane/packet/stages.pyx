# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from filterd.dataplane.packet.admit cimport check_cookie, named_by_subnet, rcode_for_cookie
from filterd.dataplane.packet.counting cimport count, count_observed
from filterd.dataplane.tables.atomics cimport bump64
from filterd.dataplane.cache.cache cimport (
    CACHE_HIT,
    CACHE_STALE,
    Found,
    Key,
    NewAnswer,
    cache_insert,
    cache_insert_failure,
    cache_key,
    cache_lookup,
    cache_set_union,
)
from filterd.dataplane.cache.shard cimport (
    INSERT_KEPT_STALE,
    INSERT_REFUSED,
    shard_fetch_answer,
    shard_fetch_bucket,
    shard_fetch_entry,
)
from filterd.dataplane.packet.crashboard cimport (
    GUARD_KILLER,
    GUARD_PASS,
    GUARD_PLAIN,
    GUARD_REFUSED,
    board_question_mark,
    board_take,
    note_again,
    note_begin,
)
from filterd.dataplane.packet.plain cimport PLAIN_SIZE
from filterd.dataplane.tables.ratelimit cimport RATE_DROP, RATE_PASS, RATE_TRUNCATE, rate_take
from filterd.dataplane.tables.addresses cimport address_find, is_mapped
from filterd.dataplane.packet.identify cimport (
    WHO_LINE,
    WHO_NOT_READY,
    WHO_UNKNOWN,
    WHO_UNREAD,
    id_of_front,
    identify,
    ids_of_query,
)
from filterd.dataplane.packet.made cimport blocked, drop, error, local, other_class, sent
from filterd.policy.decide cimport (
    BIT_EXCEPTED,
    LINE_OPTED_IN,
    OUTCOME_BLOCK,
    OUTCOME_LOCAL,
    OUTCOME_PASS,
    OUTCOME_REWRITE,
    REASON_MANDATORY,
    REASON_SAFE_SEARCH,
    Subject,
    WHERE_CNAME,
    awaits_lists,
    decide,
    decide_answer,
    decide_known,
    strips_ech,
)
from filterd.policy.fingerprint cimport Fingerprint, suffixes
from filterd.policy.inspect cimport (
    INSPECT_OK,
    INSPECT_TOO_LARGE,
    Inspected,
    Union,
    inspect,
    is_too_large,
    union_of,
    union_touches,
)
from filterd.policy.snapshot cimport prefetch_all
from filterd.wire.codec cimport (
    BADVERS,
    CLASS_IN,
    FLAG_AD,
    FLAG_CD,
    FLAG_RD,
    FORMERR,
    HEADER_SIZE,
    NOT_A_QUERY,
    NO_QUESTION,
    NXDOMAIN,
    OK,
    REFUSED,
    SERVFAIL,
    TYPE_CNAME,
    TYPE_DNAME,
    TYPE_DS,
    TYPE_OPT,
    Record,
    Walk,
    parse_query,
    rcode_of,
    walk_next,
    walk_start,
    Ede,
    EdeList,
)
from filterd.wire.ech cimport ech_types
from filterd.wire.ede cimport (
    EDE_FORGED_ANSWER, EDE_NETWORK_ERROR, EDE_NOT_READY,
    EDE_OTHER, EDE_PROHIBITED, EDE_STALE_ANSWER, EDE_STALE_NXDOMAIN)
from filterd.wire.respond cimport (
    MAX_MESSAGE,
    add_ede,
    add_edes,
    default_options,
    respond_answer,
    respond_rewrite,
    respond_truncated,
    udp_limit,
)
from filterd.wire.scrub cimport scrub

cdef enum:
    ANSWER = 1                  # section
    PACKET_AGAIN = 100          # internal: look up another name
    MAX_TTL = 86400             # seconds: the cache keeps no answer longer, and clients may not either
    MAX_NEGATIVE_TTL = 3600     # seconds, for NXDOMAIN and NODATA (RFC 2308 5)
    FIRST_META_TYPE = 249       # TKEY: resolvers forward none of the meta types
    LAST_META_TYPE = 254        # MAILA; 255 is ANY

cdef const uint8_t* TOO_LARGE = b"answer too large to be judged"
cdef enum:
    TOO_LARGE_SIZE = 29

cdef struct Judged:             # an exchange past its verdict, on its way to an answer; proceed owns it
    const Line* line            # NULL: of no known line
    Verdict verdict
    AnswerOptions options
    int64_t now                 # as in packet_receive
    int64_t ticks

cdef struct Candidate:          # an answer to `asked` that inspection has not let through yet; all borrowed
    const uint8_t* message
    size_t length
    bint ad
    const EdeList* edes
    const Found* found          # where in the cache it is from; NULL: forwarding brought it
    const Reply* reply          # what forwarding brought; NULL: it is from the cache

# ---- the stages, in the order of pipeline.py ----

cdef int packet_receive(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                        int64_t ticks, Workspace* work) noexcept nogil:
    cdef int status = packet_open(core, packet, length, x, now, work)
    return packet_take(core, x, NULL, now, ticks, work) if status == PACKET_OPEN else status


cdef int packet_open(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                     Workspace* work) noexcept nogil:
    cdef AnswerOptions options
    cdef bint admitted, sound
    cdef int status
    cdef int rate
    x.rounds = 0
    x.ids.count = x.ids.from_edns = 0
    x.rewrite = x.stale = x.refresh = x.takes_stale = x.coming = x.identified = False
    if length < HEADER_SIZE:
        return drop(core, DROP_SHORT)
    status = parse_query(packet, length, &x.query)
    if status == NOT_A_QUERY:
        return drop(core, DROP_ANSWER)
    bump64(&core.counters.queries[1 if x.tcp else 0])
    memcpy(x.sender, x.client, 16)
    x.by_subnet = not x.proxied and named_by_subnet(core.forwarders, &x.query, &x.sender[0], &x.client[0],
                                                    &x.port)
    x.has_cookie = check_cookie(&core.rules.secrets, &x.query, &x.sender[0], now, &x.cookie[0],
                                &x.cookie_valid)
    begin_options(core, x, &options)
    sound = status == OK or status == NO_QUESTION
    admitted = address_find(core.allowed, x.client, False) != NULL
    rate = rate_of(core, x, admitted, sound)
    if rate != RATE_PASS:
        return limited(core, x, rate, &options, work)
    if not sound:
        bump64(&core.counters.malformed)
        return error(core, x, rcode_of(status), &options, work)
    if not admitted:
        bump64(&core.counters.refused)
        add_ede(&options, EDE_PROHIBITED, NULL, 0)
        return error(core, x, REFUSED, &options, work)
    if status == NO_QUESTION:
        return error(core, x, rcode_for_cookie(&x.query, x.cookie_valid), &options, work)
    if (x.query.ids_seen or x.tlv_length) and core.state != NULL:
        read_ids(core, x)
    return answer_unforwardable(core, x, &options, work)


cdef void read_ids(const Core* core, Exchange* x) noexcept nogil:
    """Note the identities that came with the query from those who may name them: with the packet at hand."""
    cdef const uint8_t* sender = &x.front[0] if x.proxied else &x.sender[0]
    if x.query.ids_seen and core.edns_id_from != NULL:
        if address_find(core.edns_id_from, sender, False) != NULL:
            ids_of_query(core.state.key, &x.query, &x.ids)
    if x.tlv_length:
        id_of_front(core.state.key, x.tlv, x.tlv_length, &x.ids)


cdef int answer_unforwardable(Core* core, Exchange* x, const AnswerOptions* options,
                              Workspace* work) noexcept nogil:
    """Answer what no resolver forwards, by the header's fields, class and type alone."""
    if x.query.edns_version != 0:
        return error(core, x, BADVERS, options, work)
    if not x.query.flags & FLAG_RD:
        # An answer from the cache would tell one line what another has asked.
        return error(core, x, REFUSED, options, work)
    if x.query.qclass != CLASS_IN:
        return other_class(core, x, options, work)
    if x.query.qtype == TYPE_OPT or x.query.qtype == 0:
        return error(core, x, FORMERR, options, work)
    if FIRST_META_TYPE <= x.query.qtype <= LAST_META_TYPE:
        return error(core, x, REFUSED, options, work)
    return PACKET_OPEN


cdef void packet_look(const Core* core, const Exchange* x, Ahead* ahead) noexcept nogil:
    """Prefetch what a verdict and a lookup will read first."""
    ahead.entry = 0
    if core.state == NULL:
        return
    suffixes(core.state.key, &x.query.name, &ahead.suffixes[0])
    prefetch_all(core.state.snapshot, core.state.overlay, &ahead.suffixes[0], x.query.name.labels + 1)
    question_key(core, x, &x.query.name, &ahead.key)
    shard_fetch_bucket(core.cache, &ahead.key)


cdef void packet_fetch_entry(const Core* core, Ahead* ahead) noexcept nogil:
    if core.state != NULL:
        ahead.entry = shard_fetch_entry(core.cache, &ahead.key)


cdef void packet_fetch_answer(const Core* core, const Ahead* ahead) noexcept nogil:
    if ahead.entry:
        shard_fetch_answer(core.cache, &ahead.key, ahead.entry)


cdef int packet_take(Core* core, Exchange* x, const Ahead* ahead, int64_t now, int64_t ticks,
                     Workspace* work) noexcept nogil:
    return proceed(core, x, NULL, ahead, now, ticks, work)


cdef int rate_of(Core* core, const Exchange* x, bint admitted, bint well_formed) noexcept nogil:
    """Charge the client's prefix for the query: a RateOutcome.

    Over TCP, or with a cookie of ours, the sender's address is proven. Senders outside the ACL have buckets
    of their own, so that a flood of theirs takes no client's bucket. TC goes to sound queries alone.
    """
    cdef uint8_t tag
    cdef int outcome
    if core.rates == NULL or x.tcp or x.cookie_valid:
        return RATE_PASS
    if not admitted:
        outcome = rate_take(core.strangers, core.rates, x.client, x.milliseconds, &tag)
        return RATE_PASS if outcome == RATE_PASS else RATE_DROP
    outcome = rate_take(core.clients, core.rates, x.client, x.milliseconds, &tag)
    if outcome == RATE_PASS:
        return RATE_PASS
    if outcome == RATE_TRUNCATE and well_formed:
        bump64(&core.counters.truncated[tag])
        return RATE_TRUNCATE
    bump64(&core.counters.silenced[tag])
    return RATE_DROP


cdef int limited(Core* core, Exchange* x, int rate, AnswerOptions* options, Workspace* work) noexcept nogil:
    """Answer beyond the rate limit: TC, a cookie that lifts it, and nothing else; or silence."""
    if rate != RATE_TRUNCATE:
        return drop(core, DROP_LIMITED)
    options.nsid_length = 0
    return sent(core, respond_truncated(&x.query, options, work.out, BUFFER_SIZE), work)


cdef int packet_finish(Core* core, Exchange* x, const Reply* reply, int64_t now, int64_t ticks,
                       Workspace* work) noexcept nogil:
    cdef Reply kept = reply[0]
    if packet_keep(core, x, &kept, ticks, work) == INSERT_KEPT_STALE:
        kept.message = NULL     # a SERVFAIL, and the stale answer is better (RFC 8767 4)
    return proceed(core, x, &kept, NULL, now, ticks, work)


cdef int packet_again(Core* core, Exchange* x, const Reply* reply, int64_t now, int64_t ticks,
                      Workspace* work) noexcept nogil:
    return proceed(core, x, reply, NULL, now, ticks, work)


cdef int packet_keep(Core* core, const Exchange* x, Reply* reply, int64_t ticks,
                     Workspace* work) noexcept nogil:
    cdef Key key
    cdef NewAnswer kept
    reply.union_known = False
    lookup_key(core, x, &key)
    scrub_reply(core, reply, work)
    if reply.message == NULL:
        return cache_insert_failure(core.cache, &key, &reply.edes, ticks)
    if core.state == NULL:
        return INSERT_REFUSED
    union_of(core.state, reply.message, reply.length, &reply.seen)
    reply.union_known = True
    reply.generation = core.state.generation
    kept.message = reply.message
    kept.length = reply.length
    kept.ad = reply.ad
    kept.edes = &reply.edes
    kept.seen = &reply.seen
    kept.generation = reply.generation
    return cache_insert(core.cache, &key, &kept, ticks)


cdef void scrub_reply(Core* core, Reply* reply, Workspace* work) noexcept nogil:
    """Strip the reply of what does not belong to its question; of a failed or damaged one EDEs are left.

    One that is too large is a failure: so nothing that is expensive to judge ever comes into the cache.
    """
    cdef size_t kept
    if reply.message == NULL:
        return
    if reply.length >= HEADER_SIZE and reply.message[3] & 0x0F == SERVFAIL:
        reply.message = NULL    # the next client gets the same out of the cache
    elif is_too_large(reply.message, reply.length):
        bump64(&core.counters.too_large)
        reply.message = NULL
        reply.edes.count = 0
        add_too_large(&reply.edes)
    elif scrub(reply.message, reply.length, work.found, BUFFER_SIZE, &kept, &reply.edes) != OK:
        reply.message = NULL
        reply.edes.count = 1
        reply.edes.items[0].code = EDE_NETWORK_ERROR
        reply.edes.items[0].text_length = 0
    elif kept:
        reply.message = work.found
        reply.length = kept


cdef void add_too_large(EdeList* edes) noexcept nogil:
    cdef Ede* ede = &edes.items[edes.count]
    ede.code = EDE_OTHER
    ede.text = TOO_LARGE
    ede.text_length = TOO_LARGE_SIZE
    edes.count += 1


cdef int packet_stale(Core* core, const Exchange* x, int64_t now, int64_t ticks,
                      Workspace* work) noexcept nogil:
    cdef Exchange mine = x[0]
    mine.rounds = 0
    mine.takes_stale = True
    return proceed(core, &mine, NULL, NULL, now, ticks, work)


cdef int proceed(Core* core, Exchange* x, const Reply* reply, const Ahead* ahead, int64_t now, int64_t ticks,
                 Workspace* work) noexcept nogil:
    """Identify, decide, then answer or look up. ``reply`` NULL: no upstream was asked yet."""
    cdef Line mine
    cdef Name answered
    cdef Judged judged
    cdef bint first
    cdef bint waits
    cdef uint8_t method
    cdef int who = identify(core.state, &core.known, x.client, x.port, &x.ids, ticks, &mine, &method)
    if who == WHO_UNREAD:
        return PACKET_BUSY
    begin_options(core, x, &judged.options)
    waits = who == WHO_NOT_READY or (who == WHO_LINE and awaits_lists(core.state, &mine, now))
    if waits:
        if not passes_for_all(core, x, now):
            return not_ready(core, x, &judged, now, work)
        who = WHO_UNKNOWN
    first = not waits and not x.identified
    if first:
        x.identified = True
        if who == WHO_LINE:
            bump64(&core.counters.identified[method])
        else:
            bump64(&core.counters.unrecognised[0 if is_mapped(x.client) else 1])
    judged.line = NULL if who == WHO_UNKNOWN else &mine
    judged.now = now
    judged.ticks = ticks
    if ahead != NULL:
        decide_known(core.state, judged.line, &x.query.name, &ahead.suffixes[0], x.query.qtype, now,
                     &judged.verdict, NULL)
    else:
        decide(core.state, judged.line, &x.query.name, x.query.qtype, now, &judged.verdict, NULL)
    x.coming = x.coming or judged.verdict.coming
    if first and judged.verdict.observed:
        count_observed(core, judged.verdict.observed)
    limit_ttl(core, &judged)
    if judged.verdict.outcome == OUTCOME_BLOCK:
        return blocked(core, x, &judged.verdict, &judged.options, work)
    if judged.verdict.outcome == OUTCOME_LOCAL:
        return local(core, x, &judged.verdict, &judged.options, work)
    if reply != NULL:
        answered = x.asked
    if reply == NULL or not x.rewrite or judged.verdict.outcome == OUTCOME_REWRITE:
        ask(core, x, &judged.verdict)   # otherwise an alias led to this safe host: it stays
    if reply != NULL and same_name(&answered, &x.asked):
        return with_reply(core, x, &judged, reply, work)
    return look_up(core, x, &judged, NULL if x.rewrite else ahead, work)


cdef bint passes_for_all(const Core* core, const Exchange* x, int64_t now) noexcept nogil:
    """True for a protected name, which no line can close: the portal's host is one, where a subscriber reads
    why the rest gets SERVFAIL."""
    cdef Verdict verdict
    if core.state == NULL or not core.state.ready:
        return False
    decide(core.state, NULL, &x.query.name, x.query.qtype, now, &verdict, NULL)
    return verdict.is_protected and verdict.outcome == OUTCOME_PASS


cdef int not_ready(Core* core, Exchange* x, Judged* judged, int64_t now, Workspace* work) noexcept nogil:
    """Answer while the rules for this client are not known: those for all hold, and nothing else passes."""
    if core.state != NULL and core.state.ready:
        decide(core.state, NULL, &x.query.name, x.query.qtype, now, &judged.verdict, NULL)
        if judged.verdict.outcome == OUTCOME_BLOCK and judged.verdict.reason == REASON_MANDATORY:
            return blocked(core, x, &judged.verdict, &judged.options, work)
    bump64(&core.counters.not_ready)
    add_ede(&judged.options, EDE_NOT_READY, NULL, 0)
    return error(core, x, SERVFAIL, &judged.options, work)


cdef void ask(const Core* core, Exchange* x, const Verdict* verdict) noexcept nogil:
    """Set the name that is looked up: the query's, or the safe host."""
    x.rewrite = verdict.outcome == OUTCOME_REWRITE
    if x.rewrite:
        copy_name(&x.asked, core.state.targets[verdict.reference])
    else:
        copy_name(&x.asked, &x.query.name)


cdef int look_up(Core* core, Exchange* x, Judged* judged, const Ahead* ahead,
                 Workspace* work) noexcept nogil:
    """Answer from the cache, name by name, as far as it goes."""
    cdef Key key
    cdef Found found
    cdef Candidate candidate
    cdef Verdict seen
    cdef int status
    while x.rounds < MAX_ROUNDS:
        x.rounds += 1
        if x.rewrite and not safe_host_passes(core, x, judged, &seen):
            x.stale = x.refresh = False     # they were those of the name that led there
            return blocked(core, x, &seen, &judged.options, work)
        if ahead != NULL and x.rounds == 1:
            key = ahead.key
        else:
            lookup_key(core, x, &key)
        status = cache_lookup(core.cache, &key, judged.ticks, work.found, BUFFER_SIZE, &found)
        x.stale = status == CACHE_STALE
        x.refresh = status == CACHE_HIT and found.refresh
        if x.stale and (found.hold or x.takes_stale):
            bump64(&core.counters.lookups[LOOKUP_STALE])
            stale_ede(work.found, &judged.options)
        elif status == CACHE_HIT:
            bump64(&core.counters.lookups[LOOKUP_PREFETCH if x.refresh else LOOKUP_HIT])
        else:
            bump64(&core.counters.lookups[LOOKUP_MISS])
            return PACKET_MISS
        judged.options.age = found.age
        if found.failure:
            add_edes(&judged.options, &found.edes)
            return error(core, x, SERVFAIL, &judged.options, work)
        candidate.message = work.found
        candidate.length = found.length
        candidate.ad = found.ad
        candidate.edes = &found.edes
        candidate.found = &found
        candidate.reply = NULL
        status = complete(core, x, judged, &candidate, work)
        if status != PACKET_AGAIN:
            return status
    return error(core, x, SERVFAIL, &judged.options, work)


cdef int with_reply(Core* core, Exchange* x, Judged* judged, const Reply* reply,
                    Workspace* work) noexcept nogil:
    """Answer with an upstream's reply; without a message, with a stale answer or SERVFAIL."""
    cdef Candidate candidate
    cdef int status
    if reply.message == NULL:
        x.rounds = MAX_ROUNDS - 1
        status = look_up(core, x, judged, NULL, work)
        if status == PACKET_MISS:
            add_edes(&judged.options, &reply.edes)
            return error(core, x, SERVFAIL, &judged.options, work)
        return status
    candidate.message = reply.message
    candidate.length = reply.length
    candidate.ad = reply.ad
    candidate.edes = &reply.edes
    candidate.found = NULL
    candidate.reply = reply
    status = complete(core, x, judged, &candidate, work)
    if status == PACKET_AGAIN:
        return look_up(core, x, judged, NULL, work)
    return status


cdef int complete(Core* core, Exchange* x, Judged* judged, const Candidate* candidate,
                  Workspace* work) noexcept nogil:
    """Inspect the answer to ``x.asked`` and respond; PACKET_AGAIN where it leads to a safe host."""
    cdef const uint8_t* message = candidate.message
    cdef size_t length = candidate.length
    cdef AnswerOptions* options = &judged.options
    cdef Inspected inspected
    cdef Union classes
    cdef Verdict seen
    cdef int status
    if candidate.found == NULL and x.rewrite and not safe_host_passes(core, x, judged, &seen):
        return blocked(core, x, &seen, options, work)
    memcpy(&seen, &judged.verdict, sizeof(Verdict))
    if x.query.qtype == TYPE_DS and not x.rewrite and holds_alias(message, length):
        # The parent's data passes; an alias is the name's own, and leads where the name does.
        decide(core.state, judged.line, &x.query.name, TYPE_CNAME, judged.now, &seen, NULL)
        if seen.outcome == OUTCOME_BLOCK:
            return blocked(core, x, &seen, options, work)
        if seen.outcome == OUTCOME_REWRITE:
            return to_safe_host(core, x, &seen)
    if must_inspect(core, x, judged, candidate, &classes):
        inspected.message = message
        inspected.hot = classes.hot
        inspected.length = length
        inspected.own_allow = judged.verdict.own_allow
        inspected.excepted = judged.verdict.excepted
        inspected.is_protected = judged.verdict.is_protected
        inspected.rewritten = x.rewrite
        status = inspect(core.state, judged.line, &inspected, judged.now, &seen, NULL)
        if status != INSPECT_OK:
            if status == INSPECT_TOO_LARGE:
                add_ede(options, EDE_OTHER, TOO_LARGE, TOO_LARGE_SIZE)
            else:
                add_ede(options, EDE_NETWORK_ERROR, NULL, 0)
            return error(core, x, SERVFAIL, options, work)
        x.coming = x.coming or seen.coming
        if seen.outcome == OUTCOME_BLOCK:
            return blocked(core, x, &seen, options, work)
        if seen.outcome == OUTCOME_REWRITE:
            return to_safe_host(core, x, &seen)
    if x.coming:
        limit_coming(core, judged)
    if judged.verdict.excepted or classes.bits[0] >> BIT_EXCEPTED & 1:
        limit_excepted(core, judged)
    add_edes(options, candidate.edes)
    if (strips_ech(core.state, judged.line, judged.verdict.excepted, judged.now)
            and ech_types(message, length)):
        options.strip_ech = True
        bump64(&core.counters.ech_stripped)
    if message[3] & 0x0F == NXDOMAIN or (message[6] == 0 and message[7] == 0):
        options.ttl_cap = min(options.ttl_cap, <uint32_t> MAX_NEGATIVE_TTL)
    if x.rewrite:
        count(core, OUTCOME_REWRITE, REASON_SAFE_SEARCH, 0)
        add_ede(options, EDE_FORGED_ANSWER, NULL, 0)
        return sent(
            core, respond_rewrite(&x.query, &x.asked, message, length, options, work.out, BUFFER_SIZE), work
        )
    count(core, OUTCOME_PASS, judged.verdict.reason, 0)
    if options.strip_ech:
        add_ede(options, EDE_FORGED_ANSWER, NULL, 0)
    options.ad = candidate.ad and (x.query.dnssec_ok or x.query.flags & FLAG_AD)
    return sent(core, respond_answer(&x.query, message, length, options, work.out, BUFFER_SIZE), work)


cdef int to_safe_host(const Core* core, Exchange* x, const Verdict* seen) noexcept nogil:
    """Go on with the safe host that a verdict leads to."""
    x.rewrite = True
    x.asked = core.state.targets[seen.reference][0]
    return PACKET_AGAIN


cdef bint holds_alias(const uint8_t* message, size_t length) noexcept nogil:
    """True if an alias stands in the answer section (CNAME, DNAME)."""
    cdef Walk walk
    cdef Record record
    cdef int status = walk_start(message, length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, NULL)
        if status != OK or record.section != ANSWER:
            return False
        if record.type == TYPE_CNAME or record.type == TYPE_DNAME:
            return True
    return False


cdef bint safe_host_passes(const Core* core, Exchange* x, const Judged* judged,
                           Verdict* seen) noexcept nogil:
    """True if no rule blocks the safe host itself; it is a name of the answer like any other. ``seen`` is the
    verdict where one does."""
    cdef Fingerprint values[128]
    cdef Subject subject
    memcpy(seen, &judged.verdict, sizeof(Verdict))
    memset(&subject, 0, sizeof(Subject))
    suffixes(core.state.key, &x.asked, values)
    subject.name = &x.asked
    subject.suffixes = values
    subject.where = WHERE_CNAME
    subject.own_allow = judged.verdict.own_allow
    subject.excepted = judged.verdict.excepted
    subject.is_protected = judged.verdict.is_protected
    subject.rewritten = True
    decide_answer(core.state, judged.line, &subject, judged.now, seen, NULL)
    x.coming = x.coming or seen.coming
    return seen.outcome != OUTCOME_BLOCK


cdef bint must_inspect(Core* core, Exchange* x, const Judged* judged, const Candidate* candidate,
                       Union* seen) noexcept nogil:
    """True if the answer's union of classes, which is put into ``seen``, touches this line; one of another
    state is recomputed. An order that is coming needs no inspection: it shortens TTLs, whoever asks."""
    cdef const Found* found = candidate.found
    cdef const Reply* reply = candidate.reply
    if found != NULL and found.union_known and found.generation == core.state.generation:
        seen[0] = found.seen
    elif found == NULL and reply.union_known and reply.generation == core.state.generation:
        seen[0] = reply.seen
    else:
        union_of(core.state, candidate.message, candidate.length, seen)
        if found != NULL:
            cache_set_union(core.cache, found, seen, core.state.generation)
    x.coming = x.coming or seen.coming
    return union_touches(core.state, judged.line, seen, judged.now)


# ---- the crash board, and reduced mode ----

cdef int guarded_receive(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                         int64_t ticks, Workspace* work) noexcept nogil:
    cdef int status = guarded_open(core, packet, length, x, now, work)
    return guarded_take(core, x, NULL, now, ticks, work) if status == PACKET_OPEN else status


cdef int guarded_open(Core* core, const uint8_t* packet, size_t length, Exchange* x, int64_t now,
                      Workspace* work) noexcept nogil:
    cdef uint8_t plain[PLAIN_SIZE]
    cdef size_t written = 0
    cdef int status = GUARD_PASS
    if core.board != NULL:
        status = board_take(core.board, work.note, packet, length, plain, &written)
        x.mark = work.note.mark
    if status == GUARD_PASS:
        status = packet_open(core, packet, length, x, now, work)
    elif status == GUARD_PLAIN:
        status = packet_open(core, plain, written, x, now, work)
    else:
        status = guarded(core, status, x, length, plain, written, work)
    return noted(work, status)


cdef int guarded_take(Core* core, Exchange* x, const Ahead* ahead, int64_t now, int64_t ticks,
                      Workspace* work) noexcept nogil:
    if work.note != NULL:
        note_again(work.note, &x.mark)
    return noted(work, packet_take(core, x, ahead, now, ticks, work))


cdef int guarded(Core* core, int guard, Exchange* x, size_t length, const uint8_t* refusal,
                 size_t written, Workspace* work) noexcept nogil:
    """Answer a packet that reduced mode does not let in."""
    x.refresh = False   # callers use one exchange for many packets: this is the last one's
    if guard == GUARD_REFUSED:
        bump64(&core.counters.queries[1 if x.tcp else 0])
        bump64(&core.counters.reduced)
        memcpy(work.out, refusal, written)
        return sent(core, written, work)
    if guard == GUARD_KILLER:
        return drop(core, DROP_KILLER)
    return drop(core, DROP_SHORT if length < HEADER_SIZE else DROP_ANSWER)


cdef void note_question(const Core* core, const Exchange* x, Workspace* work) noexcept nogil:
    cdef Fingerprint mark
    if core.board != NULL:
        board_question_mark(core.board, x.query.question, x.query.question_length, &mark)
        note_begin(work.note, &mark)


# ---- helpers ----

cdef void begin_options(const Core* core, const Exchange* x, AnswerOptions* options) noexcept nogil:
    default_options(options)
    options.limit = MAX_MESSAGE if x.tcp else udp_limit(&x.query)
    options.ttl_cap = MAX_TTL
    options.echo_subnet = x.by_subnet
    if x.has_cookie:
        options.cookie = &x.cookie[0]
    if x.tcp:
        options.keepalive = core.rules.keepalive
    options.nsid = core.rules.identity
    options.nsid_length = core.rules.identity_length
    options.ttl = core.rules.block_ttl


cdef void limit_ttl(const Core* core, Judged* judged) noexcept nogil:
    """Cap the TTLs of a line that opted in at its next boundary: no device may cache beyond it."""
    cdef AnswerOptions* options = &judged.options
    cdef int64_t left
    if judged.line == NULL or not judged.line.flags & LINE_OPTED_IN:
        return
    options.ttl_cap = core.rules.max_ttl_opted_in
    left = judged.verdict.valid_until - judged.now
    if 0 < left < options.ttl_cap:
        options.ttl_cap = <uint32_t>left
    if options.ttl > options.ttl_cap:
        options.ttl = options.ttl_cap


cdef void limit_coming(const Core* core, Judged* judged) noexcept nogil:
    """Cap the TTLs of an answer that an order speaks of which is not in force yet, whoever asks: no device
    may keep what passed for long after the order takes effect. One that is pending may do so at any moment,
    and none before its beginning. The earliest beginning stands for all: TTLs are too short, never too long.
    """
    cdef uint32_t cap = core.rules.block_ttl
    cdef int64_t left
    if core.state.next_beginning:
        left = max(core.state.next_beginning - judged.now, <int64_t> 0)
        cap = <uint32_t> min(<int64_t> cap, left)
    judged.options.ttl_cap = min(judged.options.ttl_cap, cap)


cdef void limit_excepted(const Core* core, Judged* judged) noexcept nogil:
    """Cap the TTLs of an answer that an exception lets through, whoever asks: no device may keep it for long
    after that ends. The first end stands for all: TTLs are too short, never too long."""
    cdef int64_t left = core.state.exceptions_end - judged.now
    if 0 < left < judged.options.ttl_cap:
        judged.options.ttl_cap = <uint32_t> left


cdef inline void lookup_key(const Core* core, const Exchange* x, Key* key) noexcept nogil:
    question_key(core, x, &x.asked, key)


cdef inline void question_key(const Core* core, const Exchange* x, const Name* name, Key* key) noexcept nogil:
    cache_key(core.cache, name, x.query.qtype, x.query.qclass, x.query.dnssec_ok,
              (x.query.flags & FLAG_CD) != 0, key)


cdef inline void stale_ede(const uint8_t* message, AnswerOptions* options) noexcept nogil:
    add_ede(options, EDE_STALE_NXDOMAIN if message[3] & 0x0F == NXDOMAIN else EDE_STALE_ANSWER, NULL, 0)


cdef inline void copy_name(Name* out, const Name* name) noexcept nogil:
    out.length = name.length
    out.labels = name.labels
    memcpy(&out.bytes[0], &name.bytes[0], name.length)
    memcpy(&out.offsets[0], &name.offsets[0], name.labels)


cdef inline bint same_name(const Name* a, const Name* b) noexcept nogil:
    return a.length == b.length and memcmp(a.bytes, b.bytes, a.length) == 0
