"""Findings on what is due for orders, and on alarms that nobody takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.alarm_settings import AlarmSettings, MailSettings
from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds
from filterd.model.order_alarm import AlarmKey
from filterd.operations.doctor import deadlines
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.duty import roster
from filterd.operations.orders import taking
from filterd.store import alarms as rows
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, Installation

ONE = AlarmKey(int(NOW), 1, "enforce", 0)


def look(case: Case, now: float = NOW) -> list[Finding]:
    """The findings at a time, on a thread beside the loop of the test."""
    later = replace(case, machine=replace(case.machine, clock=lambda: now))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(deadlines.check(later))).result()


@pytest.mark.ring("merge")
async def test_what_is_late_and_nobody_is_told(built: Case, installation: Installation) -> None:
    assert ids(look(built)) == []
    async with installation.open(approvals=1) as context:
        await taking.add(context, REQUEST)
    assert ids(look(built)) == ["deadlines.unknown", "deadlines.nobody"], "no file of the country is there"
    found = look(built, NOW + 200 * 86_400)
    assert ids(found) == ["deadlines.overdue", "deadlines.unknown", "deadlines.nobody"]
    assert values(found, "deadlines.overdue") == {"count": 1, "orders": "O-1"}


async def test_alarms_that_are_not_taken(built: Case, installation: Installation) -> None:
    async with installation.open() as context, context.store.report() as connection:
        await rows.add(connection, [ONE], [(ONE, "mail")], NOW)
    assert ids(look(built)) == []
    async with installation.open() as context, context.store.report() as connection:
        await rows.postpone(connection, "mail", [ONE], next_at=NOW, trouble="451: busy", failed=False)
    found = look(built)
    assert values(found, "deadlines.untaken") == {"count": 1, "channel": "mail", "reason": "451: busy"}


def test_secrets_that_cannot_be_read(built: Case, tmp_path: Path) -> None:
    none = tmp_path / "none"
    hook = WebhookSettings("duty", "https://duty.example/", none, (), None, Seconds(5))
    mail = MailSettings(
        "mail.example", 587, "starttls", "u", none, None, "a@b.example", ("c@d.example",), Seconds(5)
    )
    orders = replace(built.settings.orders, alarms=AlarmSettings(webhooks=(hook,)))
    found = look(replace(built, settings=replace(built.settings, orders=orders, mail=mail)))
    assert ids(found) == ["deadlines.secret", "deadlines.secret"]


def test_a_store_that_cannot_be_read_is_left_to_its_own_check(built: Case) -> None:
    built.store.write_bytes(b"no database" * 500)
    assert look(built) == []


async def test_a_gap_of_the_roster_within_the_week(built: Case, installation: Installation) -> None:
    async with installation.open() as context:
        await roster.add(context, "ana", int(NOW), int(NOW) + 5 * 86_400)
        found = look(built)
        assert values(found, "deadlines.roster_gap") == {"begins": "2027-01-20T08:00:00Z", "count": 1}
        await roster.add(context, "ben", int(NOW) + 5 * 86_400, int(NOW) + 12 * 86_400)
    assert "deadlines.roster_gap" not in ids(look(built))
