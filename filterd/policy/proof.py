"""The proof of what a node has in force: each feed with version, digest and age, and one digest over all.

The effective digest covers the lists of the snapshot and every order beside or in it: two nodes with the same
lists and orders have the same one, whichever orders their snapshots hold already.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from filterd.model.mandatory import FIRST_ORDER_ID, Mandate, label_of
from filterd.model.records import FeedInForce
from filterd.model.verdict import Kind
from filterd.policy.classes import MANDATORY
from filterd.policy.overlay import LiftingRule, OrderRules
from filterd.policy.published import mandate_from_meta

_FEED_KINDS = frozenset((Kind.CATEGORY.word, Kind.SECURITY.word, MANDATORY))


def is_order(entry: Mapping[str, Any]) -> bool:
    """True if the entry of a snapshot's meta is an order, not a list."""
    return int(entry.get("mandatory_id", 0)) >= FIRST_ORDER_ID


def feeds_in_force(
    meta: Mapping[str, Any], now: float, before: Iterable[FeedInForce] = ()
) -> tuple[FeedInForce, ...]:
    """The feeds of a snapshot that comes into force at ``now``, by label. One that was in force ``before`` in
    the same version with the same digest keeps its time."""
    known = {(each.label, each.version, each.digest): each.since for each in before}
    found = []
    for entry in meta["lists"]:
        if entry["kind"] in _FEED_KINDS and entry.get("digest") and not is_order(entry):
            label = label_of(entry["id"], confidential=bool(entry.get("confidential")))
            version, digest = str(entry["version"]), str(entry["digest"])
            since = known.get((label, version, digest), now)
            found.append(
                FeedInForce(label, entry["kind"], version, digest, int(entry.get("names", 0)), since)
            )
    return tuple(sorted(found, key=lambda each: each.label))


def effective_digest(
    meta: Mapping[str, Any], orders: Iterable[OrderRules], liftings: Iterable[LiftingRule] = ()
) -> str:
    """SHA-256 over the lists of a snapshot, the exceptions and suspensions in force, and the orders that are
    accepted; ``orders`` are those that the
    node knows, which count in the place of the snapshot's. Times alone begin and end an order, so that the
    digest is the same before and after."""
    lists = [
        [entry["kind"], entry["id"], str(entry["version"]), entry["digest"]]
        for entry in meta["lists"]
        if entry.get("digest") and not is_order(entry)
    ]
    mandates: dict[int, tuple[Mandate, bool]] = {}
    for each in map(mandate_from_meta, meta.get("mandates", ())):
        if each.id >= FIRST_ORDER_ID:
            mandates[each.id] = each, False
    for order in orders:
        mandates[order.mandate.id] = order.mandate, bool(order.kept)
    accepted = [
        [mandate.id, mandate.reference, int(mandate.mode), mandate.not_after, kept]
        for mandate, kept in mandates.values()
        if mandate.accepted
    ]
    lifted = [[each.kind, each.number, each.term.until] for each in liftings]
    parts = [sorted(lists), sorted(accepted), sorted(lifted)]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
