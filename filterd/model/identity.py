"""The ways in which the line of a query is recognised, and the keys under which identities are known."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Method(StrEnum):
    """How the line of a query was recognised, in the order of trust: the first that leads to a line holds.

    The numbers of ``METHOD_*`` in ``dataplane/packet/identify.pxd`` are the places in this list.
    """

    UNKNOWN = "unknown"
    EDNS_ID = "edns-id"
    """an EDNS option of a sender in ``dns.edns_id_from``"""
    PROXY_ID = "proxy-id"
    """a TLV in the PROXY header of a sender in ``dns.proxy_from``"""
    SESSION = "session"
    """a session of the client's address, or of address and port"""
    BINDING = "binding"
    """a static binding that covers it"""


class IdentityKind(IntEnum):
    """The kinds of texts that fingerprints are made of; the first byte of the input, which no name's label
    (at most 63) and no address (0x40) has."""

    MAC = 0x80
    """a hardware address, 6 bytes"""
    DEVICE = 0x81
    """EDNS option 65073 that is no hardware address"""
    CPE = 0x82
    """EDNS option 65074"""
    TLV = 0x83
    """the TLV of a PROXY header"""
    SUBSCRIBER = 0x90
    """a subscriber's id"""
    SESSION = 0x91
    """a session: its NAS's fingerprint and Acct-Session-Id"""
    NAS = 0x92
    """a NAS: its address and NAS-Identifier"""


BOUND_KINDS = {
    "mac": IdentityKind.MAC,
    "device": IdentityKind.DEVICE,
    "cpe": IdentityKind.CPE,
    "tlv": IdentityKind.TLV,
}
"""the kinds that bindings may have, as they are written: ``mac:00:11:22:aa:bb:cc``, ``cpe:TEXT`` ..."""


def identity_input(kind: IdentityKind, text: bytes) -> bytes:
    """The bytes whose fingerprint (``policy.fingerprint``) an identity is known by."""
    return bytes([kind]) + text
