"""Requests for access, rectification, cancellation and opposition, and the terms that run for them.

The law gives the provider one term to answer, and one to carry out what it granted, in business days of the
jurisdiction (``rights`` and ``calendar`` of its file). Nothing is exported or erased here: the provider
finds out first who asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from filterd.config.policies import PolicyPart
from filterd.model.arco import ArcoKind, ArcoOutcome, ArcoRequest
from filterd.operations import input_values, lines
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.policies import part
from filterd.policy.business_days import business_days_left, due_on
from filterd.policy.documents import Text
from filterd.policy.jurisdictions import Deadline, Jurisdiction
from filterd.policy.term_documents import RightsTerms
from filterd.store import arco as rows
from filterd.store import subscribers
from filterd.store.ledger import ARCO_CLOSE
from filterd.store.write import Write

_REFERENCE = re.compile(r"R-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class ShownArco:
    """A request as people see it."""

    request: ArcoRequest
    id: str
    """of the line; empty: it was erased"""
    days_left: int
    """business days until the term that runs is over; negative: it is over. 0 for a closed one too"""
    overdue: bool

    @property
    def reference(self) -> str:
        """The text by which people name it."""
        return reference(self.request)


def reference(request: ArcoRequest) -> str:
    """The text by which people name a request."""
    return f"R-{request.number}"


async def add(
    context: Context, subscriber: str, kind: ArcoKind, *, channel: str, ticket: str, received_on: str = ""
) -> ShownArco:
    """Put a request on record, with the last day to answer it. ``received_on``: an ISO date; today if
    empty."""
    country, terms = _terms(context)
    today = _today(context, country)
    day = _day(received_on, today)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        made = ArcoRequest(
            number=write.before.revision + 1,
            line=found.line,
            kind=kind,
            channel=input_values.text(channel, "channel", limit=32),
            reference=input_values.text(ticket, "reference of the ticket"),
            received_on=day.isoformat(),
            answer_by=due_on(country, day, terms.answer).isoformat(),
        )
        await rows.add(write.connection, made)
        write.audit("arco.add", subject(made), after=_audited(made))
    return _shown(made, found.id, country, today)


async def list_requests(context: Context, *, closed: bool = False) -> list[ShownArco]:
    """The open requests by their last day, the most urgent first; with ``closed`` the others behind them."""
    country = _country(context)
    async with context.store.read() as connection:
        found = await (rows.every if closed else rows.open_ones)(connection)
        ids = await subscribers.names(connection, [each.line for each in found])
    today = _today(context, country)
    shown = [_shown(each, ids.get(each.line, ""), country, today) for each in found]
    return sorted(shown, key=lambda each: (not each.request.due, each.request.due, each.request.number))


async def show(context: Context, number: int) -> ShownArco:
    """The request with this number."""
    country = _country(context)
    async with context.store.read() as connection:
        found = await rows.find(connection, number)
        if found is None:
            raise _unknown(str(number))
        ids = await subscribers.names(connection, [found.line])
    return _shown(found, ids.get(found.line, ""), country, _today(context, country))


def _unknown(name: str) -> UnknownError:
    message = f"there is no ARCO request {name.strip()[:64]!r}"
    return UnknownError(message, "see those that exist with: filterd arco list --closed")


async def count(context: Context) -> dict[str, int]:
    """The open requests, and those among them whose term is over."""
    country = _country(context)
    async with context.store.read() as connection:
        found = await rows.open_ones(connection)
    today = _today(context, country).isoformat()
    return {"open": len(found), "overdue": sum(each.overdue(today) for each in found)}


async def answer(context: Context, name: str, outcome: ArcoOutcome, *, reason: str = "") -> ShownArco:
    """Record the answer that the holder got. What was granted is still to be carried out; a refusal closes
    the request. ``reason`` is asked for with everything but a plain yes."""
    country, terms = _terms(context)
    today = _today(context, country)
    if outcome is not ArcoOutcome.GRANTED:
        reason = input_values.text(reason, "reason that the holder was told", limit=1000)

    def step(old: ArcoRequest, now: float) -> ArcoRequest:
        _require(not old.answered_at, old, "was answered already")
        new = replace(old, outcome=outcome, answered_at=now, extended=False)
        if outcome is ArcoOutcome.REFUSED or terms.carry_out is None:
            return replace(new, closed_at=now)
        return replace(new, carry_out_by=due_on(country, today, terms.carry_out).isoformat())

    return await _change(context, name, "arco.answer", step, reason)


async def extend(context: Context, name: str, *, reason: str) -> ShownArco:
    """Extend the term that runs by as long again, once. The holder is told why."""
    country, terms = _terms(context)
    because = input_values.text(reason, "reason that the holder was told", limit=1000)

    def step(old: ArcoRequest, _: float) -> ArcoRequest:
        _require(not old.extended, old, "was extended already")
        if old.answered_at:
            return replace(
                old, carry_out_by=_later(country, old.carry_out_by, terms.carry_out), extended=True
            )
        return replace(old, answer_by=_later(country, old.answer_by, terms.answer), extended=True)

    return await _change(context, name, "arco.extend", step, because)


async def close(context: Context, name: str, *, reason: str = "") -> ShownArco:
    """Record that what was granted is carried out."""

    def step(old: ArcoRequest, now: float) -> ArcoRequest:
        _require(bool(old.answered_at), old, "was not answered yet")
        return replace(old, closed_at=now)

    return await _change(context, name, "arco.close", step, reason)


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """Close the request with this number, which was closed before a restore brought it back. False where
    there is nothing to close."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find(write.connection, number)
        if found is None or found.closed_at:
            return False
        await _put(write, found, replace(found, closed_at=write.now), "arco.close", reason)
    return True


def subject(request: ArcoRequest) -> str:
    """The name of a request in the audit trail."""
    return f"arco:{request.number}"


async def _change(
    context: Context, name: str, action: str, step: Callable[[ArcoRequest, float], ArcoRequest], reason: str
) -> ShownArco:
    because = input_values.text(reason, "reason", limit=1000, required=False)
    match = _REFERENCE.fullmatch(name.strip())
    country = _country(context)
    async with context.store.write(context.actor, context.clock()) as write:
        old = await rows.find(write.connection, int(match[1])) if match else None
        if old is None:
            raise _unknown(name)
        _require(not old.closed_at, old, "is closed")
        new = step(old, write.now)
        await _put(write, old, new, action, because)
        ids = await subscribers.names(write.connection, [new.line])
    return _shown(new, ids.get(new.line, ""), country, _today(context, country))


async def _put(write: Write, old: ArcoRequest, new: ArcoRequest, action: str, reason: str) -> None:
    await rows.put(write.connection, new)
    if new.closed_at and not old.closed_at:
        write.end(ARCO_CLOSE, new.number)
    write.audit(action, subject(new), reason=reason, before=_audited(old), after=_audited(new))


def _require(holds: bool, request: ArcoRequest, fault: str) -> None:
    if not holds:
        message = f"the ARCO request {reference(request)} {fault}"
        raise ConflictError(message, "see it with: filterd arco list --closed")


def _shown(request: ArcoRequest, identifier: str, country: Jurisdiction, today: date) -> ShownArco:
    left = 0
    if request.due:
        left = business_days_left(country, today, date.fromisoformat(request.due))
    return ShownArco(request, identifier, left, request.overdue(today.isoformat()))


def _audited(request: ArcoRequest) -> dict[str, object]:
    """The request for the audit trail: the ticket's reference leads to a person, and is left out."""
    shown = asdict(request)
    del shown["reference"], shown["number"]
    return shown


def _country(context: Context) -> Jurisdiction:
    read = part(context, PolicyPart.JURISDICTIONS)
    wanted = context.settings.jurisdiction
    found = next((each for each in read.policies.jurisdictions if each.id == wanted), None)
    return found or Jurisdiction(wanted, Text("", ""), "UTC", (5, 6), (), (), ())


def _terms(context: Context) -> tuple[Jurisdiction, RightsTerms]:
    country = _country(context)
    if country.rights is None:
        message = f"the jurisdiction {country.id} says no terms for requests of holders"
        remedy = "add rights: {law, answer, carry_out} to its file in jurisdictions/ of the policies"
        raise OperationError(message, remedy)
    return country, country.rights


def _today(context: Context, country: Jurisdiction) -> date:
    return datetime.fromtimestamp(context.clock(), UTC).astimezone(ZoneInfo(country.zone)).date()


def _day(text: str, today: date) -> date:
    if not text.strip():
        return today
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        message = f"no day: {text.strip()[:32]!r}"
        raise OperationError(message, "write it like 2026-11-27") from None
    if found > today:
        message = f"the request cannot have been received on {found}, which is to come"
        raise OperationError(message, "give the day on which it was received")
    return found


def _later(country: Jurisdiction, due: str, term: Deadline | None) -> str:
    return due_on(country, date.fromisoformat(due), term).isoformat() if term and due else due
