"""The popular names that a list would block without being meant to, and the rules that would do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from filterd.model.rule import Scope
from filterd.policy.documents import Expected
from filterd.policy.overlaps import above


def unassigned(popular: Iterable[str], expected: Iterable[Expected], category: str | None) -> frozenset[str]:
    """The popular names that a list of this category or way around (None: of neither) may not have without
    review."""
    names = set(popular)
    for each in expected:
        if category is not None and category in each.categories:
            names.discard(each.name)
        else:
            names.add(each.name)
    return frozenset(names)


class PopularNames:
    """Popular names, found by a rule that would block one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._below: Mapping[str, str] = {
            parent: name
            for name in sorted(self._names, reverse=True)
            for parent in above(name)
            if parent != name and "." in parent
        }
        self.names_of_rules = self._names | self._below.keys()
        """the names at which a rule can stand that blocks a popular one"""

    def hit(self, name: str, scope: Scope) -> str:
        """A popular name that a rule would block; empty if there is none."""
        if scope is not Scope.BELOW and name in self._names:
            return name
        return "" if scope is Scope.EXACT else self._below.get(name, "")
