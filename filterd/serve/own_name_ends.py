"""Control takes off the own names of lines whose end has passed: nodes know no end of a name."""

from __future__ import annotations

import asyncio

from filterd.operations import subscribers
from filterd.operations.context import Context, OperationError
from filterd.store.engine import BREATH
from filterd.store.errors import StoreError
from filterd.telemetry import log

LOOK_SECONDS = 1.0


class OwnNameEnds:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reported = ""
        """why names stay beyond their end, as last logged; empty while none do"""

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Take off what has ended. A failure is logged once, and tried again."""
        try:
            more = True
            while more:
                more = await subscribers.end_names(self._context) == subscribers.ENDED_AT_ONCE
                await asyncio.sleep(BREATH)
        except (StoreError, OperationError) as error:
            if str(error) != self._reported:
                self._reported = str(error)
                event = "own names stay beyond their end"
                log.get().error(event, reason=self._reported, remedy=error.remedy)
        else:
            self._reported = ""
