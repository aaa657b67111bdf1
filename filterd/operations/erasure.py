"""Exports a subscriber's data in full, or erases it so that nothing left leads to a person (R27)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from filterd.model.changelog import BindingRemoved, LineRemoved
from filterd.model.subscriber import Subscriber
from filterd.operations import input_values, lines
from filterd.operations.consent import of_present_holder
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.privacy.preservation import require_erasable
from filterd.operations.shown_adjustments import adjustments_of
from filterd.store import arco as arco_rows
from filterd.store import change_log, notices, pins
from filterd.store import portal as portal_rows
from filterd.store import subscribers as rows
from filterd.store.consent import authorisations
from filterd.store.ledger import ERASURE
from filterd.store.notices import NoticeFilter

EXPORTED_NOTICES = 10_000
"""of one line; they are kept for 30 days"""


@dataclass(frozen=True, slots=True)
class Erasure:
    """The extent of an erasure, for the reply to the subscriber."""

    line: int
    """the number that the audit trail keeps; nothing leads to a person from it any more"""
    revision: int
    bindings: int
    requests: int
    changes: int
    """rows of the change log that spoke of the line"""


def choices_of(subscriber: Subscriber) -> dict[str, Any]:
    """A subscriber as plain values."""
    choices = subscriber.choices
    return {
        "id": subscriber.id,
        "line": subscriber.line,
        "added_at": subscriber.added_at,
        "opted_in": choices.opted_in,
        "profile": choices.profile,
        "zone": choices.zone,
        "paused_until": choices.paused_until,
        "security_left": choices.security_left,
        "own_names": [
            {"name": own.name, "action": own.action.word, "scope": own.scope.word, "until": own.until}
            for own in choices.own_names
        ],
        "adjustments": adjustments_of(choices.adjustments),
        "bindings": list(subscriber.bindings),
    }


async def export(context: Context, subscriber: str) -> dict[str, Any]:
    """Everything that is stored of a subscriber: choices, evidence of requests, authorised persons, ARCO
    requests, sessions of the portal, and the actions with their times. Of a holder before, whose contract
    ended, nothing: that is not this one's to read. That it was exported is one of the actions from then
    on."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        asked, since = of_present_holder(await rows.requests(connection, found.line))
        rights = await arco_rows.of_line(connection, found.line)
        history = await change_log.entries_of(connection, lines.subject(found.line))
        authorised = await authorisations(connection, found.line)
        signed_in = await portal_rows.sessions_of(connection, found.line)
        has_pin = bool(await pins.find(connection, found.line))
        told = await notices.page(connection, NoticeFilter(subscriber=found.id), limit=EXPORTED_NOTICES)
    ended = max((each.entry.revision for each in history if since and each.entry.at <= since), default=0)
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit("subscriber.export", lines.subject(found.line))
    return {
        **choices_of(found),
        "requests": [{"kind": kind, **asdict(evidence)} for kind, evidence in asked],
        "authorisations": [asdict(each) for each in authorised if each.made_at > since],
        "portal": {"pin": has_pin, "sessions": signed_in},
        "arco": [asdict(each) for each in rights if each.number > ended],
        "notices": [
            {"id": each.id, "at": each.at, "kind": each.kind, "state": each.state.value}
            for each in told
            if each.at > since
        ],
        "history": [
            {"at": each.entry.at, "action": each.entry.action, "actor": each.entry.actor}
            for each in history
            if each.entry.at > since
        ],
    }


async def erase(context: Context, subscriber: str, *, reason: str, frank: bool = True) -> Erasure:
    """Delete the subscriber, and every change in the log that spoke of the line. A preservation hold stops
    it; ``frank``: the refusal says whose.

    The audit trail keeps its entries under the line's number; their digests of personal values lost their
    seal with the row. Line numbers are never given out again.
    """
    because = input_values.text(reason, "reason")
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        context.expected(found)  # before all changes are read
        read_to = await change_log.revision(connection)
        old = await change_log.changes_of_line(connection, found.line, found.bindings)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        context.expected(found)
        await require_erasable(write.connection, context, found.line, frank=frank)
        newer = await change_log.changes_of_line(write.connection, found.line, found.bindings, above=read_to)
        asked = await rows.requests(write.connection, found.line)
        await rows.remove(write.connection, found.line)
        await change_log.forget(write.connection, old + newer)
        write.end(ERASURE, found.line)
        write.change(*(BindingRemoved(prefix) for prefix in found.bindings), LineRemoved(found.line))
        write.audit(
            "subscriber.erase",
            lines.subject(found.line),
            reason=because,
            after={"bindings": len(found.bindings), "requests": len(asked), "changes": len(old + newer)},
        )
    if not await context.store.empty_log():
        message = f"{subscriber} is erased, but the store's write-ahead log still holds what was deleted"
        remedy = "end what reads the store for long, and restart filterd: that empties the log"
        raise OperationError(message, remedy)
    return Erasure(found.line, write.revision, len(found.bindings), len(asked), len(old + newer))
