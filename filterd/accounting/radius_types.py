"""The values that go into reading an accounting packet, and those that come out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

MOST_PACKET = 4096
"""bytes of a packet (RFC 2865 3)"""
MOST_CLIENTS = 65_536
MOST_STEPS = 8
"""of normalisation"""


class PacketOutcome(StrEnum):
    """The outcomes of a packet, each counted; the native numbers are the places in this list.

    The last two and what is accepted are answered, and so is an Accounting-Request with an unsupported
    Acct-Status-Type: an answer ends the sender's tries. All else gets silence.
    """

    ACCEPTED = "accepted"
    UNKNOWN_CLIENT = "unknown_client"
    """the sender is in no client's prefix"""
    MALFORMED = "malformed"
    """a length that is none, or an Accounting-Request without Acct-Status-Type"""
    UNSUPPORTED = "unsupported"
    """a code or an Acct-Status-Type that tells nothing of sessions"""
    BAD_AUTHENTICATOR = "bad_authenticator"
    """Request Authenticator or Message-Authenticator: another secret, or a changed packet"""
    NO_MESSAGE_AUTHENTICATOR = "no_message_authenticator"
    """the client's settings, or Status-Server (RFC 5997 3), demand one"""
    NO_LINE = "no_line"
    """a Start or Interim-Update that does not name the line; its session is known all the same"""
    NO_ADDRESS = "no_address"
    """nothing in it says whose session begins or goes on at which address"""


@dataclass(frozen=True, slots=True)
class RadiusClient:
    """A sender of accounting packets, or a network of them."""

    prefix: IPv4Network | IPv6Network
    secret: bytes
    sent: bool = False
    """true: Event-Timestamp is the time of sending, from which Acct-Delay-Time is taken"""
    message_authenticator: bool = False
    """true: packets without one are dropped"""
    second: bytes = b""
    """the other secret while one is changed for the other: either proves a packet; empty: there is one"""
    authority: bytes = b""
    """the name under which it speaks for NASes: those of another name are others"""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """the networks in which its claims count; empty: anywhere"""


@dataclass(frozen=True, slots=True)
class LineRule:
    """The attribute that names the line, and the normalisation of its value."""

    vendor: int = 0
    """0: an attribute of RADIUS itself"""
    number: int = 1
    normalize: tuple[str, ...] = ()
    """``realm``, ``case``, ``mac``, at most MOST_STEPS"""


class ReadEvent(NamedTuple):
    """An accounting event (``event.pxd``) for Python. Fingerprints have 16 bytes."""

    kind: int
    claims: tuple[tuple[bytes, int], ...]
    """addresses of 16 bytes, masked, and their prefix lengths"""
    nas: bytes
    session: bytes
    """zeros: it names none"""
    line: bytes
    """zeros: it names none"""
    stamped: bool
    stamp: int
    """milliseconds, Unix time"""
    arrival: int
    lasts: int = 0
    """seconds for which the session is good without another word, as the receiver was told"""
    refused: int = 0
    """addresses that it names and its sender may not claim"""
    refused_kinds: int = 0
    """a set of the kinds of these (rule 8 of the table): what its session has of them goes"""
    delay: int = 0
    """milliseconds for which it waited to be sent (Acct-Delay-Time)"""


class Judged(NamedTuple):
    """A packet's outcome, the answer (None: silence), the event for the table of sessions, if any, and the
    place of the secret that proves it."""

    outcome: PacketOutcome
    answer: bytes | None
    event: ReadEvent | None
    secret: int = 0
