"""Events in the life of a contract that end no consent: each is recorded, and changes nothing on the line.

``added``: the contract begins on this line, which must ask for nothing yet: what it asked for would be what
the holder before chose. ``suspended`` and ``resumed``: the service rests and comes back; the restriction is
the household's choice, and is in force as before when the service is. Events that end consent are those of
``operations.consent``.
"""

from __future__ import annotations

from enum import StrEnum

from filterd.model.line import LineChoices
from filterd.model.subscriber import Subscriber
from filterd.operations import input_values, lines
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError


class NotedEvent(StrEnum):
    """An event of a contract that ends no consent."""

    ADDED = "added"
    """a contract begins on this line"""
    SUSPENDED = "suspended"
    """its service rests"""
    RESUMED = "resumed"
    """its service is back"""


async def note(
    context: Context, subscriber: str, event: NotedEvent, *, reference: str, reason: str = ""
) -> Subscriber:
    """Record an event in the audit trail. ``reference``: its document. Raises ConflictError for a contract
    that begins on a line which asks for something still."""
    document = input_values.text(reference, "reference of the document")
    because = input_values.text(reason, "reason", required=False)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        context.expected(found)
        if event is NotedEvent.ADDED:
            _require_blank(found)
        write.audit(
            f"subscriber.{event}",
            lines.subject(found.line),
            reason=f"{document}; {because}" if because else document,
        )
    return found


def _require_blank(found: Subscriber) -> None:
    choices = found.choices
    if choices != LineChoices(choices.line, zone=choices.zone):
        message = "the line asks for something still, which the holder before chose"
        remedy = "tell first how that contract ended (transferred, cancelled, moved or reassigned)"
        raise ConflictError(message, remedy)
