"""A check: decides on a name as a node would, by the snapshot on the disk and the present state of the store.

The state is made of the same parts and by the same native code as a node's, from one read transaction of the
store. A node is behind the store by a few milliseconds (``filterd node list`` shows by how much), so the two
agree, but for orders that a node keeps and the store does not know: they are named beside the verdict.

The query is decided first, then its answer is inspected, step by step as on the query path
(``dataplane/packet/stages.pyx``): what leads to a safe host is answered with that host's own answer, and the
host and its answer are inspected like any other.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.settings import Settings, UpstreamSettings
from filterd.dataplane.upstream.forward_types import Question, UpstreamAnswer
from filterd.dataplane.upstream.forwarder import Forwarder
from filterd.disk.given_file import GivenFile
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.identity import Method
from filterd.model.lifting import LiftingKind
from filterd.model.line import LineChoices
from filterd.model.order import OFF_NODES, Order, OrderState
from filterd.model.order_rows import change_of
from filterd.model.records import NodeReport
from filterd.model.verdict import Outcome
from filterd.operations import identification, liftings, lines
from filterd.operations.context import Context, OperationError
from filterd.operations.identification import NAMED, Identity, QueryClient
from filterd.operations.keys import load_key
from filterd.operations.snapshots import open_current
from filterd.operations.upstreams import server_of
from filterd.policy.decide import LineHandle, PublishedState, line_strips_ech
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.inspect import inspect_message, too_large
from filterd.policy.overlay import (
    LiftingRule,
    OrderRules,
    exceptions_end,
    lifting_rule,
    mandates_of,
    order_canaries,
    order_rules,
    overlay_of,
    suspended_until,
)
from filterd.policy.policy_book import PolicyBook
from filterd.policy.published import StateSettings
from filterd.policy.snapshot import Snapshot
from filterd.policy.trace import Decision
from filterd.store import change_log
from filterd.store import liftings as lifting_rows
from filterd.store import orders as order_rows
from filterd.store import snapshots as snapshot_rows
from filterd.wire import codec
from filterd.wire.names import name_from_text, name_to_text
from filterd.wire.respond import holds_ech
from filterd.wire.scrub import scrubbed
from filterd.wire.status import Status

_FEWER_RECORDS = (
    "neither a setting nor an allow name lets it through: ask the name's owner for fewer records "
    "(at most about 125 IPv4 or 102 IPv6 addresses; docs/decisions/0130)"
)

Answers = Callable[[bytes, int], Awaitable[bytes | None]]
"""the answer to a name (wire form) and a type, or None: there is none to inspect"""

_HEADER_SIZE = 12
_MAX_MESSAGE = 65_535
_ALIAS_HEADER = struct.pack("!HHHHHH", 0, 0x8000, 0, 1, 0, 0)
_ALIAS_RECORD = struct.pack("!BHHI", 0, int(dns.rdatatype.CNAME), 1, 0)
"""owner (the root, which is not looked at), type, class, TTL"""


@dataclass(frozen=True, slots=True)
class OrderOnNode:
    """An order that a node keeps in force by itself. Its names are known to nobody."""

    node: str
    reference: str


@dataclass(frozen=True, slots=True)
class CheckState:
    """The state that a check decides on."""

    published: PublishedState
    snapshot: Snapshot
    identity: Identity
    line: LineHandle | None
    revision: int
    """the store's"""
    damaged: tuple[str, ...]
    """orders whose rows in the store are damaged: they are as the snapshot has them, if it does"""
    kept_orders: tuple[OrderOnNode, ...]
    """as the nodes reported them last; they are no part of ``published``"""
    book: PolicyBook
    key: bytes = field(repr=False)
    """the snapshot's fingerprint key"""

    def line_of(self, choices: LineChoices) -> LineHandle:
        """The line with other choices of its own, of the same policy key and zone."""
        return _handle(choices, self.book, self.key)

    def moved(self, now: int) -> CheckState:
        """The same state with the schedules of another moment."""
        return replace(self, published=self.published.evolve(now, policies=self.book.at(now)))


@dataclass(frozen=True, slots=True)
class InspectedAnswer:
    """The verdict with the answer inspected too; ``decision`` None: there was no answer to inspect."""

    decision: Decision | None = None
    ech_stripped: bool = False
    """the line gets the answer without the ECH that it has"""


NOT_INSPECTED = InspectedAnswer()


async def load_state(
    context: Context,
    now: int,
    *,
    subscriber: str | None = None,
    client: QueryClient | str | None = None,
) -> CheckState:
    """The state at ``now`` for a subscriber, for a client, or for nobody known. A text is a client's address,
    or ``ADDRESS:PORT``."""
    key = load_key(context.settings, FINGERPRINT_KEY)
    snapshot = open_current(context)
    asking = await _asking(context, subscriber, client)
    async with context.store.read() as connection:
        revision = await change_log.revision(connection)
        identity = identification.at(await asking(connection), now, context.clock())
        rows = await order_rows.all_orders(connection)
        reports = await snapshot_rows.nodes(connection)
        lifted = await _lifted(connection, now, key)
    known = [each for each in rows.orders if each.state is not OrderState.QUARANTINED and not each.damage]
    published, book, line = await asyncio.to_thread(
        _published, context.settings, snapshot, known, lifted, identity.choices, revision, key, now
    )
    damaged = tuple(each.reference for each in rows.damaged)
    kept = _kept(reports)
    return CheckState(published, snapshot, identity, line, revision, damaged, kept, book, key)


def _published(
    settings: Settings,
    snapshot: Snapshot,
    known: Sequence[Order],
    lifted: Sequence[LiftingRule],
    choices: LineChoices | None,
    revision: int,
    key: bytes,
    now: int,
) -> tuple[PublishedState, PolicyBook, LineHandle | None]:
    """The state of a node with these orders and liftings, and the line in it. Thousands of orders take tenths
    of a second."""
    book = PolicyBook.of_meta(snapshot.meta, PublishedState(snapshot, key, now=now).classes)
    line = None if choices is None else _handle(choices, book, key)
    rules, newer = _rules(known, revision, key), _rules(_newer(known, snapshot), revision, key)
    canaries = order_canaries(rules, settings.canary.zone or "", key)
    published = PublishedState(
        snapshot,
        key,
        now=now,
        overlay=overlay_of(newer, lifted, canaries),
        mandates=mandates_of(rules, snapshot.built_at),
        policies=book.at(now),
        settings=StateSettings(
            security_enabled=settings.security.enabled,
            security_mode=settings.security.mode,
            suspended_until=suspended_until(lifted, now),
            exceptions_end=exceptions_end(lifted, now),
            nat64=settings.dns.nat64,
        ),
    )
    return published, book, line


def _newer(known: Iterable[Order], snapshot: Snapshot) -> list[Order]:
    """The orders that the snapshot does not have yet."""
    in_snapshot = {entry.get("mandatory_id") for entry in snapshot.meta["lists"]}
    return [each for each in known if each.state not in OFF_NODES and each.mandate.id not in in_snapshot]


def _kept(reports: Iterable[NodeReport]) -> tuple[OrderOnNode, ...]:
    """The orders that nodes keep in force by themselves."""
    return tuple(OrderOnNode(each.name, reference) for each in reports for reference in each.kept_orders)


async def _asking(
    context: Context, subscriber: str | None, client: QueryClient | str | None
) -> Callable[[AsyncConnection], Awaitable[Identity]]:
    """The question whose query it is, for a connection to the store; control is asked before that."""
    given = QueryClient.of(client) if isinstance(client, str) else client
    place = None if given is None else identification.place_of(context.settings, given)
    known = await identification.sessions_at(context, place, identification.source_of(context))

    async def identify(connection: AsyncConnection) -> Identity:
        if subscriber is not None:
            named = await lines.require(connection, subscriber)
            return Identity(NAMED, named.choices, named.id)
        if given is None:
            return Identity(Method.UNKNOWN)
        return await identification.identify(connection, context.settings, given, place, known)

    return identify


async def _lifted(connection: AsyncConnection, now: int, key: bytes) -> list[LiftingRule]:
    """The exceptions and suspensions that hold at ``now``, as nodes enforce them."""
    found = [each for kind in LiftingKind for each in await lifting_rows.in_force(connection, kind, now)]
    return [lifting_rule(liftings.change_of(each), key) for each in found]


def _handle(choices: LineChoices, book: PolicyBook, key: bytes) -> LineHandle:
    policy, _ = book.index_of_line(choices.policy_key, choices.zone)
    return LineHandle(
        choices.line,
        policy=policy,
        opted_in=choices.opted_in,
        paused_until=choices.paused_until,
        security_left=choices.security_left,
        own_names=[(fingerprint_name(key, own.name), own.action, own.scope) for own in choices.own_names],
    )


def _rules(orders: Iterable[Order], revision: int, key: bytes) -> list[OrderRules]:
    """The orders as nodes enforce them."""
    return [order_rules(change_of(order), revision, key) for order in orders]


async def no_answers(_wire: bytes, _qtype: int) -> bytes | None:
    """No answer, for a check of the query alone."""
    return None


def answers_in_file(path: Path | GivenFile, wire: bytes, qtype: int) -> Answers:
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


def answers_of_upstreams(upstreams: Sequence[UpstreamSettings]) -> Answers:
    """The present answers of the upstreams."""

    async def find(wire: bytes, qtype: int) -> bytes | None:
        servers = [server_of(each) for each in upstreams]
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


async def inspect_answer(
    state: CheckState, answers: Answers, wire: bytes, qtype: int, decision: Decision, now: int
) -> InspectedAnswer:
    """The verdict with the answer inspected too."""
    verdict = decision.verdict
    if verdict.outcome is Outcome.REWRITE:
        return await _safe_host(state, answers, qtype, decision, decision, now) or NOT_INSPECTED
    if verdict.outcome is not Outcome.PASS:
        return NOT_INSPECTED
    message = await answers(wire, qtype)
    if message is None:
        return NOT_INSPECTED
    found = _inspect(state, message, decision, now)
    if found.verdict.outcome is not Outcome.REWRITE:
        return _passed_or_blocked(state, message, decision, found, now)
    led = await _safe_host(state, answers, qtype, decision, found, now)
    return InspectedAnswer(found) if led is None else led


def _passed_or_blocked(
    state: CheckState, message: bytes, decision: Decision, found: Decision, now: int
) -> InspectedAnswer:
    """With whether ECH is taken out of the message, where the line gets it at all."""
    passes = found.verdict.outcome is not Outcome.BLOCK
    strips = passes and line_strips_ech(state.published, state.line, decision.excepted, now)
    return InspectedAnswer(found, ech_stripped=strips and holds_ech(message))


async def _safe_host(
    state: CheckState, answers: Answers, qtype: int, decision: Decision, rewrite: Decision, now: int
) -> InspectedAnswer | None:
    """The verdict of a rewrite: the safe host is inspected like any other alias, and so is its own answer."""
    target = name_from_text(state.published.classes.targets()[rewrite.verdict.reference])
    message = await answers(target, qtype)
    if message is None:
        return None
    coming = rewrite.coming
    for each in (_alias(target), message):
        found = _inspect(state, each, decision, now, rewritten=True)
        coming = coming or found.coming
        if found.verdict.outcome is Outcome.BLOCK:
            return InspectedAnswer(found)
    led = replace(found, verdict=rewrite.verdict, coming=coming)
    return _passed_or_blocked(state, message, decision, led, now)


def _inspect(
    state: CheckState, message: bytes, decision: Decision, now: int, *, rewritten: bool = False
) -> Decision:
    found = inspect_message(
        state.published,
        state.line,
        message,
        decision.own_allow,
        now,
        is_protected=decision.is_protected,
        rewritten=rewritten,
        excepted=decision.excepted,
    )
    if found is None:
        reason = "the answer cannot be read; a client would get SERVFAIL"
        raise OperationError(reason, "give the whole message of one answer")
    return found


def _passed(message: bytes) -> bytes:
    """The part of an answer that the query path inspects and passes on; all of a message that has no question
    or cannot be read. Refused, since clients get none of it: a referral, a contradiction, and what takes too
    much effort to be judged (``packet_keep`` weighs the whole reply, too)."""
    stripped = codec.strip(message)
    if isinstance(stripped, Status):
        return message
    if stripped.rcode != dns.rcode.SERVFAIL and too_large(stripped.message):
        reason = "the answer takes more effort to judge than is allowed; a client gets SERVFAIL with EDE 0 "
        reason += '"answer too large to be judged", whatever its line and policies say'
        raise OperationError(reason, _FEWER_RECORDS)
    kept = scrubbed(stripped.message)
    if kept is Status.NOT_AN_ANSWER:
        reason = "the message answers nothing: it refuses, refers to other servers or contradicts itself; "
        reason += "a client would get another upstream's answer, or SERVFAIL"
        raise OperationError(reason, "give the whole message of one answer")
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


def _read(path: Path | GivenFile) -> bytes:
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
