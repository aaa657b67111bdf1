"""Reads what a platform of tickets answers: a login, the tickets, the digests, and whether a reply was taken.

The shape is that of Italy's platform as its clients show it: ``{"status", "data"}`` around everything; a
ticket has an id, names and IPv4 addresses, and the moment of its making. Each answer is a stranger's text:
its size, depth, lengths and types are checked, and a ticket that is wrong is told and keeps no other one out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

MAX_ANSWER = 32 << 20
"""bytes of an answer with all tickets"""
MAX_TICKETS = 20_000
MAX_ITEMS = 10_000
"""names and addresses of one ticket: one order holds no more"""
MAX_ENTRY = 512
"""characters of a name or an address as it was sent"""
MAX_TOKEN = 8_192
_DEEPEST = 12
"""levels of an answer"""
_TICKET_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_MARKS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)
"""texts and brackets; a text that does not end is one too, so that nothing is read twice"""
_LONE = re.compile("[\ud800-\udfff]")
"""what JSON can write and UTF-8 cannot; SUBSTITUTE stands for it, which no name has either"""
_EARLIEST, _LATEST = 1_000_000_000.0, 10_000_000_000.0
"""Unix seconds between which a ticket was made: 2001 to 2286"""
_CANCELLED = frozenset(("cancelled", "canceled", "deleted", "revoked", "undo"))
_UNBLOCKING = frozenset(("unblocking", "unblock"))


class TicketMessageError(ValueError):
    """An answer that cannot be read; the message quotes nothing of it."""


class TicketKind(StrEnum):
    """The demands that a ticket makes."""

    BLOCK = "block"
    UNBLOCK = "unblock"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket as it was sent: its entries are not judged yet."""

    id: str
    made_at: float
    """Unix seconds"""
    kind: TicketKind = TicketKind.BLOCK
    cancelled: bool = False
    """its sender took it back"""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    """addresses that this register does not have: each is refused by itself"""
    broken: tuple[str, ...] = ()
    """entries that are no text of a name or address, as they are told"""

    @property
    def entries(self) -> tuple[str, ...]:
        """Names, then addresses, then what is refused."""
        return (*self.names, *self.addresses, *self.ipv6, *self.broken)


@dataclass(frozen=True, slots=True)
class WrongTicket:
    """A ticket that cannot be read."""

    place: int
    """in the answer, from 1"""
    id: str
    """empty where even that is wrong"""
    because: str


@dataclass(frozen=True, slots=True)
class Tickets:
    """The tickets of one answer, each id once."""

    tickets: tuple[Ticket, ...] = ()
    wrong: tuple[WrongTicket, ...] = ()


@dataclass(frozen=True, slots=True)
class Tokens:
    """A login. Neither is ever shown."""

    access: str
    refresh: str = ""

    def __repr__(self) -> str:
        """Without the tokens."""
        return "Tokens(...)"


def read_tokens(content: bytes) -> Tokens:
    """The tokens of a login or of its renewal. Raises TicketMessageError."""
    data = _data(content, 64 << 10)
    if not isinstance(data, dict):
        message = "the answer to the login has no tokens"
        raise TicketMessageError(message)
    access, refresh = data.get("access_token"), data.get("refresh_token", "")
    if not _is_token(access) or not (refresh == "" or _is_token(refresh)):
        message = "the answer to the login has no tokens"
        raise TicketMessageError(message)
    return Tokens(str(access), str(refresh))


def read_tickets(content: bytes) -> Tickets:
    """All tickets of an answer. Raises TicketMessageError where it is no list of tickets."""
    data = _data(content, MAX_ANSWER)
    if not isinstance(data, list):
        message = "the answer has no list of tickets"
        raise TicketMessageError(message)
    if len(data) > MAX_TICKETS:
        message = f"the answer has more than {MAX_TICKETS} tickets"
        raise TicketMessageError(message)
    found: dict[str, Ticket] = {}
    wrong: list[WrongTicket] = []
    for place, each in enumerate(data, start=1):
        identifier = _identifier(each)
        try:
            ticket = _ticket(each, identifier)
        except TicketMessageError as error:
            wrong.append(WrongTicket(place, identifier, str(error)))
            continue
        if found.get(ticket.id, ticket) != ticket:
            wrong.append(WrongTicket(place, identifier, "another ticket of this answer has the same id"))
            continue
        found[ticket.id] = ticket
    return Tickets(tuple(found.values()), tuple(wrong))


def read_digest(content: bytes) -> bytes:
    """The text of a digest, be it in JSON or bare, as a control file has it. Raises TicketMessageError."""
    if content.lstrip()[:1] != b"{":
        return content
    data = _data(content, 64 << 10)
    if isinstance(data, dict):
        data = data.get("checksum", data.get("sha256", ""))
    if not isinstance(data, str) or len(data) > MAX_ENTRY:
        message = "the answer has no digest"
        raise TicketMessageError(message)
    return data.encode("utf-8", "replace")


def is_taken(content: bytes) -> bool:
    """True where the platform says that it took a reply."""
    try:
        found = _json(content, 64 << 10)
    except TicketMessageError:
        return False
    return isinstance(found, dict) and found.get("status") == "success"


def _data(content: bytes, limit: int) -> Any:
    found = _json(content, limit)
    if not isinstance(found, dict) or found.get("status") != "success" or "data" not in found:
        message = "the platform does not say that it succeeded"
        raise TicketMessageError(message)
    return found["data"]


def _json(content: bytes, limit: int) -> Any:
    if len(content) > limit:
        message = f"the answer has more than {limit} bytes"
        raise TicketMessageError(message)
    _require_shallow(content)
    try:
        return json.loads(content, parse_constant=_refused, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError):
        message = "the answer is no JSON"
        raise TicketMessageError(message) from None


def _require_shallow(content: bytes) -> None:
    """Refuse what is nested deeper than any answer is, before a parser climbs down. Brackets in texts count
    for nothing: texts go first."""
    depth = 0
    for found in _MARKS.finditer(content):
        mark = found[0][:1]
        if mark in b"[{":
            depth += 1
            if depth > _DEEPEST:
                message = f"the answer is nested deeper than {_DEEPEST} levels"
                raise TicketMessageError(message)
        elif mark in b"]}":
            depth -= 1


def _number(text: str) -> float:
    if len(text) > 32:
        message = "a number of too many digits"
        raise ValueError(message)
    return float(text)


def _refused(text: str) -> None:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TOKEN and value.isascii() and value.isprintable()


def _identifier(value: Any) -> str:
    found = value.get("ticket_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and _TICKET_ID.fullmatch(found) else ""


def _ticket(value: Any, identifier: str) -> Ticket:
    if not identifier:
        message = "it has no id that can be used"
        raise TicketMessageError(message)
    broken: list[str] = []
    names, addresses, ipv6 = (_texts(value, each, broken) for each in ("fqdn", "ipv4", "ipv6"))
    ticket = Ticket(
        id=identifier,
        made_at=_moment(value),
        kind=TicketKind.UNBLOCK if _word(value, "genre") in _UNBLOCKING else TicketKind.BLOCK,
        cancelled=_word(value, "status") in _CANCELLED,
        names=names,
        addresses=addresses,
        ipv6=ipv6,
        broken=tuple(dict.fromkeys(broken)),
    )
    if not ticket.entries and not ticket.cancelled:
        message = "it has no entry"
        raise TicketMessageError(message)
    if len(ticket.entries) > MAX_ITEMS:
        message = f"it has more than {MAX_ITEMS} entries"
        raise TicketMessageError(message)
    return ticket


def _word(value: Any, key: str) -> str:
    found = value.get(key, "")
    if not isinstance(found, str) or len(found) > MAX_ENTRY:
        message = f"its {key} is no word"
        raise TicketMessageError(message)
    return found.strip().casefold()


def _texts(value: Any, key: str, broken: list[str]) -> tuple[str, ...]:
    """The entries under a key; each once, in the order in which they were sent. What is no text of an entry
    is added to ``broken``: it keeps none of the others out."""
    found = value.get(key) or []
    if not isinstance(found, list):
        message = f"its {key} is no list"
        raise TicketMessageError(message)
    good = []
    for each in found:
        text = each.strip() if isinstance(each, str) else ""
        if text and len(each) <= MAX_ENTRY and text.isprintable():
            good.append(text)
        else:
            told = each if isinstance(each, str) else f"no text: {json.dumps(each)}"
            broken.append(_LONE.sub("\x1a", told[:MAX_ENTRY]))
    return tuple(dict.fromkeys(good))


def _moment(value: Any) -> float:
    """The moment at which a ticket was made; without a zone it is in UTC."""
    about: Any = value.get("metadata") or {}
    text = about.get("created_at") if isinstance(about, dict) else None
    if not isinstance(text, str) or len(text) > 64:
        message = "it does not say when it was made"
        raise TicketMessageError(message)
    try:
        found = datetime.fromisoformat(text)
        moment = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        message = "it does not say when it was made"
        raise TicketMessageError(message) from None
    if not _EARLIEST < moment < _LATEST:
        message = "it was made at a time that cannot be"
        raise TicketMessageError(message)
    return moment


def differs(entries: Sequence[str], content: Sequence[str], *, broken: bool = False) -> bool:
    """True where the entries of a ticket are not those of its text, whatever their order. ``broken``: it has
    entries that are no text, which may be any further line."""
    return not set(entries) <= set(content) if broken else set(entries) != set(content)
