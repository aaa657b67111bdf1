"""Control's watch over what the nodes have in force: it counts the drifted ones, and logs each once."""

from __future__ import annotations

from filterd.operations import nodes
from filterd.operations.context import Context
from filterd.operations.drift import REMEDY
from filterd.telemetry import log


class ListWatch:
    """Owned by control's event loop."""

    def __init__(self) -> None:
        self._drifted: dict[str, tuple[str, ...]] = {}
        """node -> the reasons as last logged"""

    async def look(self, context: Context) -> int:
        """The number of drifted nodes. Raises StoreError and OperationError."""
        found = {each.report.name: each.drift for each in await nodes.list_nodes(context) if each.drift}
        for name, reasons in found.items():
            if self._drifted.get(name) != reasons:
                event = "a node runs other lists than it should"
                log.get().error(event, node=name, reason="; ".join(reasons), remedy=REMEDY)
        for name in self._drifted.keys() - found.keys():
            log.get().info("a node runs the right lists again, or is silent", node=name)
        self._drifted = found
        return len(found)
