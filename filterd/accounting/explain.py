"""An accounting packet explained: everything that is read from it, and the reason why it tells nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from filterd.accounting import radius_reference as reference
from filterd.accounting.attributes import NAMES, Attribute, Code, StatusType, name_of, normalized, prefix_text
from filterd.accounting.claimable import NOT_A_LINES, ClaimNetworks
from filterd.accounting.radius_types import LineRule

CODES = {
    1: "Access-Request",
    Code.ACCOUNTING_REQUEST: "Accounting-Request",
    Code.ACCOUNTING_RESPONSE: "Accounting-Response",
    Code.STATUS_SERVER: "Status-Server",
    Code.DISCONNECT_REQUEST: "Disconnect-Request",
    Code.DISCONNECT_ACK: "Disconnect-ACK",
    Code.COA_REQUEST: "CoA-Request",
    Code.COA_ACK: "CoA-ACK",
}
STATUS_TYPES = {
    StatusType.START: "Start",
    StatusType.STOP: "Stop",
    StatusType.INTERIM_UPDATE: "Interim-Update",
    StatusType.ACCOUNTING_ON: "Accounting-On",
    StatusType.ACCOUNTING_OFF: "Accounting-Off",
}
_NAMES_A_LINE = (1, 25, 31, 87, 89, 97, 123)
_SHARED_IDENTIFIERS = (b"MikroTik",)
"""NAS-Identifiers that a maker gives to all of its devices"""
_READ = (Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER, Code.DISCONNECT_REQUEST, Code.COA_REQUEST)


@dataclass(frozen=True, slots=True)
class PacketProblem:
    """A thing that is wrong with a packet, or worth knowing of it."""

    text: str
    remedy: str
    """the next thing to do"""
    stops: bool
    """true: because of it the packet tells of no session"""


@dataclass(frozen=True, slots=True)
class ExplainedPacket:
    """The content of a packet in words. Texts of the sender's have what cannot be printed as ``\\x00``."""

    code: str
    length: int
    status: str | None
    """Acct-Status-Type, of an Accounting-Request"""
    nas: str | None
    """NAS-Identifier, else its address; None: the sender's address stands for it"""
    has_session: bool
    """true: Acct-Session-Id is there"""
    addresses: tuple[str, ...]
    """prefixes that the session has"""
    passed_over: tuple[str, ...]
    """addresses that it names and that claim nothing"""
    line_attribute: str
    line_value: str | None
    """as it came; None: the attribute is not there"""
    line: str | None
    """the subscriber's id that it leads to, normalised; None: none"""
    authenticator: bool | None
    """true: a secret proves it; None: there is nothing to prove it with, or nothing to prove"""
    message_authenticator: bool | None
    """the same; None where the packet has none"""
    secret: int | None
    """the place of the secret that proves it"""
    happened_at: float | None
    """Event-Timestamp, corrected where it is the time of sending; None: arrival, less the delay, holds"""
    delay: int
    """seconds of Acct-Delay-Time"""
    session_time: int | None
    """seconds of Acct-Session-Time"""
    attributes: tuple[str, ...]
    """the names of all that it has, in their order"""
    problems: tuple[PacketProblem, ...]

    @property
    def tells(self) -> bool:
        """True if the table of sessions would get an event."""
        return not any(each.stops for each in self.problems) and self.code != CODES[Code.STATUS_SERVER]


def explain_packet(
    packet: bytes,
    secrets: Sequence[bytes],
    line: tuple[int, int],
    normalize: Iterable[str] = (),
    *,
    sent: bool = False,
    networks: Iterable[IPv4Network | IPv6Network] = (),
) -> ExplainedPacket:
    """Explain the payload of a UDP datagram. Nothing is changed by it.

    ``secrets``: those of the clients it may come from; without any the authenticators are not checked.
    ``line``: vendor (0: none) and number of the attribute that names the line. ``sent``: Event-Timestamp is
    the time of sending. ``networks``: those in which the sender may claim addresses; empty: anywhere.
    """
    rule, within = LineRule(*line, tuple(normalize)), ClaimNetworks(networks)
    try:
        read = reference.take_apart(packet)
    except reference.MalformedError as error:
        return _unreadable(packet, rule, str(error))
    proof = _proof(read, secrets)
    value = reference.line_value(read, rule)
    told = read.number(Attribute.EVENT_TIMESTAMP) or 0
    delay = read.number(Attribute.ACCT_DELAY_TIME) or 0
    addresses = _addresses(read, within)
    found = ExplainedPacket(
        code=_code(read.code),
        length=len(read.text),
        status=_status(read),
        nas=_nas(read),
        has_session=bool(read.first(Attribute.ACCT_SESSION_ID)),
        addresses=addresses[0],
        passed_over=addresses[1],
        line_attribute=name_of(*line),
        line_value=printable(value) if value else None,
        line=printable(normalized(value, rule.normalize)) or None,
        authenticator=proof[0],
        message_authenticator=proof[1],
        secret=proof[2],
        happened_at=told - (delay if sent else 0) if told >= reference.CLOCK_BEGINS else None,
        delay=delay,
        session_time=read.number(Attribute.ACCT_SESSION_TIME),
        attributes=tuple(name_of(*each[:2]) for each in read.order if each[1] != Attribute.VENDOR_SPECIFIC),
        problems=(),
    )
    return _with_problems(found, (*_what_stops(read, found), *_what_to_know(read, found, rule, within)))


def printable(value: bytes) -> str:
    """The text of a value, with ``\\x00`` for what cannot be printed."""
    text = value.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _with_problems(found: ExplainedPacket, problems: tuple[PacketProblem, ...]) -> ExplainedPacket:
    values = {name: getattr(found, name) for name in found.__slots__}
    return ExplainedPacket(**values | {"problems": problems})


def _unreadable(packet: bytes, rule: LineRule, reason: str) -> ExplainedPacket:
    problem = PacketProblem(
        f"it is no packet of RADIUS: {reason}",
        "give the payload of one UDP datagram, whole, as raw bytes or in hexadecimal; if that is what it is, "
        "the sender is at fault, and filterd drops such a packet",
        stops=True,
    )
    return ExplainedPacket(
        code=_code(packet[0]) if packet else "nothing",
        length=len(packet),
        status=None,
        nas=None,
        has_session=False,
        addresses=(),
        passed_over=(),
        line_attribute=name_of(rule.vendor, rule.number),
        line_value=None,
        line=None,
        authenticator=None,
        message_authenticator=None,
        secret=None,
        happened_at=None,
        delay=0,
        session_time=None,
        attributes=(),
        problems=(problem,),
    )


def _code(code: int) -> str:
    return CODES.get(code, f"code {code}")


def _status(read: reference.Packet) -> str | None:
    number = read.number(Attribute.ACCT_STATUS_TYPE)
    if number is None:
        return None
    return STATUS_TYPES.get(StatusType(number), "") if number in set(StatusType) else str(number)


def _nas(read: reference.Packet) -> str | None:
    name, value = read.first(Attribute.NAS_IDENTIFIER), reference.nas_value(read, b"")
    if len(value) == len(name):
        return printable(name) or None
    address = IPv6Address(value[:16])
    at = str(address.ipv4_mapped or address)
    return f"{printable(name)} at {at}" if name else at


def _addresses(read: reference.Packet, within: ClaimNetworks) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The prefixes that the session has, and the addresses that claim nothing."""
    claimed = tuple(_prefix_of(*each) for each in reference.claims(read, within))
    passed_over = []
    for vendor, number, value in read.order:
        if vendor == 0 and number in reference.CLAIMS:
            claim = reference.claim_of(number, value)
            if claim is None or reference.is_refused(number, *claim, within):
                passed_over.append(_address_text(number, value))
    return claimed, tuple(passed_over)


def _prefix_of(address: bytes, length: int) -> str:
    inner = IPv6Address(address).ipv4_mapped
    return f"{inner}/{length - 96}" if inner else f"{IPv6Address(address)}/{length}"


def _address_text(number: int, value: bytes) -> str:
    if number == Attribute.FRAMED_IP_ADDRESS:
        return str(IPv4Address(value))
    return str(IPv6Address(value)) if number == Attribute.FRAMED_IPV6_ADDRESS else prefix_text(value)


def _proof(read: reference.Packet, secrets: Sequence[bytes]) -> tuple[bool | None, bool | None, int | None]:
    """The verdicts on both authenticators, and the place of the secret that proves most."""
    best: tuple[bool | None, bool | None, int | None] = (None, None, None)
    for place, secret in enumerate(secrets):
        first = second = None
        if read.code in reference.DIGESTS:
            first = reference.request_authenticator(read, secret) == read.text[4 : reference.HEADER]
        if read.proof_at:
            at = read.proof_at
            second = reference.message_authenticator(read, secret) == read.text[at : at + 16]
        proven = first is not False and second is not False and (first or second)
        if proven:
            return first, second, place
        if best[:2] == (None, None) or first or second:
            best = first, second, None
    return best


# ---- the reasons why it tells nothing ----


def _what_stops(read: reference.Packet, found: ExplainedPacket) -> Iterator[PacketProblem]:
    if read.code not in _READ:
        yield PacketProblem(
            f"{found.code} tells nothing of sessions; it is dropped and counted as unsupported",
            "send accounting here (Accounting-Request, port 1813); authentication goes to RADIUS servers",
            stops=True,
        )
        return
    yield from _wrong_proof(read, found)
    if read.code == Code.ACCOUNTING_REQUEST and (found.status is None or found.status.isdigit()):
        yield PacketProblem(
            f"Acct-Status-Type {found.status}" if found.status else "Acct-Status-Type is missing",
            "only Start, Stop, Interim-Update, Accounting-On and Accounting-Off tell of sessions; send those",
            stops=True,
        )
    elif read.code != Code.STATUS_SERVER and not _of_nas(found) and not _names_sessions(read, found):
        yield PacketProblem(
            "neither Acct-Session-Id nor an address: nothing says which session it is about",
            "let it send Acct-Session-Id and Framed-IP-Address, Framed-IPv6-Prefix or Delegated-IPv6-Prefix",
            stops=True,
        )


def _of_nas(found: ExplainedPacket) -> bool:
    asked = found.code == CODES[Code.ACCOUNTING_REQUEST]
    return asked and found.status in ("Accounting-On", "Accounting-Off")


def _names_sessions(read: reference.Packet, found: ExplainedPacket) -> bool:
    """Return whether it says which session it is about; a disconnection may name all those of a line."""
    of_line = read.code == Code.DISCONNECT_REQUEST and found.line is not None
    return found.has_session or bool(found.addresses) or of_line


def _wrong_proof(read: reference.Packet, found: ExplainedPacket) -> Iterator[PacketProblem]:
    if found.authenticator is False:
        yield PacketProblem(
            "no secret proves its Request Authenticator",
            "compare the client's secret_file with the secret on the sender; if they are equal, the packet "
            "was changed or cut on its way or by the capture",
            stops=True,
        )
    if found.message_authenticator is False:
        yield PacketProblem(
            "no secret proves its Message-Authenticator",
            "compare the secrets; if the Request Authenticator is right, the sender or a proxy between makes "
            "the Message-Authenticator wrongly: update it",
            stops=True,
        )
    if read.code == Code.STATUS_SERVER and not read.proof_at:
        yield PacketProblem(
            "Status-Server without Message-Authenticator", "RFC 5997 demands one: switch it on", stops=True
        )


# ---- what is worth knowing ----


def _what_to_know(
    read: reference.Packet, found: ExplainedPacket, rule: LineRule, within: ClaimNetworks
) -> Iterator[PacketProblem]:
    if read.code not in _READ or read.code == Code.STATUS_SERVER or _of_nas(found):
        return
    yield from _of_the_line(read, found, rule)
    refused = tuple(_refused_claims(read, within))
    yield from refused
    yield from _of_the_addresses(read, found, refused=bool(refused))
    yield from _of_the_session(read, found)
    yield from _of_the_clock(read)


def _of_the_line(read: reference.Packet, found: ExplainedPacket, rule: LineRule) -> Iterator[PacketProblem]:
    if found.line is None and found.status in ("Start", "Interim-Update"):
        others = [name_of(0, each) for each in _NAMES_A_LINE if read.first(each)]
        others += [name_of(*each) for each in NAMES if each[0] and read.first(each[1], each[0])]
        emptied = f"nothing of {found.line_attribute} is left when it is normalised"
        has = f"it has {', '.join(others)}: set accounting.radius.line to what tells lines apart"
        yield PacketProblem(
            emptied if found.line_value else f"{found.line_attribute} is missing: it names no line",
            has if others else "let the NAS send the attribute that accounting.radius.line names",
            stops=False,
        )
    if "mac" in rule.normalize and found.line and len(found.line) != 17:
        yield PacketProblem(
            f"{found.line_attribute} is no hardware address, so `mac` leaves it as it is",
            "take `mac` out of accounting.radius.normalize, or name another attribute",
            stops=False,
        )


def _of_the_addresses(
    read: reference.Packet, found: ExplainedPacket, *, refused: bool
) -> Iterator[PacketProblem]:
    if not found.addresses and not refused and found.status in ("Start", "Interim-Update"):
        yield PacketProblem(
            f"{found.status} without an address that a line can have",
            "some NASes know the address only later: switch Interim-Updates on, each few minutes",
            stops=False,
        )
    told = [each[1:] for each in read.order if each[0] == 0 and each[1] in reference.CLAIMS]
    counted = {each for each in told if _address_text(*each) not in found.passed_over}
    if len(counted) > reference.MOST_CLAIMS or len(told) > reference.MOST_TOLD:
        yield PacketProblem(
            f"more than {reference.MOST_CLAIMS} addresses: the first ones hold",
            "bind the others with `filterd binding add`",
            stops=False,
        )


def _refused_claims(read: reference.Packet, within: ClaimNetworks) -> Iterator[PacketProblem]:
    for number, address, length in dict.fromkeys(reference.named(read)):
        if not reference.is_refused(number, address, length, within):
            continue
        text, inside = _prefix_of(address, length), within.covers(address, length)
        yield PacketProblem(
            f"{text} claims nothing: {NOT_A_LINES}"
            if inside
            else f"{text} claims nothing: it lies in no network in which its sender may claim addresses",
            "let the sender tell the address that the line really has; the rest of the packet counts"
            if inside
            else "if lines have it, add its network to accounting.pools, and to `networks` of this client "
            "where it has some; the rest of the packet counts",
            stops=False,
        )


def _of_the_session(read: reference.Packet, found: ExplainedPacket) -> Iterator[PacketProblem]:
    if not found.has_session:
        yield PacketProblem(
            "Acct-Session-Id is missing: sessions of this NAS are told apart by address alone",
            "let the NAS send it (RFC 2866 5.5)",
            stops=False,
        )
    name = read.first(Attribute.NAS_IDENTIFIER)
    if name in _SHARED_IDENTIFIERS and reference.nas_value(read, b"") == name:
        yield PacketProblem(
            f"NAS-Identifier {found.nas} is what the maker gives to every device, and no NAS-IP-Address "
            "tells two of them apart",
            "give each router an identity of its own: two with the same end each other's sessions",
            stops=False,
        )


def _of_the_clock(read: reference.Packet) -> Iterator[PacketProblem]:
    told = read.number(Attribute.EVENT_TIMESTAMP)
    if told is None:
        yield PacketProblem(
            "Event-Timestamp is missing: the time of arrival stands for it, less Acct-Delay-Time",
            "let the NAS send it, so that late packets are put in their order",
            stops=False,
        )
    elif told < reference.CLOCK_BEGINS:
        yield PacketProblem(
            "Event-Timestamp is of before the year 2000: the clock of the NAS was never set; the time of "
            "arrival stands for it",
            "set the clock of the NAS by NTP",
            stops=False,
        )
