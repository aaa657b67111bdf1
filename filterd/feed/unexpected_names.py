"""Popular names in a list of a category where they do not belong: the check against ``expected.yaml``."""

from __future__ import annotations

from collections.abc import Iterable

from filterd.feed.rules import RuleSet
from filterd.model.rule import Action, Scope
from filterd.policy.documents import Expected


def misplaced(rules: RuleSet, category: str, expected: Iterable[Expected]) -> tuple[str, ...]:
    """The popular names that the list would block in the category against expectation, in the given order."""
    strange = [each.name for each in expected if category not in each.categories]
    wanted = {suffix for name in strange for suffix in _suffixes(name)}
    listed: dict[Scope, set[str]] = {scope: set() for scope in Scope}
    for section in rules.sections:
        if section.action is Action.BLOCK:
            listed[section.scope].update(wanted.intersection(section.names.decode("ascii").split("\n")))
    return tuple(name for name in strange if _blocked(name, listed))


def _blocked(name: str, listed: dict[Scope, set[str]]) -> bool:
    above = _suffixes(name)
    return (
        name in listed[Scope.EXACT]
        or any(suffix in listed[Scope.SUBTREE] for suffix in above)
        or any(suffix in listed[Scope.BELOW] for suffix in above[1:])
    )


def _suffixes(name: str) -> list[str]:
    """The name itself and every name above it, without the root."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]
