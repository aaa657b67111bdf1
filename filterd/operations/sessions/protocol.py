"""The commands on sessions to a running control, over the Unix socket ``state_dir/sessions-command.sock``.

One line of JSON is one command and gets one line back. Times are Unix seconds; ``at``, ``until`` and
``source`` may be left out::

    {"command": "put", "sessions": [{"addresses": ["192.0.2.7"], "subscriber": "S-1", "at": 1764190000,
     "until": 1764276400, "source": "command" or "lease"}, ...]}
                             ->   {"taken": 1, "unregistered": 0,
                                   "refused": [{"at": 0, "reason": ..., "remedy": ...}],
                                   "until": 1764276400}
    {"command": "end", "sessions": [{"addresses": ["192.0.2.7"], "at": ..., "source": ...}, ...]}
                             ->   the same
    {"command": "list"}      ->   {"counts": {...}}
    {"command": "count", "lines": [7, 9]}
                             ->   {"sources": {"radius": 1, "lease": 0, "command": 0}}
    {"command": "show", "line": 7}
                             ->   {"sessions": [{"addresses", "line", "source", "confirmed_at", "until"}],
                                   "count": 1}
    {"command": "show", "address": "192.0.2.1", "port": 1024}
                             ->   the same, and "ambiguous": true where two lines claim the address
    anything else            ->   {"error": "..."}

An address may be ``192.0.2.7``, ``2001:db8:1::/56`` or ``192.0.2.1:1024-2047``; a session has four at most.
``at`` in ``refused`` is the place in the command; ``remedy`` is left out where the reason says it. ``count``
is the number of sessions that there are; the reply has the first 1,000 of them. A line is from 1 to
2**48 - 1, a port from 0 (none) to 65535. ``until`` is the first end of the sessions that were taken, and is
left out where none was. ``lines`` are 50,000 at most. Who sends a line for each lease needs nothing else of
filterd.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.model.session import Session, SessionSource

SOCKET = "sessions-command.sock"
LARGEST_LINE = 1 << 20
MOST_SESSIONS = 1000
"""in one command"""
MOST_ADDRESSES = 4
"""of one session"""
MOST_LINES = 50_000
"""whose sessions one command counts; they fit in :data:`LARGEST_LINE`"""
MOST_SHOWN = 1000
"""sessions in one reply"""
LAST_LINE = (1 << 48) - 1
LAST_PORT = 65_535
NO_ROOM = "the table of sessions, or its disk, is full"
"""the reason of a refusal that is not about the session"""

AMBIGUOUS = "is nobody's: two lines claimed it at one time, and the clocks do not tell who was later"
CONTESTED = (
    "the next packet or lease of the line that has it decides; at once: filterd session put ADDRESS "
    "SUBSCRIBER; where it comes again, look at the clocks: NTP on the NASes"
)
"""the remedy for an address that is nobody's so"""


class SessionsRefused(ValueError):  # noqa: N818 - a refusal by control, not a fault of ours
    """Control refused a command; the message is its reason."""


@dataclass(frozen=True, slots=True)
class ToldSession:
    """A session as a command tells of it."""

    addresses: tuple[str, ...]
    subscriber: str = ""
    """empty: of the end of a session"""
    at: float | None = None
    """when it was so; None: now"""
    until: float | None = None
    """None: as long as ``accounting.stale_after`` says"""
    source: SessionSource = SessionSource.COMMAND

    def fields(self) -> dict[str, object]:
        """The values of JSON."""
        value: dict[str, object] = {"addresses": list(self.addresses)}
        if self.subscriber:
            value["subscriber"] = self.subscriber
        value |= {key: each for key, each in (("at", self.at), ("until", self.until)) if each is not None}
        if self.source != SessionSource.COMMAND:
            value["source"] = self.source.word
        return value

    @classmethod
    def from_fields(cls, fields: Any) -> ToldSession:
        """The session in the values of JSON. Raises ValueError."""
        if not isinstance(fields, Mapping):
            msg = "a session is an object"
            raise ValueError(msg)
        addresses = fields.get("addresses")
        if not isinstance(addresses, list) or not 1 <= len(addresses) <= MOST_ADDRESSES:
            msg = f"a session has 1 to {MOST_ADDRESSES} addresses"
            raise ValueError(msg)
        word = fields.get("source", "command")
        if word not in ("command", "lease"):
            msg = "the source is command or lease"
            raise ValueError(msg)
        subscriber = fields.get("subscriber", "")
        if not isinstance(subscriber, str) or not all(isinstance(each, str) for each in addresses):
            msg = "addresses and subscriber are texts"
            raise ValueError(msg)
        at, until = (_time(fields.get(key)) for key in ("at", "until"))
        return cls(tuple(addresses), subscriber, at, until, SessionSource[word.upper()])


@dataclass(frozen=True, slots=True)
class RefusedSession:
    """A session of a command that was not taken."""

    at: int
    """its place in the command, from 0"""
    reason: str
    remedy: str = ""
    """empty: the reason says what to mend"""

    def fields(self) -> dict[str, object]:
        """The values of JSON."""
        return {"at": self.at, "reason": self.reason} | ({"remedy": self.remedy} if self.remedy else {})

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


@dataclass(frozen=True, slots=True)
class ToldOutcome:
    """The fate of the sessions of a command."""

    taken: int
    unregistered: int
    """taken ones whose subscriber nobody has registered: unknown until somebody does"""
    refused: tuple[RefusedSession, ...] = ()
    until: float | None = None
    """Unix seconds of the first end of those that were taken; None: none was, or they were ended"""
    without_room: int = 0
    """refused ones for which there was no room: nothing is wrong with them"""


@dataclass(frozen=True, slots=True)
class SessionsOfLine:
    """The first sessions of a line."""

    sessions: tuple[Session, ...]
    count: int
    """all that it has"""


@dataclass(frozen=True, slots=True)
class SessionsOfAddress:
    """The session of an address: one, or none."""

    sessions: tuple[Session, ...]
    ambiguous: bool = False
    """true: it has none because two lines claim it"""


def sessions_line(word: str, told: Sequence[ToldSession]) -> bytes:
    """The command ``put`` or ``end``."""
    return to_line({"command": word, "sessions": [each.fields() for each in told]})


def list_line() -> bytes:
    """The command to count."""
    return to_line({"command": "list"})


def count_line(lines: str) -> bytes:
    """The command to count the sessions of some lines: an array of JSON."""
    return b'{"command":"count","lines":%b}\n' % lines.encode()


def show_line(*, line: int | None = None, address: str = "", port: int = 0) -> bytes:
    """The command to show the sessions of a line, or the one of an address and port."""
    wanted = {"line": line} if line is not None else {"address": address, "port": port}
    return to_line({"command": "show", **wanted})


def outcome_of(reply: bytes) -> ToldOutcome:
    """The outcome in control's reply. Raises SessionsRefused and ValueError."""
    fields = _accepted(reply, "taken")
    refused = tuple(
        RefusedSession(int(each["at"]), str(each["reason"]), str(each.get("remedy", "")))
        for each in fields["refused"]
    )
    until = fields.get("until")
    end = None if until is None else float(until)
    return ToldOutcome(int(fields["taken"]), int(fields["unregistered"]), refused, end)


def counts_of(reply: bytes) -> dict[str, Any]:
    """The counts in control's reply. Raises SessionsRefused and ValueError."""
    return dict(_accepted(reply, "counts")["counts"])


def sources_of(reply: bytes) -> dict[SessionSource, int]:
    """The number of sessions by what told of them, in control's reply. Raises SessionsRefused and
    ValueError."""
    counted = _accepted(reply, "sources")["sources"]
    return {each: int(counted[each.word]) for each in SessionSource}


def sessions_of(reply: bytes) -> list[Session]:
    """The sessions in control's reply. Raises SessionsRefused and ValueError."""
    return [
        Session(
            addresses=tuple(map(str, each["addresses"])),
            line=int(each["line"]),
            source=SessionSource[str(each["source"]).upper()],
            confirmed_at=float(each["confirmed_at"]),
            until=float(each["until"]),
        )
        for each in _accepted(reply, "sessions")["sessions"]
    ]


def line_of(reply: bytes) -> SessionsOfLine:
    """The sessions of a line in control's reply. Raises SessionsRefused and ValueError."""
    sessions = tuple(sessions_of(reply))
    return SessionsOfLine(sessions, int(_accepted(reply, "sessions").get("count", len(sessions))))


def address_of(reply: bytes) -> SessionsOfAddress:
    """The session of an address in control's reply. Raises SessionsRefused and ValueError."""
    ambiguous = _accepted(reply, "sessions").get("ambiguous") is True
    return SessionsOfAddress(tuple(sessions_of(reply)), ambiguous)


def session_fields(session: Session) -> dict[str, object]:
    """A session as the reply to ``show`` has it."""
    return {
        "addresses": list(session.addresses),
        "line": session.line,
        "source": session.source.word,
        "confirmed_at": session.confirmed_at,
        "until": session.until,
    }


def to_line(value: Mapping[str, object]) -> bytes:
    """One line of the protocol."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _accepted(reply: bytes, key: str) -> dict[str, Any]:
    fields = json.loads(reply)
    if isinstance(fields, dict) and key in fields:
        return fields
    reason = fields.get("error") if isinstance(fields, dict) else None
    raise SessionsRefused(str(reason or "not the reply of control"))


def _time(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        msg = "times are Unix seconds"
        raise ValueError(msg)
    return float(value)
