"""The question section and the counts: what is malformed gets FORMERR or silence, never a guess."""

from __future__ import annotations

from tests.compliance.asking import NS, RD, TXT, ask, message, question, record
from tests.compliance.case import Case, Check
from tests.compliance.checks import answer, counts, echo, flags, rcode, same_id

_ASK = ask("a.c.example")
_FORMERR: tuple[Check, ...] = (same_id(), flags(on="QR", off="AA TC"), rcode("FORMERR"), counts(answer=0))
_A = record("a.c.example", 1, b"\xc0\0\2\1")


def _malformed(name: str, section: str, says: str, packet: bytes) -> Case:
    return Case(f"questions/{name}", section, says, (packet,), _FORMERR)


CASES = (
    _malformed("none", "RFC 9619 §4", "a QUERY without a question", message()),
    _malformed(
        "two",
        "RFC 9619 §4",
        "a QUERY with two questions",
        message(question("a.c.example"), question("multi.c.example")),
    ),
    _malformed(
        "two-counted",
        "RFC 9619 §4",
        "two questions counted, one there",
        message(question("a.c.example"), counts=(2, 0, 0, 0)),
    ),
    _malformed(
        "many-counted",
        "RFC 9619 §4",
        "65,535 questions counted, one there",
        message(question("a.c.example"), counts=(65535, 0, 0, 0)),
    ),
    _malformed(
        "header-only", "RFC 1035 §4.1.2", "one question counted, none there", message(counts=(1, 0, 0, 0))
    ),
    _malformed("cut-in-name", "RFC 1035 §4.1.2", "the message ends inside the name", _ASK[:16]),
    _malformed("cut-before-root", "RFC 1035 §4.1.2", "the message ends before the root label", _ASK[:-5]),
    _malformed("cut-in-type", "RFC 1035 §4.1.2", "the message ends inside the type", _ASK[:-3]),
    _malformed("cut-before-class", "RFC 1035 §4.1.2", "the message ends before the class", _ASK[:-2]),
    _malformed("cut-in-class", "RFC 1035 §4.1.2", "the message ends inside the class", _ASK[:-1]),
    _malformed(
        "answers-counted",
        "RFC 1035 §4.1.1",
        "an answer is counted that is not there",
        message(question("a.c.example"), counts=(1, 1, 0, 0)),
    ),
    _malformed(
        "authority-counted",
        "RFC 1035 §4.1.1",
        "authority is counted that is not there",
        message(question("a.c.example"), counts=(1, 0, 1, 0)),
    ),
    _malformed(
        "additional-counted",
        "RFC 1035 §4.1.1",
        "an additional record is counted that is not there",
        message(question("a.c.example"), counts=(1, 0, 0, 1)),
    ),
    _malformed(
        "additional-cut",
        "RFC 1035 §4.1.3",
        "an additional record is cut inside its data",
        message(question("a.c.example"), additional=(_A,))[:-2],
    ),
    Case(
        "questions/with-answer",
        "RFC 1035 §4.1.1",
        "a record in a query's answer section is not believed",
        (message(question("fresh1.w.c.example"), answers=(record("fresh1.w.c.example", 1, b"\6\6\6\6"),)),),
        (same_id(), rcode("FORMERR", "NOERROR")),
    ),
    Case(
        "questions/with-answer-served",
        "RFC 1035 §4.1",
        "nor does it keep the query from being answered",
        (
            message(
                question("a.c.example"),
                answers=(record("a.c.example", 1, b"\6\6\6\6"),),
                authority=(record("c.example", NS, b"\0"),),
            ),
        ),
        (same_id(), rcode("NOERROR"), answer("a.c.example. A 192.0.2.1"), counts(answer=1, authority=0)),
    ),
    _malformed(
        "answer-cut-short",
        "RFC 1035 §3.4.1",
        "an A record of three bytes in a query's answer section",
        message(question("a.c.example"), answers=(record("a.c.example", 1, b"\6\6\6"),)),
    ),
    _malformed(
        "answer-of-another-class",
        "RFC 1035 §4.1.1",
        "a CHAOS record in a query of class IN",
        message(question("a.c.example"), answers=(record("a.c.example", 1, b"\6\6\6\6", rclass=3),)),
    ),
    _malformed(
        "answer-owner-nowhere",
        "RFC 1035 §4.1.4",
        "an owner whose pointer leads forward",
        message(question("a.c.example"), answers=(record(b"\xc0\xff", 1, b"\6\6\6\6"),)),
    ),
    Case(
        "questions/with-additional",
        "RFC 1035 §4.1.1",
        "a record behind the question does not poison the answer",
        (
            message(
                question("fresh2.w.c.example"), additional=(record("fresh2.w.c.example", 1, b"\6\6\6\6"),)
            ),
        ),
        (same_id(), rcode("NOERROR"), answer("fresh2.w.c.example. A 192.0.2.61"), counts(answer=1)),
    ),
    Case(
        "questions/echo",
        "RFC 1035 §4.1.2",
        "the question comes back byte for byte",
        (ask("a.c.example"),),
        (echo(),),
    ),
    Case(
        "questions/echo-nxdomain",
        "RFC 1035 §4.1.2",
        "with a negative answer too",
        (ask("nowhere.c.example"),),
        (rcode("NXDOMAIN"), echo()),
    ),
    Case(
        "questions/echo-servfail",
        "RFC 1035 §4.1.2",
        "and with a failure",
        (ask("servfail.c.example"),),
        (rcode("SERVFAIL"), echo()),
    ),
    Case(
        "questions/root",
        "RFC 1035 §3.1",
        "the root is a name that can be asked for",
        (ask(".", 2),),
        (same_id(), rcode("NOERROR"), echo(), answer(". NS a.root.example.")),
    ),
    Case(
        "questions/root-soa",
        "RFC 1035 §3.1",
        "and so is its SOA",
        (ask(".", 6),),
        (same_id(), rcode("NOERROR"), echo(), counts(answer=1)),
    ),
    Case(
        "questions/top-level",
        "RFC 1034 §3.1",
        "a name of one label is asked like any other",
        (ask("example", 2),),
        (rcode("NOERROR"), answer("example. NS ns.c.example.")),
    ),
    Case(
        "questions/txt",
        "RFC 1035 §3.3.14",
        "several strings of a TXT record come through",
        (ask("text.c.example", TXT),),
        (rcode("NOERROR"), answer('text.c.example. TXT "a" "b c"')),
    ),
    Case(
        "questions/class-chaos-unknown",
        "RFC 4892 §3",
        "an unknown CHAOS name is not asked upstream",
        (ask("a.c.example", TXT, 3),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    Case(
        "questions/opcode-flags-kept",
        "RFC 1035 §4.1.1",
        "RD is copied with an error too",
        (message(flags=RD),),
        (flags(on="QR RD"), rcode("FORMERR")),
    ),
)
