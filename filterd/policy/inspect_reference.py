"""The verdict on an answer, in plain Python: the reference of ``inspect``.

The answer and the additional section are gone over in their order. Each of these is asked about as
``decide_reference`` says for answers:

- the target of a CNAME (RFC 1035, 3.3.1) or DNAME (RFC 6672, 2.1);
- the target of an SVCB or HTTPS record unless it is the owner itself, then each address of its ipv4hint and
  ipv6hint (RFC 9460, 2.2 and 7.3);
- the address of an A or AAAA record;
- the IPv4 address inside one of IPv6 (``inner_reference``), after it: clients arrive there.

Of several verdicts the one with the smallest reason stands, of these the first; after a mandatory one nothing
is asked. In a safe host's own answer (``rewritten``) safe search lifts itself: it has nothing left to rewrite
to, and what comes after it must not be hidden behind it. Records of other classes than IN are passed over.
Data that does not have its type's form damages the whole message, wherever it stands. A message that takes
more effort than the bound is not judged either; whichever of both is met first counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Network
from itertools import chain

from filterd.model.verdict import Kind, Outcome, Reason, Verdict, Where
from filterd.policy.decide_reference import ANSWER_STAGES, first_verdict, is_confidential, reason_of_pass
from filterd.policy.fingerprint_reference import suffixes
from filterd.policy.inner_reference import inner_address
from filterd.policy.inquiry_reference import (
    Carried,
    Inquiry,
    Notes,
    ReferenceLine,
    ReferenceState,
    bits_of,
    boundary_of,
    policy_in_effect,
)
from filterd.policy.published import WELL_KNOWN_NAT64
from filterd.policy.trace import Decision, StageTrace
from filterd.wire.codec_reference import RecordSpan, Refused, need, read_name, walk
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import read_hints, read_target

_CLASS_IN = 1
_AUTHORITY = 2
_A, _CNAME, _AAAA, _DNAME, _SVCB, _HTTPS = 1, 5, 28, 39, 64, 65
_ADDRESS_SIZE = {_A: 4, _AAAA: 16}
_ROOT = b"\0"

MOST_EFFORT = 1150
"""an answer that takes more is refused"""
RECORD_EFFORT = 1
ADDRESS_EFFORT = {4: 8, 16: 10}
NAME_EFFORT = 2
LABEL_EFFORT = 2
NAME_BYTES = 16
"""so many bytes of a name that is judged take one unit more"""
OWNER_LABELS = 6
"""so many labels of a record's owner, and"""
MESSAGE_BYTES = 128
"""so many bytes of the message take one: where what is only read counts too, see :func:`too_large`"""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something in an answer that is asked about: a wire name or an address, the other one empty."""

    where: Where
    wire: bytes = b""
    address: bytes = b""


class Fault(Enum):
    """The reasons for which an answer is not judged; a client gets SERVFAIL."""

    DAMAGED = "it cannot be walked"
    TOO_LARGE = "it takes more effort than the bound"


def subjects(message: bytes, nat64: Sequence[IPv6Network] = ()) -> list[Subject] | Fault:
    """Everything in the message that is asked about, in its order. ``nat64``: the state's prefixes."""
    return _go_over(message, nat64, weighs=False)


def too_large(message: bytes) -> bool:
    """True if the message takes too much effort, that of reading it included: asked before all else.

    Data that does not have its type's form hides nothing that follows: whoever reads on reads that too. False
    for a message that cannot be walked so far.
    """
    return _go_over(message, [WELL_KNOWN_NAT64], weighs=True) is Fault.TOO_LARGE


def _go_over(message: bytes, nat64: Sequence[IPv6Network], *, weighs: bool) -> list[Subject] | Fault:
    """``weighs``: what is only read counts too."""
    found: list[Subject] = []
    effort = len(message) // MESSAGE_BYTES if weighs else 0
    try:
        for place in walk(message, owners=weighs):
            effort += RECORD_EFFORT
            if weighs:
                effort += labels_of(read_name(message, place.owner_offset)[0]) // OWNER_LABELS
            if place.rclass == _CLASS_IN and place.section != _AUTHORITY:
                try:
                    for subject in chain.from_iterable(
                        _with_inner(outer, nat64) for outer in _of_record(message, place)
                    ):
                        found.append(subject)
                        effort += _effort(subject)
                        if effort > MOST_EFFORT and place.type in (_SVCB, _HTTPS):
                            return Fault.TOO_LARGE  # the rest of its hints is not looked at
                except Refused:
                    if not weighs:
                        raise
            if effort > MOST_EFFORT:
                return Fault.TOO_LARGE
    except Refused:
        return Fault.DAMAGED
    return found


def _effort(subject: Subject) -> int:
    """The effort of judging it: for a name, all its suffixes."""
    if not subject.wire:
        return ADDRESS_EFFORT[len(subject.address)]
    return NAME_EFFORT + LABEL_EFFORT * labels_of(subject.wire) + len(subject.wire) // NAME_BYTES


def labels_of(name: bytes) -> int:
    """The number of labels of a wire name, the root's left out."""
    return len(suffixes(name)) - 1


def _of_record(message: bytes, place: RecordSpan) -> Iterator[Subject]:
    if place.type in _ADDRESS_SIZE:
        address = message[place.data_offset : place.end]
        need(len(address) == _ADDRESS_SIZE[place.type], Status.BAD_DATA)
        yield Subject(Where.ADDRESS, address=address)
    elif place.type in (_CNAME, _DNAME):
        target, end = read_name(message, place.data_offset, place.end)
        need(end == place.end, Status.TRAILING)
        yield Subject(Where.CNAME, wire=target.lower())
    elif place.type in (_SVCB, _HTTPS):
        target, parameters = read_target(message, place.data_offset, place.end)
        if target != _ROOT:
            yield Subject(Where.TARGET, wire=target)
        for _, address in read_hints(message, parameters, place.end):
            yield Subject(Where.HINT, address=address)


def _with_inner(subject: Subject, nat64: Sequence[IPv6Network]) -> Iterator[Subject]:
    yield subject
    inner = inner_address(subject.address, nat64) if len(subject.address) == 16 else None
    if inner is not None:
        yield Subject(subject.where, address=inner)


def inspect(
    state: ReferenceState,
    line: ReferenceLine | None,
    message: bytes,
    own_allow: bool,
    now: int,
    *,
    is_protected: bool = False,
    rewritten: bool = False,
    excepted: bool = False,
) -> Decision | None:
    """The verdict on an answer; None for one that has a :class:`Fault`."""
    found = subjects(message, state.nat64)
    if isinstance(found, Fault):
        return None
    notes, carried = Notes(), Carried(own_allow, is_protected, rewritten, excepted)
    best = Verdict(reason=reason_of_pass(own_allow=own_allow, excepted=excepted))
    for subject in found:
        wire, address, where = subject.wire, subject.address, subject.where
        inquiry = Inquiry(state, line, now, notes, wire=wire, address=address, where=where, carried=carried)
        verdict = first_verdict(inquiry, ANSWER_STAGES)
        if _comes_before(verdict, best):
            best = verdict
        if best.reason is Reason.MANDATORY:
            break
    return Decision(
        best,
        own_allow=own_allow,
        confidential=is_confidential(state, best),
        valid_until=boundary_of(state, line, now),
        stages=tuple(_that_counted(stage, best) for stage in notes.stages.values()),
        is_protected=is_protected,
        excepted=excepted or notes.excepted,
        coming=notes.coming,
    )


def _comes_before(verdict: Verdict, best: Verdict) -> bool:
    """True if a verdict takes the place of the best so far."""
    if verdict.outcome is Outcome.PASS:
        return False
    return best.outcome is Outcome.PASS or verdict.reason < best.reason


def _that_counted(stage: StageTrace, verdict: Verdict) -> StageTrace:
    """The stage as it counted: nothing that names met beyond the stage that decided."""
    beyond = verdict.outcome is not Outcome.PASS and stage.stage > verdict.reason
    return StageTrace(stage.stage) if beyond else stage


def touches(state: ReferenceState, line: ReferenceLine | None, message: bytes, now: int) -> bool:
    """True if the answer's union concerns the line: False is certain, True is not."""
    found = subjects(message, state.nat64)
    if isinstance(found, Fault):
        return True
    matcher = state.matcher
    matches = [
        matcher.match_name(subject.wire) if subject.wire else matcher.match_address(subject.address)
        for subject in found
    ]
    if any(match.mandatory or match.overflow for match in matches):
        return True
    if line is not None and line.own_names and any(subject.wire for subject in found):
        return True
    bits = frozenset().union(*(match.bits for match in matches))
    return bool(bits & bits_of(interest(state, line, now)))


def interest(state: ReferenceState, line: ReferenceLine | None, now: int) -> int:
    """The classes for which something can be withheld from the line at this moment."""
    left = line is not None and line.security_left
    mask = state.classes.mask(Kind.SECURITY) if state.security_enabled and not left else 0
    policy = policy_in_effect(state, line, now)
    if policy is not None:
        mask |= policy.categories | policy.services | policy.safe_search | policy.bypass | policy.schedule
    return mask
