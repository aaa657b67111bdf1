"""The mandatory part of the node state: orders that are pending or were ever in force, names as fingerprints.

A pending order is never kept and never united with another: nobody has approved it in that form.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate
from filterd.model.rule import Scope
from filterd.policy.overlay import OrderPrefix, OrderRules, demands_more, united


@dataclass(slots=True)
class KnownOrders:
    """All orders by mandatory id. Owned by the node's thread."""

    by_id: dict[int, OrderRules] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> KnownOrders:
        """Reads the result of :meth:`body`. ValueError for anything else."""
        orders = cls()
        orders.apply(decode(bytes(body)))
        return orders

    def body(self) -> bytes:
        """All orders, for a checkpoint."""
        return encode(self.by_id.values())

    def apply(self, orders: Iterable[OrderRules]) -> None:
        """Put each order in the place of its earlier form."""
        for order in orders:
            self.by_id[order.mandate.id] = order

    def all(self) -> tuple[OrderRules, ...]:
        """Every order, withdrawn ones among them."""
        return tuple(self.by_id.values())

    def with_say(self, revision: int, accepted: Collection[int]) -> list[OrderRules]:
        """The orders whose mandates count beside a snapshot of ``revision`` that has these mandatory ids as
        accepted: all but those that are still pending here, at an older revision. A node that starts without
        the store may be behind its snapshot."""
        return [
            order
            for order in self.by_id.values()
            if not (order.mandate.pending and order.revision <= revision and order.mandate.id in accepted)
        ]

    def beside(self, revision: int, held: Collection[int]) -> Iterator[OrderRules]:
        """The orders that a snapshot of ``revision`` with these mandatory ids does not hold in their present
        form, apart from withdrawn ones.

        An order that a snapshot lacks is blocked beside it, however old the order is: whoever made the
        snapshot did not know it.
        """
        for order in self.by_id.values():
            lacking = order.kept or order.revision > revision or order.mandate.id not in held
            if lacking and not order.mandate.withdrawn:
                yield order

    def kept(self) -> tuple[OrderRules, ...]:
        """The orders that this node alone keeps in force."""
        return tuple(order for order in self.by_id.values() if order.kept)

    def keeping(self, read: Iterable[OrderRules], now: float) -> KnownOrders:
        """The orders after a full resync that has ``read`` the store's: what is in force here and not
        demanded there, or not approved there, is kept since ``now``, or since it was first kept."""
        fresh = KnownOrders()
        fresh.apply(read)
        for known in self.by_id.values():
            stored = fresh.by_id.get(known.mandate.id)
            if not known.mandate.accepted or (stored is not None and stored.mandate.withdrawn):
                continue
            if stored is None or stored.mandate.pending:
                fresh.by_id[known.mandate.id] = replace(known, kept=known.kept or now)
            elif demands_more(known, stored):
                fresh.by_id[known.mandate.id] = replace(united(known, stored), kept=known.kept or now)
        return fresh

    def joined(self, arriving: Iterable[OrderRules], now: float) -> list[OrderRules]:
        """``arriving``, in the form in which each is to be applied. One that blocks less than the order in
        force under its number was decided by somebody who did not know that one, since the demand of an
        order never changes: both are kept in force, until a withdrawal ends them. One that is pending leaves
        the order in force as it is, kept until that is approved anew or ended."""
        latest = KnownOrders(dict(self.by_id))
        forms = []
        for order in arriving:
            known = latest.by_id.get(order.mandate.id)
            form = order
            if known is not None and known.mandate.accepted:
                if order.mandate.pending:
                    form = replace(known, kept=known.kept or now)
                elif order.mandate.accepted and demands_more(known, order):
                    form = replace(united(known, order), kept=known.kept or now)
            latest.apply((form,))
            forms.append(form)
        return forms

    def with_additions(self, changed: Iterable[OrderRules]) -> dict[int, OrderRules]:
        """The additions of ``changed`` to these orders, by id: new ones, and more names, prefixes or time.
        A withdrawal adds nothing, and takes nothing away; nor does a pending order."""
        latest = {order.mandate.id: order for order in changed}
        added = {}
        for number, order in latest.items():
            known = self.by_id.get(number)
            if not order.mandate.accepted:
                continue
            if known is None or not known.mandate.accepted:
                added[number] = order
            elif demands_more(order, known) or united(known, order).mandate != known.mandate:
                added[number] = replace(united(known, order), kept=known.kept)
        return added


def encode(orders: Iterable[OrderRules]) -> bytes:
    """Orders as compact JSON, for checkpoint and log."""
    return json.dumps([_fields(order) for order in orders], separators=(",", ":")).encode()


def decode(body: bytes) -> list[OrderRules]:
    """Reads the result of :func:`encode`. ValueError for anything else."""
    try:
        return [_order(fields) for fields in json.loads(body)]
    except (KeyError, TypeError) as error:
        msg = f"not the orders of a node: {error!r}"
        raise ValueError(msg) from error


def _fields(order: OrderRules) -> dict[str, Any]:
    mandate = order.mandate
    fields = {
        "id": mandate.id,
        "reference": mandate.reference,
        "mode": int(mandate.mode),
        "not_before": mandate.not_before,
        "not_after": mandate.not_after,
        "withdrawn": mandate.withdrawn or mandate.pending,  # for a reader of before there were pending ones
        "confidential": mandate.confidential,
        "revision": order.revision,
        "names": [[value.hex(), int(scope)] for value, scope in order.names],
        "prefixes": [[prefix.fingerprint.hex(), prefix.family, prefix.length] for prefix in order.prefixes],
        "kept": order.kept,
    }
    return {**fields, "pending": True} if mandate.pending and not mandate.withdrawn else fields


def _order(fields: dict[str, Any]) -> OrderRules:
    pending = fields.get("pending", False)
    mandate = Mandate(
        id=fields["id"],
        reference=fields["reference"],
        mode=BlockingMode(fields["mode"]),
        not_before=fields["not_before"],
        not_after=fields["not_after"],
        withdrawn=fields["withdrawn"] and not pending,
        confidential=fields["confidential"],
        pending=pending,
    )
    return OrderRules(
        mandate,
        fields["revision"],
        tuple((bytes.fromhex(value), Scope(scope)) for value, scope in fields["names"]),
        tuple(
            OrderPrefix(bytes.fromhex(value), family, length) for value, family, length in fields["prefixes"]
        ),
        fields.get("kept", 0.0),
    )
