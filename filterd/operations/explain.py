"""``check``: what a query would get, and why, stage by stage, decided by the code that answers queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dns.rdatatype

from filterd.config.settings import ParentalFail, Settings
from filterd.disk.given_file import GivenFile
from filterd.model.block_kind import kind_of
from filterd.model.blocking_mode import BlockingMode
from filterd.model.line import is_paused
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Scope
from filterd.model.verdict import Kind, Outcome, Reason, Verdict, Where
from filterd.operations import check, identification, input_values
from filterd.operations.check import (
    Answers,
    CheckState,
    InspectedAnswer,
    OrderOnNode,
    answers_in_file,
    answers_of_upstreams,
    inspect_answer,
    no_answers,
)
from filterd.operations.context import Context, OperationError
from filterd.operations.identification import REFUSED, Identity, QueryClient
from filterd.operations.shown_adjustments import bearing_on
from filterd.operations.trials import Act, remembered, tried
from filterd.policy.decide import decide_name
from filterd.policy.test_names import is_one as is_test_name
from filterd.policy.trace import TRACED, Decision, StageOutcome, StageTrace
from filterd.wire.ede import ExtendedError
from filterd.wire.names import name_from_text

QUERY = "query"
ANSWER = "answer"
_NOT_OF_ANSWERS = frozenset({Reason.LOCAL, Reason.SPECIAL_USE})
_META_TYPES = range(249, 255)
_LONGEST_LABEL = 63
"""TKEY to MAILA (RFC 6895 3.1): refused by the resolver"""
_REFUSED: tuple[str, tuple[int, ...]] = ("REFUSED", (int(ExtendedError.PROHIBITED),))
_NOT_READY: tuple[str, tuple[int, ...]] = ("SERVFAIL", (int(ExtendedError.NOT_READY),))
_GROUNDS = {Reason.MANDATORY: ExtendedError.CENSORED, Reason.SECURITY: ExtendedError.BLOCKED}
"""the extended error of a block; any other is what the line asked for"""


@dataclass(frozen=True, slots=True)
class ExplainedStage:
    """One stage. The fields from ``rule`` on are empty where no rule matched or it must not be told."""

    stage: str
    part: str
    """``query`` or ``answer``: what the stage looked at"""
    outcome: str
    rule: str = ""
    """the rule as a list has it: its name or prefix, and its scope"""
    list: str = ""
    order: str = ""
    matched_name: str = ""
    scope: str = ""
    category: str = ""
    """the category that the list fills; empty for other kinds"""
    title: str = ""
    """what the list is called where subscribers read it, in Spanish"""
    always_allowed: bool = False
    """the list is one of always-allowed names: the schedule blocks everything, and leaves the name open"""
    confidential: bool = False
    """a list or an order that is confidential: which one is not told"""
    way: str = ""
    """the way around that a feed's list closes; empty for other kinds, and for the way's own list"""


@dataclass(frozen=True, slots=True)
class Tried:
    """A change of the line's own choices that was tried out against the verdict."""

    act: str
    """``allow``, ``remove`` (an own block name) or ``pause``"""
    verdict: str
    """the one that the line would then get"""
    reason: str
    stage: ExplainedStage | None = None
    """the stage that would then decide; None where the name would pass"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict and how it came about. ``at`` and ``valid_until`` are Unix seconds, 0 for no end."""

    name: str
    type: str
    at: int
    verdict: str
    """``pass``, ``block``, ``rewrite``, ``local``; ``refuse`` for a client outside of dns.allow_from"""
    reason: str
    blocking_mode: str
    """empty unless the verdict is ``block``"""
    rcode: str
    """what a client is answered; empty where another server's answer decides"""
    ede: tuple[int, ...]
    """the extended errors (RFC 8914) of filterd that a client with EDNS gets, in their order"""
    protected: bool
    own_allow: bool
    excepted: bool
    """an exception lets the name through that lists may hold"""
    suspended_until: int
    """till when parental filtering is off for every line; 0: it is on"""
    valid_until: int
    stages: tuple[ExplainedStage, ...]
    identity: dict[str, Any]
    """``method``; ``line`` with its number, or None; ``subscriber``; ``profile`` and whether it is in
    effect; ``own``, the line's adjustments where some bear on it. Of a client also ``bound``, the binding
    that led to the line, or ``session``, which did; ``inside``, the address that a shared one was translated
    to; ``remarks``"""
    revision: int
    snapshot_revision: int
    digest: str
    damaged: tuple[str, ...] = ()
    """orders whose rows in the store are damaged: nodes may block more than is said here"""
    coming: bool = False
    """an order that is not in force yet speaks of the name, or of something in its answer; which one is not
    said"""
    kept_orders: tuple[OrderOnNode, ...] = ()
    """orders that nodes enforce and the store does not know: any name may be blocked by them there"""
    answer_seen: bool = False
    """an answer was inspected; stages that were not evaluated all the same found nothing in it to judge"""
    ech_stripped: bool = False
    """Encrypted Client Hello is taken out of the answer that was inspected, as the line's policy says"""
    verdict_of_a: str = ""
    """of a DS question that passes though an A question does not: what that one gets, as ``block by
    category``"""
    confidential: bool = False
    """a confidential list or order has the name or something in its answer: whoever tells a person puts that
    on record (``operations.inquiry``)"""
    unread: tuple[str, ...] = ()
    """categories of the line's profile of which no list was ever read: with ``dns.parental_fail: closed`` the
    line gets SERVFAIL for all but mandatory blocks, whatever ``verdict`` says"""
    test_name: bool = False
    """one of the names by which the page ``/funciona`` tells whether a device passes the filter"""
    tried: tuple[Tried, ...] = ()
    """the acts that come into question against a block or rewrite, the mildest first; the last one helps, if
    any does"""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


async def explain(
    context: Context,
    name: str,
    *,
    qtype: str = "A",
    subscriber: str | None = None,
    client: QueryClient | str | None = None,
    at: int | None = None,
    resolve: bool = False,
    answer: Path | GivenFile | None = None,
) -> Explanation:
    """Decide on a name for a subscriber, a client or an unknown one, now or at another time. A text is a
    client's address, or ``ADDRESS:PORT``; where a session leads to its line, that is audited.

    With ``resolve`` the upstreams are asked, with ``answer`` a file is read (a message in wire form, or as
    dnspython prints it), and the answer is inspected too; else its stages read "not evaluated".
    """
    number = _type_of(qtype)
    now = int(context.clock()) if at is None else at
    canonical = _query_name(name)
    answers: Answers = no_answers
    if answer is not None:
        answers = answers_in_file(answer, name_from_text(canonical), number)
    elif resolve:
        answers = answers_of_upstreams(context.settings.dns.upstreams)
    state = await check.load_state(context, now, subscriber=subscriber, client=client)
    await identification.record(context, state.identity)
    if state.identity.method == REFUSED:
        return _explanation(context.settings, canonical, number, now, state, None, check.NOT_INSPECTED)
    return await explain_on(context.settings, state, canonical, number, now, answers)


async def explain_on(
    settings: Settings, state: CheckState, canonical: str, number: int, now: int, answers: Answers
) -> Explanation:
    """Decide on a name and a record type on a state of this moment."""
    wire = name_from_text(canonical)
    decision = decide_name(state.published, state.line, wire, now, qtype=number)
    answers = remembered(answers)
    found = await inspect_answer(state, answers, wire, number, decision, now)
    explained = _explanation(settings, canonical, number, now, state, decision, found)
    final = found.decision or decision
    trials = [_tried(state, *each) async for each in tried(state, answers, canonical, number, final, now)]
    secret = any(each.stage is not None and each.stage.confidential for each in trials)
    explained = replace(explained, tried=tuple(trials), confidential=explained.confidential or secret)
    if number != dns.rdatatype.DS or explained.verdict != "pass":
        return explained
    decision_of_a = decide_name(state.published, state.line, wire, now)
    of_a = decision_of_a.verdict
    if of_a.outcome is Outcome.PASS:
        return explained
    shown = f"{of_a.outcome.name.lower()} by {of_a.reason.word}"
    confidential = explained.confidential or decision_of_a.confidential
    return replace(explained, verdict_of_a=shown, confidential=confidential)


def _query_name(name: str) -> str:
    """A name as it can be asked for: also single labels and the root."""
    trimmed = name.strip()
    bare = trimmed.removesuffix(".")
    is_label = bare.isascii() and bare.replace("-", "").isalnum() and len(bare) <= _LONGEST_LABEL
    if trimmed == "." or is_label:
        return bare.lower() or "."
    return input_values.name(trimmed)


def _type_of(qtype: str) -> int:
    try:
        number = int(dns.rdatatype.from_text(qtype))
    except (dns.rdatatype.UnknownRdatatype, ValueError) as error:
        message = f"unknown record type {qtype[:32]!r}"
        raise OperationError(message, "write it like A, AAAA, HTTPS or TYPE65") from error
    if not number or number == dns.rdatatype.OPT or number in _META_TYPES:
        message = f"{qtype[:32]} is no type that a resolver looks up: a client gets an error"
        raise OperationError(message, "ask for a type of records, like A, AAAA or HTTPS")
    return number


def _explanation(
    settings: Settings,
    name: str,
    qtype: int,
    now: int,
    state: CheckState,
    decision: Decision | None,
    answer: InspectedAnswer,
) -> Explanation:
    """``decision`` None: the client is refused before anything is decided."""
    verdict = (final := answer.decision or decision or Decision(Verdict())).verdict
    stages = (*_stages(state, QUERY, decision), *_stages(state, ANSWER, answer.decision))
    coming = any(part is not None and part.coming for part in (decision, answer.decision))
    unread = () if decision is None else _unread(state, now)
    if decision is None:
        rcode, ede = _REFUSED
    elif unread and settings.dns.parental_fail is ParentalFail.CLOSED and not _is_mandatory(decision.verdict):
        rcode, ede = _NOT_READY
    else:
        rcode, ede = _client_sees(settings, final, qtype, answer)
    return Explanation(
        name=name,
        type=dns.rdatatype.to_text(dns.rdatatype.RdataType.make(qtype)),
        at=now,
        verdict="refuse" if decision is None else verdict.outcome.name.lower(),
        reason="client" if decision is None else verdict.reason.word,
        blocking_mode=verdict.mode.word if verdict.outcome is Outcome.BLOCK else "",
        rcode=rcode,
        ede=ede,
        protected=decision is not None and decision.is_protected,
        own_allow=decision is not None and decision.own_allow,
        excepted=decision is not None and decision.excepted,
        suspended_until=state.published.settings.suspended_until,
        valid_until=final.valid_until,
        stages=(stages := (*_stages(state, QUERY, decision), *_stages(state, ANSWER, answer.decision))),
        identity=_identity(state, now),
        revision=state.revision,
        snapshot_revision=state.snapshot.built_at_revision,
        digest=state.snapshot.digest,
        damaged=state.damaged,
        coming=coming,
        unread=unread,
        test_name=is_test_name(name, state.snapshot.meta),
        kept_orders=state.kept_orders,
        answer_seen=answer.decision is not None,
        ech_stripped=answer.ech_stripped,
        confidential=any(each.confidential for each in stages) or (coming and _one_is_coming(state, now)),
    )


def _unread(state: CheckState, now: int) -> tuple[str, ...]:
    """The categories of the profile in effect of which no list was ever read."""
    choices = state.identity.choices
    if choices is None or not choices.opted_in or is_paused(choices.paused_until, now):
        return ()
    return () if state.published.settings.suspended_until > now else tuple(state.book.unread())


def _is_mandatory(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.BLOCK and verdict.reason is Reason.MANDATORY


def _one_is_coming(state: CheckState, now: int) -> bool:
    """Return whether a confidential order is among those that are not in force yet: it may be the one."""
    return any(each.confidential and each.coming(now) for each in state.published.mandates.values())


def _client_sees(
    settings: Settings, final: Decision, qtype: int, answer: InspectedAnswer
) -> tuple[str, tuple[int, ...]]:
    """Response code and extended errors of the answer (design: respond); those of upstreams come on top."""
    verdict = final.verdict
    if verdict.outcome is Outcome.REWRITE or answer.ech_stripped:
        return "", (int(ExtendedError.FORGED_ANSWER),)
    if verdict.outcome is Outcome.PASS:
        return "", ()
    if verdict.outcome is Outcome.LOCAL:
        return ("NXDOMAIN" if verdict.reason is Reason.SPECIAL_USE else "NOERROR"), ()
    kind, mode = kind_of(verdict.reason, confidential=final.confidential), verdict.mode
    page = None if settings.block_page is None else settings.block_page.of(kind)
    if mode is BlockingMode.SINKHOLE and (page is None or not page.addresses):
        mode = BlockingMode.NXDOMAIN
    wide = verdict.where is Where.QUERY and verdict.scope is not Scope.EXACT
    denied = mode is BlockingMode.NXDOMAIN and wide
    forged = qtype in (dns.rdatatype.A, dns.rdatatype.AAAA) and mode is BlockingMode.NULL
    if mode is BlockingMode.SINKHOLE and page is not None:
        addresses = {dns.rdatatype.A: page.ipv4, dns.rdatatype.AAAA: page.ipv6}
        forged = addresses.get(dns.rdatatype.RdataType.make(qtype)) is not None
    codes = [_GROUNDS.get(verdict.reason, ExtendedError.FILTERED)]
    if forged:
        codes.append(ExtendedError.FORGED_ANSWER)
    return ("NXDOMAIN" if denied else "NOERROR"), tuple(map(int, codes))


def _identity(state: CheckState, now: int) -> dict[str, Any]:
    choices = state.identity.choices
    known = _known_by(state.identity)
    if choices is None:
        return {"method": str(state.identity.method), "line": None, **known}
    own = bearing_on(choices.adjustments, now)
    return {
        "method": str(state.identity.method),
        "line": choices.line,
        "subscriber": state.identity.subscriber,
        "profile": choices.profile,
        "opted_in": choices.opted_in,
        "paused": is_paused(choices.paused_until, now),
        **({"own": own} if own else {}),
        **known,
    }


def _known_by(identity: Identity) -> dict[str, Any]:
    """The ground on which a client's line is known; of a session without its addresses."""
    known: dict[str, Any] = {}
    if identity.bound:
        known["bound"] = identity.bound
    if identity.session is not None:
        known["session"] = {
            "source": identity.session.source.word,
            "confirmed_seconds_ago": round(identity.age),
            "until": round(identity.session.until),
        }
    if identity.inside:
        known["inside"] = identity.inside
    if identity.remarks:
        known["remarks"] = [*identity.remarks]
    return known


def _stages(state: CheckState, part: str, decision: Decision | None) -> Iterator[ExplainedStage]:
    traces = [StageTrace(reason) for reason in TRACED] if decision is None else decision.stages
    for trace in traces:
        if part == QUERY or trace.stage not in _NOT_OF_ANSWERS:
            yield _stage(state, part, trace)


def _tried(state: CheckState, act: Act, final: Decision) -> Tried:
    verdict = final.verdict
    word = verdict.outcome.name.lower()
    if verdict.outcome is Outcome.PASS:
        return Tried(act.value, word, verdict.reason.word)
    part = QUERY if verdict.where is Where.QUERY else ANSWER
    trace = next(each for each in final.stages if each.stage is verdict.reason)
    return Tried(act.value, word, verdict.reason.word, _stage(state, part, trace))


def _stage(state: CheckState, part: str, trace: StageTrace) -> ExplainedStage:
    word = trace.outcome.word
    if trace.outcome not in (StageOutcome.LIFTED, StageOutcome.ALLOWED, StageOutcome.DECIDED):
        return ExplainedStage(trace.stage.word, part, word)
    listed, order, secret = _source(state, trace)
    if secret:
        return ExplainedStage(trace.stage.word, part, word, confidential=True)
    matched = trace.matched
    scope = trace.scope.word if matched else ""
    rule = f"{matched} {scope}".strip()
    stage = ExplainedStage(trace.stage.word, part, word, rule, listed, order, matched, scope)
    return _titled(stage, state, trace)


def _titled(stage: ExplainedStage, state: CheckState, trace: StageTrace) -> ExplainedStage:
    """With category, way around and title of the list, where the rule stands in one that has a class bit."""
    found = None if trace.stage is Reason.MANDATORY else state.published.classes.of_bit(trace.reference)
    if found is None or found.id != stage.list:
        return stage
    always = found.kind is Kind.ALWAYS_ALLOWED
    titles = (each["title"] for each in state.snapshot.meta["lists"] if each.get("bit") == found.number)
    return replace(
        stage, category=found.category, title=next(titles, ""), always_allowed=always, way=found.way
    )


def _source(state: CheckState, trace: StageTrace) -> tuple[str, str, bool]:
    """The list or the order that a stage's rule stands in, and whether its contents are secret."""
    if trace.stage in (Reason.OWN_DENY, Reason.OWN_ALLOW):
        return "own names", "", False
    if trace.stage is Reason.EXCEPTION:
        return "exceptions", "", False
    if trace.stage is Reason.MANDATORY:
        mandate = state.published.mandates.get(trace.reference)
        secret = mandate is None or mandate.confidential
        reference = "" if mandate is None or secret else mandate.reference
        return ("", reference, secret) if trace.reference >= FIRST_ORDER_ID else (reference, "", secret)
    if trace.stage is Reason.SCHEDULE and not trace.matched:
        return "schedule", "", False
    found = state.published.classes.of_bit(trace.reference)
    return ("" if found is None else found.id), "", False
