# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from filterd.dataplane.packet.admit cimport names_server
from filterd.dataplane.packet.counting cimport count
from filterd.policy.decide cimport (
    MODE_NULL,
    MODE_SINKHOLE,
    OUTCOME_BLOCK,
    OUTCOME_LOCAL,
    REASON_LOCAL,
    REASON_MANDATORY,
    REASON_SECURITY,
    SCOPE_EXACT,
    WHERE_QUERY,
)
from filterd.policy.fingerprint cimport Fingerprint, suffixes
from filterd.policy.snapshot cimport origin_of_bit
from filterd.dataplane.packet.stages cimport (
    BUFFER_SIZE,
    KIND_CONFIDENTIAL,
    KIND_MANDATORY,
    KIND_PARENTAL,
    KIND_SECURITY,
    Sinkhole,
)
from filterd.wire.codec cimport (
    CLASS_CH,
    REFUSED,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_TXT,
    Name,
    Query,
)
from filterd.wire.ede cimport EDE_BLOCKED, EDE_CENSORED, EDE_FILTERED, EDE_FORGED_ANSWER
from filterd.wire.respond cimport (
    LOCAL_NXDOMAIN,
    add_ede,
    local_kind,
    respond_blocked,
    respond_error,
    respond_local,
    respond_text,
)

cdef int blocked(Core* core, Exchange* x, const Verdict* verdict, AnswerOptions* options,
                 Workspace* work) noexcept nogil:
    """Answer a blocked name, with its EDE. A rule that met an answer says nothing of the names below."""
    cdef uint8_t scope = verdict.scope if verdict.where == WHERE_QUERY else SCOPE_EXACT
    cdef const Sinkhole* sinkhole = &core.rules.sinkholes[kind_of(verdict)]
    count(core, OUTCOME_BLOCK, verdict.reason, verdict.reference)
    options.age = 0
    options.ede.count = 0
    if verdict.reason == REASON_MANDATORY:
        add_ede(options, EDE_CENSORED, NULL, 0)
    elif verdict.reason == REASON_SECURITY:
        add_ede(options, EDE_BLOCKED, NULL, 0)
    else:
        add_ede(options, EDE_FILTERED, NULL, 0)
    if makes_address(sinkhole, &x.query, verdict.mode):
        add_ede(options, EDE_FORGED_ANSWER, NULL, 0)
    lead_to(sinkhole, options)
    return sent(core, respond_blocked(&x.query, verdict.mode, scope, options, work.out, BUFFER_SIZE), work)


cdef inline int kind_of(const Verdict* verdict) noexcept nogil:
    """The kind of a block, which chooses the block page's address."""
    if verdict.reason == REASON_MANDATORY:
        return KIND_CONFIDENTIAL if verdict.confidential else KIND_MANDATORY
    return KIND_SECURITY if verdict.reason == REASON_SECURITY else KIND_PARENTAL


cdef inline void lead_to(const Sinkhole* sinkhole, AnswerOptions* options) noexcept nogil:
    options.has_ipv4 = sinkhole.has_ipv4
    options.has_ipv6 = sinkhole.has_ipv6
    memcpy(options.ipv4, sinkhole.ipv4, 4)
    memcpy(options.ipv6, sinkhole.ipv6, 16)


cdef bint makes_address(const Sinkhole* sinkhole, const Query* query, uint8_t mode) noexcept nogil:
    if query.qtype == TYPE_A:
        return mode == MODE_NULL or (mode == MODE_SINKHOLE and sinkhole.has_ipv4)
    if query.qtype == TYPE_AAAA:
        return mode == MODE_NULL or (mode == MODE_SINKHOLE and sinkhole.has_ipv6)
    return False


cdef int local(Core* core, Exchange* x, const Verdict* verdict, const AnswerOptions* options,
               Workspace* work) noexcept nogil:
    """Answer localhost, resolver.arpa and special-use names."""
    cdef uint8_t kind = local_kind(&x.query.name) if verdict.reason == REASON_LOCAL else LOCAL_NXDOMAIN
    cdef uint8_t apex = apex_of(core, &x.query.name, verdict.reference)
    count(core, OUTCOME_LOCAL, verdict.reason, 0)
    return sent(core, respond_local(&x.query, kind, apex, options, work.out, BUFFER_SIZE), work)


cdef uint8_t apex_of(const Core* core, const Name* name, uint32_t bit) noexcept nogil:
    """The offset at which the local zone's own name starts in a name below it; its class names the zone."""
    cdef Fingerprint values[128]
    cdef int label
    suffixes(core.state.key, name, values)
    label = origin_of_bit(core.state.snapshot, core.state.overlay, values, name, bit, NULL)
    return name.offsets[label] if 0 <= label < name.labels else 0


cdef int other_class(Core* core, Exchange* x, const AnswerOptions* options, Workspace* work) noexcept nogil:
    """Answer other classes: CHAOS gets the identity for id.server (RFC 4892) unless it is hidden."""
    cdef bint asks_text = x.query.qtype == TYPE_TXT or x.query.qtype == TYPE_ANY
    if x.query.qclass == CLASS_CH and asks_text and core.rules.identity_length:
        if names_server(&x.query.name):
            return sent(core, respond_text(&x.query, core.rules.identity, core.rules.identity_length, options,
                                           work.out, BUFFER_SIZE), work)
    return error(core, x, REFUSED, options, work)


cdef int error(Core* core, const Exchange* x, uint16_t rcode, const AnswerOptions* options,
               Workspace* work) noexcept nogil:
    return sent(core, respond_error(&x.query, rcode, options, work.out, BUFFER_SIZE), work)
