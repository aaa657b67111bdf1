"""Control visits platforms of tickets, each in a task of its own: a slow register keeps no ticket waiting."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterKind
from filterd.operations.context import Context, OperationError
from filterd.operations.registers.pulling import note
from filterd.operations.registers.ticket_channel import TicketChannel
from filterd.operations.registers.ticket_turns import turn_and_note
from filterd.store.errors import StoreError
from filterd.telemetry import log

RETRY_SECONDS = 60.0
"""until a platform that failed is asked again, where it is visited less often"""


class TicketWatch:
    """Owned by the watch of registers. What fails is on record with the register, which tells it."""

    def __init__(self) -> None:
        self.channel = TicketChannel()
        self._next_at: dict[str, float] = {}
        """register -> when it is visited next, Unix seconds"""
        self._running: dict[str, asyncio.Task[None]] = {}

    def begin(self, context: Context) -> None:
        """Begin the visits that are due, unless the one before is under way."""
        self._running = {id: task for id, task in self._running.items() if not task.done()}
        for each in context.settings.registers:
            if (
                each.as_kind is RegisterKind.TICKETS
                and each.id not in self._running
                and self._due(context, each)
            ):
                self._running[each.id] = asyncio.create_task(self._visit(context, each))

    async def close(self) -> None:
        """End the visits that are under way. A ticket is taken whole or not at all."""
        for each in self._running.values():
            each.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _due(self, context: Context, register: RegisterSettings) -> bool:
        ahead = self._next_at.get(register.id, 0.0) - context.clock()
        return not 0 < ahead <= register.pull_every  # the clock may be set back

    async def _visit(self, context: Context, register: RegisterSettings) -> None:
        rest: float = min(register.pull_every, RETRY_SECONDS)
        ripe_at = 0.0
        try:
            done = await turn_and_note(context, register, self.channel)
        except (StoreError, OperationError):
            pass  # it is on record, or the store is away, which others tell
        except Exception as error:  # of one register: whatever it is, it is told, and asked again later
            await self._note_fault(context, register, error)
        else:
            rest, ripe_at = register.pull_every, done.visit.next_at
        next_at = context.clock() + rest
        self._next_at[register.id] = min(next_at, ripe_at or next_at)

    async def _note_fault(self, context: Context, register: RegisterSettings, error: Exception) -> None:
        fields = log.fault_fields(error)
        log.get().error("a platform of tickets was not visited", register=register.id, **fields)
        problem = f"a fault of filterd itself, please report it: {' '.join(fields.values())}"
        with suppress(StoreError):
            await note(context, register, problem)
