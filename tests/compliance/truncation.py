"""What does not fit: TC, never a part of an RRset, and the whole over TCP."""

from __future__ import annotations

from tests.compliance.asking import ANY, DO, TXT, ask, framed, opt
from tests.compliance.case import Case
from tests.compliance.checks import (
    answer,
    counts,
    echo,
    flags,
    no_opt,
    rcode,
    readable,
    size_at_most,
    whole_rrsets,
)
from tests.compliance.checks import (
    opt as has_opt,
)

_OPT_512, _OPT_1232, _OPT_4096 = opt(size=512), opt(size=1232), opt(size=4096)


def _cut(name: str, section: str, says: str, sends: bytes, most: int, whole: int) -> Case:
    checks = (
        rcode("NOERROR"),
        flags(on="QR TC", off="AD"),
        echo(),
        readable(),
        size_at_most(most),
        whole_rrsets(whole),
    )
    return Case(f"truncation/{name}", section, says, (sends,), checks)


CASES = (
    _cut(
        "no-edns",
        "RFC 1035 §4.2.1",
        "no more than 512 bytes without EDNS",
        ask("fits-1232.c.example"),
        512,
        60,
    ),
    _cut(
        "512",
        "RFC 6891 §6.2.3",
        "no more than the client's 512",
        ask("fits-1232.c.example", edns=_OPT_512),
        512,
        60,
    ),
    _cut(
        "small",
        "RFC 6891 §6.2.3",
        "512 where the client says less",
        ask("fits-1232.c.example", edns=opt(size=10)),
        512,
        60,
    ),
    _cut(
        "between",
        "RFC 6891 §6.2.3",
        "no more than the client's 600",
        ask("fits-1232.c.example", edns=opt(size=600)),
        600,
        60,
    ),
    _cut(
        "1232",
        "RFC 6891 §6.2.3",
        "no more than the client's 1,232",
        ask("fits-4096.c.example", edns=_OPT_1232),
        1232,
        120,
    ),
    _cut(
        "larger-than-udp",
        "RFC 2181 §9",
        "what no datagram holds",
        ask("fits-tcp.c.example", TXT, edns=_OPT_4096),
        4096,
        100,
    ),
    _cut(
        "with-do",
        "RFC 4035 §3.1.1",
        "with DO too",
        ask("fits-tcp.c.example", TXT, edns=opt(size=4096, flags=DO)),
        4096,
        100,
    ),
    Case(
        "truncation/opt-kept",
        "RFC 6891 §7",
        "a truncated answer keeps its OPT",
        (ask("fits-4096.c.example", edns=_OPT_1232),),
        (flags(on="TC"), has_opt(), readable()),
    ),
    Case(
        "truncation/no-opt",
        "RFC 6891 §7",
        "and has none where the query has none",
        (ask("fits-1232.c.example"),),
        (flags(on="TC"), no_opt()),
    ),
    Case(
        "truncation/fits",
        "RFC 6891 §6.2.3",
        "what fits the client's size comes whole",
        (ask("fits-1232.c.example", edns=_OPT_1232),),
        (flags(off="TC"), counts(answer=60), readable()),
    ),
    Case(
        "truncation/never-much",
        "RFC 9715 §3",
        "no answer over UDP is larger than 1,452 bytes, whatever is offered",
        (ask("fits-4096.c.example", edns=opt(size=65535)),),
        (size_at_most(1452), readable()),
    ),
    Case(
        "truncation/tcp-whole",
        "RFC 7766 §5",
        "over TCP the same comes whole",
        (framed(ask("fits-4096.c.example", edns=_OPT_512)),),
        (flags(off="TC"), counts(answer=120)),
        tcp=True,
    ),
    Case(
        "truncation/tcp-without-edns",
        "RFC 7766 §5",
        "also without EDNS",
        (framed(ask("fits-1232.c.example")),),
        (flags(off="TC"), counts(answer=60), no_opt()),
        tcp=True,
    ),
    Case(
        "truncation/tcp-large",
        "RFC 1035 §4.2.2",
        "and what is larger than 16 KiB",
        (framed(ask("fits-tcp.c.example", TXT, edns=_OPT_1232)),),
        (flags(off="TC"), counts(answer=100), readable()),
        tcp=True,
    ),
    Case(
        "truncation/any",
        "RFC 8482 §4.4",
        "ANY is cut like any other",
        (ask("fits-tcp.c.example", ANY, edns=_OPT_1232),),
        (size_at_most(1232), readable(), whole_rrsets(100)),
    ),
    Case(
        "truncation/small-not-cut",
        "RFC 2181 §9",
        "TC is clear where nothing is missing",
        (ask("a.c.example", edns=_OPT_512),),
        (flags(off="TC"), answer("a.c.example. A 192.0.2.1")),
    ),
)
