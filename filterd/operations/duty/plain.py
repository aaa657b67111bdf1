"""The things of the duty desk in the form of JSON that commands and the API show."""

from __future__ import annotations

from typing import Any

from filterd.model.due_item import DueItem
from filterd.model.duty import AuthorityRequest, HandOver
from filterd.operations.duty.due import DueList
from filterd.operations.duty.roster import RosterLook, plain_shift
from filterd.operations.plain_values import plain


def plain_due(found: DueList) -> dict[str, Any]:
    """All that is due, the late first, with what cannot be told."""
    return {
        "at": found.at,
        "items": [plain_item(each, found.at) for each in found.items],
        "counts": found.counts,
        "overdue": len(found.overdue),
        "troubles": list(found.troubles),
    }


def plain_item(item: DueItem, now: float) -> dict[str, Any]:
    """One item with the time that is left."""
    return {
        "kind": item.kind.value,
        "reference": item.reference,
        "due_at": item.due_at,
        "seconds_left": item.seconds_left(now),
        "overdue": item.overdue(now),
        "authority": item.authority,
        "note": item.note,
        "command": item.command,
    }


def plain_request(found: AuthorityRequest, now: float) -> dict[str, Any]:
    """A request of an authority with its steps."""
    value: dict[str, Any] = plain(found)
    outcome = found.outcome
    return {
        **value,
        "reference": found.reference,
        "open": found.open,
        "outcome": None if outcome is None else outcome.step.value,
        "overdue": found.open and now >= found.due_at + 1,
    }


def plain_handover(found: HandOver) -> dict[str, Any]:
    """A hand-over with those who read it."""
    value: dict[str, Any] = plain(found)
    return {**value, "seen": [{"actor": actor, "at": at} for actor, at in found.seen]}


def plain_roster(found: RosterLook) -> dict[str, Any]:
    """The roster with its gaps, and how to reach people."""
    return {
        "zone": found.zone,
        "on_duty": [plain_shift(each, found.zone) for each in found.now],
        "shifts": [plain_shift(each, found.zone) for each in found.shifts],
        "gaps": plain(found.gaps),
        "untold": [plain_shift(each, found.zone) for each in found.untold],
        "contacts": plain(found.contacts),
    }
