"""Requests of holders: their terms in business days, what may happen to them in which order, and erasures."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from filterd.model.arco import ArcoKind, ArcoOutcome
from filterd.operations import audit, erasure, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.privacy import arco, retention
from filterd.operations.privacy.arco import ShownArco
from tests.worlds.installation import Installation

DAY = 86_400.0
COUNTRY = """
title: {es: México, en: Mexico}
calendar:
  zone: America/Mexico_City
  weekend: [sat, sun]
  holidays: [{title: Natalicio, month: 2, weekday: mon, nth: 1}]
rights: {law: "LFPDPPP 31", answer: {days: 20, count: business}, carry_out: {days: 15, count: business}}
authorities: []
grounds: []
"""


def at(day: str) -> float:
    """Noon in Mexico on a day."""
    return datetime.fromisoformat(f"{day}T18:00:00").replace(tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def country(installation: Installation) -> None:
    """A country with terms; it is the 15th of January 2027, a Friday."""
    installation.write_policy("jurisdictions/mx.yaml", COUNTRY)
    installation.now = at("2027-01-15")


async def asked(context: Context, kind: ArcoKind = ArcoKind.ACCESS, day: str = "") -> ShownArco:
    """A request about a new line."""
    line = await subscribers.add(context, f"line-{kind}-{day}")
    return await arco.add(context, line.id, kind, channel="letter", ticket="K-1", received_on=day)


async def test_a_request_from_its_receipt_to_its_end(installation: Installation) -> None:
    async with installation.open() as context:
        made = await asked(context)
        assert (made.request.answer_by, made.days_left, made.overdue) == ("2027-02-15", 20, False)
        answered = await arco.answer(context, made.reference, ArcoOutcome.GRANTED)
        assert (answered.request.due, answered.days_left) == ("2027-02-08", 15)
        assert await arco.count(context) == {"open": 1, "overdue": 0}
        closed = await arco.close(context, made.reference)
        assert closed.request.due == ""
        assert await arco.list_requests(context) == []
        assert [each.reference for each in await arco.list_requests(context, closed=True)] == [made.reference]


async def test_a_term_is_over_the_day_after_its_last(installation: Installation) -> None:
    async with installation.open() as context:
        await asked(context, day="2027-01-14")
        installation.now = at("2027-02-12")
        assert await arco.count(context) == {"open": 1, "overdue": 0}
        installation.now = at("2027-02-13")
        assert await arco.count(context) == {"open": 1, "overdue": 1}
        (found,) = await arco.list_requests(context)
        assert (found.overdue, found.days_left) == (True, 0), "it is a Saturday: no business day has passed"
        installation.now = at("2027-02-16")
        assert [each.days_left for each in await arco.list_requests(context)] == [-2]


async def test_a_term_is_extended_once_each(installation: Installation) -> None:
    async with installation.open() as context:
        name = (await asked(context)).reference
        assert (await arco.extend(context, name, reason="archive")).request.answer_by == "2027-03-15"
        with pytest.raises(ConflictError, match="was extended already"):
            await arco.extend(context, name, reason="again")
        await arco.answer(context, name, ArcoOutcome.PARTLY, reason="part is the law's")
        assert (await arco.extend(context, name, reason="much")).request.carry_out_by == "2027-03-01"


async def test_a_refusal_closes_it_and_needs_a_reason(installation: Installation) -> None:
    async with installation.open() as context:
        name = (await asked(context)).reference
        with pytest.raises(OperationError, match="is empty"):
            await arco.answer(context, name, ArcoOutcome.REFUSED)
        done = await arco.answer(context, name, ArcoOutcome.REFUSED, reason="not the holder")
        assert done.request.closed_at == installation.now
        for step in (arco.close(context, name), arco.extend(context, name, reason="x")):
            with pytest.raises(ConflictError, match="is closed"):
                await step


@pytest.mark.parametrize("name", ["R-99", "99", "A-", "R-1x", "", "A-" + "9" * 40])
async def test_an_unknown_request(installation: Installation, name: str) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError, match="there is no ARCO request"):
            await arco.close(context, name)


@pytest.mark.parametrize("day", ["2027-01-16", "15-01-2027", "yesterday"])
async def test_a_day_that_cannot_be(installation: Installation, day: str) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError):
            await asked(context, day=day)
        assert await arco.count(context) == {"open": 0, "overdue": 0}


async def test_nothing_is_closed_before_it_was_answered(installation: Installation) -> None:
    async with installation.open() as context:
        name = (await asked(context)).reference
        with pytest.raises(ConflictError, match="was not answered yet"):
            await arco.close(context, name)


async def test_a_request_outlives_its_line_and_leads_to_nobody(installation: Installation) -> None:
    async with installation.open() as context:
        made = await asked(context, ArcoKind.CANCELLATION)
        await arco.answer(context, made.reference, ArcoOutcome.GRANTED)
        await erasure.erase(context, made.id, reason=made.reference)
        (found,) = await arco.list_requests(context)
        assert found.id == ""
        await arco.close(context, made.reference)
        installation.now += 1826 * DAY
        assert (await retention.run(context)).deleted["arco"] == 1
        trail = repr(await audit.tail(context, 99))
    assert "K-1" not in trail


async def test_a_country_without_terms(installation: Installation) -> None:
    installation.write_policy("jurisdictions/mx.yaml", COUNTRY.replace("rights:", "# rights:"))
    async with installation.open() as context:
        with pytest.raises(OperationError, match="says no terms"):
            await asked(context)
        assert await arco.count(context) == {"open": 0, "overdue": 0}


async def test_the_export_has_everything_of_the_line(installation: Installation) -> None:
    async with installation.open() as context:
        made = await asked(context)
        held = await erasure.export(context, made.id)
    assert [each["received_on"] for each in held["arco"]] == ["2027-01-15"]
