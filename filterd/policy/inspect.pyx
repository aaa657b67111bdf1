# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The verdict on an answer, and the union of everything that it could be blocked for.

Both go over the answer and the additional section (authority names lead nobody anywhere) and see the same in
the same order: alias targets (CNAME, DNAME), service targets with address hints (SVCB, HTTPS), and addresses.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy, memset

from filterd.policy.decide cimport (
    LINE_SECURITY_LEFT,
    OUTCOME_PASS,
    REASON_MANDATORY,
    SCOPE_SUBTREE,
    STAGES,
    SUFFIX_NONE,
    WHERE_ADDRESS,
    WHERE_CNAME,
    WHERE_HINT,
    WHERE_QUERY,
    WHERE_TARGET,
    Line,
    LineHandle,
    PublishedState,
    StageTrace,
    State,
    Subject,
    Trace,
    Verdict,
    boundary_of,
    clear_trace,
    decide_answer,
    decision_of,
    masks_touch,
    policy_in_effect,
    reason_of_pass,
)
from filterd.policy.fingerprint cimport MAX_SUFFIXES, Fingerprint, suffixes
from filterd.policy.inner cimport NAT64_OCTETS, Nat64, inner_address
from filterd.policy.policy_table cimport Policy
from filterd.policy.snapshot cimport WORDS, Match, match_address, match_name
from filterd.wire.codec cimport (
    CLASS_IN,
    END,
    OK,
    TYPE_A,
    TYPE_AAAA,
    TYPE_CNAME,
    TYPE_DNAME,
    TYPE_HTTPS,
    TYPE_SVCB,
    Name,
    Record,
    Service,
    Walk,
    read_name,
    service_hint,
    service_start,
    walk_next,
    walk_start,
)


cdef enum:
    SECTION_AUTHORITY = 2

cdef Nat64 well_known_nat64     # 64:ff9b::/96 (RFC 6052, 2.1)
well_known_nat64.octets = NAT64_OCTETS
memset(well_known_nat64.prefix, 0, NAT64_OCTETS)
memcpy(well_known_nat64.prefix, b"\x00\x64\xff\x9b", 4)

# One pass over a message: for a verdict, for a union (`seen` is set), or to weigh it.
cdef struct Pass:
    bint weighs                 # nothing is judged; what is only read counts too
    unsigned int effort         # so far; at most MOST_EFFORT, or the message is too large
    unsigned int number         # of the subject, from 1
    const State* state
    const Inspected* answer
    Union* seen
    const Line* line
    int64_t now
    Verdict* best               # the verdict so far
    bint coming                 # an order that is not in force yet speaks of a subject so far
    bint excepted               # an exception lifts feeds for a subject so far
    Trace* trace


# --- one subject -------------------------------------------------------------------------------------------

cdef void judge(Pass* p, const Subject* subject) noexcept nogil:
    """Keep the subject's verdict if it comes before the one so far."""
    cdef Verdict verdict
    decide_answer(p.state, p.line, subject, p.now, &verdict, p.trace)
    p.coming = p.coming or verdict.coming
    p.excepted = p.excepted or verdict.excepted
    if verdict.outcome != OUTCOME_PASS and (p.best.outcome == OUTCOME_PASS or verdict.reason < p.best.reason):
        verdict.own_allow = p.answer.own_allow
        verdict.excepted = p.answer.excepted
        verdict.is_protected = p.answer.is_protected
        p.best[0] = verdict


cdef void gather(Pass* p, const Subject* subject) noexcept nogil:
    """Add what the subject stands in to the union."""
    cdef Match match
    cdef const State* state = p.state
    cdef uint64_t classes = 0
    cdef int word
    if subject.name != NULL:
        p.seen.names = True
        match_name(state.snapshot, state.overlay, subject.suffixes, subject.name, &state.active, &match)
    else:
        match_address(state.snapshot, state.overlay, state.key, subject.family, subject.address,
                      &state.active, &match)
    for word in range(WORDS):
        p.seen.bits[word] |= match.bits[word]
        classes |= match.bits[word]
    if match.mandatory_count or match.mandatory_overflow:
        p.seen.any_mandatory = True
        classes = 1
    if match.coming:
        p.seen.coming = True
    if classes:
        remember(p)


cdef void remember(Pass* p) noexcept nogil:
    """The subject stands in something: it is hot."""
    cdef int i
    for i in range(HOT):
        if p.seen.hot[i] == 0:
            p.seen.hot[i] = <uint16_t> p.number
            return
    p.seen.hot[0] = HOT_MANY


cdef bint is_asked(const Pass* p, const Subject* subject) noexcept nogil:
    """True if the subject could be blocked, by what is known of the answer."""
    cdef const uint16_t* hot = p.answer.hot
    if hot == NULL or hot[0] == HOT_MANY or (subject.name != NULL and p.line != NULL and p.line.own_count):
        return True
    return p.number == hot[0] or p.number == hot[1] or p.number == hot[2] or p.number == hot[3]


cdef void consider(Pass* p, Subject* subject) noexcept nogil:
    """Ask about one subject, unless a mandatory verdict stands, before which none comes."""
    cdef Fingerprint values[MAX_SUFFIXES]
    p.number += 1
    if subject.name == NULL:
        p.effort += EFFORT_IPV4 if subject.family == 4 else EFFORT_IPV6
    else:
        p.effort += (EFFORT_NAME + EFFORT_LABEL * <unsigned int> subject.name.labels
                     + subject.name.length // NAME_BYTES)
    if p.weighs or p.effort > MOST_EFFORT:
        return
    if p.seen == NULL and (p.best.reason == REASON_MANDATORY or not is_asked(p, subject)):
        return
    if subject.name != NULL:
        suffixes(p.state.key, subject.name, values)
        subject.suffixes = values
    subject.own_allow = p.answer.own_allow
    subject.is_protected = p.answer.is_protected
    subject.excepted = p.answer.excepted
    subject.rewritten = p.answer.rewritten
    if p.seen == NULL:
        judge(p, subject)
    else:
        gather(p, subject)


cdef void consider_name(Pass* p, const Name* name, uint8_t where) noexcept nogil:
    cdef Subject subject
    memset(&subject, 0, sizeof(Subject))
    subject.name = name
    subject.where = where
    consider(p, &subject)


cdef bint inner_of(const State* state, const uint8_t* address, uint8_t* inner) noexcept nogil:
    """The IPv4 address inside one of IPv6; with the well-known NAT64 prefix where there is no state."""
    if state == NULL:
        return inner_address(&well_known_nat64, 1, address, inner)
    return inner_address(state.nat64, state.nat64_count, address, inner)


cdef void consider_address(Pass* p, uint8_t family, const uint8_t* address, uint8_t where) noexcept nogil:
    """An address, and the IPv4 address inside it: a client that connects to the outer one arrives there."""
    cdef uint8_t inner[4]
    cdef Subject subject
    memset(&subject, 0, sizeof(Subject))
    subject.family = family
    subject.address = address
    subject.where = where
    consider(p, &subject)
    if family == 6 and inner_of(p.state, address, inner):
        subject.family = 4
        subject.address = inner
        consider(p, &subject)


# --- one record: each says whether its data is sound -------------------------------------------------------

cdef bint visit_alias(Pass* p, const Record* record) noexcept nogil:
    """CNAME (RFC 1035, 3.3.1) or DNAME (RFC 6672, 2.1): the data is one name."""
    cdef Name target
    cdef size_t offset = record.data_offset
    cdef size_t end = offset + record.data_length
    if read_name(p.answer.message, end, &offset, &target) != OK or offset != end:
        return False
    consider_name(p, &target, WHERE_CNAME)
    return True


cdef bint visit_service(Pass* p, const Record* record) noexcept nogil:
    """SVCB or HTTPS (RFC 9460): the target unless it is the owner itself (2.5), then the hints (7.3)."""
    cdef Service service
    cdef uint8_t family
    cdef const uint8_t* address
    cdef int status = service_start(p.answer.message, p.answer.length, record, &service)
    if status != OK:
        return False
    if service.target.labels:
        consider_name(p, &service.target, WHERE_TARGET)
    while status == OK and p.effort <= MOST_EFFORT:
        status = service_hint(&service, &family, &address)
        if status == OK:
            consider_address(p, family, address, WHERE_HINT)
    return status == END or p.effort > MOST_EFFORT


cdef bint visit_address(Pass* p, const Record* record) noexcept nogil:
    """A (RFC 1035, 3.4.1) or AAAA (RFC 3596, 2.2)."""
    cdef uint8_t family = 4 if record.type == TYPE_A else 6
    if record.data_length != (4 if family == 4 else 16):
        return False
    consider_address(p, family, p.answer.message + record.data_offset, WHERE_ADDRESS)
    return True


cdef bint visit(Pass* p, const Record* record) noexcept nogil:
    if record.rclass != CLASS_IN or record.section == SECTION_AUTHORITY:
        return True
    if record.type == TYPE_A or record.type == TYPE_AAAA:
        return visit_address(p, record)
    if record.type == TYPE_CNAME or record.type == TYPE_DNAME:
        return visit_alias(p, record)
    if record.type == TYPE_SVCB or record.type == TYPE_HTTPS:
        return visit_service(p, record)
    return True


cdef int go_over(Pass* p) noexcept nogil:
    """Visit the records of the message in their order, until one is not sound or it is too much: INSPECT_*.
    """
    cdef Walk walk
    cdef Record record
    cdef Name owner
    cdef int status = walk_start(p.answer.message, p.answer.length, &walk)
    while status == OK:
        status = walk_next(&walk, &record, &owner if p.weighs else NULL)
        if status != OK:
            break
        p.effort += EFFORT_RECORD
        if p.weighs:
            p.effort += owner.labels // OWNER_LABELS
        if not visit(p, &record) and not p.weighs:     # what is weighed is read on by others
            return INSPECT_DAMAGED
        if p.effort > MOST_EFFORT:
            return INSPECT_TOO_LARGE
    return INSPECT_OK if status == END else INSPECT_DAMAGED


# --- the three questions --------------------------------------------------------------------------------

cdef void begin(Verdict* verdict, const Inspected* answer, int64_t boundary) noexcept nogil:
    """Begin with PASS, and with the reason for which the query's name passed."""
    memset(verdict, 0, sizeof(Verdict))
    verdict.reason = reason_of_pass(answer.own_allow, answer.excepted)
    verdict.scope = SCOPE_SUBTREE
    verdict.where = WHERE_QUERY
    verdict.suffix = SUFFIX_NONE
    verdict.own_allow = answer.own_allow
    verdict.excepted = answer.excepted
    verdict.is_protected = answer.is_protected
    verdict.valid_until = boundary


cdef int inspect(const State* state, const Line* line, const Inspected* answer, int64_t now,
                 Verdict* verdict, Trace* trace) noexcept nogil:
    cdef Pass p
    cdef int status
    cdef int64_t boundary = boundary_of(state, line, now)
    memset(&p, 0, sizeof(Pass))
    p.state = state
    p.answer = answer
    p.line = line
    p.now = now
    p.best = verdict
    p.trace = trace
    begin(verdict, answer, boundary)
    if trace != NULL:
        clear_trace(trace)
    status = go_over(&p)
    if status != INSPECT_OK:
        begin(verdict, answer, boundary)
        if trace != NULL:
            clear_trace(trace)
        return status
    verdict.coming = p.coming
    verdict.excepted = verdict.excepted or p.excepted
    if trace != NULL and verdict.outcome != OUTCOME_PASS:   # what another name met further on did not count
        memset(&trace.stages[verdict.reason + 1], 0, (STAGES - 1 - verdict.reason) * sizeof(StageTrace))
    return INSPECT_OK


cdef bint is_too_large(const uint8_t* message, size_t length) noexcept nogil:
    cdef Pass p
    cdef Inspected answer
    memset(&answer, 0, sizeof(Inspected))
    answer.message = message
    answer.length = length
    memset(&p, 0, sizeof(Pass))
    p.answer = &answer
    p.weighs = True
    p.effort = <unsigned int> (length // MESSAGE_BYTES)
    return go_over(&p) == INSPECT_TOO_LARGE


cdef void union_of(const State* state, const uint8_t* message, size_t length, Union* out) noexcept nogil:
    cdef Pass p
    cdef Inspected answer
    memset(&answer, 0, sizeof(Inspected))
    answer.message = message
    answer.length = length
    memset(out, 0, sizeof(Union))
    memset(&p, 0, sizeof(Pass))
    p.state = state
    p.answer = &answer
    p.seen = out
    out.damaged = go_over(&p) != INSPECT_OK


cdef bint union_touches(const State* state, const Line* line, const Union* seen, int64_t now) noexcept nogil:
    cdef const Policy* policy
    if seen.any_mandatory or seen.damaged:
        return True
    if (
        state.security_enabled
        and not (line != NULL and line.flags & LINE_SECURITY_LEFT)
        and masks_touch(seen.bits, state.security)
    ):
        return True
    if line == NULL:
        return False
    if line.own_count and seen.names:
        return True
    policy = policy_in_effect(state, line, now)
    return policy != NULL and masks_touch(seen.bits, policy.interest)


# --- the Python face

EFFORT = {
    "most": MOST_EFFORT,
    "record": EFFORT_RECORD,
    "ipv4": EFFORT_IPV4,
    "ipv6": EFFORT_IPV6,
    "name": EFFORT_NAME,
    "label": EFFORT_LABEL,
    "name_bytes": NAME_BYTES,
    "owner_labels": OWNER_LABELS,
    "message_bytes": MESSAGE_BYTES,
}


def too_large(bytes message not None):
    """Return whether the whole message takes more effort than the bound."""
    return bool(is_too_large(<const uint8_t*> message, len(message)))


def inspect_message(PublishedState state not None, LineHandle line, bytes message not None, bint own_allow,
                    int64_t now, *, bint is_protected=False, bint rewritten=False, bint excepted=False,
                    bint traced=True, bint remembered=False):
    """Return the verdict on an answer, None for a message that cannot be read to its end or is too large."""
    cdef Verdict verdict
    cdef Trace trace
    cdef const Line* native = NULL if line is None else &line.line
    cdef Inspected answer
    cdef Union seen
    cdef int status
    memset(&answer, 0, sizeof(Inspected))
    answer.message = <const uint8_t*> message
    answer.length = len(message)
    if remembered:
        traced = False
        union_of(&state.state, answer.message, answer.length, &seen)
        answer.hot = seen.hot
    answer.own_allow = own_allow
    answer.is_protected = is_protected
    answer.rewritten = rewritten
    answer.excepted = excepted
    with nogil:
        status = inspect(&state.state, native, &answer, now, &verdict, &trace if traced else NULL)
    return decision_of(&verdict, &trace if traced else NULL) if status == INSPECT_OK else None


def message_touches(PublishedState state not None, LineHandle line, bytes message not None, int64_t now):
    """Return whether anything in the answer could be withheld from the line; False is certain."""
    cdef Union seen
    cdef const Line* native = NULL if line is None else &line.line
    union_of(&state.state, <const uint8_t*> message, len(message), &seen)
    return bool(union_touches(&state.state, native, &seen, now))
