"""The intake register: what an authority asked, when, by which way, and what became of it.

A request is noted before anybody knows whether an order comes of it, and has a clock of its own until then.
Steps are added and nothing is ever changed. The audit trail has everything but the words, of which it has a
salted digest: words may hold anything.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.duty import (
    CLOSING,
    AskedKind,
    AskedStep,
    AskedWay,
    AuthorityRequest,
    RefusalReason,
    RequestStep,
)
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.reviews.terms import country_of
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import duty as rows
from filterd.store import orders
from filterd.store.write import Write

MAX_WORDS = 2_000
"""characters of what was asked, and of the words of a step"""
_REFERENCE = re.compile(r"[Pp]?-?([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class RequestAsked:
    """A request as somebody notes it. Times are Unix seconds, 0 for not given."""

    authority: str
    """an id of the jurisdiction's file, or a name"""
    document: str
    """the number of its paper; a telephone call may have none"""
    asked: str
    kind: AskedKind = AskedKind.BLOCK
    way: AskedWay = AskedWay.MAIL
    official: str = ""
    received_at: float = 0.0
    due_at: int = 0
    """0: by ``duty.answer_within`` of the settings"""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step as somebody notes it."""

    step: AskedStep
    reason: str = ""
    """of a refusal: one of the fixed list"""
    reference: str = ""
    """the order, or whom it was forwarded to"""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """The requests that are looked for. All empty: the newest."""

    document: str = ""
    authority: str = ""
    day: str = ""
    """an ISO date in the zone of the jurisdiction"""


async def enter(context: Context, asked: RequestAsked) -> AuthorityRequest:
    """Note a request of an authority. Everything that is missing is told at once. Raises OperationError, and
    ConflictError where the same authority's paper waits already."""
    now = context.clock()
    authority, document = _required(asked)
    received = input_values.past(asked.received_at or now, now, "the time at which it was received")
    input_values.meant(received, "the time at which it was received")
    due_at = asked.due_at or int(received + context.settings.duty.answer_within)
    input_values.meant(due_at, "the time by which it is due")
    if due_at <= received:
        message = "it would be due before it came in"
        raise OperationError(message, "give a later time, or leave it out")
    salt = secrets.token_hex(16)
    async with context.store.write(context.actor, now) as write:
        same = await rows.same_request(write.connection, authority, document) if document else None
        if same is not None:
            message = f"{document} of {authority} is noted already, as {same.reference}, and waits"
            raise ConflictError(message, f"see it: filterd duty request show {same.reference}")
        made = AuthorityRequest(
            number=write.before.revision + 1,
            authority=authority,
            official=input_values.text(asked.official, "official", required=False),
            document=document,
            kind=asked.kind,
            way=asked.way,
            asked=input_values.text(asked.asked, "words on what was asked", limit=MAX_WORDS),
            received_at=received,
            due_at=due_at,
            noted_by=context.actor,
            noted_at=write.now,
        )
        await rows.add_request(write.connection, made, salt)
        write.audit("request.note", subject(made), after=_audited(made, salt))
    return made


def _required(asked: RequestAsked) -> tuple[str, str]:
    """Authority and document. OperationError names all that is missing."""
    missing = [
        name for name, value in (("authority", asked.authority), ("asked", asked.asked)) if not value.strip()
    ]
    if asked.way is not AskedWay.TELEPHONE and not asked.document.strip():
        missing.append("document")
    if missing:
        message = f"the request is incomplete: it lacks {', '.join(missing)}"
        raise OperationError(message, "give " + ", ".join(f"--{each}" for each in missing))
    document = input_values.text(asked.document, "document number", required=False)
    return input_values.text(asked.authority, "authority"), document


async def take(context: Context, reference: str, taken: StepTaken) -> AuthorityRequest:
    """Note what became of a request, or a step on the way. Raises OperationError."""
    step = taken.step
    text = input_values.text(taken.text, "words", limit=MAX_WORDS, required=False)
    other = input_values.text(taken.reference, "reference", required=False)
    reason = _reason(taken)
    if step is AskedStep.FORWARDED and not other:
        message = "it is not said whom the request was forwarded to"
        raise OperationError(message, "name the authority or the office: --reference")
    salt = secrets.token_hex(16)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await _require(write.connection, reference)
        if not before.open:
            message = f"request {before.reference} has its outcome"
            raise ConflictError(
                message, f"note what is new as another: filterd duty request add; see {before.reference}"
            )
        if step is AskedStep.ORDER:
            other = await _order(write, other)
        made = RequestStep(len(before.steps) + 1, step, write.now, context.actor, reason, other, text)
        await rows.add_step(write.connection, before.number, made, salt, closes=step in CLOSING)
        after = {"step": step.value, "number": made.number, "reason": reason, "reference": other}
        write.audit("request.step", subject(before), after={**after, "words": digest_of(salt, text)})
    return replace(before, steps=(*before.steps, made))


def _reason(taken: StepTaken) -> str:
    known = [each.value for each in RefusalReason]
    if taken.step is AskedStep.REFUSED and taken.reason not in known:
        message = "a refusal has one of the fixed reasons"
        raise OperationError(message, f"give one of: {', '.join(known)}")
    if taken.step is not AskedStep.REFUSED and taken.reason:
        message = "a reason of the list goes with a refusal alone"
        raise OperationError(message, "leave it out, and use the words")
    return taken.reason


async def _order(write: Write, reference: str) -> str:
    found = await orders.find(write.connection, reference.strip().upper())
    if found is None:
        message = f"unknown order {reference[:32]!r}"
        raise UnknownError(
            message, "take it in first: filterd order add; then give its number: --reference O-17"
        )
    return found.reference


async def show(context: Context, reference: str) -> AuthorityRequest:
    """One request with its steps. Raises UnknownError."""
    async with context.store.read() as connection:
        return await _require(connection, reference)


async def search(context: Context, wanted: Search) -> list[AuthorityRequest]:
    """The requests that were looked for, the newest first: by document number, or what an authority asked on
    a day."""
    country = country_of(context)
    begins, ends = _day(wanted.day, country) if wanted.day.strip() else (0.0, 0.0)
    async with context.store.read() as connection:
        return await rows.requests(
            connection,
            document=wanted.document.strip(),
            authority=_words_of(wanted.authority.strip(), country),
            begins_at=begins,
            ends_at=ends,
        )


async def waiting(context: Context) -> list[AuthorityRequest]:
    """The requests without an outcome, the soonest due first."""
    async with context.store.read() as connection:
        return await rows.open_requests(connection)


def subject(request: AuthorityRequest) -> str:
    """The name of a request in the audit trail."""
    return f"request:{request.reference}"


def digest_of(salt: str, text: str) -> str:
    """SHA-256 of words behind their salt; empty for no words."""
    return hashlib.sha256(f"{salt}:{text}".encode()).hexdigest() if text else ""


def title_of(country: Jurisdiction, authority: str, language: str) -> str:
    """An authority by the title that the jurisdiction's file has for its id, else as it was written."""
    found = next((each for each in country.authorities if each.id == authority), None)
    return authority if found is None else str(getattr(found.title, language))


def _words_of(authority: str, country: Jurisdiction) -> tuple[str, ...]:
    """An authority in all words that requests may name it by: its id and its titles."""
    if not authority:
        return ()
    wanted = authority.casefold()
    for each in country.authorities:
        words = (each.id, each.title.es, each.title.en)
        if wanted in [word.casefold() for word in words]:
            return words
    return (authority,)


def _day(day: str, country: Jurisdiction) -> tuple[float, float]:
    try:
        found = date.fromisoformat(day.strip())
    except ValueError:
        message = f"{day.strip()[:32]!r} is no day"
        raise OperationError(message, "write it as 2026-11-27") from None
    begins = datetime.combine(found, time(), ZoneInfo(country.zone)).timestamp()
    input_values.meant(begins, "the day", day.strip())
    ends = datetime.combine(found + timedelta(days=1), time(), ZoneInfo(country.zone))
    return begins, ends.timestamp()


async def _require(connection: AsyncConnection, reference: str) -> AuthorityRequest:
    match = _REFERENCE.fullmatch(reference.strip())
    found = None if match is None else await rows.find_request(connection, int(match[1]))
    if found is None:
        message = f"there is no request {reference.strip()[:32]!r} of an authority"
        raise UnknownError(message, "find it by its document: filterd duty request list --document NUMBER")
    return found


def _audited(made: AuthorityRequest, salt: str) -> dict[str, Any]:
    return {
        "authority": made.authority,
        "document": made.document,
        "kind": made.kind.value,
        "way": made.way.value,
        "received_at": made.received_at,
        "due_at": made.due_at,
        "words": digest_of(salt, made.asked),
    }
