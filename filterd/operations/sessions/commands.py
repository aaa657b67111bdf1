"""Tells the control on this machine of sessions, and asks it for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from filterd.model.session import Session, SessionSource
from filterd.operations import input_values, lines
from filterd.operations.asking import Asked, ask
from filterd.operations.context import Context, OperationError
from filterd.operations.sessions import claims, protocol
from filterd.operations.sessions.protocol import MOST_SESSIONS, SessionsRefused, ToldOutcome, ToldSession
from filterd.store import subscribers

CONTROL = Asked("control", protocol.SOCKET, SessionsRefused, "runs")
SILENT = "see its log: journalctl -u filterd-control"
ABSENT = "start it: filterd serve --role control (or systemctl start filterd-control); sessions live in it"

NOBODY = "session"
"""the subject in the audit trail where the session that was asked for is no registered line's"""

CORRECT = "correct what it says, and tell it again"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session with the subscriber that it belongs to."""

    session: Session
    subscriber: str
    """empty: nobody has registered it"""


@dataclass(frozen=True, slots=True)
class ShownSessions:
    """The sessions that an address or a line has."""

    sessions: Sequence[ShownSession]
    """the first of them"""
    count: int
    """all that there are"""
    ambiguous: bool = False
    """true: two lines claim the address, so that it is nobody's"""
    inside: str = ""
    """the address that they have, to which a rule for shared addresses led; empty: the one asked for"""
    reason: str = ""
    """why no session can be there, as far as the settings tell"""


async def put(context: Context, told: ToldSession) -> ToldOutcome:
    """Tell of one session. Raises OperationError where it is not taken."""
    return _single(await _send(context.settings.state_dir, "put", [_checked(told, context.clock())]))


async def end(context: Context, address: str, at: float | None = None) -> ToldOutcome:
    """End the session of an address, or of ports of it. Raises OperationError where there is none."""
    canonical = str(claims.claim(address))
    found = await _send(context.settings.state_dir, "end", [ToldSession((canonical,), at=at)])
    return _single(found)


async def put_many(
    context: Context,
    told: Iterable[tuple[int, ToldSession]],
    refuse: Callable[[int, str], None],
    progress: Callable[[int], None] | None = None,
) -> ToldOutcome:
    """Tell of many, each with the number of its line; those that are refused are handed to ``refuse``."""
    taken = unregistered = without_room = 0
    ends: list[float] = []
    for some in _batches(told):
        outcome = await _send(context.settings.state_dir, "put", [each for _, each in some])
        for each in outcome.refused:
            refuse(some[each.at][0], str(each))
            without_room += each.reason == protocol.NO_ROOM
        taken, unregistered = taken + outcome.taken, unregistered + outcome.unregistered
        ends += [] if outcome.until is None else [outcome.until]
        if progress is not None:
            progress(taken)
    return ToldOutcome(taken, unregistered, until=min(ends, default=None), without_room=without_room)


async def counts(context: Context) -> dict[str, Any]:
    """The numbers of sessions."""
    return await _ask(context.settings.state_dir, protocol.list_line(), protocol.counts_of)


async def counts_of_lines(context: Context, begins: str) -> dict[str, Any]:
    """The numbers of the sessions of lines whose ids begin so, in the form of :func:`counts`. Sessions of
    unregistered subscribers belong to no line."""
    numbers = dict.fromkeys(SessionSource, 0)
    after = ""
    while True:
        async with context.store.read() as connection:
            found = await subscribers.lines_beginning(
                connection, begins, after=after, limit=protocol.MOST_LINES
            )
        if found is None:
            break
        lines, after = found
        told = await _ask(context.settings.state_dir, protocol.count_line(lines), protocol.sources_of)
        numbers = {each: number + told[each] for each, number in numbers.items()}
    return {
        "known": {"registered": sum(numbers.values()), "unregistered": 0},
        "sources": {each.word: {"registered": number, "unregistered": 0} for each, number in numbers.items()},
    }


async def show_line(context: Context, subscriber: str) -> ShownSessions:
    """The sessions of a subscriber's line, the first 1,000. That somebody looked is audited."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
    asked = protocol.show_line(line=found.line)
    told = await _ask(context.settings.state_dir, asked, protocol.line_of)
    await _audit(context, found.line)
    return ShownSessions([ShownSession(each, found.id) for each in told.sessions], told.count)


async def show_address(context: Context, text: str, inside: str = "") -> ShownSessions:
    """The session of an address, and of a port where it is shared; where there is none, that of the address
    ``inside`` to which a rule leads. That somebody looked is audited, under the line and without the
    address."""
    place, port = claims.place(text)
    state_dir = context.settings.state_dir
    asked = protocol.show_line(address=str(place), port=port)
    found = await _ask(state_dir, asked, protocol.address_of)
    if found.sessions or found.ambiguous:
        inside = ""
    elif inside:
        found = await _ask(state_dir, protocol.show_line(address=inside, port=0), protocol.address_of)
    async with context.store.read() as connection:
        names = await subscribers.names(connection, sorted({each.line for each in found.sessions}))
    for line in {each.line for each in found.sessions} or {0}:
        await _audit(context, line)
    shown = [ShownSession(each, names.get(each.line, "")) for each in found.sessions]
    return ShownSessions(shown, len(shown), found.ambiguous, inside)


async def _audit(context: Context, line: int) -> None:
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit("session.show", lines.subject(line) if line else NOBODY)


def _checked(told: ToldSession, now: float) -> ToldSession:
    """The same in canonical form, refused here where the remedy can be given."""
    addresses = tuple(str(claims.claim(each)) for each in told.addresses)
    subscriber = input_values.text(told.subscriber, "subscriber", limit=128)
    at = None if told.at is None else input_values.past(told.at, now, "--at")
    if told.until is not None and told.until <= now:
        message = "the session has ended already"
        raise OperationError(message, "give a time that lies ahead; to end a session: filterd session end")
    return ToldSession(addresses, subscriber, at, told.until, told.source)


def _single(outcome: ToldOutcome) -> ToldOutcome:
    for each in outcome.refused:
        message = f"control did not take it: {each.reason}"
        raise OperationError(message, each.remedy or CORRECT)
    return outcome


def _batches(told: Iterable[tuple[int, ToldSession]]) -> Iterator[list[tuple[int, ToldSession]]]:
    rest = iter(told)
    while some := list(islice(rest, MOST_SESSIONS)):
        yield some


async def _send(state_dir: Path, word: str, told: Sequence[ToldSession]) -> ToldOutcome:
    return await _ask(state_dir, protocol.sessions_line(word, told), protocol.outcome_of)


async def _ask(state_dir: Path, line: bytes, read: Callable[[bytes], T]) -> T:
    return await ask(state_dir, line, read, silent=SILENT, absent=ABSENT, role=CONTROL)
