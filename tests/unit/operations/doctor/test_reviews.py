"""Findings on requests to look at a site again that wait too long, or too many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from filterd.model.review import ReviewClaim
from filterd.operations.doctor import reviews
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.reviews import asking
from filterd.operations.reviews.asking import ReviewAsked
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, Installation


def look(case: Case, now: float) -> list[Finding]:
    """The findings at a time, on a thread beside the loop of the test."""
    later = replace(case, machine=replace(case.machine, clock=lambda: now))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(reviews.check(later))).result()


async def test_what_waits_too_long_and_what_is_too_much(
    built: Case, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open() as context:
        await asking.ask(context, ReviewAsked("clinic.example", ReviewClaim.CLOSED))
    assert ids(look(built, NOW)) == []
    found = look(built, NOW + 20 * 86_400)
    assert (ids(found), values(found, "reviews.overdue")) == (["reviews.overdue"], {"count": 1})
    monkeypatch.setattr(reviews, "MOST_OPEN", 1)
    assert ids(look(built, NOW)) == ["reviews.full"]


def test_a_store_that_cannot_be_read_is_left_to_its_own_check(built: Case) -> None:
    built.store.write_bytes(b"no database" * 500)
    assert look(built, NOW) == []
