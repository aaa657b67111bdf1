"""Finds the new names of a whole list that stand below popular or protected ones: people decide on them.

At such a name, and above one, the list's feed keeps a rule back by itself; below it a feed takes rules, since
lists of malware rightly have them. What a register has there is one part of what many people use, or a name
that nodes would not block although its authority was told so. Documents are judged alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filterd.config.policies import private_suffixes
from filterd.model.rule import Scope
from filterd.policy.documents import Policies
from filterd.policy.overlaps import above

POPULAR = "it is below a popular name: people decide on it (filterd order add)"
PROTECTED = "it is below a protected name, which stays reachable"


def kept_back(names: Iterable[str], policies: Policies) -> dict[str, str]:
    """Those of these names that are not taken, each with why. Names of a hosting service's customers, which
    stand below one of its suffixes, are taken."""
    popular = frozenset(each.name for each in policies.expected)
    covering = frozenset(each.name for each in policies.protected.names if each.scope is not Scope.EXACT)
    found = {}
    for name in names:
        tops = list(_tops(name))
        if not covering.isdisjoint(tops):
            found[name] = PROTECTED
        elif any(top in popular for top in _own(tops)) and name not in popular:
            found[name] = POPULAR
    return found


def _tops(name: str) -> Iterator[str]:
    """The names above a name, the nearest first."""
    return above(name.partition(".")[2])


def _own(tops: Iterable[str]) -> Iterator[str]:
    """Those of them that have the same owner: up to the first suffix of a hosting service."""
    for top in tops:
        if private_suffixes().lists(top):
            return
        yield top
