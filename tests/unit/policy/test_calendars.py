"""Holidays of the shipped countries against the ``holidays`` library, an oracle of other people's making."""

from __future__ import annotations

from datetime import date

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config.policies import PolicyPart, load_part
from filterd.policy.business_days import due_on, easter, holidays_of, is_business_day
from filterd.policy.documents import Text
from filterd.policy.jurisdictions import Deadline, DeadlineClock, Holiday, Jurisdiction
from tests.meta.test_known_failures import ROOT

YEARS = range(2024, 2036)
FIFTH_OF_MAY = {date(year, 5, 5) for year in YEARS}
"""CFF 12 names it; the library has the days off of the labour law, which does not"""
OURS_ALONE = {"mx": FIFTH_OF_MAY}
PACKS = {
    each.id: each
    for each in load_part(PolicyPart.JURISDICTIONS, ROOT / "policies", None).policies.jurisdictions
}


@pytest.mark.parametrize("country", ["mx", "it", "fr", "pl", "pt"])
def test_the_shipped_calendars_are_those_of_the_library(country: str) -> None:
    theirs = set(holidays.country_holidays(country.upper(), years=YEARS))
    ours = {day for year in YEARS for day in holidays_of(PACKS[country], year)}
    assert ours - theirs == OURS_ALONE.get(country, set())
    assert theirs - ours == set()


def test_every_shipped_country_is_compared() -> None:
    assert PACKS.keys() == {"mx", "it", "fr", "pl", "pt"}


@pytest.mark.parametrize(
    ("year", "day"),
    [(1961, "04-02"), (2000, "04-23"), (2024, "03-31"), (2025, "04-20"), (2038, "04-25"), (2285, "03-22")],
)
def test_easter(year: int, day: str) -> None:
    assert easter(year).isoformat() == f"{year}-{day}"


@given(st.integers(1600, 4000))
def test_easter_is_a_sunday_of_its_weeks(year: int) -> None:
    found = easter(year)
    assert found.weekday() == 6
    assert date(year, 3, 22) <= found <= date(year, 4, 25)


def country(*days: Holiday) -> Jurisdiction:
    """A country with these holidays."""
    return Jurisdiction("zz", Text("z", "z"), "UTC", (5, 6), days, (), ())


def test_last_weekday_of_a_month() -> None:
    here = country(Holiday("last Monday of May", 5, weekday=0, nth=-1))
    assert holidays_of(here, 2026) == {date(2026, 5, 25)}
    assert holidays_of(here, 2027) == {date(2027, 5, 31)}


def test_a_holiday_is_observed_on_another_day_even_of_another_year() -> None:
    here = country(Holiday("new year", 1, 1, observed=((5, -1), (6, 1))))
    assert holidays_of(here, 2022) == frozenset(), "the first of 2022 is a Saturday"
    assert holidays_of(here, 2021) == {date(2021, 1, 1), date(2021, 12, 31)}
    assert holidays_of(here, 2023) == {date(2023, 1, 2)}


def test_a_holiday_has_years() -> None:
    here = country(Holiday("new", 12, 24, since=2025, until=2026), Holiday("once", 10, 1, year=2030))
    assert [bool(holidays_of(here, year)) for year in (2024, 2025, 2026, 2027, 2030)] == [
        False,
        True,
        True,
        False,
        True,
    ]


def test_a_leap_day_is_a_holiday_of_leap_years() -> None:
    here = country(Holiday("leap day", 2, 29))
    assert holidays_of(here, 2024) == {date(2024, 2, 29)}
    assert holidays_of(here, 2025) == frozenset()


@given(st.sampled_from(sorted(PACKS)), st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 60))
def test_business_days_are_counted_one_by_one(name: str, event: date, days: int) -> None:
    pack = PACKS[name]
    due = due_on(pack, event, Deadline(days=days, count=DeadlineClock.BUSINESS))
    between = [date.fromordinal(each) for each in range(event.toordinal() + 1, due.toordinal() + 1)]
    assert is_business_day(pack, due)
    assert sum(is_business_day(pack, each) for each in between) == days
