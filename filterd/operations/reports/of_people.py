"""Reads the rows of a record that are about people: complaints, the handling of their data, deletions. No row
leads to one."""

from __future__ import annotations

from datetime import date

from filterd.model.report_record import ComplaintRow, PrivacyRow, RetentionRow
from filterd.model.review import Review, ReviewDecision
from filterd.operations import consent_report
from filterd.operations.context import Context
from filterd.operations.privacy.retention import ACTION
from filterd.operations.reports.about_people import EVIDENCE
from filterd.operations.reports.measures import percentile, told, told_apart, told_part
from filterd.operations.reports.take_up import day_of
from filterd.operations.reviews import effects, terms
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import arco, preservation, report_rows, told_rows
from filterd.store import reviews as review_rows

OWN_NAMES, CODES = "subscriber.own_names_shown", "subscriber.code"


async def complaints(context: Context, begins_at: float, now: float) -> tuple[ComplaintRow, ...]:
    """The reviews that came in the range, or waited when it began."""
    country = terms.country_of(context)
    async with context.store.read() as connection:
        every = await review_rows.every(connection)
        found = [each for each in every if each.received_at < now and not 0 < each.closed_at < begins_at]
        followed = await effects.of_every(connection, [each.number for each in found])
    return tuple(_complaint(each, country, now, followed.get(each.number, ("", 0.0))) for each in found)


def _complaint(
    review: Review, country: Jurisdiction, now: float, followed: tuple[str, float]
) -> ComplaintRow:
    decision, appeal = _as_of(review.decision, now), _as_of(review.appeal, now)
    appealed = 0 < review.appealed_at < now
    return ComplaintRow(
        review=review.number,
        kind=review.kind.value,
        claim=review.claim.value,
        received_at=review.received_at,
        due_on=review.due_on,
        requests=review.requests,
        decided_at=decision.at,
        outcome=decision.outcome.value,
        appealed_at=review.appealed_at if appealed else 0.0,
        appeal_due_on=review.appeal_due_on if appealed else "",
        appeal_decided_at=appeal.at,
        appeal_outcome=appeal.outcome.value,
        decided_on=_day(country, decision.at),
        appeal_decided_on=_day(country, appeal.at),
        effect=followed[0],
        effective_at=followed[1] if followed[1] < now else 0.0,
    )


def _as_of(decision: ReviewDecision, now: float) -> ReviewDecision:
    return decision if decision.at < now else ReviewDecision()


def _day(country: Jurisdiction, at: float) -> str:
    return terms.day_of(country, at).isoformat() if at else ""


async def retention(context: Context, begins_at: float, now: float, least: int) -> tuple[RetentionRow, ...]:
    """The deletions by the runs in the range."""
    async with context.store.read() as connection:
        entries = await told_rows.entries(connection, (ACTION,))
    return tuple(
        RetentionRow(name, each.at, told(int(count), least))
        for each in entries
        if begins_at <= each.at < now
        for name, count in sorted((each.after or {}).get("deleted", {}).items())
    )


async def privacy(context: Context, begins_at: float, now: float, least: int) -> tuple[PrivacyRow, ...]:
    """The counts of how the data of people were handled."""
    async with context.store.read() as connection:
        held = await preservation.every(connection)
        viewed = await report_rows.count(connection, OWN_NAMES, begins_at, now)
        codes = await report_rows.count(connection, CODES, begins_at, now)
    active = sum(each.made_at < now < (each.ended_at or each.until) for each in held)
    counts = {
        "holds.added": sum(begins_at <= each.made_at < now for each in held),
        "holds.active": active,
        "own-names.viewed": viewed,
        "codes.issued": codes,
    }
    evidence = await consent_report.by_evidence(context)
    shown = told_apart({each: evidence[each] for each in EVIDENCE}, least)
    return (
        *await _arco(context, begins_at, now, least),
        *(PrivacyRow(name, told(count, least)) for name, count in counts.items()),
        *(PrivacyRow(f"consent.{each}", shown[each]) for each in EVIDENCE),
    )


async def _arco(context: Context, begins_at: float, now: float, least: int) -> tuple[PrivacyRow, ...]:
    country = terms.country_of(context)
    first, last = (day_of(context, each).isoformat() for each in (begins_at, now))
    async with context.store.read() as connection:
        every = await arco.every(connection)
    received = [each for each in every if first <= each.received_on <= last]
    answered = [each for each in received if 0 < each.answered_at < now]
    in_time = sum(_day(country, each.answered_at) <= each.answer_by for each in answered)
    days = percentile(
        (
            (terms.day_of(country, each.answered_at) - date.fromisoformat(each.received_on)).days
            for each in answered
        ),
        50,
    )
    count = told_part(len(answered), len(received), least)
    return (
        PrivacyRow("arco.received", told(len(received), least)),
        PrivacyRow("arco.answered", count),
        PrivacyRow("arco.in-time", None if count is None else told_part(in_time, len(answered), least)),
        PrivacyRow("arco.median-days", None if count is None or days is None else int(days)),
    )
