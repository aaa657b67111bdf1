"""Control deletes each day what is past its term, and counts what is overdue.

A deletion cannot be taken back, and a clock that is ahead puts everything past its term. So where the clock
leaps, an hour passes before the next run: time for whoever sets clocks to set it right.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping

from filterd.operations.context import Context, OperationError
from filterd.operations.privacy import arco, preservation, retention
from filterd.operations.reviews import figures
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.privacy_metrics import PrivacyMetrics

LOOK_SECONDS = 60.0
DAY_SECONDS = 86_400.0
RETRY_SECONDS = 3_600.0
"""between two runs of which the first failed or left something, and after a leap of the clock"""
LEAP_SECONDS = 300.0
"""by so many seconds more than passed the clock may go ahead from one look to the next"""


class RetentionSchedule:
    """Owned by control's event loop."""

    def __init__(self, context: Context, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks``: seconds of a clock that nobody sets."""
        self.context = context
        self._ticks = ticks
        self.metrics = PrivacyMetrics()
        self.reviews: Mapping[str, int] = {}
        """the counts of requests to look at a site again"""
        self._tried_at = ticks()  # a process that starts has other things to do
        self._ahead = context.clock() - ticks()
        self._counted_at = -math.inf
        self._reported = ""
        """why something stays beyond its term, as last logged; empty while nothing does"""

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Delete what is past its term where that is due. A failure is logged once, and tried again."""
        trouble, remedy = "", ""
        try:
            if await self._is_due():
                trouble = await self._delete()
                remedy = "delete it as its owner, then: filterd retention run"
            await self._count()
        except (StoreError, OperationError, OSError) as error:
            trouble = str(error)
            remedy = error.remedy if isinstance(error, StoreError | OperationError) else ""
        if trouble and trouble != self._reported:
            event = "data stays beyond its term"
            log.get().error(event, reason=trouble, remedy=remedy)
        if trouble:
            self._reported = trouble

    async def _is_due(self) -> bool:
        now, ticks = self.context.clock(), self._ticks()
        before, self._ahead = self._ahead, now - ticks
        if self._ahead - before > LEAP_SECONDS:
            self._tried_at = ticks
        if ticks - self._tried_at < RETRY_SECONDS:
            return False
        return bool(self._reported) or abs(now - await retention.last_run_at(self.context)) >= DAY_SECONDS

    async def _delete(self) -> str:
        """Run; the reason why something stayed, which is empty where nothing did."""
        self._tried_at = self._ticks()
        done = await retention.run(self.context)
        self._counted_at = -math.inf
        if not done.kept and done.log_emptied:
            self._reported = ""
            log.get().info("data past its term was deleted", entries=sum(done.deleted.values()))
            return ""
        return done.kept[0] if done.kept else "the write-ahead log could not be emptied"

    async def _count(self) -> None:
        """The figures: of requests at each look; of classes each hour, since that reads many rows."""
        now, overdue = self.context.clock(), self.metrics.overdue
        if not 0 <= now - self._counted_at < RETRY_SECONDS:
            overdue, self._counted_at = await retention.overdue(self.context), now
        last = await retention.last_run_at(self.context)
        holds = (await preservation.standing(self.context)).count
        self.metrics = PrivacyMetrics(last, overdue, await arco.count(self.context), holds)
        self.reviews = await figures.count(self.context)
