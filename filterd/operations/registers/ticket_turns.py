"""One turn with a platform of tickets: the visit, full lists, and what is protected here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.control_file import ControlFileError
from filterd.feed.registers.ticket_messages import TicketMessageError
from filterd.feed.registers.ticket_plan import FullComparison
from filterd.fetch.failures import FetchError
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.registers.pulling import note
from filterd.operations.registers.ticket_channel import TicketChannel
from filterd.operations.registers.ticket_full import comparison, reconcile
from filterd.operations.registers.ticket_replies import tell_protected
from filterd.operations.registers.ticket_visits import TicketMemory, TicketVisit, visit

if TYPE_CHECKING:
    from filterd.fetch.ticket_platform import Platform

ABSENT = (
    "blocked here, and in neither the full list nor a ticket: {count}; that stays blocked until somebody "
    "decides: filterd register compare {register}"
)
LEFT_OPEN = (
    "opened by a ticket that was cancelled since, and in no full list: {count}; that stays open: "
    "ask the platform for a new ticket"
)
SHOWN = 3
"""problems of single tickets that are told; of the others their number"""


@dataclass(frozen=True, slots=True)
class TicketTurn:
    """The outcome of a turn."""

    visit: TicketVisit
    compared: FullComparison | None = None
    """None: it was not time for it"""
    problem: str = ""
    """for people; empty: everything was as it should be"""


async def turn_and_note(
    context: Context, register: RegisterSettings, channel: TicketChannel, *, compare: bool = False
) -> TicketTurn:
    """As :func:`turn`, and note how it went. Raises OperationError."""
    try:
        done = await turn(context, register, channel, compare=compare)
    except OperationError as error:
        await note(context, register, str(error))
        raise
    await note(context, register, done.problem)
    return done


async def look(context: Context, register: RegisterSettings, channel: TicketChannel) -> TicketTurn:
    """The tickets that a turn would take and lift, and the comparison with the full lists; nothing changes.
    Raises OperationError."""
    try:
        async with channel.connected(context, register) as platform:
            memory = channel.memory(register.id)
            done = await visit(context, register, platform, memory, dry_run=True)
            return TicketTurn(done, await comparison(context, register, platform))
    except (FetchError, TicketMessageError, ControlFileError) as error:
        raise _failed(register, error) from None


async def turn(
    context: Context, register: RegisterSettings, channel: TicketChannel, *, compare: bool = False
) -> TicketTurn:
    """Visit the platform, and hold its full lists against ours where it is time, or ``compare``. Raises
    OperationError where nothing could be done; what is in force stays."""
    try:
        async with channel.connected(context, register) as platform:
            memory, about = channel.memory(register.id), register.platform
            done = await visit(context, register, platform, memory)
            compared, told = None, ""
            age = context.clock() - memory.compared_at
            due = about is None or not 0 <= age < about.compare_every
            if compare or due or done.taken_back:
                compared, memory.trouble = await _compared(context, register, platform, memory)
                told = await _told(register, platform, memory)
            problems = [memory.trouble, told, *_standing(register, memory), *_shown(done.problems)]
            return TicketTurn(done, compared, "; ".join(filter(None, problems)))
    except (FetchError, TicketMessageError) as error:
        raise _failed(register, error) from None


def _standing(register: RegisterSettings, memory: TicketMemory) -> Iterator[str]:
    """The findings of the last comparison that a person has to decide on."""
    if memory.absent:
        yield ABSENT.format(count=len(memory.absent), register=register.id)
    if memory.left_open:
        yield LEFT_OPEN.format(count=len(memory.left_open))


def _shown(problems: Sequence[str]) -> list[str]:
    more = len(problems) - SHOWN
    return [*problems[:SHOWN], *([f"and {more} more of single tickets"] if more > 0 else [])]


def _failed(register: RegisterSettings, error: Exception) -> OperationError:
    message = f"the platform of the register {register.id}: {error}"
    return OperationError(message, "what is in force stays; it is asked again")


async def _compared(
    context: Context, register: RegisterSettings, platform: Platform, memory: TicketMemory
) -> tuple[FullComparison | None, str]:
    """The comparison, or why there is none. What the visit did stays done."""
    try:
        return await reconcile(context, register, platform, memory), ""
    except (ControlFileError, TicketMessageError, OperationError, FetchError) as error:
        return None, f"the full list: {error}"


async def _told(register: RegisterSettings, platform: Platform, memory: TicketMemory) -> str:
    """Tell the platform what the provider protects; why that was not taken, or empty."""
    if register.platform is None:
        return ""
    try:
        await tell_protected(platform, register.platform.protected, memory)
    except FetchError as error:
        return f"what is protected here was not told: {error}"
    return ""
