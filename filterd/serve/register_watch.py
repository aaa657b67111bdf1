"""Control pulls registers, puts in force what is open, delivers answers, and tells what needs a person."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.model.register import RegisterKind, RegisterRun
from filterd.operations.context import Context, OperationError
from filterd.operations.policies import KeptPolicies
from filterd.operations.registers import answering, pulling, showing
from filterd.operations.registers.showing import RegisterStatus
from filterd.serve.ticket_watch import TicketWatch
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.register_log import answers_ahead
from filterd.telemetry.register_metrics import RegisterMetrics

LOOK_SECONDS = 5.0
HELD_SECONDS = 1.0
"""between two looks at whether nodes have what answers wait for"""
SHARE = 20.0
"""a look rests at least so many times as long as it took"""
RETRY_SECONDS = 60.0
"""between two attempts to put in force what is open"""


class RegisterWatch:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = replace(context, kept_policies=KeptPolicies())
        self._told: dict[str, str] = {}
        """register -> its problem, as last logged"""
        self._full: set[tuple[str, str]] = set()
        """the rooms that alarmed, as last logged"""
        self._reported = ""
        self._retry_at = 0.0
        self._chance = random.SystemRandom().random
        self._tickets = TicketWatch()
        self._pull: asyncio.Task[None] | None = None
        """a slow server keeps no answer waiting"""
        self.holding = False
        """answers wait for nodes"""
        self.metrics = RegisterMetrics()

    def change_settings(self, settings: Settings) -> None:
        """Use other settings from the next look on."""
        self._context = replace(self._context, settings=settings)

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                await self.look()
                ends = loop.time() + max(LOOK_SECONDS, SHARE * (loop.time() - began))
                while (left := ends - loop.time()) > 0:
                    await asyncio.sleep(min(left, HELD_SECONDS if self.holding else LOOK_SECONDS))
                    await self.deliver()
        finally:
            await self.close()

    async def deliver(self) -> None:
        """Deliver the answers that are due and wait for no node. What fails, the next look tells."""
        with contextlib.suppress(StoreError, OperationError):
            await self._deliver()

    async def _deliver(self) -> None:
        if not self._context.settings.registers:
            return
        senders = {RegisterKind.TICKETS.value: self._tickets.channel}
        await answering.deliver_due(self._context, self._chance, senders, _told_ahead)
        self.holding = await answering.are_held(self._context)

    async def close(self) -> None:
        """End the pull and the visits that are at work."""
        await self._tickets.close()
        if self._pull is not None:
            self._pull.cancel()
            await asyncio.gather(self._pull, return_exceptions=True)

    async def look(self) -> None:
        """Do what is due. A failure is logged once, and tried again."""
        if not self._context.settings.registers:
            self.metrics = RegisterMetrics()
            return
        try:
            if self._pull is None or self._pull.done():
                self._pull = asyncio.create_task(self.pull_due())
            self._tickets.begin(self._context)
            await self._put_in_force()
            await self._deliver()
            found = await showing.statuses(self._context)
        except (StoreError, OperationError) as error:
            if str(error) != self._reported:
                self._reported = str(error)
                log.get().error("registers are not watched", reason=self._reported, remedy=error.remedy)
            return
        self._reported = ""
        self.metrics = figures(found)
        self._log(found)

    async def pull_due(self) -> None:
        """Pull what is due, one after the other. What fails is on record, and told with the status."""
        for each in await pulling.due_pulls(self._context):
            try:
                await pulling.pull(self._context, each)
            except (StoreError, OperationError) as error:
                if self._told.get(each) != str(error):
                    event, reason = "a register was not pulled", str(error)
                    log.get().warning(event, register=each, reason=reason, remedy=error.remedy)
                    self._told[each] = reason

    async def _put_in_force(self) -> None:
        now = self._context.clock()
        if now < self._retry_at <= now + RETRY_SECONDS:
            return
        self._retry_at = now + RETRY_SECONDS
        await showing.retry_open(self._context)

    def _log(self, found: Sequence[RegisterStatus]) -> None:
        """Log each register that needs a person, once, and each room that fills."""
        for each in found:
            id, problem = each.register.id, each.problem
            if problem and self._told.get(id) != problem:
                remedy = f"see: filterd register show {id}"
                log.get().warning("a register needs a person", register=id, reason=problem, remedy=remedy)
            if problem:
                self._told[id] = problem
            else:
                self._told.pop(id, None)
        full = {(use.authority, use.kind): use for each in found for use in each.capacity if use.alarms}
        for key in full.keys() - self._full:
            use = full[key]
            log.get().warning(
                "the room of an authority fills",
                authority=use.authority,
                kind=use.kind,
                used=use.used,
                declared=use.declared,
                remedy="declare more to the authority, or ask it to withdraw what is old",
            )
        self._full = set(full)


def _told_ahead(run: RegisterRun, nodes: tuple[str, ...]) -> None:
    answers_ahead(run.register, run.number, nodes)


def figures(found: Sequence[RegisterStatus]) -> RegisterMetrics:
    """The metrics of registers as they stand."""
    sourced = [each for each in found if each.register.source]
    rooms = {(use.authority, use.kind): use for each in found for use in each.capacity}
    return RegisterMetrics(
        pulled_at={e.register.id: 0.0 if e.pull is None else e.pull.good_at for e in sourced},
        failing={e.register.id: e.pull is not None and bool(e.pull.problem) for e in sourced},
        held={e.register.id: len(e.held) for e in found},
        late={e.register.id: len(e.late) for e in found},
        undelivered={e.register.id: len(e.undelivered) for e in found},
        declared={key: use.declared for key, use in rooms.items()},
        used={key: use.used for key, use in rooms.items()},
    )
