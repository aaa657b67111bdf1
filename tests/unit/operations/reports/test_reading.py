"""The record of a filled installation: what is in it, what is not, and that it stands for its moment."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace

import pytest

from filterd.model.report_record import CountDayRow
from filterd.model.review import Review, ReviewClaim, ReviewDecision, ReviewKind, ReviewOutcome
from filterd.operations import view_codes
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.reports import figures, reading, take_up
from filterd.operations.reports.ranges import AskedRange
from filterd.store import reviews as review_rows
from tests.worlds.installation import NOW, Installation, as_person
from tests.worlds.reported import BEGINS, DAY, ENDS, PLANTED, fill

ZONE = "America/Mexico_City"


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """Filled."""
    async with installation.open("ana", approvals=1) as opened:
        await fill(opened, installation)
        yield opened


@pytest.mark.ring("night")
async def test_the_record_of_a_filled_installation(context: Context) -> None:
    record = await reading.read(context, BEGINS, ENDS)
    text = json.dumps(asdict(record))
    for each in PLANTED:
        assert each.lower() not in text.lower()
    found = figures.compliance(record).figures()
    assert {
        "orders.received": 8,
        "orders.standing": 7,
        "orders.confidential": 1,
        "orders.emergency_ends": 1,
        "orders.emergency_reviewed": 1,
        "orders_by.court.penal.received": 7,
        "deadlines.emergency_review.kept": 1,
        "deadlines.emergency_review.kept_share": 1.0,
        "enforcement.effects": 8,
        "enforcement.everywhere": 8,
        "enforcement.waiting": 0,
        "enforcement.p50_seconds": 2.0,
        "enforcement.p90_seconds": 3.0,
        "lifting.max_seconds": 5.0,
        "coverage.share": 1.0,
        "coverage_of.O-2.share": 1.0,
        "coverage_of.O-8.first_at": NOW + 3,
        "availability.resolver-1.unready_share": round(1 / 43, 4),
        "availability.resolver-1.interruptions": 1,
        "lists.resolver-1.worst.lasts": 1,
        "complaints.opened": None,
        "consent.own": 12,
        "privacy.arco-received": None,
    }.items() <= found.items()
    assert found["retention.consent.runs"] == 1


@pytest.mark.ring("night")
async def test_a_record_stands_for_its_moment(context: Context) -> None:
    """Later events are not in the record of an earlier range."""
    before = await reading.read(context, BEGINS, NOW + DAY / 2)
    assert {each.state for each in before.orders} == {"accepted"}
    assert [each for each in before.deadlines if each.kind == "emergency_review"] == []
    assert {each.state for each in before.node_states} == {"available"}
    public = figures.transparency(before).figures()
    assert public["totals.ended"] == 0
    assert public["by_ground.court.penal.received"] == 6
    assert public["by_ground.confidential.received"] == 1
    assert public["by_ground.confidential.max_seconds"] is None
    assert "coverage_of.O-2.share" not in public


@pytest.mark.ring("night")
async def test_the_lists_of_a_range_are_those_of_its_end(
    context: Context, installation: Installation
) -> None:
    """A list that was adopted later is not in it, and of the others the version of then is told."""
    assert not (await reading.read(context, BEGINS, NOW)).lists
    before = (await reading.read(context, BEGINS, ENDS)).lists
    assert before
    moment = installation.now
    installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nred.example\nnew.example\n")
    installation.now += DAY
    await updating.update(context)
    installation.now += DAY
    assert (await reading.read(context, BEGINS, moment)).lists == before
    (after,) = [each for each in (await reading.read(context, BEGINS, ENDS)).lists if each not in before]
    (then,) = [each for each in before if each.label == after.label]
    assert (after.version, after.names > then.names) == (then.version + 1, True)


@pytest.mark.ring("night")
async def test_no_report_is_made_of_the_future(context: Context) -> None:
    with pytest.raises(OperationError, match="no past"):
        await reading.read(context, NOW + 30 * DAY, NOW + 31 * DAY)
    with pytest.raises(OperationError, match="no past"):
        await reading.read(context, NOW, NOW)


@pytest.mark.ring("night")
async def test_take_up_is_told_by_whole_months_and_never_in_small_numbers(
    context: Context, installation: Installation
) -> None:
    record = await reading.read(context, BEGINS, ENDS)
    assert not [each for each in record.days if "take-up" in each.subject]  # January is not over
    installation.now = NOW + 30 * DAY
    assert await take_up.is_due(context)
    assert len(await take_up.fill(context)) == 28
    assert not await take_up.is_due(context)
    record = await reading.read(context, BEGINS, NOW + 29 * DAY)
    told = [each for each in record.days if not each.subject.startswith("mandatory.")]
    assert told == [
        CountDayRow("2027-01-16", "opt-ins", 12),
        CountDayRow("2027-01-16", "opt-outs", 0),
        CountDayRow("2027-01-16", "take-up.opted-in", 12),
        CountDayRow("2027-01-16", "take-up.profile:child", None),
        CountDayRow("2027-01-16", "take-up.profile:teen", None),
    ]
    found = figures.compliance(record).figures()
    assert (found["take_up.2027-01.opted_in"], found["profiles.child.lines"]) == (12, None)
    assert figures.compliance(replace(record)) == figures.compliance(record)


@pytest.mark.ring("night")
async def test_people_are_counted_by_whole_half_years_and_have_no_rows(
    context: Context, installation: Installation
) -> None:
    half, later = AskedRange(half="2027-H1").days(NOW, ZONE).bounds(ZONE), NOW + 400 * DAY
    for number in range(12):  # half of the looks by a code of the holder
        line = f"{PLANTED[0]}-{number}"
        if number % 2:
            await view_codes.look(context, line)
        else:
            made = await view_codes.issue(context, line)
            await view_codes.view(as_person(context, "beto"), line, made.code)
    installation.now = later
    record = await reading.read(context, *half)
    found = figures.compliance(record).figures()
    told = {each.rpartition(".")[2]: value for each, value in found.items() if each.startswith("complaints.")}
    assert told["opened"] == told["requests"] == told["decided"] == told["upheld"] == 12
    assert (told["upheld_share"], told["median_days"], told["in_time"], told["appealed"]) == (1.0, 1.0, 12, 0)
    assert found["complaints_by.parental.opened"] == 12
    assert (found["privacy.arco-received"], found["privacy.codes-issued"]) == (0, None)
    assert found["privacy.own-names-viewed"] == 12
    assert {type(each.count) for each in record.complaints} <= {int, float}
    longer = await reading.read(context, BEGINS, half[1] + 150 * DAY)
    assert (longer.complaints, longer.privacy) == (record.complaints, record.privacy), "a month tells nothing"
    for begins, ends in ((NOW - DAY / 2, NOW + DAY / 2), (BEGINS, half[1] - 1)):
        day = await reading.read(context, begins, ends)
        counts = [each.count for each in day.complaints]
        counts += [each.count for each in day.privacy if not each.subject.startswith("consent.")]
        assert set(counts) == {None}


@pytest.mark.ring("night")
async def test_a_year_tells_what_both_of_its_half_years_tell(
    context: Context, installation: Installation
) -> None:
    """Eleven more requests in July, and one of another kind: the half-year tells no kind, and so the year
    neither, since the first half-year does."""
    july = NOW + 180 * DAY
    installation.now = NOW + 400 * DAY
    async with context.store.report() as connection:
        for number in range(12):
            kind = ReviewKind.MANDATORY if number == 11 else ReviewKind.PARENTAL
            decided = ReviewDecision(ReviewOutcome.UPHELD, "r", at=july + DAY, by="ana")
            late = Review(
                0, f"n{number}.example", ReviewClaim.CLOSED, kind, july, "2027-12-30", decision=decided
            )
            await review_rows.add(connection, late)
    year, first, second = [
        {each.subject: each.count for each in (await reading.read(context, *days.bounds(ZONE))).complaints}
        for days in (
            AskedRange(year=2027).days(NOW, ZONE),
            AskedRange(half="2027-H1").days(NOW, ZONE),
            AskedRange(half="2027-H2").days(NOW, ZONE),
        )
    ]
    assert (year["opened"], first["opened"], second["opened"]) == (24, 12, 12)
    assert (year["upheld"], first["kind.parental"], second["kind.parental"]) == (24, 12, None)
    assert (year["kind.parental"], year["kind.mandatory"], year["kind.security"]) == (None, None, 0)


@pytest.mark.parametrize(
    "asked",
    [
        AskedRange(half="9999-H2"),
        AskedRange(half="0000-H1"),
        AskedRange(year=9999),
        AskedRange(first="0001-01-01", last="2026-01-01"),
        AskedRange(first="2026-01-01", last="9999-12-31"),
    ],
)
def test_a_range_beyond_the_calendar_is_refused(asked: AskedRange) -> None:
    with pytest.raises(OperationError) as refused:
        asked.days(NOW, "America/Mexico_City")
    assert refused.value.remedy
