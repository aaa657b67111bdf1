"""Orders as an overlay: the rules and mandates of orders that came after the snapshot, or differ from it.

A node enforces by these functions, and ``check`` explains by them, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_network

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.model.sealed_entries import Fingerprints
from filterd.policy import snapshot_layout
from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.canonical import Network, table_prefixes
from filterd.policy.fingerprint import fingerprint_name, prefix_fingerprint
from filterd.policy.snapshot import Overlay


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


def mandates_of(orders: Iterable[OrderRules], built_at: int) -> list[Mandate]:
    """The mandates of all orders beside a snapshot that was made at ``built_at``.

    One that had begun by then has no beginning: a clock that is behind (a machine that lost its time) must
    not suspend it.
    """
    return [_begun_by(order.mandate, built_at) for order in orders]


def overlay_of(orders: Iterable[OrderRules]) -> Overlay | None:
    """The overlay that blocks what the orders demand; None where they demand nothing."""
    rules: list[tuple[bytes, int, int, int]] = []
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
