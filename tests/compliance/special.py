"""Special-use names and private reverse zones: answered here, and never asked upstream."""

from __future__ import annotations

from tests.compliance.asking import AAAA, ANY, DS, HTTPS, NS, PTR, SOA, TXT, ask, opt
from tests.compliance.case import Case, Check
from tests.compliance.checks import answer, counts, echo, flags, one_of, rcode, soa, some_answer
from tests.compliance.upstream import LEAKED


def _denied(name: str, section: str, owner: str, qtype: int = 1) -> Case:
    checks = (rcode("NXDOMAIN"), flags(on="QR", off="AD"), echo(), counts(answer=0), soa())
    return Case(
        f"special/{name}",
        section,
        f"{owner} does not exist, and is not asked upstream",
        (ask(owner, qtype),),
        checks,
    )


def _reverse(zone: str, host: str, section: str = "RFC 6303 §4") -> tuple[Case, ...]:
    """What a locally served zone does for its apex and for a name in it."""
    return (
        Case(
            f"special/{zone}",
            section,
            f"{host} is denied by the zone {zone}",
            (ask(host, PTR),),
            (rcode("NXDOMAIN"), counts(answer=0), soa(f"{zone}.")),
        ),
        Case(
            f"special/{zone}-apex",
            "RFC 6303 §3",
            f"{zone} itself exists and has no PTR",
            (ask(zone, PTR),),
            (rcode("NOERROR"), counts(answer=0), soa(f"{zone}.")),
        ),
    )


def _local(name: str, says: str, owner: str, qtype: int, *checks: Check) -> Case:
    return Case(f"special/{name}", "RFC 6761 §6.3", says, (ask(owner, qtype),), checks)


_PRIVATE = (
    ("10.in-addr.arpa", "1.2.3.10.in-addr.arpa"),
    ("16.172.in-addr.arpa", "1.0.16.172.in-addr.arpa"),
    ("31.172.in-addr.arpa", "1.0.31.172.in-addr.arpa"),
    ("168.192.in-addr.arpa", "1.1.168.192.in-addr.arpa"),
    ("254.169.in-addr.arpa", "1.0.254.169.in-addr.arpa"),
    ("2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa"),
    ("100.51.198.in-addr.arpa", "1.100.51.198.in-addr.arpa"),
    ("113.0.203.in-addr.arpa", "1.113.0.203.in-addr.arpa"),
    ("d.f.ip6.arpa", "1.d.f.ip6.arpa"),
    ("8.e.f.ip6.arpa", "1.8.e.f.ip6.arpa"),
    ("8.b.d.0.1.0.0.2.ip6.arpa", "1.8.b.d.0.1.0.0.2.ip6.arpa"),
)

CASES = (
    _local(
        "localhost-a",
        "localhost is 127.0.0.1",
        "localhost",
        1,
        rcode("NOERROR"),
        answer("localhost. A 127.0.0.1"),
    ),
    _local(
        "localhost-aaaa",
        "localhost is ::1",
        "localhost",
        AAAA,
        rcode("NOERROR"),
        answer("localhost. AAAA ::1"),
    ),
    _local(
        "localhost-below",
        "and so is all below it",
        "app.localhost",
        1,
        rcode("NOERROR"),
        answer("app.localhost. A 127.0.0.1"),
    ),
    _local(
        "localhost-below-deep",
        "however deep",
        "a.b.c.localhost",
        AAAA,
        rcode("NOERROR"),
        answer("a.b.c.localhost. AAAA ::1"),
    ),
    _local(
        "localhost-other-type",
        "localhost has nothing else, and is not denied",
        "localhost",
        TXT,
        rcode("NOERROR"),
        counts(answer=0),
    ),
    _local(
        "localhost-https", "no service binding either", "localhost", HTTPS, rcode("NOERROR"), counts(answer=0)
    ),
    _local(
        "localhost-case", "whatever its letter case", "LocalHost", 1, rcode("NOERROR"), echo(), some_answer()
    ),
    _denied("invalid-below", "RFC 6761 §6.4", "x.invalid"),
    _denied("invalid-deep", "RFC 6761 §6.4", "a.b.invalid", AAAA),
    _denied("test-below", "RFC 6761 §6.2", "x.test"),
    _denied("onion-below", "RFC 7686 §2", "x.onion"),
    _denied("onion-deep", "RFC 7686 §2", "www.x.onion", AAAA),
    _denied("local-below", "RFC 6762 §22.1", "printer.local"),
    _denied("alt-below", "RFC 9476 §4", "x.gns.alt"),
    _denied("home-arpa-below", "RFC 8375 §4", "router.home.arpa"),
    Case(
        "special/home-arpa-apex",
        "RFC 8375 §4",
        "home.arpa itself exists",
        (ask("home.arpa", SOA),),
        (rcode("NOERROR"), one_of((counts(answer=1),), (soa("home.arpa."),))),
    ),
    Case(
        "special/home-arpa-ds",
        "RFC 8375 §4",
        "asking for its DS is no error",
        (ask("home.arpa", DS, edns=opt()),),
        (rcode("NOERROR"),),
    ),
    *(case for zone, host in _PRIVATE for case in _reverse(zone, host)),
    *_reverse("64.100.in-addr.arpa", "1.0.64.100.in-addr.arpa", "RFC 7793 §3"),
    Case(
        "special/10-soa",
        "RFC 6303 §3",
        "a locally served zone has an SOA",
        (ask("10.in-addr.arpa", SOA),),
        (rcode("NOERROR"), counts(answer=1)),
    ),
    Case(
        "special/10-ns",
        "RFC 6303 §3",
        "and an NS record",
        (ask("10.in-addr.arpa", NS),),
        (rcode("NOERROR"), counts(answer=1)),
    ),
    Case(
        "special/10-soa-data",
        "RFC 6303 §3",
        "its SOA is that of an empty zone",
        (ask("10.in-addr.arpa", SOA),),
        (
            rcode("NOERROR"),
            lambda _, got: (
                None
                if got[0].parsed.answer
                and got[0].parsed.answer[0][0].mname.to_text().lower() in ("10.in-addr.arpa.", "localhost.")
                else "another primary server"
            ),
        ),
    ),
    Case(
        "special/loopback4",
        "RFC 6303 §4.2",
        "127.0.0.1 is localhost, or nobody; not asked upstream",
        (ask("1.0.0.127.in-addr.arpa", PTR),),
        (
            one_of(
                (rcode("NOERROR"), answer("1.0.0.127.in-addr.arpa. PTR localhost.")),
                (rcode("NXDOMAIN"), soa()),
            ),
        ),
    ),
    Case(
        "special/loopback6",
        "RFC 6303 §4.3",
        "and so is ::1",
        (ask("1." + "0." * 31 + "ip6.arpa", PTR),),
        (
            one_of(
                (rcode("NOERROR"), answer("1." + "0." * 31 + "ip6.arpa. PTR localhost.")),
                (rcode("NOERROR", "NXDOMAIN"), counts(answer=0), soa()),
            ),
        ),
    ),
    Case(
        "special/15-172",
        "RFC 6303 §4.1",
        "172.15 is nobody's private block and is asked upstream",
        (ask("1.0.15.172.in-addr.arpa", PTR),),
        (rcode("NXDOMAIN"), soa(".")),
    ),
    Case(
        "special/public-reverse",
        "RFC 1035 §3.5",
        "public reverse names are asked upstream",
        (ask("1.1.1.1.in-addr.arpa", PTR),),
        (rcode("NOERROR"), answer("1.1.1.1.in-addr.arpa. PTR one.c.example.")),
    ),
    Case(
        "special/ipv4only",
        "RFC 8880 §7.1",
        "ipv4only.arpa is asked upstream",
        (ask("ipv4only.arpa"),),
        (rcode("NOERROR"), answer("ipv4only.arpa. A 192.0.0.170", "ipv4only.arpa. A 192.0.0.171")),
    ),
    Case(
        "special/ipv4only-aaaa",
        "RFC 8880 §7.1",
        "and its AAAA too, which only a NAT64 network has",
        (ask("ipv4only.arpa", AAAA),),
        (rcode("NOERROR"), counts(answer=0)),
    ),
    Case(
        "special/resolver-arpa",
        "RFC 9462 §6.4",
        "_dns.resolver.arpa is not asked upstream: NODATA without a designation",
        (ask("_dns.resolver.arpa", 64),),
        (rcode("NOERROR", "NXDOMAIN"), counts(answer=0)),
    ),
    Case(
        "special/resolver-arpa-nodata",
        "RFC 9462 §6.4",
        "and NODATA is what it gets",
        (ask("_dns.resolver.arpa", 64),),
        (rcode("NOERROR"), counts(answer=0), soa()),
    ),
    Case(
        "special/resolver-arpa-leak",
        "RFC 9462 §8.1",
        "no other name there is asked upstream",
        (ask("x.resolver.arpa"),),
        (
            lambda _, got: (
                "asked upstream"
                if got[0].parsed.answer and LEAKED in got[0].parsed.answer[0].to_text()
                else None
            ),
        ),
    ),
    Case(
        "special/example",
        "RFC 6761 §6.5",
        "example names are asked upstream",
        (ask("a.c.example"),),
        (rcode("NOERROR"), answer("a.c.example. A 192.0.2.1")),
    ),
    Case(
        "special/invalid-any",
        "RFC 6761 §6.4",
        "ANY does not open a special-use name",
        (ask("x.invalid", ANY),),
        (rcode("NXDOMAIN"), counts(answer=0)),
    ),
    Case(
        "special/invalid-edns",
        "RFC 6761 §6.4",
        "EDNS changes nothing about it",
        (ask("x.invalid", edns=opt()),),
        (rcode("NXDOMAIN"), counts(answer=0)),
    ),
    Case(
        "special/test-apex",
        "RFC 6761 §6.2",
        "test. has no address",
        (ask("test"),),
        (counts(answer=0), soa()),
    ),
    Case(
        "special/invalid-apex",
        "RFC 6761 §6.4",
        "invalid. has no address",
        (ask("invalid"),),
        (counts(answer=0), soa()),
    ),
    Case(
        "special/notlocalhost",
        "RFC 6761 §6.3",
        "a name that only ends in the letters is another name",
        (ask("notlocalhost"),),
        (rcode("NXDOMAIN"), soa(".")),
    ),
)
