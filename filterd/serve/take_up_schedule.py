"""Control counts each day the lines that have the service, and looks at the growth of mandatory blocking."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.operations.context import Context, OperationError
from filterd.operations.reports import growth, take_up
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.report_metrics import ReportMetrics

LOOK_SECONDS = 60.0
GROWTH_SECONDS = 3_600.0
"""between two looks at the growth: it follows from one statement a day"""


class TakeUpSchedule:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.metrics = ReportMetrics()
        self._grown_at = -math.inf
        self._reported = ""

    def change_settings(self, settings: Settings) -> None:
        """Apply the settings from the next look on."""
        self._context = replace(self._context, settings=settings)
        self._grown_at = -math.inf

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Count the days that were not counted. A failure is logged once, and tried again."""
        now, trouble, remedy = self._context.clock(), "", ""
        try:
            if await take_up.is_due(self._context):
                await take_up.fill(self._context)
            counted = await take_up.counted_until(self._context)
            self.metrics = replace(self.metrics, counted_until=counted)
            if not 0 <= now - self._grown_at < GROWTH_SECONDS:
                await self._look_at_growth()
                self._grown_at = now
        except (StoreError, OperationError) as error:
            trouble, remedy = str(error), error.remedy
        if trouble and trouble != self._reported:
            log.get().error("the take-up of the day is not counted", reason=trouble, remedy=remedy)
        self._reported = trouble

    async def _look_at_growth(self) -> None:
        months = await growth.months(self._context)
        change, beyond = (months[-1].change, int(months[-1].beyond)) if months else (0, 0)
        self.metrics = replace(self.metrics, growth=change, beyond=beyond)
