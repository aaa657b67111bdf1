"""Raises an alarm at each lead before a deadline of an order, and once it has passed; each once.

Alarms are noted in the store before anybody is told, so that a restart repeats none; what is told stays noted
until it was taken. A clock that was ahead raised alarms too early: once it is right again they are forgotten,
and raised at their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from filterd.config.alarm_settings import AlarmSettings
from filterd.config.settings import Settings
from filterd.model.order_alarm import MAIL, OVERDUE, AlarmKey
from filterd.operations.context import Context
from filterd.operations.orders.duties import Duty
from filterd.policy.jurisdictions import DeadlineKind
from filterd.store import alarms as rows

WEBHOOK = "webhook:"
CLOCKS_AGREE = 60.0
"""seconds by which an alarm may have been raised later than now without a clock having been wrong"""


@dataclass(frozen=True, slots=True)
class Raised:
    """What one look raised."""

    duties: tuple[tuple[Duty, int], ...] = ()
    """the duties that alarm anew, each with its lead in seconds; 0: it is overdue"""
    forgotten: int = 0
    """alarms of a clock that was ahead"""


@dataclass(slots=True)
class _Plan:
    """What one look is going to note."""

    passed: list[AlarmKey] = field(default_factory=list)
    told: list[tuple[Duty, AlarmKey]] = field(default_factory=list)


def leads_of(duty: Duty, settings: AlarmSettings) -> tuple[int, ...]:
    """The leads of a duty in seconds, the shortest first: those that are shorter than its whole time, else
    half of it (of 30 minutes: 15); and 0, when it is overdue."""
    wanted = settings.before_review if duty.kind is DeadlineKind.REVIEW else settings.before
    whole = duty.due_at - int(duty.began_at)
    fitting = sorted({int(each) for each in wanted if each < whole})
    if not fitting and wanted and whole > 1:
        fitting = [whole // 2]
    return (OVERDUE, *fitting)


def key_of(duty: Duty, lead: int) -> AlarmKey:
    """The alarm of a duty at a lead."""
    return AlarmKey(duty.due_at, duty.order.number, duty.kind.value, lead)


def channels(settings: Settings) -> tuple[str, ...]:
    """Those who are told."""
    mailed = () if settings.mail is None else (MAIL,)
    return (*(WEBHOOK + each.id for each in settings.orders.alarms.webhooks), *mailed)


async def raise_due(context: Context, duties: Sequence[Duty]) -> Raised:
    """Note the alarms whose time has come. Of several leads that passed at once only the shortest is told."""
    now, settings = context.clock(), context.settings
    async with context.store.read() as connection:
        before = await rows.raised(connection)
    early = _too_early(before, now)
    known = before.keys() - set(early)
    plan = _plan(duties, known, settings.orders.alarms, now)
    if not early and not plan.passed:
        return Raised()
    told = [(key, channel) for _, key in plan.told for channel in channels(settings)]
    async with context.store.report() as connection:
        await rows.forget(connection, early)
        await rows.add(connection, plan.passed, told, now)
    return Raised(tuple((duty, key.lead) for duty, key in plan.told), len(early))


def _plan(duties: Iterable[Duty], known: Iterable[AlarmKey], settings: AlarmSettings, now: float) -> _Plan:
    known = set(known)
    plan = _Plan()
    for duty in duties:
        keys = [key_of(duty, lead) for lead in leads_of(duty, settings) if now >= _begins(duty.due_at, lead)]
        fresh = [each for each in keys if each not in known]
        plan.passed += fresh
        if keys and keys[0] in fresh:
            plan.told.append((duty, keys[0]))
    return plan


def _begins(due_at: int, lead: int) -> int:
    """The first second of an alarm; that of an overdue duty is the one after its last."""
    return due_at - lead if lead else due_at + 1


def _too_early(known: dict[AlarmKey, float], now: float) -> list[AlarmKey]:
    return [
        key
        for key, raised_at in known.items()
        if raised_at > now + CLOCKS_AGREE and now < _begins(key.due_at, key.lead)
    ]
