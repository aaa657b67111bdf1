"""``/api/v1/sessions``: which line has an address at this moment. Control, on this machine, has them.

Who had an address before is known nowhere. Each look at one is audited, without the address. A token that
is limited to some lines sees and counts the sessions of those, and tells of none: a session takes its
address from whichever line had it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import Field

from filterd.model.token import Permission
from filterd.operations.plain_values import plain, with_times
from filterd.operations.repeats import Said
from filterd.operations.sessions import commands, explaining, showing
from filterd.operations.sessions.commands import ShownSessions
from filterd.operations.sessions.protocol import MOST_ADDRESSES, ToldOutcome, ToldSession
from filterd.web.api.callers import Caller
from filterd.web.api.fields import Items, Moment, Plain, RequestBody, SubscriberId
from filterd.web.api.problems import RefusedCall
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import whole_read

routes = router("sessions")
Address = Annotated[str, Field(min_length=1, max_length=64)]
AddressAsked = Annotated[str, Query(min_length=1, max_length=64, description="192.0.2.7, or ADDRESS:PORT.")]
LARGEST_PACKET = 65_536
"""letters"""


class SessionGiven(RequestBody):
    """An address, or several, that a line has from now on."""

    addresses: Annotated[tuple[Address, ...], Items(MOST_ADDRESSES, least=1)]
    subscriber: SubscriberId
    until: Moment | None = Field(None, description="Good until then; null: as accounting.stale_after says.")
    at: Moment | None = Field(None, description="It has been so since; null: now.")


class PacketGiven(RequestBody):
    """An accounting packet, to be explained."""

    packet: str = Field(
        min_length=2, max_length=LARGEST_PACKET, description="The UDP payload, in hexadecimal."
    )
    sender: str = Field("", max_length=64, description="The address that it came from.")


@routes.get("/sessions/counts", **takes(Permission.SESSIONS_READ))
async def count(caller: Called) -> Plain:
    """Count the sessions, by what told of them. A token that is limited to some lines counts theirs alone."""
    if not caller.token.lines:
        return await commands.counts(caller.context)
    with whole_read(caller.state):
        return await commands.counts_of_lines(caller.context, caller.token.lines)


@routes.get("/sessions", **takes(Permission.SESSIONS_READ))
async def show(
    caller: Called,
    address: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    subscriber: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
) -> Plain:
    """Show the session of an address, or those of a line, the first 1,000. That you looked is audited."""
    if (address is None) == (subscriber is None):
        message = "give address, or subscriber"
        raise RefusedCall(HTTPStatus.UNPROCESSABLE_ENTITY, message, "ask for one of the two")
    if subscriber is not None:
        found = await commands.show_line(caller.context, caller.require_line(subscriber))
    else:
        found = await showing.show_client(caller.context, address or "")
    return _shown(found, caller)


@routes.post("/sessions", status_code=201, **takes(Permission.SESSIONS_WRITE))
async def put(attempt: Attempted, caller: Called, body: SessionGiven) -> Plain:
    """Tell that a line has addresses from now on. Whoever had them before has them no more."""
    _require_unlimited(caller)
    told = ToldSession(
        body.addresses,
        body.subscriber,
        None if body.at is None else body.at.timestamp(),
        None if body.until is None else body.until.timestamp(),
    )

    async def act() -> Said:
        return Said(_told(await commands.put(caller.context, told)))

    return (await once(attempt, caller, act)).values


@routes.delete("/sessions", **takes(Permission.SESSIONS_WRITE))
async def end(
    caller: Called,
    address: AddressAsked,
    at: Annotated[Moment | None, Query(description="It ended then; null: now.")] = None,
) -> Plain:
    """End the session of an address: it is nobody's until something tells of it anew."""
    _require_unlimited(caller)
    return _told(await commands.end(caller.context, address, None if at is None else at.timestamp()))


@routes.post("/sessions/explain", **takes(Permission.SESSIONS_WRITE))
async def explain(caller: Called, body: PacketGiven) -> Plain:
    """Say what an accounting packet would do, and what to mend. It changes nothing."""
    _require_unlimited(caller)
    content = body.packet.encode("ascii", "replace")
    found: Plain = with_times(plain(await explaining.explain_content(caller.context, content, body.sender)))
    return found


def _require_unlimited(caller: Caller) -> None:
    """Refuse a token that is limited to some lines: an address may be another one's."""
    if caller.token.lines:
        message = "this token is limited to some lines, and a session takes an address from any line"
        raise RefusedCall(HTTPStatus.FORBIDDEN, message, "use a token without --lines")


def _shown(found: ShownSessions, caller: Caller) -> Plain:
    """The sessions; those of lines that the token does not reach are as unknown as what is not there."""
    limited = bool(caller.token.lines)
    seen = [each for each in found.sessions if caller.reaches(each.subscriber)]
    items = [
        {
            "subscriber": each.subscriber or None,
            "line": each.session.line or None,
            "addresses": list(each.session.addresses),
            "source": each.session.source.word,
            "confirmed_at": each.session.confirmed_at,
            "until": each.session.until,
        }
        for each in seen
    ]
    return {
        "items": with_times(items),
        "count": len(seen) if limited else found.count,
        "ambiguous": found.ambiguous and not limited,
        "reason": "" if limited else found.reason,
    }


def _told(outcome: ToldOutcome) -> Plain:
    found: Plain = with_times(
        {"taken": outcome.taken, "unregistered": outcome.unregistered, "until": outcome.until}
    )
    return found
