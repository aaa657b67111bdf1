"""The names that two rules have in common, as far as intake asks: whether there are any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filterd.model.rule import NameRule, Scope


def overlaps(one: NameRule, other: NameRule) -> bool:
    """Return whether some name falls under both rules."""
    if one.name == other.name:
        return one.scope is Scope.SUBTREE or other.scope is Scope.SUBTREE or one.scope is other.scope
    upper, lower = (one, other) if other.name.endswith("." + one.name) else (other, one)
    return lower.name.endswith("." + upper.name) and upper.scope is not Scope.EXACT


def above(name: str) -> Iterator[str]:
    """The name, then each name above it."""
    while name:
        yield name
        name = name.partition(".")[2]


def is_below(name: str, tops: Iterable[str]) -> bool:
    """Return whether the name is one of ``tops`` or below one."""
    return not set(above(name)).isdisjoint(tops)
