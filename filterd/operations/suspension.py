"""The suspension of parental filtering: for every line at once, for a while, when a profile's lists do harm.

It works as if each line had paused: categories, services, schedules, safe search and bypass prevention are
off. Own block names, security and what is mandatory stay.
"""

from __future__ import annotations

from filterd.model.lifting import Lifting, LiftingKind
from filterd.operations import input_values, liftings
from filterd.operations.context import Context, OperationError
from filterd.store import liftings as rows

_INSTEAD = "give the same command again where it has to last"


async def suspend(context: Context, seconds: int, *, reason: str) -> Lifting:
    """Turn parental filtering off for so many seconds; it comes back by itself. One that is in force gets the
    new time."""
    because = input_values.text(reason, "reason", limit=1000)
    lasting = liftings.span(seconds, LiftingKind.SUSPENSION, _INSTEAD)
    async with context.store.write(context.actor, context.clock()) as write:
        present = await rows.in_force(write.connection, LiftingKind.SUSPENSION, int(write.now))
        made = await liftings.make(write, LiftingKind.SUSPENSION, lasting, because)
        for each in present:
            await liftings.end(write, each, f"replaced by {made.number}")
    return made


async def resume(context: Context, *, reason: str = "") -> tuple[Lifting, ...]:
    """Turn parental filtering on again before the time."""
    because = input_values.text(reason, "reason", limit=1000, required=False)
    async with context.store.write(context.actor, context.clock()) as write:
        present = await rows.in_force(write.connection, LiftingKind.SUSPENSION, int(write.now))
        if not present:
            message = "parental filtering is not suspended"
            raise OperationError(message, "see what one line gets with: filterd check NAME --subscriber ID")
        return tuple([await liftings.end(write, each, because) for each in present])


async def present(context: Context) -> Lifting | None:
    """The suspension in force; None: there is none."""
    async with context.store.read() as connection:
        found = await rows.in_force(connection, LiftingKind.SUSPENSION, int(context.clock()))
    return found[-1] if found else None
