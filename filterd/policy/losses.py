"""Finds the restrictions that policies lack and the snapshot in force has.

A file that was cut off at the end of a line is often valid and says less. A profile that lines have, and that
lost much, keeps the rules that it has in force until a person accepts the loss. Entries that the shipped sums
prove are as a release made them, and lose nothing by mistake.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.model.verdict import Kind
from filterd.policy import resolve
from filterd.policy.documents import Policies
from filterd.policy.resolve import ProfileRules, rules_of

META = "losses"
"""the key of a snapshot's meta: ``{"profiles": {id: [what it lost]}, "gone": [what]}``; absent where nothing
was lost"""
_KINDS = {
    "categories": "categories",
    "services": "services",
    "safe_search": "safe search",
    "bypass": "ways around",
    "schedule": "hours",
}
"""kind of restriction, and its word"""
_GROUPS = {
    Kind.ALWAYS_ALLOWED.word: "the group of always-allowed names",
    Kind.SERVICE.word: "the service",
    Kind.BYPASS.word: "the way around",
}


@dataclass(frozen=True, slots=True)
class Losses:
    """Restrictions and entries that policies lack and the snapshot before has."""

    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """what each profile lost, in words, of those that are kept as in force"""
    gone: tuple[str, ...] = ()
    """groups of always-allowed names, services and ways around that went, in words"""


def lost_restrictions(before: ProfileRules, after: ProfileRules) -> tuple[str, ...]:
    """The restrictions that were lost, in words, if they are all of a kind or more than half of them all;
    otherwise nothing: a person who edits a profile takes out one or another."""
    had = {kind: len(getattr(before, kind)) for kind in _KINDS}
    lost = {kind: _missing(getattr(before, kind), getattr(after, kind)) for kind in _KINDS}
    emptied = any(count and not getattr(after, kind) for kind, count in had.items())
    if not emptied and 2 * sum(lost.values()) <= sum(had.values()):
        return ()
    return tuple(f"{lost[kind]} of {had[kind]} {_KINDS[kind]}" for kind in _KINDS if lost[kind])


def _missing(before: tuple[Any, ...], after: tuple[Any, ...]) -> int:
    """The number of entries lost; of hours it is how many there are fewer, for each may have been changed."""
    if any(not isinstance(each, str) for each in before):
        return max(len(before) - len(after), 0)
    return len(set(before) - set(after))


def lost_of_profiles(
    policies: Policies, in_force: Mapping[str, Any], guarded: Container[str]
) -> dict[str, tuple[str, ...]]:
    """The losses of each guarded profile, in words; ``in_force``: the meta of the snapshot in force. Profiles
    that are in one of them alone are not there."""
    before = in_force.get("profiles", {})
    found: dict[str, tuple[str, ...]] = {}
    for each in policies.profiles:
        proven = policies.proven and ("profiles", each.id) in policies.shipped
        if proven or each.id not in guarded or each.id not in before:
            continue
        lost = lost_restrictions(resolve.from_meta(each.id, before[each.id]), rules_of(each, policies.bypass))
        if lost:
            found[each.id] = lost
    return found


def gone(policies: Policies, in_force: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups of always-allowed names, services and ways around that the snapshot in force has and the
    policies lack, in words. A list that was retired is no way around by itself."""
    return tuple(_gone(policies, in_force))


def _gone(policies: Policies, in_force: Mapping[str, Any]) -> Iterator[str]:
    there = {
        Kind.ALWAYS_ALLOWED.word: {"always-allowed", *(each.id for each in policies.protected.groups)},
        Kind.SERVICE.word: {each.id for each in policies.services},
        Kind.BYPASS.word: {each.id for each in policies.bypass},
    }
    for each in in_force.get("lists", ()):
        kind, identifier = each["kind"], each["id"]
        if "way" not in each and kind in there and identifier not in there[kind]:
            yield f"{_GROUPS[kind]} {identifier}"


def between(policies: Policies, in_force: Mapping[str, Any], guarded: Container[str]) -> Losses:
    """The losses of the policies against the meta of the snapshot in force."""
    return Losses(lost_of_profiles(policies, in_force, guarded), gone(policies, in_force))


def from_meta(meta: Mapping[str, Any]) -> Losses:
    """The losses that a snapshot's meta tells of."""
    told = meta.get(META, {})
    profiles = {each: tuple(lost) for each, lost in told.get("profiles", {}).items()}
    return Losses(profiles, tuple(told.get("gone", ())))


def to_meta(found: Losses) -> dict[str, Any]:
    """The losses as part of a snapshot's meta; empty where nothing was lost."""
    if not (found.profiles or found.gone):
        return {}
    return {META: {"profiles": dict(found.profiles), "gone": list(found.gone)}}
