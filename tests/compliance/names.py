"""Names: any octet, any length that may be, letter case kept, compression only where it may be."""

from __future__ import annotations

import struct

from tests.compliance.asking import MX, RD, A, ask, message, question
from tests.compliance.case import ID, Case
from tests.compliance.checks import answer, echo, flags, owner_as_sent, rcode, readable, same_id, some_answer

_OCT = b"\x03oct\x01c\x07example\0"
_W = b"\x01w\x01c\x07example\0"
_OK = (same_id(), rcode("NOERROR"), echo(), some_answer(), readable())
_FORMERR = (same_id(), flags(on="QR"), rcode("FORMERR"))
_LONGEST = b"\x3f" + b"x" * 63 + (b"\x3f" + b"y" * 63) * 2 + b"\x31" + b"z" * 49 + _W
"""255 bytes"""
_MOST_LABELS = b"\x01a" * 121 + _W


def _label(name: str, says: str, label: bytes) -> Case:
    sends = (ask(bytes([len(label)]) + label + _OCT, A),)
    return Case(f"names/{name}", "RFC 2181 §11", says, sends, _OK)


def _malformed(name: str, section: str, says: str, owner: bytes) -> Case:
    return Case(f"names/{name}", section, says, (message(owner + struct.pack("!HH", 1, 1)),), _FORMERR)


CASES = (
    _label("octet-nul", "a zero byte may stand in a label", b"a\0b"),
    _label("octet-255", "byte 255 may stand in a label", b"\xff\xfe"),
    _label("octet-dot", "a dot may stand in a label", b"a.b"),
    _label("octet-backslash", "a backslash may stand in a label", b"a\\b"),
    _label("octet-space", "a space may stand in a label", b"a b"),
    _label("octet-quote", "quotes and semicolons may stand in a label", b'";$@('),
    _label("octet-utf8", "UTF-8 may stand in a label", "ñandú".encode()),
    _label("octet-not-utf8", "what is no UTF-8 may stand in a label", b"\xc3\x28\x80"),
    _label("octet-controls", "control bytes may stand in a label", bytes(range(1, 32))),
    _label("underscore", "an underscore may stand in a label", b"_dmarc"),
    _label("hyphens", "hyphens may stand anywhere", b"-a--b-"),
    _label("digits", "a label may be a number", b"123"),
    _label("star", "an asterisk may be asked for", b"*"),
    _label("punycode", "an A-label is a label", b"xn--and-6ma2c"),
    _label("every-octet-low", "the bytes 128 to 190 may stand in a label", bytes(range(128, 191))),
    _label("every-octet-high", "the bytes 192 to 254 may stand in a label", bytes(range(192, 255))),
    Case(
        "names/label-63",
        "RFC 1035 §2.3.4",
        "a label may have 63 bytes",
        (ask(b"\x3f" + b"l" * 63 + _W),),
        _OK,
    ),
    Case("names/name-255", "RFC 1035 §2.3.4", "a name may have 255 bytes", (ask(_LONGEST),), _OK),
    Case(
        "names/labels-most",
        "RFC 1035 §2.3.4",
        "a name may have more than 120 labels",
        (ask(_MOST_LABELS),),
        _OK,
    ),
    _malformed(
        "name-256",
        "RFC 1035 §2.3.4",
        "a name may not have 256 bytes",
        b"\x01q" + b"\x3f" + b"x" * 63 + _LONGEST[64:],
    ),
    _malformed("name-endless", "RFC 1035 §2.3.4", "nor 500", (b"\x3f" + b"x" * 63) * 8 + b"\0"),
    _malformed("label-type-01", "RFC 6891 §5", "label type 01 is none", b"\x41" + b"x" * 16 + b"\0"),
    _malformed("label-type-10", "RFC 1035 §4.1.4", "label type 10 is none", b"\x81" + b"x" * 16 + b"\0"),
    _malformed("pointer-to-itself", "RFC 1035 §4.1.4", "a pointer may not lead to itself", b"\xc0\x0c"),
    _malformed("pointer-forward", "RFC 1035 §4.1.4", "nor forwards", b"\x01a\xc0\x20"),
    _malformed("pointer-loop", "RFC 1035 §4.1.4", "nor in a circle", b"\x01a\xc0\x0c"),
    _malformed("pointer-outside", "RFC 1035 §4.1.4", "nor out of the message", b"\xff\xff"),
    Case(
        "names/pointer-cut",
        "RFC 1035 §4.1.4",
        "nor be half there",
        (message(b"\x01a\xc0", counts=(1, 0, 0, 0)),),
        _FORMERR,
    ),
    Case(
        "names/case-echo",
        "RFC 1035 §2.3.3",
        "the question keeps its letter case",
        (ask("A.c.ExAmPlE"),),
        (rcode("NOERROR"), echo(), some_answer()),
    ),
    Case(
        "names/case-echo-nxdomain",
        "RFC 4343 §4.1",
        "also where the name does not exist",
        (ask("NoWhere.C.Example"),),
        (rcode("NXDOMAIN"), echo()),
    ),
    Case(
        "names/case-folded",
        "RFC 4343 §3",
        "names are compared without letter case",
        (ask("mULTI.c.eXAMPLE", MX),),
        (rcode("NOERROR"), answer("multi.c.example. MX 10 mail.c.example.")),
    ),
    Case(
        "names/case-owner",
        "RFC 4343 §4.1",
        "the answer is found by its own question's case, whoever asked before",
        (ask("mixed.c.example"), ask("mIxEd.c.example", number=ID + 1)),
        (echo(), some_answer()),
        replies=2,
    ),
    Case(
        "names/case-owner-pointer",
        "RFC 1035 §4.1.4",
        "the owner of the answer is the name that was asked",
        (ask("A.C.example"),),
        (owner_as_sent("A.C.example."),),
    ),
    Case(
        "names/compressed-answer",
        "RFC 1035 §4.1.4",
        "names in answers may be compressed and must be readable",
        (ask("multi.c.example", MX),),
        (readable(), answer("multi.c.example. MX 10 mail.c.example.")),
    ),
    Case(
        "names/srv-target",
        "RFC 2782",
        "a service's target comes through whole",
        (ask("_sip._udp.c.example", 33),),
        (readable(), answer("_sip._udp.c.example. SRV 1 2 5060 a.c.example.")),
    ),
    Case(
        "names/single-letter-labels",
        "RFC 1035 §2.3.1",
        "a name of short labels is an ordinary name",
        (message(question("a.b.d.e.f.g.h.w.c.example"), flags=RD),),
        _OK,
    ),
)
