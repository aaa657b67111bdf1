"""Evidence that many rows of an import share: kept aside until another person stands behind it.

One memo for 2,000 households says of none of them that it asked. Such rows are registered and ask for
nothing; when another person approves, they opt in by chunks, labelled as shared for as long as they rest on
it. A line that decided for itself meanwhile is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.changelog import LineChange
from filterd.model.subscriber import PendingOptIn, SharedEvidence
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.notices.making import made, note_all
from filterd.operations.orders import people
from filterd.operations.policies import policies, profile
from filterd.store import consent as rows
from filterd.store import meanings as meaning_rows
from filterd.store import subscribers as subscriber_rows
from filterd.store.ledger import EVIDENCE_REJECTION
from filterd.store.store import Write

CHUNK = 500
"""lines that opt in in one write: orders go in between"""


@dataclass(frozen=True, slots=True)
class SharedState:
    """Shared evidence with the number of lines that wait under it."""

    evidence: SharedEvidence
    waiting: int


@dataclass(frozen=True, slots=True)
class Approved:
    """The outcome of an approval."""

    evidence: SharedEvidence
    opted_in: int
    passed_over: int
    """lines that decided for themselves meanwhile"""


async def list_shared(context: Context) -> tuple[SharedState, ...]:
    """Every shared evidence by number, with what waits under it."""
    async with context.store.read() as connection:
        every = await rows.all_shared(connection)
        waiting = await rows.count_pending(connection)
    return tuple(SharedState(each, waiting.get(each.number, 0)) for each in every)


async def show(context: Context, reference: str) -> SharedEvidence:
    """The shared evidence of this number (``E-7``)."""
    async with context.store.read() as connection:
        return _chosen(await rows.all_shared(connection), reference)


async def approve(context: Context, reference: str) -> Approved:
    """Stand behind shared evidence as another person; its lines opt in. Run again after an interruption, it
    goes on. Refused by a token that somebody else made: that one could make up a second person."""
    context.require_person()
    people.require_own(context, 2)
    documents = policies(context)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await _require(write, reference)
        if not found.approved_at:
            _require_another(context, found)
            await _require_profiles(write, found, documents)
            await rows.decide(write.connection, found.number, "approved", write.actor, write.now)
            found = replace(found, approved_by=write.actor, approved_at=write.now)
            write.audit("evidence.approve", subject(found), after=audited(found))
    opted_in = passed_over = 0
    while chunk := await _opt_in_some(context, found):
        opted_in, passed_over = opted_in + chunk[0], passed_over + chunk[1]
    return Approved(found, opted_in, passed_over)


async def _require_profiles(write: Write, found: SharedEvidence, documents: Any) -> None:
    """Raise OperationError before anything is approved, where a profile of a row is gone."""
    for each in await rows.pending_profiles(write.connection, found.number):
        profile(documents, each)


def _require_another(context: Context, found: SharedEvidence) -> None:
    if context.human == context.person_of(found.asked_by):
        message = f"{context.human} imported {found.reference}, and cannot approve it too"
        raise ConflictError(message, "another person has to approve it, under their own user")


async def reject(context: Context, reference: str, *, reason: str) -> tuple[SharedEvidence, int]:
    """End shared evidence that waits; one person is enough, and its lines stay as they are. The number of
    lines that waited."""
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await _require(write, reference)
        if found.approved_at:
            message = f"{found.reference} was approved before"
            raise ConflictError(message, "opt its lines out, each with: filterd subscriber opt-out")
        waited = await rows.drop_shared(write.connection, found.number)
        await rows.decide(write.connection, found.number, "rejected", write.actor, write.now)
        rejected = replace(found, rejected_by=write.actor, rejected_at=write.now)
        write.end(EVIDENCE_REJECTION, found.number)
        write.audit("evidence.reject", subject(found), reason=because, after=audited(rejected))
    return rejected, waited


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """Reject the shared evidence with this number, which was rejected before a restore brought it back. False
    where there is nothing to reject."""
    async with context.store.read() as connection:
        every = await rows.all_shared(connection)
    found = next((each for each in every if each.number == number), None)
    if found is None or found.rejected_at or found.approved_at:
        return False
    await reject(context, found.reference, reason=reason)
    return True


async def _require(write: Write, reference: str) -> SharedEvidence:
    found = _chosen(await rows.all_shared(write.connection), reference)
    if found.rejected_at:
        message = f"{found.reference} was rejected by {found.rejected_by}"
        raise ConflictError(message, "import the rows anew, each with its own evidence")
    return found


def _chosen(every: Iterable[SharedEvidence], reference: str) -> SharedEvidence:
    found = next((each for each in every if each.reference == reference.strip().upper()), None)
    if found is None:
        message = f"there is no shared evidence {reference.strip()[:32]!r}"
        raise UnknownError(message, "see what there is: filterd consent shared")
    return found


async def _opt_in_some(context: Context, found: SharedEvidence) -> tuple[int, int] | None:
    """Opt some of the lines in: how many, and how many are passed over. None: nothing waits any more."""
    async with context.store.write(context.actor, context.clock()) as write:
        waiting = await rows.pending(write.connection, found.number, CHUNK)
        if not waiting:
            return None
        numbers = [each.line for each in waiting]
        asked = await subscriber_rows.that_asked(write.connection, numbers)
        wanted = [each for each in waiting if each.line not in asked]
        done = await _opt_in(context, write, found, wanted)
        await rows.drop_pending(write.connection, numbers)
        after = {"opted_in": done, "passed_over": len(waiting) - done, "lines": [numbers[0], numbers[-1]]}
        write.audit("evidence.opt_in", subject(found), after=after)
    return done, len(waiting) - done


async def _opt_in(context: Context, write: Write, found: SharedEvidence, wanted: list[PendingOptIn]) -> int:
    names = await subscriber_rows.names(write.connection, [each.line for each in wanted])
    present = await subscriber_rows.find_many(write.connection, list(names.values()))
    lines = {each.line: each.choices for each in present.values()}
    known = await meaning_rows.known(write.connection)
    done, told = [], []
    for each in wanted:
        choices = lines[each.line]
        if not choices.opted_in:
            meanings = known.get(each.profile)
            meaning = 0 if meanings is None else meanings.to_accept(write.now)
            changed = replace(choices, opted_in=True, profile=each.profile, meaning=meaning)
            await subscriber_rows.save(write.connection, changed)
            write.change(LineChange(changed))
            done.append(each)
            told.append(made("opt_in", choices, changed))
    await note_all(write, context.settings, told)
    await subscriber_rows.add_requests(
        write.connection,
        [
            (each.line, "opt_in", replace(each.evidence, **_recording(found, write.now), shared=found.number))
            for each in done
        ],
    )
    return len(done)


def _recording(found: SharedEvidence, now: float) -> dict[str, Any]:
    return {
        "recorded_by": found.asked_by,
        "recorded_at": now,
        "source": found.source[:16],
    }


def subject(found: SharedEvidence) -> str:
    """The name of shared evidence in the audit trail."""
    return f"evidence:{found.number}"


def audited(found: SharedEvidence) -> dict[str, Any]:
    """The evidence as the audit trail shows it."""
    return {
        "source": found.source[:16],
        "asked_by": found.asked_by,
        "approved_by": found.approved_by,
        "rejected_by": found.rejected_by,
    }
