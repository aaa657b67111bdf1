"""Counts, now and then, the evidence that opted-in lines rest on: every one of them is looked at."""

from __future__ import annotations

from collections.abc import Mapping

from filterd.operations import consent_report
from filterd.operations.context import Context

SECONDS = 3_600.0
"""between two counts"""


class ConsentCount:
    """Owned by control's event loop."""

    def __init__(self) -> None:
        self._counted: Mapping[str, int] = {}
        self._at = -SECONDS
        """Unix seconds of the last count"""

    async def look(self, context: Context) -> Mapping[str, int]:
        """The lines by their evidence, at most :data:`SECONDS` old. Raises StoreError."""
        now = context.clock()
        if not 0 <= now - self._at < SECONDS:
            self._counted, self._at = await consent_report.by_evidence(context), now
        return self._counted
