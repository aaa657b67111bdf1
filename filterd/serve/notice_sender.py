"""Control sends notices to their receivers, and deletes those that are done. DNS has no part in it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.operations import meanings
from filterd.operations.context import Context, OperationError
from filterd.operations.notices import keeping
from filterd.operations.notices.delivery import Deliveries
from filterd.store.engine import BREATH
from filterd.store.errors import StoreError
from filterd.telemetry import log

LOOK_SECONDS = 0.5
WHOLE_SECONDS = 5.0
"""between two turns where nothing is to be sent: they end what is old, and see to changes of profiles"""
PURGE_SECONDS = 60.0


class NoticeSender:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._deliveries = Deliveries(context, random.SystemRandom().random)
        self._reported = ""
        """why nothing is sent, as last logged"""
        self._troubles: dict[str, str] = {}
        """receiver -> its trouble, as last logged"""
        self._purged_at = self._turned_at = float("-inf")

    @property
    def counts(self) -> Mapping[str, int]:
        """Notices and attempts since the start, by outcome."""
        return self._deliveries.counts

    def change_settings(self, settings: Settings) -> None:
        """Use other settings from the next turn on."""
        self._deliveries.context = replace(self._deliveries.context, settings=settings)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            more = await self.look()
            await asyncio.sleep(BREATH if more else LOOK_SECONDS)

    async def look(self) -> bool:
        """Send what is due, and say whether there is more. A failure is logged once, and tried again."""
        try:
            context = self._deliveries.context
            if not await self._is_due(context.clock()):
                return False
            more = await self._deliveries.turn()
            more |= await meanings.tell(context) > 0
            more |= await meanings.settle_early(context) > 0
            await self._purge()
        except (StoreError, OperationError) as error:
            if str(error) != self._reported:
                self._reported = str(error)
                log.get().error("notices are not sent", reason=self._reported, remedy=error.remedy)
            return False
        self._reported = ""
        self._report_receivers()
        return more

    async def _is_due(self, now: float) -> bool:
        if 0 <= now - self._turned_at < WHOLE_SECONDS and not await self._deliveries.any_due():
            return False
        self._turned_at = now
        return True

    async def _purge(self) -> None:
        context = self._deliveries.context
        now = context.clock()
        if 0 <= now - self._purged_at < PURGE_SECONDS:
            return
        self._purged_at = now
        await keeping.purge_notices(context.store, now - context.settings.notices.keep)

    def _report_receivers(self) -> None:
        """Log each receiver that takes no notices any more, once, and each that does again."""
        found = {name: each.trouble for name, each in self._deliveries.receivers.items() if each.trouble}
        for name, trouble in found.items():
            if self._troubles.get(name) != trouble:
                event, remedy = "a receiver takes no notices", "see: filterd notice list --undelivered"
                log.get().error(event, webhook=name, reason=trouble, remedy=remedy)
        for name in self._troubles.keys() - found.keys():
            log.get().info("a receiver takes notices again", webhook=name)
        self._troubles = found
