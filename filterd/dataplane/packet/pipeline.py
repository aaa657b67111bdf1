"""The path of one packet: its steps in their order, each with the reason for its place.

It is written in plain Python, to be read and to be run: :func:`packet_reference` takes a packet through
:data:`PIPELINE`. ``stages.pyx`` is the same path in native code, and generated packets hold the two equal,
byte for byte (``tests/equality``). Nothing on the query path calls what is here.

A step rests on those above it and must not care what stands below. It leads to the next one, or says which
one is next: ``respond`` where the answer is settled, ``record`` where nothing is sent, and ``cache`` where a
safe host is to be looked up. A step's number is its place in the list, and stands nowhere else.

One packet takes the list once, or more often where it has to wait::

    receive ──► answer, or silence    (again: the same from identify on, where a table was being written)
       │ miss: an upstream is asked
       ├──► stale: the old answer, where the client has waited too long; then keep what comes at last
       ▼
    finish: keep what came; then from identify on ──► answer, or the next miss

docs/life-of-a-query.md tells more.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

from filterd.dataplane.cache.cache_reference import Insertion
from filterd.dataplane.packet import steps_reference as steps
from filterd.dataplane.packet.exchange_reference import Ending, Exchange, ReferencePlane, Reply, Stage
from filterd.policy import decide_reference, inspect_reference
from filterd.wire.answer_frame_reference import SERVFAIL
from filterd.wire.codec_reference import HEADER_SIZE
from filterd.wire.ede import ExtendedError
from filterd.wire.scrub_reference import errors_of, scrubbed
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import MAX_EDES

Twin = Callable[[ReferencePlane, Exchange], Stage | None]


@dataclass(frozen=True, slots=True)
class Step:
    """A stage, why it stands where it stands, and its plain-Python twin."""

    stage: Stage
    reason: str
    twin: Twin


PIPELINE: tuple[Step, ...] = (
    Step(
        Stage.UNWRAP,
        "first: every later step needs the client's address, and a front's own is not it",
        steps.unwrap,
    ),
    Step(
        Stage.PARSE,
        "above admit: a refusal needs the question, and an answer (QR=1) must get silence",
        steps.parse,
    ),
    Step(
        Stage.ADMIT,
        "above identify: a client that may not ask at all must not reach the tables of the lines",
        steps.admit,
    ),
    Step(
        Stage.IDENTIFY,
        "above the verdict, which is one line's; an address of no line stays unknown",
        steps.identify,
    ),
    Step(
        Stage.LOCAL,
        "above all lists: these names are asked of this resolver itself",
        steps.Decide(decide_reference.stage_local),
    ),
    Step(
        Stage.PROTECTED,
        "above all that it lifts: a mistake in a list or an order must not take a help line away",
        steps.Decide(decide_reference.stage_protected),
    ),
    Step(
        Stage.MANDATORY,
        "above all choices: nothing that a subscriber chooses lifts what an authority demands",
        steps.Decide(decide_reference.stage_mandatory, decide_reference.stage_special_use),
    ),
    Step(
        Stage.OWN_BLOCK_NAMES,
        "above parental: the line's own block names need no profile and hold through a pause",
        steps.Decide(decide_reference.stage_own_deny),
    ),
    Step(
        Stage.PARENTAL,
        "above security, so that security is the reason that is shown only where no other applies",
        steps.Decide(
            decide_reference.stage_exception,
            decide_reference.stage_schedule,
            decide_reference.stage_own_allow,
            decide_reference.stage_service,
            decide_reference.stage_category,
            decide_reference.stage_safe_search,
            decide_reference.stage_bypass,
        ),
    ),
    Step(
        Stage.SECURITY,
        "the last of the verdict, above the cache: that is shared by all lines and holds no one's policy",
        steps.Decide(decide_reference.stage_security),
    ),
    Step(
        Stage.CACHE,
        "above forward: what is known is not asked again, for whichever line it was asked",
        steps.look_up,
    ),
    Step(
        Stage.FORWARD,
        "the only step that waits; afterwards the path is taken again from identify, on the state of then",
        steps.forward,
    ),
    Step(
        Stage.INSPECT,
        "below cache and forward: a stored answer is inspected for each line anew",
        steps.inspect,
    ),
    Step(
        Stage.RESPOND,
        "one place makes every answer, so that size, flags, TTLs and EDE follow one rule",
        steps.respond,
    ),
    Step(
        Stage.RECORD,
        "last: counts what was sent; it keeps no name, no line and no address",
        steps.record,
    ),
)
"""from the packet to the answer, in this order"""


def packet_reference(plane: ReferencePlane, x: Exchange, first: Stage = Stage.UNWRAP) -> Ending:
    """Take an exchange through the list, from one of its steps on; the state in which that leaves it."""
    numbers = {step.stage: number for number, step in enumerate(PIPELINE)}
    at = numbers[first]
    while at < len(PIPELINE):
        leads = PIPELINE[at].twin(plane, x)
        if leads is None:
            at += 1
        elif leads is Stage.CACHE:
            at = numbers[leads]  # perhaps for another time: steps_reference.look_up counts the rounds
        else:
            at = max(at + 1, numbers[leads])  # never back
    return x.ending


# ---- the life of an exchange; native: packet_receive, _finish, _keep, _stale, _again ----


def receive(plane: ReferencePlane, x: Exchange, now: int, ticks: int) -> Ending:
    """Take a packet as far as it goes without waiting."""
    x.now, x.ticks = now, ticks
    return packet_reference(plane, x)


def finish(plane: ReferencePlane, x: Exchange, reply: Reply, now: int, ticks: int) -> Ending:
    """Keep what forwarding brought, and decide anew on the line and the state of now."""
    kept, insertion = keep(plane, x, reply, ticks)
    if insertion is Insertion.KEPT_STALE:  # a failure, and there is something better (RFC 8767 section 4)
        kept = replace(kept, message=None)
    x.reply, x.now, x.ticks = kept, now, ticks
    return packet_reference(plane, x, Stage.IDENTIFY)


def keep(plane: ReferencePlane, x: Exchange, reply: Reply, ticks: int) -> tuple[Reply, Insertion]:
    """Cache what forwarding brought; the part that may be answered with, and what the cache did with it."""
    kept = usable(reply)
    if reply.message is not None and is_too_large(reply.message):
        plane.counted["too_large",] += 1
    if kept.message is None:
        return kept, plane.cache.insert_failure(x.key, kept.edes, ticks)
    if plane.state is None:
        return kept, Insertion.REFUSED
    return kept, plane.cache.insert(x.key, kept.message, kept.ad, kept.edes, ticks)


def usable(reply: Reply) -> Reply:
    """The part of a reply that is about its question; errors alone where it is a failure or no answer."""
    message = reply.message
    if message is None or (len(message) >= HEADER_SIZE and message[3] & 15 == SERVFAIL):
        return replace(reply, message=None)
    if is_too_large(message):
        return replace(reply, message=None, edes=(steps.TOO_LARGE,))
    kept = scrubbed(message)
    if isinstance(kept, Status):
        return replace(reply, message=None, edes=((ExtendedError.NETWORK_ERROR, b""),))
    return replace(reply, message=kept, edes=(*reply.edes, *errors_of(message))[:MAX_EDES])


def is_too_large(message: bytes) -> bool:
    """True if an answer that is no failure takes too much effort to be judged."""
    return inspect_reference.too_large(message) and message[3] & 15 != SERVFAIL


def stale(plane: ReferencePlane, x: Exchange, now: int, ticks: int) -> bytes | None:
    """The stale answer for a client that has waited too long (RFC 8767 section 5); None: there is none.

    The exchange stays as it is: what forwarding brings at last is for :func:`keep`.
    """
    mine = copy(x)
    mine.rounds, mine.takes_stale = 0, True
    return mine.answer if again(plane, mine, now, ticks) is Ending.ANSWERED else None


def again(plane: ReferencePlane, x: Exchange, now: int, ticks: int) -> Ending:
    """Look line and state up anew, without a reply: a thread met a table that was being written."""
    x.reply, x.now, x.ticks = None, now, ticks
    return packet_reference(plane, x, Stage.IDENTIFY)
