"""EDNS: options, versions, sizes and flags, for a blocked name and for an alias of one."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from tests.evasion.form import Builder, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ORDERED
from tests.evasion.packets import OPT, message, packed, question, with_flags, with_options, without_edns
from tests.evasion.scripted import Says

ALIAS = Says([f"@ CNAME x.{ORDERED}.", f"x.{ORDERED}. A 192.0.2.66"])
DO, CD, AD = 0x8000, 0x0010, 0x0020
RD = 0x0100


def subnet(family: int, bits: int, address: bytes) -> tuple[int, bytes]:
    return 8, struct.pack("!HBB", family, bits, 0) + address


FINE: dict[str, Builder] = {
    "dnssec-ok": with_flags(RD, DO),
    "checking-disabled": with_flags(RD | CD),
    "both": with_flags(RD | CD, DO),
    "authentic": with_flags(RD | AD),
    "all-header-flags": with_flags(RD | CD | AD | 0x0440),
    "reserved-bit": with_flags(RD | 0x0040),
    "all-opt-flags": with_flags(RD, 0xFFFF),
    "rcode-in-the-query": with_flags(RD | 3),
    **{f"size-{size}": with_options(size=size) for size in (0, 511, 512, 1232, 4096, 65535)},
    "padding": with_options((12, bytes(300))),
    "name-server-id": with_options((3, b"")),
    "keepalive": with_options((11, b"")),
    "client-cookie": with_options((10, b"12345678")),
    "forged-server-cookie": with_options((10, b"12345678" + b"\1\0\0\0" + bytes(12))),
    "unknown-option": with_options((65001, b"let me through")),
    "fifty-unknown-options": with_options(*((65001 + number, b"x" * 8) for number in range(50))),
    "error-in-the-query": with_options((15, b"\0\0fine")),
    "device-option": with_options((65073, bytes(6)), (20292, b"ODNS\1\0\0\x10abcd")),
    "key-tag": with_options((14, b"\x4f\x66")),
    "chain-option": with_options((13, packed("example"))),
    "subnet-of-a-stranger": with_options(subnet(1, 32, bytes([127, 0, 0, 99]))),
    "subnet-of-24": with_options(subnet(1, 24, bytes([127, 0, 0]))),
    "subnet-of-nothing": with_options(subnet(1, 0, b"")),
    "subnet-of-ipv6": with_options(subnet(2, 128, bytes(15) + b"\1")),
}
REFUSED: dict[str, tuple[Gets, Builder]] = {
    "version-1": (Gets.BADVERS, with_options(version=1)),
    "version-255": (Gets.BADVERS, with_options(version=255)),
    "two-opt": (
        Gets.FORMERR,
        lambda name, rtype: message(question(packed(name), rtype), (1, 0, 0, 2), opt=OPT + OPT),
    ),
    "opt-with-a-name": (
        Gets.FORMERR,
        lambda name, rtype: message(question(packed(name), rtype), opt=packed("x.example") + OPT[1:]),
    ),
    "option-beyond-the-end": (
        Gets.FORMERR,
        lambda name, rtype: message(question(packed(name), rtype), opt=OPT[:-2] + b"\0\6\xfd\xe9\0\x40ab"),
    ),
    "opt-beyond-the-end": (
        Gets.FORMERR,
        lambda name, rtype: message(question(packed(name), rtype), opt=OPT[:-2] + b"\0\x40"),
    ),
    "half-an-option": (
        Gets.FORMERR,
        lambda name, rtype: message(question(packed(name), rtype), opt=OPT[:-2] + b"\0\2\0\xa0"),
    ),
    "bad-subnet": (Gets.FORMERR, with_options((8, b"\0\1\x21\0" + bytes(5)))),
}
_DIRECT = (
    *(Form(word, name=ORDERED, build=build) for word, build in FINE.items()),
    Form("no-edns", name=ORDERED, build=without_edns, edns=False),
)
FORMS = (
    *_DIRECT,
    *(replace(form, id=f"alias-{form.id}", name="", says=ALIAS) for form in _DIRECT),
    *(Form(word, gets, name=ORDERED, build=build, edns=False) for word, (gets, build) in REFUSED.items()),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)
