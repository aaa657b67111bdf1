"""The answer's part of a check: where the answer comes from, and the verdict on what it holds.

It follows the query path step by step (``dataplane/packet/stages.pyx``): what leads to a safe host is
answered with that host's own answer, and the host and its answer are inspected like any other.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import dns.exception
import dns.message
import dns.rdatatype

from filterd.config.settings import UpstreamSettings
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.dataplane.upstream.model import Question, Server, UpstreamAnswer
from filterd.model.verdict import Outcome
from filterd.operations.checkstate import CheckState
from filterd.operations.errors import OperationError
from filterd.policy.inspect import inspect_message
from filterd.policy.trace import Decision
from filterd.wire import codec
from filterd.wire.names import name_from_text, name_to_text
from filterd.wire.scrub import scrubbed
from filterd.wire.status import Status

Answers = Callable[[bytes, int], Awaitable[bytes | None]]
"""the answer to a name (wire form) and a type, or None: there is none to inspect"""

_HEADER_SIZE = 12
_MAX_MESSAGE = 65_535
_ALIAS_HEADER = struct.pack("!HHHHHH", 0, 0x8000, 0, 1, 0, 0)
_ALIAS_RECORD = struct.pack("!BHHI", 0, int(dns.rdatatype.CNAME), 1, 0)
"""owner (the root: nobody looks at it), type, class, TTL"""


async def no_answers(_wire: bytes, _qtype: int) -> bytes | None:
    """For a check of the query alone."""
    return None


def of_file(path: Path, wire: bytes, qtype: int) -> Answers:
    """The answer in a file, in wire form or as dnspython prints it, to a check of this name and type.

    Where the verdict leads to a safe host, the file may hold that host's answer instead.
    """
    message = _read(path)
    answered = _question_of(message) or (wire, qtype)

    async def find(name: bytes, kind: int) -> bytes | None:
        if answered == (name, kind):
            return _passed(message)
        if (name, kind) == (wire, qtype):
            reason = f"{path} answers {_shown(*answered)}, not {_shown(name, kind)}"
            raise OperationError(reason, "check the name and --type that the file answers")
        return None

    return find


def of_upstreams(upstreams: Sequence[UpstreamSettings]) -> Answers:
    """What the upstreams answer now."""

    async def find(wire: bytes, qtype: int) -> bytes | None:
        servers = [Server(str(each.address.address), each.address.port, each.trusted) for each in upstreams]
        forwarder = Forwarder(servers, clock=time.monotonic, bits=random.SystemRandom())
        try:
            found = await forwarder.resolve(Question(wire, qtype))
        finally:
            await forwarder.close()
        if not isinstance(found, UpstreamAnswer):
            message = f"the upstreams gave no answer: {found.reason.value}"
            raise OperationError(message, "check dns.upstreams, or leave out --resolve")
        return _passed(found.message)

    return find


async def inspected(
    state: CheckState, answers: Answers, wire: bytes, qtype: int, decision: Decision, now: int
) -> Decision | None:
    """The verdict when the answer was looked at too; None where there was none to look at."""
    verdict = decision.verdict
    if verdict.outcome is Outcome.REWRITE:
        return await _safe_host(state, answers, qtype, decision, decision, now)
    if verdict.outcome is not Outcome.PASS:
        return None
    message = await answers(wire, qtype)
    if message is None:
        return None
    found = _inspect(state, message, decision, now)
    if found.verdict.outcome is not Outcome.REWRITE:
        return found
    return await _safe_host(state, answers, qtype, decision, found, now) or found


async def _safe_host(
    state: CheckState, answers: Answers, qtype: int, decision: Decision, rewrite: Decision, now: int
) -> Decision | None:
    """What becomes of a rewrite: the safe host is an alias like any other, and so is what it answers."""
    target = name_from_text(state.published.classes.targets()[rewrite.verdict.reference])
    message = await answers(target, qtype)
    if message is None:
        return None
    for each in (_alias(target), message):
        found = _inspect(state, each, decision, now, rewritten=True)
        if found.verdict.outcome is Outcome.BLOCK:
            return found
    return replace(found, verdict=rewrite.verdict)


def _inspect(
    state: CheckState, message: bytes, decision: Decision, now: int, *, rewritten: bool = False
) -> Decision:
    found = inspect_message(
        state.published, state.line, message, decision.own_allow, now, rewritten=rewritten
    )
    if found is None:
        reason = "the answer cannot be read; a client would get SERVFAIL"
        raise OperationError(reason, "give the whole message of one answer")
    return found


def _passed(message: bytes) -> bytes:
    """What of an answer the query path looks at and passes on; all of one without question or unreadable."""
    stripped = codec.strip(message)
    kept = stripped if isinstance(stripped, Status) else scrubbed(stripped.message)
    return message if isinstance(kept, Status) else kept


def _alias(target: bytes) -> bytes:
    """A message with one CNAME to the target."""
    return _ALIAS_HEADER + _ALIAS_RECORD + struct.pack("!H", len(target)) + target


def _question_of(message: bytes) -> tuple[bytes, int] | None:
    """Name and type that a message answers; None where it holds no question."""
    if len(message) < _HEADER_SIZE or message[4:6] != b"\x00\x01":
        return None
    found = codec.name_at(message, _HEADER_SIZE)
    if isinstance(found, Status) or len(message) < found[1] + 4:
        return None
    name, end = found
    return name, int.from_bytes(message[end : end + 2])


def _shown(name: bytes, qtype: int) -> str:
    return f"{name_to_text(name)} {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(qtype))}"


def _read(path: Path) -> bytes:
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
