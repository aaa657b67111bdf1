"""Why a resolver does not do what a case says. The first entry that speaks of a case and a system counts.

Each difference in docs/compliance.md has its entry here; ``make compliance`` fails where one has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Reason:
    """Cases (patterns over their names), systems, and why these do something else."""

    cases: tuple[str, ...]
    systems: tuple[str, ...]
    why: str


REASONS = (
    Reason(
        ("cookies/*",),
        ("Unbound", "Recursor"),
        "It answers no cookies by default (Unbound: `answer-cookie`) or at all.",
    ),
    Reason(
        ("keepalive/over-tcp",),
        ("Unbound", "Recursor"),
        "It tells no timeout by default (Unbound: `edns-tcp-keepalive`) or at all; RFC 7828 §3.3.2 leaves it "
        "to the server.",
    ),
    Reason(
        ("edns/duplicate*", "edns/owner", "edns/option-*", "edns/cookie-*"),
        ("Recursor",),
        "It takes what it knows out of the OPT record and does not judge the rest.",
    ),
    Reason(
        ("questions/answer-*", "edns/tsig-*"),
        ("Recursor",),
        "It judges no record behind the question but OPT: it answers as if none stood there, or nothing.",
    ),
    Reason(
        ("headers/*", "questions/*", "names/*", "edns/*", "tcp/malformed"),
        ("Recursor",),
        "It answers nothing to other opcodes and to what it cannot read; silence keeps it from "
        "being used as a reflector, but a client learns nothing. FORMERR and NOTIMP are no larger"
        " than the query.",
    ),
    Reason(
        ("headers/*",),
        ("Unbound",),
        "Its NOTIMP is written with opcode 0, so that the client cannot match it.",
    ),
    Reason(
        ("questions/with-additional", "questions/with-answer-served", "edns/not-last"),
        ("Unbound",),
        "It takes no other record than OPT behind the question; RFC 1035 §4.1 forbids none, and RFC 6891 "
        "§6.1.1 lets OPT stand anywhere among the additional ones.",
    ),
    Reason(
        ("names/case-owner",),
        ("BIND", "Unbound", "Recursor"),
        "Two queries in flight that differ by letter case share one answer with one of the two spellings.",
    ),
    Reason(
        ("names/case-owner-pointer",),
        ("BIND",),
        "It gives the owner as the upstream spelled it (`no-case-compress`); both are equal names"
        " (RFC 4343).",
    ),
    Reason(
        ("edns/option-*", "edns/cookie-*"),
        ("Unbound",),
        "It ignores options that cannot be read, and cookies of a wrong length, as it does not use cookies.",
    ),
    Reason(
        ("edns/tsig-unknown-key",),
        ("BIND",),
        "It knows TSIG and answers NOTAUTH with a TSIG record of its own, which the test's "
        "reader, having no key, does not take.",
    ),
    Reason(
        ("truncation/*",),
        ("BIND",),
        "It fills a truncated answer with the records that fit (RFC 2181 §9 lets clients ignore "
        "them); ours has none, so that no one takes a part for the whole.",
    ),
    Reason(
        ("truncation/*",),
        ("Recursor",),
        "It takes no more than a bounded number of bytes and records from one answer (`max_rrset_size`).",
    ),
    Reason(
        ("types/any-small",),
        ("BIND", "Unbound"),
        "By default they give all that they have (BIND: `minimal-any`, Unbound: `deny-any`); RFC "
        "8482 allows it.",
    ),
    Reason(
        ("types/any-alias",),
        ("Recursor",),
        "It gives with ANY whatever the upstream sent or its cache has for what the alias leads to.",
    ),
    Reason(
        ("types/axfr-*", "types/ixfr-*"),
        ("Recursor",),
        "It sends transfers on as ordinary queries and fails (SERVFAIL).",
    ),
    Reason(("types/chaos-hostname-bind",), ("Recursor",), "It knows id.server and version.bind only."),
    Reason(
        ("special/localhost*",),
        ("BIND",),
        "It has no localhost of its own: the operator is to write that zone (RFC 6761 §6.3 says SHOULD).",
    ),
    Reason(
        ("special/resolver-arpa-nodata",),
        ("BIND", "Unbound"),
        "They serve resolver.arpa as an empty zone, so NXDOMAIN; RFC 9462 §6.4 wants NODATA of a "
        "resolver that has no designation.",
    ),
    Reason(
        ("special/*",),
        ("BIND", "Unbound", "Recursor"),
        "The zone is not among those that it serves locally by default, and the question goes "
        "upstream (RFC 6761 §6, RFC 6762 §22.1, RFC 9476 §4 and RFC 7793 §3 want it answered on "
        "the spot).",
    ),
    Reason(
        ("errors/none-on-nxdomain",),
        ("Recursor",),
        "It may add an extended error to a denial that it makes out of its cache; nothing forbids it.",
    ),
    Reason(
        ("errors/passed-on",),
        ("BIND", "Unbound", "Recursor"),
        "They do not pass on an upstream's extended error with a positive answer (RFC 8914 §3 "
        "leaves it open).",
    ),
    Reason(
        ("tcp/half-close-*",),
        ("BIND", "Unbound"),
        "They take the client's end of sending for the end of the connection and drop what is under way.",
    ),
)


@dataclass(frozen=True, slots=True)
class Packets:
    """What ``python -m tests.compliance.packets`` may find."""

    percent: float
    """of the packets, in which two of the others agree and not with filterd; more is a failure"""
    why: tuple[str, ...]
    """each class of them"""


PACKETS = Packets(
    1.0,
    (
        "filterd answers, BIND and Unbound say FORMERR: a record behind the question has a broken type "
        "bitmap, an empty URI target, a short ZONEMD digest, or other data of a type whose data filterd "
        "passes over. Unbound refuses the query for having the record at all, BIND for "
        "its data; Recursor answers.",
        "filterd NOTIMP, BIND and Unbound FORMERR: a readable NOTIFY that asks for another type than SOA, or "
        "has records that belong into an UPDATE. filterd implements no NOTIFY, which NOTIMP says (RFC 8906 "
        "§3.1.4).",
        "filterd REFUSED, BIND and Recursor answer: CHAOS version.bind, which tells attackers what runs "
        "here (RFC 4892 §4); id.server is answered.",
        "filterd FORMERR, BIND and Recursor answer: an SVCB record of class CHAOS without a readable target, "
        "behind a CHAOS question.",
    ),
)


def reason_for(case: str, system: str) -> str | None:
    """Why this system does not do what this case says, if that is known."""
    for reason in REASONS:
        if system in reason.systems and any(fnmatchcase(case, pattern) for pattern in reason.cases):
            return reason.why
    return None
