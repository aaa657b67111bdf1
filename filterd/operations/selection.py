"""Selects lines by state, profile, id, address or prefix, and finds the line of an address."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.bound import PortsBound, PrefixBound, parse_bound
from filterd.model.subscriber import Subscriber
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import policies, profile
from filterd.operations.port_ranges import bound_at
from filterd.store import bindings
from filterd.store import subscribers as rows
from filterd.store.subscribers import LEFT_SECURITY, NOT_OPTED_IN, OPTED_IN, PAUSED, LineFilter

STATES = (OPTED_IN, PAUSED, NOT_OPTED_IN, LEFT_SECURITY)
"""the words for the states of a line; a paused one counts as paused alone"""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Selection:
    """The lines that are wanted, as typed; an empty field asks for nothing."""

    opted_in: bool | None = None
    state: str = ""
    profile: str = ""
    text: str = ""
    """a part of the subscriber's id"""
    address: str = ""
    """bound to a prefix that covers it"""
    prefix: str = ""
    """bound to it, or to a prefix inside"""
    begins: str = ""
    """the beginning of the subscriber's id"""

    @property
    def exact(self) -> bool:
        """True if the store alone selects them; else :meth:`holds` has to look at each."""
        return not self.prefix

    def filters(self, context: Context) -> LineFilter:
        """The conditions for the store. Raises OperationError where a value has no meaning."""
        if self.profile:
            profile(policies(context), self.profile)
        return LineFilter(
            opted_in=self.opted_in,
            state=self.state,
            now=context.clock(),
            profile=self.profile,
            text=self.text,
            begins=self.begins,
            prefixes=enclosing(address(self.address)) if self.address else (),
            span=_span(ip_network(input_values.prefix(self.prefix))) if self.prefix else None,
        )

    def holds(self, subscriber: Subscriber) -> bool:
        """True if a line that the store selected is wanted: one of its prefixes is inside the wanted one."""
        if not self.prefix:
            return True
        wanted = ip_network(input_values.prefix(self.prefix))
        return any(_inside(network, wanted) for network in map(_network, subscriber.bindings) if network)


@dataclass(frozen=True, slots=True)
class LineOfAddress:
    """The line of an address, and why it is that one."""

    address: str
    admitted: bool
    """False: the address is outside dns.allow_from, and gets REFUSED whatever its line"""
    subscriber: Subscriber | None
    prefix: str
    """the bound ports or the longest bound prefix that cover the address: that decides; empty if none do"""
    wider: tuple[tuple[str, str], ...]
    """the other bound prefixes that cover it, each with its subscriber; they do not count"""


async def find(context: Context, value: str, port: int = 0) -> LineOfAddress:
    """The line that queries from an address, and from a port of it, belong to by bindings."""
    network = address(value)
    async with context.store.read() as connection:
        owners = await covering(connection, network, port)
        names = await rows.names(connection, sorted({line for _, line in owners}))
        subscriber = await rows.find_line(connection, owners[0][1]) if owners else None
    return LineOfAddress(
        address=str(network.network_address),
        admitted=any(network.network_address in each for each in context.settings.dns.allow_from),
        subscriber=subscriber,
        prefix=owners[0][0] if owners else "",
        wider=tuple((prefix, names[line]) for prefix, line in owners[1:]),
    )


async def line_of_identity(context: Context, value: str) -> tuple[str, Subscriber | None]:
    """An identity in canonical text, and the line that it is bound to. Raises OperationError."""
    bound = input_values.identity(value)
    async with context.store.read() as connection:
        line = (await bindings.owners(connection, (str(bound),))).get(str(bound))
        return str(bound), None if line is None else await rows.find_line(connection, line)


async def covering(connection: AsyncConnection, network: Network, port: int = 0) -> list[tuple[str, int]]:
    """The bindings that cover an address, each with its line, the one that decides first: that of the port
    (0: it is not known), and then the prefixes, the longest first."""
    above = enclosing(network)
    owners = await bindings.owners(connection, above)
    covering = [(prefix, owners[prefix]) for prefix in above if prefix in owners]
    if port and isinstance(network.network_address, IPv4Address):
        held = (await bound_at(connection, (network.network_address,))).holding(port)
        covering = covering if held is None else [(str(held[0]), held[1]), *covering]
    return covering


def address(value: str) -> Network:
    """A single address, as a prefix of its full length. Raises OperationError."""
    network = ip_network(input_values.prefix(value))
    if network.prefixlen != network.max_prefixlen:
        message = f"{value} is a prefix, not an address"
        raise OperationError(message, "give the address that the client asks from")
    return network


def enclosing(network: Network) -> tuple[str, ...]:
    """The prefix itself and all that cover it, the longest first, in canonical text."""
    bits, value, address = network.max_prefixlen, int(network.network_address), type(network.network_address)
    lengths = range(network.prefixlen, -1, -1)
    return tuple(f"{address(value >> bits - each << bits - each)}/{each}" for each in lengths)


def _network(text: str) -> Network | None:
    """The addresses of a binding; None for an identity, which has none."""
    bound = parse_bound(text)
    if isinstance(bound, PrefixBound):
        return bound.network
    return IPv4Network(bound.address) if isinstance(bound, PortsBound) else None


def _inside(network: Network, wanted: Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(wanted, IPv4Network):
        return network.subnet_of(wanted)
    if isinstance(network, IPv6Network) and isinstance(wanted, IPv6Network):
        return network.subnet_of(wanted)
    return False


def _span(network: Network) -> tuple[str, str] | None:
    """The range of texts that the canonical texts of all bindings inside are in; None: any text.

    The whole octets of an IPv4 prefix begin each of them. So do the whole groups of an IPv6 prefix, up to the
    first that is zero, since a run of zeros may be written as ``::``.
    """
    if isinstance(network, IPv4Network):
        parts = str(network.network_address).split(".")[: network.prefixlen // 8]
        separator = "."
    else:
        groups = network.network_address.exploded.split(":")[: network.prefixlen // 16]
        parts = [f"{int(each, 16):x}" for each in groups]
        parts = parts[: parts.index("0")] if "0" in parts else parts
        separator = ":"
    if not parts:
        return None
    whole = len(parts) == (4 if separator == "." else 8)
    start = separator.join(parts) + ("/" if whole else separator)
    if whole and separator == ".":
        return start, start[:-1] + ";"  # behind the colon of its ports
    return start, start[:-1] + chr(ord(start[-1]) + 1)
