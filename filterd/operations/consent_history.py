"""The history of one line's consent: how it came, since when, and each change after it.

It is made of the audit trail and of the requests on record: what was done to the line, by whom, by which way.
It holds nothing of what anybody looked for; nothing of that is kept anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.audit_chain import AuditEntry
from filterd.model.subscriber import Authorisation, PendingOptIn, RequestEvidence, SharedEvidence, Subscriber
from filterd.operations import consent, lines
from filterd.operations.consent import ConsentRequest
from filterd.operations.context import Context
from filterd.store import change_log
from filterd.store import consent as rows

COMMAND = "command"
IMPORT = "import"
_FIELDS = ("opted_in", "profile", "zone", "paused_until", "security_left", "own_names", "adjustments")


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One act on a line."""

    at: float
    """Unix seconds"""
    actor: str
    action: str
    channel: str
    """the holder's way, where there is evidence of a request; else that of the operator: command, api, import
    or restore; empty: it is not on record"""
    changed: tuple[str, ...]
    """the parts of its choices that changed; of own names and adjustments that they did, never which"""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """All that is on record of a line's consent."""

    subscriber: Subscriber
    since: float
    """when it opted in and stayed so (Unix seconds); 0: it has not opted in"""
    requests: tuple[ConsentRequest, ...]
    changes: tuple[ConsentChange, ...]
    authorisations: tuple[Authorisation, ...]
    pending: PendingOptIn | None
    """shared evidence that waits for a second person"""
    shared: tuple[SharedEvidence, ...] = ()
    """the shared evidence that its requests are part of"""

    @property
    def basis(self) -> ConsentRequest | None:
        """The request that its choices rest on now."""
        if not self.subscriber.choices.opted_in:
            return None
        return next((each for each in reversed(self.requests) if each.kind == "opt_in"), None)


def of_present_holder(found: ConsentRecord) -> ConsentRecord:
    """The part of a record since its present holder has the line: what support and a portal may show."""
    asked = [(each.kind, each.evidence) for each in found.requests]
    kept, since = consent.of_present_holder(asked)
    if not since:
        return found
    return replace(
        found,
        requests=found.requests[len(asked) - len(kept) :],
        changes=tuple(each for each in found.changes if each.at > since),
        authorisations=tuple(each for each in found.authorisations if each.made_at > since),
    )


async def record(context: Context, subscriber: str) -> ConsentRecord:
    """The record of one line."""
    found, asked = await consent.requests(context, subscriber)
    async with context.store.read() as connection:
        stored = await change_log.entries_of(connection, lines.subject(found.line))
        authorised = await rows.authorisations(connection, found.line)
        waiting = await rows.pending_of(connection, found.line)
        numbers = {each.evidence.shared for each in asked}
        shared = [each for each in await rows.all_shared(connection) if each.number in numbers]
    changes = sorted(_changes([each.entry for each in stored], asked), key=lambda each: each.at)
    return ConsentRecord(
        found,
        _since(found, changes),
        asked,
        tuple(changes),
        tuple(authorised),
        None if waiting is None else waiting[1],
        tuple(shared),
    )


def _changes(entries: Sequence[AuditEntry], asked: Sequence[ConsentRequest]) -> Iterator[ConsentChange]:
    evidence = {(each.kind, each.evidence.recorded_at): each.evidence for each in asked}
    for entry in entries:
        action = entry.action.removeprefix("subscriber.")
        mine = evidence.pop((action, entry.at), None)
        way = str((entry.after or {}).get("way", COMMAND if entry.before is not None else ""))
        yield ConsentChange(entry.at, entry.actor, action, mine.channel if mine else way, _changed(entry))
    for (kind, _), each in evidence.items():  # those of imports, whose entries are about a file
        if each.source:
            yield ConsentChange(_effective(each), each.recorded_by, kind, IMPORT, ("opted_in", "profile"))


def _effective(evidence: RequestEvidence) -> float:
    return evidence.recorded_at or evidence.at


def _changed(entry: AuditEntry) -> tuple[str, ...]:
    before: dict[str, Any] = entry.before or {}
    after: dict[str, Any] = entry.after or {}
    if not before:
        return ()
    return tuple(each for each in _FIELDS if before.get(each) != after.get(each))


def _since(found: Subscriber, changes: Sequence[ConsentChange]) -> float:
    """The last time that it went from not opted in to opted in."""
    if not found.choices.opted_in:
        return 0.0
    turned = [each.at for each in changes if each.action == "opt_in" and "opted_in" in each.changed]
    return turned[-1] if turned else 0.0
