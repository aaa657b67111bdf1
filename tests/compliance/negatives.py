"""Negative answers, aliases and what is passed on of an upstream's answer; extended errors."""

from __future__ import annotations

from tests.compliance.asking import AAAA, CNAME, DNAME, MX, ask, framed, opt
from tests.compliance.case import Case
from tests.compliance.checks import (
    answer,
    counts,
    echo,
    ede,
    flags,
    negative_ttl,
    no_opt,
    no_option,
    only,
    rcode,
    soa,
    ttl_at_most,
)
from tests.compliance.checks import (
    opt as has_opt,
)

_A = "a.c.example. A 192.0.2.1"

CASES = (
    Case(
        "negatives/nxdomain",
        "RFC 2308 §2.1",
        "a name that does not exist is denied, with the zone's SOA",
        (ask("nowhere.c.example"),),
        (rcode("NXDOMAIN"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "negatives/nxdomain-again",
        "RFC 2308 §6",
        "from the cache too",
        (ask("nowhere.c.example"),),
        (rcode("NXDOMAIN"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "negatives/nodata",
        "RFC 2308 §2.2",
        "a type that does not exist is NODATA, with the zone's SOA",
        (ask("text.c.example", AAAA),),
        (rcode("NOERROR"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "negatives/nodata-again",
        "RFC 2308 §6",
        "from the cache too",
        (ask("text.c.example", AAAA),),
        (rcode("NOERROR"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "negatives/empty-non-terminal",
        "RFC 8020 §2",
        "a name with names below it exists",
        (ask("other.c.example"),),
        (rcode("NOERROR"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "negatives/ttl",
        "RFC 2308 §5",
        "a negative answer lives no longer than the SOA's minimum",
        (ask("nowhere2.c.example"),),
        (rcode("NXDOMAIN"), negative_ttl(3600)),
    ),
    Case(
        "negatives/ra",
        "RFC 1035 §4.1.1",
        "RA is set with negative answers too",
        (ask("nowhere.c.example"),),
        (flags(on="QR RA RD", off="AA"),),
    ),
    Case(
        "negatives/servfail",
        "RFC 1035 §4.1.1",
        "an upstream's failure is passed on as SERVFAIL",
        (ask("servfail.c.example"),),
        (rcode("SERVFAIL"), counts(answer=0), echo()),
    ),
    Case(
        "negatives/servfail-again",
        "RFC 9520 §3.2",
        "and again from what is remembered",
        (ask("servfail.c.example"),),
        (rcode("SERVFAIL"), counts(answer=0)),
    ),
    Case(
        "negatives/servfail-tcp",
        "RFC 7766 §5",
        "over TCP too",
        (framed(ask("servfail.c.example")),),
        (rcode("SERVFAIL"), counts(answer=0)),
        tcp=True,
    ),
    Case(
        "negatives/nxdomain-tcp",
        "RFC 7766 §5",
        "a denial is the same over TCP",
        (framed(ask("nowhere.c.example")),),
        (rcode("NXDOMAIN"), soa("c.example.")),
        tcp=True,
    ),
    Case(
        "negatives/ttl-positive",
        "RFC 2181 §8",
        "a TTL of weeks is brought down to a week at most",
        (ask("long-lived.c.example"),),
        (rcode("NOERROR"), ttl_at_most(604800)),
    ),
    Case(
        "negatives/ttl-kept",
        "RFC 1035 §4.1.3",
        "a TTL is never raised",
        (ask("a.c.example"),),
        (answer(_A), ttl_at_most(300)),
    ),
)

ALIASES = (
    Case(
        "aliases/cname",
        "RFC 1034 §3.6.2",
        "an alias comes with what it leads to",
        (ask("alias.c.example"),),
        (rcode("NOERROR"), answer("alias.c.example. CNAME a.c.example.", _A)),
    ),
    Case(
        "aliases/cname-aaaa",
        "RFC 1034 §3.6.2",
        "in the type that was asked",
        (ask("alias.c.example", AAAA),),
        (answer("a.c.example. AAAA 2001:db8::1"), only("CNAME", "AAAA")),
    ),
    Case(
        "aliases/cname-itself",
        "RFC 1034 §3.6.2",
        "who asks for CNAME gets it alone",
        (ask("alias.c.example", CNAME),),
        (answer("alias.c.example. CNAME a.c.example."), counts(answer=1)),
    ),
    Case(
        "aliases/chain",
        "RFC 1034 §3.6.2",
        "a chain comes whole",
        (ask("alias2.c.example"),),
        (
            answer("alias2.c.example. CNAME alias.c.example.", "alias.c.example. CNAME a.c.example.", _A),
            counts(answer=3),
        ),
    ),
    Case(
        "aliases/order",
        "RFC 1034 §4.3.1",
        "with the alias before what it leads to",
        (ask("alias2.c.example"),),
        (
            lambda _, got: (
                None if [int(r.rdtype) for r in got[0].parsed.answer] == [5, 5, 1] else "another order"
            ),
        ),
    ),
    Case(
        "aliases/dangling",
        "RFC 6604 §2.1",
        "an alias to nothing gets NXDOMAIN, with the alias",
        (ask("dangling.c.example"),),
        (rcode("NXDOMAIN"), answer("dangling.c.example. CNAME nowhere.c.example."), soa("c.example.")),
    ),
    Case(
        "aliases/no-data",
        "RFC 2308 §2.2",
        "an alias to a name without the type gets NODATA, with the alias",
        (ask("empty-alias.c.example", MX),),
        (
            rcode("NOERROR"),
            answer("empty-alias.c.example. CNAME text.c.example."),
            counts(answer=1),
            soa("c.example."),
        ),
    ),
    Case(
        "aliases/dname",
        "RFC 6672 §3.1",
        "a DNAME comes with the CNAME made of it",
        (ask("host.tree.c.example"),),
        (
            rcode("NOERROR"),
            answer(
                "tree.c.example. DNAME other.c.example.",
                "host.other.c.example. A 192.0.2.21",
                "host.tree.c.example. CNAME host.other.c.example.",
            ),
        ),
    ),
    Case(
        "aliases/dname-itself",
        "RFC 6672 §2.4",
        "who asks for DNAME gets it alone",
        (ask("tree.c.example", DNAME),),
        (answer("tree.c.example. DNAME other.c.example."), counts(answer=1)),
    ),
    Case(
        "aliases/dname-dangling",
        "RFC 6672 §3.1",
        "below a DNAME what does not exist is denied",
        (ask("nobody.tree.c.example"),),
        (rcode("NXDOMAIN"), answer("tree.c.example. DNAME other.c.example.")),
    ),
    Case(
        "aliases/dname-apex",
        "RFC 6672 §2.3",
        "the DNAME's own name is not redirected",
        (ask("tree.c.example"),),
        (rcode("NOERROR"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "aliases/case",
        "RFC 4343 §4.1",
        "letter case in the question does not break the chain",
        (ask("ALIAS.c.example"),),
        (rcode("NOERROR"), echo(), answer(_A)),
    ),
    Case(
        "aliases/tcp",
        "RFC 7766 §5",
        "a chain is the same over TCP",
        (framed(ask("alias2.c.example")),),
        (answer(_A), counts(answer=3)),
        tcp=True,
    ),
)

ERRORS = (
    Case(
        "errors/no-edns",
        "RFC 8914 §2",
        "without EDNS there is no extended error",
        (ask("servfail.c.example"),),
        (rcode("SERVFAIL"), no_opt()),
    ),
    Case(
        "errors/none-on-success",
        "RFC 8914 §3",
        "a plain answer has none",
        (ask("a.c.example", edns=opt()),),
        (rcode("NOERROR"), no_option(15), answer(_A)),
    ),
    Case(
        "errors/none-on-nxdomain",
        "RFC 8914 §3",
        "nor has a plain denial",
        (ask("nowhere.c.example", edns=opt()),),
        (rcode("NXDOMAIN"), no_option(15)),
    ),
    Case(
        "errors/upstream-servfail",
        "RFC 8914 §4.23",
        "a failing upstream is named as the cause",
        (ask("servfail2.c.example", edns=opt()),),
        (rcode("SERVFAIL"), has_opt()),
    ),
    Case(
        "errors/passed-on",
        "RFC 8914 §3",
        "an upstream's extended error is passed on",
        (ask("ede.c.example", edns=opt()),),
        (rcode("NOERROR"), answer("ede.c.example. A 192.0.2.51"), ede(3)),
    ),
    Case(
        "errors/passed-on-not-without-edns",
        "RFC 8914 §2",
        "but not to a client without EDNS",
        (ask("ede.c.example"),),
        (rcode("NOERROR"), no_opt()),
    ),
)
