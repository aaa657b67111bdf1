"""Control says once a day how many lines have bindings that change as only sessions do."""

from __future__ import annotations

from filterd.operations import bindings
from filterd.operations.context import Context
from filterd.telemetry import log

REMEDY = "use sessions for addresses that come and go: accounting.radius, or filterd session put"


class BindingWatch:
    """Owned by control's event loop."""

    def __init__(self) -> None:
        self._looked_at = 0.0

    async def look(self, context: Context) -> None:
        """Look, where that is a day ago. Raises StoreError."""
        now = context.clock()
        if 0 <= now - self._looked_at < bindings.DAY:
            return
        lines = await bindings.count_changing(context)
        self._looked_at = now
        if lines:
            log.get().warning("bindings change as only sessions do", count=lines, remedy=REMEDY)
