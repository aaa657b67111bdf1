"""Findings on emergency ends that nobody looked at, and on one human behind two approvals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from filterd.config.people_settings import PersonSettings
from filterd.model.rule import Scope
from filterd.operations.doctor import people
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.orders import ending, reviewing, taking
from filterd.operations.orders.intake import OrderRequest
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, Installation, as_person

REQUEST = OrderRequest("SAT", "O", "1", "LIVA 18-H", "notified", (("bad.example", Scope.SUBTREE),))
DAY = 86_400


def look(case: Case, now: float) -> list[Finding]:
    """The findings at a time, on a thread beside the loop of the test."""
    later = replace(case, machine=replace(case.machine, clock=lambda: now))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(people.check(later))).result()


@pytest.mark.ring("merge")
async def test_an_emergency_end_that_nobody_looked_at(built: Case, installation: Installation) -> None:
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
        await ending.withdraw(context, "O-1", reason="a hospital", emergency=True)
        assert ids(look(built, NOW + 2 * DAY)) == []
        found = look(built, NOW + 4 * DAY)
        assert (ids(found), values(found, "people.emergency")) == (
            ["people.emergency"],
            {"count": 1, "orders": "O-1"},
        )
        assert await reviewing.waiting(context) == {"waiting": 1, "overdue": 0}
        await reviewing.review(as_person(context, "bob"), "O-1", reason="it was")
        assert ids(look(built, NOW + 4 * DAY)) == []
        assert await reviewing.waiting(context) == {"waiting": 0, "overdue": 0}


async def test_two_accounts_of_one_person(built: Case, installation: Installation) -> None:
    async with installation.open("ana") as context:
        await taking.add(context, REQUEST)
        await taking.approve(as_person(context, "ana-admin"), "O-1")
    assert ids(look(built, NOW)) == []
    same = (PersonSettings("ana", ("ana", "ana-admin")),)
    settings = replace(built.settings, people=same)
    found = look(replace(built, settings=settings), NOW)
    assert values(found, "people.same") == {"count": 1, "orders": "O-1"}
