# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The verdict on one name: the published state, a line's choices, and the stages from local to security.

The numbers of outcomes, reasons, modes, scopes and places are those of ``model.verdict`` and ``model.rule``.
The order of precedence stands as a numbered list in ``decide_reference``, the plain-Python twin.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from filterd.policy.fingerprint cimport Fingerprint
from filterd.policy.inner cimport MAX_NAT64, Nat64
from filterd.policy.policy_table cimport Policy, PolicyTable
from filterd.policy.snapshot cimport WORDS, ActiveSet, Overlay, Snapshot, Table
from filterd.wire.codec cimport Name


cdef enum:
    CLASS_BITS = 512
    STAGES = 13                 # one per Reason, NONE included
    SUFFIX_NONE = 255           # no rule's name is known
    REFERENCE_UNKNOWN = 0xFFFFFFFF  # more mandates than a match can hold: one of them

cdef enum:
    OUTCOME_PASS = 0
    OUTCOME_BLOCK = 1
    OUTCOME_REWRITE = 2
    OUTCOME_LOCAL = 3

cdef enum:
    REASON_NONE = 0
    REASON_LOCAL = 1
    REASON_MANDATORY = 2
    REASON_SPECIAL_USE = 3
    REASON_OWN_DENY = 4
    REASON_EXCEPTION = 5
    REASON_SCHEDULE = 6
    REASON_OWN_ALLOW = 7
    REASON_SERVICE = 8
    REASON_CATEGORY = 9
    REASON_SAFE_SEARCH = 10
    REASON_BYPASS = 11
    REASON_SECURITY = 12

cdef enum:
    MODE_NXDOMAIN = 0
    MODE_NODATA = 1
    MODE_NULL = 2
    MODE_SINKHOLE = 3

cdef enum:
    SCOPE_EXACT = 0
    SCOPE_SUBTREE = 1
    SCOPE_BELOW = 2

cdef enum:
    WHERE_QUERY = 0
    WHERE_CNAME = 1
    WHERE_TARGET = 2
    WHERE_HINT = 3
    WHERE_ADDRESS = 4

# What became of a stage; `policy.trace.StageOutcome` has the same numbers.
cdef enum:
    STAGE_NOT_EVALUATED = 0
    STAGE_OFF = 1
    STAGE_NO_MATCH = 2
    STAGE_LIFTED = 3
    STAGE_ALLOWED = 4
    STAGE_DECIDED = 5

# The class bits that are the same in every snapshot; `policy.classes` has the same numbers.
cdef enum:
    BIT_LOCALHOST = 0
    BIT_RESOLVER_ARPA = 1
    BIT_SPECIAL_USE = 2
    BIT_PROTECTED = 3
    BIT_ALWAYS_ALLOWED = 4
    BIT_EXCEPTED = 5            # stands in overlays alone

# A byte of an active set; `policy.published` has the same numbers.
cdef enum:
    ACTIVE_MODE_SHIFT = 1
    ACTIVE_CONFIDENTIAL = 8
    ACTIVE_UNKNOWN = 9          # of an id that no mandate speaks of: active, NXDOMAIN, nothing told

cdef enum:
    LINE_OPTED_IN = 1
    LINE_SECURITY_LEFT = 2

cdef enum:
    PAUSE_LIMIT = 608400        # seconds; `model.line` has the same number

cdef enum:
    SUSPENSION_LIMIT = 90000    # seconds; `model.lifting` has the same number

cdef enum:
    OWN_ALLOW_FLAG = 1
    OWN_EXACT_FLAG = 2


cdef struct OwnName:
    # A fingerprint whose two lowest bits say what the rule is; a line's own names are sorted by (high, low).
    uint64_t high
    uint64_t low                # bit 0: allow; bit 1: exact; the rest: the fingerprint's own bits

cdef struct Line:
    uint64_t number
    uint32_t policy             # index into State.policies; past its end: no policy
    uint32_t own_count
    OwnName* own                # owned by who made the line
    int64_t paused_until        # Unix seconds, 0: not paused
    uint8_t flags               # LINE_*

cdef struct State:
    const Table* snapshot
    const Table* overlay                # NULL: empty
    ActiveSet active
    const Policy* policies
    uint32_t policy_count
    const Name** targets                # by class bit: the safe host of a safe-search bit, else NULL
    uint64_t security[WORDS]
    uint64_t protected_names[WORDS]
    uint64_t local[WORDS]
    uint64_t special[WORDS]
    uint64_t observed           # as many bits as lists are observed; 0: none is
    uint32_t first_observed     # the class bit of the first of them
    int64_t next_beginning              # of a mandate that is coming, Unix seconds; 0: none has one
    int64_t suspended_until             # parental filtering is off for every line till then; 0: it is on
    int64_t exceptions_end              # the first end of an exception in force, Unix seconds; 0: none
    uint64_t generation
    uint8_t key[16]
    bint security_enabled
    uint8_t security_mode               # of blocks by security feeds
    bint ready                          # the mandatory part is loaded
    bint parental_ready                 # lines and their choices are loaded
    bint parental_fail_open
    Nat64 nat64[MAX_NAT64]              # the longest prefix first
    uint8_t nat64_count

cdef struct Verdict:
    uint8_t outcome
    uint8_t reason
    uint8_t mode
    uint8_t scope               # SCOPE_EXACT: NXDOMAIN would deny too much, answer NODATA (RFC 8020)
    uint8_t where
    # Mandatory and own names: label index where the rule's name starts, or an address's prefix length.
    uint8_t suffix              # else SUFFIX_NONE
    bint own_allow              # the line allows the name: to be carried to inspect
    bint is_protected           # so is the name: to be carried likewise
    bint excepted               # an exception lifts feeds for the name: to be carried likewise
    bint confidential           # mandatory: give no text
    bint coming                 # a mandate speaks of it that is not in force yet: see stages.limit_coming
    uint32_t reference          # a class bit or a mandatory id
    int64_t valid_until         # when the line's next boundary changes what it gets, Unix seconds; 0: none
    uint64_t observed           # the observed lists that have the query's name, a bit for each

cdef struct StageTrace:
    uint8_t outcome             # STAGE_*
    uint8_t where
    uint8_t scope
    uint8_t family              # 4 or 6: `matched` is an address and `length` its prefix length; 0: a name
    uint8_t length              # octets of a name in `matched`; 0: no rule's name
    uint8_t matched[256]
    uint32_t reference

cdef struct Trace:
    StageTrace stages[STAGES]   # index: the reason

# What a verdict is asked about: a name with its suffixes, or an address (name is NULL).
cdef struct Subject:
    const Name* name
    const Fingerprint* suffixes
    const uint8_t* address
    uint8_t family
    uint8_t where
    bint own_allow              # carried from the query's name
    bint is_protected           # carried likewise
    bint excepted               # carried likewise
    bint of_parent              # a query for DS, which the parent zone answers (RFC 4035, 3.1.4.1)
    bint rewritten              # of a safe host's answer: there is nothing left to rewrite to


cdef inline bint masks_touch(const uint64_t* bits, const uint64_t* mask) noexcept nogil:
    """True if two class masks share a bit."""
    cdef int word
    for word in range(WORDS):
        if bits[word] & mask[word]:
            return True
    return False


cdef inline bint is_paused(const Line* line, int64_t now) noexcept nogil:
    """True if the line's pause holds at `now`; one that would last too long was written by a wrong clock."""
    cdef int64_t left = line.paused_until - now
    return 0 < left <= PAUSE_LIMIT


cdef inline bint is_suspended(const State* state, int64_t now) noexcept nogil:
    """True if parental filtering is off for every line; a suspension that would last too long was written by
    a wrong clock."""
    cdef int64_t left = state.suspended_until - now
    return 0 < left <= SUSPENSION_LIMIT


cdef inline const Policy* policy_in_effect(const State* state, const Line* line, int64_t now) noexcept nogil:
    """The line's policy; NULL where it did not opt in, is paused at `now` or has none, or all are off."""
    if line == NULL or not line.flags & LINE_OPTED_IN or is_paused(line, now) or is_suspended(state, now):
        return NULL
    if line.policy >= state.policy_count:
        return NULL
    return &state.policies[line.policy]


cdef inline bint awaits_lists(const State* state, const Line* line, int64_t now) noexcept nogil:
    """True if the policy in effect has a category of which no list was ever read, and the operator fails
    closed."""
    cdef const Policy* policy = policy_in_effect(state, line, now)
    return policy != NULL and policy.unread and not state.parental_fail_open


cdef inline bint strips_ech(const State* state, const Line* line, bint excepted, int64_t now) noexcept nogil:
    """True if the line gets its answers without ECH: its policy says so, and no exception lifts that for the
    query's name."""
    cdef const Policy* policy = policy_in_effect(state, line, now)
    return policy != NULL and policy.strip_ech and not excepted


cdef inline uint8_t reason_of_pass(bint own_allow, bint excepted) noexcept nogil:
    """The reason of a verdict that lets a name pass."""
    if excepted:
        return REASON_EXCEPTION
    return REASON_OWN_ALLOW if own_allow else REASON_NONE


cdef inline OwnName own_name(const Fingerprint* fingerprint, bint allow, bint exact) noexcept nogil:
    """The rule as a line holds it."""
    cdef OwnName own
    own.high = fingerprint.high
    own.low = fingerprint.low & ~<uint64_t> 3
    if allow:
        own.low |= OWN_ALLOW_FLAG
    if exact:
        own.low |= OWN_EXACT_FLAG
    return own


# When the line's pause, the suspension of all or its schedule ends next, Unix seconds; 0: never, or the line
# asked for nothing.
cdef int64_t boundary_of(const State* state, const Line* line, int64_t now) noexcept nogil

cdef void own_sort(OwnName* own, uint32_t count) noexcept nogil
cdef void clear_trace(Trace* trace) noexcept nogil

# The verdict on a query's name. `line` NULL: unknown. `trace` may be NULL, else it is filled from scratch.
# A query for DS is not blocked by what stands at the name itself, but by what stands above it.
cdef void decide(const State* state, const Line* line, const Name* name, uint16_t qtype, int64_t now,
                 Verdict* verdict, Trace* trace) noexcept nogil
# The same with the name's suffixes() at hand.
cdef void decide_known(const State* state, const Line* line, const Name* name, const Fingerprint* values,
                       uint16_t qtype, int64_t now, Verdict* verdict, Trace* trace) noexcept nogil

# The stages from mandatory to security on a name or address of an answer; local, special use and a schedule
# that blocks everything are not asked. The trace, if any, is added to: the further stage outcome stays.
cdef void decide_answer(const State* state, const Line* line, const Subject* subject, int64_t now,
                        Verdict* verdict, Trace* trace) noexcept nogil


# The verdict and its trace (NULL: none) as a `policy.trace.Decision`.
cdef object decision_of(const Verdict* verdict, const Trace* trace)


cdef class TargetTable:
    """The safe hosts by class bit."""

    cdef Name* names
    cdef const Name* index[CLASS_BITS]


cdef class PublishedState:
    """Everything that a verdict needs, immutable; it keeps alive what its struct points to."""

    cdef State state
    cdef TargetTable targets
    cdef bytes active
    cdef readonly Snapshot snapshot
    cdef readonly Overlay overlay
    cdef readonly object classes
    cdef readonly object settings
    cdef readonly PolicyTable policies
    cdef readonly dict mandates
    cdef readonly int64_t next_change


cdef class LineHandle:
    """A line for explanations and tests; the data plane keeps its own table of the struct."""

    cdef Line line
