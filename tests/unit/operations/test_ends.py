"""Times as people say them: by the line's own clock, also on the days on which it is moved."""

from __future__ import annotations

from datetime import datetime

import pytest

from filterd.operations.context import OperationError
from filterd.operations.ends import STAYS, End, clock_of, midnight, moment


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("value", "zone", "now", "then"),
    [
        ("21:00", "America/Mexico_City", "2026-11-25T20:00-06:00", "2026-11-25T21:00-06:00"),
        ("21:00", "America/Mexico_City", "2026-11-25T21:00-06:00", "2026-11-26T21:00-06:00"),
        ("7:05", "America/Tijuana", "2026-11-25T21:00-08:00", "2026-11-26T07:05-08:00"),
        ("2026-12-24T21:00", "America/Mexico_City", "2026-11-25T20:00-06:00", "2026-12-24T21:00-06:00"),
        ("2026-12-24 21:00", "UTC", "2026-11-25T20:00-06:00", "2026-12-24T21:00+00:00"),
        ("2026-12-24T21:00Z", "America/Mexico_City", "2026-11-25T20:00-06:00", "2026-12-24T21:00+00:00"),
        ("02:30", "Europe/Madrid", "2026-10-25T02:10+02:00", "2026-10-25T02:30+02:00"),
        ("02:30", "Europe/Madrid", "2026-10-25T02:45+02:00", "2026-10-25T02:30+01:00"),
        ("02:30", "Europe/Madrid", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"),
        ("02:30", "Europe/Madrid", "2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"),
    ],
)
def test_a_moment(value: str, zone: str, now: str, then: str) -> None:
    assert moment(value, zone, at(now), "it") == at(then)


@pytest.mark.parametrize(
    "value", ["", "9", "24:30", "evening", "2026-12-24", "2026-13-24T21:00", "21:00:00Z"]
)
def test_no_moment(value: str) -> None:
    with pytest.raises(OperationError) as caught:
        moment(value, "UTC", 0, "the end")
    assert "21:00" in caught.value.remedy


def test_today_ends_at_the_midnight_of_the_line() -> None:
    now = at("2026-11-25T20:00-06:00")
    assert midnight("America/Mexico_City", now) == at("2026-11-26T00:00-06:00")
    twice = at("2025-11-02T00:30-04:00")  # the clock shows midnight again in half an hour
    assert midnight("America/Havana", twice) == at("2025-11-03T00:00-05:00")
    assert End(today=True).at("Europe/Madrid", now, 86_400, "it") == at("2026-11-27T00:00+01:00")


def test_an_end_has_its_bounds() -> None:
    assert STAYS.at("UTC", 1000, 60, "it") == 0
    assert End(60).at("UTC", 1000, 60, "it") == 1060
    with pytest.raises(OperationError, match="more than 0 days"):
        End(61).at("UTC", 1000, 60, "it")
    with pytest.raises(OperationError, match="before it begins"):
        End(until="1970-01-02T00:00Z").at("UTC", 90_000, 60, "it")


def test_a_zone_that_this_machine_does_not_know() -> None:
    with pytest.raises(OperationError, match="does not know") as caught:
        clock_of("Mars/Olympus")
    assert "set-zone" in caught.value.remedy
