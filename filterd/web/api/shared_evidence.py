"""``/api/v1/shared-evidence`` and ``consent-report``: what the consent of many lines rests on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from filterd.model.subscriber import SharedEvidence
from filterd.model.token import Permission
from filterd.operations import consent_report, shared_evidence
from filterd.operations.repeats import Said
from filterd.web.api.callers import Caller
from filterd.web.api.entries import sees_all
from filterd.web.api.fields import Plain, RequestBody, RequiredText, time_of
from filterd.web.api.problems import RefusedCall
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import ONE_OF_FEW

routes = router("consent")
InPath = Annotated[str, Path(max_length=24, description="As it is listed: E-7.")]


class SharedShown(BaseModel):
    """Evidence that rows of an import share."""

    evidence: str
    state: str
    source: str = Field(description="SHA-256 of the file.")
    reason: str
    asked_by: str
    asked_at: datetime | None
    approved_by: str
    approved_at: datetime | None
    rejected_by: str
    rejected_at: datetime | None
    waiting: int = Field(description="Lines that wait for a second person.")


class ApprovedShown(BaseModel):
    """The outcome of an approval."""

    evidence: str
    approved_by: str
    opted_in: int
    passed_over: int = Field(description="Lines that decided for themselves meanwhile.")


class EvidenceRejected(RequestBody):
    """Why it is not accepted."""

    reason: RequiredText


@routes.get("/consent-report", **takes(Permission.CONSENT_READ), **ONE_OF_FEW)
async def report(caller: Called) -> Plain:
    """Count what every line that has opted in rests on: evidence of its own, shared, repeated, or none. To a
    regulator small counts are null."""
    _require_unlimited(caller)
    found = await consent_report.report(caller.context)
    if not sees_all(caller):
        return consent_report.without_small(found)
    return {**asdict(found), "opted_in": found.opted_in, "share_not_own": found.share_not_own}


@routes.get("/shared-evidence", **takes(Permission.CONSENT_APPROVE))
async def list_shared(caller: Called) -> list[SharedShown]:
    """List the evidence that rows of an import share, and what waits for a second person."""
    _require_unlimited(caller)
    found = await shared_evidence.list_shared(caller.context)
    return [_shown(each.evidence, each.waiting) for each in found]


@routes.post("/shared-evidence/{evidence}/approve", **takes(Permission.CONSENT_APPROVE))
async def approve(attempt: Attempted, caller: Called, evidence: InPath) -> ApprovedShown:
    """Stand behind shared evidence as another person: its lines opt in, labelled as shared."""
    _require_unlimited(caller)

    async def act() -> Said:
        done = await shared_evidence.approve(caller.context, evidence)
        shown = ApprovedShown(
            evidence=done.evidence.reference,
            approved_by=done.evidence.approved_by,
            opted_in=done.opted_in,
            passed_over=done.passed_over,
        )
        return Said(shown.model_dump())

    return ApprovedShown(**(await once(attempt, caller, act)).values)


@routes.post("/shared-evidence/{evidence}/reject", **takes(Permission.CONSENT_APPROVE))
async def reject(attempt: Attempted, caller: Called, evidence: InPath, body: EvidenceRejected) -> SharedShown:
    """End shared evidence that waits; its lines stay as they are."""
    _require_unlimited(caller)

    async def act() -> SharedEvidence:
        return (await shared_evidence.reject(caller.context, evidence, reason=body.reason))[0]

    return _shown(await once(attempt, caller, act), 0)


def _require_unlimited(caller: Caller) -> None:
    """Refuse a token that is limited to some lines: this is about all of them."""
    if caller.token.lines:
        message = f"this token is limited to ids that begin with {caller.token.lines!r}"
        raise RefusedCall(HTTPStatus.FORBIDDEN, message, "use a token for all lines")


def _shown(found: SharedEvidence, waiting: int) -> SharedShown:
    return SharedShown(
        evidence=found.reference,
        state=found.state,
        source=found.source,
        reason=found.reason,
        asked_by=found.asked_by,
        asked_at=time_of(found.asked_at),
        approved_by=found.approved_by,
        approved_at=time_of(found.approved_at),
        rejected_by=found.rejected_by,
        rejected_at=time_of(found.rejected_at),
        waiting=waiting,
    )
