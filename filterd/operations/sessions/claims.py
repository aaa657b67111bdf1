"""The addresses of sessions as people write them: an address, a prefix, or some ports of an address."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from filterd.operations import input_values
from filterd.operations.errors import OperationError

MAPPED = b"\0" * 10 + b"\xff\xff"
"""begins the 16 bytes of an IPv4 address"""
MAPPED_BITS = 96
LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Claim:
    """The part of the address space that a session has."""

    network: IPv4Network | IPv6Network
    ports: tuple[int, int] | None = None
    """first and last, of one IPv4 address; None: all of the network is the session's"""

    @property
    def address(self) -> bytes:
        """The 16 bytes of the table."""
        packed = self.network.network_address.packed
        return MAPPED + packed if self.network.version == 4 else packed

    @property
    def length(self) -> int:
        """The prefix length of the 16 bytes."""
        return self.network.prefixlen + (MAPPED_BITS if self.network.version == 4 else 0)

    @property
    def entry(self) -> tuple[bytes, int, tuple[int, int] | None]:
        """The claim as the table of sessions takes it."""
        return self.address, self.length, self.ports

    def covers(self, other: Claim) -> bool:
        """True where all of the other is in this one."""
        behind = 128 - self.length
        mine, others = (int.from_bytes(each.address, "big") >> behind for each in (self, other))
        inside = other.length >= self.length and mine == others
        return inside and (self.ports is None or self.ports == other.ports)

    def __str__(self) -> str:
        whole = self.network.prefixlen == self.network.max_prefixlen
        text = str(self.network.network_address if whole else self.network)
        return text if self.ports is None else f"{text}:{self.ports[0]}-{self.ports[1]}"


def claim(text: str) -> Claim:
    """The claim in ``192.0.2.7``, ``2001:db8:1::/56``, ``192.0.2.1:1024-2047``. Raises OperationError."""
    address, ports = _split(text.strip())
    network = ip_network(input_values.prefix(address))
    if input_values.is_wide(str(network)):
        raise _too_wide(network)
    if ports is None:
        return Claim(network)
    if network.version != 4 or network.prefixlen != network.max_prefixlen:
        message = f"ports are of one IPv4 address: {text.strip()[:64]!r}"
        raise OperationError(message, "write it like 192.0.2.1:1024-2047")
    return Claim(network, ports)


def _too_wide(network: IPv4Network | IPv6Network) -> OperationError:
    """The refusal of a prefix that no session can have. Unlike a binding, a session has no way to a wider
    one."""
    most = input_values.WIDEST[network.version]
    message = f"{network} is wider than a session can be: every client in it would be one line"
    bind = f"bind it, if it is one line's for good: filterd binding add {network} SUBSCRIBER --wide"
    return OperationError(message, f"a session has at most a /{most}: tell them one by one, or {bind}")


def place(text: str) -> tuple[Claim, int]:
    """A client as one asks for it, in the forms of :func:`input_values.client`; its port is 0 for none."""
    address, port = input_values.client(text)
    found = Claim(ip_network(input_values.prefix(address)))
    if found.network.prefixlen != found.network.max_prefixlen:
        message = f"{found} is many addresses"
        raise OperationError(message, "give one of them; of an IPv6 prefix any address does")
    return found, port


def _split(text: str) -> tuple[str, tuple[int, int] | None]:
    """Address and ports. A colon belongs to an IPv6 address, unless nothing but ports stands behind it and
    an IPv4 address before it."""
    address, colon, ports = text.partition(":")
    if not colon or "." not in address or "." in ports:
        return text, None
    first, _, last = ports.partition("-")
    numbers = [int(each) if each.isdecimal() and each.isascii() else -1 for each in (first, last or first)]
    if min(numbers) < 0 or max(numbers) > LAST_PORT or numbers[0] > numbers[1]:
        message = f"no ports: {ports[:64]!r}"
        raise OperationError(message, "write them like 192.0.2.1:1024-2047")
    return address, (numbers[0], numbers[1])
