"""The bounds that a token may bind which is limited to some lines.

An address belongs to the longest prefix that covers it, and to ports before prefixes. So a bound inside that
of another line takes addresses from it, and one around it gets those that the other gives up. A limited token
binds neither: nothing that meets a bound of a line beyond its limit, and no prefix wider than :data:`WIDEST`.
Commands, and tokens without a limit, may nest prefixes.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.bound import Bound, IdentityBound, PortsBound, PrefixBound, parse_bound
from filterd.operations.errors import ConflictError, NotAllowedError
from filterd.store import bindings as rows

Network = IPv4Network | IPv6Network
WIDEST = {4: 32, 6: 48}
"""bits of the widest prefix that a limited token binds: one IPv4 address, one site of IPv6 (RFC 6177)"""
_MAPPED = IPv6Network("::ffff:0:0/96")
_GROUP = 16
"""bits of what stands between the colons of an IPv6 address"""


def require_narrow(bound: Bound) -> None:
    """Raise NotAllowedError for a prefix that is wider than a limited token may bind."""
    if isinstance(bound, PrefixBound) and bound.network.prefixlen < WIDEST[bound.network.version]:
        message = f"a token of some lines binds no prefix wider than /{WIDEST[4]} or, of IPv6, /{WIDEST[6]}"
        raise NotAllowedError(message, "ask the operator to bind it, or bind a narrower one")


async def require_own(connection: AsyncConnection, bound: Bound, begins: str) -> None:
    """Raise an OperationError for a bound that a token with this limit may not bind. It names no other
    line."""
    require_narrow(bound)
    if await foreign(connection, (bound,), begins):
        raise ConflictError(*meets(bound))


def meets(bound: Bound) -> tuple[str, str]:
    """The message and the remedy for a bound that meets one of a line beyond the limit."""
    message = f"{bound} meets what is bound to another subscriber"
    return message, "bind what is this line's alone, or ask the operator who has it"


async def foreign(connection: AsyncConnection, bounds: Iterable[Bound], begins: str) -> set[str]:
    """Those among narrow bounds, by their texts, that share addresses or ports with a bound of a line whose
    subscriber's id does not begin with ``begins``."""
    wanted = {str(each): each for each in bounds if not isinstance(each, IdentityBound)}
    if not wanted:
        return set()
    covers = _Covers()
    above = {text: covers.of(each) for text, each in wanted.items()}
    spans = {span for each in wanted.values() for span in _spans(each)}
    found = await rows.beyond(connection, begins, set().union(*above.values()), spans)
    others = [each for each in map(parse_bound, found) if not isinstance(each, IdentityBound)]
    around = set().union(*map(covers.of, others))
    met = {text for text, some in above.items() if text in around or not some.isdisjoint(found)}
    ranges = [each for each in others if isinstance(each, PortsBound)]
    asked = [each for each in wanted.values() if isinstance(each, PortsBound)]
    return met | {str(each) for each in asked if any(each.overlaps(other) for other in ranges)}


class _Covers:
    """The texts of all prefixes that cover a bound, that of a prefix itself among them. Neighbours share the
    most of theirs."""

    def __init__(self) -> None:
        self._known: dict[Network, frozenset[str]] = {}

    def of(self, bound: PrefixBound | PortsBound) -> frozenset[str]:
        """Those of a bound."""
        return self._of(IPv4Network(bound.address) if isinstance(bound, PortsBound) else bound.network)

    def _of(self, network: Network) -> frozenset[str]:
        found = self._known.get(network)
        if found is None:
            above = self._of(network.supernet()) if network.prefixlen else frozenset()
            if network.version == 4 and not network.prefixlen:
                above = self._of(_MAPPED.supernet())  # an IPv6 prefix may hold all of IPv4
            found = self._known[network] = above | {str(network)}
        return found


def _spans(bound: PrefixBound | PortsBound) -> set[tuple[str, str]]:
    """The spans of texts, each from the first to before the second, in which every bound inside a narrow one
    lies. Others may lie there too."""
    if isinstance(bound, PortsBound):
        return {(f"{bound.address}:", f"{bound.address};")}
    network = bound.network
    if isinstance(network, IPv4Network):
        return {(f"{network.network_address}:", f"{network.network_address};")}
    number = int(network.network_address)
    groups = [number >> (112 - _GROUP * place) & 0xFFFF for place in range(network.prefixlen // _GROUP)]
    begin = "".join(f"{each:x}:" for each in (groups[: groups.index(0)] if 0 in groups else groups))
    if 0 not in groups:
        return {(begin, _behind(begin))}
    # Zeros are written as they are, or left out together with those that follow them.
    left_out = f"{begin}:" if begin else "::"
    return {(left_out, _behind(left_out)), (f"{begin}0:", _behind(f"{begin}0:"))}


def _behind(begin: str) -> str:
    """The first text behind all that begin so; ``begin`` ends with a colon."""
    return f"{begin[:-1]};"
