"""The checks of a feed's new version: its size against the feed's guard, its names against ``expected.yaml``.

The guard keeps out a version that shrinks or grows past its bounds. Popular names where they do not belong
are only reported.
"""

from __future__ import annotations

from collections.abc import Iterable

from filterd.feed.rules import RuleSet
from filterd.model.rule import Scope
from filterd.policy.documents import Expected
from filterd.policy.feed_documents import Guard


def guard_refusal(guard: Guard, before: int | None, after: int) -> str | None:
    """The reason to keep a version with ``after`` names out, given ``before`` names (None: the first)."""
    if after < guard.min_names:
        return f"{after} names, fewer than min_names {guard.min_names}"
    if not before:
        return None
    if before - after > before * guard.max_shrink:
        return f"shrank from {before} to {after} names, by more than max_shrink {guard.max_shrink:g}"
    if after - before > before * guard.max_grow:
        return f"grew from {before} to {after} names, by more than max_grow {guard.max_grow:g}"
    return None


def unexpected_names(rules: RuleSet, category: str, expected: Iterable[Expected]) -> tuple[str, ...]:
    """The popular names that the list would block though the category is not expected, in the given order."""
    unexpected = [each.name for each in expected if category not in each.categories]
    listed = rules.blocks_among(suffix for name in unexpected for suffix in _suffixes(name))
    return tuple(name for name in unexpected if _blocked(name, listed))


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
