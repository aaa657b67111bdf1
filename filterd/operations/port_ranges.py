"""The ranges of ports that are bound to lines: no port of an address has two."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.bound import PortsBound, parse_bound
from filterd.store import bindings as rows


class PortRanges:
    """The bound ranges at some addresses, each with its line."""

    def __init__(self, ranges: Iterable[tuple[PortsBound, int]] = ()) -> None:
        self._at: dict[IPv4Address, list[tuple[PortsBound, int]]] = {}
        for bound, line in ranges:
            self.add(bound, line)

    def add(self, bound: PortsBound, line: int) -> None:
        """Note a range that is bound."""
        self._at.setdefault(bound.address, []).append((bound, line))

    def lines(self) -> set[int]:
        """The lines that have a range."""
        return {line for some in self._at.values() for _, line in some}

    def clash(self, bound: PortsBound) -> tuple[PortsBound, int] | None:
        """Another range with a port of this one, and its line; the same range is no clash."""
        ranges = self._at.get(bound.address, ())
        return next((each for each in ranges if each[0] != bound and each[0].overlaps(bound)), None)

    def holding(self, port: int) -> tuple[PortsBound, int] | None:
        """The range that holds a port, and its line, where the ranges of one address were read."""
        ranges = (each for some in self._at.values() for each in some)
        return next((each for each in ranges if each[0].first <= port <= each[0].last), None)


async def bound_at(connection: AsyncConnection, addresses: Iterable[IPv4Address]) -> PortRanges:
    """The ranges that the store has at these addresses."""
    found = await rows.of_ports(connection, map(str, dict.fromkeys(addresses)))
    parsed = ((parse_bound(text), line) for text, line in found)
    return PortRanges((bound, line) for bound, line in parsed if isinstance(bound, PortsBound))
