"""Control notes the orders that the clock has ended or resumed; nodes did so by themselves."""

from __future__ import annotations

import asyncio

from filterd.operations.context import Context, OperationError
from filterd.operations.orders import expiring
from filterd.store.engine import BREATH
from filterd.store.errors import StoreError
from filterd.telemetry import log

LOOK_SECONDS = 2.0


class OrderEnds:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reported = ""
        """why nothing is noted, as last logged; empty while all is"""

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Note what is due. A failure is logged once, and tried again."""
        try:
            more = True
            while more:
                more = await expiring.record_ends(self._context) == expiring.AT_ONCE
                await asyncio.sleep(BREATH)
        except (StoreError, OperationError) as error:
            if str(error) != self._reported:
                self._reported = str(error)
                event = "ends of orders are not noted in the trail; nodes keep to them"
                log.get().error(event, reason=self._reported, remedy=error.remedy)
        else:
            self._reported = ""
