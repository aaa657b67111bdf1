"""Control signs checkpoints, takes them to their anchors, and signs the statement of each day.

Nothing of the query path has a part in it. Each anchor has a task of its own, so that one that hangs keeps no
other waiting. A failure is logged once and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.config.signing_settings import AnchorSettings
from filterd.model.records import NodeReport
from filterd.operations.context import Context, OperationError
from filterd.operations.safe_texts import safe_text
from filterd.operations.trail import anchors, checkpoints, figures, statements
from filterd.operations.trail.figures import TrailFigures
from filterd.operations.trail.node_evidence import NodeEvidence
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.trail_metrics import AnchorMetrics, TrailMetrics

LOOK_SECONDS = 2.0
"""after a decision on an order, until its checkpoint"""
KEY_SECONDS = 60.0
"""between two looks at whether the keys are still those of the trail"""
DAMAGED_REMEDY = "a row of the store was altered: filterd audit verify"
LAST_SECONDS = 5.0
"""for the checkpoint at the end of the process"""


class TrailSchedule:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.metrics = TrailMetrics()
        self._reported: dict[str, str] = {}
        """step -> its trouble, as last logged"""
        self._looked_at = -math.inf
        self._deliveries: dict[str, asyncio.Task[None]] = {}
        self._evidence = NodeEvidence(context.clock())

    async def hear(self, report: NodeReport) -> None:
        """Record what a node's report tells anew. A failure is logged once; the next one tells it again."""
        await self._try("evidence", self._evidence.take(self._context, report))

    def change_settings(self, settings: Settings) -> None:
        """Apply the settings from the next look on."""
        self._context = replace(self._context, settings=settings)

    async def run(self) -> None:
        """Look again and again until cancelled; a last checkpoint is signed then."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._end()

    async def look(self) -> None:
        """Sign what is due, and begin the deliveries that are due."""
        try:
            found = await figures.look(self._context)
        except (StoreError, OperationError, ValueError) as error:
            self._told("figures", str(error), getattr(error, "remedy", DAMAGED_REMEDY))
            return
        self._told("figures", "")
        if self._is_due(found):
            await self._try("checkpoint", checkpoints.make(self._context, if_moved=found.newest is not None))
        with contextlib.suppress(StoreError, OperationError, ValueError):
            await self._try("watch", self._evidence.watch(self._context))
            if await statements.is_due(self._context):
                await self._try("statement", statements.make(self._context))
            await self._deliver()
            self._count(await figures.look(self._context))

    def _is_due(self, found: TrailFigures) -> bool:
        now = self._context.clock()
        if self._reported.get("checkpoint") and 0 <= now - self._looked_at < KEY_SECONDS:
            return False
        late = found.newest is None or not 0 <= now - found.newest.at < self._context.settings.signing.every
        if (late and found.uncovered) or found.order_waits:
            self._looked_at = now
            return True
        if not 0 <= now - self._looked_at < KEY_SECONDS:
            self._looked_at = now
            return checkpoints.keys_differ(self._context, found.keys) or bool(
                self._reported.get("checkpoint")
            )
        return False

    async def _try(self, step: str, work: Awaitable[object]) -> None:
        try:
            await work
        except (StoreError, OperationError, ValueError) as error:
            self._told(step, str(error), getattr(error, "remedy", DAMAGED_REMEDY))
        else:
            self._told(step, "")

    def _told(self, step: str, trouble: str, remedy: str = "") -> None:
        before = self._reported.get(step, "")
        if trouble and trouble != before:
            if step == "statement":
                log.get().error("the statement of the day is not signed", reason=trouble, remedy=remedy)
            elif step in ("evidence", "watch"):
                log.get().error("what nodes report is not recorded", reason=trouble, remedy=remedy)
            else:
                log.get().error("no checkpoint of the audit trail is signed", reason=trouble, remedy=remedy)
        if before and not trouble and step == "checkpoint":
            log.get().info("checkpoints of the audit trail are signed again")
        self._reported[step] = trouble

    async def _deliver(self) -> None:
        """Begin the deliveries that are due and not under way."""
        for anchor in self._context.settings.signing.anchors:
            task = self._deliveries.get(anchor.id)
            if (task is None or task.done()) and await anchors.is_due(self._context, anchor):
                delivery = self._deliver_to(anchor)
                self._deliveries[anchor.id] = asyncio.get_running_loop().create_task(delivery)

    async def _deliver_to(self, anchor: AnchorSettings) -> None:
        try:
            noted = await anchors.deliver(self._context, anchor)
        except Exception as error:  # whatever it is, it is told
            self._anchor_told(anchor, str(error) if isinstance(error, ValueError) else safe_text(error))
        else:
            self._anchor_told(anchor, noted.trouble)

    def _anchor_told(self, anchor: AnchorSettings, trouble: str) -> None:
        step = f"anchor {anchor.id}"
        before = self._reported.get(step, "")
        if trouble and trouble != before:
            event, remedy = "an anchor takes no checkpoints", "see: filterd audit anchors; it is tried again"
            log.get().warning(event, anchor=anchor.id, reason=trouble, remedy=remedy)
        if before and not trouble:
            log.get().info("an anchor takes checkpoints again", anchor=anchor.id)
        self._reported[step] = trouble

    def _count(self, found: TrailFigures) -> None:
        tried = found.attempts
        self.metrics = TrailMetrics(
            checkpoint_at=0.0 if found.newest is None else found.newest.at,
            uncovered=found.uncovered,
            refused=bool(self._reported.get("checkpoint")),
            keys_unexplained=len(found.unexplained),
            statement_at=0.0 if found.statement is None else found.statement.at,
            anchors={
                each.id: AnchorMetrics(
                    tried[each.id].succeeded_at if each.id in tried else each.at, each.failures, each.waiting
                )
                for each in found.anchors
            },
        )

    async def _end(self) -> None:
        """Sign what no checkpoint covers yet."""
        for task in self._deliveries.values():
            task.cancel()
        with contextlib.suppress(StoreError, OperationError, TimeoutError, ValueError):
            async with asyncio.timeout(LAST_SECONDS):
                await checkpoints.make(self._context)
        await asyncio.gather(*self._deliveries.values(), return_exceptions=True)
