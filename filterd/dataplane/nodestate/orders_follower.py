"""Follows the mandatory stream: orders, on the disk and in force, or read anew as a whole. Pending ones are
among them; they are known here, and not in force.

What the disk does not take is enforced all the same where it blocks more, and is not acknowledged: the cursor
stays. Owned by the node's thread.
"""

from __future__ import annotations

from filterd.dataplane.nodestate.changes import (
    ChainBrokenError,
    ChangeLog,
    OtherKeyError,
    Page,
    StoreUnreadableError,
)
from filterd.dataplane.nodestate.node_disk import NodeDisk
from filterd.dataplane.nodestate.order_arrivals import OrderArrivals
from filterd.dataplane.nodestate.publisher import Effect, note_damaged_log
from filterd.model import changelog
from filterd.model.change_chain import Cursor
from filterd.model.changelog import OrderChange
from filterd.policy.overlay import ForeignKeyError, OrderRules, order_rules

_JOINED = (
    "an order has the number of another that is in force: both are kept in force",
    "see it with: filterd node resync; a withdrawal of this number ends both: take in again with"
    " filterd order add what has to go on",
)
_UNAPPROVED = (
    "an order in force is pending in the store: it is kept in force as it was",
    "see it with: filterd node resync; approve the pending one, or withdraw it, which ends both",
)


class OrdersFollower:
    """The place of the mandatory stream up to which every order is on the disk and in force."""

    def __init__(self, disk: NodeDisk, key: bytes, effect: Effect, arrivals: OrderArrivals) -> None:
        self.cursor = Cursor(0, "")
        self.anew = False
        """true if all orders must be read, whatever the cursor says"""
        self._disk = disk
        self._key = key
        self._effect = effect
        self._arrivals = arrivals

    def follow(self, log: ChangeLog) -> bool:
        """Apply the next changes; return whether more are waiting. Raises StoreUnreadableError, ``OSError``
        where the node's disk did not take them, and ValueError for one that cannot be applied."""
        if self._disk.mandatory.cursor is None or self.anew:
            return self._resync(log)
        try:
            page = log.page(changelog.MANDATORY, self.cursor)
        except ChainBrokenError as error:
            more = self._resync(log, self.cursor)  # raises where the head is damaged, which is said once
            note_damaged_log(self._effect, error)
            return more
        if page.gone:
            return self._resync(log, self.cursor)
        try:
            orders = self._rules_of_page(page)
        except ForeignKeyError:
            return self._resync(log, self.cursor)  # a later change may have them for our key
        if orders:
            self._add(log, page, orders)
        if not page.more and self._disk.not_durable:
            self._disk.keep_remainder(page.cursor, self._effect.clock())
            self._effect.renew()
        self.cursor = page.cursor
        return page.more

    def _add(self, log: ChangeLog, page: Page, orders: list[OrderRules]) -> None:
        try:
            joined = self._disk.add_orders(page.rows[-1].cursor, orders, self._effect.clock())
        except OSError:
            self._enforce_at_once(log, page)
            raise
        self._effect.renew()
        self._arrivals.changed(self._disk.orders.by_id[each.mandate.id] for each in orders)
        unapproved = {order.mandate.id for order in orders if order.mandate.pending}
        for order in joined:
            event, remedy = _UNAPPROVED if order.mandate.id in unapproved else _JOINED
            self._effect.observer.note(event, order=order.mandate.reference, remedy=remedy)
        for row, order in zip(page.rows, orders, strict=True):
            if not order.mandate.pending:
                self._effect.observer.enforced(max(0.0, self._effect.clock() - row.at))

    def _enforce_at_once(self, log: ChangeLog, page: Page) -> None:
        """Put in force what the orders of this and later pages add; the disk has not taken them, so they are
        not acknowledged."""
        while True:
            if self._disk.enforce(self._rules_of_page(page)):
                self._effect.renew()
            if not page.more:
                return
            page = log.page(changelog.MANDATORY, page.cursor)

    def _resync(self, log: ChangeLog, since: Cursor | None = None) -> bool:
        cursor, orders = log.all_orders(since)
        snapshot = self._effect.publisher.snapshot
        # A snapshot in force may come from another history: none of these orders is looked for in it.
        revision = max(cursor.revision, snapshot.built_at_revision + 1 if snapshot is not None else 0)
        try:
            rules = [self._rules_of(order, revision) for order in orders]
        except ForeignKeyError as error:
            raise OtherKeyError(str(error)) from error
        try:
            self._disk.replace_orders(cursor, rules, self._effect.clock())
        except OSError:
            if self._disk.enforce(rules) or not self._disk.orders_known:
                self._disk.orders_known = True
                self._effect.renew()
            raise
        kept = len(self._disk.orders.kept())
        self._effect.observer.note(
            "orders read anew",
            revision=cursor.revision,
            count=len(orders),
            kept=kept,
            remedy="see the kept ones with: filterd node resync" if kept else "",
        )
        self.anew = False
        self.cursor = cursor
        self._effect.renew()
        self._arrivals.changed(self._disk.orders.all())
        return False

    def _rules_of_page(self, page: Page) -> list[OrderRules]:
        return [self._rules_of(row.change, row.cursor.revision) for row in page.rows]

    def _rules_of(self, change: changelog.Change, revision: int) -> OrderRules:
        if not isinstance(change, OrderChange):
            msg = "a change of the mandatory stream is no order"
            raise StoreUnreadableError(msg)
        return order_rules(change, revision, self._key)
