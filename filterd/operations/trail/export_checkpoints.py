"""The records of checkpoints and anchors in an export, each behind the entry that it covers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from filterd.config.signing_settings import AnchorKind
from filterd.model import export_format
from filterd.model.checkpoint import Checkpoint, row_fault
from filterd.operations.context import Context
from filterd.store import anchors
from filterd.store import checkpoints as rows

PAGE = 1_000
PROVEN = (AnchorKind.RFC3161.value, AnchorKind.COUNTERSIGN.value)
"""anchors whose proof is at hand; what a file holds is verified where that file is"""


class CheckpointRecords:
    """Gives the records of checkpoints in the order of their numbers."""

    def __init__(self, context: Context, after: tuple[int, str], last: int, anchor: int) -> None:
        """From the one at ``after``; up to the number ``last``, and anchors up to the number ``anchor``."""
        self._context, self._after, self._last, self._anchor = context, after[0], last, anchor
        self._waiting: deque[Checkpoint] = deque()
        self._read = 0
        self._began = after[0] == 0

    async def behind(self, sequence: int, digest: str) -> AsyncIterator[dict[str, Any]]:
        """The records that follow the entry of this sequence."""
        while (found := await self._next()) is not None and found.audit_sequence <= sequence:
            self._waiting.popleft()
            async for each in self._records(found):
                yield each

    async def left(self) -> AsyncIterator[dict[str, Any]]:
        """The records that cover entries which are not there: the verifiers find that."""
        while (found := await self._next()) is not None:
            self._waiting.popleft()
            async for each in self._records(found):
                yield each

    async def _next(self) -> Checkpoint | None:
        if not self._waiting and self._read < self._last:
            async with self._context.store.read() as connection:
                found = await rows.page(connection, after=self._read, limit=PAGE)
            self._read = found[-1].number if found else self._last
            self._waiting.extend(each for each in found if each.number <= self._last)
        while self._waiting and not self._began and self._waiting[0].audit_sequence < self._after:
            self._waiting.popleft()
            if not self._waiting:
                return await self._next()
        return self._waiting[0] if self._waiting else None

    async def _records(self, found: Checkpoint) -> AsyncIterator[dict[str, Any]]:
        fault = row_fault(found)
        if fault:
            told = {"number": found.number, "fault": fault}
            yield {"kind": export_format.DAMAGED, "checkpoint": told}
            return
        yield {"kind": export_format.CHECKPOINT, "object": json.loads(found.text)}
        async with self._context.store.read() as connection:
            taken = await anchors.of_checkpoint(connection, found.number)
            signers = await anchors.countersigners(connection)
        for each in taken:
            if each.kind in PROVEN and each.number <= self._anchor:
                yield {
                    "kind": export_format.ANCHOR,
                    "anchor": each.anchor,
                    "type": each.kind,
                    "checkpoint": each.checkpoint,
                    "digest": each.digest,
                    "told_at": int(each.told_at),
                    "public_key": signers.get(each.key_id, ""),
                    "proof": each.proof,
                }
