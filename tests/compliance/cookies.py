"""Cookies, keepalive, client subnets, and what is given up before an answer is truncated."""

from __future__ import annotations

from tests.compliance.asking import MX, ask, framed, message, opt, option
from tests.compliance.case import Case, Check, Reply
from tests.compliance.checks import (
    answer,
    counts,
    first,
    flags,
    no_option,
    rcode,
    same_id,
    size_at_most,
    whole_rrsets,
)
from tests.compliance.checks import (
    option as has_option,
)
from tests.compliance.upstream import MAILS

COOKIE, KEEPALIVE, ECS = 10, 11, 8
CLIENT = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
_A = "a.c.example. A 192.0.2.1"
_SUBNET = b"\0\1\x18\0\xc6\x33\x64"
"""198.51.100.0/24"""


def _content(reply: Reply, code: int) -> bytes | None:
    """The bytes of an option."""
    return next((o.to_wire() or b"" for o in reply.parsed.options if int(o.otype) == code), None)


def server_cookie(*, version: int | None = None) -> Check:
    """The client's cookie came back with a server's behind it; ``version`` 1: in the form of RFC 9018."""

    def judge(reply: Reply) -> str | None:
        got = _content(reply, COOKIE)
        if got is None:
            return "no cookie"
        if got[:8] != CLIENT or not 16 <= len(got) <= 40:
            return f"cookie of {len(got)} bytes"
        interoperable = len(got) == 24 and got[8:12] == b"\1\0\0\0"
        return None if version is None or interoperable else "another form of cookie"

    return first(judge)


def scope_zero() -> Check:
    """A client subnet that comes back speaks for nobody in particular."""

    def judge(reply: Reply) -> str | None:
        got = _content(reply, ECS)
        return None if got is None or got[3] == 0 else f"scope {got[3]}"

    return first(judge)


def keepalive() -> Check:
    """There is a keepalive option with a timeout."""

    def judge(reply: Reply) -> str | None:
        got = _content(reply, KEEPALIVE)
        return None if got is not None and len(got) == 2 else "no timeout"

    return first(judge)


def _edns(name: str, section: str, says: str, options: bytes, *checks: Check) -> Case:
    return Case(name, section, says, (ask("a.c.example", edns=opt(options)),), checks)


def _tcp(name: str, section: str, says: str, options: bytes, *checks: Check) -> Case:
    return Case(name, section, says, (framed(ask("a.c.example", edns=opt(options))),), checks, tcp=True)


_NEW = option(COOKIE, CLIENT)
_FORGED = option(COOKIE, CLIENT + b"\1\0\0\0" + bytes(12))
_ANSWERED = (rcode("NOERROR"), answer(_A))

CASES = (
    _edns(
        "cookies/server-cookie",
        "RFC 7873 §5.2.3",
        "who sends a client cookie gets a server cookie",
        _NEW,
        *_ANSWERED,
        server_cookie(),
    ),
    _edns(
        "cookies/interoperable",
        "RFC 9018 §4",
        "a server cookie has version, time and hash, so that servers of one address agree",
        _NEW,
        server_cookie(version=1),
    ),
    Case(
        "cookies/nxdomain",
        "RFC 7873 §5.2.3",
        "also with a denial",
        (ask("nowhere.c.example", edns=opt(_NEW)),),
        (rcode("NXDOMAIN"), server_cookie()),
    ),
    Case(
        "cookies/servfail",
        "RFC 7873 §5.2.3",
        "also with a failure",
        (ask("servfail.c.example", edns=opt(_NEW)),),
        (rcode("SERVFAIL"), server_cookie()),
    ),
    _edns(
        "cookies/unasked", "RFC 7873 §5.2.1", "who sends none gets none", b"", *_ANSWERED, no_option(COOKIE)
    ),
    _edns(
        "cookies/forged",
        "RFC 7873 §5.2.4",
        "a server cookie that is not ours is answered with one that is",
        _FORGED,
        rcode("NOERROR", "BADCOOKIE"),
        server_cookie(),
    ),
    _tcp(
        "cookies/over-tcp",
        "RFC 7873 §5.2.3",
        "TCP gets them too",
        _NEW,
        *_ANSWERED,
        server_cookie(),
    ),
    _tcp(
        "cookies/forged-over-tcp",
        "RFC 7873 §5.2.4",
        "over TCP a cookie that is not ours does not keep the answer back",
        _FORGED,
        *_ANSWERED,
    ),
    Case(
        "cookies/without-question",
        "RFC 7873 §5.4",
        "a query without a question asks for a cookie",
        (message(additional=(opt(_NEW),)),),
        (same_id(), rcode("NOERROR"), counts(answer=0), server_cookie()),
    ),
    _tcp(
        "keepalive/over-tcp",
        "RFC 7828 §3.3.2",
        "who sends keepalive over TCP is told how long the connection may idle",
        option(KEEPALIVE),
        *_ANSWERED,
        keepalive(),
    ),
    _tcp(
        "keepalive/unasked",
        "RFC 7828 §3.3.2",
        "who does not send it is not",
        b"",
        *_ANSWERED,
        no_option(KEEPALIVE),
    ),
    _edns(
        "ecs/not-trusted",
        "RFC 7871 §7.2.2",
        "a subnet from anybody is answered without one of our own making",
        option(ECS, _SUBNET),
        *_ANSWERED,
        scope_zero(),
    ),
    Case(
        "ecs/nsid-beside",
        "RFC 7871 §6",
        "and does not stand in the way of other options",
        (ask("a.c.example", edns=opt(option(ECS, _SUBNET) + option(3))),),
        (*_ANSWERED, has_option(3)),
    ),
    Case(
        "truncation/additional-first",
        "RFC 2181 §9",
        "what stands beside an answer is left out before it is called truncated",
        (ask("mails.c.example", MX),),
        (rcode("NOERROR"), flags(off="TC"), size_at_most(512), whole_rrsets(MAILS)),
    ),
)
