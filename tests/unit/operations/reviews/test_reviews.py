"""Reviews: asked without an account, seen by folio and code, decided by the clock, appealed to another."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from filterd.model.review import ReviewClaim, ReviewKind, ReviewOutcome
from filterd.operations import audit, exceptions, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, NotAllowedError
from filterd.operations.privacy import retention
from filterd.operations.reviews import asking, deciding, figures
from filterd.operations.reviews.asking import IssuedFolio, ReviewAsked
from filterd.operations.reviews.deciding import DecisionGiven
from filterd.operations.reviews.errors import AppealError, FolioError, NoSiteError, TooManyReviewsError
from filterd.store import reviews as rows
from filterd.store.errors import StoreRolledBackError
from filterd.store.reviews import DecidedPlace, WaitingPlace
from tests.unit.operations.reviews.conftest import at
from tests.worlds.installation import NOW, Installation, as_person

REFUSED = DecisionGiven(ReviewOutcome.REFUSED, "es un sitio de apuestas")
WRITTEN = "mi maestra lo pidió"


def asked(
    site: str = "clinic.example", claim: ReviewClaim = ReviewClaim.CLOSED, text: str = ""
) -> ReviewAsked:
    """A form."""
    return ReviewAsked(site, claim, ReviewKind.PARENTAL, text)


async def ask(context: Context, site: str = "clinic.example", text: str = "") -> IssuedFolio:
    """Send a form."""
    return await asking.ask(context, asked(site, text=text))


async def test_a_store_that_takes_no_orders_takes_no_requests(installation: Installation) -> None:
    async with installation.open() as context:
        await subscribers.add(context, "home")
        head = await context.store.head()
        context.store.ledger.settle(replace(head, revision=head.revision + 1, hash="0" * 64))
        with pytest.raises(StoreRolledBackError):
            await ask(context)
        assert (await deciding.page(context))[0] == []


async def test_from_the_form_to_the_appeal(installation: Installation) -> None:
    async with installation.open() as context:
        made = await ask(context, "https://Clinic.example/salud?x=1#y", WRITTEN)
        assert (made.name, made.due_on) == ("clinic.example", "2027-01-22")
        seen = await asking.look(context, made.folio.lower(), made.code.lower().replace("-", " "))
        assert (seen.due_on, seen.decision.at, seen.may_appeal) == ("2027-01-22", 0, False)
        with pytest.raises(AppealError):
            await asking.appeal(context, made.folio, made.code)

        (waiting,) = (await deciding.page(context))[0]
        assert (waiting.review.name, waiting.days_left) == ("clinic.example", 5)
        await deciding.decide(as_person(context, "ana"), made.folio, REFUSED)
        seen = await asking.look(context, made.folio, made.code)
        assert (seen.decision.outcome, seen.decision.reason) == (ReviewOutcome.REFUSED, REFUSED.reason)
        assert (seen.decision.by, seen.may_appeal, seen.due_on) == ("", True, "")
        assert (await deciding.page(context))[0] == []
        with pytest.raises(ConflictError):
            await deciding.decide(as_person(context, "ben"), made.folio, REFUSED)

        seen = await asking.appeal(context, made.folio, made.code)
        assert (seen.appealed, seen.may_appeal, seen.due_on) == (True, False, "2027-01-29")
        with pytest.raises(AppealError):
            await asking.appeal(context, made.folio, made.code)
        given = DecisionGiven(ReviewOutcome.UPHELD, "tienes razón", exception_seconds=3600)
        with pytest.raises(NotAllowedError, match="same person"):
            await deciding.decide(as_person(context, "ana"), made.folio, given)
        assert await exceptions.list_exceptions(context) == ()
        done = await deciding.decide(as_person(context, "ben"), made.folio, given)
        (exception,) = await exceptions.list_exceptions(context)
        assert (exception.name, done.review.appeal.exception) == ("clinic.example", exception.number)
        seen = await asking.look(context, made.folio, made.code)
        assert (seen.decision.outcome, seen.appeal.outcome) == (ReviewOutcome.REFUSED, ReviewOutcome.UPHELD)
        assert not seen.may_appeal


async def test_who_made_the_token_is_the_same_person(installation: Installation) -> None:
    async with installation.open() as context:
        made = await ask(context)
        await deciding.decide(as_person(context, "ana"), made.folio, REFUSED)
        await asking.appeal(context, made.folio, made.code)
        first = "ana"
        by_token = replace(as_person(context, "ben"), token_made_by=first)
        with pytest.raises(NotAllowedError, match="same person"):
            await deciding.decide(by_token, made.folio, REFUSED)


async def test_a_folio_opens_with_its_code_alone(installation: Installation) -> None:
    async with installation.open() as context:
        mine, other = await ask(context), await ask(context, "other.example")
        refusals = set()
        for folio, code in (
            (mine.folio, other.code),
            (other.folio, mine.code),
            ("R-2027-ZZZZZZ", mine.code),
            ("", ""),
            ("' OR 1=1 --", "%"),
            (mine.folio, ""),
            (mine.folio, mine.code + "2"),
        ):
            with pytest.raises(FolioError) as refused:
                await asking.look(context, folio, code)
            with pytest.raises(FolioError):
                await asking.appeal(context, folio, code)
            refusals.add((str(refused.value), refused.value.remedy))
        assert len(refusals) == 1, "one refusal for all"
        stored = await rows_of(context)
        assert mine.code.replace("-", "") not in repr(stored).replace("-", "")


async def rows_of(context: Context) -> list[object]:
    """All that is stored of requests."""
    async with context.store.read() as connection:
        every = await rows.received_before(connection, math.inf)
        found = [await rows.requests_of(connection, each.number, 99) for each in every]
    return [each for some in found for each in some]


@pytest.mark.parametrize(
    "site", ["", "   ", "192.0.2.1", "https://192.0.2.1/x", "[2001:db8::1]", "a" * 3000, "two words", "-"]
)
async def test_what_names_no_site_is_refused(installation: Installation, site: str) -> None:
    async with installation.open() as context:
        with pytest.raises(NoSiteError):
            await ask(context, site)
        assert (await deciding.page(context))[0] == []


async def test_a_text_is_one_line_of_bounded_length(installation: Installation) -> None:
    async with installation.open() as context:
        made = await ask(context, text="uno\r\nX-Header: 1\x1b[31m\x00 dos")
        (request,) = (await deciding.show(context, made.folio)).requests
        assert request.text == "uno X-Header: 1 [31m dos"
        with pytest.raises(OperationError):
            await ask(context, text="x" * 501)


async def test_the_same_name_is_one_review_with_a_count(installation: Installation) -> None:
    async with installation.open() as context:
        first = await ask(context, text="primera")
        installation.now = at("2027-01-18")
        second = await ask(context, text="segunda")
        await asking.ask(context, asked(claim=ReviewClaim.OPEN))
        both, other = (await deciding.page(context))[0]
        assert (both.review.requests, both.review.due_on, other.review.requests) == (2, "2027-01-22", 1)
        assert second.due_on == "2027-01-25", "nobody learns from it that somebody asked before"
        await deciding.decide(as_person(context, "ana"), str(both.review.number), REFUSED)
        for each in (first, second):
            assert (await asking.look(context, each.folio, each.code)).decision.at
        again = await ask(context)
        assert (await asking.look(context, again.folio, again.code)).decision.at == 0


async def test_a_flood_is_bounded(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_OPEN", 6)
    monkeypatch.setattr(asking, "MOST_TEXTS", 2)
    async with installation.open() as context:
        real = await ask(context, "real.example", "de verdad")
        for _ in range(5):
            await ask(context, "flood.example", "x" * 500)
        with pytest.raises(TooManyReviewsError):
            await ask(context, "flood.example")
        assert [each.text for each in (await deciding.show(context, "2")).requests if each.text] == [
            "x" * 500
        ] * 2
        assert [each.review.name for each in (await deciding.page(context))[0]] == [
            "flood.example",
            "real.example",
        ], "two rows, however many asked"
        await deciding.decide(as_person(context, "ana"), "2", REFUSED)
        assert (await asking.look(context, real.folio, real.code)).decision.at == 0
        await ask(context, "another.example")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (DecisionGiven(ReviewOutcome.NONE, "r"), "no outcome"),
        (DecisionGiven(ReviewOutcome.REFUSED, " "), "empty"),
        (DecisionGiven(ReviewOutcome.REFUSED, "r", exception_seconds=60), "upheld alone"),
        (DecisionGiven(ReviewOutcome.FORWARDED, "r", authority="king"), "unknown"),
        (DecisionGiven(ReviewOutcome.REFUSED, "r", authority="court"), "forwarded alone"),
        (DecisionGiven(ReviewOutcome.DUPLICATE, "r"), "repeats"),
        (DecisionGiven(ReviewOutcome.DUPLICATE, "r", duplicate_of="1"), "this one"),
        (DecisionGiven(ReviewOutcome.DUPLICATE, "r", duplicate_of="99"), "no review"),
    ],
)
async def test_a_decision_that_does_not_fit_changes_nothing(
    installation: Installation, given: DecisionGiven, says: str
) -> None:
    async with installation.open() as context:
        made = await ask(context)
        with pytest.raises(OperationError, match=says):
            await deciding.decide(as_person(context, "ana"), made.folio, given)
        assert (await asking.look(context, made.folio, made.code)).decision.at == 0
        assert not [each for each in await audit.tail(context, 50) if each.entry.action == "review.decide"]


async def test_what_should_be_closed_gets_no_exception(installation: Installation) -> None:
    async with installation.open() as context:
        made = await asking.ask(context, asked(claim=ReviewClaim.OPEN))
        given = DecisionGiven(ReviewOutcome.UPHELD, "r", exception_seconds=60)
        with pytest.raises(OperationError, match="opens it"):
            await deciding.decide(as_person(context, "ana"), made.folio, given)
        done = await deciding.decide(
            as_person(context, "ana"), made.folio, replace(given, exception_seconds=0)
        )
        assert done.review.decision.outcome is ReviewOutcome.UPHELD


async def test_a_duplicate_shows_the_decision_of_the_other(installation: Installation) -> None:
    async with installation.open() as context:
        first, second = await ask(context), await ask(context, "www.clinic.example")
        given = DecisionGiven(ReviewOutcome.DUPLICATE, "ya lo pidieron", duplicate_of=first.folio)
        await deciding.decide(as_person(context, "ana"), second.folio, given)
        seen = await asking.look(context, second.folio, second.code)
        assert seen.decision.reason == "ya lo pidieron"
        forwarded = DecisionGiven(ReviewOutcome.FORWARDED, "lo ordena un juzgado", authority="court")
        await deciding.decide(as_person(context, "ana"), first.folio, forwarded)
        seen = await asking.look(context, second.folio, second.code)
        assert (seen.decision.outcome, seen.decision.authority) == (ReviewOutcome.FORWARDED, "court")


async def test_a_duplicate_of_what_became_one_shows_the_decision_of_the_last(
    installation: Installation,
) -> None:
    async with installation.open() as context:
        names = ("clinic.example", "www.clinic.example", "m.clinic.example")
        first, second, third = [await ask(context, name) for name in names]
        for repeats, of in ((third, second), (second, first)):
            given = DecisionGiven(ReviewOutcome.DUPLICATE, "ya lo pidieron", duplicate_of=of.folio)
            await deciding.decide(as_person(context, "ana"), repeats.folio, given)
        given = DecisionGiven(ReviewOutcome.UPHELD, "era un error")
        await deciding.decide(as_person(context, "ana"), first.folio, given)
        for each in (second, third):
            seen = await asking.look(context, each.folio, each.code)
            assert (seen.decision.outcome, seen.decision.reason) == (ReviewOutcome.UPHELD, "era un error")


async def test_the_trail_has_decisions_and_neither_site_nor_text(installation: Installation) -> None:
    async with installation.open() as context:
        made = await ask(context, text=WRITTEN)
        await deciding.decide(as_person(context, "ana"), made.folio, REFUSED)
        entries = [each.entry for each in await audit.tail(context, 50)]
        entries = [each for each in entries if each.subject.startswith("review:")]
        assert [(each.actor, each.action, each.reason) for each in entries] == [
            ("ana", "review.decide", REFUSED.reason)
        ]
        assert "clinic.example" not in repr(entries)
        assert WRITTEN not in repr(entries)


async def test_overdue_is_counted(installation: Installation) -> None:
    async with installation.open() as context:
        made = await ask(context)
        assert await figures.count(context) == {"open": 1, "appealed": 0, "overdue": 0}
        installation.now = at("2027-01-23")
        assert await figures.count(context) == {"open": 1, "appealed": 0, "overdue": 1}
        (shown,) = (await deciding.page(context))[0]
        assert (shown.overdue, (await asking.look(context, made.folio, made.code)).overdue) == (True, True)
        await deciding.decide(as_person(context, "ana"), made.folio, REFUSED)
        await asking.appeal(context, made.folio, made.code)
        assert await figures.count(context) == {"open": 0, "appealed": 1, "overdue": 0}


async def _asked(context: Context, number: int, kind: ReviewKind, outcome: ReviewOutcome | None) -> None:
    """A request, decided at once unless there is no outcome."""
    made = await asking.ask(context, ReviewAsked(f"n{number}.example", ReviewClaim.OPEN, kind))
    if outcome is not None:
        await deciding.decide(as_person(context, "ana"), made.folio, DecisionGiven(outcome, "r"))


@pytest.mark.ring("night")
async def test_statistics_tell_of_a_half_year_that_is_over_what_tells_nobody(
    installation: Installation,
) -> None:
    """22 came, 21 were decided, one late and one refused; a kind each had the last two."""
    upheld, refused = ReviewOutcome.UPHELD, ReviewOutcome.REFUSED
    async with installation.open() as context:
        for number in range(19):
            await _asked(context, number, ReviewKind.PARENTAL, upheld)
        (half,) = await figures.statistics(context)
        assert (half.half, half.reviews, half.decided) == ("2027-H1", None, None), "it is not over"
        installation.now = at("2027-07-01")
        (half,) = await figures.statistics(context)
        assert (half.requests, half.reviews, half.decided, half.upheld, half.upheld_share) == (
            19,
            19,
            19,
            19,
            1,
        )
        assert (half.in_time, half.appealed, half.by_kind["parental"]) == (19, 0, 19)
        installation.now = at("2027-06-01")
        await _asked(context, 19, ReviewKind.MANDATORY, refused)
        await _asked(context, 20, ReviewKind.SECURITY, None)
        installation.now = at("2027-07-01")
        (half,) = await figures.statistics(context)
        assert (half.requests, half.reviews, half.decided, half.in_time) == (21, 21, None, None)
        assert (half.upheld, half.upheld_share, half.appealed) == (None, None, None)
        assert half.by_kind == {"parental": None, "security": None, "mandatory": None, "unknown": 0}
        (waiting,) = (await deciding.page(context))[0]
        await deciding.decide(as_person(context, "ana"), str(waiting.review.number), REFUSED)
        assert [half] == await figures.statistics(context), "it stands as it was at its end"
        await _asked(context, 21, ReviewKind.PARENTAL, None)
        newest, *others = await figures.statistics(context)
        assert (newest.half, newest.reviews, others) == ("2027-H2", None, [half]), "that goes on"
        assert "example" not in repr(half)


async def test_what_was_written_goes_before_what_is_counted(installation: Installation) -> None:
    async with installation.open() as context:
        made = await ask(context, text=WRITTEN)
        waiting = await ask(context, "waits.example")
        await deciding.decide(as_person(context, "ana"), made.folio, REFUSED)
        installation.now += 181 * 86_400
        done = await retention.run(context)
        assert (done.deleted["reviews"], done.deleted["review_outcomes"]) == (1, 0)
        with pytest.raises(FolioError):
            await asking.look(context, made.folio, made.code)
        assert (await asking.look(context, waiting.folio, waiting.code)).overdue, "what waits is kept"
        assert [each.review.name for each in (await deciding.page(context, closed=True))[0]] == [
            "waits.example",
            "clinic.example",
        ]
        installation.now += 1095 * 86_400
        assert (await retention.run(context)).deleted["review_outcomes"] == 1


async def test_pages_have_each_review_once_in_one_order(installation: Installation) -> None:
    async with installation.open() as context:
        for number in range(7):
            installation.now = at(f"2027-01-{18 + number // 3}")
            for _ in range(1 + number % 3):
                made = await ask(context, f"n{number}.example")
            if number in (1, 4, 5):
                await deciding.decide(as_person(context, "ana"), made.folio, REFUSED)
            if number == 4:
                await asking.appeal(context, made.folio, made.code)
        whole, following = await deciding.page(context, closed=True)
        assert following == ""
        names = [each.review.name.partition(".")[0] for each in whole]
        assert names == ["n2", "n0", "n3", "n6", "n4", "n5", "n1"]
        for limit in (1, 2, 3):
            found, after = await deciding.page(context, "", limit, closed=True)
            while after:
                more, after = await deciding.page(context, after, limit, closed=True)
                found += more
            assert found == whole, limit
        waiting, after = await deciding.page(context, limit=5)
        assert ([each.review.closed_at for each in waiting], after) == ([0] * 5, "")
        for wrong in ("7", "2027-01-18.x.7", "d1.7", "d1e3.7"):
            with pytest.raises(OperationError, match="no place"):
                await deciding.page(context, wrong)


async def test_a_page_of_reviews_reads_its_page_alone(installation: Installation) -> None:
    """In the order of the index, without sorting all that waits."""
    asked_for: list[tuple[str, Any]] = []
    plans: list[str] = []
    async with installation.open() as context, context.store.read() as connection:
        event.listen(
            connection.sync_connection,
            "before_cursor_execute",
            lambda *given: asked_for.append((str(given[2]), given[3])),
        )
        for place in (None, WaitingPlace("2027-01-22", -3, 7)):
            await rows.waiting(connection, place, 10)
        for decided in (None, DecidedPlace(NOW, 7)):
            await rows.decided(connection, decided, 10)
        for statement, given in tuple(asked_for):
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            plans.append(" | ".join(row["detail"] for row in plan.mappings()))
    assert len(plans) == 6
    for each in plans:
        assert "USING INDEX ix_review_waiting" in each
        assert "USE TEMP B-TREE FOR ORDER BY" not in each, "of equal days or moments alone"
