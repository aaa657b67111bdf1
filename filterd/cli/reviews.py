"""``filterd review``: requests to look at a site again, which anyone may make without an account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, time_span
from filterd.cli.use_case import perform
from filterd.model.review import ReviewClaim, ReviewKind, ReviewOutcome
from filterd.model.review_effect import EffectOfReview

if TYPE_CHECKING:
    from filterd.model.review_effect import ReviewEffect
    from filterd.operations.context import Context
    from filterd.operations.reviews.deciding import ShownReview
    from filterd.operations.reviews.figures import HalfYear

COLUMNS = ("review", "site", "claim", "block met", "requests", "state", "due", "business days left")
STATISTICS = ("half-year", "requests", "reviews", "decided", "in time", "upheld", "share upheld", "appealed")
OUTCOMES = tuple(each.value for each in ReviewOutcome if each.value)


def _span_if_given(context: click.Context, parameter: click.Parameter, value: str) -> int:
    return time_span(context, parameter, value) if value else 0


@click.group(cls=Group)
def review() -> None:
    """Decide requests to look at a site again, which anyone may make without an account."""


@review.command()
@click.argument("site")
@click.option(
    "--claim",
    type=click.Choice([each.value for each in ReviewClaim]),
    default=ReviewClaim.CLOSED.value,
    show_default=True,
    help="closed: it is, and should not be; open: it is, and should be closed.",
)
@click.option(
    "--met",
    "kind",
    type=click.Choice([each.value for each in ReviewKind]),
    default=ReviewKind.UNKNOWN.value,
    show_default=True,
    help="The kind of block that the person met.",
)
@click.option("--text", default="", help="In the person's words, up to 500 characters; no name of theirs.")
@click.option("--language", type=click.Choice(["es", "en"]), default="es", show_default=True)
@common
def add(
    site: str, claim: str, kind: str, text: str, language: str, config: Path | None, as_json: bool
) -> None:
    """Take a request in for somebody at the counter or on the telephone: a name or a URL.

    Folio and code are shown this once: read out both.
    """
    from filterd.operations.reviews import asking
    from filterd.operations.reviews.asking import ReviewAsked

    asked = ReviewAsked(site, ReviewClaim(claim), ReviewKind(kind), text, language)
    made = perform(config, lambda context: asking.ask(context, asked))
    if as_json:
        output.show_json(made)
        return
    pairs = [("folio", made.folio), ("code", made.code), ("site", made.name), ("due", made.due_on)]
    output.show_fields(pairs)
    output.done("for the person alone: by both they see the decision, and may appeal once")


@review.command("list")
@click.option("--closed", is_flag=True, help="Decided ones too, behind the others, newest first.")
@click.option("--after", default="", metavar="PLACE", help="Go on behind this place, which a list says.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The most to show."
)
@common
def list_(closed: bool, after: str, limit: int, config: Path | None, as_json: bool) -> None:
    """List what waits for a decision, the most urgent first."""
    from filterd.operations.reviews import deciding
    from filterd.operations.reviews.plain import plain_review

    found, following = perform(config, lambda context: deciding.page(context, after, limit, closed=closed))
    if as_json:
        output.show_json([plain_review(each) for each in found])
    else:
        output.show_table(COLUMNS, [_row(each) for each in found], "nothing waits for a decision")
    if following:
        output.done(f"there are more: go on with --after {following}, or raise --limit")


@review.command()
@click.argument("review", metavar="REVIEW")
@common
def show(review: str, config: Path | None, as_json: bool) -> None:
    """Show a review (7, or a folio) with what was written."""
    from filterd.operations.reviews import deciding

    _show(config, as_json, lambda context: deciding.show(context, review))


@review.command()
@click.argument("review", metavar="REVIEW")
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True)
@click.option("--reason", required=True, help="In words for the person who asked, in their language.")
@click.option(
    "--exception",
    "seconds",
    callback=_span_if_given,
    default="",
    help="Upheld: let the name through on every line for so long (7d at most), while the list is corrected.",
)
@click.option("--authority", default="", help="Forwarded: whose demand it is, an id of the jurisdiction.")
@click.option("--duplicate-of", default="", help="Duplicate: the review or folio that decides it.")
@common
def decide(
    review: str,
    outcome: str,
    reason: str,
    seconds: int,
    authority: str,
    duplicate_of: str,
    config: Path | None,
    as_json: bool,
) -> None:
    """Decide a review, or its appeal, which takes another person than the first decision."""
    from filterd.operations.reviews import deciding
    from filterd.operations.reviews.deciding import DecisionGiven

    given = DecisionGiven(ReviewOutcome(outcome), reason, seconds, authority, duplicate_of)
    _show(config, as_json, lambda context: deciding.decide(context, review, given))


@review.command()
@click.argument("review", metavar="REVIEW")
@click.option(
    "--kind",
    type=click.Choice([each.value for each in EffectOfReview]),
    help="What was done; without it the effects are listed.",
)
@click.option("--reference", default="", help="The order (O-7), the number of an exception, or a list.")
@click.option("--version", type=click.IntRange(0), default=0, help="Of a list: the first that is corrected.")
@common
def effect(
    review: str, kind: str | None, reference: str, version: int, config: Path | None, as_json: bool
) -> None:
    """Note what was done about an upheld review; when every node had it is measured and shown."""
    from filterd.operations.reviews import deciding, effects

    async def use_case(context: Context) -> tuple[ReviewEffect, ...]:
        if kind is not None:
            await effects.record(context, review, EffectOfReview(kind), reference=reference, version=version)
        await effects.settle(context)
        return await effects.of_review(context, (await deciding.show(context, review)).review.number)

    found = perform(config, use_case)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (each.kind.value, each.reference, each.version or None, output.moment(each.noted_at), each.noted_by,
         output.moment(each.effective_at) or "some node lacks it")
        for each in found
    ]  # fmt: skip
    columns = ("effect", "reference", "version", "noted", "by", "on every node")
    output.show_table(columns, rows, "nothing followed yet")


@review.command()
@click.argument("folio")
@click.option("--code", required=True, help="The code that goes with the folio.")
@common
def appeal(folio: str, code: str, config: Path | None, as_json: bool) -> None:
    """Have a decision looked at again for somebody who reads out folio and code; once for each review."""
    from filterd.operations.reviews import asking
    from filterd.operations.reviews.plain import plain_seen

    seen = perform(config, lambda context: asking.appeal(context, folio, code))
    if as_json:
        output.show_json(plain_seen(seen))
        return
    output.done(f"{seen.folio} is appealed; another person decides it by {seen.due_on}")


@review.command()
@common
def statistics(config: Path | None, as_json: bool) -> None:
    """Show the figures of each half-year that is over, which name no site; a count below 10, and one that
    would tell such a count, is left out."""
    from filterd.operations.reviews import figures
    from filterd.operations.reviews.plain import plain_statistics

    found = perform(config, figures.statistics)
    if as_json:
        output.show_json(plain_statistics(found))
        return
    output.show_table(STATISTICS, [_figures(each) for each in found], "nothing was asked")


def _show(config: Path | None, as_json: bool, use_case: Callable[[Context], Awaitable[ShownReview]]) -> None:
    from filterd.operations.reviews.plain import plain_review

    found = perform(config, use_case)
    if as_json:
        output.show_json(plain_review(found))
    else:
        output.show_fields([*zip(COLUMNS, _row(found), strict=True), *_decisions(found)])
        rows = [(each.folio, each.due_on, each.language, each.text or "-") for each in found.requests]
        if rows:
            output.show_table(("folio", "due", "language", "text"), rows, "")
    if found.blocked_by:
        output.warn(
            f"{found.review.name} stays blocked: mandatory, {found.blocked_by}",
            "tell who asked which authority decides; an order ends with: filterd order withdraw",
        )


def _decisions(found: ShownReview) -> list[tuple[str, object]]:
    return [
        (what, f"{each.outcome.value} by {each.by}, {output.moment(each.at)}: {each.reason}")
        for what, each in (("decision", found.review.decision), ("on appeal", found.review.appeal))
        if each.at
    ]


def _row(found: ShownReview) -> tuple[object, ...]:
    review = found.review
    return (
        review.number,
        review.name,
        review.claim.value,
        review.kind.value,
        review.requests,
        _state(found),
        review.due,
        found.days_left if review.due else None,
    )


def _state(found: ShownReview) -> str:
    review = found.review
    if review.closed_at:
        return f"decided, {review.last.outcome.value}"
    state = "appealed" if review.appealed_at else "to decide"
    return f"OVERDUE {state}" if found.overdue else state


def _figures(found: HalfYear) -> tuple[object, ...]:
    counts = (found.requests, found.reviews, found.decided, found.in_time, found.upheld)
    share = "" if found.upheld_share is None else f"{found.upheld_share:.0%}"
    return (found.half, *map(_told, counts), share, _told(found.appealed))


def _told(count: int | None) -> str:
    return "not told" if count is None else str(count)
