"""The node's notes on when which order began or ceased to be in force here, the newest first to be told.

Written by the node's thread, one whole tuple at a time; any thread may read :attr:`OrderArrivals.newest`.
They are lost with the process: control then knows from the node's place in the change log what it has, and
not since when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from filterd.model.mandatory import Mandate
from filterd.model.order_times import OrderArrival
from filterd.policy.overlay import OrderRules

KEPT = 128
"""arrivals that are told, the newest; an older one has long been taken by control, if that was there"""


class OrderArrivals:
    """Notes each order whose force changed, once that is on the disk and published."""

    def __init__(self, clock: Callable[[], float], ticks: Callable[[], float]) -> None:
        """``clock`` gives Unix seconds, ``ticks`` seconds of a clock that does not go back."""
        self._clock = clock
        self._ticks = ticks
        self._active: dict[int, bool] = {}
        self._next = 0
        """when an order begins or ends next, Unix seconds; 0: none will"""
        self._moment = 0
        self.newest: tuple[OrderArrival, ...] = ()

    def begin(self, orders: Iterable[OrderRules]) -> None:
        """Take what the disk held at the start for known: nobody can say since when it is so."""
        self._look(orders, note=False)

    def changed(self, orders: Iterable[OrderRules]) -> None:
        """Note what changed among these, which are on the disk and in force as they are now."""
        self._look(orders, note=True)

    def passed(self, orders: Callable[[], Iterable[OrderRules]]) -> None:
        """Note what the clock alone has begun or ended, or a clock that was set."""
        now = int(self._clock())
        if now < self._moment or 0 < self._next <= now:
            self._next = 0
            self._look(orders(), note=True)
        self._moment = now

    def _look(self, orders: Iterable[OrderRules], *, note: bool) -> None:
        now, ticks = int(self._clock()), self._ticks()
        found = []
        for order in orders:
            mandate = order.mandate
            active = mandate.active(now)
            if note and self._active.get(mandate.id, False) is not active:
                arrival = OrderArrival(
                    mandate.reference, order.revision, active, ticks, confidential=mandate.confidential
                )
                found.append(arrival)
            self._active[mandate.id] = active
            self._expect(mandate, now)
        if found:
            self.newest = (*self.newest, *found)[-KEPT:]

    def _expect(self, mandate: Mandate, now: int) -> None:
        if not mandate.accepted:
            return
        for moment in (mandate.not_before, mandate.not_after):
            if moment > now and (not self._next or moment < self._next):
                self._next = moment
