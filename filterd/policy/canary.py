"""Canary names: one for each mandatory list, in a zone that the operator serves, blocked as the list is.

A canary stands beside its list in the snapshot, under the list's mandatory id and outside its digest. So a
node's answer to it tells whether the list blocks there, and no name of the list is ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from filterd.model.mandatory import label_of
from filterd.model.rule import NameRule, Scope
from filterd.policy.canonical import write
from filterd.policy.digests import list_digest

META = "canaries"
"""the key of the canaries in a snapshot's meta"""


@dataclass(frozen=True, slots=True)
class Canary:
    """The canary of one mandatory list."""

    label: str
    """the list's id; opaque if it is confidential"""
    name: str


def canary_of(list_id: str, zone: str, *, confidential: bool) -> Canary:
    """The canary of a list: its label in the zone."""
    label = label_of(list_id, confidential=confidential)
    return Canary(label, f"{label}.{zone}")


def to_meta(canaries: Iterable[Canary]) -> dict[str, Any]:
    """The part of a snapshot's meta that :func:`from_meta` reads; empty where there is no canary."""
    entries = [asdict(each) for each in canaries]
    return {META: entries} if entries else {}


def from_meta(meta: Mapping[str, Any]) -> tuple[Canary, ...]:
    """The canaries of a snapshot."""
    return tuple(Canary(str(each["label"]), str(each["name"])) for each in meta.get(META, ()))


def rule_text(name: str) -> bytes:
    """The canonical text of a canary: the name alone, exactly."""
    return write((NameRule(name, Scope.EXACT),))


def canaries_digest(names: Iterable[str]) -> str:
    """One digest over all canaries of a snapshot."""
    return list_digest(write(NameRule(name, Scope.EXACT) for name in names))
