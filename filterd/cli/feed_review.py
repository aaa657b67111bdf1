"""Reviews what is held back of a feed: ``filterd feed diff`` and ``filterd feed update --accept``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.feeds.difference import ListDifference, Side
    from filterd.operations.feeds.listing import FeedStatus
    from filterd.operations.feeds.taking import FeedUpdate

SHOWN = 50
"""rules of each side that a comparison shows without --all"""
NAMED = 20
"""popular names that one line of a message gives"""


@click.command()
@click.argument("feed")
@click.option("--against", type=click.IntRange(min=1), help="Compare with this version; default that in use.")
@click.option("--all", "everything", is_flag=True, help=f"Show every rule; default {SHOWN} of each side.")
@common
def diff(feed: str, against: int | None, everything: bool, config: Path | None, as_json: bool) -> None:
    """Show what a feed's new version adds and removes, popular names first.

    The new version is what is held back of the feed; where nothing is, what its source gives now, which is
    not kept. Of a confidential feed only the numbers are shown.
    """
    from filterd.operations.feeds import difference

    most = None if everything else SHOWN
    found = perform(config, lambda context: difference.diff(context, feed, against=against, most=most))
    if as_json:
        output.show_json(found)
        return
    for sign, side in (("-", found.removed), ("+", found.added)):
        for line in side.shown:
            click.echo(f"{sign} {line}")
    for word, side in (("removed", found.removed), ("added", found.added)):
        click.echo(f"{word}: {_told(side)}", err=True)
    output.done(_next_step(found))


def _told(side: Side) -> str:
    popular = f", {side.popular} of them on popular names" if side.popular else ""
    more = side.count - len(side.shown)
    hidden = f"; {more} not shown" if more else ""
    return f"{side.count} rules{popular}{hidden}"


def _next_step(found: ListDifference) -> str:
    if found.hold is None:
        older = f"version {found.against}" if found.against else "nothing: the feed has no version"
        return f"what the source gives now, against {older}; to take it: filterd feed update {found.feed}"
    why = found.hold.note or "popular names"
    return f"held back: {why}; if it is right: {_command(found.feed, found.hold.digest)}"


def _command(feed: str, digest: str) -> str:
    """The command that accepts what was reviewed."""
    return f"filterd feed update {feed} --accept --digest {digest[:16]} --reason ..."


def accept(
    feeds: tuple[str, ...], reason: str | None, digest: str, config: Path | None, as_json: bool
) -> None:
    """Take into force what is held back of one feed."""
    if len(feeds) != 1 or reason is None:
        message = "--accept takes one feed and --reason: filterd feed update FEED --accept --reason ..."
        raise click.UsageError(message)
    from filterd.operations.feeds import acceptance

    because = reason
    taken = perform(
        config, lambda context: acceptance.accept(context, feeds[0], reason=because, digest=digest)
    )
    if as_json:
        output.show_json(taken)
        return
    output.show_fields(
        [
            ("feed", taken.feed),
            ("version", taken.version or ""),
            ("asked for", f"{output.moment(taken.asked_at)} by {taken.asked_by}"),
            ("accepted by", taken.accepted_by),
            ("reason", taken.reason),
            ("digest", taken.digest),
        ]
    )
    if not taken.version:
        command = _command(taken.feed, taken.digest)
        output.done(f"not in force: waits for another person, who reviews it too and gives: {command}")
        return
    output.done(
        "in force with the next snapshot; a running control builds it by itself, else: filterd snapshot build"
    )


def hold_fields(status: FeedStatus) -> list[tuple[str, object]]:
    """The lines of ``feed show`` on what is held back."""
    hold = status.hold
    if hold is None:
        return []
    what = [f"version {hold.version}: {hold.note}"] if hold.version else []
    what += [f"{hold.names} rules on popular names"] if hold.names else []
    fields: list[tuple[str, object]] = [
        ("held back", "; ".join(what)),
        ("held since", output.moment(hold.at)),
        ("review", f"filterd feed diff {hold.feed}"),
        ("accept", _command(hold.feed, hold.digest)),
    ]
    waiting = status.acceptance
    if waiting is not None and not waiting.version:
        asked = f"{output.moment(waiting.asked_at)} by {waiting.asked_by}; waits for another person"
        fields.append(("accepted", asked))
    return fields


def warn_of_held(status: FeedStatus) -> None:
    """The line of ``feed list`` on popular names that are held back."""
    if status.hold is not None and status.hold.names:
        feed = status.feed.id
        click.echo(f"{feed}: {_rules(status.hold.names)} held back (filterd feed diff {feed})", err=True)


def tell_held(done: FeedUpdate) -> None:
    """The lines of ``feed update`` on popular names."""
    if done.held:
        named = f": {_named(done.popular)}" if done.popular else ""
        remedy = f"see filterd feed diff {done.feed}"
        told = f"{_rules(done.held)} held back, the rest is in use{named}; {remedy}"
        click.echo(f"{done.feed}: {told}", err=True)
    if done.standing and done.outcome == "updated":
        assign = "assign them in expected.yaml, or mend the source"
        click.echo(f"{done.feed}: blocks popular names: {_named(done.standing)}; {assign}", err=True)


def _rules(count: int) -> str:
    return "1 rule on a popular name is" if count == 1 else f"{count} rules on popular names are"


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
