"""Control watches the deadlines of orders, and tells people in time. DNS has no part in it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from filterd.config.settings import Settings
from filterd.model.order_alarm import MAIL, AlarmKey
from filterd.operations.context import Context
from filterd.operations.duty import alarming
from filterd.operations.orders import alarms, due
from filterd.operations.orders.alarm_delivery import AlarmDeliveries
from filterd.operations.orders.duties import OF_LISTS, Duty, HouseDuty
from filterd.operations.registers import alarming as of_registers
from filterd.operations.safe_texts import safe_text
from filterd.policy.jurisdictions import DeadlineKind
from filterd.serve.own_tasks import OwnTasks
from filterd.telemetry import log
from filterd.telemetry.deadline_metrics import DeadlineMetrics

LOOK_SECONDS = 5.0
SHARE = 20.0
"""a look rests at least so many times as long as it took: many orders may not keep control busy. Telling of
alarms is no part of it"""
LONGEST_REST = 60.0
"""seconds: a slow look delays no alarm for longer"""
AT_ONCE = 8
"""channels that are told beside each other"""
LOGGED = 20
"""alarms of one look that are logged one by one; the rest as a number"""


class AlarmWatch:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._deliveries = AlarmDeliveries(context, random.SystemRandom().random)
        self._tells = OwnTasks(AT_ONCE)
        """a server for mail that hangs keeps no other channel waiting, and no look"""
        self._reported = ""
        """why nothing is watched, as last logged"""
        self._untold: dict[str, str] = {}
        """channel -> why the store let nothing be told, as last logged"""
        self._troubles: dict[str, str] = {}
        """channel -> its trouble, as last logged"""
        self._metrics = DeadlineMetrics()

    @property
    def metrics(self) -> DeadlineMetrics:
        """The figures of the last look."""
        return replace(self._metrics, outcomes=self._deliveries.counts)

    def change_settings(self, settings: Settings) -> None:
        """Use other settings from the next look on."""
        self._deliveries.context = replace(self._deliveries.context, settings=settings)

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                await self.look()
                await asyncio.sleep(rest_after(loop.time() - began))
        finally:
            await self.close()

    async def close(self) -> None:
        """End what is under way."""
        await self._tells.close()

    async def settled(self) -> None:
        """Wait until all channels that looks began to tell were told, or did not take it."""
        await self._tells.settled()

    async def look(self) -> None:
        """Raise what is due, and begin to tell of it. A failure is logged once, and tried again."""
        context = self._deliveries.context
        try:
            found = [*due.open_ones(await due.duties(context)), *await alarming.duties(context)]
            found += await of_registers.duties(context)
            found.sort(key=lambda each: each.due_at)
            raised = await alarms.raise_due(context, found)
            self._log(raised.duties)
            for channel, seen in (await self._deliveries.waiting()).items():
                self._tells.begin(channel, partial(self._tell, channel, found, seen))
            waiting = await due.waiting_alarms(context.store)
        except Exception as error:  # whatever it is, the next look tries again
            if safe_text(error) != self._reported:
                self._reported = safe_text(error)
                log.get().error("deadlines are not watched", reason=self._reported, remedy=_remedy(error))
            return
        self._reported = ""
        self._metrics = _figures(found, context.clock(), waiting)
        self._report_channels()

    async def _tell(self, channel: str, duties: Sequence[Duty], seen: Collection[AlarmKey]) -> None:
        reason = ""
        try:
            await self._deliveries.tell(channel, duties, seen)
        except Exception as error:
            reason = safe_text(error)
            if reason != self._untold.get(channel):
                log.get().error("deadlines are not watched", reason=reason, remedy=_remedy(error))
        self._untold[channel] = reason
        self._report_channels()

    def _log(self, raised: Sequence[tuple[Duty, int]]) -> None:
        for duty, lead in raised[:LOGGED]:
            if duty.kind in OF_LISTS:
                _log_list(duty, lead)
                continue
            event = "an order is due soon" if lead else "an order is overdue"
            log.get().warning(
                event, order=duty.order.reference, duty=duty.kind.value, remedy="see: filterd duty due"
            )
        if len(raised) > LOGGED:
            more = len(raised) - LOGGED
            log.get().warning("more orders are due", count=more, remedy="see: filterd order due")

    def _report_channels(self) -> None:
        """Log each channel that takes no alarms, once, and each that does again."""
        refusing = self._deliveries.refusing
        found = {**({MAIL: refusing} if refusing else {}), **self._deliveries.troubles}
        for name, trouble in found.items():
            if self._troubles.get(name) != trouble:
                remedy = "see the settings mail and orders.alarms; try: filterd mail test"
                log.get().error("alarms are not taken", channel=name, reason=trouble, remedy=remedy)
        for name in self._troubles.keys() - found.keys():
            log.get().info("alarms are taken again", channel=name)
        self._troubles = found


def _remedy(error: Exception) -> str:
    return str(getattr(error, "remedy", "report it, with this line; the next look tries again"))


def rest_after(spent: float) -> float:
    """Give the seconds between a look that took ``spent`` seconds and the next one."""
    return min(max(LOOK_SECONDS, SHARE * spent), LONGEST_REST)


def _log_list(duty: Duty, lead: int) -> None:
    register, _, run = duty.order.reference.partition("/")
    event = "entries of a register are due soon" if lead else "entries of a register are overdue"
    log.get().warning(
        event,
        register=register,
        run=int(run),
        duty=duty.kind.value,
        remedy=f"see: filterd register show {register}; filterd register answers {run}",
    )


def _figures(duties: Sequence[Duty], now: float, waiting: int) -> DeadlineMetrics:
    left: dict[str, float] = {}
    for each in duties:  # the soonest first
        left.setdefault(each.kind.value, each.due_at + 1 - now)
    overdue = {kind.value: 0 for kind in DeadlineKind if kind is not DeadlineKind.TERM}
    overdue |= {each.value: 0 for each in (HouseDuty.REQUEST, *sorted(OF_LISTS))}
    for each in duties:
        overdue[each.kind.value] += each.overdue(now)
    return DeadlineMetrics(overdue=overdue, left=left, waiting=waiting)
