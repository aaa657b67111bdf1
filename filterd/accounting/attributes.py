"""The attributes of RADIUS that filterd reads, and the normalisation of the value that names a line.

Numbers: RFC 2865, 2866, 2869 (Event-Timestamp, Message-Authenticator, NAS-Port-Id), 3162 and 6911 (IPv6),
4372 (Chargeable-User-Identity), 4818 (Delegated-IPv6-Prefix), 4679 (the Broadband Forum's, vendor 3561).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from ipaddress import IPv6Network


class Code(IntEnum):
    """The kinds of packets that are read or answered with (RFC 2866, 5176, 5997)."""

    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    COA_REQUEST = 43
    COA_ACK = 44


class StatusType(IntEnum):
    """The values of Acct-Status-Type that tell of a session or of a NAS (RFC 2866 5.1)."""

    START = 1
    STOP = 2
    INTERIM_UPDATE = 3
    ACCOUNTING_ON = 7
    ACCOUNTING_OFF = 8


class Attribute(IntEnum):
    """The attributes that are read, those of vendors aside."""

    USER_NAME = 1
    NAS_IP_ADDRESS = 4
    FRAMED_IP_ADDRESS = 8
    CLASS = 25
    VENDOR_SPECIFIC = 26
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_SESSION_ID = 44
    ACCT_SESSION_TIME = 46
    EVENT_TIMESTAMP = 55
    MESSAGE_AUTHENTICATOR = 80
    NAS_PORT_ID = 87
    CHARGEABLE_USER_IDENTITY = 89
    NAS_IPV6_ADDRESS = 95
    FRAMED_IPV6_PREFIX = 97
    DELEGATED_IPV6_PREFIX = 123
    FRAMED_IPV6_ADDRESS = 168


BROADBAND_FORUM = 3561
"""the vendor of Agent-Circuit-Id and Agent-Remote-Id"""

_WORDS = {"Ip": "IP", "Nas": "NAS", "Id": "Id", "Ipv6": "IPv6"}
NAMES = {
    (0, each.value): "-".join(_WORDS.get(word.title(), word.title()) for word in each.name.split("_"))
    for each in Attribute
} | {(BROADBAND_FORUM, 1): "Agent-Circuit-Id", (BROADBAND_FORUM, 2): "Agent-Remote-Id"}
"""vendor (0: none) and number -> the name in dictionaries"""

_MAC = re.compile(
    rb"[0-9a-fA-F]{12}"
    rb"|[0-9a-fA-F]{2}([:.-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2}){4}"
    rb"|[0-9a-fA-F]{4}([:.-])[0-9a-fA-F]{4}\2[0-9a-fA-F]{4}"
)


def name_of(vendor: int, number: int) -> str:
    """The name of an attribute, else ``VENDOR:NUMBER``, as the configuration writes it."""
    return NAMES.get((vendor, number), f"{vendor}:{number}" if vendor else f"attribute {number}")


def without_realm(value: bytes) -> bytes:
    """The value up to the first @."""
    return value.partition(b"@")[0]


def hardware_address(value: bytes) -> bytes:
    """A hardware address of six bytes as ``00:11:22:aa:bb:cc``; another value as it is.

    Read are ``001122AABBCC``, ``00-11-22-AA-BB-CC`` and ``0011.22aa.bbcc``, with any of ``: - .`` between.
    """
    if not _MAC.fullmatch(value):
        return value
    digits = bytes(each for each in value.lower() if each not in b":.-")
    return b":".join(digits[at : at + 2] for at in range(0, 12, 2))


STEPS = {"realm": without_realm, "case": bytes.lower, "mac": hardware_address}
"""by the word of the configuration; ``case`` is of ASCII alone"""


def normalized(value: bytes, steps: Iterable[str]) -> bytes:
    """The value that names a line, after the steps in their order; the same for RADIUS and leases.

    The native form, for accounting packets, stands in ``radius.pyx``.
    """
    for step in steps:
        value = STEPS[step](value)
    return value


def prefix_text(value: bytes) -> str:
    """The canonical text (RFC 5952) of a prefix attribute's value (RFC 3162 2.3): a reserved byte, the
    length, the bits; ValueError for a length above 128."""
    bits = int.from_bytes(value[2:].ljust(16, b"\0"), "big")
    return str(IPv6Network((bits, value[1]), strict=False))
