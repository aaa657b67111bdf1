"""Changes one line's choices, and writes and audits the change without anything personal."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.adjustments import Adjustments, to_text
from filterd.model.changelog import LineChange
from filterd.model.line import LineChoices, OwnName
from filterd.model.slot import OneSlot
from filterd.model.subscriber import RequestEvidence, Subscriber
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownLineError
from filterd.operations.nearest import did_you_mean
from filterd.operations.notices import making as notices
from filterd.store import meanings as meaning_rows
from filterd.store import subscribers as rows
from filterd.store.ledger import OPT_OUT, SECURITY_LEFT
from filterd.store.store import Write


def subject(line: int) -> str:
    """The name of a line in the audit trail."""
    return f"line:{line}"


async def require(connection: AsyncConnection, identifier: str) -> Subscriber:
    """The subscriber of that id, or the error that says how to find those that exist."""
    return (await _require_sealed(connection, identifier))[0]


async def _require_sealed(connection: AsyncConnection, identifier: str) -> tuple[Subscriber, str]:
    found = await rows.find_sealed(connection, identifier.strip())
    if found is None:
        message = f"unknown subscriber {identifier.strip()[:128]!r}"
        alike = await rows.alike(connection, identifier.strip())
        remedy = "see those that exist with: filterd subscriber list"
        raise UnknownLineError(message, remedy, guess=partial(did_you_mean, (identifier,), alike))
    return found


def require_opted_in(choices: LineChoices, subscriber: str) -> None:
    """Refuse what speaks of the profile, where the line has none."""
    if not choices.opted_in:
        message = f"subscriber {subscriber!r} has not opted in"
        first = f"filterd subscriber opt-in {subscriber} --profile PROFILE --who ... --text-version ..."
        raise ConflictError(message, f"first: {first} --reference ...")


def audited(choices: LineChoices, seal: str) -> dict[str, Any]:
    """The choices as the audit trail shows them: own names as a count and a sealed digest."""
    own = [_audited_name(each) for each in choices.own_names]
    shown = {
        "opted_in": choices.opted_in,
        "profile": choices.profile,
        "zone": choices.zone,
        "paused_until": choices.paused_until,
        "security_left": choices.security_left,
        "own_names": {"count": len(own), "digest": input_values.sealed(seal, own)},
    }
    if choices.adjustments:
        shown["adjustments"] = input_values.sealed(seal, to_text(choices.adjustments))
    return shown


def _audited_name(own: OwnName) -> list[Any]:
    """The parts of an own name; an end only where it has one, so that older digests stay comparable."""
    parts = [own.name, int(own.action), int(own.scope)]
    return [*parts, own.until] if own.until else parts


def evidence_digest(evidence: RequestEvidence, seal: str) -> str:
    """The request as the audit trail shows it."""
    parts = [evidence.who, evidence.channel, evidence.at, evidence.text_version, evidence.reference]
    if evidence.text_digest:  # of evidence of before there were texts, digests stay as they are
        parts += [evidence.role.value, evidence.text_digest]
    if evidence.authorisation or evidence.shared:
        parts += [evidence.authorisation, evidence.shared]
    return input_values.sealed(seal, parts)


_OPTIONS = {"at": "--asked-at"}
"""options whose name is another than that of the part"""


def checked(evidence: RequestEvidence, now: float) -> RequestEvidence:
    """Evidence with every part present and well-formed, of a request that was made before ``now``."""
    return complete(in_form(evidence, now))


def complete(evidence: RequestEvidence) -> RequestEvidence:
    """The same evidence; an error if a part is missing."""
    if evidence.missing:
        message = f"the evidence of the request lacks: {', '.join(evidence.missing)}"
        options = ", ".join(_OPTIONS.get(part, "--" + part.replace("_", "-")) for part in evidence.missing)
        raise OperationError(message, f"give {options}: who asked, for which text, on which record")
    return evidence


def in_form(evidence: RequestEvidence, now: float) -> RequestEvidence:
    """Evidence whose parts are well-formed or missing."""
    return RequestEvidence(
        who=input_values.text(evidence.who, "name of who asked", required=False),
        channel=input_values.text(evidence.channel, "channel", limit=32, required=False),
        at=input_values.past(float(evidence.at), now, "the time of the request"),
        text_version=input_values.text(
            evidence.text_version, "version of the text", limit=64, required=False
        ),
        reference=_spaced(input_values.text(evidence.reference, "reference", required=False)),
        role=evidence.role,
    )


def _spaced(reference: str) -> str:
    """One form of what looks alike, so that a reference that comes again is found."""
    return " ".join(unicodedata.normalize("NFC", reference).split())


def present_closings(adjustments: Adjustments, now: float) -> tuple[OneSlot, ...]:
    """The stretches of a line that come once and have not ended."""
    return tuple(each for each in adjustments.once if now < each.end)


def _recorded(evidence: RequestEvidence, write: Write) -> RequestEvidence:
    """The evidence with who recorded it, and when."""
    return replace(evidence, recorded_by=write.actor, recorded_at=write.now)


Also = Callable[[Write, int], Awaitable[None]]
"""what is to be done with a line (its number) in the same write; it audits for itself"""
CHOOSING = ("opt_in", "set_profile", "accept_profile")
"""requests by which a line takes its profile as it is now"""
SETTLED = "meaning_settled"
"""an act of control's that changes nothing for the line"""
QUIET = (SETTLED, "added", "suspended", "reactivated")
"""acts that change nothing for the line: nobody is told"""
ENDS = ("transferred", "cancelled", "moved", "reassigned", "contract_ended")
"""acts by which a contract ends; nobody is told where nothing ended with it"""
Step = Callable[[LineChoices, float], LineChoices]
"""makes the new choices out of the old ones at a time (Unix seconds); may raise OperationError"""


async def update(
    context: Context,
    identifier: str,
    action: str,
    step: Step,
    *,
    reason: str = "",
    evidence: RequestEvidence | None = None,
    also: Also | None = None,
    noted: Mapping[str, Any] | None = None,
) -> Subscriber:
    """Apply a step to one line. Nothing is written where nothing changes and no evidence is given. A change
    drops the closings that ended, and takes the evidence of the context. ``noted``: what its audit entry says
    beside the choices."""
    async with context.store.write(context.actor, context.clock(), shared=True) as write:
        before, seal = await _require_sealed(write.connection, identifier)
        context.expected(before)
        choices = step(before.choices, write.now)
        if action in CHOOSING:
            choices = await _with_meaning(write.connection, choices, write.now)
        if also is not None:
            await also(write, before.line)
        if choices == before.choices and evidence is None:
            return before
        evidence = evidence or context.evidence
        choices = _without_past_closings(choices, write.now)
        await rows.save(write.connection, choices, before.choices)
        after = {**audited(choices, seal), **context.by_way, **(noted or {})}
        if evidence is not None:
            await rows.add_requests(write.connection, [(before.line, action, _recorded(evidence, write))])
            after["request"] = evidence_digest(evidence, seal)
        write.change(LineChange(choices))
        if before.choices.opted_in and not choices.opted_in:
            write.end(OPT_OUT, before.line)
        if choices.security_left and not before.choices.security_left:
            write.end(SECURITY_LEFT, before.line)
        write.audit(
            f"subscriber.{action}",
            subject(before.line),
            reason=reason,
            before=audited(before.choices, seal),
            after=after,
        )
        if action not in QUIET and not (action in ENDS and choices == before.choices):
            await notices.note(write, context.settings, action, before.choices, choices)
    return replace(before, choices=choices)


def _without_past_closings(choices: LineChoices, now: float) -> LineChoices:
    adjusted = choices.adjustments
    return replace(choices, adjustments=replace(adjusted, once=present_closings(adjusted, now)))


async def _with_meaning(connection: AsyncConnection, choices: LineChoices, now: float) -> LineChoices:
    """The choices of a line that takes its profile now: in the newest meaning of it."""
    meanings = (await meaning_rows.known(connection)).get(choices.profile)
    return replace(choices, meaning=0 if meanings is None else meanings.to_accept(now))
