"""Header and opcodes: what is echoed, what is set, and what gets silence."""

from __future__ import annotations

from tests.compliance.asking import AD, CD, RD, ask, message, question, record
from tests.compliance.case import ID, Case
from tests.compliance.checks import answer, counts, echo, flags, opcode, rcode, readable, same_id

_A = "a.c.example. A 192.0.2.1"
_SOA = record("c.example", 6, b"\0\0" + bytes(20))


def _opcode(number: int, name: str, section: str, *allowed: str) -> Case:
    sends = (message(question("c.example", 6), flags=RD | number << 11),)
    says = f"{name} gets an error with its opcode echoed, never the answer to a QUERY"
    checks = (same_id(), flags(on="QR"), opcode(number), rcode(*allowed), counts(answer=0))
    return Case(f"headers/{name.lower()}", section, says, sends, checks)


CASES = (
    Case(
        "headers/ordinary",
        "RFC 1035 §4.1.1",
        "an ordinary query gets id, QR, RD and RA, and its answer",
        (ask("a.c.example"),),
        (same_id(), flags(on="QR RD RA", off="TC"), rcode("NOERROR"), echo(), answer(_A)),
    ),
    Case(
        "headers/aa-clear",
        "RFC 1035 §4.1.1",
        "AA is clear in what a resolver has from elsewhere",
        (ask("alias.c.example"),),
        (flags(on="QR", off="AA"),),
    ),
    Case(
        "headers/aa-in-query",
        "RFC 1035 §4.1.1",
        "AA in a query means nothing and is not echoed",
        (ask("a.c.example", flags=RD | 0x0400),),
        (rcode("NOERROR"), flags(off="AA"), answer(_A)),
    ),
    Case(
        "headers/tc-in-query",
        "RFC 1035 §4.1.1",
        "TC in a query is not echoed",
        (ask("a.c.example", flags=RD | 0x0200),),
        (flags(on="QR", off="TC"), readable()),
    ),
    Case(
        "headers/ra-in-query",
        "RFC 1035 §4.1.1",
        "RA in a query means nothing",
        (ask("a.c.example", flags=RD | 0x0080),),
        (rcode("NOERROR"), answer(_A)),
    ),
    Case(
        "headers/z-in-query",
        "RFC 1035 §4.1.1",
        "the reserved bit is ignored and stays clear in the answer",
        (ask("a.c.example", flags=RD | 0x0040),),
        (rcode("NOERROR"), flags(off="Z"), answer(_A)),
    ),
    Case(
        "headers/rcode-in-query",
        "RFC 1035 §4.1.1",
        "an rcode in a query means nothing",
        (ask("a.c.example", flags=RD | 3),),
        (rcode("NOERROR"), answer(_A)),
    ),
    Case(
        "headers/id-zero",
        "RFC 1035 §4.1.1",
        "id 0 is an id like any other",
        (ask("a.c.example", number=0),),
        (same_id(), rcode("NOERROR")),
    ),
    Case(
        "headers/id-last",
        "RFC 1035 §4.1.1",
        "id 65535 is an id like any other",
        (ask("a.c.example", number=0xFFFF),),
        (same_id(), rcode("NOERROR")),
    ),
    Case(
        "headers/no-recursion-desired",
        "RFC 1034 §4.3.1",
        "without RD nothing is asked elsewhere; RD stays clear",
        (ask("never-asked.w.c.example", flags=0),),
        (flags(on="QR", off="RD"), counts(answer=0)),
    ),
    Case(
        "headers/answer",
        "RFC 1035 §4.1.1",
        "an answer is never answered: two servers would do so for ever",
        (ask("a.c.example", flags=0x8180),),
        (),
        replies=0,
    ),
    Case(
        "headers/answer-with-error",
        "RFC 1035 §4.1.1",
        "nor one with an error",
        (ask("a.c.example", flags=0x8181),),
        (),
        replies=0,
    ),
    Case(
        "headers/answer-other-opcode",
        "RFC 1035 §4.1.1",
        "nor one with another opcode",
        (ask("a.c.example", flags=0x8180 | 5 << 11),),
        (),
        replies=0,
    ),
    Case(
        "headers/answer-malformed",
        "RFC 1035 §4.1.1",
        "nor a malformed one",
        (message(flags=0x8180, counts=(7, 7, 7, 7)),),
        (),
        replies=0,
    ),
    Case("headers/nothing", "RFC 1035 §4.1", "an empty datagram gets silence", (b"",), (), replies=0),
    Case("headers/one-byte", "RFC 1035 §4.1.1", "one byte gets silence", (b"\x4d",), (), replies=0),
    Case(
        "headers/eleven-bytes",
        "RFC 1035 §4.1.1",
        "less than a header gets silence",
        (ask("a.c.example")[:11],),
        (),
        replies=0,
    ),
    _opcode(1, "IQUERY", "RFC 3425 §3", "NOTIMP"),
    _opcode(2, "STATUS", "RFC 1035 §4.1.1", "NOTIMP"),
    _opcode(3, "opcode-3", "RFC 6895 §2.2", "NOTIMP"),
    _opcode(4, "NOTIFY", "RFC 1996 §3.10", "NOTIMP", "REFUSED", "NOTAUTH"),
    _opcode(5, "UPDATE", "RFC 2136 §3.1", "NOTIMP", "REFUSED", "NOTAUTH", "FORMERR"),
    _opcode(6, "DSO", "RFC 8490 §5.1", "NOTIMP", "FORMERR"),
    _opcode(7, "opcode-7", "RFC 6895 §2.2", "NOTIMP"),
    _opcode(15, "opcode-15", "RFC 6895 §2.2", "NOTIMP"),
    Case(
        "headers/notify-with-soa",
        "RFC 1996 §3.7",
        "a whole NOTIFY of somebody's zone is not acted on",
        (message(question("c.example", 6), flags=0x0400 | 4 << 11, answers=(_SOA,)),),
        (same_id(), opcode(4), rcode("NOTIMP", "REFUSED", "NOTAUTH", "FORMERR"), counts(answer=0)),
    ),
    Case(
        "headers/update-whole",
        "RFC 2136 §3.1",
        "an update of a zone is not done",
        (
            message(
                question("c.example", 6), flags=5 << 11, authority=(record("new.c.example", 1, b"\1\2\3\4"),)
            ),
        ),
        (same_id(), opcode(5), rcode("NOTIMP", "REFUSED", "NOTAUTH")),
    ),
    Case(
        "headers/opcode-13-broken",
        "RFC 8906 §3.1.4",
        "an unknown opcode may have another layout behind the header",
        (message(question("c.example", 6), flags=13 << 11, counts=(1, 7, 7, 7)),),
        (same_id(), flags(on="QR"), rcode("NOTIMP", "FORMERR"), counts(answer=0)),
    ),
    Case(
        "headers/opcode-13-truncated",
        "RFC 1035 §4.1.1",
        "one that says itself that its end is missing, and cannot be read, is malformed",
        (message(question("c.example", 6), flags=0x0200 | 13 << 11, counts=(1, 7, 7, 7)),),
        (same_id(), flags(on="QR"), rcode("FORMERR"), counts(answer=0)),
    ),
    Case(
        "headers/notify-broken",
        "RFC 1996 §3.7",
        "NOTIFY has the layout of a QUERY: one that cannot be read is malformed",
        (message(question("c.example", 6), flags=0x0400 | 4 << 11, counts=(1, 1, 0, 0)),),
        (same_id(), flags(on="QR"), rcode("FORMERR"), counts(answer=0)),
    ),
    Case(
        "headers/opcode-without-question",
        "RFC 6895 §2.2",
        "an unknown opcode may come without a question",
        (message(flags=11 << 11),),
        (same_id(), opcode(11), rcode("NOTIMP", "FORMERR")),
    ),
    Case(
        "headers/cd-copied",
        "RFC 4035 §3.2.2",
        "CD is copied into the answer",
        (ask("a.c.example", flags=RD | CD),),
        (flags(on="QR CD"), answer(_A)),
    ),
    Case(
        "headers/cd-clear",
        "RFC 4035 §3.2.2",
        "and is clear where the query's is",
        (ask("a.c.example"),),
        (flags(off="CD"),),
    ),
    Case(
        "headers/ad-not-made-up",
        "RFC 6840 §5.8",
        "AD in a query does not make an unsigned answer authentic",
        (ask("a.c.example", flags=RD | AD),),
        (rcode("NOERROR"), flags(off="AD"), answer(_A)),
    ),
    Case(
        "headers/ad-with-error",
        "RFC 4035 §3.2.3",
        "an error carries no AD",
        (ask("servfail.c.example", flags=RD | AD),),
        (rcode("SERVFAIL"), flags(off="AD")),
    ),
    Case(
        "headers/two-queries",
        "RFC 1035 §4.1.1",
        "two queries from one port get their own answers",
        (ask("a.c.example"), ask("text.c.example", 16, number=ID + 1)),
        (rcode("NOERROR"), flags(on="QR")),
        replies=2,
    ),
)
