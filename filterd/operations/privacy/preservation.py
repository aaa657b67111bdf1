"""Makes and ends preservation holds (CNPP 303): what deletes existing records leaves out what they name.

One person is enough to begin one, and to end one early with a reason. A hold ends by itself, at its moment:
no job has to run. It captures nothing and makes no record of what a line does. The audit trail shows the
lines of a hold as digests under the seal of each; people who help holders do not see holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.arco import ArcoKind
from filterd.model.preservation import DAY, LONGEST, LONGEST_DAYS, MAX_LINES, PreservationHold
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError, UnknownError
from filterd.operations.privacy.arco import ShownArco
from filterd.operations.privacy.classes import DataClass, classes
from filterd.store import preservation as rows
from filterd.store import subscribers
from filterd.store.ledger import HOLD, HOLD_END
from filterd.store.write import Write

ERASED = ("registration", "consent", "persons", "changes")
"""classes of which an erasure deletes records: a hold of them on every line stops every erasure"""
STAND_IN = "(not known: made after the backup that was restored)"
UNKNOWN = (
    "preservation holds made or ended after the backup are not known: compare filterd hold list with the"
    " documents, and enter what is missing (filterd hold add); the backup still has what was deleted"
)
"""a restore's remark where there is no ledger to ask"""
GONE = "its row is gone"
KEPT = next(each.seconds for each in classes() if each.id == "holds")
"""seconds for which the record of a hold is kept after its end"""
SOON = 7 * DAY
"""seconds before a hold's end at which ``doctor`` speaks of it"""
_REFERENCE = re.compile(r"H-([0-9]{1,18})", re.IGNORECASE)
_PARTS = ("authority", "official", "document", "ground", "reason")


@dataclass(frozen=True, slots=True)
class HoldDemand:
    """A demand to keep records, as a person enters it. ``until``: ISO 8601 with offset; or ``days`` from
    now. Without classes, every class that is kept by line; without subscribers, every line."""

    authority: str = ""
    official: str = ""
    document: str = ""
    ground: str = ""
    reason: str = ""
    until: str = ""
    days: int = 0
    classes: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownHold:
    """A hold as those see it who may."""

    hold: PreservationHold
    ids: tuple[str, ...]
    """of the lines that it is limited to"""
    state: str
    """in force, over, ended"""


@dataclass(frozen=True, slots=True)
class HoldsStanding:
    """The holds in force."""

    count: int
    ending: tuple[PreservationHold, ...]
    """those that end within :data:`SOON`, the first in front"""


async def add(context: Context, demand: HoldDemand) -> ShownHold:
    """Put a hold in force. OperationError names everything that is missing or cannot be held."""
    context.require_person()
    made = _complete(context, demand)
    async with context.store.write(context.actor, context.clock()) as write:
        lines, digests = await _lines(write.connection, demand.subscribers)
        made = replace(
            made, number=write.before.revision + 1, made_by=context.actor, lines=lines, line_count=len(lines)
        )
        _require_within(made, await rows.every(write.connection))
        await rows.add(write.connection, made)
        write.end(HOLD, made.until)
        write.audit("hold.add", subject(made), reason=made.reason, after=_audited(made) | {"lines": digests})
    return await show(context, made.reference)


async def end(context: Context, name: str, *, reason: str) -> ShownHold:
    """End a hold before its time. No restore brings it back."""
    context.require_person()
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await _require(write.connection, name)
        if not found.holds(write.now):
            message = f"the hold {found.reference} is over since {clock_time(found.ended_at or found.until)}"
            raise ConflictError(message, "see those in force with: filterd hold list")
        await _end(write, found, because)
    return await show(context, name)


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """End the hold with this number, which was ended before a restore brought it back. False where there is
    nothing to end."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find(write.connection, number)
        if found is None or found.ended_at:
            return False
        await _end(write, found, reason)
    return True


async def begin_again(context: Context, number: int, *, until: int) -> bool:
    """Put a stand-in in the place of a hold that was made after the backup: of that one the ledger has the
    number and the end alone, so everything that may be held is. False where the restored store has it, or it
    is over."""
    now = int(context.clock())
    async with context.store.write(context.actor, now) as write:
        if until <= now or await rows.find(write.connection, number) is not None:
            return False
        every = tuple(each.id for each in classes() if each.hold)
        lost, end_at = STAND_IN, min(until, now + LONGEST)
        made = PreservationHold(
            number, lost, lost, lost, lost, lost, every, (), 0, context.actor, now, end_at
        )
        await rows.add(write.connection, made)
        write.end(HOLD, made.until)
        write.audit("hold.add", subject(made), reason=lost, after=_audited(made))
    return True


async def stand_ins(context: Context) -> list[str]:
    """A remark for each hold in force that stands in for one that a restore lost."""
    async with context.store.read() as connection:
        found = await rows.in_force(connection, context.clock())
    return [
        f"{each.reference} was made after the backup: until {clock_time(each.until)} nothing is deleted that"
        f" a hold may name, and no line is erased. Enter the demand again from its document (filterd hold"
        f" add), then: filterd hold end {each.reference} --reason ..."
        for each in found
        if each.authority == STAND_IN
    ]


async def list_holds(context: Context, *, everything: bool = False) -> list[ShownHold]:
    """The holds in force, the one that ends first in front; with ``everything`` all, newest first."""
    now = context.clock()
    async with context.store.read() as connection:
        found = await (rows.every(connection) if everything else rows.in_force(connection, now))
        return [await _shown(connection, each, now) for each in found]


async def show(context: Context, name: str) -> ShownHold:
    """The hold of this reference (H-7)."""
    async with context.store.read() as connection:
        return await _shown(connection, await _require(connection, name), context.clock())


async def of_line(connection: AsyncConnection, line: int, now: float) -> PreservationHold | None:
    """The hold that keeps a line from being erased for longest; None: none does."""
    found = [each for each in await rows.in_force(connection, now) if _keeps(each, line)]
    return max(found, key=lambda each: each.until, default=None)


async def require_erasable(
    connection: AsyncConnection, context: Context, line: int, *, frank: bool = True
) -> None:
    """Refuse an erasure that a hold stops. ``frank``: say by whose demand; others learn the day only.

    A restore erases again what was erased before: that was decided when nothing held it.
    """
    found = await of_line(connection, line, context.clock())
    if found is None or context.way == "restore":
        return
    day = clock_time(found.until)
    message = f"not erased: a duty to preserve records keeps this line's until {day}"
    if frank:
        message += f" ({found.reference}, {found.authority}, {found.ground})"
    remedy = (
        "erase it after that; an opt-out and the end of the contract work now. An access request for its data"
        " is answered as ever"
    )
    raise ConflictError(message, remedy)


async def held_requests(context: Context, requests: Sequence[ShownArco]) -> dict[str, int]:
    """Until when (Unix seconds) a hold stops what open requests for cancellation ask for, by reference."""
    now = context.clock()
    async with context.store.read() as connection:
        holds = await rows.in_force(connection, now)
    asked = [each for each in requests if each.request.kind is ArcoKind.CANCELLATION]
    found = {}
    for each in asked:
        until = max((hold.until for hold in holds if _keeps(hold, each.request.line)), default=0)
        if until and not each.request.closed_at:
            found[each.reference] = until
    return found


async def standing(context: Context) -> HoldsStanding:
    """The holds in force, for metrics and ``doctor``."""
    now = context.clock()
    async with context.store.read() as connection:
        holds = await rows.in_force(connection, now)
    return HoldsStanding(len(holds), tuple(each for each in holds if each.until < now + SOON))


async def altered(context: Context) -> list[tuple[str, str]]:
    """The holds whose row is not what was decided: the subject in the trail, and why."""
    async with context.store.read() as connection:
        told = await rows.told(connection)
        there = {each.number: each for each in await rows.every(connection)}
        in_force = [each for each in there.values() if each.holds(context.clock())]
        moved = [each.number for each in in_force if await _moved(connection, each, told)]
    found = [(number, GONE) for number in told.keys() - there.keys() if _is_due(told[number], context)]
    for number, hold in there.items():
        said = told.get(number)
        if said is None:
            found.append((number, "no decision on it is on record"))
        elif number in moved or any(said.get(name) != value for name, value in _audited(hold).items()):
            found.append((number, "its row is not what was decided"))
    return [(f"hold:{number}", fault) for number, fault in sorted(found)]


async def _moved(
    connection: AsyncConnection, hold: PreservationHold, told: Mapping[int, Mapping[str, Any]]
) -> bool:
    """True where a hold in force is not on its lines: none of them is erased meanwhile."""
    digests = told.get(hold.number, {}).get("lines")
    if digests is None:
        return False
    ids = (await subscribers.names(connection, hold.lines)).values()
    return bool(sorted((await _lines(connection, tuple(ids)))[1]) != sorted(digests))


def _is_due(told: Mapping[str, Any], context: Context) -> bool:
    """True where the row of a hold must be there: its own term is not over."""
    over = told.get("ended_at") or told.get("until") or 0
    return float(over) + KEPT > context.clock()


def subject(hold: PreservationHold) -> str:
    """The name of a hold in the audit trail."""
    return f"hold:{hold.number}"


def _keeps(hold: PreservationHold, line: int) -> bool:
    """True where the hold stops the erasure of a line."""
    return line in hold.lines or (hold.whole and not set(ERASED).isdisjoint(hold.classes))


def _complete(context: Context, demand: HoldDemand) -> PreservationHold:
    missing = [each for each in _PARTS if not getattr(demand, each).strip()]
    if not demand.until.strip() and not demand.days:
        missing.append("days")
    if not demand.classes and not demand.subscribers:
        missing.append("class")
    if missing:
        message = f"the hold is incomplete: it lacks {', '.join(missing)}"
        raise OperationError(message, f"give {', '.join(f'--{each}' for each in missing)}")
    now = int(context.clock())
    return PreservationHold(
        number=0,
        authority=input_values.text(demand.authority, "authority"),
        official=input_values.text(demand.official, "official"),
        document=input_values.text(demand.document, "document number"),
        ground=input_values.text(demand.ground, "legal ground", limit=1000),
        reason=input_values.text(demand.reason, "reason", limit=1000),
        classes=_classes(demand),
        lines=(),
        line_count=0,
        made_by="",
        made_at=now,
        until=_until(demand, now),
    )


def _until(demand: HoldDemand, now: int) -> int:
    if demand.until.strip() and demand.days:
        message = "the hold has two ends: a moment, and a number of days"
        raise OperationError(message, "give --until or --days")
    until = input_values.when(demand.until, "the end") if demand.until.strip() else now + demand.days * DAY
    if until <= now:
        message = "the hold would end before it begins"
        raise OperationError(message, "give a later end")
    if until > now + LONGEST:
        message = f"a hold lasts {LONGEST_DAYS} days at most (CNPP 303)"
        raise OperationError(message, f"give --days {LONGEST_DAYS}, or less")
    return until


def _classes(demand: HoldDemand) -> tuple[str, ...]:
    """The classes that are named, or all that are kept by line. OperationError for one that no hold may
    name."""
    known = {each.id: each for each in classes()}
    if not demand.classes:
        return tuple(each.id for each in classes() if each.hold == "line")
    named = tuple(dict.fromkeys(each.strip() for each in demand.classes))
    for each in named:
        if each not in known or not known[each].hold:
            raise _not_held(each, known.get(each))
        if demand.subscribers and known[each].hold != "line":
            message = f"the class {each} is not kept by line: a hold of it cannot be limited to subscribers"
            raise OperationError(message, "make a hold of its own for it, without --subscriber")
    return named


def _not_held(name: str, found: DataClass | None) -> OperationError:
    may = ", ".join(each.id for each in classes() if each.hold)
    if found is None:
        return OperationError(f"there is no class of data {name[:64]!r}", f"choose among: {may}")
    message = f"no hold may name {name}: {found.holds['en']}"
    return OperationError(message, f"a hold keeps administrative records that exist: {may}")


async def _lines(connection: AsyncConnection, ids: Sequence[str]) -> tuple[tuple[int, ...], list[str]]:
    """The numbers of lines, and their digests for the audit trail, each under the seal of its line."""
    from filterd.operations import lines

    if len(ids) > MAX_LINES:
        message = f"a hold is limited to {MAX_LINES} lines at most, and these are {len(ids)}"
        raise OperationError(message, "make several holds under several documents, or one of a class")
    found: dict[int, str] = {}
    for each in ids:
        line = await lines.require(connection, each)
        sealed = await subscribers.find_sealed(connection, line.id)
        found[line.line] = input_values.sealed(sealed[1] if sealed else "", ["hold", line.line])
    return tuple(sorted(found)), [found[each] for each in sorted(found)]


def _require_within(made: PreservationHold, others: Sequence[PreservationHold]) -> None:
    """One demand is not stretched: what comes under the same document ends with the first one's 90 days."""
    same = [each.made_at for each in others if each.paper == made.paper]
    last = min(same, default=made.made_at) + LONGEST
    if made.until > last:
        message = (
            f"{made.document} of {made.authority} is on record since {clock_time(min(same))}, and holds until"
            f" {clock_time(last)} at most: {LONGEST_DAYS} days in all (CNPP 303)"
        )
        raise ConflictError(message, "give an earlier end; more than that takes a new demand of its own")


async def _require(connection: AsyncConnection, name: str) -> PreservationHold:
    match = _REFERENCE.fullmatch(name.strip())
    found = await rows.find(connection, int(match[1])) if match else None
    if found is None:
        message = f"there is no hold {name.strip()[:64]!r}"
        raise UnknownError(message, "see those that exist with: filterd hold list --all")
    return found


async def _end(write: Write, found: PreservationHold, reason: str) -> None:
    ended = replace(found, ended_by=write.actor, ended_at=int(write.now), end_reason=reason)
    await rows.end(write.connection, ended)
    write.end(HOLD_END, ended.number)
    write.audit("hold.end", subject(ended), reason=reason, before=_audited(found), after=_audited(ended))


def _audited(hold: PreservationHold) -> dict[str, Any]:
    """The hold as the audit trail shows it, without its lines."""
    return {
        "authority": hold.authority,
        "official": hold.official,
        "document": hold.document,
        "ground": hold.ground,
        "classes": list(hold.classes),
        "line_count": hold.line_count,
        "until": hold.until,
        "ended_at": hold.ended_at,
    }


async def _shown(connection: AsyncConnection, hold: PreservationHold, now: float) -> ShownHold:
    names = await subscribers.names(connection, hold.lines)
    ids = tuple(names[each] for each in hold.lines if each in names)
    state = "in force" if hold.holds(now) else "ended" if hold.ended_at else "over"
    return ShownHold(hold, ids, state)


def clock_time(at: float) -> str:
    """A moment (Unix seconds) as refusals tell it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
