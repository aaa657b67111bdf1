"""Settings of sessions and of shared addresses: the ways by which a line is known from its address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from filterd.config.value_types import AttributeName, Endpoint, IPNetwork, Seconds


class Timestamps(StrEnum):
    """The meaning of Event-Timestamp in a client's accounting packets."""

    EVENT = "event"
    """when it happened (RFC 2869 section 5.3)"""
    SENT = "sent"
    """when the packet was sent: Acct-Delay-Time is taken from it"""


class Normalization(StrEnum):
    """A change of the value that names a line, before it is compared with subscribers' ids."""

    REALM = "realm"
    """what begins with @ goes"""
    CASE = "case"
    """lower case"""
    MAC = "mac"
    """a hardware address in any usual form becomes 00:11:22:aa:bb:cc"""


class LeaseFormat(StrEnum):
    """The format of a lease file."""

    KEA = "kea"
    DNSMASQ = "dnsmasq"
    ISC = "isc"


class LeaseValue(StrEnum):
    """The part of a lease that names the line."""

    HW_ADDRESS = "hw-address"
    CLIENT_ID = "client-id"
    DUID = "duid"
    HOSTNAME = "hostname"
    CIRCUIT_ID = "circuit-id"
    REMOTE_ID = "remote-id"


class PortOrder(StrEnum):
    """The order in which a carrier-grade NAT gives its lines outside addresses."""

    SEQUENTIAL = "sequential"
    INTERLEAVED = "interleaved"


@dataclass(frozen=True, slots=True)
class SharedAddressesSettings:
    """Outside addresses of a carrier-grade NAT whose ports tell the inside address (RFC 7422)."""

    outside: IPv4Network
    inside: IPv4Network
    first_port: int
    ports: int
    """of each inside address"""
    order: PortOrder


@dataclass(frozen=True, slots=True)
class MapRuleSettings:
    """A mapping rule of MAP-E or MAP-T (RFC 7597 section 5)."""

    ipv4: IPv4Network
    ipv6: IPv6Network
    ea_bits: int
    psid_offset: int


@dataclass(frozen=True, slots=True)
class RadiusClientSettings:
    """A sender of accounting packets."""

    prefix: IPNetwork
    secret_file: Path
    timestamps: Timestamps
    message_authenticator: bool
    """true: packets without one are dropped"""
    networks: tuple[IPNetwork, ...] = ()
    """in which it may claim addresses; empty: in the pools"""


@dataclass(frozen=True, slots=True)
class RadiusSettings:
    """RADIUS accounting."""

    listen: Endpoint
    clients: tuple[RadiusClientSettings, ...]
    line: AttributeName
    """its value is the subscriber's id"""
    normalize: tuple[Normalization, ...]


@dataclass(frozen=True, slots=True)
class LeasesSettings:
    """A lease file that is watched."""

    format: LeaseFormat
    file: Path
    line: LeaseValue
    normalize: tuple[Normalization, ...]


@dataclass(frozen=True, slots=True)
class AccountingSettings:
    """Sessions: which line has an address at this moment."""

    radius: RadiusSettings | None
    leases: tuple[LeasesSettings, ...]
    pools: tuple[IPNetwork, ...]
    """networks whose clients come by session, and in which alone sessions have addresses; empty: any client
    may, and anywhere"""
    stale_after: Seconds
    """after a session's last packet"""
    settle: Seconds
    """how long sessions count as not loaded after they were lost"""
    sessions: int
    """at one time"""
