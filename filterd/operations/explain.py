"""``check``: what a query would get, and why, stage by stage, decided by the code that answers queries."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.rdatatype

from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.dataplane.upstream.values import Question, Server, UpstreamAnswer
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.verdict import Outcome, Reason
from filterd.operations import checkstate, texts
from filterd.operations.checkstate import CheckState
from filterd.operations.context import Context, OperationError
from filterd.policy.decide import decide_name
from filterd.policy.inspect import inspect_message
from filterd.policy.trace import TRACED, Decision, StageOutcome, StageTrace
from filterd.wire.names import name_from_text

QUERY = "query"
ANSWER = "answer"
_NOT_OF_ANSWERS = frozenset({Reason.LOCAL, Reason.SPECIAL_USE})
_MAX_MESSAGE = 65_535


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. The last five fields are empty where no rule matched, or what it is must not be told."""

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


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict and how it came about. ``at`` and ``valid_until`` are Unix seconds, 0 for no end."""

    name: str
    type: str
    at: int
    verdict: str
    reason: str
    blocking_mode: str
    """empty unless the verdict is ``block``"""
    protected: bool
    own_allow: bool
    valid_until: int
    stages: tuple[Stage, ...]
    identity: dict[str, Any]
    """``method``; ``line`` with its number, or None; ``profile`` and whether it is in effect"""
    revision: int
    snapshot_revision: int
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


async def explain(
    context: Context,
    name: str,
    *,
    qtype: str = "A",
    subscriber: str | None = None,
    client: str | None = None,
    at: int | None = None,
    resolve: bool = False,
    answer: Path | None = None,
) -> Explanation:
    """Decide on a name for a subscriber, a client address or an unknown client, now or at another time.

    With ``resolve`` the upstreams are asked, with ``answer`` a file is read (a message in wire form, or as
    dnspython prints it), and the answer is inspected too; else its stages read "not evaluated".
    """
    number = _type_of(qtype)
    now = int(context.clock()) if at is None else at
    canonical = _query_name(name)
    wire = name_from_text(canonical)
    state = await checkstate.load(context, now, subscriber=subscriber, client=client)
    decision = decide_name(state.published, state.line, wire, now)
    inspected: Decision | None = None
    message = _read_answer(answer) if answer is not None else None
    if decision.verdict.outcome is Outcome.PASS:
        if message is None and resolve:
            message = await _resolve(context, wire, number)
        if message is not None:
            inspected = _inspect(state, message, decision, now)
    return _explanation(canonical, qtype.upper(), now, state, decision, inspected)


def _query_name(name: str) -> str:
    """A name as it can be asked for: also single labels and the root."""
    trimmed = name.strip()
    bare = trimmed.removesuffix(".")
    if trimmed == "." or (bare and "." not in bare and bare.isascii() and bare.replace("-", "").isalnum()):
        return bare.lower() or "."
    return texts.name(trimmed)


def _type_of(qtype: str) -> int:
    try:
        return int(dns.rdatatype.from_text(qtype))
    except (dns.rdatatype.UnknownRdatatype, ValueError) as error:
        message = f"unknown record type {qtype[:32]!r}"
        raise OperationError(message, "write it like A, AAAA, HTTPS or TYPE65") from error


def _read_answer(path: Path) -> bytes:
    """A message from a file, in wire form or as text."""
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise OperationError(message, "give a file with the answer") from error
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        return content[:_MAX_MESSAGE]
    if not text.lstrip().startswith(("id ", ";")):
        return content[:_MAX_MESSAGE]
    try:
        return dns.message.from_text(text).to_wire()
    except (dns.exception.DNSException, ValueError) as error:
        message = f"{path} holds no DNS message"
        raise OperationError(
            message, "give the message's bytes, or its text as dnspython prints it"
        ) from error


async def _resolve(context: Context, wire: bytes, qtype: int) -> bytes:
    servers = [
        Server(str(each.address.address), each.address.port, each.trusted)
        for each in context.settings.dns.upstreams
    ]
    forwarder = Forwarder(servers, clock=time.monotonic, bits=random.SystemRandom())
    try:
        found = await forwarder.resolve(Question(wire, qtype))
    finally:
        await forwarder.close()
    if not isinstance(found, UpstreamAnswer):
        message = f"the upstreams gave no answer: {found.reason.value}"
        raise OperationError(message, "check dns.upstreams, or leave out --resolve")
    return found.message


def _inspect(state: CheckState, message: bytes, decision: Decision, now: int) -> Decision:
    inspected = inspect_message(state.published, state.line, message, decision.own_allow, now)
    if inspected is None:
        reason = "the answer cannot be read; a client would get SERVFAIL"
        raise OperationError(reason, "give the whole message of one answer")
    return inspected


def _explanation(
    name: str, qtype: str, now: int, state: CheckState, decision: Decision, inspected: Decision | None
) -> Explanation:
    final = decision if inspected is None else inspected
    verdict = final.verdict
    blocked = verdict.outcome is Outcome.BLOCK
    return Explanation(
        name=name,
        type=qtype,
        at=now,
        verdict=verdict.outcome.name.lower(),
        reason=verdict.reason.word,
        blocking_mode=verdict.mode.word if blocked else "",
        protected=decision.is_protected,
        own_allow=decision.own_allow,
        valid_until=final.valid_until,
        stages=(*_stages(state, QUERY, decision), *_stages(state, ANSWER, inspected)),
        identity=_identity(state, now),
        revision=state.revision,
        snapshot_revision=state.snapshot.built_at_revision,
        digest=state.snapshot.digest,
    )


def _identity(state: CheckState, now: int) -> dict[str, Any]:
    choices = state.identity.choices
    if choices is None:
        return {"method": state.identity.method, "line": None}
    return {
        "method": state.identity.method,
        "line": choices.line,
        "profile": choices.profile,
        "opted_in": choices.opted_in,
        "paused": choices.paused_until > now,
    }


def _stages(state: CheckState, part: str, decision: Decision | None) -> Iterator[Stage]:
    traces = [StageTrace(reason) for reason in TRACED] if decision is None else decision.stages
    for trace in traces:
        if part == QUERY or trace.stage not in _NOT_OF_ANSWERS:
            yield _stage(state, part, trace)


def _stage(state: CheckState, part: str, trace: StageTrace) -> Stage:
    word = trace.outcome.word
    if trace.outcome not in (StageOutcome.LIFTED, StageOutcome.ALLOWED, StageOutcome.DECIDED):
        return Stage(trace.stage.word, part, word)
    listed, order, secret = _source(state, trace)
    matched = "" if secret else trace.matched
    scope = trace.scope.word if matched else ""
    rule = f"{matched} {scope}".strip()
    return Stage(trace.stage.word, part, word, rule, listed, order, matched, scope)


def _source(state: CheckState, trace: StageTrace) -> tuple[str, str, bool]:
    """The list or the order that a stage's rule stands in, and whether its contents are secret."""
    if trace.stage in (Reason.OWN_DENY, Reason.OWN_ALLOW):
        return "own names", "", False
    if trace.stage is Reason.MANDATORY:
        mandate = state.published.mandates.get(trace.reference)
        secret = mandate is None or mandate.confidential
        reference = "" if mandate is None else mandate.reference
        return ("", reference, secret) if trace.reference >= FIRST_ORDER_ID else (reference, "", secret)
    if trace.stage is Reason.SCHEDULE and not trace.matched:
        return "schedule", "", False
    place = state.published.classes.of_bit(trace.reference)
    return ("" if place is None else place.id), "", False
