"""Makes and ends liftings: the steps that exceptions and suspensions share. One person is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from filterd.model.changelog import LiftingChange
from filterd.model.lifting import Lifting, LiftingKind
from filterd.model.rule import Scope
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.store import liftings as rows
from filterd.store.ledger import LIFTING_END
from filterd.store.store import Write


def span(seconds: int, kind: LiftingKind, instead: str) -> int:
    """A time for which a lifting of this kind may hold, in seconds. ``instead`` says what to do else."""
    if 0 < seconds <= kind.longest:
        return seconds
    hours = kind.longest // 3600
    message = (
        f"an {kind} cannot last {seconds} seconds"
        if kind is LiftingKind.EXCEPTION
        else (f"a {kind} cannot last {seconds} seconds")
    )
    raise OperationError(message, f"make it at most {hours} hours; {instead}")


async def make(write: Write, kind: LiftingKind, seconds: int, reason: str, **named: Any) -> Lifting:
    """Put a lifting in force within a write, as its first change. ``named``: the name and scope of an
    exception."""
    made = Lifting(
        number=write.before.revision + 1,
        kind=kind,
        name=named.get("name", ""),
        scope=named.get("scope", Scope.SUBTREE),
        reason=reason,
        made_by=write.actor,
        made_at=int(write.now),
        until=int(write.now) + seconds,
    )
    await rows.add(write.connection, made)
    write.change(change_of(made))
    write.audit(f"{kind}.add", subject(made), reason=reason, after=audited(made))
    return made


async def end(write: Write, before: Lifting, reason: str) -> Lifting:
    """End a lifting within a write. No restore brings it back."""
    ended = replace(before, ended_by=write.actor, ended_at=int(write.now))
    await rows.end(write.connection, ended.number, ended.ended_by, ended.ended_at)
    write.change(change_of(ended))
    write.end(LIFTING_END, ended.number)
    write.audit(
        f"{before.kind}.end", subject(before), reason=reason, before=audited(before), after=audited(ended)
    )
    return ended


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """End the lifting with this number, which was ended before a restore brought it back. False where the
    restored store does not have it, or it is over."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find(write.connection, number)
        if found is None or not found.holds(int(write.now)):
            return False
        await end(write, found, input_values.text(reason, "reason", limit=1000))
    return True


def change_of(lifting: Lifting) -> LiftingChange:
    """The lifting as nodes apply it."""
    if lifting.ended_at:
        return LiftingChange(lifting.number, lifting.kind, lifting.made_at, lifting.until, ended=True)
    return LiftingChange(
        lifting.number, lifting.kind, lifting.made_at, lifting.until, lifting.name, lifting.scope
    )


def subject(lifting: Lifting) -> str:
    """The name of a lifting in the audit trail."""
    return f"{lifting.kind}:{lifting.number}"


def audited(lifting: Lifting) -> dict[str, Any]:
    """The lifting as the audit trail shows it."""
    shown: dict[str, Any] = {"until": lifting.until, "ended_at": lifting.ended_at}
    if lifting.kind is LiftingKind.EXCEPTION:
        shown |= {"name": lifting.name, "scope": lifting.scope.word}
    return shown
