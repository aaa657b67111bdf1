"""The readable reference of :mod:`filterd.accounting.radius`: an accounting packet, its proof and its answer.

RFC 2866 (accounting), 5997 (Status-Server), 5176 (CoA and Disconnect), 3579 3.2 (Message-Authenticator).
Bytes and time go in, values come out.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field

from filterd.accounting.attributes import Attribute, Code, StatusType, normalized, prefix_text
from filterd.accounting.claimable import MAPPED, ClaimNetworks, is_reserved
from filterd.accounting.radius_types import (
    MOST_PACKET,
    Judged,
    LineRule,
    PacketOutcome,
    RadiusClient,
    ReadEvent,
)
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint_reference import fingerprint

HEADER = 20
MOST_CLAIMS = 4
MOST_TOLD = 16
"""attributes with an address that are looked at"""
CLOCK_BEGINS = 946_684_800
"""2000-01-01: an Event-Timestamp of before comes from a clock that was never set, and counts as absent"""
_NOBODY = bytes(16)
_SIZES = {
    Attribute.NAS_IP_ADDRESS: range(4, 5),
    Attribute.FRAMED_IP_ADDRESS: range(4, 5),
    Attribute.ACCT_STATUS_TYPE: range(4, 5),
    Attribute.ACCT_DELAY_TIME: range(4, 5),
    Attribute.ACCT_SESSION_TIME: range(4, 5),
    Attribute.EVENT_TIMESTAMP: range(4, 5),
    Attribute.MESSAGE_AUTHENTICATOR: range(16, 17),
    Attribute.NAS_IPV6_ADDRESS: range(16, 17),
    Attribute.FRAMED_IPV6_ADDRESS: range(16, 17),
    Attribute.FRAMED_IPV6_PREFIX: range(2, 19),
    Attribute.DELEGATED_IPV6_PREFIX: range(2, 19),
    Attribute.VENDOR_SPECIFIC: range(4, 254),
}
"""bytes that a value may have"""
_PREFIXES = (Attribute.FRAMED_IPV6_PREFIX, Attribute.DELEGATED_IPV6_PREFIX)
DIGESTS = (Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST)
"""their authenticator is a digest of the packet; that of Status-Server is random"""
_ANSWERS = {
    Code.ACCOUNTING_REQUEST: Code.ACCOUNTING_RESPONSE,
    Code.STATUS_SERVER: Code.ACCOUNTING_RESPONSE,
    Code.DISCONNECT_REQUEST: Code.DISCONNECT_ACK,
    Code.COA_REQUEST: Code.COA_ACK,
}


class MalformedError(ValueError):
    """Bytes that are no packet of RADIUS."""


@dataclass(slots=True)
class Packet:
    """A packet that has been taken apart."""

    code: int
    text: bytes
    """as far as its length says; what stands behind is padding"""
    values: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    """by vendor (0: none) and number, in their order"""
    order: list[tuple[int, int, bytes]] = field(default_factory=list)
    """vendor, number and value of each, in their order"""
    proof_at: int = 0
    """the place of Message-Authenticator's value; 0: there is none"""

    def first(self, attribute: int, vendor: int = 0) -> bytes:
        """The first value of an attribute that is not empty; empty without."""
        return next(filter(None, self.values.get((vendor, attribute), [])), b"")

    def number(self, attribute: int) -> int | None:
        """The first value of an attribute, as a number; None without."""
        found = self.first(attribute)
        return int.from_bytes(found, "big") if found else None


def take_apart(text: bytes) -> Packet:
    """The packet in a datagram; MalformedError when a length in it is none."""
    length = int.from_bytes(text[2:4], "big")
    if not HEADER <= length <= min(len(text), MOST_PACKET):
        msg = f"its length says {length} bytes, and it has {len(text)}"
        raise MalformedError(msg)
    packet = Packet(text[0], text[:length])
    at = HEADER
    while at < length:
        size = text[at + 1] if at + 1 < length else 0
        if size < 2 or at + size > length:
            msg = f"the length of the attribute at byte {at} is wrong"
            raise MalformedError(msg)
        _take(packet, text[at], text[at + 2 : at + size], at)
        at += size
    return packet


def _take(packet: Packet, number: int, value: bytes, at: int) -> None:
    allowed = _SIZES.get(Attribute(number)) if number in set(Attribute) else None
    if allowed is not None and len(value) not in allowed:
        msg = f"attribute {number} has {len(value)} bytes"
        raise MalformedError(msg)
    if number in _PREFIXES and value[1] > 128:
        msg = f"attribute {number} has a prefix of {value[1]} bits"
        raise MalformedError(msg)
    if number == Attribute.MESSAGE_AUTHENTICATOR:
        if packet.proof_at:
            msg = "Message-Authenticator stands in it twice"
            raise MalformedError(msg)
        packet.proof_at = at + 2
    inner = _of_vendor(value) if number == Attribute.VENDOR_SPECIFIC else ()
    for each in ((0, number, value), *inner):
        packet.values.setdefault(each[:2], []).append(each[2])
        packet.order.append(each)


def _of_vendor(value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The attributes in Vendor-Specific, up to the first that does not have the recommended form (RFC 2865
    5.26): vendors may choose another one."""
    vendor, at = int.from_bytes(value[:4], "big"), 4
    while at + 2 <= len(value):
        size = value[at + 1]
        if size < 2 or at + size > len(value):
            return
        yield vendor, value[at], value[at + 2 : at + size]
        at += size


def _md5(text: bytes) -> bytes:
    return hashlib.md5(text, usedforsecurity=False).digest()  # the protocol's, not ours


def request_authenticator(packet: Packet, secret: bytes) -> bytes:
    """The authenticator that a request must have (RFC 2866 3, RFC 5176 2.3)."""
    return _md5(packet.text[:4] + bytes(16) + packet.text[HEADER:] + secret)


def message_authenticator(packet: Packet, secret: bytes) -> bytes:
    """The Message-Authenticator that a request must have, if it has one: of Status-Server over its own
    authenticator (RFC 5997 3), of the others over zeros (RFC 5176 3.3)."""
    at = packet.proof_at
    authenticator = bytes(16) if packet.code in DIGESTS else packet.text[4:HEADER]
    text = packet.text[:4] + authenticator + packet.text[HEADER:at] + bytes(16) + packet.text[at + 16 :]
    return hmac.digest(secret, text, "md5")


def secrets_of(client: RadiusClient) -> tuple[bytes, ...]:
    """The secrets of a client, in the order in which they are tried."""
    return (client.secret, client.second) if client.second else (client.secret,)


def _proven(packet: Packet, client: RadiusClient, secret: bytes) -> PacketOutcome:
    if packet.code in DIGESTS and request_authenticator(packet, secret) != packet.text[4:HEADER]:
        return PacketOutcome.BAD_AUTHENTICATOR
    if packet.proof_at:
        at = packet.proof_at
        if message_authenticator(packet, secret) != packet.text[at : at + 16]:
            return PacketOutcome.BAD_AUTHENTICATOR
    elif client.message_authenticator or packet.code == Code.STATUS_SERVER:
        return PacketOutcome.NO_MESSAGE_AUTHENTICATOR
    return PacketOutcome.ACCEPTED


def verified(packet: Packet, client: RadiusClient) -> tuple[PacketOutcome, int]:
    """ACCEPTED if the packet comes from somebody who knows a secret of the client, and that one's place."""
    outcome = PacketOutcome.BAD_AUTHENTICATOR
    for place, secret in enumerate(secrets_of(client)):
        outcome = _proven(packet, client, secret)
        if outcome is not PacketOutcome.BAD_AUTHENTICATOR:
            return outcome, place
    return outcome, 0


def answer(packet: Packet, secret: bytes) -> bytes:
    """The answer to a request: its Proxy-State in the same order (RFC 2866 5.2), and a Message-Authenticator
    if it had one. To an Accounting-Request that is made over zeros in the authenticator's place, as
    FreeRADIUS does it, to the others over the request's."""
    code = _ANSWERS[Code(packet.code)]
    proxies = packet.values.get((0, Attribute.PROXY_STATE), [])
    rest = b"".join(bytes([Attribute.PROXY_STATE, len(each) + 2]) + each for each in proxies)
    proof = bytes([Attribute.MESSAGE_AUTHENTICATOR, 18])
    length = HEADER + len(rest) + (18 if packet.proof_at else 0)
    head = bytes([code, packet.text[1]]) + length.to_bytes(2, "big")
    authenticator = packet.text[4:HEADER]
    if packet.proof_at:
        over = bytes(16) if packet.code == Code.ACCOUNTING_REQUEST else authenticator
        rest = proof + hmac.digest(secret, head + over + proof + bytes(16) + rest, "md5") + rest
    return head + _md5(head + authenticator + rest + secret) + rest


def claim_of(number: int, value: bytes) -> tuple[bytes, int] | None:
    """The address or prefix that an attribute names: 16 bytes and the length of these. None for what stands
    for no address yet: 0.0.0.0, 255.255.255.255 and .254 (RFC 2865 5.8), :: and ::/0."""
    if number == Attribute.FRAMED_IP_ADDRESS:
        none_yet = value in (bytes(4), b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe")
        return None if none_yet else (MAPPED + value, 128)
    if number == Attribute.FRAMED_IPV6_ADDRESS:
        return (value, 128) if value.strip(b"\0") else None
    length = value[1]
    bits = int.from_bytes(value[2:].ljust(16, b"\0"), "big")
    bits = bits >> (128 - length) << (128 - length)
    return (bits.to_bytes(16, "big"), length) if bits else None


CLAIMS = (Attribute.FRAMED_IP_ADDRESS, Attribute.FRAMED_IPV6_ADDRESS, *_PREFIXES)


def is_refused(number: int, address: bytes, length: int, within: ClaimNetworks) -> bool:
    """True if a line cannot have what an attribute names, or its sender may not claim it."""
    mapped = number != Attribute.FRAMED_IP_ADDRESS and address[0] == 0  # IPv4 has an attribute of its own
    return mapped or is_reserved(address, length) or not within.covers(address, length)


def kind_bit(number: int, length: int) -> int:
    """The kind of address by rule 8 of the table, as a set."""
    if number == Attribute.FRAMED_IP_ADDRESS:
        return 1
    return 2 if length == 128 else 4 if length >= 64 else 8


def named(packet: Packet) -> list[tuple[int, bytes, int]]:
    """The addresses that a packet names, each with the number of its attribute, the first MOST_TOLD
    attributes."""
    told = [each for each in packet.order if not each[0] and each[1] in CLAIMS][:MOST_TOLD]
    found = [(number, claim_of(number, value)) for _, number, value in told]
    return [(number, *claim) for number, claim in found if claim is not None]


def claims(packet: Packet, within: ClaimNetworks) -> tuple[tuple[bytes, int], ...]:
    """The addresses of the session, each once, the first MOST_CLAIMS."""
    found = [each[1:] for each in named(packet) if not is_refused(*each, within)]
    return tuple(dict.fromkeys(found))[:MOST_CLAIMS]


def refused(packet: Packet, within: ClaimNetworks) -> tuple[int, int]:
    """The number of addresses that the sender may not claim, and the set of their kinds."""
    kinds = [
        kind_bit(number, length)
        for number, address, length in named(packet)
        if is_refused(number, address, length, within)
    ]
    return len(kinds), functools.reduce(operator.or_, kinds, 0)


def line_value(packet: Packet, rule: LineRule) -> bytes:
    """The value that names the line, not yet normalised, a prefix as text; empty without."""
    value = packet.first(rule.number, rule.vendor)
    if value and not rule.vendor and rule.number in _PREFIXES:
        return prefix_text(value).encode()
    return value


def nas_value(packet: Packet, sender: bytes) -> bytes:
    """The NAS's address in 16 bytes and NAS-Identifier behind it, as far as they are there; else the sender's
    address. Makers give one NAS-Identifier to all their routers."""
    address = packet.first(Attribute.NAS_IP_ADDRESS)
    address = MAPPED + address if address.strip(b"\0") else packet.first(Attribute.NAS_IPV6_ADDRESS)
    address = address if address.strip(b"\0") else b""
    return address + packet.first(Attribute.NAS_IDENTIFIER) or sender


def event_time(packet: Packet, client: RadiusClient, arrival: int) -> tuple[bool, int]:
    """True if the NAS's clock tells when it happened, and the time in milliseconds."""
    delay = 1000 * (packet.number(Attribute.ACCT_DELAY_TIME) or 0)
    told = packet.number(Attribute.EVENT_TIMESTAMP) or 0
    if told < CLOCK_BEGINS:
        return False, arrival - delay
    return True, 1000 * told - (delay if client.sent else 0)


def read_event(
    packet: Packet, client: RadiusClient, rule: LineRule, key: bytes, sender: bytes, arrival: int
) -> ReadEvent:
    """The event that a packet tells of."""
    status = packet.number(Attribute.ACCT_STATUS_TYPE) or 0
    authority = fingerprint(key, identity_input(IdentityKind.NAS, client.authority))
    nas = fingerprint(key, identity_input(IdentityKind.NAS, authority + nas_value(packet, sender)))
    nas = nas[:6] + authority[:2] + nas[8:]  # shows the client
    within = ClaimNetworks(client.networks)
    session = packet.first(Attribute.ACCT_SESSION_ID)
    line = normalized(line_value(packet, rule), rule.normalize)
    stamped, stamp = event_time(packet, client, arrival)
    return ReadEvent(
        status if packet.code == Code.ACCOUNTING_REQUEST else packet.code,
        claims(packet, within),
        nas,
        fingerprint(key, identity_input(IdentityKind.SESSION, nas + session)) if session else _NOBODY,
        fingerprint(key, identity_input(IdentityKind.SUBSCRIBER, line)) if line else _NOBODY,
        stamped,
        stamp,
        arrival,
        0,
        *refused(packet, within),
        delay=1000 * (packet.number(Attribute.ACCT_DELAY_TIME) or 0),
    )


def told(event: ReadEvent) -> tuple[PacketOutcome, ReadEvent | None]:
    """The outcome of a verified event, and the event if the table of sessions can do something with it."""
    if event.kind in (StatusType.ACCOUNTING_ON, StatusType.ACCOUNTING_OFF):
        return PacketOutcome.ACCEPTED, event
    if event.session == _NOBODY and not event.claims:
        if event.kind == Code.DISCONNECT_REQUEST and event.line != _NOBODY:
            return PacketOutcome.ACCEPTED, event
        return PacketOutcome.NO_ADDRESS, None
    if event.kind in (StatusType.START, StatusType.INTERIM_UPDATE):
        if event.line == _NOBODY:
            return PacketOutcome.NO_LINE, event
        if not event.claims:
            return PacketOutcome.NO_ADDRESS, event
    return PacketOutcome.ACCEPTED, event


def judge(
    text: bytes, client: RadiusClient, rule: LineRule, key: bytes, sender: bytes, arrival: int
) -> Judged:
    """The outcome of a datagram of a client, the answer and the event. ``sender`` has 16 bytes; ``arrival``:
    milliseconds, Unix time."""
    try:
        packet = take_apart(text)
    except MalformedError:
        return Judged(PacketOutcome.MALFORMED, None, None)
    if packet.code not in _ANSWERS:
        return Judged(PacketOutcome.UNSUPPORTED, None, None)
    status = packet.number(Attribute.ACCT_STATUS_TYPE)
    if packet.code == Code.ACCOUNTING_REQUEST and status is None:
        return Judged(PacketOutcome.MALFORMED, None, None)
    outcome, secret = verified(packet, client)
    if outcome is not PacketOutcome.ACCEPTED:
        return Judged(outcome, None, None)
    made = answer(packet, secrets_of(client)[secret])
    if packet.code == Code.STATUS_SERVER:
        return Judged(PacketOutcome.ACCEPTED, made, None, secret)
    if packet.code == Code.ACCOUNTING_REQUEST and status not in set(StatusType):
        return Judged(PacketOutcome.UNSUPPORTED, made, None, secret)
    outcome, event = told(read_event(packet, client, rule, key, sender, arrival))
    return Judged(outcome, made, event, secret)
