"""The end of PINs, sessions and links with what they rest on: consent, contract, and line."""

from __future__ import annotations

from filterd.model.portal import PortalSession, SignInMethod
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.store import pins
from filterd.store import portal as rows
from filterd.store.ledger import PIN_END
from filterd.store.write import Write


async def end_pin(write: Write, line: int) -> bool:
    """Delete the PIN of a line with the wrong ones and the sessions by it. False: it had none. The caller
    audits it."""
    if not await pins.find(write.connection, line):
        return False
    await pins.remove(write.connection, line)
    await pins.forget_tries(write.connection, line)
    await end_pin_sessions(write, line)
    write.end(PIN_END, line)
    return True


async def end_pin_sessions(write: Write, line: int, but: PortalSession | None = None) -> None:
    """End the sessions by the PIN of a line, but one."""
    numbers = await rows.sessions_on(write.connection, line, method=SignInMethod.PIN)
    kept = 0 if but is None else but.number
    await rows.end_sessions(write.connection, [each for each in numbers if each != kept])


async def end_with_consent(write: Write, line: int) -> None:
    """Consent of a line ends, and the PIN with it."""
    if await end_pin(write, line):
        write.audit("subscriber.pin_ended", lines.subject(line))


async def end_with_contract(write: Write, line: int) -> None:
    """The line has another holder, or none: nobody who signed in for it may do anything more. The caller
    audits it."""
    await end_with_consent(write, line)
    await pins.forget_tries(write.connection, line)
    await rows.end_line(write.connection, line)


async def end_again(context: Context, line: int, *, reason: str) -> bool:
    """Take the PIN off the line with this number: it was changed, or closed by wrong ones, before a restore
    brought it back. False where there is none."""
    async with context.store.write(context.actor, context.clock()) as write:
        if not await end_pin(write, line):
            return False
        write.audit("subscriber.pin_ended", lines.subject(line), reason=reason)
    return True


async def end_all(context: Context) -> None:
    """End every session and link: a restored store has those of another time."""
    async with context.store.report() as connection:
        await rows.end_all(connection)
