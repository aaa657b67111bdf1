"""Ends of duties, against days and hours that were looked up by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.policy.deadlines import due, end_of, resolve, starts_with
from filterd.policy.jurisdictions import (
    Authority,
    Deadline,
    DeadlineClock,
    DeadlineKind,
    DeadlineStart,
    Ground,
    GroundDeadlines,
    Jurisdiction,
)
from tests.unit.policy.test_calendars import PACKS

KIND = DeadlineKind
BUSINESS = DeadlineClock.BUSINESS
MEXICO = PACKS["mx"]


def ground(country: str, name: str) -> Ground:
    """A ground of a shipped file."""
    return next(each for each in PACKS[country].grounds if each.id == name)


def local(country: str, text: str) -> int:
    """A local time there as Unix seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(PACKS[country].zone)).timestamp())


def in_words(country: str, at: int | None) -> str:
    """A moment in local time."""
    assert at is not None
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(PACKS[country].zone)).isoformat()


@pytest.mark.parametrize(
    ("country", "name", "authority", "kind", "start", "end"),
    [
        # five business days, from the day after: over the Revolution's Monday
        ("mx", "liva-18h", "sat", KIND.ENFORCE, "2026-11-12T09:00", "2026-11-20T23:59:59-06:00"),
        # notified on a Saturday: Monday is the first day
        ("mx", "liva-18h", "sat", KIND.ENFORCE, "2026-11-28T23:59", "2026-12-04T23:59:59-06:00"),
        # the report's five days run from the enforcement, over the 5 of May
        ("mx", "liva-18h", "sat", KIND.REPORT, "2026-04-29T12:00", "2026-05-08T23:59:59-06:00"),
        ("mx", "liva-18h", "sat", KIND.UNBLOCK, "2026-12-22T00:00", "2026-12-30T23:59:59-06:00"),
        # the executive changes on 1 October 2030
        ("mx", "liva-18h", "sat", KIND.ENFORCE, "2030-09-27T10:00", "2030-10-07T23:59:59-06:00"),
        ("mx", "lgamvlv-20", "judge", KIND.RECONFIRM, "2026-12-24T10:00", "2026-12-29T23:59:59-06:00"),
        ("mx", "lmtr-182", "fgr", KIND.REVIEW, "2026-01-01T10:00", "2026-06-30T23:59:59-06:00"),
        ("it", "piracy-shield", "agcom", KIND.ENFORCE, "2026-10-25T01:45", "2026-10-25T02:15:00+02:00"),
        ("it", "cncpo-list", "cncpo", KIND.ENFORCE, "2026-10-24T23:00", "2026-10-25T04:00:00+01:00"),
        # clocks go forward at 2: six hours by the clock
        ("it", "cncpo-list", "cncpo", KIND.ENFORCE, "2026-03-28T23:00", "2026-03-29T06:00:00+02:00"),
        ("fr", "lcen-6-1", "ofac", KIND.UNBLOCK, "2026-10-24T12:00", "2026-10-25T11:00:00+01:00"),
        ("pl", "gambling-register", "mf", KIND.ENFORCE, "2026-12-24T08:00", "2026-12-26T08:00:00+01:00"),
        ("pl", "cert-list", "cert-polska", KIND.TERM, "2026-01-01T00:00", "2026-06-30T23:59:59+02:00"),
        ("pt", "igac-memorandum", "igac", KIND.ENFORCE, "2026-03-27T18:00", "2026-04-20T23:59:59+01:00"),
    ],
)
def test_ends(country: str, name: str, authority: str, kind: KIND, start: str, end: str) -> None:
    found = due(PACKS[country], ground(country, name), authority, kind, local(country, start))
    assert in_words(country, found) == end


def test_a_ground_that_sets_no_deadline() -> None:
    assert due(MEXICO, ground("mx", "lmtr-182"), "fgr", KIND.ENFORCE, 0) is None
    assert due(PACKS["pl"], ground("pl", "cert-list"), "", KIND.REVIEW, 0) is None, "it has a term"


def test_events_that_deadlines_run_from() -> None:
    assert starts_with(ground("it", "piracy-shield"), "agcom", KIND.REPORT) is DeadlineStart.RECEIVED
    assert starts_with(ground("mx", "liva-18h"), "sat", KIND.REPORT) is DeadlineStart.ENFORCED
    assert starts_with(ground("mx", "lfppi-344"), "impi", KIND.REVIEW) is DeadlineStart.ACCEPTED


def test_an_authority_has_deadlines_of_its_own() -> None:
    own = GroundDeadlines(enforce=Deadline(hours=2))
    here = replace(ground("mx", "liva-18h"), by_authority=(("fgr", own),))
    assert due(MEXICO, here, "fgr", KIND.ENFORCE, 1000) == 1000 + 7200
    assert here.deadline(KIND.REPORT, "fgr") == here.deadline(KIND.REPORT), "the rest is the ground's"
    assert here.deadline(KIND.ENFORCE, "sat") == Deadline(
        days=5, count=BUSINESS, start=DeadlineStart.NOTIFIED
    )


def test_an_authority_counts_in_its_own_zone() -> None:
    bodies = (*MEXICO.authorities, Authority("north", MEXICO.title, "America/Tijuana"))
    country = replace(MEXICO, authorities=bodies)
    start = local("mx", "2026-11-30T01:00")
    there = end_of(country, "north", Deadline(days=1), start)
    assert in_words("mx", there) == "2026-12-01T01:59:59-06:00", "it is still Sunday there"
    assert in_words("mx", end_of(country, "sat", Deadline(days=1), start)) == "2026-12-01T23:59:59-06:00"


def test_a_day_whose_midnight_does_not_exist() -> None:
    country = Jurisdiction("cl", MEXICO.title, "America/Santiago", (5, 6), (), (), ())
    zone = ZoneInfo("America/Santiago")
    start = int(datetime(2026, 9, 4, 12, tzinfo=zone).timestamp())
    found = datetime.fromtimestamp(end_of(country, "", Deadline(days=1), start), UTC).astimezone(zone)
    assert found.isoformat() == "2026-09-05T23:59:59-04:00"


DEADLINES = st.one_of(
    st.builds(Deadline, hours=st.integers(1, 200)),
    st.builds(Deadline, minutes=st.integers(1, 1440)),
    st.builds(Deadline, days=st.integers(1, 90)),
    st.builds(Deadline, days=st.integers(1, 40), count=st.just(BUSINESS)),
)
MOMENTS = st.integers(1_700_000_000, 2_100_000_000)


@given(st.sampled_from(sorted(PACKS)), DEADLINES, MOMENTS, st.integers(0, 10**7))
def test_a_later_event_is_never_due_earlier(name: str, deadline: Deadline, start: int, later: int) -> None:
    first, second = (end_of(PACKS[name], "", deadline, each) for each in (start, start + later))
    assert start < first <= second


@given(st.sampled_from(sorted(PACKS)), st.integers(1, 90), MOMENTS)
def test_days_end_with_their_last_second(name: str, days: int, start: int) -> None:
    end = end_of(PACKS[name], "", Deadline(days=days), start)
    assert in_words(name, end)[11:19] == "23:59:59"
    assert in_words(name, end + 1)[11:19] == "00:00:00"
    assert end - start > (days * 24 - 1) * 3600


@pytest.mark.parametrize(
    ("said", "law", "found"),
    [
        ("sat", "liva-18h", ("sat", "liva-18h")),
        ("  SERVICIO de  Administración Tributaria ", " cff 30-B, 90-a ", ("sat", "liva-18h")),
        ("Court", "LGAMVLV 20 Sexies", ("judge", "lgamvlv-20")),
        ("Juzgado de Marte", "LMTR 182", (None, "lmtr-182")),
        ("sat", "no such law", ("sat", None)),
        ("", "", (None, None)),
    ],
)
def test_resolve(said: str, law: str, found: tuple[str | None, str | None]) -> None:
    basis = resolve(MEXICO, said, law)
    assert (basis.authority and basis.authority.id, basis.ground and basis.ground.id) == found


def test_of_two_grounds_of_one_law_the_one_that_the_authority_can_use() -> None:
    tax = ground("mx", "liva-18h")
    other = replace(tax, id="other", authorities=("judge",), law="X; LMTR 182")
    country = replace(MEXICO, grounds=(*MEXICO.grounds[:1], other))
    used = replace(country.grounds[0], authorities=("fgr",))
    country = replace(country, grounds=(used, other))
    assert resolve(country, "judge", "LMTR 182").ground is other
    assert resolve(country, "fgr", "LMTR 182").ground is used
    assert resolve(country, "sat", "LMTR 182").ground is used, "neither: the first"


def test_shipped_grounds_say_where_they_stand() -> None:
    for pack in PACKS.values():
        for each in pack.grounds:
            if each.id != "adopted-list":
                assert each.source, each.id
                assert each.checked or each.note is not None, "a doubt is told"
    assert not ground("mx", "lmtr-182").substantive
    assert ground("mx", "liva-18h").substantive
