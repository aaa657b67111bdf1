"""Control pulls registers, puts in force what is open, delivers answers, and tells what needs a person."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from filterd.config.register_settings import RegisterSettings
from filterd.config.settings import Settings
from filterd.model.register import RegisterKind, RegisterRun
from filterd.operations.context import Context
from filterd.operations.registers import answering, pulling, showing
from filterd.operations.registers.showing import RegisterStatus
from filterd.operations.safe_texts import safe_text
from filterd.serve.own_tasks import OwnTasks
from filterd.serve.ticket_watch import TicketWatch
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.telemetry.register_log import answers_ahead
from filterd.telemetry.register_metrics import RegisterMetrics

LOOK_SECONDS = 5.0
HELD_SECONDS = 1.0
"""between two looks at whether nodes have what answers wait for"""
SHARE = 20.0
"""a look rests at least so many times as long as it took; what waits for others is no part of it"""
LONGEST_REST = 60.0
"""seconds: a slow look delays no duty for longer"""
RETRY_SECONDS = 60.0
"""between two attempts to put in force what is open of a register"""
AT_ONCE = 8
"""registers that are pulled beside each other, and that are answered, and whose lists are put in force"""


class RegisterWatch:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: dict[str, str] = {}
        """register -> its problem, as last logged"""
        self._full: set[tuple[str, str]] = set()
        """the rooms that alarmed, as last logged"""
        self._reported = ""
        self._unrecorded: dict[str, Exception] = {}
        """why parts of the work failed which the store could not note"""
        self._retry_at: dict[str, float] = {}
        """register -> when what is open of it is tried again, Unix seconds"""
        self._chance = random.SystemRandom().random
        self._tickets = TicketWatch()
        self._pulls, self._openings, self._deliveries = (OwnTasks(AT_ONCE) for _ in range(3))
        """a slow server, a receiver that hangs, a list that cannot be written: none keeps another waiting"""
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
                ends = loop.time() + rest_after(loop.time() - began)
                while (left := ends - loop.time()) > 0:
                    await asyncio.sleep(min(left, HELD_SECONDS if self.holding else LOOK_SECONDS))
                    await self.deliver()
        finally:
            await self.close()

    async def deliver(self) -> None:
        """Begin to deliver the answers that are due. What fails, the next look tells."""
        if self._context.settings.registers:
            await _failure_of(self._begin_deliveries)

    async def close(self) -> None:
        """End what is under way."""
        await self._tickets.close()
        for each in (self._pulls, self._openings, self._deliveries):
            await each.close()

    async def look(self) -> None:
        """Begin what is due, each register in tasks of its own, and tell how all stand. A failure is logged
        once, and tried again; no part waits for another."""
        if not self._context.settings.registers:
            self.metrics = RegisterMetrics()
            return
        steps = (self._begin_pulls, self._begin_visits, self._begin_openings, self._begin_deliveries)
        failed = [error for each in (*steps, self._tell) if (error := await _failure_of(each))]
        failed += self._unrecorded.values()
        reason = safe_text(failed[0]) if failed else ""
        if failed and reason != self._reported:
            remedy = getattr(failed[0], "remedy", "see the log of control; the next look tries again")
            log.get().error("registers are not watched", reason=reason, remedy=remedy)
        self._reported = reason

    async def settled(self) -> None:
        """Wait until what looks began is over, but for visits."""
        for each in (self._pulls, self._openings, self._deliveries):
            await each.settled()

    async def pull_due(self) -> None:
        """Pull what is due, and wait until that is over."""
        await self._begin_pulls()
        await self._pulls.settled()

    async def _begin_pulls(self) -> None:
        for each in await pulling.due_pulls(self._context):
            self._pulls.begin(each, partial(self._pull, each))

    async def _pull(self, register: str) -> None:
        """Pull one. What fails is on record, and told with the status."""
        try:
            await pulling.pull(self._context, register)
        except Exception as error:
            reason = safe_text(error)[:500]
            if self._told.get(register) != reason:
                remedy = getattr(error, "remedy", f"report it; see: filterd register show {register}")
                log.get().warning(
                    "a register was not pulled", register=register, reason=reason, remedy=remedy
                )
                self._told[register] = reason

    async def _begin_visits(self) -> None:
        self._tickets.begin(self._context)

    async def _begin_openings(self) -> None:
        now = self._context.clock()
        for each in self._context.settings.registers:
            rests = now < self._retry_at.get(each.id, 0.0) <= now + RETRY_SECONDS
            if each.list and not rests and not self._openings.is_running(each.id):
                self._retry_at[each.id] = now + RETRY_SECONDS
                self._openings.begin(each.id, partial(self._put_in_force, each))

    async def _put_in_force(self, register: RegisterSettings) -> None:
        failed = await _failure_of(partial(showing.put_in_force, self._context, register))
        on_record = not isinstance(failed, StoreError)  # with the register, whose status is told
        self._note(f"open {register.id}", None if on_record else failed)

    async def _begin_deliveries(self) -> None:
        for register, runs in await answering.due_runs(self._context):
            self._deliveries.begin(register.id, partial(self._deliver, register, runs))
        await self._look_held()

    async def _deliver(self, register: RegisterSettings, runs: Sequence[RegisterRun]) -> None:
        senders = {RegisterKind.TICKETS.value: self._tickets.channel}
        ways = (self._chance, senders, _told_ahead)
        work = partial(answering.deliver, self._context, register, runs, ways)
        self._note(f"answers {register.id}", await _failure_of(work))
        await _failure_of(self._look_held)

    async def _look_held(self) -> None:
        self.holding = await answering.are_held(self._context)

    def _note(self, key: str, error: Exception | None) -> None:
        """Keep what the store could not note; None: all was noted."""
        if error is None:
            self._unrecorded.pop(key, None)
        else:
            self._unrecorded[key] = error

    async def _tell(self) -> None:
        found = await showing.statuses(self._context)
        self.metrics = figures(found)
        self._log(found)

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


async def _failure_of(step: Callable[[], Awaitable[object]]) -> Exception | None:
    """Do a step, and give what it raised."""
    try:
        await step()
    except Exception as error:
        return error
    return None


def rest_after(spent: float) -> float:
    """Give the seconds between a look that took ``spent`` seconds and the next one."""
    return min(max(LOOK_SECONDS, SHARE * spent), LONGEST_REST)


def _told_ahead(run: RegisterRun, nodes: tuple[str, ...]) -> None:
    answers_ahead(run.register, run.number, nodes)


def figures(found: Sequence[RegisterStatus]) -> RegisterMetrics:
    """The metrics of registers as they stand."""
    sourced = [each for each in found if each.register.source]
    rooms = {(use.authority, use.kind): use for each in found for use in each.capacity}
    return RegisterMetrics(
        pulled_at={e.register.id: 0.0 if e.pull is None else e.pull.good_at for e in sourced},
        failing={
            e.register.id: bool(e.pull and e.pull.problem) for e in found if e.pull or e.register.source
        },
        held={e.register.id: len(e.held) for e in found},
        late={e.register.id: len(e.late) for e in found},
        undelivered={e.register.id: len(e.undelivered) for e in found},
        declared={key: use.declared for key, use in rooms.items()},
        used={key: use.used for key, use in rooms.items()},
    )
