"""Orders and exceptions as an overlay: what came after the snapshot, differs from it, or is never in one.

A node enforces by these functions, and ``check`` explains by them, so the two cannot disagree.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from types import MappingProxyType

from filterd.model.changelog import LiftingChange, OrderChange
from filterd.model.lifting import LiftingKind, Term, is_suspended
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.model.sealed_entries import Fingerprints
from filterd.policy import snapshot_layout
from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.canary import order_canary
from filterd.policy.canonical import Network, table_prefixes
from filterd.policy.classes import BIT_EXCEPTED
from filterd.policy.fingerprint import fingerprint_name, prefix_fingerprint
from filterd.policy.snapshot import Overlay

CANARIES = 256
"""orders whose canary name a node blocks, the newest: it asks for it when the order comes or goes"""


class ForeignKeyError(ValueError):
    """Fingerprints of another key than the one at hand: they would match nothing."""


@dataclass(frozen=True, slots=True)
class OrderPrefix:
    """The fingerprint of an address prefix in an order."""

    fingerprint: bytes
    family: int
    length: int


@dataclass(frozen=True, slots=True)
class OrderRules:
    """An order as it is enforced, its names as fingerprints only. ``revision`` is that of the change that
    brought it in this form."""

    mandate: Mandate
    revision: int
    names: tuple[tuple[bytes, Scope], ...] = ()
    prefixes: tuple[OrderPrefix, ...] = ()
    kept: float = 0.0
    """since when this node keeps it in force although the store does not demand it so, Unix seconds; 0: the
    store demands it. No snapshot can be relied on to hold it."""


@dataclass(frozen=True, slots=True)
class LiftingRule:
    """An exception or a suspension as it is enforced, its name as a fingerprint; a suspension has none."""

    number: int
    kind: LiftingKind
    term: Term
    fingerprint: bytes = b""
    scope: Scope = Scope.SUBTREE

    def holds(self, now: int) -> bool:
        """Return whether it is in force at ``now``, Unix seconds."""
        return self.term.holds(self.kind, now)


def lifting_rule(change: LiftingChange, key: bytes) -> LiftingRule:
    """The lifting with its name as a fingerprint. ``ValueError`` for a malformed name."""
    named = change.kind is LiftingKind.EXCEPTION and not change.ended
    value = fingerprint_name(key, change.name) if named else b""
    return LiftingRule(change.number, change.kind, Term(change.made_at, change.until), value, change.scope)


def suspended_until(liftings: Iterable[LiftingRule], now: int) -> int:
    """The end of the suspension in force at ``now``, the last one of several; 0: there is none."""
    ends = (each.term.until for each in liftings if each.kind is LiftingKind.SUSPENSION and each.holds(now))
    return max((end for end in ends if is_suspended(end, now)), default=0)


def exceptions_end(liftings: Iterable[LiftingRule], now: int) -> int:
    """The first end of an exception in force at ``now``; 0: there is none."""
    ends = (each.term.until for each in liftings if each.kind is LiftingKind.EXCEPTION and each.holds(now))
    return min(ends, default=0)


def order_rules(order: OrderChange, revision: int, key: bytes) -> OrderRules:
    """The order with its names and prefixes as fingerprints. ``ValueError`` for a malformed name or prefix;
    ForeignKeyError where it comes as fingerprints of another key.

    An order that had begun when it was accepted has no beginning here: whatever a machine's clock says later,
    it has begun.
    """
    found = order.fingerprints
    if found is None:
        found = fingerprints(order.names, order.addresses, key)
    elif found.key_id != snapshot_layout.key_id(key).hex():
        message = (
            f"the fingerprints of the confidential order {order.reference} are of another fingerprint key"
        )
        raise ForeignKeyError(message)
    return OrderRules(
        _begun_by(order.mandate, order.accepted_at),
        revision,
        found.names,
        tuple(OrderPrefix(*each) for each in found.prefixes),
    )


def fingerprints(names: Iterable[tuple[str, Scope]], addresses: Iterable[str], key: bytes) -> Fingerprints:
    """Names and address prefixes as fingerprints. ``ValueError`` for a malformed one."""
    return Fingerprints(
        snapshot_layout.key_id(key).hex(),
        tuple((fingerprint_name(key, name), scope) for name, scope in names),
        tuple(_prefix(network, key) for text in addresses for network in table_prefixes(ip_network(text))),
    )


def united(first: OrderRules, second: OrderRules) -> OrderRules:
    """The second form of an order with all that the first form blocks, and whenever either does. Both were
    accepted: what was not must not come in force through what was."""
    one, two = first.mandate, second.mandate
    mandate = replace(
        two,
        not_before=min(one.not_before, two.not_before),
        not_after=max(one.not_after, two.not_after) if one.not_after and two.not_after else 0,
    )
    return replace(
        second,
        mandate=mandate,
        names=tuple(dict.fromkeys((*second.names, *first.names))),
        prefixes=tuple(dict.fromkeys((*second.prefixes, *first.prefixes))),
    )


def demands_more(first: OrderRules, second: OrderRules) -> bool:
    """Return whether the first form of an order blocks something that the second one does not."""
    return not (set(first.names) <= set(second.names) and set(first.prefixes) <= set(second.prefixes))


def order_canaries(orders: Iterable[OrderRules], zone: str, key: bytes) -> dict[int, bytes]:
    """The fingerprints of the canary names of the :data:`CANARIES` newest orders that may be in force, by
    mandatory id; none without a zone."""
    if not zone:
        return {}
    newest = heapq.nlargest(
        CANARIES,
        (each for each in orders if each.mandate.accepted),
        key=lambda each: (each.revision, each.mandate.id),
    )
    return {
        mandate.id: fingerprint_name(
            key, order_canary(mandate.reference, zone, key, confidential=mandate.confidential)
        )
        for mandate in (each.mandate for each in newest)
    }


def mandates_of(orders: Iterable[OrderRules], built_at: int) -> list[Mandate]:
    """The mandates of all orders beside a snapshot that was made at ``built_at``.

    One that had begun by then has no beginning: a clock that is behind (a machine that lost its time) must
    not suspend it.
    """
    return [_begun_by(order.mandate, built_at) for order in orders]


def overlay_of(
    orders: Iterable[OrderRules],
    liftings: Iterable[LiftingRule] = (),
    canaries: Mapping[int, bytes] = MappingProxyType({}),
) -> Overlay | None:
    """The overlay that blocks what the orders demand, and the canary names of orders, by mandatory id, and
    marks the names of all exceptions among ``liftings``; None where there is nothing of it."""
    rules: list[tuple[bytes, int, int, int]] = [
        (each.fingerprint, BIT_EXCEPTED, each.scope, Action.BLOCK)
        for each in liftings
        if each.kind is LiftingKind.EXCEPTION
    ]
    rules += [
        (value, MANDATORY_TARGET + number, Scope.EXACT, Action.BLOCK) for number, value in canaries.items()
    ]
    lengths: dict[int, set[int]] = {4: set(), 6: set()}
    for order in orders:
        target = MANDATORY_TARGET + order.mandate.id
        rules += [(value, target, scope, Action.BLOCK) for value, scope in order.names]
        for prefix in order.prefixes:
            rules.append((prefix.fingerprint, target, Scope.SUBTREE, Action.BLOCK))
            lengths[prefix.family].add(prefix.length)
    return Overlay(rules, lengths[4], lengths[6]) if rules else None


def _begun_by(mandate: Mandate, moment: float) -> Mandate:
    return replace(mandate, not_before=0) if mandate.not_before <= moment else mandate


def _prefix(network: Network, key: bytes) -> tuple[bytes, int, int]:
    value = prefix_fingerprint(key, network.version, network.prefixlen, network.network_address.packed)
    return value, network.version, network.prefixlen
