# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The verdict on one name: the stages in the order of precedence that ``decide_reference`` states.

``decide`` is for a query's name, ``decide_answer`` for what an answer holds; both go through the same stages.
A stage returns True when it decided. Nothing below the Python face allocates, raises or takes the GIL.
"""

from ipaddress import ip_network

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, qsort
from libc.string cimport memcmp, memcpy, memset

from filterd.policy.fingerprint cimport KEY_SIZE, MAX_SUFFIXES, Fingerprint, read_wire, suffixes, unpacked
from filterd.policy.inner cimport Nat64
from filterd.policy.policy_table cimport Policy, PolicyTable, words_of
from filterd.policy.snapshot cimport (
    WORDS,
    ActiveSet,
    Mandatory,
    Match,
    Overlay,
    Snapshot,
    match_address,
    match_name,
    match_of_parent,
    origin_of_address_bit,
    origin_of_bit,
)
from filterd.wire.codec cimport TYPE_A, TYPE_DS, Name

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Outcome, Reason, Where
from filterd.model.verdict import Verdict as VerdictValue
from filterd.policy import trace as explanation
from filterd.policy.classes import from_meta
from filterd.policy.published import (
    StateSettings,
    active_set,
    mandate_from_meta,
    nat64_prefixes,
    next_beginning,
    next_change,
)
from filterd.wire.names import name_from_text, name_to_text

cdef extern from *:
    int __builtin_ctzll(unsigned long long word) noexcept nogil


cdef enum:
    OWN_NONE = 0
    OWN_ALLOWED = 1
    OWN_DENIED = 2


# One verdict in the making; `q` below.
cdef struct Inquiry:
    const State* state
    const Line* line            # NULL: unknown
    const Policy* policy        # NULL: no parental restriction in effect
    const Subject* subject
    Verdict* verdict
    Trace* trace                # NULL: nobody asks
    bint is_protected           # carried from the query's name, or that of this very address
    bint own_allow              # carried from the query's name, or the line's own rule on this one
    bint excepted               # carried likewise, or an exception on this one
    uint8_t own                 # OWN_*
    uint8_t own_scope
    uint8_t own_suffix
    Match match


# --- the trace ------------------------------------------------------------------------------------------

cdef void clear_trace(Trace* trace) noexcept nogil:
    memset(trace, 0, sizeof(Trace))


cdef void note(Inquiry* q, uint8_t reason, uint8_t outcome) noexcept nogil:
    """A stage's outcome without a rule; the furthest outcome over the names of an answer stays."""
    cdef StageTrace* stage
    if q.trace == NULL:
        return
    stage = &q.trace.stages[reason]
    if outcome > stage.outcome:
        memset(stage, 0, sizeof(StageTrace))
        stage.outcome = outcome
        stage.where = q.subject.where
        stage.scope = SCOPE_SUBTREE


cdef void note_rule(Inquiry* q, uint8_t reason, uint8_t outcome, uint32_t reference, uint8_t scope,
                    int suffix) noexcept nogil:
    """A stage's outcome with the rule that matched; ``suffix`` as in Verdict, negative: not known."""
    cdef const Subject* subject = q.subject
    cdef StageTrace* stage
    cdef uint8_t start
    if q.trace == NULL or outcome <= q.trace.stages[reason].outcome:
        return
    note(q, reason, outcome)
    stage = &q.trace.stages[reason]
    stage.reference = reference
    stage.scope = scope
    if subject.name == NULL:
        stage.family = subject.family
        stage.length = <uint8_t> (suffix if suffix >= 0 else 0)
        memcpy(stage.matched, subject.address, 4 if subject.family == 4 else 16)
    elif suffix >= 0:
        start = subject.name.offsets[suffix] if suffix < subject.name.labels else subject.name.length - 1
        stage.length = subject.name.length - start
        memcpy(stage.matched, subject.name.bytes + start, stage.length)


cdef void note_class(Inquiry* q, uint8_t reason, uint8_t outcome, int bit) noexcept nogil:
    """A stage's outcome with the list that holds the name; looks up by which of its rules."""
    cdef const State* state = q.state
    cdef const Subject* subject = q.subject
    cdef uint8_t scope = SCOPE_SUBTREE
    cdef int suffix
    if q.trace == NULL:
        return
    if subject.name == NULL:
        suffix = origin_of_address_bit(state.snapshot, state.overlay, state.key, subject.family,
                                       subject.address, <uint32_t> bit)
    else:
        suffix = origin_of_bit(state.snapshot, state.overlay, subject.suffixes, subject.name,
                               <uint32_t> bit, &scope)
    note_rule(q, reason, outcome, <uint32_t> bit, scope, suffix)


# --- shared steps ---------------------------------------------------------------------------------------

cdef inline int first_shared(const uint64_t* bits, const uint64_t* mask) noexcept nogil:
    """The lowest class bit in both, -1 for none."""
    cdef int word
    for word in range(WORDS):
        if bits[word] & mask[word]:
            return 64 * word + __builtin_ctzll(bits[word] & mask[word])
    return -1


cdef inline bint has_bit(const uint64_t* bits, int bit) noexcept nogil:
    return bits[bit >> 6] >> (bit & 63) & 1


cdef bint settle(Inquiry* q, uint8_t outcome, uint8_t reason, uint8_t mode, uint8_t scope,
                 uint32_t reference) noexcept nogil:
    """Write the verdict of a stage that decided; True."""
    cdef Verdict* verdict = q.verdict
    verdict.outcome = outcome
    verdict.reason = reason
    verdict.mode = mode
    verdict.scope = scope
    verdict.reference = reference
    return True


cdef bint settle_class(Inquiry* q, uint8_t outcome, uint8_t reason, uint8_t mode, int bit) noexcept nogil:
    """The same for a class bit: its scope is exact unless the list holds everything below too; True."""
    note_class(q, reason, STAGE_DECIDED, bit)
    return settle(q, outcome, reason, mode,
                  SCOPE_SUBTREE if has_bit(q.match.wide, bit) else SCOPE_EXACT, <uint32_t> bit)


cdef bint block_class(Inquiry* q, uint8_t reason, const uint64_t* mask, uint8_t mode,
                      bint lifted) noexcept nogil:
    """Block a name that stands in one of the classes, unless that is lifted."""
    cdef int bit = first_shared(q.match.bits, mask)
    if bit < 0:
        note(q, reason, STAGE_NO_MATCH)
        return False
    if lifted:
        note_class(q, reason, STAGE_LIFTED, bit)
        return False
    return settle_class(q, OUTCOME_BLOCK, reason, mode, bit)


cdef int compare_own(const void* left, const void* right) noexcept nogil:
    cdef const OwnName* a = <const OwnName*> left
    cdef const OwnName* b = <const OwnName*> right
    if a.high != b.high:
        return -1 if a.high < b.high else 1
    return (a.low > b.low) - (a.low < b.low)


cdef void own_sort(OwnName* own, uint32_t count) noexcept nogil:
    qsort(own, count, sizeof(OwnName), compare_own)


cdef uint32_t own_place(const Line* line, const Fingerprint* value) noexcept nogil:
    """The index of the first own name not below the fingerprint; own_count when there is none."""
    cdef uint64_t low = value.low & ~<uint64_t> 3
    cdef uint32_t first = 0
    cdef uint32_t end = line.own_count
    cdef uint32_t middle
    while first < end:
        middle = first + (end - first) // 2
        if line.own[middle].high < value.high or (
            line.own[middle].high == value.high and line.own[middle].low < low
        ):
            first = middle + 1
        else:
            end = middle
    return first


cdef bint own_rules_at(Inquiry* q, uint8_t suffix) noexcept nogil:
    """Take the line's own rules on one suffix: on the same name a block wins. Whether there is any."""
    cdef const Line* line = q.line
    cdef const Fingerprint* value = &q.subject.suffixes[suffix]
    cdef uint64_t low = value.low & ~<uint64_t> 3
    cdef uint32_t at = own_place(line, value)
    cdef uint8_t own, scope
    while at < line.own_count and line.own[at].high == value.high and line.own[at].low & ~<uint64_t> 3 == low:
        own = OWN_ALLOWED if line.own[at].low & OWN_ALLOW_FLAG else OWN_DENIED
        scope = SCOPE_EXACT if line.own[at].low & OWN_EXACT_FLAG else SCOPE_SUBTREE
        at += 1
        if scope == SCOPE_EXACT and suffix != 0:
            continue
        if own > q.own or (own == q.own and scope == SCOPE_SUBTREE):
            q.own = own
            q.own_scope = scope
            q.own_suffix = suffix
    return q.own != OWN_NONE


cdef void find_own(Inquiry* q) noexcept nogil:
    """Find the line's own rule on the name: the most specific one. A DS question is not blocked by a rule on
    the name itself."""
    cdef const Name* name = q.subject.name
    cdef uint8_t suffix
    q.own = OWN_NONE
    if q.line != NULL and q.line.own_count and name != NULL:
        for suffix in range(name.labels + 1):
            if own_rules_at(q, suffix):
                if suffix or q.own != OWN_DENIED or not q.subject.of_parent:
                    break
                q.own = OWN_NONE
    q.own_allow = q.subject.own_allow or q.own == OWN_ALLOWED


# --- the stages -----------------------------------------------------------------------------------------

cdef bint stage_local(Inquiry* q) noexcept nogil:
    cdef int bit = first_shared(q.match.bits, q.state.local)
    if bit < 0:
        note(q, REASON_LOCAL, STAGE_NO_MATCH)
        return False
    return settle_class(q, OUTCOME_LOCAL, REASON_LOCAL, MODE_NXDOMAIN, bit)


cdef Mandatory first_mandatory(const Match* match) noexcept nogil:
    """The mandate to name when several hold: the lowest id, so lists before orders.

    More than a match can hold, and those it holds excepted: no mandate is known, but one there is.
    """
    cdef Mandatory best
    cdef int index
    best.id = REFERENCE_UNKNOWN
    best.scope = SCOPE_EXACT
    best.suffix = 0
    for index in range(match.mandatory_count):
        if match.mandatory[index].id < best.id:
            best = match.mandatory[index]
    return best


cdef bint stage_mandatory(Inquiry* q) noexcept nogil:
    cdef Mandatory mandate
    cdef const ActiveSet* active = &q.state.active
    cdef uint8_t flags = ACTIVE_UNKNOWN
    if not q.match.mandatory_count and not q.match.mandatory_overflow:
        note(q, REASON_MANDATORY, STAGE_NO_MATCH)
        return False
    mandate = first_mandatory(&q.match)
    note_rule(q, REASON_MANDATORY, STAGE_LIFTED if q.is_protected else STAGE_DECIDED, mandate.id,
              mandate.scope, mandate.suffix)
    if q.is_protected:
        return False
    if mandate.id < active.count:
        flags = active.state[mandate.id]
    q.verdict.suffix = mandate.suffix
    q.verdict.confidential = flags & ACTIVE_CONFIDENTIAL != 0
    return settle(q, OUTCOME_BLOCK, REASON_MANDATORY, flags >> ACTIVE_MODE_SHIFT & 3, mandate.scope,
                  mandate.id)


cdef bint stage_special_use(Inquiry* q) noexcept nogil:
    cdef int bit = first_shared(q.match.bits, q.state.special)
    if bit < 0:
        note(q, REASON_SPECIAL_USE, STAGE_NO_MATCH)
        return False
    return settle_class(q, OUTCOME_LOCAL, REASON_SPECIAL_USE, MODE_NXDOMAIN, bit)


cdef bint stage_own_deny(Inquiry* q) noexcept nogil:
    cdef const Line* line = q.line
    cdef uint8_t mode = MODE_NXDOMAIN
    if q.own != OWN_DENIED:
        note(q, REASON_OWN_DENY, STAGE_OFF if line == NULL else STAGE_NO_MATCH)
        return False
    note_rule(q, REASON_OWN_DENY, STAGE_DECIDED, 0, q.own_scope, q.own_suffix)
    if line.flags & LINE_OPTED_IN and line.policy < q.state.policy_count:
        mode = q.state.policies[line.policy].mode
    q.verdict.suffix = q.own_suffix
    return settle(q, OUTCOME_BLOCK, REASON_OWN_DENY, mode, q.own_scope, 0)


cdef bint find_exception(Inquiry* q) noexcept nogil:
    """True if an exception lifts feeds for the subject. One on the name itself counts for a DS question too:
    what stands above the name would block it otherwise."""
    cdef const State* state = q.state
    cdef const Subject* subject = q.subject
    cdef Match whole
    if subject.excepted or has_bit(q.match.bits, BIT_EXCEPTED):
        return True
    if not subject.of_parent or not state.exceptions_end:
        return False
    match_name(state.snapshot, state.overlay, subject.suffixes, subject.name, &state.active, &whole)
    return has_bit(whole.bits, BIT_EXCEPTED)


cdef void stage_exception(Inquiry* q) noexcept nogil:
    """Decides nothing: notes what later stages are lifted by."""
    if has_bit(q.match.bits, BIT_EXCEPTED):
        note_class(q, REASON_EXCEPTION, STAGE_ALLOWED, BIT_EXCEPTED)
    else:
        note(q, REASON_EXCEPTION, STAGE_ALLOWED if q.excepted else STAGE_NO_MATCH)


cdef bint stage_schedule_all(Inquiry* q) noexcept nogil:
    """A schedule that blocks all but the always-allowed names: asked about the query's name only."""
    cdef int always = first_shared(q.match.bits, q.policy.always)
    if always >= 0:
        note_class(q, REASON_SCHEDULE, STAGE_LIFTED, always)
        return False
    if q.is_protected:
        note(q, REASON_SCHEDULE, STAGE_LIFTED)
        return False
    note(q, REASON_SCHEDULE, STAGE_DECIDED)
    return settle(q, OUTCOME_BLOCK, REASON_SCHEDULE, q.policy.mode, SCOPE_SUBTREE, 0)


cdef bint stage_schedule(Inquiry* q) noexcept nogil:
    cdef const Policy* policy = q.policy
    if policy.schedule_all and q.subject.where == WHERE_QUERY and stage_schedule_all(q):
        return True
    return block_class(q, REASON_SCHEDULE, policy.schedule, policy.mode, q.is_protected or q.excepted)


cdef void stage_own_allow(Inquiry* q) noexcept nogil:
    """Decides nothing: notes what later stages are lifted by."""
    if q.own == OWN_ALLOWED:
        note_rule(q, REASON_OWN_ALLOW, STAGE_ALLOWED, 0, q.own_scope, q.own_suffix)
    elif q.own_allow:
        note(q, REASON_OWN_ALLOW, STAGE_ALLOWED)
    else:
        note(q, REASON_OWN_ALLOW, STAGE_OFF if q.line == NULL else STAGE_NO_MATCH)


cdef bint is_target(Inquiry* q, int bit) noexcept nogil:
    """True if the name is the safe host itself, or the list has none: there is nothing to rewrite to."""
    cdef const Name* target = q.state.targets[bit]
    cdef const Name* name = q.subject.name
    if target == NULL:
        return True
    if name == NULL or name.length != target.length:
        return False
    return memcmp(name.bytes, target.bytes, name.length) == 0


cdef bint stage_safe_search(Inquiry* q) noexcept nogil:
    cdef uint64_t shared
    cdef int word, bit
    for word in range(WORDS):
        shared = q.match.bits[word] & q.policy.safe_search[word]
        while shared:
            bit = 64 * word + __builtin_ctzll(shared)
            if not q.subject.rewritten and not is_target(q, bit):
                return settle_class(q, OUTCOME_REWRITE, REASON_SAFE_SEARCH, MODE_NXDOMAIN, bit)
            note_class(q, REASON_SAFE_SEARCH, STAGE_LIFTED, bit)
            shared &= shared - 1
    note(q, REASON_SAFE_SEARCH, STAGE_NO_MATCH)
    return False


cdef bint stage_bypass(Inquiry* q) noexcept nogil:
    """A canary name must not get an address, so here a made-up one becomes NXDOMAIN."""
    cdef const Policy* policy = q.policy
    cdef uint8_t mode = policy.mode if policy.mode <= MODE_NODATA else MODE_NXDOMAIN
    return block_class(q, REASON_BYPASS, policy.bypass, mode, q.excepted)


cdef bint stage_security(Inquiry* q) noexcept nogil:
    cdef const Line* line = q.line
    if not q.state.security_enabled or (line != NULL and line.flags & LINE_SECURITY_LEFT):
        note(q, REASON_SECURITY, STAGE_OFF)
        return False
    return block_class(q, REASON_SECURITY, q.state.security, q.state.security_mode,
                       q.is_protected or q.own_allow or q.excepted)


cdef bint stages_of_policy(Inquiry* q) noexcept nogil:
    """The stage of the line's profile."""
    cdef const Policy* policy = q.policy
    cdef bint allowed = q.own_allow or q.excepted
    cdef uint8_t reason
    stage_exception(q)
    if policy == NULL:
        stage_own_allow(q)
        for reason in range(REASON_SCHEDULE, REASON_SECURITY):
            note(q, reason, STAGE_OFF)
        return False
    if stage_schedule(q):
        return True
    stage_own_allow(q)
    return (
        block_class(q, REASON_SERVICE, policy.services, policy.mode, allowed)
        or block_class(q, REASON_CATEGORY, policy.categories, policy.mode, allowed or q.is_protected)
        or stage_safe_search(q)
        or stage_bypass(q)
    )


# --- the two questions ----------------------------------------------------------------------------------

cdef void begin(Inquiry* q, const State* state, const Line* line, const Subject* subject, int64_t now,
                Verdict* verdict, Trace* trace) noexcept nogil:
    """Match the subject and find out what later stages ask; the verdict says PASS."""
    q.state = state
    q.line = line
    q.policy = policy_in_effect(state, line, now)
    q.subject = subject
    q.verdict = verdict
    q.trace = trace
    if subject.name == NULL:
        match_address(state.snapshot, state.overlay, state.key, subject.family, subject.address,
                      &state.active, &q.match)
    elif subject.of_parent:
        match_of_parent(state.snapshot, state.overlay, subject.suffixes, subject.name, &state.active,
                        &q.match)
    else:
        match_name(state.snapshot, state.overlay, subject.suffixes, subject.name, &state.active,
                   &q.match)
    q.is_protected = subject.is_protected
    if subject.where == WHERE_QUERY or subject.name == NULL:
        q.is_protected |= masks_touch(q.match.bits, state.protected_names)
    memset(verdict, 0, sizeof(Verdict))
    verdict.scope = SCOPE_SUBTREE
    verdict.where = subject.where
    verdict.suffix = SUFFIX_NONE
    verdict.valid_until = boundary_of(state, line, now)
    verdict.coming = q.match.coming
    find_own(q)
    q.excepted = find_exception(q)
    verdict.own_allow = q.own_allow
    verdict.is_protected = q.is_protected
    verdict.excepted = q.excepted


cdef int64_t boundary_of(const State* state, const Line* line, int64_t now) noexcept nogil:
    """When the line's pause or the suspension of all ends, the later of the two, or its schedule changes; 0:
    never."""
    cdef int64_t paused
    if line == NULL or not line.flags & LINE_OPTED_IN:
        return 0
    paused = line.paused_until if is_paused(line, now) else 0
    if is_suspended(state, now):
        return max(paused, state.suspended_until)
    if paused:
        return paused
    return state.policies[line.policy].next_boundary if line.policy < state.policy_count else 0


cdef inline uint64_t observed_in(const State* state, const uint64_t* bits) noexcept nogil:
    """The observed lists among class bits, which are next to each other: a bit for each, from the first."""
    cdef uint32_t word = state.first_observed >> 6
    cdef uint32_t shift = state.first_observed & 63
    cdef uint64_t found
    if not state.observed:
        return 0
    found = bits[word] >> shift
    if shift and word + 1 < WORDS:
        found |= bits[word + 1] << (64 - shift)
    return found & state.observed


cdef void decide(const State* state, const Line* line, const Name* name, uint16_t qtype, int64_t now,
                 Verdict* verdict, Trace* trace) noexcept nogil:
    cdef Fingerprint values[MAX_SUFFIXES]
    suffixes(state.key, name, values)
    decide_known(state, line, name, values, qtype, now, verdict, trace)


cdef void decide_known(const State* state, const Line* line, const Name* name, const Fingerprint* values,
                       uint16_t qtype, int64_t now, Verdict* verdict, Trace* trace) noexcept nogil:
    cdef Subject subject
    cdef Inquiry q
    memset(&subject, 0, sizeof(Subject))
    subject.name = name
    subject.suffixes = values
    subject.where = WHERE_QUERY
    subject.of_parent = qtype == TYPE_DS
    if trace != NULL:
        clear_trace(trace)
    begin(&q, state, line, &subject, now, verdict, trace)
    verdict.observed = observed_in(state, q.match.bits)
    if (
        stage_local(&q)
        or stage_mandatory(&q)
        or stage_special_use(&q)
        or stage_own_deny(&q)
        or stages_of_policy(&q)
        or stage_security(&q)
    ):
        return
    verdict.reason = reason_of_pass(verdict.own_allow, verdict.excepted)


cdef void decide_answer(const State* state, const Line* line, const Subject* subject, int64_t now,
                        Verdict* verdict, Trace* trace) noexcept nogil:
    cdef Inquiry q
    begin(&q, state, line, subject, now, verdict, trace)
    if not (
        stage_mandatory(&q)
        or stage_own_deny(&q)
        or stages_of_policy(&q)
    ):
        stage_security(&q)


# --- the Python face

cdef str matched_text(const StageTrace* stage):
    if stage.family:
        size = 4 if stage.family == 4 else 16
        return str(ip_network((stage.matched[:size], stage.length), strict=False))
    return name_to_text(stage.matched[:stage.length]) if stage.length else ""


cdef object stage_of(object reason, const StageTrace* stage):
    scope = Scope(stage.scope if stage.outcome else SCOPE_SUBTREE)
    outcome = explanation.StageOutcome(stage.outcome)
    return explanation.StageTrace(reason, outcome, stage.reference, Where(stage.where), scope,
                                  matched_text(stage))


cdef object decision_of(const Verdict* verdict, const Trace* trace):
    matched = ""
    stages = ()
    if trace != NULL:
        stages = tuple([stage_of(reason, &trace.stages[<int> reason]) for reason in explanation.TRACED])
        if verdict.outcome != OUTCOME_PASS:
            matched = stages[verdict.reason - 1].matched
    return explanation.Decision(
        VerdictValue(Outcome(verdict.outcome), Reason(verdict.reason), BlockingMode(verdict.mode),
                     Scope(verdict.scope), Where(verdict.where), verdict.reference, matched),
        own_allow=bool(verdict.own_allow),
        confidential=bool(verdict.confidential),
        valid_until=verdict.valid_until,
        stages=stages,
        is_protected=bool(verdict.is_protected),
        excepted=bool(verdict.excepted),
        coming=bool(verdict.coming),
        observed=verdict.observed,
    )


def decide_name(PublishedState state not None, LineHandle line, bytes name not None, int64_t now, *,
                uint16_t qtype=TYPE_A, bint traced=True):
    """Return the verdict on a query's name, in lower-cased wire form; ValueError when it is no name."""
    cdef Name wire
    cdef Verdict verdict
    cdef Trace trace
    cdef const Line* native = NULL if line is None else &line.line
    read_wire(name, &wire)
    with nogil:
        decide(&state.state, native, &wire, qtype, now, &verdict, &trace if traced else NULL)
    return decision_of(&verdict, &trace if traced else NULL)


def line_strips_ech(PublishedState state not None, LineHandle line, bint excepted, int64_t now):
    """Return whether the line gets its answers without ECH; excepted: an exception holds for the name."""
    return bool(strips_ech(&state.state, NULL if line is None else &line.line, excepted, now))


cdef class LineHandle:

    def __cinit__(self, object number, *, uint32_t policy=0, bint opted_in=False, int64_t paused_until=0,
                  bint security_left=False, object own_names=()):
        cdef Fingerprint value
        cdef uint32_t at = 0
        rules = list(own_names)
        self.line.own = <OwnName*> calloc(len(rules) or 1, sizeof(OwnName))
        if self.line.own == NULL:
            raise MemoryError
        for text, action, scope in rules:
            if scope == Scope.BELOW:
                raise ValueError("an own name is exact or holds for all below it too")
            unpacked(text, &value)
            self.line.own[at] = own_name(&value, action == Action.ALLOW, scope == Scope.EXACT)
            at += 1
        own_sort(self.line.own, at)
        self.line.own_count = at
        self.line.number = number
        self.line.policy = policy
        self.line.paused_until = paused_until
        self.line.flags = (LINE_OPTED_IN if opted_in else 0) | (LINE_SECURITY_LEFT if security_left else 0)

    def __dealloc__(self):
        free(self.line.own)


cdef class TargetTable:

    def __cinit__(self, dict hosts not None):
        cdef int at = 0
        self.names = <Name*> calloc(len(hosts) or 1, sizeof(Name))
        if self.names == NULL:
            raise MemoryError
        memset(self.index, 0, sizeof(self.index))
        for bit, host in hosts.items():
            read_wire(name_from_text(host), &self.names[at])
            self.index[<int> bit] = &self.names[at]
            at += 1

    def __dealloc__(self):
        free(self.names)


cdef fill_tables(PublishedState self):
    """Point the struct at what the object holds."""
    self.state.snapshot = &self.snapshot.table
    self.state.overlay = NULL if self.overlay is None else &self.overlay.table
    self.state.policies = self.policies.entries
    self.state.policy_count = self.policies.count
    self.state.targets = self.targets.index


cdef fill_masks(PublishedState self):
    """The switches, and which classes mean what."""
    words_of(self.classes.mask(Kind.SECURITY), self.state.security)
    words_of(self.classes.mask(Kind.PROTECTED), self.state.protected_names)
    words_of(self.classes.mask(Kind.LOCAL), self.state.local)
    words_of(self.classes.mask(Kind.SPECIAL_USE), self.state.special)
    first, count = self.classes.observed()
    self.state.first_observed = first
    self.state.observed = (1 << count) - 1
    self.state.security_enabled = self.settings.security_enabled
    self.state.security_mode = self.settings.security_mode
    self.state.ready = self.settings.ready
    self.state.parental_ready = self.settings.parental_ready
    self.state.parental_fail_open = self.settings.parental_fail_open
    self.state.suspended_until = self.settings.suspended_until
    self.state.exceptions_end = self.settings.exceptions_end


cdef fill_prefixes(PublishedState self):
    """The prefixes of NAT64, which are MAX_NAT64 at most."""
    cdef Nat64* item
    cdef bytes prefix
    for prefix in nat64_prefixes(self.settings.nat64):
        item = &self.state.nat64[self.state.nat64_count]
        item.octets = <uint8_t> len(prefix)
        memcpy(item.prefix, <const uint8_t*> prefix, item.octets)
        self.state.nat64_count += 1


cdef fill_moment(PublishedState self, int64_t now):
    """Fill in what depends on the time: the active set and the next change."""
    cdef int64_t boundary = self.policies.next_boundary(now)
    self.active = active_set(self.mandates.values(), now)
    self.state.active.state = <const uint8_t*> self.active
    self.state.active.count = <uint32_t> len(self.active)
    self.state.next_beginning = next_beginning(self.mandates.values(), now)
    changes = next_change(self.mandates.values(), now)
    self.next_change = min(boundary, changes) if boundary and changes else boundary or changes


cdef class PublishedState:

    def __cinit__(self, Snapshot snapshot not None, bytes key not None, *, int64_t now, uint64_t generation=1,
                  Overlay overlay=None, object mandates=(), object policies=(), object settings=None):
        if len(key) != KEY_SIZE:
            raise ValueError(f"a fingerprint key has {KEY_SIZE} bytes, not {len(key)}")
        memcpy(self.state.key, <const uint8_t*> key, KEY_SIZE)
        self.snapshot = snapshot
        self.overlay = overlay
        self.settings = StateSettings() if settings is None else settings
        self.policies = policies if isinstance(policies, PolicyTable) else PolicyTable.of(policies)
        self.mandates = {m.id: m for m in map(mandate_from_meta, snapshot.meta.get("mandates", ()))}
        self.mandates.update((mandate.id, mandate) for mandate in mandates)
        self.classes = from_meta(snapshot.meta.get("lists", ()))
        self.targets = TargetTable(self.classes.targets())
        self.state.generation = generation
        fill_tables(self)
        fill_masks(self)
        fill_prefixes(self)
        fill_moment(self, now)

    @property
    def next_beginning(self):
        """When the next mandate that is coming begins; Unix seconds, 0: none has a beginning."""
        return self.state.next_beginning

    @property
    def generation(self):
        """The state's number; each evolved state has the next one."""
        return self.state.generation

    def evolve(self, int64_t now, *, object overlay=..., object mandates=None, object policies=None,
               object settings=None):
        """Return the next state over the same snapshot; what is not given stays."""
        return PublishedState(
            self.snapshot,
            self.state.key[:KEY_SIZE],
            now=now,
            generation=self.state.generation + 1,
            overlay=self.overlay if overlay is ... else overlay,
            mandates=self.mandates.values() if mandates is None else mandates,
            policies=self.policies if policies is None else policies,
            settings=self.settings if settings is None else settings,
        )
