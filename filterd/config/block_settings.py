"""The settings of the block page: the addresses that lead to it, and the process that serves it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import TlsSettings
from filterd.model.block_kind import BlockKind


@dataclass(frozen=True, slots=True)
class SinkholeSettings:
    """The addresses that the sinkhole mode answers for blocks of one kind."""

    ipv4: IPv4Address | None
    ipv6: IPv6Address | None

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """Those that are set; without any, sinkhole means NXDOMAIN."""
        return tuple(each for each in (self.ipv4, self.ipv6) if each is not None)


@dataclass(frozen=True, slots=True)
class BlockPageSettings:
    """The addresses that the sinkhole mode answers, for each kind of block; at least one is set."""

    parental: SinkholeSettings
    security: SinkholeSettings
    mandatory: SinkholeSettings
    confidential: SinkholeSettings

    def of(self, kind: BlockKind) -> SinkholeSettings:
        """The addresses for blocks of this kind."""
        found: SinkholeSettings = getattr(self, kind.word)
        return found

    @property
    def kinds(self) -> dict[IPv4Address | IPv6Address, tuple[BlockKind, ...]]:
        """Each address, and the kinds of blocks that lead to it."""
        found: dict[IPv4Address | IPv6Address, tuple[BlockKind, ...]] = {}
        for kind in BlockKind:
            for address in self.of(kind).addresses:
                found[address] = (*found.get(address, ()), kind)
        return found

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """All of them, each once."""
        return tuple(self.kinds)


@dataclass(frozen=True, slots=True)
class BlockServerSettings:
    """The process of the block page."""

    listen: tuple[Endpoint, ...]
    https: tuple[Endpoint, ...]
    tls: TlsSettings | None
    """the certificate for ``https``; None: there is no HTTPS"""
    connections: int
    """at one time, over HTTP and over HTTPS each"""
    health: Endpoint | None = None
    """the listener of health and metrics; None: there is none"""
    portal_url: str = ""
    """the address of the portal's pages, as people reach them; empty: none is named"""
    public_url: str = ""
    """the same of the public pages"""

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that clients come to."""
        return tuple(each.port for each in (*self.listen, *self.https))
