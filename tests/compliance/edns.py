"""EDNS: versions, sizes, options known and unknown, what is malformed, and DO."""

from __future__ import annotations

from tests.compliance.asking import AAAA, CD, DO, RD, ask, message, opt, option, question, record
from tests.compliance.case import Case, Check
from tests.compliance.checks import (
    answer,
    counts,
    do_bit,
    echo,
    edns_z_clear,
    flags,
    no_opt,
    no_option,
    no_type,
    one_of,
    rcode,
    readable,
    same_id,
)
from tests.compliance.checks import (
    opt as has_opt,
)
from tests.compliance.checks import (
    option as has_option,
)

_A = "a.c.example. A 192.0.2.1"
_ANSWERED = (rcode("NOERROR"), has_opt(), answer(_A))
_FORMERR: tuple[Check, ...] = (same_id(), flags(on="QR"), rcode("FORMERR"), counts(answer=0))
_Q = question("a.c.example")


_TSIG_DATA = b"\0" + bytes(6) + b"\x01\x2c\0\0\x4d\x61\0\0\0\0"
_TSIG = record("key.example", 250, _TSIG_DATA, ttl=0, rclass=255)


def _edns(name: str, section: str, says: str, record: bytes, *checks: Check) -> Case:
    return Case(f"edns/{name}", section, says, (ask("a.c.example", edns=record),), checks or _ANSWERED)


def _malformed(name: str, section: str, says: str, *records: bytes) -> Case:
    return Case(f"edns/{name}", section, says, (message(_Q, additional=records),), _FORMERR)


CASES = (
    _edns("answered", "RFC 6891 §6.1.1", "who sends an OPT gets one", opt()),
    Case(
        "edns/none",
        "RFC 6891 §6.1.1",
        "who sends none gets none",
        (ask("a.c.example"),),
        (rcode("NOERROR"), no_opt(), answer(_A)),
    ),
    Case(
        "edns/nxdomain",
        "RFC 6891 §6.1.1",
        "a negative answer has an OPT too",
        (ask("nowhere.c.example", edns=opt()),),
        (rcode("NXDOMAIN"), has_opt()),
    ),
    Case(
        "edns/servfail",
        "RFC 6891 §6.1.1",
        "a failure has an OPT too",
        (ask("servfail.c.example", edns=opt()),),
        (rcode("SERVFAIL"), has_opt()),
    ),
    Case(
        "edns/none-nxdomain",
        "RFC 6891 §7",
        "a negative answer has none where the query has none",
        (ask("nowhere.c.example"),),
        (rcode("NXDOMAIN"), no_opt()),
    ),
    _edns(
        "version-1",
        "RFC 6891 §6.1.3",
        "version 1 gets BADVERS with our version",
        opt(version=1),
        rcode("BADVERS"),
        has_opt(),
        counts(answer=0),
    ),
    _edns(
        "version-255",
        "RFC 6891 §6.1.3",
        "and so does version 255",
        opt(version=255),
        rcode("BADVERS"),
        has_opt(),
        counts(answer=0),
    ),
    _edns(
        "version-1-option",
        "RFC 6891 §6.1.3",
        "whatever its options are",
        opt(option(100, b"xyz"), version=1),
        rcode("BADVERS"),
        no_option(100),
    ),
    _edns("size-zero", "RFC 6891 §6.2.3", "a size of 0 counts as 512", opt(size=0)),
    _edns("size-small", "RFC 6891 §6.2.3", "a size below 512 counts as 512", opt(size=100)),
    _edns("size-largest", "RFC 6891 §6.2.3", "a size of 65,535 may be sent", opt(size=65535)),
    _edns(
        "size-announced",
        "RFC 6891 §6.2.4",
        "the size announced is at least 512",
        opt(size=512),
        has_opt(at_least=512),
        answer(_A),
    ),
    _edns("unknown-option", "RFC 6891 §6.1.2", "an unknown option is ignored", opt(option(65001, b"\1\2\3"))),
    _edns(
        "unknown-option-not-echoed",
        "RFC 6891 §6.1.2",
        "and not sent back",
        opt(option(65001, b"\1\2\3")),
        no_option(65001),
        has_opt(),
    ),
    _edns(
        "unknown-options",
        "RFC 6891 §6.1.2",
        "many unknown options are ignored",
        opt(b"".join(option(65001 + n, b"x" * n) for n in range(20))),
    ),
    _edns("empty-option", "RFC 6891 §6.1.2", "an option may be empty", opt(option(65002))),
    _edns(
        "unknown-flags",
        "RFC 6891 §6.1.4",
        "unknown flags are ignored and come back clear",
        opt(flags=0x7FFF),
        rcode("NOERROR"),
        edns_z_clear(),
        answer(_A),
    ),
    _edns("extended-rcode", "RFC 6891 §6.1.3", "an extended rcode in a query means nothing", opt(extended=1)),
    _malformed("duplicate", "RFC 6891 §6.1.1", "two OPT records", opt(), opt()),
    _malformed(
        "duplicate-versions",
        "RFC 6891 §6.1.1",
        "two OPT records of other content",
        opt(size=512),
        opt(b"", size=4096),
    ),
    _malformed("owner", "RFC 6891 §6.1.2", "an OPT that is not the root's", opt(owner=b"\x01a\0")),
    _malformed(
        "option-overruns", "RFC 6891 §6.1.2", "an option longer than its record", opt(b"\xfd\xe9\0\x09abc")
    ),
    _malformed("option-header-cut", "RFC 6891 §6.1.2", "half an option's header", opt(b"\xfd\xe9\0")),
    _malformed("data-overruns", "RFC 6891 §6.1.2", "an OPT longer than the message", opt()[:-2] + b"\0\x05"),
    Case(
        "edns/cut",
        "RFC 6891 §6.1.2",
        "an OPT that the message cuts",
        (ask("a.c.example", edns=opt())[:-4],),
        _FORMERR,
    ),
    Case(
        "edns/in-answer-section",
        "RFC 6891 §6.1.1",
        "an OPT in the answer section",
        (message(_Q, answers=(opt(),)),),
        (same_id(), rcode("FORMERR", "NOERROR")),
    ),
    Case(
        "edns/not-last",
        "RFC 6891 §6.1.1",
        "an OPT may stand before other additional records",
        (message(_Q, additional=(opt(), record("x.example", 1, b"\1\2\3\4"))),),
        _ANSWERED,
    ),
    Case(
        "edns/question",
        "RFC 6891 §6.1.1",
        "OPT is no type that can be asked for",
        (ask("a.c.example", 41),),
        (same_id(), flags(on="QR"), counts(answer=0)),
    ),
    _edns(
        "do-copied", "RFC 3225 §3", "DO is copied into the answer", opt(flags=DO), do_bit(True), answer(_A)
    ),
    _edns("do-clear", "RFC 3225 §3", "and is clear where the query's is", opt(), do_bit(False), answer(_A)),
    Case(
        "edns/do-copied-nxdomain",
        "RFC 3225 §3",
        "DO is copied into a negative answer",
        (ask("nowhere.c.example", edns=opt(flags=DO)),),
        (rcode("NXDOMAIN"), do_bit(True)),
    ),
    Case(
        "edns/do-signatures",
        "RFC 4035 §3.2.1",
        "with DO the signatures come through",
        (ask("signed.c.example", edns=opt(flags=DO)),),
        (rcode("NOERROR"), answer("signed.c.example. A 192.0.2.41"), counts(answer=2)),
    ),
    Case(
        "edns/no-do-no-signatures",
        "RFC 4035 §3.2.1",
        "without DO they do not",
        (ask("signed.c.example", edns=opt()),),
        (rcode("NOERROR"), answer("signed.c.example. A 192.0.2.41"), no_type("RRSIG")),
    ),
    Case(
        "edns/no-edns-no-signatures",
        "RFC 3225 §3",
        "nor without EDNS, when one with DO was asked before",
        (ask("signed.c.example"),),
        (rcode("NOERROR"), no_type("RRSIG"), counts(answer=1)),
    ),
    Case(
        "edns/do-and-cd",
        "RFC 4035 §3.2.2",
        "DO with CD gets the signatures too",
        (ask("signed.c.example", flags=RD | CD, edns=opt(flags=DO)),),
        (rcode("NOERROR"), flags(on="CD"), counts(answer=2), do_bit(True)),
    ),
    Case(
        "edns/do-other-type",
        "RFC 4035 §3.2.1",
        "DO for a type that is not there gets NODATA",
        (ask("text.c.example", AAAA, edns=opt(flags=DO)),),
        (rcode("NOERROR"), counts(answer=0), do_bit(True)),
    ),
    Case(
        "edns/ecs-unasked",
        "RFC 7871 §7.1.1",
        "an answer has no client subnet where the query has none",
        (ask("a.c.example", edns=opt()),),
        (no_option(8), answer(_A)),
    ),
    _edns(
        "ecs-zero-source",
        "RFC 7871 §7.1.2",
        "a subnet of no bits is a client that wants privacy, and is answered",
        opt(option(8, b"\0\1\0\0")),
    ),
    _edns("padding", "RFC 7830 §3", "padding in a query is ignored", opt(option(12, bytes(100)))),
    _edns(
        "padding-over-udp",
        "RFC 7830 §6",
        "an answer without encryption is not padded",
        opt(option(12, b"")),
        no_option(12),
        has_opt(),
    ),
    _edns(
        "keepalive-over-udp",
        "RFC 7828 §3.2.1",
        "keepalive over UDP is ignored",
        opt(option(11)),
        no_option(11),
        rcode("NOERROR"),
    ),
    _edns(
        "nsid",
        "RFC 5001 §2.2",
        "who asks for the server's identity gets it, where it is configured",
        opt(option(3)),
        rcode("NOERROR"),
        has_option(3),
        answer(_A),
    ),
    _edns("nsid-unasked", "RFC 5001 §2.1", "who does not ask does not", opt(), no_option(3), has_opt()),
    Case(
        "edns/nsid-with-error",
        "RFC 5001 §2.2",
        "also with a negative answer",
        (ask("nowhere.c.example", edns=opt(option(3))),),
        (rcode("NXDOMAIN"), has_option(3)),
    ),
    _edns(
        "cookie-short",
        "RFC 7873 §5.2.2",
        "a cookie of fewer than 8 bytes is malformed",
        opt(option(10, b"1234567")),
        rcode("FORMERR"),
    ),
    _edns(
        "cookie-between",
        "RFC 7873 §5.2.2",
        "and so is one of 9 to 15 bytes",
        opt(option(10, bytes(12))),
        rcode("FORMERR"),
    ),
    _edns(
        "cookie-long",
        "RFC 7873 §5.2.2",
        "and one of more than 40",
        opt(option(10, bytes(41))),
        rcode("FORMERR"),
    ),
    _edns(
        "cookie-client",
        "RFC 7873 §5.2.3",
        "a client's cookie alone harms nothing",
        opt(option(10, b"12345678")),
    ),
    _edns(
        "chain-and-expire",
        "RFC 7314 §3.2",
        "options meant for others are ignored",
        opt(option(9) + option(13, b"\0")),
    ),
    _edns(
        "ede-in-query",
        "RFC 8914 §2",
        "an extended error in a query means nothing",
        opt(option(15, b"\0\x0f")),
        rcode("NOERROR"),
        answer(_A),
    ),
    Case(
        "edns/question-kept",
        "RFC 6891 §6.1.3",
        "BADVERS keeps the question",
        (ask("a.c.example", edns=opt(version=7)),),
        (echo(), same_id()),
    ),
    Case(
        "edns/tsig-unknown-key",
        "RFC 8945 §5.2",
        "a signature by an unknown key is refused or not looked at",
        (
            message(
                _Q,
                additional=(
                    record(
                        "key.example",
                        250,
                        b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0"
                        + bytes(6)
                        + b"\x01\x2c\0\x10"
                        + bytes(16)
                        + b"\x4d\x61\0\0\0\0",
                        ttl=0,
                        rclass=255,
                    ),
                ),
            ),
        ),
        (
            same_id(),
            one_of((rcode("NOTAUTH", "REFUSED", "FORMERR"),), (rcode("NOERROR"), answer(_A))),
            readable(),
        ),
    ),
    _malformed("tsig-not-last", "RFC 8945 §5.1", "a TSIG record before another", _TSIG, opt()),
    _malformed("tsig-twice", "RFC 8945 §5.1", "two TSIG records", _TSIG, _TSIG),
    _malformed(
        "tsig-cut",
        "RFC 8945 §5.2",
        "a TSIG record whose data ends early",
        record("key.example", 250, _TSIG_DATA[:-3], ttl=0, rclass=255),
    ),
    _malformed(
        "tsig-class",
        "RFC 8945 §4.2",
        "a TSIG record of class IN",
        record("key.example", 250, _TSIG_DATA, ttl=0),
    ),
)
