"""Answers that an upstream gets wrong, with a blocked name's data in them."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import dns.message
import pytest

from tests.evasion.form import Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADDRESS, FORBIDDEN, ORDERED, WAY
from tests.evasion.packets import packed, question, raw
from tests.evasion.scripted import Overtaken, Reply, Says, chain

ALIAS = (f"@ CNAME {ORDERED}.", f"{ORDERED}. A {FORBIDDEN}")
SOA = f"{WAY}. SOA ns.example. host.example. 1 3600 600 86400 60"
DATA = ip_address(FORBIDDEN).packed
RAW_ALIAS = (("@", "CNAME", packed(ORDERED)), (ORDERED, "A", DATA))
RCODES = [
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "BADVERS",
    "BADCOOKIE",
]


def changed(reply: Reply, place: int, value: bytes) -> Reply:
    """The same with bytes of its header changed."""

    def change(query: dns.message.Message) -> bytes:
        wire = reply(query)
        return wire[:place] + value + wire[place + len(value) :]

    return change


def other_question(query: dns.message.Message) -> bytes:
    """An answer to a question that nobody asked."""
    other = dns.message.make_query(ORDERED, "A")
    other.id = query.id
    return Says([f"{ORDERED}. A {FORBIDDEN}"])(other)


def wrong(id: str, reply: Reply, gets: Gets = Gets.ANYTHING, rtype: str = "A") -> Form:
    return Form(id, gets, reply, rtype=rtype, kept=False)


def compressed_target(query: dns.message.Message) -> bytes:
    """A service's target as a pointer to a name that stands before it, which RFC 9460 §2.2 forbids."""
    before = raw(("@", "MX", b"\0\x0a" + packed(ORDERED)))(query)
    pointer = struct.pack("!H", 0xC000 | len(before) - len(packed(ORDERED)))
    return raw(
        ("@", "MX", b"\0\x0a" + packed(ORDERED)),
        ("@", "HTTPS", b"\0\1" + pointer + b"\0\4\0\4" + DATA),
    )(query)


def two_questions(query: dns.message.Message) -> bytes:
    """The question twice, and the alias."""
    wire = raw(*RAW_ALIAS)(query)
    asked = question(query.question[0].name.to_wire() or b"")
    return wire[:4] + b"\0\2" + wire[6:12] + asked + wire[12:]


def forged(id: str, reply: Reply) -> Form:
    """Over UDP it comes before the true answer, which is clean and which every client gets."""
    return Form(id, Gets.WITHHELD, Overtaken(reply), kept=False)


FORMS = (
    *(wrong(f"{rcode.lower()}-with-an-alias", Says(ALIAS, rcode=rcode)) for rcode in RCODES),
    *(
        wrong(f"{rcode.lower()}-with-an-ordered-address", Says([f"@ A {ADDRESS}"], rcode=rcode))
        for rcode in RCODES
    ),
    wrong("nxdomain-with-alias-and-soa", Says([ALIAS[0]], [SOA], rcode="NXDOMAIN"), Gets.CENSORED),
    wrong("nodata-with-alias-and-soa", Says([ALIAS[0]], [SOA]), Gets.CENSORED),
    wrong("referral", Says((), [f"{WAY}. NS ns.{ORDERED}."], [f"ns.{ORDERED}. A {FORBIDDEN}"]), Gets.FAILED),
    wrong(
        "referral-to-the-root",
        Says((), [f". NS ns.{ORDERED}."], [f"ns.{ORDERED}. A {FORBIDDEN}"]),
        Gets.FAILED,
    ),
    wrong(
        "referral-behind-an-alias",
        Says(
            ["@ CNAME a.other.example."],
            [f"other.example. NS ns.{ORDERED}."],
            [f"ns.{ORDERED}. A {FORBIDDEN}"],
        ),
    ),
    wrong("alias-to-nothing", Says([ALIAS[0]]), Gets.CENSORED),
    wrong("nothing-but-another-name", Says([ALIAS[1]])),
    forged("another-question", other_question),
    forged("no-question", raw(*RAW_ALIAS, question_count=0)),
    wrong("authoritative", raw(*RAW_ALIAS, flags=0x8580), Gets.CENSORED),
    wrong("no-recursion-available", raw(*RAW_ALIAS, flags=0x8100)),
    forged("not-an-answer", raw(*RAW_ALIAS, flags=0x0100)),
    forged("opcode-notify", raw(*RAW_ALIAS, flags=0xA180)),
    forged("two-questions", two_questions),
    forged("another-id", changed(Says([f"@ A {FORBIDDEN}"]), 0, b"\0\0")),
    wrong("more-answers-counted", changed(raw(*RAW_ALIAS), 6, struct.pack("!H", 5))),
    wrong("fewer-answers-counted", changed(raw(*RAW_ALIAS), 6, struct.pack("!H", 1))),
    wrong("no-answers-counted", changed(raw(*RAW_ALIAS), 6, struct.pack("!H", 0))),
    wrong("answers-counted-as-authority", changed(raw(*RAW_ALIAS), 6, struct.pack("!HH", 0, 2))),
    wrong("answers-counted-as-additional", changed(raw(*RAW_ALIAS), 6, struct.pack("!HHH", 0, 0, 2))),
    wrong("alias-cut-off", raw(("@", "CNAME", packed(ORDERED)[:-3]), (ORDERED, "A", DATA))),
    wrong("alias-with-a-rest", raw(("@", "CNAME", packed(ORDERED) + b"\0\0"), (ORDERED, "A", DATA))),
    wrong("alias-that-points-ahead", raw(("@", "CNAME", b"\xc0\xff"), (ORDERED, "A", DATA))),
    wrong("address-of-five-bytes", raw(("@", "A", ip_address(ADDRESS).packed + b"\0"))),
    wrong("two-addresses-in-one-record", raw(("@", "A", DATA * 2), (ORDERED, "A", DATA))),
    wrong("address-as-ipv6", raw(("@", "AAAA", ip_address(ADDRESS).packed)), rtype="AAAA"),
    wrong("bytes-behind", lambda query: chain(ORDERED)(query) + b"rest"),
    wrong("class-other-than-asked", lambda query: raw(*RAW_ALIAS)(query).replace(b"\0\5\0\1", b"\0\5\0\3")),
    wrong("target-as-a-pointer", compressed_target, rtype="HTTPS"),
    wrong("target-as-a-pointer-asked-as-any", compressed_target, rtype="ANY"),
    wrong("alias-twice", raw(RAW_ALIAS[0], *RAW_ALIAS), Gets.CENSORED),
    wrong("no-time-to-live", Says(ALIAS, ttl=0), Gets.CENSORED),
    wrong("longest-time-to-live", Says(ALIAS, ttl=2**31 - 1), Gets.CENSORED),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)
