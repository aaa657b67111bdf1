"""The mandatory part of the node state: every order that was ever in force, its names as fingerprints
only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

from filterd.model.changelog import OrderChange
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, BlockingMode, Scope
from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.fingerprint import fingerprint_name, prefix_fingerprint

OverlayRule = tuple[bytes, int, Scope, Action]
"""fingerprint, target, scope, action: what an overlay is built from"""


@dataclass(frozen=True, slots=True)
class HeldPrefix:
    """An address prefix of an order."""

    fingerprint: bytes
    family: int
    length: int


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order as a node keeps it. ``revision`` is the change that brought it in this form."""

    mandate: Mandate
    revision: int
    names: tuple[tuple[bytes, Scope], ...] = ()
    prefixes: tuple[HeldPrefix, ...] = ()


def hold(order: OrderChange, revision: int, key: bytes) -> HeldOrder:
    """The order with its names and prefixes turned into fingerprints. ValueError for what is no name or
    prefix.

    One that had begun when it was accepted has no beginning here: whatever this machine's clock says later,
    it has begun.
    """
    begun = order.not_before <= order.accepted_at
    return HeldOrder(
        replace(order.mandate, not_before=0) if begun else order.mandate,
        revision,
        tuple((fingerprint_name(key, name), scope) for name, scope in order.names),
        tuple(_hold_prefix(text, key) for text in order.addresses),
    )


def _hold_prefix(text: str, key: bytes) -> HeldPrefix:
    network = ip_network(text)
    value = prefix_fingerprint(key, network.version, network.prefixlen, network.network_address.packed)
    return HeldPrefix(value, network.version, network.prefixlen)


@dataclass(slots=True)
class KnownOrders:
    """All orders by mandatory id. Owned by the node's thread."""

    held: dict[int, HeldOrder] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> KnownOrders:
        """What :func:`encode` wrote. ValueError for anything else."""
        orders = cls()
        orders.apply(decode(bytes(body)))
        return orders

    def body(self) -> bytes:
        """All of it, for a checkpoint."""
        return encode(self.held.values())

    def apply(self, orders: Iterable[HeldOrder]) -> None:
        """Put each order in the place of what was known of it."""
        for order in orders:
            self.held[order.mandate.id] = order

    def mandates(self) -> tuple[Mandate, ...]:
        """What the active set is made of."""
        return tuple(order.mandate for order in self.held.values())

    def above(self, revision: int) -> Iterator[HeldOrder]:
        """Orders that a snapshot of ``revision`` does not know in their present form, withdrawn ones left
        out."""
        for order in self.held.values():
            if order.revision > revision and not order.mandate.withdrawn:
                yield order


def overlay_rules(orders: Iterable[HeldOrder]) -> tuple[list[OverlayRule], set[int], set[int]]:
    """The rules of an overlay, and the prefix lengths in use for IPv4 and IPv6."""
    rules: list[OverlayRule] = []
    lengths: dict[int, set[int]] = {4: set(), 6: set()}
    for order in orders:
        number = MANDATORY_TARGET + order.mandate.id
        rules += [(value, number, scope, Action.BLOCK) for value, scope in order.names]
        for prefix in order.prefixes:
            rules.append((prefix.fingerprint, number, Scope.SUBTREE, Action.BLOCK))
            lengths[prefix.family].add(prefix.length)
    return rules, lengths[4], lengths[6]


def encode(orders: Iterable[HeldOrder]) -> bytes:
    """Orders as compact JSON, for checkpoint and log."""
    return json.dumps([_fields(order) for order in orders], separators=(",", ":")).encode()


def decode(body: bytes) -> list[HeldOrder]:
    """What :func:`encode` wrote. ValueError for anything else."""
    try:
        return [_order(fields) for fields in json.loads(body)]
    except (KeyError, TypeError) as error:
        msg = f"not the orders of a node: {error!r}"
        raise ValueError(msg) from error


def _fields(order: HeldOrder) -> dict[str, Any]:
    mandate = order.mandate
    return {
        "id": mandate.id,
        "reference": mandate.reference,
        "mode": int(mandate.mode),
        "not_before": mandate.not_before,
        "not_after": mandate.not_after,
        "withdrawn": mandate.withdrawn,
        "confidential": mandate.confidential,
        "revision": order.revision,
        "names": [[value.hex(), int(scope)] for value, scope in order.names],
        "prefixes": [[prefix.fingerprint.hex(), prefix.family, prefix.length] for prefix in order.prefixes],
    }


def _order(fields: dict[str, Any]) -> HeldOrder:
    mandate = Mandate(
        id=fields["id"],
        reference=fields["reference"],
        mode=BlockingMode(fields["mode"]),
        not_before=fields["not_before"],
        not_after=fields["not_after"],
        withdrawn=fields["withdrawn"],
        confidential=fields["confidential"],
    )
    return HeldOrder(
        mandate,
        fields["revision"],
        tuple((bytes.fromhex(value), Scope(scope)) for value, scope in fields["names"]),
        tuple(
            HeldPrefix(bytes.fromhex(value), family, length) for value, family, length in fields["prefixes"]
        ),
    )
