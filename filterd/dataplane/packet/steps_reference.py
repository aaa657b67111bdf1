"""The plain twin of each step of a packet's path; ``pipeline`` has their order and its reasons.

A step returns None where the next one follows, else the step that does.
"""

from __future__ import annotations

import contextlib

from filterd.dataplane.cache.cache_reference import Found
from filterd.dataplane.packet.answer_reference import answer_of
from filterd.dataplane.packet.exchange_reference import (
    NOTHING,
    Ending,
    Exchange,
    ReferencePlane,
    Reply,
    Shape,
    Stage,
)
from filterd.dataplane.packet.identify_reference import is_known, recognise, take_identities
from filterd.dataplane.packet.plain_reference import ANSWER, HEADER, REFUSED, SHORT, plain_of
from filterd.model.verdict import Kind, Outcome, Reason, Verdict, Where
from filterd.policy import inspect_reference
from filterd.policy.decide_reference import ANSWER_STAGES, DS, decide, first_verdict, reason_of_pass
from filterd.policy.decide_reference import Stage as VerdictStage
from filterd.policy.inquiry_reference import Carried, Inquiry, Notes, ReferenceState, awaits_lists
from filterd.wire import cookie_reference
from filterd.wire.codec_reference import Refused, walk
from filterd.wire.ede import ExtendedError
from filterd.wire.message import ProxyProblem
from filterd.wire.names import name_from_text
from filterd.wire.proxy_reference import parse_header
from filterd.wire.queries_reference import read
from filterd.wire.status import Status

FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSES, BADVERS, BADCOOKIE = 1, 2, 3, 4, 5, 16, 23
RD = 0x0100
CLASS_IN, CLASS_CH = 1, 3
CNAME, TXT, DNAME, OPT, ANY = 5, 16, 39, 41, 255
META_TYPES = range(249, 255)
"""TKEY to MAILA: nothing that a resolver forwards"""
IDENTITIES = (b"\2id\6server\0", b"\x08hostname\4bind\0")
MAPPED = bytes(10) + b"\xff\xff"
TOO_LARGE = (int(ExtendedError.OTHER), b"answer too large to be judged")
"""the extended error of an answer that takes too much effort"""
MOST_ROUNDS = 4
"""names looked up for one query: its own and the safe hosts that it leads to"""


def unwrap(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Take off a front's PROXY header, which names the client. Over TCP it came before the first message."""
    if x.tcp or x.client not in plane.proxies:
        return None
    header = parse_header(x.packet, plane.proxy_id_tlv)
    if isinstance(header, ProxyProblem):
        return x.drop("no_proxy_header")
    x.packet, x.proxied = x.packet[header.length :], True
    x.front, x.tlv = x.client, header.identity
    if header.source is not None:
        x.client, x.port = wide(header.source[0]), header.source[1]
    return None


def wide(address: bytes) -> bytes:
    """The address in 16 bytes, IPv4 as ::ffff:a.b.c.d."""
    return address if len(address) == 16 else MAPPED + address


# ---- parse ----


def parse(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Read the query. An error in it is answered only behind the limit, see :func:`admit`."""
    leads = reduce(plane, x) if plane.board.reduced else None
    if leads is not None:
        return leads
    if len(x.packet) < HEADER:
        return x.drop("short")
    x.status, x.query = read(x.packet)
    if x.status is Status.NOT_A_QUERY:
        return x.drop("not_a_query")
    x.note("queries", protocol(x))
    return None


def protocol(x: Exchange) -> str:
    """The word for how it came."""
    return "tcp" if x.tcp else "udp"


def reduce(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """In reduced mode: leave the packet's plain core, or refuse it; nothing that the resolver died of."""
    status, plain, question = plain_of(x.packet)
    marks = [plane.board.mark(x.packet)]
    if question:
        marks.append(plane.board.question_mark(plain[HEADER : HEADER + question]))
    if any(plane.board.killed(mark) for mark in marks):
        return x.drop("crashed_before")
    if status in (SHORT, ANSWER):
        return x.drop("short" if status == SHORT else "not_a_query")
    x.packet = plain
    if status == REFUSED:
        x.note("queries", protocol(x))
        x.note("reduced")
        return x.respond(Shape.REFUSAL)
    return None


# ---- admit ----


def admit(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Find out whose query it is, charge its prefix, and refuse what is not answered or not forwarded."""
    sender = x.client
    take_subnet(plane, x)
    secrets = plane.rules.cookie_secrets
    if x.query.cookie and secrets:
        x.cookie_valid, x.cookie = cookie_reference.answer(secrets, x.query.cookie, sender, x.now)
    admitted = x.client in plane.allowed
    leads = charge(plane, x, admitted)
    if leads is not None:
        return leads
    if x.status not in (Status.OK, Status.NO_QUESTION):
        x.note("malformed")
        return x.fail(NOTIMP if x.status is Status.UNKNOWN_OPCODE else FORMERR)
    if not admitted:
        x.note("refused")
        return x.fail(REFUSES, (ExtendedError.PROHIBITED, b""))
    if x.status is Status.NO_QUESTION:  # a cookie is asked for, or asked about (RFC 7873 section 5.4)
        asked_for = len(x.query.cookie) == cookie_reference.CLIENT_SIZE
        return x.fail(0 if x.cookie_valid or asked_for else BADCOOKIE)
    take_identities(plane, x, sender)
    return refuse_unforwardable(plane, x)


def take_subnet(plane: ReferencePlane, x: Exchange) -> None:
    """A whole address in the client subnet of a trusted sender (RFC 7871) is the client's."""
    subnet = x.query.client_subnet
    if subnet is None or x.proxied or x.client not in plane.forwarders:
        return
    x.by_subnet = True
    family, prefix, address = subnet
    if prefix == (32 if family == 1 else 128):
        x.client, x.port = wide(address), 0


def charge(plane: ReferencePlane, x: Exchange, admitted: bool) -> Stage | None:
    """Take one query from the client's prefix. Over TCP, or with a cookie of ours, nobody asks in another's
    name; TC helps only a client that may come back, with a sound query."""
    if plane.rates is None or x.tcp or x.cookie_valid:
        return None
    if not admitted:
        taken = plane.strangers.take(plane.rates, x.client, x.milliseconds)
        return None if taken.outcome == "pass" else x.drop("rate_limited")
    taken = plane.clients.take(plane.rates, x.client, x.milliseconds)
    if taken.outcome == "pass":
        return None
    if taken.outcome == "truncate" and x.status in (Status.OK, Status.NO_QUESTION):
        x.note("rate_limited", "truncated", str(taken.length))
        return x.respond(Shape.TRUNCATED)
    x.note("rate_limited", "dropped", str(taken.length))
    return x.drop("rate_limited")


def refuse_unforwardable(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Answer what no resolver forwards, by the header's fields, class and type alone."""
    query = x.query
    if query.edns_version:
        return x.fail(BADVERS)
    if not query.flags & RD:  # an answer from the cache would let one line look into what another asked
        return x.fail(REFUSES)
    if query.qclass != CLASS_IN:
        asks_identity = query.qclass == CLASS_CH and query.qtype in (TXT, ANY) and query.name in IDENTITIES
        return x.respond(Shape.IDENTITY) if asks_identity and plane.rules.identity else x.fail(REFUSES)
    if query.qtype in (0, OPT):
        return x.fail(FORMERR)
    return x.fail(REFUSES) if query.qtype in META_TYPES else None


# ---- identify ----


def identify(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Find the line, and begin the verdict on the query's name."""
    x.line, x.found, x.edes = None, NOTHING, []
    state = plane.state
    found = recognise(plane, x) if state is not None and state.parental_ready else None
    awaiting = state is not None and found is not None and awaits_lists(state, found[1], x.now)
    waits = awaiting or not is_known(plane, x)
    if state is None or (waits and not passes_for_all(state, x)):
        if state is not None and state.ready and x.verdict.reason is Reason.MANDATORY:
            return x.respond(Shape.BLOCKED)  # the rules for all hold, and only protected names pass
        x.note("not_ready")
        return x.fail(SERVFAIL, (ExtendedError.NOT_READY, b""))
    first = not waits and not x.identified
    if found is not None and not waits:
        x.line = found[1]
    if first:
        family = "ipv4" if x.client.startswith(MAPPED) else "ipv6"
        x.note("unrecognised", family) if found is None else x.note("identified", found[0])
        x.identified = True
    of_parent = x.query.qtype == DS
    x.inquiry = Inquiry(state, x.line, x.now, Notes(), wire=x.query.name, of_parent=of_parent)
    for bit in x.inquiry.shared(state.classes.mask(Kind.OBSERVED)) if first else ():
        listed = state.classes.of_bit(bit)
        x.note("observed", "" if listed is None else listed.id)
    passed = reason_of_pass(own_allow=x.inquiry.own_allow, excepted=x.inquiry.excepted)
    x.verdict = Verdict(reason=passed)
    x.coming = x.coming or x.inquiry.match.coming
    # A reply for a safe host, as forcesafesearch.google.com for www.google.com: still that host.
    if x.reply is None or not x.rewrite:
        x.asked, x.rewrite = x.query.name, False
    return None


def passes_for_all(state: ReferenceState, x: Exchange) -> bool:
    """True for a protected name, which no line can close, as the portal's host. Else the exchange has the
    verdict of the rules for all."""
    if not state.ready:
        return False
    decision = decide(state, None, x.query.name, x.now, x.query.qtype)
    if decision.is_protected and decision.verdict.outcome is Outcome.PASS:
        return True
    x.inquiry, x.verdict = Inquiry(state, None, x.now, Notes(), wire=x.query.name), decision.verdict
    return False


# ---- the verdict ----


class Decide:
    """A step of the verdict on the query's name: some of the stages of ``decide_reference``."""

    def __init__(self, *stages: VerdictStage) -> None:
        self.stages = stages

    def __call__(self, _plane: ReferencePlane, x: Exchange) -> Stage | None:
        """Ask the stages; the first one that decides ends the verdict."""
        verdict = first_verdict(x.inquiry, self.stages)
        if verdict.outcome is Outcome.PASS:
            return None
        x.verdict = verdict
        if verdict.outcome is Outcome.REWRITE:
            x.asked, x.rewrite = safe_host(x, verdict), True
            return Stage.CACHE
        return x.respond(Shape.BLOCKED if verdict.outcome is Outcome.BLOCK else Shape.LOCAL)


def safe_host(x: Exchange, verdict: Verdict) -> bytes:
    """The safe host of a safe-search verdict."""
    return name_from_text(x.inquiry.state.classes.targets()[verdict.reference])


# ---- cache, forward, inspect ----


def look_up(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Find an answer to the name that is asked for, unless an upstream has just given one."""
    reply = reply_to(x)
    if reply is not None and reply.message is not None:
        return block_host(x)
    if reply is not None:
        x.rounds = MOST_ROUNDS - 1  # no upstream answered: a stale answer is all that is left
    if x.rounds == MOST_ROUNDS:
        return x.fail(SERVFAIL)
    x.rounds += 1
    return block_host(x) or find(plane, x)


def reply_to(x: Exchange) -> Reply | None:
    """The upstream's reply to the name that is asked for, if there is one."""
    return x.reply if x.reply is not None and x.reply.name == x.asked else None


def block_host(x: Exchange) -> Stage | None:
    """Block where the safe host itself is blocked, whatever its answer says: it is a name of the answer."""
    if not x.rewrite:
        return None
    inquiry = x.inquiry
    host = Inquiry(
        inquiry.state,
        x.line,
        x.now,
        Notes(),
        wire=x.asked,
        where=Where.CNAME,
        carried=Carried(inquiry.own_allow, inquiry.is_protected, True, inquiry.excepted),
    )
    x.coming = x.coming or host.match.coming
    verdict = first_verdict(host, ANSWER_STAGES)
    if verdict.outcome is not Outcome.BLOCK:
        return None
    x.verdict = verdict
    x.stale = x.refresh = False  # of the name that led there
    return x.respond(Shape.BLOCKED)


def find(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Take what the cache has. What is stale serves a client that has waited long enough, or while upstreams
    that failed are left in peace."""
    found = plane.cache.lookup(x.key, x.ticks)
    x.stale = found is not None and found.stale
    x.refresh = found is not None and found.refresh
    if found is None or (found.stale and not (found.hold or x.takes_stale)):
        x.note("lookups", "miss")
        return None
    if found.stale:
        x.note("lookups", "stale")
        denied = found.message[3] & 15 == NXDOMAIN
        x.edes.append((ExtendedError.STALE_NXDOMAIN if denied else ExtendedError.STALE_ANSWER, b""))
    else:
        x.note("lookups", "prefetch" if found.refresh else "hit")
    if found.failure:
        return x.fail(SERVFAIL, *found.edes)
    x.found = found
    return None


def forward(_plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Wait for an upstream's answer to what the cache does not have, or take the one that came."""
    if x.found is not NOTHING:
        return None
    reply = reply_to(x)
    if reply is None:
        x.ending = Ending.FORWARDED
        return Stage.RECORD
    if reply.message is None:
        return x.fail(SERVFAIL, *reply.edes)
    x.found = Found(reply.message, reply.ad, reply.edes)
    return None


def inspect(_plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Ask the stages of the verdict about every name and address of the answer."""
    inquiry = x.inquiry
    if x.query.qtype == DS and not x.rewrite and holds_alias(x.found.message):
        # The parent's data passes; an alias is the name's own, and leads where the name does.
        own = decide(inquiry.state, x.line, x.query.name, x.now).verdict
        if own.outcome in (Outcome.BLOCK, Outcome.REWRITE):
            return leave(x, own)
    decision = inspect_reference.inspect(
        inquiry.state,
        x.line,
        x.found.message,
        inquiry.own_allow,
        x.now,
        is_protected=inquiry.is_protected,
        rewritten=x.rewrite,
        excepted=inquiry.excepted,
    )
    if decision is None:
        is_damaged = inspect_reference.subjects(x.found.message) is inspect_reference.Fault.DAMAGED
        return x.fail(SERVFAIL, (ExtendedError.NETWORK_ERROR, b"") if is_damaged else TOO_LARGE)
    x.coming = x.coming or decision.coming
    x.excepted = decision.excepted
    if decision.verdict.outcome in (Outcome.BLOCK, Outcome.REWRITE):
        return leave(x, decision.verdict)
    x.shape = Shape.REWRITTEN if x.rewrite else Shape.PASSED
    return None


def leave(x: Exchange, verdict: Verdict) -> Stage:
    """Give the answer up: for a block, or for the safe host."""
    if verdict.outcome is Outcome.BLOCK:
        x.verdict = verdict
        return x.respond(Shape.BLOCKED)
    x.asked, x.rewrite = safe_host(x, verdict), True
    x.found, x.reply = NOTHING, None
    return Stage.CACHE


def holds_alias(message: bytes) -> bool:
    """True if an alias stands in the answer section (CNAME, DNAME), as far as it can be read."""
    with contextlib.suppress(Refused):
        return any(
            place.section == 1 and place.type in (CNAME, DNAME) for place in walk(message, owners=False)
        )
    return False


# ---- respond, record ----


def respond(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Make the answer."""
    x.answer = answer_of(plane, x)
    if not x.answer:
        return x.drop("unanswerable")
    x.ending = Ending.ANSWERED
    return None


def record(plane: ReferencePlane, x: Exchange) -> Stage | None:
    """Count what became of it."""
    plane.counted.update(x.facts)
    x.facts.clear()
    return None
