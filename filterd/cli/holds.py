"""``filterd hold``: keeps existing records from being deleted, as a prosecutor demands (CNPP 303)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.privacy.preservation import ShownHold

COLUMNS = ("hold", "state", "until", "classes", "lines", "authority", "document", "by")


@click.group(cls=Group)
def hold() -> None:
    """Keep existing records that an authority demands to be preserved, for 90 days at most.

    Nothing is captured and nothing new is recorded: deletions leave out what a hold names, and no more.
    """


@hold.command()
@click.option("--authority", default="", help="Who demands it.")
@click.option("--official", default="", help="The official who signed.")
@click.option("--document", default="", help="The number of the written instrument.")
@click.option("--ground", default="", help="The provision that it rests on.")
@click.option("--reason", default="", help="Why it is recorded: the file, the ticket.")
@click.option("--until", default="", help="When it ends by itself, ISO 8601 with offset.")
@click.option("--days", type=click.IntRange(1), default=None, help="Or: in so many days, 90 at most.")
@click.option(
    "--class", "classes", multiple=True, help="A class of data to keep, as filterd retention show names it."
)
@click.option("--subscriber", "subscribers", multiple=True, help="A line that it is limited to; repeatable.")
@common
def add(config: Path | None, as_json: bool, days: int | None, **given: Any) -> None:
    """Put a hold in force at once. One person is enough; it ends by itself.

    A repetition under the same document ends with the 90 days of the first one; longer takes a new demand.
    """
    from filterd.operations.privacy import preservation

    demand = preservation.HoldDemand(days=days or 0, **given)
    made = perform(config, lambda context: preservation.add(context, demand))
    _show(made, as_json)
    if not as_json:
        output.done("in force; do not tell the holders of its lines, support does not see it")


@hold.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over too, newest first.")
@common
def list_(everything: bool, config: Path | None, as_json: bool) -> None:
    """List the holds in force, the one that ends first in front."""
    from filterd.operations.privacy import preservation
    from filterd.operations.privacy.plain import plain_hold

    found = perform(config, lambda context: preservation.list_holds(context, everything=everything))
    if as_json:
        output.show_json([plain_hold(each) for each in found])
        return
    output.show_table(COLUMNS, [_row(each) for each in found], "nothing is held")


@hold.command()
@click.argument("hold", metavar="HOLD")
@common
def show(hold: str, config: Path | None, as_json: bool) -> None:
    """Show one hold (H-7) with its lines."""
    from filterd.operations.privacy import preservation

    _show(perform(config, lambda context: preservation.show(context, hold)), as_json)


@hold.command()
@click.argument("hold", metavar="HOLD")
@click.option("--reason", required=True, help="Why it ends before its time.")
@common
def end(hold: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End a hold before its time. One person is enough."""
    from filterd.operations.privacy import preservation

    _show(perform(config, lambda context: preservation.end(context, hold, reason=reason)), as_json)
    if not as_json:
        output.done("ended; what is past its term goes with the next run: filterd retention run")


def _show(found: ShownHold, as_json: bool) -> None:
    from filterd.operations.privacy.plain import plain_hold

    if as_json:
        output.show_json(plain_hold(found))
        return
    held = found.hold
    rest = [
        ("official", held.official),
        ("ground", held.ground),
        ("reason", held.reason),
        ("begun", output.moment(held.made_at)),
        ("ended", f"{output.moment(held.ended_at)} by {held.ended_by}" if held.ended_at else ""),
        ("why ended", held.end_reason),
    ]
    output.show_fields(
        [*zip(COLUMNS, _row(found), strict=True), *((name, text) for name, text in rest if text)]
    )


def _row(found: ShownHold) -> tuple[object, ...]:
    held = found.hold
    lines = ", ".join(found.ids) if held.line_count else "all"
    return (
        held.reference,
        found.state,
        output.moment(held.until),
        ", ".join(held.classes),
        lines or f"{held.line_count} (erased since)",
        held.authority,
        held.document,
        held.made_by,
    )
