"""Control's end of the commands on sessions (``operations.sessions.protocol``)."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeGuard

from filterd.accounting.attributes import StatusType
from filterd.accounting.claimable import NOT_A_LINES, ClaimNetworks, is_loopback
from filterd.accounting.session_view import SessionClaim, SessionView
from filterd.accounting.sessions import Sessions
from filterd.disk.local_server import LocalServer, Tell, say_nothing
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.session import SessionSource
from filterd.operations import input_values
from filterd.operations.errors import OperationError
from filterd.operations.sessions import claims, protocol
from filterd.operations.sessions.protocol import (
    LARGEST_LINE,
    LAST_LINE,
    LAST_PORT,
    MOST_LINES,
    MOST_SESSIONS,
    MOST_SHOWN,
    NO_ROOM,
    RefusedSession,
    SessionsRefused,
    ToldSession,
    to_line,
)
from filterd.policy.fingerprint import fingerprint
from filterd.serve.sessions.follower import subscriber_fingerprint

LONGEST_SUBSCRIBER = 128
"""characters, as the store has them"""
UNKNOWN = "unknown command"
SHOW = f"show takes a line from 1 to {LAST_LINE}, or an address and a port from 0 to {LAST_PORT}"
STAMPED = 1.5
"""seconds; the table keeps stamps to the second"""
SLICE = 50
"""sessions of a command between which others have a turn"""
YEAR = 366 * 86_400
"""seconds; the longest that a command may say a session lasts"""
LOOK = "see what it has: filterd session show ADDRESS"
MAKE_ROOM = (
    "raise accounting.sessions, then: sudo systemctl restart filterd-control; or make room on the disk: "
    "/readyz of control says which of them"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The key, the clock, the default end and the networks by which told sessions are taken."""

    key: bytes
    clock: Callable[[], float]
    stale_after: Callable[[], int]
    networks: Callable[[], ClaimNetworks] = ClaimNetworks
    """those in which claims count"""


class SessionCommands:
    """Takes commands from :meth:`start` to :meth:`close`. Owned by the event loop."""

    def __init__(
        self,
        path: Path,
        table: Sessions,
        terms: Terms,
        counts: Callable[[], Mapping[str, object]],
        tell: Tell = say_nothing,
    ) -> None:
        self.path = path
        self._table = table
        self._terms = terms
        self._counts = counts
        self.refused = 0
        """addresses that no session may have"""
        self._without_room = 0
        """refusals for want of room before the present command"""
        self._server = LocalServer(path, self._serve, LARGEST_LINE, tell)

    @property
    def failure(self) -> str:
        """Why nobody can connect; empty: anybody may who should."""
        return self._server.failure

    async def start(self) -> None:
        """Begin to listen. Raises ``OSError``, and tries again all the same."""
        await self._server.start()

    async def close(self) -> None:
        """Stop listening and close all connections."""
        await self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(to_line(await self.execute(line)))
            await writer.drain()

    async def execute(self, line: bytes) -> Mapping[str, object]:
        """The reply to a command."""
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise SessionsRefused(UNKNOWN)
            return await self._perform(command)
        except (ValueError, RecursionError) as error:
            return {"error": str(error) if isinstance(error, SessionsRefused) else "no JSON"}

    async def _perform(self, command: Mapping[str, Any]) -> Mapping[str, object]:
        match command.get("command"):
            case "put" | "end" as word:
                return await self._take(word, command.get("sessions"))
            case "list":
                return {"counts": self._counts()}
            case "count":
                return await self._count(command.get("lines"))
            case "show":
                return self._show(command)
        raise SessionsRefused(UNKNOWN)

    async def _take(self, word: str, told: Any) -> Mapping[str, object]:
        if not isinstance(told, list) or not 1 <= len(told) <= MOST_SESSIONS:
            msg = f"{word} takes 1 to {MOST_SESSIONS} sessions"
            raise SessionsRefused(msg)
        refused: list[RefusedSession] = []
        unregistered = 0
        ends: list[float] = []
        self._without_room = self._table.counts().refused_full
        for at, fields in enumerate(told):
            if at % SLICE == SLICE - 1:
                await asyncio.sleep(0)  # the stream and the metrics go on between
            try:
                session = ToldSession.from_fields(fields)
                view = self._put(session) if word == "put" else self._end(session)
            except OperationError as error:
                refused.append(RefusedSession(at, str(error), error.remedy))
            except ValueError as error:
                refused.append(RefusedSession(at, str(error)))
            else:
                if view is not None:
                    unregistered += not view.line
                    ends.append(view.until)
        listed = [each.fields() for each in refused]
        outcome = {"taken": len(told) - len(refused), "unregistered": unregistered, "refused": listed}
        return outcome | ({"until": min(ends)} if ends else {})

    def _put(self, told: ToldSession) -> SessionView | None:
        subscriber = input_values.text(told.subscriber, "subscriber", limit=LONGEST_SUBSCRIBER)
        known = subscriber_fingerprint(self._terms.key, subscriber)
        now = self._terms.clock()
        lasts = self._terms.stale_after() if told.until is None else _lasts(told.until - now)
        entries = [claims.claim(each) for each in told.addresses]
        self._refuse_elsewhere(entries)
        at = self._hand_over(told, entries, known, lasts, StatusType.START)
        view = self._table.holder(entries[0].entry)
        if view is None and self._table.counts().refused_full > self._without_room:
            raise OperationError(NO_ROOM, MAKE_ROOM)
        if view is None or view.source != told.source or abs(view.stamp - at) > STAMPED:
            message = f"not taken: something newer is known of {entries[0]}"
            raise OperationError(message, LOOK)
        return view

    def _refuse_elsewhere(self, entries: list[claims.Claim]) -> None:
        """Raise OperationError for an address that no session may have."""
        networks = self._terms.networks()
        for each in entries:
            if networks.take(each.address, each.length):
                continue
            self.refused += 1
            if networks.covers(each.address, each.length):
                message = f"{each} is no address of a line: {NOT_A_LINES}"
                remedy = "give the address that the line has"
                if is_loopback(each.address):
                    remedy += ", or for a trial on this machine add 127.0.0.0/8 to accounting.pools"
                raise OperationError(message, remedy)
            message = f"{each} lies in no network of accounting.pools"
            remedy = "if lines have it, add its network there, then: sudo systemctl reload filterd-control"
            raise OperationError(message, remedy)

    def _end(self, told: ToldSession) -> SessionView | None:
        entries = [claims.claim(each) for each in told.addresses]
        known = any(self._table.holder(each.entry) for each in entries)
        if not known and not self._table.unsettled:
            raise self._not_there(entries)
        self._hand_over(told, entries, b"", 0, StatusType.STOP)  # a resolver may have one that was lost here
        if any(self._table.holder(each.entry) for each in entries):
            message = "not ended: something newer is known of it"
            raise OperationError(message, LOOK)
        return None

    def _not_there(self, entries: list[claims.Claim]) -> OperationError:
        """The refusal to end what no session has by itself: a wider one may cover it."""
        for each in entries:
            view = self._table.find(each.address, 0 if each.ports is None else each.ports[0])
            for wider in () if view is None else map(_as_told, view.claims):
                if wider.covers(each):
                    message = f"no session has {each} by itself: the session of {wider} covers it"
                    return OperationError(message, f"to end that one: filterd session end {wider}")
        return OperationError(
            "no session has it", "none is to be ended: filterd session list counts those there are"
        )

    def _hand_over(
        self, told: ToldSession, entries: list[claims.Claim], subscriber: bytes, lasts: int, kind: int
    ) -> float:
        """Give it to the table; returns the time that it is stamped with."""
        key, now = self._terms.key, self._terms.clock()
        stamp = now if told.at is None else input_values.past(told.at, now, "at")
        nas = fingerprint(key, identity_input(IdentityKind.NAS, told.source.word.encode()))
        text = " ".join(map(str, entries)).encode()
        session = fingerprint(key, identity_input(IdentityKind.SESSION, nas + text))
        self._table.put(
            [each.entry for each in entries],
            subscriber=subscriber or bytes(16),
            session=session if subscriber else bytes(16),
            nas=nas,
            source=int(told.source),
            stamp=stamp,
            lasts=lasts,
            kind=kind,
        )
        return stamp

    async def _count(self, lines: Any) -> Mapping[str, object]:
        if not isinstance(lines, list) or not 1 <= len(lines) <= MOST_LINES:
            msg = f"count takes 1 to {MOST_LINES} lines"
            raise SessionsRefused(msg)
        numbers = await asyncio.to_thread(self._numbers, lines)
        return {"sources": {each.word: number for each, number in numbers.items()}}

    def _numbers(self, lines: list[Any]) -> Mapping[SessionSource, int]:
        """The number of sessions of these lines. It visits the whole table, without the GIL."""
        if not all(_is_number(each, 1, LAST_LINE) for each in lines):
            msg = f"a line is from 1 to {LAST_LINE}"
            raise SessionsRefused(msg)
        return self._table.count_lines(array("Q", sorted(set(lines))))

    def _show(self, command: Mapping[str, Any]) -> Mapping[str, object]:
        line, address, port = command.get("line"), command.get("address"), command.get("port", 0)
        if _is_number(line, 1, LAST_LINE):
            views, count = self._table.of_line(line, MOST_SHOWN)
            return _shown(views, count)
        if line is not None or not isinstance(address, str) or not _is_number(port, 0, LAST_PORT):
            raise SessionsRefused(SHOW)
        try:
            place = claims.place(address)[0].address
        except OperationError as error:
            raise SessionsRefused(str(error)) from error
        found = self._table.find(place, port)
        if found is None and self._table.is_ambiguous(place):
            return {"sessions": [], "count": 0, "ambiguous": True}
        return _shown([found], 1) if found is not None else _shown([], 0)


def _shown(views: Sequence[SessionView], count: int) -> Mapping[str, object]:
    return {"sessions": [protocol.session_fields(each.session()) for each in views], "count": count}


def _as_told(claim: SessionClaim) -> claims.Claim:
    whole = SessionClaim(claim.address, claim.length)
    return claims.Claim(ip_network(whole.text), claim.ports)


def _is_number(value: Any, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _lasts(left: float) -> int:
    """The whole seconds, one at least, of the time until the end that was told. Raises OperationError."""
    if left <= 0:
        message = "it has ended already"
        raise OperationError(
            message, "give an end that lies ahead; to end a session: filterd session end ADDRESS"
        )
    if left > YEAR:
        message = "it would last for more than a year"
        raise OperationError(
            message, "give an end within a year; an address that stays is a binding: filterd binding add"
        )
    return max(1, int(left))
