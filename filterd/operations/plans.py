"""The hours of a line: a weekly plan of its own in the place of its profile's schedule, and holidays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from filterd.config.policy_documents import DAYS
from filterd.model.adjustments import MOST_HOLIDAYS, Adjustments
from filterd.model.line import LineChoices
from filterd.model.slot import OneSlot, Slot
from filterd.model.subscriber import Subscriber
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.operations.ends import clock_of
from filterd.operations.errors import OperationError
from filterd.operations.held_profiles import policies_held
from filterd.operations.plan_file import PlanError, read_plan
from filterd.operations.policies import policies, profile
from filterd.policy.documents import Policies, Text

HOLIDAYS_AHEAD = 731
"""days: further ahead a holiday is a mistake"""
ADULTS_TOO = Text(
    es="«Todo» cierra casi todo Internet en toda la casa, también para personas adultas, cámaras, alarmas y"
    " televisores. Queda abierto solo lo protegido y lo de la lista: pide verla y prueba antes lo tuyo.",
    en="“Everything” closes almost all Internet of the whole house, for adults, cameras, alarms and"
    " televisions too. Only what is protected and what is on the list stays open: ask to see it, and try"
    " yours before.",
)
"""what the line's holder must hear of hours that close everything"""


@dataclass(frozen=True, slots=True)
class LineHours:
    """The hours of a line."""

    own: bool
    """they are its own plan, not its profile's schedule"""
    slots: tuple[Slot, ...]
    holidays: tuple[str, ...]
    """days on which no slot begins"""
    once: tuple[OneSlot, ...]
    """closings that come once"""

    @property
    def everything(self) -> bool:
        """True if some slot closes everything."""
        return any(slot.everything for slot in self.slots)


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The wanted change of a line's hours, as typed."""

    text: str | None = None
    """a plan in YAML"""
    name: str = "plan"
    """the file, in messages"""
    as_profile: bool = False
    """back to the profile's schedule"""
    holidays: tuple[str, ...] = ()
    """days to add"""
    workdays: tuple[str, ...] = ()
    """days to take off the holidays"""


async def show(context: Context, subscriber: str) -> tuple[Subscriber, LineHours]:
    """A line and its hours."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
    return found, hours_of(found.choices, await policies_held(context, found.choices))


async def change(context: Context, subscriber: str, wanted: PlanChange) -> tuple[Subscriber, LineHours]:
    """Change the plan and the holidays of a line. Everything that is wrong is in one error."""
    documents = policies(context)
    errors: list[str] = []
    plan = await asyncio.to_thread(_plan, wanted, documents, errors)  # a long one takes a while to read
    days = {each: _day(each, errors) for each in (*wanted.holidays, *wanted.workdays)}

    def step(old: LineChoices, now: float) -> LineChoices:
        lines.require_opted_in(old, subscriber)
        today = datetime.fromtimestamp(now, clock_of(old.zone)).date()
        found = [*errors, *_misplaced(wanted, days, old.adjustments, today)]
        if found:
            raise OperationError(
                "\n".join(found), "mend these, and give the command again; nothing was changed"
            )
        added = (day.isoformat() for each in wanted.holidays if (day := days[each]))
        gone = {day.isoformat() for each in wanted.workdays if (day := days[each])}
        kept = (each for each in old.adjustments.holidays if each >= today.isoformat())
        holidays = tuple(sorted({*kept, *added} - gone))
        if len(holidays) > MOST_HOLIDAYS:
            message = f"{len(holidays)} holidays: a line may have {MOST_HOLIDAYS}"
            raise OperationError(
                message, "take some off with --no-holiday; those that passed go by themselves"
            )
        adjusted = replace(old.adjustments, holidays=holidays)
        if wanted.as_profile or plan is not None:
            adjusted = replace(adjusted, plan=plan)
        return replace(old, adjustments=adjusted)

    found = await lines.update(context, subscriber, "plan", step)
    return found, hours_of(found.choices, await policies_held(context, found.choices))


def hours_of(choices: LineChoices, documents: Policies) -> LineHours:
    """The hours that a line has by its plan, or else by its profile, as ``documents`` have it."""
    adjusted = choices.adjustments
    slots = adjusted.plan
    if slots is None:
        slots = profile(documents, choices.profile).schedule if choices.profile else ()
    return LineHours(adjusted.plan is not None, slots, adjusted.holidays, adjusted.once)


def slot_words(slot: Slot) -> dict[str, Any]:
    """A slot in the words of a plan file."""
    return {"days": [DAYS[day] for day in slot.days], "from": clock(slot.start), "until": clock(slot.end)} | (
        closed_words(slot)
    )


def closed_words(slot: Slot | OneSlot) -> dict[str, Any]:
    """The things that a slot closes, in the words of a plan file."""
    if slot.everything:
        left = {} if slot.leaves is None else {"leaves": list(slot.leaves)}
        return {"block": "everything", **left}
    return {"block": {"categories": list(slot.categories), "services": list(slot.services)}}


def clock(minutes: int) -> str:
    """Minutes after midnight as ``21:00``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _plan(wanted: PlanChange, documents: Policies, errors: list[str]) -> tuple[Slot, ...] | None:
    if wanted.text is None:
        return None
    try:
        return read_plan(wanted.text, wanted.name, documents)
    except PlanError as error:
        errors.extend(str(error).splitlines())
        return None


def _day(text: str, errors: list[str]) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        errors.append(f"no day: {text[:64]!r} (write it like 2026-12-25)")
        return None


def _misplaced(
    wanted: PlanChange, days: dict[str, date | None], present: Adjustments, today: date
) -> Iterable[str]:
    """The days that cannot be holidays, and those that are none."""
    last = today + timedelta(days=HOLIDAYS_AHEAD)
    for day in _read(wanted.holidays, days):
        if not today <= day <= last:
            yield f"{day} has passed, or is more than two years ahead: no holiday"
    for day in _read(wanted.workdays, days):
        if day.isoformat() not in present.holidays:
            known = ", ".join(present.holidays) or "none"
            yield f"{day} is no holiday of the line (its holidays: {known})"


def _read(texts: Sequence[str], days: dict[str, date | None]) -> list[date]:
    return [day for each in texts if (day := days[each]) is not None]
