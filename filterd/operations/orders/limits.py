"""The names and addresses that no order can have, because it would never act, or stop the resolver itself.

Addresses are brought into form here: one that holds an IPv4 address inside IPv6 is taken as that IPv4
address, since rules on it hold for all of its forms in answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from filterd.config.settings import Settings
from filterd.model.order import Demand
from filterd.operations import input_values
from filterd.operations.context import OperationError
from filterd.policy import special_names
from filterd.policy.documents import Network
from filterd.policy.overlaps import is_below
from filterd.policy.published import WELL_KNOWN_NAT64

IDENTITY = ("bind", "server")
"""names that ask a resolver about itself, in another class (RFC 4892): no top-level domains"""
_OWN = frozenset((*special_names.LOCALHOST, *special_names.RESOLVER_ARPA, *IDENTITY))
_NOWHERE = frozenset((*special_names.SPECIAL_USE_NAMES, *special_names.REVERSE_ZONES))
_INFRASTRUCTURE = frozenset(("arpa", "gtld-servers.net", "root-servers.net"))
"""names by which the DNS itself and the network work, and no site is found: of the infrastructure (RFC 3172;
``ipv4only.arpa``, RFC 7050 and 8880: without it phones lose the way to IPv4), and of the servers of the root
(RFC 8109) and of com and net"""

_NO_SITES = (
    ("0.0.0.0/8", "this host (RFC 1122)"),
    ("127.0.0.0/8", "loopback (RFC 1122)"),
    ("169.254.0.0/16", "link-local (RFC 3927)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("240.0.0.0/4", "reserved (RFC 1112)"),
    ("::/128", "unspecified (RFC 4291)"),
    ("::1/128", "loopback (RFC 4291)"),
    ("fe80::/10", "link-local (RFC 4291)"),
    ("ff00::/8", "multicast (RFC 4291)"),
)
_NO_SITE = tuple((ip_network(prefix), what) for prefix, what in _NO_SITES)
"""addresses at which no site is: answers that hold them say something else"""
_TAILS = (IPv6Network("::ffff:0:0/96"), IPv6Network("::ffff:0:0:0/96"), IPv6Network("::/96"))
"""the IPv4 address is the last 32 bits: IPv4-mapped and -compatible (RFC 4291, 2.5.5), and -translated ones
(RFC 2765, 2.1)"""
_TAIL_LENGTH = 96
_RESERVED_OCTET = 8
"""between the parts of an IPv4 address behind a shorter prefix (RFC 6052, 2.2)"""
Nat64 = Sequence[IPv6Network]
"""the prefixes of translators, of the lengths of RFC 6052"""
_6TO4 = IPv6Network("2002::/16")
"""the IPv4 address follows (RFC 3056, 2)"""

Ours = tuple[tuple[IPv4Address | IPv6Address, str], ...]
"""addresses of the installation itself, each with what it is"""


def ours(settings: Settings) -> Ours:
    """The addresses without which the resolver does not work. A listener on all addresses names none."""
    page = settings.block_page
    found = [(each.address, "an address of this resolver (dns.listen)") for each in settings.dns.listen]
    found += [(each.address.address, "an upstream (dns.upstreams)") for each in settings.dns.upstreams]
    if page is not None:
        found += [(each, "the block page (block_page)") for each in page.addresses]
    return tuple((address, what) for address, what in found if not address.is_unspecified)


def prefix(value: str, kept: Ours, nat64: Nat64 = (WELL_KNOWN_NAT64,)) -> str:
    """An address or prefix as an order has it, in canonical text. Raises OperationError."""
    network = ip_network(input_values.prefix(value))
    if isinstance(network, IPv6Network):
        network = _outside(network, nat64)
    require_prefix(network, kept)
    return str(network)


def require_prefix(network: Network, kept: Ours) -> None:
    """Refuse a prefix that holds every address, addresses of no site, or one of our own."""
    if network.prefixlen == 0:
        message = f"{network} is every address: no name would be answered any more"
        raise OperationError(message, "give the addresses that are meant")
    for each, what in _NO_SITE:
        if each.version == network.version and each.overlaps(network):
            message = f"{network} holds addresses at which no site is: {each} is {what}"
            raise OperationError(message, "give the addresses of the sites that are meant")
    for address, what in kept:
        if address in network:
            message = f"{network} holds {address}, {what}: the resolver would not work any more"
            raise OperationError(message, f"give the addresses that are meant, without {address}")


def require_name(name: str) -> None:
    """Refuse a name that no server is asked for: the order would stand in force and never act."""
    if is_below(name, _OWN):
        message = f"{name} is answered by the resolver itself: an order on it would never act"
        raise OperationError(message, "take it out: nobody reaches anything by that name")
    if is_below(name, _NOWHERE):
        message = f"{name} does not exist in the DNS (special use): an order on it would never act"
        raise OperationError(message, "take it out, and block by DNS the names by which the site is found")
    if is_below(name, _INFRASTRUCTURE):
        message = (
            f"{name} is infrastructure of the DNS: without it much else stops working, and no site is there"
        )
        raise OperationError(message, "take it out, and block by DNS the names by which the site is found")


def require_possible(demand: Demand, kept: Ours, nat64: Nat64 = (WELL_KNOWN_NAT64,)) -> None:
    """As the intake does, for a demand in the store's form: it may have been taken in before, and under
    another configuration."""
    for each in demand.addresses:
        taken = prefix(each, kept, nat64)
        if taken != each:
            message = f"{each} stands for {taken} behind a translator (dns.nat64)"
            raise OperationError(message, f"withdraw the order, and add it anew with {taken}")
    for name, _ in demand.names:
        require_name(name)


def _outside(network: IPv6Network, nat64: Nat64) -> Network:
    """The IPv4 prefix that an IPv6 prefix stands for, or the prefix itself."""
    tails = (WELL_KNOWN_NAT64, *(each for each in nat64 if each.prefixlen == _TAIL_LENGTH), *_TAILS)
    for form in (*tails, _6TO4):
        if form.subnet_of(network) and form != network and network.prefixlen:
            message = f"{network} holds every IPv4 address in a form of IPv6 ({form})"
            raise OperationError(message, "give the addresses that are meant")
    if network.subnet_of(_6TO4):
        return _of_6to4(network)
    whole = int(network.network_address)
    if network.prefixlen >= 127 and whole < 2:  # the unspecified address and loopback
        return network
    for form in tails:
        if network.subnet_of(form):
            return IPv4Network((whole & 0xFFFFFFFF, network.prefixlen - _TAIL_LENGTH))
    return _behind_translator(network, [each for each in nat64 if each.prefixlen < _TAIL_LENGTH])


def _behind_translator(network: IPv6Network, nat64: Nat64) -> Network:
    """The IPv4 address of one behind a shorter prefix, in whose middle it stands; else the prefix itself."""
    for form in sorted(nat64, key=lambda each: each.prefixlen, reverse=True):
        if not form.overlaps(network):
            continue
        if network.prefixlen < network.max_prefixlen or not network.subnet_of(form):
            message = f"{network} holds IPv4 addresses behind the translator of {form} (dns.nat64)"
            raise OperationError(message, "give the IPv4 addresses that are meant")
        behind = range(form.prefixlen // 8, network.max_prefixlen // 8)
        octets = [network.network_address.packed[place] for place in behind if place != _RESERVED_OCTET]
        return IPv4Network(bytes(octets[:4]))
    return network


def _of_6to4(network: IPv6Network) -> IPv4Network:
    inside = IPv4Address(int(network.network_address) >> 80 & 0xFFFFFFFF)
    if network.prefixlen > 48:
        message = f"{network} is a part of the 6to4 network of {inside}, which DNS blocks as a whole"
        raise OperationError(message, f"give {inside}")
    return IPv4Network((inside, network.prefixlen - 16))


def as_networks(prefixes: Iterable[str]) -> tuple[Network, ...]:
    """The prefixes of a demand as values."""
    return tuple(ip_network(each) for each in prefixes)
