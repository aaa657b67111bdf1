"""EDNS client subnet: what a forwarder says, and what those say who are none."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from tests.evasion.form import Course, Gets, Way, judge, word_of
from tests.evasion.lab import TCP, UDP, Lab
from tests.evasion.names import ADULT, CHILD, FORWARDER, MINE, ORDERED, OWNER, STRANGER
from tests.evasion.packets import with_options

Option = tuple[int, bytes]


def subnet(address: str, bits: int | None = None, scope: int = 0, family: int | None = None) -> Option:
    """The option for a prefix of an address, as many octets as its bits take."""
    packed = ip_address(address).packed
    length = 8 * len(packed) if bits is None else bits
    kind = (1 if len(packed) == 4 else 2) if family is None else family
    return 8, struct.pack("!HBB", kind, length, scope) + packed[: (length + 7) // 8]


def asked(id: str, client: str, gets: Gets, *options: Option, name: str = ADULT) -> Course:
    """One question with these options, over both transports."""

    def steps(lab: Lab) -> None:
        for transport in (UDP, TCP):
            wire = with_options(*options)(name, "A")
            judge(lab.send(wire, client, transport), gets, f"{id} {transport}", edns=gets is not Gets.FORMERR)

    return Course(id, steps)


OTHERS = (8, b"\0\1\x20\0" + bytes([127, 0, 0, 99]))
FORMS: tuple[Way, ...] = (
    asked("forwarder-for-a-line", FORWARDER, Gets.FILTERED, subnet(CHILD)),
    asked("forwarder-for-nobody", FORWARDER, Gets.SERVED, subnet(STRANGER)),
    asked("forwarder-for-own-names", FORWARDER, Gets.FILTERED, subnet(OWNER), name=MINE),
    asked("forwarder-ordered-for-a-line", FORWARDER, Gets.CENSORED, subnet(CHILD), name=ORDERED),
    asked("forwarder-ordered-for-nobody", FORWARDER, Gets.CENSORED, subnet(STRANGER), name=ORDERED),
    asked("forwarder-says-nothing", FORWARDER, Gets.SERVED),
    asked("forwarder-says-nothing-ordered", FORWARDER, Gets.CENSORED, name=ORDERED),
    asked("forwarder-for-24", FORWARDER, Gets.SERVED, subnet("127.0.0.0", 24)),
    asked("forwarder-for-31", FORWARDER, Gets.SERVED, subnet(CHILD, 31)),
    asked("forwarder-for-0", FORWARDER, Gets.CENSORED, subnet("0.0.0.0", 0), name=ORDERED),
    asked("forwarder-for-a-client-outside", FORWARDER, Gets.REFUSED, subnet("192.0.2.7")),
    asked("forwarder-mapped", FORWARDER, Gets.FILTERED, subnet(f"::ffff:{CHILD}")),
    asked("forwarder-wrong-family", FORWARDER, Gets.FORMERR, subnet(CHILD, family=2, bits=130)),
    asked("forwarder-unknown-family", FORWARDER, Gets.CENSORED, (8, b"\0\7\x20\0" + bytes(4)), name=ORDERED),
    asked("forwarder-address-too-short", FORWARDER, Gets.FORMERR, (8, b"\0\1\x20\0" + bytes(3))),
    asked("forwarder-address-too-long", FORWARDER, Gets.FORMERR, (8, b"\0\1\x20\0" + bytes(5))),
    asked("forwarder-bits-beyond", FORWARDER, Gets.FORMERR, (8, b"\0\1\x21\0" + bytes(5))),
    asked(
        "forwarder-bits-set-behind-the-prefix",
        FORWARDER,
        Gets.FORMERR,
        (8, b"\0\1\x18\0" + b"\x7f\0\0\2"[:3] + b"\2"),
    ),
    asked("forwarder-empty-option", FORWARDER, Gets.FORMERR, (8, b"")),
    asked("forwarder-scope", FORWARDER, Gets.FORMERR, subnet(CHILD, scope=32)),
    asked("forwarder-two-options", FORWARDER, Gets.FORMERR, subnet(CHILD), OTHERS),
    asked("forwarder-two-options-turned", FORWARDER, Gets.FORMERR, OTHERS, subnet(CHILD)),
    asked("line-as-nobody", CHILD, Gets.FILTERED, subnet(STRANGER)),
    asked("line-as-another", CHILD, Gets.FILTERED, subnet(OWNER)),
    asked("line-as-the-forwarder", CHILD, Gets.FILTERED, subnet(FORWARDER)),
    asked("line-as-its-network", CHILD, Gets.FILTERED, subnet("127.0.0.0", 24)),
    asked("line-as-nothing", CHILD, Gets.FILTERED, subnet("0.0.0.0", 0)),
    asked("line-with-own-names-as-nobody", OWNER, Gets.FILTERED, subnet(STRANGER), name=MINE),
    asked("line-with-two-options", CHILD, Gets.ANYTHING, OTHERS, OTHERS),
    asked("nobody-as-a-line", STRANGER, Gets.SERVED, subnet(CHILD)),
    asked("nobody-as-a-line-with-own-names", STRANGER, Gets.SERVED, subnet(OWNER), name=MINE),
    asked("nobody-ordered", STRANGER, Gets.CENSORED, subnet("192.0.2.7"), name=ORDERED),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)
