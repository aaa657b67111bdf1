"""Types and classes: ANY, transfers, what is unknown, and CHAOS."""

from __future__ import annotations

import struct

from tests.compliance.asking import ANY, DO, RD, SOA, TXT, ask, framed, message, opt, question, record
from tests.compliance.case import Case, Check
from tests.compliance.checks import (
    answer,
    counts,
    echo,
    flags,
    one_of,
    one_rrset,
    only,
    rcode,
    readable,
    same_id,
    size_at_most,
    soa,
    some_answer,
)

AXFR, IXFR, MAILB, MAILA, TKEY, TSIG = 252, 251, 253, 254, 249, 250
CHAOS, HESIOD, NONE, ANY_CLASS = 3, 4, 254, 255
_NOT_GIVEN = (same_id(), flags(on="QR"), rcode("REFUSED", "NOTIMP", "FORMERR", "NOTAUTH"), counts(answer=0))
_OLD_SOA = record("c.example", SOA, b"\0\0" + struct.pack("!IIIII", 1, 2, 3, 4, 5))


def _chaos(name: str, says: str, owner: str, *checks: Check) -> Case:
    return Case(f"types/{name}", "RFC 4892 §3", says, (ask(owner, TXT, CHAOS),), checks)


CASES = (
    Case(
        "types/any",
        "RFC 8482 §4",
        "ANY gets some of what there is, or HINFO, or is sent to TCP; not nothing",
        (ask("multi.c.example", ANY, edns=opt()),),
        (rcode("NOERROR"), echo(), readable(), one_of((some_answer(),), (flags(on="TC"),))),
    ),
    Case(
        "types/any-tcp",
        "RFC 8482 §4.4",
        "over TCP too",
        (framed(ask("multi.c.example", ANY)),),
        (rcode("NOERROR"), some_answer(), flags(off="TC")),
        tcp=True,
    ),
    Case(
        "types/any-nxdomain",
        "RFC 1035 §3.2.3",
        "ANY for a name that does not exist says so",
        (framed(ask("nowhere.c.example", ANY)),),
        (rcode("NXDOMAIN"), counts(answer=0)),
        tcp=True,
    ),
    Case(
        "types/any-alias",
        "RFC 8482 §4.2",
        "ANY for an alias gets the CNAME, which is not followed",
        (framed(ask("alias.c.example", ANY)),),
        (rcode("NOERROR"), answer("alias.c.example. CNAME a.c.example."), only("CNAME")),
        tcp=True,
    ),
    Case(
        "types/any-one-type",
        "RFC 8482 §4.1",
        "ANY for a name with one type gets it",
        (framed(ask("text.c.example", ANY)),),
        (rcode("NOERROR"), answer('text.c.example. TXT "a" "b c"')),
        tcp=True,
    ),
    Case(
        "types/any-small",
        "RFC 8482 §4.1",
        "ANY over UDP gets one RRset, HINFO, or TC: it is no amplifier",
        (ask("multi.c.example", ANY, edns=opt()),),
        (readable(), one_rrset()),
    ),
    Case(
        "types/any-do",
        "RFC 8482 §4.1",
        "ANY with DO is readable and small",
        (ask("multi.c.example", ANY, edns=opt(flags=DO)),),
        (rcode("NOERROR"), readable(), size_at_most(1232)),
    ),
    Case(
        "types/axfr-udp",
        "RFC 5936 §4.2",
        "a resolver gives no zone transfer over UDP",
        (ask("c.example", AXFR),),
        _NOT_GIVEN,
    ),
    Case(
        "types/axfr-tcp",
        "RFC 5936 §2.2",
        "nor over TCP",
        (framed(ask("c.example", AXFR)),),
        _NOT_GIVEN,
        tcp=True,
    ),
    Case(
        "types/ixfr-udp",
        "RFC 1995 §2",
        "nor an incremental one",
        (message(question("c.example", IXFR), authority=(_OLD_SOA,)),),
        _NOT_GIVEN,
    ),
    Case(
        "types/ixfr-tcp",
        "RFC 1995 §2",
        "nor over TCP",
        (framed(message(question("c.example", IXFR), authority=(_OLD_SOA,))),),
        _NOT_GIVEN,
        tcp=True,
    ),
    Case(
        "types/maila",
        "RFC 1035 §3.2.3",
        "MAILA is obsolete and not a type of records",
        (ask("a.c.example", MAILA),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/mailb",
        "RFC 1035 §3.2.3",
        "nor is MAILB",
        (ask("a.c.example", MAILB),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/tkey",
        "RFC 2930 §4",
        "TKEY is not offered",
        (ask("key.example", TKEY),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/tsig",
        "RFC 8945 §4.1",
        "TSIG is no type that can be asked for",
        (ask("a.c.example", TSIG),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/zero",
        "RFC 6895 §3.1",
        "type 0 is reserved",
        (ask("a.c.example", 0),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/last",
        "RFC 6895 §3.1",
        "type 65535 is reserved",
        (ask("a.c.example", 65535),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/unknown",
        "RFC 3597 §3",
        "a type that nobody knows comes through as it is",
        (ask("unknown.c.example", 65280),),
        (rcode("NOERROR"), answer("unknown.c.example. TYPE65280 \\# 4 01020304")),
    ),
    Case(
        "types/unknown-empty",
        "RFC 3597 §3",
        "its data may be empty",
        (ask("empty.c.example", 65281),),
        (rcode("NOERROR"), counts(answer=1)),
    ),
    Case(
        "types/unassigned",
        "RFC 3597 §3",
        "an unassigned number too",
        (ask("private.c.example", 731),),
        (rcode("NOERROR"), answer("private.c.example. TYPE731 \\# 6 abcdef012345")),
    ),
    Case(
        "types/unknown-nodata",
        "RFC 3597 §3",
        "and is NODATA where it is not there",
        (ask("a.c.example", 65282),),
        (rcode("NOERROR"), counts(answer=0), soa("c.example.")),
    ),
    Case(
        "types/https",
        "RFC 9460 §4.2",
        "HTTPS records come through whole",
        (ask("service.c.example", 65),),
        (rcode("NOERROR"), answer('service.c.example. HTTPS 1 . alpn="h2" ipv4hint="192.0.2.9"')),
    ),
    Case(
        "types/caa",
        "RFC 8659 §4",
        "CAA records come through",
        (ask("caa.c.example", 257),),
        (rcode("NOERROR"), answer('caa.c.example. CAA 0 issue "ca.example"')),
    ),
    Case(
        "types/several-addresses",
        "RFC 2181 §5",
        "an RRset comes whole",
        (ask("multi.c.example"),),
        (answer("multi.c.example. A 192.0.2.11", "multi.c.example. A 192.0.2.12"), counts(answer=2)),
    ),
    Case(
        "types/class-any",
        "RFC 1035 §3.2.5",
        "class ANY is not the Internet's",
        (ask("a.c.example", 1, ANY_CLASS),),
        (same_id(), flags(on="QR"), readable()),
    ),
    Case(
        "types/class-none",
        "RFC 2136 §2.4",
        "class NONE belongs to updates",
        (ask("a.c.example", 1, NONE),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/class-hesiod",
        "RFC 1035 §3.2.4",
        "Hesiod is not served",
        (ask("a.c.example", 1, HESIOD),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/class-unknown",
        "RFC 3597 §3",
        "nor is a class that nobody knows",
        (ask("a.c.example", 1, 65280),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "types/class-zero",
        "RFC 6895 §3.2",
        "class 0 is reserved",
        (ask("a.c.example", 1, 0),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    _chaos(
        "chaos-id-server",
        "id.server tells the configured name",
        "id.server",
        rcode("NOERROR"),
        echo(),
        answer('id.server. TXT "compliance"'),
    ),
    _chaos(
        "chaos-hostname-bind",
        "hostname.bind tells the same or nothing",
        "hostname.bind",
        one_of((rcode("NOERROR"), counts(answer=1)), (rcode("REFUSED"),)),
    ),
    _chaos(
        "chaos-case",
        "CHAOS names are compared without letter case",
        "ID.Server",
        rcode("NOERROR"),
        counts(answer=1),
    ),
    Case(
        "types/chaos-other-type",
        "RFC 4892 §3",
        "id.server has no address",
        (ask("id.server", 1, CHAOS),),
        (same_id(), counts(answer=0)),
    ),
    Case(
        "types/chaos-class-of-answer",
        "RFC 1035 §4.1.3",
        "what CHAOS is asked is answered in CHAOS",
        (ask("id.server", TXT, CHAOS, flags=RD),),
        (
            readable(),
            lambda _, got: None if got[0].parsed.answer and got[0].parsed.answer[0].rdclass == 3 else "class",
        ),
    ),
)
