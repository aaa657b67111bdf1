"""Control's watch over orders on their way to the nodes: it takes the reports, and has the figures."""

from __future__ import annotations

from filterd.model.order_times import EffectKind
from filterd.model.records import NodeReport
from filterd.operations.context import Context
from filterd.operations.orders import times
from filterd.operations.orders.arriving import ArrivalBook
from filterd.telemetry.arrival_metrics import ArrivalMetrics
from filterd.telemetry.histogram import ENFORCEMENT_BUCKETS, Histogram


class OrderWatch:
    """Owned by the event loop of control."""

    def __init__(self) -> None:
        self._book = ArrivalBook()
        self._arrival = {kind.value: Histogram(ENFORCEMENT_BUCKETS) for kind in EffectKind}

    async def hear(self, context: Context, report: NodeReport) -> None:
        """Record what is new in a report. Raises StoreError."""
        for fact in await self._book.take(context, report):
            if fact.arrival.exact:
                self._arrival[fact.effect.kind.value].observe(fact.seconds)

    async def figures(self, context: Context) -> ArrivalMetrics:
        """The values of the metrics now. Raises StoreError."""
        now, found = context.clock(), await times.outstanding(context)
        return ArrivalMetrics(
            {kind.value: len(each) for kind, each in found.waiting.items()},
            {
                kind.value: max(0.0, now - each[0].due_at) if each else 0.0
                for kind, each in found.waiting.items()
            },
            len(found.contrary),
            self._arrival,
        )
