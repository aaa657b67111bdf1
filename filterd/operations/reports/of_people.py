"""Reads the rows of a record that are about people: complaints, the handling of their data, deletions. No row
leads to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from datetime import date

from filterd.model.report_record import ComplaintRow, PrivacyRow, RetentionRow
from filterd.model.review import Review, ReviewDecision
from filterd.operations import consent_report
from filterd.operations.context import Context
from filterd.operations.privacy.retention import ACTION
from filterd.operations.reports.about_people import EVIDENCE, KINDS
from filterd.operations.reports.measures import DAY, percentile, told, told_apart, told_part
from filterd.operations.reports.months import whole_months
from filterd.operations.reports.take_up import day_of
from filterd.operations.reviews import effects, terms
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import arco, preservation, report_rows, told_rows
from filterd.store import reviews as review_rows

COMPLAINTS = (
    *("opened", "requests", "decided", "in_time", "upheld", "median_days", "appealed", "appeals_decided"),
    *("effective", *(f"kind.{each}" for each in KINDS)),
)
"""the subjects, in the order of the record"""
HANDLED = (
    *("arco.received", "arco.answered", "arco.in-time", "arco.median-days"),
    *("holds.added", "holds.active", "own-names.viewed", "codes.issued"),
)
OWN_NAMES, CODES = "subscriber.own_names_shown", "subscriber.code"


async def complaints(context: Context, begins_at: float, now: float, least: int) -> tuple[ComplaintRow, ...]:
    """The figures of the reviews that came in the whole months of the range, as they stood at the end of
    these. Where there is no whole month nothing is told."""
    first, last = whole_months(context.settings.zone, begins_at, now)
    if not first < last:
        return tuple(ComplaintRow(each, None) for each in COMPLAINTS)
    country = terms.country_of(context)
    async with context.store.read() as connection:
        every = await review_rows.every(connection)
        found = [each for each in every if first <= each.received_at < last]
        followed = await effects.of_every(connection, [each.number for each in found])
    effective = {number for number, (_, at) in followed.items() if 0 < at < last}
    counts = _decided(found, effective, country, last, least)
    kinds = Counter(each.kind.value for each in found)
    counts |= {
        "opened": told(len(found), least),
        "requests": told(sum(each.requests for each in found), least),
        **{f"kind.{name}": count for name, count in told_apart({k: kinds[k] for k in KINDS}, least).items()},
    }
    return tuple(ComplaintRow(each, counts[each]) for each in COMPLAINTS)


def _decided(
    found: Sequence[Review], effective: Set[int], country: Jurisdiction, last: float, least: int
) -> dict[str, float | None]:
    """The figures of those of them that were decided by ``last``."""
    done = [(each, decision) for each in found if (decision := _as_of(each.decision, last)).at]
    appealed = [each for each, _ in done if 0 < each.appealed_at < last]
    count = told_part(len(done), len(found), least)

    def part(some: int, whole: int | None = count, of: int = len(done)) -> int | None:
        return None if whole is None else told_part(some, of, least)

    days = percentile(((decision.at - each.received_at) / DAY for each, decision in done), 50)
    outcomes = [_as_of(each.appeal, last).outcome.value or decision.outcome.value for each, decision in done]
    taken = part(len(appealed))
    heard = sum(_as_of(each.appeal, last).at > 0 for each in appealed)
    return {
        "decided": count,
        "in_time": part(sum(_day(country, decision.at) <= each.due_on for each, decision in done)),
        "upheld": part(outcomes.count("upheld")),
        "median_days": None if count is None or days is None else round(days, 1),
        "appealed": taken,
        "appeals_decided": part(heard, taken, len(appealed)),
        "effective": part(sum(each.number in effective for each, _ in done)),
    }


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
    evidence = await consent_report.by_evidence(context)
    shown = told_apart({each: evidence[each] for each in EVIDENCE}, least)
    return (
        *await _handled(context, *whole_months(context.settings.zone, begins_at, now), least),
        *(PrivacyRow(f"consent.{each}", shown[each]) for each in EVIDENCE),
    )


async def _handled(context: Context, first: float, last: float, least: int) -> tuple[PrivacyRow, ...]:
    """The counts over whole months; where there is none nothing is told."""
    if not first < last:
        return tuple(PrivacyRow(each, None) for each in HANDLED)
    async with context.store.read() as connection:
        held = await preservation.every(connection)
        viewed = await report_rows.count(connection, OWN_NAMES, first, last)
        codes = await report_rows.count(connection, CODES, first, last)
    counts = {
        "holds.added": sum(first <= each.made_at < last for each in held),
        "holds.active": sum(each.made_at < last < (each.ended_at or each.until) for each in held),
        "own-names.viewed": viewed,
        "codes.issued": codes,
    }
    return (
        *await _arco(context, first, last, least),
        *(PrivacyRow(name, told(count, least)) for name, count in counts.items()),
    )


async def _arco(context: Context, begins_at: float, now: float, least: int) -> tuple[PrivacyRow, ...]:
    country = terms.country_of(context)
    first, last = (day_of(context, each).isoformat() for each in (begins_at, now))
    async with context.store.read() as connection:
        every = await arco.every(connection)
    received = [each for each in every if first <= each.received_on < last]
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
