"""Preservation holds: deletions leave out what one names until its moment, and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from filterd.model.preservation import LONGEST, PreservationHold
from filterd.model.subscriber import RequestEvidence
from filterd.operations import audit, erasure, subscribers
from filterd.operations.backup import backup
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.privacy import preservation, retention
from filterd.operations.privacy.classes import classes
from filterd.operations.privacy.preservation import HoldDemand
from filterd.store import change_log
from filterd.store.preservation_tables import preservation_hold, preservation_hold_line
from filterd.store.retention import prune_beyond
from tests.worlds.installation import NOW, Installation

DAY = 86_400.0
YEARS_5 = 1825 * DAY
DEMAND = HoldDemand(
    authority="Fiscalía 7",
    official="A. Official",
    document="FED/77/2026",
    ground="CNPP 303",
    reason="file 9",
    days=30,
    classes=("consent",),
)


async def left(context: Context, *ids: str) -> None:
    """Lines whose consent has begun and ended."""
    for each in ids:
        await subscribers.add(context, each)
        await subscribers.opt_in(
            context, each, "child", RequestEvidence(f"who-{each}", "shop", NOW, "2026-11", f"T-{each}")
        )
        await subscribers.opt_out(context, each)


async def state(context: Context, name: str) -> retention.ClassState:
    """One class as it is now."""
    return next(each for each in await retention.show(context) if each.id == name)


@pytest.mark.ring("night")
async def test_a_held_class_stays_beyond_its_term_and_goes_with_the_run_after_the_hold(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await left(context, "one", "two")
        installation.now += YEARS_5 + DAY
        await preservation.add(context, DEMAND)
        assert (await retention.run(context)).deleted["consent"] == 0
        found = await state(context, "consent")
        assert (found.due, found.on_hold) == (0, 2)
        assert (await retention.prove(context)).holds, "what a hold keeps is no failure"
        assert (await retention.overdue(context))["consent"] == 0
        installation.now += 30 * DAY
        assert (await state(context, "consent")).due == 2, "the moment counts, no job had to run"
        assert (await retention.run(context)).deleted["consent"] == 2
        async with context.store.read() as connection:
            runs = await change_log.newest_entries(connection, 2, "retention")
        after = [each.entry.after or {} for each in sorted(runs, key=lambda each: each.entry.at)]
        assert [each["on_hold"] for each in after] == [{"consent": 2}, {}]
        assert [each["deleted"]["consent"] for each in after] == [0, 2]
        assert not (await audit.verify(context)).fault


@pytest.mark.ring("night")
async def test_a_hold_of_a_line_keeps_that_line_alone(installation: Installation) -> None:
    async with installation.open() as context:
        await left(context, "one", "two")
        installation.now += YEARS_5 + DAY
        made = await preservation.add(context, replace(DEMAND, classes=(), subscribers=("one",)))
        assert set(made.hold.classes) == {"registration", "consent", "persons", "arco"}
        assert (await retention.run(context)).deleted["consent"] == 1
        with pytest.raises(ConflictError, match=r"H-\d+, Fiscalía 7, CNPP 303"):
            await erasure.erase(context, "one", reason="R-1")
        with pytest.raises(ConflictError) as told:
            await erasure.erase(context, "one", reason="R-1", frank=False)
        assert "Fiscalía" not in str(told.value)
        await erasure.erase(context, "two", reason="R-2")
        await subscribers.opt_in(
            context, "one", "child", RequestEvidence("who", "shop", installation.now, "2026-11", "T-3")
        )
        assert not (await subscribers.opt_out(context, "one")).choices.opted_in
        installation.now += 31 * DAY
        await erasure.erase(context, "one", reason="R-1")
        assert await audit.compare(context) == (), "that is no fault of the hold's"


async def test_the_trail_has_digests_of_lines_and_no_name_of_one(installation: Installation) -> None:
    async with installation.open() as context:
        await left(context, "line-of-somebody")
        made = await preservation.add(context, replace(DEMAND, subscribers=("line-of-somebody",)))
        await preservation.end(context, made.hold.reference, reason="court")
        async with context.store.read() as connection:
            entries = await change_log.entries_of(connection, preservation.subject(made.hold))
        assert [each.entry.action for each in entries] == ["hold.add", "hold.end"]
        text = json.dumps([[each.entry.before, each.entry.after] for each in entries])
        assert "line-of-somebody" not in text
        assert text.count("hmac-sha256:") == 1
        shown = await erasure.export(context, "line-of-somebody")
        assert "hold." not in json.dumps(shown), "the holder's own copy does not tell"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"authority": "", "ground": "", "days": 0}, "lacks authority, ground, days"),
        ({"classes": ()}, "lacks class"),
        ({"days": 91}, "90 days at most"),
        ({"days": 0, "until": "1971-01-01T00:00:00Z"}, "before it begins"),
        ({"until": "2030-01-01T00:00:00Z"}, "two ends"),
        ({"classes": ("sessions",)}, "no hold may name sessions"),
        ({"classes": ("queries",)}, "no class of data 'queries'"),
        ({"classes": ("backups",), "subscribers": ("one",)}, "not kept by line"),
    ],
)
async def test_what_is_refused(installation: Installation, changed: dict[str, Any], told: str) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError, match=told):
            await preservation.add(context, replace(DEMAND, **changed))
        assert await preservation.list_holds(context, everything=True) == []


async def test_the_same_document_lasts_ninety_days_in_all(installation: Installation) -> None:
    async with installation.open() as context:
        await preservation.add(context, replace(DEMAND, days=60))
        installation.now += 60 * DAY
        again = replace(DEMAND, document="fed/77 / 2026", authority="FISCALÍA 7")
        with pytest.raises(ConflictError, match="90 days in all"):
            await preservation.add(context, replace(again, days=31))
        made = await preservation.add(context, again)
        assert made.hold.until == NOW + LONGEST
        await preservation.add(context, replace(DEMAND, document="FED/78/2026", days=90))


@pytest.mark.parametrize(
    ("authority", "document"),
    [
        ("FISCALIA 7", "FED/77/2026"),
        ("Fiscali\N{COMBINING ACUTE ACCENT}a 7", "FED-77-2026."),
        ("Fiscalía 7", "\N{FULLWIDTH LATIN CAPITAL LETTER F}ED/\N{FULLWIDTH DIGIT SEVEN}7/2026"),
        ("Fiscalía \N{ARABIC-INDIC DIGIT SEVEN}", "FED/77/\N{MATHEMATICAL BOLD DIGIT TWO}026"),
        ("Fiscal\N{SOFT HYPHEN}ía 7", "FED/77\N{ZERO WIDTH SPACE}/2026"),
    ],
)
def test_a_demand_is_known_in_each_form_of_its_letters(authority: str, document: str) -> None:
    made = PreservationHold(1, "Fiscalía 7", "", "FED/77/2026", "", "", (), (), 0, "", 0, 1)
    again = replace(made, authority=authority, document=document)
    other = replace(made, document="FED/78/2026")
    with pytest.raises(ConflictError, match="90 days in all"):
        preservation._require_within(replace(again, until=LONGEST + 1), [made])
    preservation._require_within(replace(other, until=LONGEST), [made])


@pytest.mark.ring("night")
async def test_backups_and_the_change_log_stay_while_they_are_held(installation: Installation) -> None:
    async with installation.open() as context:
        await left(context, "one")
        for number in (1, 2):
            await backup(context, installation.base / f"b{number}", lambda *_: None)
        await preservation.add(context, replace(DEMAND, days=90, classes=("backups", "changes")))
        installation.now += 89 * DAY
        assert (await state(context, "backups")).on_hold == 1, "the newest one stays anyway"
        done = await retention.run(context)
        assert done.deleted["backups"] == done.deleted["changes"] == 0
        assert (await state(context, "changes")).on_hold > 0
        assert (installation.base / "b1").exists()
        with pytest.raises(ConflictError, match="not erased"):
            await erasure.erase(context, "one", reason="R-1")
        installation.now += 1 * DAY
        done = await retention.run(context)
        assert done.deleted["backups"] == 1
        assert done.deleted["changes"] > 0
        assert not (installation.base / "b1").exists()


def test_no_hold_may_name_where_somebody_went_or_by_which_address() -> None:
    may = {each.id for each in classes() if each.hold}
    assert may
    assert not may & {"sessions", "portal_sessions", "logs", "crashes", "codes", "links", "pins"}
    files = [name for each in classes() if each.hold for name in each.files]
    assert not any("sessions" in name for name in files)


async def test_the_daily_pruning_of_the_change_log_waits_too(installation: Installation) -> None:
    async with installation.open() as context:
        await left(context, "one")
        await preservation.add(context, replace(DEMAND, classes=("changes",)))
        async with context.store.report() as connection:
            assert not await prune_beyond(connection, 1, installation.now)
            assert await change_log.floor(connection) == 0
            assert not await prune_beyond(connection, 1, installation.now + 30 * DAY)
            assert await change_log.floor(connection) > 0


async def test_a_hold_that_was_altered_to_last_longer_holds_nothing(installation: Installation) -> None:
    async with installation.open() as context:
        await left(context, "one")
        await preservation.add(context, DEMAND)
        async with context.store.report() as connection:
            await connection.execute(update(preservation_hold).values(until=NOW + LONGEST + 1))
        assert await preservation.list_holds(context) == []
        await erasure.erase(context, "one", reason="R-1")


async def test_the_record_of_a_hold_goes_with_its_lines_after_its_own_term(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        await left(context, "one")
        made = await preservation.add(context, replace(DEMAND, subscribers=("one",)))
        installation.now += 30 * DAY + YEARS_5 - 1
        assert (await retention.run(context)).deleted["holds"] == 0
        installation.now += 2
        assert (await retention.run(context)).deleted["holds"] == 1
        with pytest.raises(OperationError, match="no hold"):
            await preservation.show(context, made.hold.reference)
        async with context.store.read() as connection:
            assert (await connection.execute(select(preservation_hold_line))).all() == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (update(preservation_hold).values(until=NOW + 5), "its row is not what was decided"),
        (update(preservation_hold).values(classes=",arco,"), "its row is not what was decided"),
        (update(preservation_hold).values(ended_at=NOW), "its row is not what was decided"),
        (delete(preservation_hold), "its row is gone"),
    ],
)
async def test_a_hold_that_was_changed_by_hand_is_found(
    installation: Installation, statement: Any, fault: str
) -> None:
    async with installation.open() as context:
        made = (await preservation.add(context, DEMAND)).hold
        assert await audit.compare(context) == ()
        async with context.store.report() as connection:
            await connection.execute(statement)
        (found,) = await audit.compare(context)
        assert (found.subject, found.fault) == (f"hold:{made.number}", fault)


async def test_a_hold_that_was_put_on_another_line_by_hand_is_found(installation: Installation) -> None:
    async with installation.open() as context:
        await left(context, "one", "two")
        await preservation.add(context, replace(DEMAND, subscribers=("one",)))
        assert await audit.compare(context) == ()
        async with context.store.report() as connection:
            await connection.execute(update(preservation_hold_line).values(line=2))
        (found,) = await audit.compare(context)
        assert found.fault == "its row is not what was decided"
