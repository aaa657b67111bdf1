"""Control counts what is due at the duty desk, and measures when effects of upheld reviews are everywhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.model.due_item import DueKind
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import due, requests
from filterd.operations.duty.due import DueList
from filterd.operations.reviews import effects
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.duty_metrics import DutyMetrics

LOOK_SECONDS = 15.0
SHARE = 20.0
"""a look rests at least so many times as long as it took"""


class DutyWatch:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.metrics = DutyMetrics()
        self._reported = ""
        """why nothing is counted, as last logged"""

    def change_settings(self, settings: Settings) -> None:
        """Use other settings from the next look on."""
        self._context = replace(self._context, settings=settings)

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self.look()
            await asyncio.sleep(max(LOOK_SECONDS, SHARE * (loop.time() - began)))

    async def look(self) -> None:
        """Measure and count. A failure is logged once, and tried again; the figures before stay."""
        try:
            await effects.settle(self._context)
            found = await due.everything(self._context)
            waiting = await requests.waiting(self._context)
        except (StoreError, OperationError) as error:
            self._report(str(error), error.remedy)
            return
        self._report("; ".join(found.troubles), "see: filterd doctor")
        oldest = min((each.received_at for each in waiting), default=found.at)
        self.metrics = _figures(found, max(0.0, found.at - oldest))

    def _report(self, reason: str, remedy: str) -> None:
        if reason and reason != self._reported:
            log.get().error("the duty desk is not counted", reason=reason, remedy=remedy)
        self._reported = reason


def _figures(found: DueList, oldest: float) -> DutyMetrics:
    gaps = [each.due_at + 1 for each in found.items if each.kind is DueKind.ROSTER_GAP]
    gap = max(0.0, min(gaps) - found.at) if gaps else None
    return DutyMetrics(found.counts, len(found.overdue), oldest, gap)
