"""Canary names: one for each mandatory list and order, in a zone that the operator serves, blocked as it is.

A canary stands beside its list in the snapshot, under the list's mandatory id and outside its digest. So a
node's answer to it tells whether the list blocks there, and no name of the list is ever asked for. That of
an order stands in the overlay, in the same published state as the order and under its mandatory id.
"""

from __future__ import annotations

import hashlib
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


def order_canary(reference: str, zone: str, key: bytes, *, confidential: bool) -> str:
    """The canary name of an order: its number in the zone. That of a confidential one has a label that only
    the installation's fingerprint key leads to, so that nobody can find out by asking that there is one."""
    label = reference.lower()
    if confidential:
        label = "c-" + hashlib.blake2b(reference.encode(), key=key, digest_size=8).hexdigest()
    return f"{label}.{zone}"


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
