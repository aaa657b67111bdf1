"""Test names: by these a device without JavaScript finds out whether it passes the filter (``/funciona``).

They stand in a zone of the operator's that everyone resolves to the public page. A snapshot has them beside
the lists of what they stand for, outside of each list's digest and count: a profile closes them by the same
classes as it closes real sites, and answers them alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from filterd.model.rule import NameRule, Scope
from filterd.model.verdict import Kind
from filterd.policy.canonical import write
from filterd.policy.classes import ListClass
from filterd.policy.digests import list_digest

OPEN = "abierto"
"""the label of the name that no profile closes, not even a schedule that closes everything"""
ANY = "filtro"
"""the label of the name that every profile closes which closes anything"""
WAYS = "atajos"
"""the label of the name that is closed where ways around the filter are"""
META = "test_zone"
"""the key of the zone in a snapshot's meta"""


def names_beside(classes: Iterable[ListClass], zone: str) -> tuple[str, ...]:
    """The test names that stand beside a list of these classes; ``zone`` empty: none do."""
    labels: set[str] = set()
    for each in classes if zone else ():
        if each.kind is Kind.CATEGORY:
            labels |= {ANY, each.category}
        elif each.kind is Kind.BYPASS:
            labels |= {ANY, WAYS}
        elif each.kind is Kind.SERVICE:
            labels.add(ANY)
        elif each.kind is Kind.ALWAYS_ALLOWED:
            labels.add(OPEN)
    return tuple(sorted(f"{label}.{zone}" for label in labels))


def rule_text(names: Iterable[str]) -> bytes:
    """The canonical text of test names: each name alone, exactly."""
    return write(NameRule(name, Scope.EXACT) for name in sorted(set(names)))


def digest_of(names: Iterable[str]) -> str:
    """One digest over all test names of a snapshot."""
    return list_digest(rule_text(names))


def to_meta(zone: str) -> dict[str, Any]:
    """The part of a snapshot's meta that :func:`is_one` reads; empty without a zone."""
    return {META: zone} if zone else {}


def is_one(name: str, meta: Mapping[str, Any]) -> bool:
    """Return whether the name stands in the zone of the test names of a snapshot."""
    zone = str(meta.get(META, ""))
    return bool(zone) and name.endswith(f".{zone}")
