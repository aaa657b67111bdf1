"""The roster: who is on duty when, how to reach them, and what is told ahead of a gap or a change.

LMTR 183-IV asks for an office that is there 24 hours a day, 365 days a year, and that a change of the officer
is told to the authority 24 hours ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from filterd.model import roster as arithmetic
from filterd.model.duty import ContactKind, DutyContact, Shift
from filterd.model.roster import Gap
from filterd.operations import input_values, plain_values
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.reviews.terms import country_of
from filterd.store import roster as rows

LONGEST_SHIFT = 7 * 86_400
KEPT_PAST = 30 * 86_400
"""seconds of past shifts that are shown"""
MAX_DAYS = 92
_TELEPHONE = 64


@dataclass(frozen=True, slots=True)
class RosterLook:
    """The roster as it is at a moment."""

    zone: str
    now: tuple[Shift, ...]
    shifts: tuple[Shift, ...]
    """that end later than now, and those of the last month"""
    gaps: tuple[Gap, ...]
    """of the time ahead that ``duty.roster_ahead`` says; none while no shift was ever noted"""
    untold: tuple[Shift, ...]
    """shifts to come that begin with another officer, which no authority was told of"""
    contacts: tuple[DutyContact, ...]

    def contact(self, name: str) -> DutyContact | None:
        """The way to reach somebody; None: nobody noted it."""
        return next((each for each in self.contacts if each.id == name), None)


async def look(context: Context) -> RosterLook:
    """The roster with its gaps and changes."""
    now = context.clock()
    async with context.store.read() as connection:
        shifts = await rows.shifts(connection, now - KEPT_PAST)
        contacts = await rows.contacts(connection)
    ahead = now + context.settings.duty.roster_ahead
    gaps = arithmetic.gaps(shifts, now, ahead) if shifts else ()
    changed = [each for each in arithmetic.changes(shifts) if each.begins_at > now and not each.told_at]
    running = arithmetic.on_duty(shifts, now)
    zone = country_of(context).zone
    return RosterLook(zone, running, tuple(shifts), gaps, tuple(changed), tuple(contacts))


async def add(context: Context, account: str, begins_at: int, ends_at: int, *, deputy: str = "") -> Shift:
    """Put somebody on the roster. Raises OperationError."""
    return (await add_all(context, [Shift(0, account, begins_at, ends_at, deputy)]))[0]


async def add_all(context: Context, shifts: Sequence[Shift], *, replacing: bool = False) -> list[Shift]:
    """Put shifts on the roster, all or none. The same shift again changes nothing. ``replacing``: those on
    the roster that begin in the stretch of the new ones go."""
    checked = [_checked(each) for each in shifts]
    if not checked:
        message = "there is no shift in it"
        raise OperationError(message, "give at least one")
    begins, ends = min(each.begins_at for each in checked), max(each.ends_at for each in checked)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await rows.shifts(write.connection)
        if replacing:
            gone = [each for each in before if begins <= each.begins_at < ends]
            await rows.drop_shifts(write.connection, [each.number for each in gone])
            before = [each for each in before if each not in gone]
        known = {(each.account, each.begins_at, each.ends_at): each for each in before}
        made = []
        for each in checked:
            same = known.get((each.account, each.begins_at, each.ends_at))
            made.append(same or await rows.add_shift(write.connection, each))
        after = {"shifts": len(checked), "begins_at": begins, "ends_at": ends, "replacing": replacing}
        accounts = sorted({each.account for each in checked})
        write.audit("roster.add", "roster:shifts", after={**after, "accounts": accounts})
    return made


async def add_week(
    context: Context, monday: str, accounts: Sequence[str], *, hand_over: str = "08:00", days: int = 7
) -> list[Shift]:
    """Fill days from a date on, by local time: the officers take turns, a day each. A day in which clocks
    change is an hour shorter or longer."""
    if not accounts or not 0 < days <= MAX_DAYS:
        message = f"give at least one account, and 1 to {MAX_DAYS} days"
        raise OperationError(message, "such as: filterd duty roster week 2026-11-30 ana ben")
    try:
        first, at = date.fromisoformat(monday), time.fromisoformat(hand_over)
    except ValueError:
        message = "the day or the hour cannot be read"
        raise OperationError(message, "write them as 2026-11-30 and 08:00") from None
    found = arithmetic.week(first, tuple(accounts), at, country_of(context).zone, days)
    return await add_all(context, [Shift(0, *each) for each in found], replacing=True)


async def remove(context: Context, number: int, *, reason: str) -> None:
    """Take a shift off the roster. Raises UnknownError."""
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        if not await rows.drop_shifts(write.connection, [number]):
            raise _unknown_shift(number)
        write.audit("roster.remove", "roster:shifts", reason=because, after={"shift": number})


async def told(context: Context, number: int, *, reference: str) -> int:
    """Note that the authority was told of the change of officer with which a shift begins, and of those
    before it; the number of shifts. ``reference``: of the notice."""
    paper = input_values.text(reference, "reference of the notice")
    async with context.store.write(context.actor, context.clock()) as write:
        shifts = await rows.shifts(write.connection)
        wanted = next((each for each in shifts if each.number == number), None)
        if wanted is None:
            raise _unknown_shift(number)
        numbers = [each.number for each in shifts if not each.told_at and each.begins_at <= wanted.begins_at]
        if not numbers:
            message = "the authority was told of that change already"
            raise ConflictError(message, "see the roster: filterd duty roster show")
        await rows.tell_shifts(write.connection, numbers, write.now, paper)
        after = {"shift": number, "shifts": len(numbers), "reference": paper}
        write.audit("roster.told", "roster:shifts", after=after)
    return len(numbers)


async def put_contact(context: Context, given: DutyContact) -> DutyContact:
    """Note how to reach an officer or an authority, in place of what was noted before."""
    made = checked_contact(given)
    async with context.store.write(context.actor, context.clock()) as write:
        await rows.put_contact(write.connection, made)
        write.audit("roster.contact", f"roster:{made.kind.value}", after={"id": made.id})
    return made


async def remove_contact(context: Context, name: str) -> None:
    """Forget how to reach somebody. Raises UnknownError."""
    async with context.store.write(context.actor, context.clock()) as write:
        before = await rows.find_contact(write.connection, name.strip())
        if before is None:
            message = f"there is no contact {name.strip()[:64]!r}"
            raise UnknownError(message, "see those that exist with: filterd duty contact list")
        await rows.drop_contact(write.connection, before.id)
        write.audit("roster.contact", f"roster:{before.kind.value}", before={"id": before.id})


def checked_contact(given: DutyContact) -> DutyContact:
    """A contact in the store's form. Raises OperationError."""
    made = DutyContact(
        input_values.text(given.id, "account or authority", limit=128),
        given.kind,
        input_values.text(given.name or given.id, "name"),
        input_values.text(given.telephone, "telephone", limit=_TELEPHONE),
        input_values.text(given.mail, "mail address", required=False),
        input_values.text(given.deputy, "deputy", limit=128, required=False),
        input_values.text(given.note, "note", limit=1000, required=False),
    )
    if made.deputy and made.kind is ContactKind.AUTHORITY:
        message = "a deputy goes with an officer"
        raise OperationError(message, "leave it out, and note further numbers in the note")
    return made


def local(moment: int, zone: str) -> str:
    """A moment by the clock of a zone, with its offset: ``2026-11-30T08:00-06:00``; the number of seconds
    where no clock shows it."""
    try:
        return datetime.fromtimestamp(moment, ZoneInfo(zone)).isoformat(timespec="minutes")
    except (ValueError, OverflowError, OSError):
        return plain_values.moment(moment)


def _checked(shift: Shift) -> Shift:
    account = input_values.text(shift.account, "account", limit=128)
    deputy = input_values.text(shift.deputy, "deputy", limit=128, required=False)
    input_values.meant(shift.begins_at, "the beginning of the shift")
    input_values.meant(shift.ends_at, "the end of the shift")
    if not 0 < shift.ends_at - shift.begins_at <= LONGEST_SHIFT:
        message = "a shift ends after it begins, and lasts seven days at most"
        raise OperationError(message, "mind the offsets; give several shifts for a longer time")
    return replace(shift, account=account, deputy=deputy)


def _unknown_shift(number: int) -> UnknownError:
    message = f"there is no shift {number}"
    return UnknownError(message, "see the roster: filterd duty roster show")


def plain_shift(shift: Shift, zone: str) -> dict[str, object]:
    """A shift with its local times."""
    return {**asdict(shift), "begins": local(shift.begins_at, zone), "ends": local(shift.ends_at, zone)}
