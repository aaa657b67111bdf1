"""Registers as they stand: adoption, pulls, what is held, what waits for an answer or a delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterAdoption, RegisterItem, RegisterPull, RegisterRun, RunState
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.operations.registers import adopting, capacity, troubles
from filterd.operations.registers.capacity import CapacityUse
from filterd.operations.registers.finding import require_register
from filterd.operations.safe_texts import safe_text
from filterd.store import registers as rows


@dataclass(frozen=True, slots=True)
class RegisterStatus:
    """A register and how it stands."""

    register: RegisterSettings
    adoption: RegisterAdoption | None
    """the last word on it, be it whole or not"""
    adopted: bool
    pull: RegisterPull | None
    newest: RegisterRun | None
    held: tuple[RegisterRun, ...]
    late: tuple[RegisterRun, ...]
    """those whose answers are due and not all there"""
    undelivered: tuple[RegisterRun, ...]
    capacity: tuple[CapacityUse, ...]

    @property
    def problem(self) -> str:
        """The need for a person, in a few words; empty: there is none."""
        if not self.adopted:
            return "not adopted"
        if self.held:
            return f"held: {self.held[-1].problem}"
        if self.late:
            return f"answers are late: {self.late[0].problem or 'not answered'}"
        if self.pull is not None and self.pull.problem:
            return self.pull.problem
        return "answers are not taken" if any(each.trouble for each in self.undelivered) else ""


async def statuses(context: Context) -> list[RegisterStatus]:
    """Every register of the settings."""
    rooms = await capacity.capacity(context)
    now = context.clock()
    async with context.store.read() as connection:
        pulls, waiting = await rows.pulls(connection), await rows.open_runs(connection)
        found = []
        for each in context.settings.registers:
            own = [run for run in waiting if run.register == each.id]
            newest = await rows.runs(connection, each.id, limit=1)
            status = RegisterStatus(
                register=each,
                adoption=await rows.adoption(connection, each.id),
                adopted=await adopting.standing(connection, each) is not None,
                pull=pulls.get(each.id),
                newest=newest[0] if newest else None,
                held=tuple(run for run in own if run.state is RunState.HELD),
                late=tuple(run for run in own if not run.answered_at and run.due_at < now),
                undelivered=tuple(run for run in own if run.next_at),
                capacity=tuple(use for use in rooms if use.authority == each.authority),
            )
            found.append(status)
    return found


async def show(context: Context, identifier: str) -> RegisterStatus:
    """One register. Raises UnknownError."""
    register = require_register(context, identifier)
    return next(each for each in await statuses(context) if each.register.id == register.id)


async def list_runs(
    context: Context, identifier: str, *, before: int = 0, limit: int = 100
) -> list[RegisterRun]:
    """The documents of a register, newest first; ``before``: those with a smaller run number."""
    register = require_register(context, identifier)
    async with context.store.read() as connection:
        return await rows.runs(connection, register.id, before=before, limit=limit)


async def show_run(
    context: Context, number: int, *, after: int = 0, limit: int = 1_000
) -> tuple[RegisterRun, Sequence[RegisterItem]]:
    """A document with its items behind ``after``. Raises UnknownError."""
    async with context.store.read() as connection:
        found = await rows.numbered(connection, number)
        if found is None:
            message = f"no document was taken in as run {number}"
            raise UnknownError(message, "see: filterd register show REGISTER")
        return found, await rows.items(connection, number, after=after, limit=limit)


async def retry_open(context: Context, identifier: str = "", *, refused: bool = False) -> int:
    """Put what is open in force and answer it, of one register or all; one that fails keeps no other waiting.
    Returns how many items were answered. Raises what failed first, once all were tried. ``refused``: take up,
    too, what documents were refused for a reason that is gone; that is a person's word, never a clock's."""
    chosen = [require_register(context, identifier)] if identifier else list(context.settings.registers)
    count, failed = 0, []
    for each in chosen:
        try:
            count += await put_in_force(context, each, refused=refused)
        except Exception as error:
            failed.append(error)
        await asyncio.sleep(0)
    if failed:
        raise failed[0]
    return count


async def put_in_force(context: Context, register: RegisterSettings, *, refused: bool = False) -> int:
    """Put in force what is open of one register, and answer it; ``refused`` as of :func:`retry_open`. Returns
    how many items were answered. Raises OperationError, and whatever else fails; that of a list is on record
    with the register then."""
    from filterd.operations.registers import applying, list_files, opening, retaking

    if not register.list:
        return await retaking.retake(context, register) if refused else 0
    count, failed = 0, []
    try:
        await opening.open_due(context, register)
    except Exception as error:
        failed.append(error)  # what is open does not wait for it
    try:
        async with list_files.alone_with(context, register):
            count = await applying.apply(context, register)
    except Exception as error:
        failed.append(error)
    await troubles.note_open(context, register, safe_text(failed[0]) if failed else "")
    if failed:
        raise failed[0]
    return count


def plain_status(status: RegisterStatus) -> dict[str, Any]:
    """The status as plain values. Times are Unix seconds, 0 for none."""
    register, pull = status.register, status.pull
    return {
        "id": register.id,
        "kind": register.kind,
        "authority": register.authority,
        "ground": register.ground,
        "list": register.list,
        "source": register.source,
        "adopted": status.adopted,
        "adopted_by": [] if status.adoption is None else list(status.adoption.people),
        "asked_by": "" if status.adoption is None else status.adoption.asked_by,
        "pulled_at": 0.0 if pull is None else pull.good_at,
        "pull_problem": "" if pull is None else pull.problem,
        "newest": "" if status.newest is None else status.newest.document,
        "newest_received_at": 0.0 if status.newest is None else status.newest.received_at,
        "held": len(status.held),
        "late": len(status.late),
        "undelivered": len(status.undelivered),
        "capacity": [
            {"kind": use.kind, "declared": use.declared, "used": use.used} for use in status.capacity
        ],
        "problem": status.problem,
    }
