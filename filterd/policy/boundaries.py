"""The moments at which policies have to be looked at again."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from heapq import heappop, heappush


class Boundaries:
    """The indexes of combinations by the moment at which they have to be looked at."""

    def __init__(self) -> None:
        self._indexes: dict[int, tuple[int, array[int]]] = {}
        self._moments: list[int] = []
        """a heap"""

    def add(self, moment: int, index: int) -> int:
        """Note the index; the moment 0 never comes. Returns the moment, as one object for all that have
        it."""
        if not moment:
            return 0
        if moment not in self._indexes:
            self._indexes[moment] = moment, array("I")
            heappush(self._moments, moment)
        shared, indexes = self._indexes[moment]
        indexes.append(index)
        return shared

    def until(self, now: int) -> Iterator[tuple[int, int]]:
        """Take out the moments that have come, with their indexes."""
        while self._moments and self._moments[0] <= now:
            moment = heappop(self._moments)
            yield from ((moment, index) for index in self._indexes.pop(moment)[1])
