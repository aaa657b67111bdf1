"""Days of Mexico's calendar, as the shipped file has it, against days that were looked up by hand."""

from __future__ import annotations

from datetime import date

import pytest

from filterd.config.policies import PolicyPart, load_part
from filterd.policy.business_days import business_days_left, due_on, is_business_day
from filterd.policy.jurisdictions import Deadline, DeadlineClock, Jurisdiction
from tests.meta.test_known_failures import ROOT

BUSINESS = DeadlineClock.BUSINESS


@pytest.fixture(scope="module")
def mexico() -> Jurisdiction:
    """The shipped file."""
    read = load_part(PolicyPart.JURISDICTIONS, ROOT / "policies", None)
    return next(each for each in read.policies.jurisdictions if each.id == "mx")


@pytest.mark.parametrize(
    "day",
    ["2026-01-01", "2026-02-02", "2026-03-16", "2026-05-01", "2026-05-05", "2026-09-16", "2026-11-16"],
)
def test_holidays_are_no_business_days(mexico: Jurisdiction, day: str) -> None:
    found = date.fromisoformat(day)
    assert found.weekday() < 5, "otherwise the weekend would hide it"
    assert not is_business_day(mexico, found)


@pytest.mark.parametrize("day", ["2026-02-03", "2026-02-09", "2026-03-23", "2026-11-20", "2026-12-24"])
def test_days_beside_them_are(mexico: Jurisdiction, day: str) -> None:
    assert is_business_day(mexico, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("event", "days", "due"),
    [
        ("2026-11-27", 20, "2026-12-28"),  # over Christmas
        ("2026-11-28", 1, "2026-11-30"),  # received on a Saturday
        ("2026-12-28", 15, "2027-01-19"),  # over New Year
        ("2026-04-30", 2, "2026-05-06"),  # over two holidays and a weekend
    ],
)
def test_a_term_begins_on_the_day_after(mexico: Jurisdiction, event: str, days: int, due: str) -> None:
    found = due_on(mexico, date.fromisoformat(event), Deadline(days=days, count=BUSINESS))
    assert found.isoformat() == due
    assert business_days_left(mexico, date.fromisoformat(event), found) == days
    assert business_days_left(mexico, found, date.fromisoformat(event)) <= 0


def test_days_and_hours_by_the_clock(mexico: Jurisdiction) -> None:
    event = date(2026, 12, 24)
    assert due_on(mexico, event, Deadline(days=3)).isoformat() == "2026-12-27"
    assert due_on(mexico, event, Deadline(hours=25)).isoformat() == "2026-12-26"


def test_the_shipped_file_has_the_terms_of_the_law(mexico: Jurisdiction) -> None:
    assert mexico.rights is not None
    assert mexico.rights.answer == Deadline(days=20, count=BUSINESS)
    assert mexico.rights.carry_out == Deadline(days=15, count=BUSINESS)
