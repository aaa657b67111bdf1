"""The answer that an exchange gets, in plain Python: one of the shapes, with the options that all share."""

from __future__ import annotations

from filterd.dataplane.packet.exchange_reference import Exchange, ReferencePlane, Shape
from filterd.dataplane.packet.plane_types import Sinkhole
from filterd.model.block_kind import kind_of
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.model.verdict import Outcome, Reason, Verdict, Where
from filterd.policy.decide_reference import is_confidential
from filterd.policy.fingerprint_reference import suffixes
from filterd.policy.inquiry_reference import boundary_of, strips_ech
from filterd.wire import respond_reference
from filterd.wire.ech_reference import ech_types
from filterd.wire.ede import ExtendedError
from filterd.wire.edns import udp_limit
from filterd.wire.options import AnswerOptions
from filterd.wire.upstream_answers_reference import MAX_EDES, MAX_MESSAGE

NXDOMAIN = 3
A, AAAA = 1, 28
AD = 0x0020
MOST_TTL = 86_400
MOST_NEGATIVE_TTL = 3600
"""of NXDOMAIN and NODATA (RFC 2308 section 5)"""
IDENTITY_SIZE = 64


def answer_of(plane: ReferencePlane, x: Exchange) -> bytes:
    """The answer in the exchange's shape; nothing where it cannot be answered."""
    options = options_of(plane, x)
    match x.shape:
        case Shape.PASSED:
            return passed(plane, x, options)
        case Shape.REWRITTEN:
            return rewritten(plane, x, options)
        case Shape.BLOCKED:
            return blocked(plane, x, options)
        case Shape.LOCAL:
            return local(x, options)
        case Shape.IDENTITY:
            return respond_reference.text(x.query, options["nsid"], **options)
        case Shape.ERROR:
            return respond_reference.error(x.query, x.rcode, **options)
        case Shape.TRUNCATED:
            options["nsid"] = b""
            return respond_reference.truncated(x.query, **options)
        case Shape.REFUSAL:
            return x.packet


def options_of(plane: ReferencePlane, x: Exchange) -> AnswerOptions:
    """Size, lifetimes and EDNS options."""
    rules = plane.rules
    return {
        "limit": MAX_MESSAGE if x.tcp else udp_limit(x.query.udp_size if x.query.has_edns else None),
        "ttl": rules.block_ttl,
        "ttl_cap": ttl_cap(plane, x),
        "cookie": x.cookie,
        "echo_subnet": x.by_subnet,
        "keepalive": rules.keepalive if x.tcp else 0,
        "nsid": rules.identity.encode("ascii")[:IDENTITY_SIZE],
        "ede": x.edes[:MAX_EDES],
    }


def ttl_cap(plane: ReferencePlane, x: Exchange) -> int:
    """A line that opted in gets no TTL that outlives its next boundary, so that no telephone's cache does."""
    if x.line is None or not x.line.opted_in:
        return MOST_TTL
    boundary = boundary_of(x.inquiry.state, x.line, x.now)
    cap = plane.rules.max_ttl_opted_in
    return min(cap, boundary - x.now) if boundary > x.now else cap


def passed(plane: ReferencePlane, x: Exchange, options: AnswerOptions) -> bytes:
    """The answer of the cache or of an upstream."""
    x.note("verdicts", Outcome.PASS.name.lower(), x.verdict.reason.word)
    add_found(plane, x, options)
    if options.get("strip_ech", False):
        options["ede"] = [*options["ede"], (ExtendedError.FORGED_ANSWER, b"")][:MAX_EDES]
    options["ad"] = x.found.ad and (x.query.dnssec_ok or bool(x.query.flags & AD))
    return respond_reference.answer(x.query, x.found.message, **options)


def rewritten(plane: ReferencePlane, x: Exchange, options: AnswerOptions) -> bytes:
    """An alias to the safe host, and what is said of that."""
    x.note("verdicts", Outcome.REWRITE.name.lower(), Reason.SAFE_SEARCH.word)
    add_found(plane, x, options)
    options["ede"] = [*options["ede"], (ExtendedError.FORGED_ANSWER, b"")][:MAX_EDES]
    return respond_reference.rewrite(x.query, x.asked, x.found.message, **options)


def coming_cap(plane: ReferencePlane, x: Exchange) -> int:
    """Of what an order speaks of that is not in force yet, no client keeps anything for long after it takes
    effect: that may be any moment, but no earlier than an order begins."""
    begins = x.inquiry.state.next_beginning
    return min(plane.rules.block_ttl, max(begins - x.now, 0)) if begins else plane.rules.block_ttl


def add_found(plane: ReferencePlane, x: Exchange, options: AnswerOptions) -> None:
    """The options of what was found somewhere: age, extended errors, ECH, and the caps of a negative answer,
    of one that an order is coming for, and of one that an exception lets through."""
    if x.coming:
        options["ttl_cap"] = min(options["ttl_cap"], coming_cap(plane, x))
    left = x.inquiry.state.exceptions_end - x.now
    if x.excepted and left > 0:  # no device may keep for long what is to be blocked again
        options["ttl_cap"] = min(options["ttl_cap"], left)
    message = x.found.message
    if message[3] & 15 == NXDOMAIN or message[6:8] == bytes(2):
        options["ttl_cap"] = min(options["ttl_cap"], MOST_NEGATIVE_TTL)
    options["age"] = x.found.age
    options["ede"] = [*x.edes, *x.found.edes][:MAX_EDES]
    if strips_ech(x.inquiry.state, x.line, x.inquiry.excepted, x.now) and ech_types(message):
        options["strip_ech"] = True
        x.note("ech_stripped")


def blocked(plane: ReferencePlane, x: Exchange, options: AnswerOptions) -> bytes:
    """A blocked name, with its EDE. What rests on an answer of one type says nothing of what is below."""
    verdict = x.verdict
    x.note("verdicts", Outcome.BLOCK.name.lower(), verdict.reason.word)
    if verdict.reason is Reason.CATEGORY:
        listed = x.inquiry.state.classes.of_bit(verdict.reference)
        x.note("categories", "" if listed is None else listed.category)
    codes = {Reason.MANDATORY: ExtendedError.CENSORED, Reason.SECURITY: ExtendedError.BLOCKED}
    edes = [(int(codes.get(verdict.reason, ExtendedError.FILTERED)), b"")]
    options["ipv4"], options["ipv6"] = sinkhole = sinkhole_of(plane, x)
    if makes_address(x, sinkhole):
        edes.append((ExtendedError.FORGED_ANSWER, b""))
    options["ede"] = edes
    scope = verdict.scope if verdict.where is Where.QUERY else Scope.EXACT
    return respond_reference.blocked(x.query, verdict.mode, scope, **options)


def sinkhole_of(plane: ReferencePlane, x: Exchange) -> Sinkhole:
    """The block page's addresses for a block of this kind."""
    confidential = is_confidential(x.inquiry.state, x.verdict)
    return plane.rules.sinkholes[kind_of(x.verdict.reason, confidential=confidential)]


def makes_address(x: Exchange, sinkhole: Sinkhole) -> bool:
    """True if the answer has an address that we made up."""
    address = dict(zip((A, AAAA), sinkhole, strict=True)).get(x.query.qtype)
    if x.verdict.mode is BlockingMode.SINKHOLE:
        return address is not None
    return x.verdict.mode is BlockingMode.NULL and x.query.qtype in (A, AAAA)


def local(x: Exchange, options: AnswerOptions) -> bytes:
    """``localhost``, ``resolver.arpa`` and special-use names."""
    x.note("verdicts", Outcome.LOCAL.name.lower(), x.verdict.reason.word)
    kind = respond_reference.LOCAL_NXDOMAIN
    if x.verdict.reason is Reason.LOCAL:
        kind = respond_reference.local_kind_of(x.query.name)
    return respond_reference.local(x.query, kind, apex_of(x, x.verdict), **options)


def apex_of(x: Exchange, verdict: Verdict) -> int:
    """At which byte of a name of a local zone, which is known by its class, the zone's own name starts."""
    name = x.query.name
    label, _ = x.inquiry.state.matcher.origin_of_name(name, verdict.reference)
    zone = suffixes(name)[label]
    return len(name) - len(zone) if len(zone) > 1 else 0
