"""Finds the categories that have lists of which none was ever read, and the profiles that restrict them.

Nothing of such a category is in force. A line whose profile restricts one gets ``dns.parental_fail``, so that
a profile is not taken for one that filters. A profile that was in force without the category stays so until
one of its lists was read. A category without any configured list is not among them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filterd.model.profile_meaning import read_key_of
from filterd.model.verdict import Kind
from filterd.policy.documents import Policies

META = "unread"
"""the key of a snapshot's meta: ``{"categories": [id], "waiting": {profile: [id]}}``; absent in snapshots of
earlier versions"""
STANDING = "standing"
"""the key of a compile's ``in_force`` with the result of :func:`standing`"""


@dataclass(frozen=True, slots=True)
class Unread:
    """The categories without a list that was read, as one snapshot has them."""

    categories: tuple[str, ...] = ()
    """those that a profile in the snapshot restricts: lines with that profile get ``dns.parental_fail``"""
    waiting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """by profile: the new categories that it is in the snapshot without"""


def never_read(policies: Policies, read: Container[str]) -> frozenset[str]:
    """The categories that have lists, none of them among the ids in ``read``. Observed lists fill none."""
    lists = [each for each in policies.feeds if each.category is not None and not each.observe]
    filled = {each.category for each in lists if each.id in read}
    return frozenset(each.category for each in lists if each.category and each.category not in filled)


def categories_of(rules: Mapping[str, Any]) -> frozenset[str]:
    """The categories that the rules of a profile restrict at whatever hour; ``rules``: as meta has them."""
    return frozenset(
        (*rules["categories"], *(each for slot in rules["schedule"] for each in slot["categories"]))
    )


def standing(meta: Mapping[str, Any]) -> dict[str, list[str]]:
    """By profile of a snapshot: the categories that are in force, or for which its lines get
    ``dns.parental_fail``. Of a snapshot of an earlier version it is every category."""
    filled = {each.get("category") for each in meta.get("lists", ()) if each["kind"] == Kind.CATEGORY.word}
    known = {*filled, *from_meta(meta).categories}
    return {
        profile: sorted(each for each in categories_of(rules) if META not in meta or each in known)
        for profile, rules in meta.get("profiles", {}).items()
    }


def settled(
    profiles: Mapping[str, dict[str, Any]], unread: frozenset[str], before: Mapping[str, Sequence[str]]
) -> tuple[dict[str, dict[str, Any]], Unread]:
    """The profiles without the unread categories that are new to them, and what is unread of the others.
    ``before``: the :func:`standing` of the snapshot in force, by profile or by a meaning of it."""
    kept: dict[str, dict[str, Any]] = {}
    failing: set[str] = set()
    waiting: dict[str, set[str]] = {}
    for key, rules in profiles.items():
        lacking = categories_of(rules) & unread
        profile = read_key_of(key)[0]
        stood = before.get(key, before.get(profile))
        new = frozenset() if stood is None else lacking - frozenset(stood)
        failing |= lacking - new
        kept[key] = _without(rules, new) if new else rules
        if new:
            waiting.setdefault(profile, set()).update(new)
    told = {profile: tuple(sorted(new)) for profile, new in waiting.items()}
    return kept, Unread(tuple(sorted(failing)), told)


def _without(rules: dict[str, Any], categories: frozenset[str]) -> dict[str, Any]:
    """The rules without these categories, and without the slots that close nothing else."""
    slots = [
        {**slot, "categories": [each for each in slot["categories"] if each not in categories]}
        for slot in rules["schedule"]
    ]
    return {
        **rules,
        "categories": [each for each in rules["categories"] if each not in categories],
        "schedule": [
            after
            for before, after in zip(rules["schedule"], slots, strict=True)
            if after == before or after["everything"] or after["categories"] or after["services"]
        ],
    }


def from_meta(meta: Mapping[str, Any]) -> Unread:
    """The unread categories that a snapshot's meta tells of."""
    told = meta.get(META, {})
    waiting = {profile: tuple(each) for profile, each in told.get("waiting", {}).items()}
    return Unread(tuple(told.get("categories", ())), waiting)


def to_meta(found: Unread) -> dict[str, Any]:
    """The unread categories as part of a snapshot's meta."""
    waiting = {profile: list(each) for profile, each in found.waiting.items()}
    return {META: {"categories": list(found.categories), "waiting": waiting}}
