"""TCP: length framing, pipelining, answers out of order, and clients that close their side first."""

from __future__ import annotations

from tests.compliance.asking import ask, framed, message, opt, option
from tests.compliance.case import ID, Case, Check
from tests.compliance.checks import (
    answer,
    echo,
    every_rcode,
    first_id,
    flags,
    no_opt,
    rcode,
    same_id,
    same_ids,
)
from tests.compliance.checks import (
    opt as has_opt,
)

_A = "a.c.example. A 192.0.2.1"
_ASK = framed(ask("a.c.example"))
_OK = (same_id(), rcode("NOERROR"), echo(), answer(_A))


def _tcp(
    name: str,
    section: str,
    says: str,
    sends: tuple[bytes, ...],
    *checks: Check,
    replies: int = 1,
    half_close: bool = False,
) -> Case:
    return Case(
        f"tcp/{name}", section, says, sends, checks or (_OK if replies else ()), True, replies, half_close
    )


def _several(count: int) -> bytes:
    return framed(*(ask(f"p{n}.w.c.example", number=ID + n) for n in range(count)))


CASES = (
    _tcp("ordinary", "RFC 7766 §5", "queries are answered over TCP", (_ASK,)),
    _tcp("length-alone", "RFC 7766 §8", "the length may come in a segment of its own", (_ASK[:2], _ASK[2:])),
    _tcp("length-split", "RFC 7766 §8", "and in two", (_ASK[:1], _ASK[1:])),
    _tcp(
        "byte-by-byte",
        "RFC 7766 §8",
        "the header may come byte by byte",
        (*(_ASK[n : n + 1] for n in range(14)), _ASK[14:]),
    ),
    _tcp("message-split", "RFC 7766 §8", "a message may come in pieces", (_ASK[:20], _ASK[20:])),
    _tcp(
        "split-across",
        "RFC 7766 §8",
        "a segment may end inside the second message",
        (
            (_ASK + framed(ask("a.c.example", number=ID + 1)))[:40],
            (_ASK + framed(ask("a.c.example", number=ID + 1)))[40:],
        ),
        same_ids(ID, ID + 1),
        replies=2,
    ),
    _tcp(
        "one-after-another",
        "RFC 7766 §6.2.1",
        "a connection serves more than one query",
        (_ASK, framed(ask("a.c.example", number=ID + 1))),
        same_ids(ID, ID + 1),
        every_rcode("NOERROR"),
        replies=2,
    ),
    _tcp(
        "pipelined-2",
        "RFC 7766 §6.2.1.1",
        "two queries may come at once",
        (_several(2),),
        same_ids(ID, ID + 1),
        every_rcode("NOERROR"),
        replies=2,
    ),
    _tcp(
        "pipelined-20",
        "RFC 7766 §6.2.1.1",
        "and twenty",
        (_several(20),),
        same_ids(*range(ID, ID + 20)),
        every_rcode("NOERROR"),
        replies=20,
    ),
    _tcp(
        "pipelined-80",
        "RFC 7766 §6.2.1.1",
        "and eighty",
        (_several(80),),
        same_ids(*range(ID, ID + 80)),
        every_rcode("NOERROR"),
        replies=80,
    ),
    _tcp(
        "out-of-order",
        "RFC 7766 §7",
        "a quick answer does not wait for a slow one",
        (framed(ask("slow.c.example"), ask("a.c.example", number=ID + 1)),),
        first_id(ID + 1),
        same_ids(ID, ID + 1),
        replies=2,
    ),
    _tcp(
        "half-close",
        "RFC 7766 §6.2.4",
        "who closes its side still gets its answer",
        (_ASK,),
        *_OK,
        half_close=True,
    ),
    _tcp(
        "half-close-slow",
        "RFC 7766 §6.2.4",
        "also one that takes a while",
        (framed(ask("slow.c.example", 16)),),
        same_id(),
        rcode("NOERROR"),
        half_close=True,
    ),
    _tcp(
        "half-close-pipelined",
        "RFC 7766 §6.2.4",
        "and all of several",
        (_several(5),),
        same_ids(*range(ID, ID + 5)),
        replies=5,
        half_close=True,
    ),
    _tcp(
        "edns",
        "RFC 6891 §6.2.3",
        "EDNS works over TCP",
        (framed(ask("a.c.example", edns=opt())),),
        *_OK,
        has_opt(),
    ),
    _tcp("no-edns", "RFC 6891 §7", "and is not forced on who does not use it", (_ASK,), *_OK, no_opt()),
    _tcp(
        "keepalive",
        "RFC 7828 §3.2.1",
        "a client that offers keepalive is answered",
        (framed(ask("a.c.example", edns=opt(option(11)))),),
        *_OK,
    ),
    _tcp("length-zero", "RFC 1035 §4.2.2", "an empty message gets no answer", (b"\0\0",), replies=0),
    _tcp("length-one", "RFC 1035 §4.2.2", "nor one shorter than a header", (b"\0\1x",), replies=0),
    _tcp(
        "length-beyond",
        "RFC 1035 §4.2.2",
        "nor one whose end never comes",
        (b"\xff\xff" + _ASK[2:],),
        replies=0,
        half_close=True,
    ),
    _tcp(
        "nothing",
        "RFC 7766 §6.2.3",
        "a connection without a query harms nobody",
        (),
        replies=0,
        half_close=True,
    ),
    _tcp(
        "answer",
        "RFC 1035 §4.1.1",
        "an answer is not answered over TCP either",
        (framed(ask("a.c.example", flags=0x8180)),),
        replies=0,
        half_close=True,
    ),
    _tcp(
        "malformed",
        "RFC 1035 §4.1.1",
        "a malformed message gets FORMERR",
        (framed(message(counts=(1, 0, 0, 0))),),
        same_id(),
        rcode("FORMERR"),
        flags(on="QR"),
    ),
    _tcp(
        "bad-version",
        "RFC 6891 §6.1.3",
        "BADVERS over TCP",
        (framed(ask("a.c.example", edns=opt(version=1))),),
        same_id(),
        rcode("BADVERS"),
    ),
    _tcp(
        "same-question-twice",
        "RFC 7766 §7",
        "the same question under two ids gets two answers",
        (framed(ask("twice.w.c.example"), ask("twice.w.c.example", number=ID + 1)),),
        same_ids(ID, ID + 1),
        every_rcode("NOERROR"),
        replies=2,
    ),
)
