"""Reads the rows of a record that are about people: complaints, the handling of their data, deletions. No row
leads to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from filterd.model.arco import ArcoRequest
from filterd.model.preservation import PreservationHold
from filterd.model.report_record import ComplaintRow, PrivacyRow, RetentionRow
from filterd.operations import consent_report
from filterd.operations.context import Context
from filterd.operations.privacy.retention import ACTION
from filterd.operations.reports.about_people import EVIDENCE, KINDS
from filterd.operations.reports.halves import whole_halves
from filterd.operations.reports.measures import DAY, percentile, told, told_apart, told_part, told_sum
from filterd.operations.reports.take_up import day_of
from filterd.operations.reviews import counting, effects, terms
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
OWN_NAMES = ("subscriber.own_names_shown", "subscriber.own_names_seen")
"""the actions of a look at own names, without and with a code of the holder"""
CODES = ("subscriber.code",)


async def complaints(context: Context, begins_at: float, now: float, least: int) -> tuple[ComplaintRow, ...]:
    """The figures of the reviews that came in the whole half-years of the range, of each as they stood at its
    end. Where there is no whole half-year nothing is told, nor a sum of which one of them may not tell."""
    country, halves = terms.country_of(context), whole_halves(context.settings.zone, begins_at, now)
    async with context.store.read() as connection:
        every = await review_rows.received_before(connection, now)
        followed = await effects.of_every(connection, [each.number for each in every])
    cells, done = [], []
    for first, last in halves:
        found = [each for each in every if first <= each.received_at < last]
        effective = {number for number, (_, at) in followed.items() if 0 < at < last}
        cells.append(counting.of_half(found, effective, country, last, least))
        done += counting.decided_by(found, last)
    counts: dict[str, float | None] = _summed(COMPLAINTS, cells)
    days = percentile(((decision.at - each.received_at) / DAY for each, decision in done), 50)
    counts["median_days"] = None if counts["decided"] is None or days is None else round(days, 1)
    return tuple(ComplaintRow(each, counts[each]) for each in COMPLAINTS)


def _summed(subjects: Iterable[str], cells: Sequence[Mapping[str, int | None]]) -> dict[str, Any]:
    """The sum over half-years, of each subject."""
    return {name: told_sum(each.get(name) for each in cells) for name in subjects}


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
    """The counts of how the data of people were handled: over whole half-years, as complaints are told."""
    evidence = await consent_report.by_evidence(context)
    shown = told_apart({each: evidence[each] for each in EVIDENCE}, least)
    halves = whole_halves(context.settings.zone, begins_at, now)
    cells, days = [], []
    async with context.store.read() as connection:
        asked, held = await arco.every(connection), await preservation.every(connection)
        for first, last in halves:
            looks = [await report_rows.count(connection, each, first, last) for each in (OWN_NAMES, CODES)]
            counts, took = _arco(context, asked, (first, last), least)
            cells.append(counts | _handled(held, looks, (first, last), least))
            days += took
    handled = _summed(HANDLED, cells)
    middle = percentile(days, 50)
    handled["arco.median-days"] = None if handled["arco.answered"] is None or middle is None else int(middle)
    handled["holds.active"] = cells[-1]["holds.active"] if cells else None
    return (
        *(PrivacyRow(each, handled[each]) for each in HANDLED),
        *(PrivacyRow(f"consent.{each}", shown[each]) for each in EVIDENCE),
    )


def _handled(
    held: Sequence[PreservationHold], looks: Sequence[int], half: tuple[float, float], least: int
) -> dict[str, int | None]:
    """The counts of a half-year: of holds, and of the looks and the codes."""
    first, last = half
    counts = {
        "holds.added": sum(first <= each.made_at < last for each in held),
        "holds.active": sum(each.made_at < last < (each.ended_at or each.until) for each in held),
        **dict(zip(("own-names.viewed", "codes.issued"), looks, strict=True)),
    }
    return {name: told(count, least) for name, count in counts.items()}


def _arco(
    context: Context, every: Sequence[ArcoRequest], half: tuple[float, float], least: int
) -> tuple[dict[str, int | None], list[int]]:
    """The counts of the requests of holders of a half-year, as they stood at its end; and the days that each
    answer took."""
    country, ends_at = terms.country_of(context), half[1]
    first, last = (day_of(context, each).isoformat() for each in half)
    received = [each for each in every if first <= each.received_on < last]
    answered = [each for each in received if 0 < each.answered_at < ends_at]
    in_time = sum(terms.day_of(country, each.answered_at).isoformat() <= each.answer_by for each in answered)
    days = [
        (terms.day_of(country, each.answered_at) - date.fromisoformat(each.received_on)).days
        for each in answered
    ]
    count = told_part(len(answered), len(received), least)
    counts = {
        "arco.received": told(len(received), least),
        "arco.answered": count,
        "arco.in-time": None if count is None else told_part(in_time, len(answered), least),
    }
    return counts, days
