"""The values that Python code exchanges with the native stages: the rules for answers, and the counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from filterd.dataplane.tables.addresses import Addresses, Prefixes

Sinkhole = tuple[bytes | None, bytes | None]
"""the address of 4 bytes and the one of 16; None: there is none"""


class AnswerRules(Protocol):
    """The settings on which the answers made here depend. TTLs in seconds."""

    @property
    def block_ttl(self) -> int:
        """TTL of the records that are made here."""

    @property
    def max_ttl_opted_in(self) -> int:
        """The cap of all TTLs for a line that has opted in."""

    @property
    def sinkholes(self) -> Sequence[Sinkhole]:
        """The block page's addresses, by the number of the :class:`filterd.model.block_kind.BlockKind`."""

    @property
    def identity(self) -> str:
        """The answer to ``id.server`` and NSID: ASCII, of which 64 characters are used; empty: no answer."""

    @property
    def keepalive(self) -> int:
        """The idle timeout of TCP connections in units of 100 ms (RFC 7828); 0: it is not sent to clients."""

    @property
    def cookie_secrets(self) -> bytes:
        """One or two secrets of 16 bytes for server cookies (RFC 9018); the first one makes them; empty:
        there are no cookies."""


class SharedRule(Protocol):
    """Outside addresses of a carrier-grade NAT whose ports tell the inside address (RFC 7422)."""

    @property
    def outside(self) -> IPv4Network:
        """The public addresses."""

    @property
    def inside(self) -> IPv4Network:
        """The addresses of the lines."""

    @property
    def first_port(self) -> int:
        """The first port that is given out."""

    @property
    def ports(self) -> int:
        """The number of ports of each line."""

    @property
    def order(self) -> str:
        """``sequential`` or ``interleaved``."""


class MapRule(Protocol):
    """A mapping rule of MAP-E or MAP-T (RFC 7597 section 5)."""

    @property
    def ipv4(self) -> IPv4Network:
        """The rule's IPv4 prefix."""

    @property
    def ipv6(self) -> IPv6Network:
        """The rule's IPv6 prefix."""

    @property
    def ea_bits(self) -> int:
        """The bits behind it: of the address and the port set."""

    @property
    def psid_offset(self) -> int:
        """The offset of the port set's id in the port."""


@dataclass(frozen=True, slots=True)
class Front:
    """A front that passed a query on: its address in 16 bytes, and the PROXY header that it sent."""

    address: bytes
    header: bytes


@dataclass(frozen=True, slots=True)
class BindingTables:
    """The static bindings: of addresses, of ports of an address, and of identities (fingerprints of 128
    bits). A table that is None is empty."""

    addresses: Addresses
    ports: Addresses | None = None
    identities: Addresses | None = None


@dataclass(frozen=True, slots=True)
class UnreadLines:
    """The lines that the store changed, and whose changes the node has not read yet."""

    lines: bytes
    """a bit for each number"""
    highest: int
    """the highest number that the node knew: each greater one is a new line, and unread"""
    bindings: BindingTables
    """the bindings of these lines as the store has them; all three tables"""


@dataclass(frozen=True, slots=True)
class SessionTables:
    """The sessions: by address, and by ports of an address."""

    addresses: Addresses
    ports: Addresses
    ready: bool
    """True if they are loaded; until then ``dns.parental_fail`` decides on clients that may have one"""
    used: bool
    """False: nothing tells of sessions here, and none are looked up"""


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """The rules for recognising lines."""

    pools: Prefixes | None = None
    """networks whose clients come by session; None: any client may"""
    edns_id_from: Prefixes | None = None
    """senders whose EDNS options say whose line it is"""
    proxy_id_tlv: int = 0
    """the type of the TLV that says it in a PROXY header; 0: none"""
    shared: tuple[SharedRule, ...] = ()
    maps: tuple[MapRule, ...] = ()


class PlaneCounts(TypedDict):
    """Totals since the start."""

    queries: dict[str, int]
    verdicts: dict[tuple[str, str], int]
    refused: int
    malformed: int
    not_ready: int
    unrecognised: dict[str, int]
    """queries of clients that are no line, by address family"""
    identified: dict[str, int]
    """queries by the method that recognised their line (``model.identity.Method``)"""
    reduced: int
    too_large: int
    """answers of upstreams that are refused because to judge them would take too long"""
    ech_stripped: int
    """answers to lines that ECH was taken out of"""
    categories: dict[str, int]
    observed: dict[str, int]
    """queries for names of observed lists, by list"""
    drops: dict[str, int]
    rate_limited: dict[tuple[str, str], int]
    """clients' queries beyond their limit, by what they got and the prefix length"""
    lookups: dict[str, int]
