"""The verdict on one name, in plain Python: the reference of ``decide``.

The order of precedence. The first stage that decides ends it; the numbers are those of :class:`Reason`.

1.  LOCAL: ``localhost`` and ``resolver.arpa`` are answered here, for everyone.
    Then the query's name is *protected* or not. That lifts orders, schedules and feeds (2, 6, 9, 12), nothing
    else, for the name and for all that its answer holds.
2.  MANDATORY: an order or mandatory list in force, for everyone. The lowest id is named; its mode answers.
    Only protection lifts it.
3.  SPECIAL_USE: names that do not exist in the global DNS, for everyone.
4.  OWN_DENY: the line's own block names, opted in or not, paused or not. The most specific own name
    wins; on a tie, block. An exact one counts for the whole name only.
5.  EXCEPTION decides nothing. The operator's exception on a name lifts what stands in lists: the categories
    that 6 adds, 8, 9, 11 and 12, for everyone, for the query's name and for all that its answer holds. Never
    2 and 4, nor 10, nor a schedule that blocks everything: nobody's list is at fault for those.
    6 to 11, but for 7, hold for a line that opted in and is not paused, while the operator has not suspended
    parental filtering.
6.  SCHEDULE: at this moment all but the always-allowed names, or added categories. Lifted by protection; the
    added categories by 5, too.
7.  OWN_ALLOW decides nothing. It lifts 8, 9 and 12, for the query's name and for all that its answer holds; a
    line has it also when it did not opt in or is paused, because a pause never blocks more.
8.  SERVICE: the profile's services. Lifted by 5 and 7.
9.  CATEGORY: the profile's categories. Lifted by 5, 7 and by protection.
10. SAFE_SEARCH: rewritten to the safe host, unless the name is that host.
11. BYPASS: ways around the resolver. Never answered with a made-up address, which a canary name must not get.
    Lifted by 5.
12. SECURITY: where the operator has it on, for every line that has not left it, and for unknown ones. Lifted
    by 5, 7 and by protection.

Names and addresses in an answer go through 2 and 4 to 12; a schedule that blocks all but the always-allowed
names is not asked again. A target that the line itself allows, or that has an exception, is lifted for that
target alone, and so is an address that is itself protected; a protected name that is met there protects
nothing. Where a stage matches on several lists, the one with the lowest bit is named. The verdict's scope is
EXACT where NXDOMAIN would deny names that the rule does not block; the answer is then NODATA (RFC 8020).

A query for DS asks the parent zone (RFC 4035, 3.1.4.1). Of the lists, orders and own block names that stand
at the name itself none counts for it; those above it do, and all else does, an exception on the name too.

An order that is *coming* (pending, or before its beginning) decides nothing. What it speaks of is answered
with short TTLs (``answer_reference``); protection and exceptions do not matter to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind, Outcome, Reason, Verdict, Where
from filterd.policy.classes import BIT_EXCEPTED
from filterd.policy.inquiry_reference import Inquiry, Notes, ReferenceLine, ReferenceState, boundary_of
from filterd.policy.published import ACTIVE, CONFIDENTIAL, MODE_SHIFT
from filterd.policy.trace import Decision, StageOutcome
from filterd.wire.names import name_from_text

DS = 43
REFERENCE_UNKNOWN = 0xFFFFFFFF
"""the reference where more mandates hold than a match can name"""


def stage_local(inquiry: Inquiry) -> Verdict | None:
    """1."""
    bits = inquiry.shared(inquiry.state.classes.mask(Kind.LOCAL))
    if not bits:
        inquiry.note(Reason.LOCAL, StageOutcome.NO_MATCH)
        return None
    return inquiry.decide_class(Outcome.LOCAL, Reason.LOCAL, BlockingMode.NXDOMAIN, bits[0])


def stage_protected(inquiry: Inquiry) -> None:
    """Decides nothing: the flag that lifts 2, 6, 9 and 12."""
    inquiry.is_protected = inquiry.protection()


def stage_mandatory(inquiry: Inquiry) -> Verdict | None:
    """2."""
    match = inquiry.match
    if not match.mandatory and not match.overflow:
        inquiry.note(Reason.MANDATORY, StageOutcome.NO_MATCH)
        return None
    number, scope, suffix = min(match.mandatory, default=(REFERENCE_UNKNOWN, Scope.EXACT, 0))
    outcome = StageOutcome.LIFTED if inquiry.is_protected else StageOutcome.DECIDED
    matched = inquiry.note_rule(Reason.MANDATORY, outcome, number, Scope(scope), suffix)
    if inquiry.is_protected:
        return None
    mode = BlockingMode(active_flags(inquiry.state, number) >> MODE_SHIFT & 3)
    return Verdict(Outcome.BLOCK, Reason.MANDATORY, mode, Scope(scope), inquiry.where, number, matched)


def active_flags(state: ReferenceState, number: int) -> int:
    """The active set's byte; one that it has not is in force and tells nothing."""
    return state.active[number] if number < len(state.active) else ACTIVE | CONFIDENTIAL


def stage_special_use(inquiry: Inquiry) -> Verdict | None:
    """3."""
    bits = inquiry.shared(inquiry.state.classes.mask(Kind.SPECIAL_USE))
    if not bits:
        inquiry.note(Reason.SPECIAL_USE, StageOutcome.NO_MATCH)
        return None
    return inquiry.decide_class(Outcome.LOCAL, Reason.SPECIAL_USE, BlockingMode.NXDOMAIN, bits[0])


def stage_own_deny(inquiry: Inquiry) -> Verdict | None:
    """4."""
    line, own, policies = inquiry.line, inquiry.own, inquiry.state.policies
    if line is None or own is None or own.action is not Action.BLOCK:
        inquiry.note(Reason.OWN_DENY, StageOutcome.OFF if line is None else StageOutcome.NO_MATCH)
        return None
    matched = inquiry.note_rule(Reason.OWN_DENY, StageOutcome.DECIDED, 0, own.scope, own.suffix)
    has_mode = line.opted_in and line.policy < len(policies)
    mode = policies[line.policy].mode if has_mode else BlockingMode.NXDOMAIN
    return Verdict(Outcome.BLOCK, Reason.OWN_DENY, mode, own.scope, inquiry.where, 0, matched)


def stage_exception(inquiry: Inquiry) -> Verdict | None:
    """5."""
    if BIT_EXCEPTED in inquiry.match.bits:
        inquiry.note_class(Reason.EXCEPTION, StageOutcome.ALLOWED, BIT_EXCEPTED)
    else:
        outcome = StageOutcome.ALLOWED if inquiry.excepted else StageOutcome.NO_MATCH
        inquiry.note(Reason.EXCEPTION, outcome)
    return None


def stage_schedule(inquiry: Inquiry) -> Verdict | None:
    """6."""
    policy = inquiry.policy
    if policy is None:
        inquiry.note(Reason.SCHEDULE, StageOutcome.OFF)
        return None
    if policy.schedule_all and inquiry.where is Where.QUERY:
        always = inquiry.shared(policy.always)
        if always:
            inquiry.note_class(Reason.SCHEDULE, StageOutcome.LIFTED, always[0])
        elif inquiry.is_protected:
            inquiry.note(Reason.SCHEDULE, StageOutcome.LIFTED)
        else:
            inquiry.note(Reason.SCHEDULE, StageOutcome.DECIDED)
            return Verdict(Outcome.BLOCK, Reason.SCHEDULE, policy.mode, where=inquiry.where)
    lifted = inquiry.is_protected or inquiry.excepted
    return inquiry.block_class(Reason.SCHEDULE, policy.schedule, policy.mode, lifted=lifted)


def stage_own_allow(inquiry: Inquiry) -> Verdict | None:
    """7."""
    own = inquiry.own
    if own is not None and own.action is Action.ALLOW:
        inquiry.note_rule(Reason.OWN_ALLOW, StageOutcome.ALLOWED, 0, own.scope, own.suffix)
    elif inquiry.own_allow:
        inquiry.note(Reason.OWN_ALLOW, StageOutcome.ALLOWED)
    else:
        outcome = StageOutcome.OFF if inquiry.line is None else StageOutcome.NO_MATCH
        inquiry.note(Reason.OWN_ALLOW, outcome)
    return None


def stage_service(inquiry: Inquiry) -> Verdict | None:
    """8."""
    policy = inquiry.policy
    if policy is None:
        inquiry.note(Reason.SERVICE, StageOutcome.OFF)
        return None
    lifted = inquiry.own_allow or inquiry.excepted
    return inquiry.block_class(Reason.SERVICE, policy.services, policy.mode, lifted=lifted)


def stage_category(inquiry: Inquiry) -> Verdict | None:
    """9."""
    policy = inquiry.policy
    if policy is None:
        inquiry.note(Reason.CATEGORY, StageOutcome.OFF)
        return None
    lifted = inquiry.own_allow or inquiry.excepted or inquiry.is_protected
    return inquiry.block_class(Reason.CATEGORY, policy.categories, policy.mode, lifted=lifted)


def stage_safe_search(inquiry: Inquiry) -> Verdict | None:
    """10."""
    policy, targets = inquiry.policy, inquiry.state.classes.targets()
    if policy is None:
        inquiry.note(Reason.SAFE_SEARCH, StageOutcome.OFF)
        return None
    for bit in inquiry.shared(policy.safe_search):
        leads = bit in targets and name_from_text(targets[bit]) != inquiry.wire
        if leads and not inquiry.carried.rewritten:
            return inquiry.decide_class(Outcome.REWRITE, Reason.SAFE_SEARCH, BlockingMode.NXDOMAIN, bit)
        inquiry.note_class(Reason.SAFE_SEARCH, StageOutcome.LIFTED, bit)
    inquiry.note(Reason.SAFE_SEARCH, StageOutcome.NO_MATCH)
    return None


def stage_bypass(inquiry: Inquiry) -> Verdict | None:
    """11."""
    policy = inquiry.policy
    if policy is None:
        inquiry.note(Reason.BYPASS, StageOutcome.OFF)
        return None
    mode = policy.mode if policy.mode is BlockingMode.NODATA else BlockingMode.NXDOMAIN
    return inquiry.block_class(Reason.BYPASS, policy.bypass, mode, lifted=inquiry.excepted)


def stage_security(inquiry: Inquiry) -> Verdict | None:
    """12."""
    left = inquiry.line is not None and inquiry.line.security_left
    if not inquiry.state.security_enabled or left:
        inquiry.note(Reason.SECURITY, StageOutcome.OFF)
        return None
    mask = inquiry.state.classes.mask(Kind.SECURITY)
    lifted = inquiry.is_protected or inquiry.own_allow or inquiry.excepted
    return inquiry.block_class(Reason.SECURITY, mask, inquiry.state.security_mode, lifted=lifted)


Stage = Callable[[Inquiry], Verdict | None]

ANSWER_STAGES: tuple[Stage, ...] = (
    stage_protected,
    stage_mandatory,
    stage_own_deny,
    stage_exception,
    stage_schedule,
    stage_own_allow,
    stage_service,
    stage_category,
    stage_safe_search,
    stage_bypass,
    stage_security,
)
QUERY_STAGES: tuple[Stage, ...] = (
    stage_local,
    stage_protected,
    stage_mandatory,
    stage_special_use,
    *ANSWER_STAGES[2:],
)


def first_verdict(inquiry: Inquiry, stages: Iterable[Stage]) -> Verdict:
    """The verdict of the first stage that decides, else PASS."""
    for stage in stages:
        verdict = stage(inquiry)
        if verdict is not None:
            return verdict
    return Verdict(where=inquiry.where)


def reason_of_pass(*, own_allow: bool, excepted: bool) -> Reason:
    """The reason of a verdict that lets a name pass."""
    if excepted:
        return Reason.EXCEPTION
    return Reason.OWN_ALLOW if own_allow else Reason.NONE


def is_confidential(state: ReferenceState, verdict: Verdict) -> bool:
    """True if the verdict is a mandate's that is to be named to nobody."""
    return verdict.reason is Reason.MANDATORY and bool(active_flags(state, verdict.reference) & CONFIDENTIAL)


def decide(
    state: ReferenceState, line: ReferenceLine | None, name: bytes, now: int, qtype: int = 1
) -> Decision:
    """The verdict on a query's name, in lower-cased wire form; ``line`` None: unknown."""
    notes = Notes()
    inquiry = Inquiry(state, line, now, notes, wire=name, of_parent=qtype == DS)
    verdict = first_verdict(inquiry, QUERY_STAGES)
    if verdict.outcome is Outcome.PASS:
        reason = reason_of_pass(own_allow=inquiry.own_allow, excepted=inquiry.excepted)
        verdict = replace(verdict, reason=reason)
    return Decision(
        verdict,
        own_allow=inquiry.own_allow,
        confidential=is_confidential(state, verdict),
        valid_until=boundary_of(state, line, now),
        stages=tuple(notes.stages.values()),
        is_protected=inquiry.protection(),
        excepted=inquiry.excepted,
        coming=notes.coming,
        observed=observed(inquiry),
    )


def observed(inquiry: Inquiry) -> int:
    """The observed lists that have the name, a bit for each: they are counted, and decide nothing."""
    first, _ = inquiry.state.classes.observed()
    mask = inquiry.state.classes.mask(Kind.OBSERVED)
    return sum(1 << bit - first for bit in inquiry.shared(mask))
