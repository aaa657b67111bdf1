"""A session as the table of sessions tells it to Python, and the table's counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from filterd.model.session import Session, SessionSource

MESSAGE_KINDS = {
    1: "start",
    2: "stop",
    3: "interim",
    7: "on",
    8: "off",
    40: "disconnect",
    43: "coa",
}
"""the kinds of RADIUS messages, EVENT_* in ``accounting/event.pxd``, in words"""
_MAPPED = 96
"""length of ::ffff:0:0/96, which holds IPv4"""


@dataclass(frozen=True, slots=True)
class SessionClaim:
    """An address or prefix of a session, or some ports of an address."""

    address: bytes
    """16 bytes; IPv4 as ::ffff:a.b.c.d"""
    length: int
    ports: tuple[int, int] | None = None

    @property
    def text(self) -> str:
        """The claim as commands write it: ``192.0.2.1/32``, ``2001:db8::/56``, ``192.0.2.1:1024-2047``."""
        mapped = IPv6Address(self.address).ipv4_mapped
        if mapped is None or self.length < _MAPPED:
            return str(ip_network((self.address, self.length)))
        if self.ports is not None:
            return f"{mapped}:{self.ports[0]}-{self.ports[1]}"
        return str(ip_network((mapped.packed, self.length - _MAPPED)))


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as the table has it at this moment."""

    claims: tuple[SessionClaim, ...]
    line: int
    """0: nobody has registered the subscriber"""
    source: SessionSource
    kind: int
    """of the newest evidence: EVENT_* in ``accounting/event.pxd``"""
    stamp: float
    """Unix seconds of the newest evidence, by the clock of its NAS"""
    confirmed_at: float
    """Unix seconds of its arrival"""
    until: float
    """Unix seconds after which it is stale"""

    def session(self) -> Session:
        """The session in the words of the model."""
        addresses = tuple(claim.text for claim in self.claims)
        return Session(addresses, self.line, self.source, self.confirmed_at, self.until)


@dataclass(frozen=True, slots=True)
class ClockStates:
    """Numbers of NASes by what is known of their clocks, by their messages with Event-Timestamp."""

    known: int
    """all that have sent one since control began"""
    unproven: int
    """by how much the clock is wrong is not known yet: two messages, 10 seconds apart, tell"""
    off: int
    """proven, and more than 5 seconds wrong"""
    steps: int
    """steps of proven clocks since the table was opened; it only grows"""
    without_place: int = 0
    """messages of NASes for which there was no room: nobody corrects their clocks; it only grows"""


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Numbers of the table: what it holds, and events by what became of them since it was opened."""

    registered: Mapping[SessionSource, int]
    """sessions of registered subscribers, stale ones that are not swept yet among them"""
    unregistered: Mapping[SessionSource, int]
    """the others"""
    oldest: float
    """Unix seconds of the oldest confirmation that the last whole sweep met; 0: there was none"""
    stale: int
    """sessions that the sweep dropped: nothing was heard of them in time"""
    subscribers: int
    nases: int
    remembered: int
    """addresses and sessions that ended and are remembered, in memory"""
    events: int
    refused_full: int
    """new sessions that found no room, or a full disk"""
    late: int
    """messages older than what was known already, or than an end of their session or NAS"""
    unknown: int
    """messages without a line, or without an address, about a session that is not known"""
    lost: int
    """claims that newer evidence of another session refused"""
    taken: int
    """addresses that went from one session to another by newer evidence"""
    ambiguous: int
    """claims of two lines at one time: the address is nobody's"""
    ahead: Mapping[str, int]
    """messages that were stamped ahead of the clock of their NAS, by the words of ``MESSAGE_KINDS``"""
    damaged: int
    """records that were left out when the file was read"""
    memory: int
    """bytes of records and indexes for the sessions there are"""

    @property
    def live(self) -> int:
        """All sessions."""
        return sum(self.registered.values()) + sum(self.unregistered.values())
