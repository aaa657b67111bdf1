"""``filterd order``: takes in, approves, withdraws and shows the orders of authorities."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import order_life, output, receipts
from filterd.cli.group import Group
from filterd.cli.options import ReadText, common, scope_option
from filterd.cli.order_shown import next_step, perform_on, plain_shown, waiting
from filterd.cli.use_case import perform
from filterd.operations.plain_records import standing

if TYPE_CHECKING:
    from filterd.model.order import Order
    from filterd.operations.context import Context
    from filterd.operations.orders.intake import OrderRequest

Command = Callable[..., Any]
STATES = (
    *("pending", "quarantined", "accepted", "suspended"),
    *("outside_dns", "expired", "lifted", "withdrawn"),
)
STANDINGS = ("in force", "not yet in force", "ended", "damaged")
"""what the table says of an order beside its state"""
MODES = ("nxdomain", "nodata", "null", "sinkhole")
_COMMENT = re.compile(r"(^|\s)#.*")
"""a comment, up to the end of the line; inside a word, ``#`` is part of a URL"""


@click.group(cls=Group)
def order() -> None:
    """Record what an authority demands; it holds for every line, and nobody's choice lifts it."""


order.add_command(receipts.receipt)
order.add_command(receipts.verify_receipt)


def _demand_options(command: Command) -> Command:
    """Add the options of an order's content. The operation judges whether it is complete."""
    for option in reversed(
        (
            click.option(
                "--name", "named", multiple=True, help="A name to block, as the arguments; repeatable."
            ),
            click.option(
                "--file",
                type=ReadText(),
                help="A file with one name on each line; - for stdin.",
            ),
            scope_option,
            click.option("--authority", default="", help="Who demands it."),
            click.option("--official", default="", help="The official who signed."),
            click.option("--document", default="", help="The number of the written instrument."),
            click.option("--document-digest", default="", help="SHA-256 of the document."),
            click.option("--ground", default="", help="The provision that it rests on."),
            click.option("--law", default="", help="The law that allows the block; default the ground's."),
            click.option("--reason", default="", help="Why it is recorded."),
            click.option("--proportionality", default="", help="Why what it reaches is bearable."),
            click.option(
                "--override-protection", is_flag=True, help="Hold for protected names too, with two people."
            ),
            click.option("--enforce-by", default="", help="By when it must hold; default by its ground."),
            click.option("--report-by", default="", help="By when to report it; default by its ground."),
            click.option("--mode", type=click.Choice(MODES), default="nxdomain", show_default=True),
            click.option(
                "--not-before", default="", help="When it begins, ISO 8601 with offset; default now."
            ),
            click.option("--not-after", default="", help="When it ends by itself."),
            click.option("--review-at", default="", help="When to look at it again; default in 180 days."),
            click.option("--received-at", default="", help="When it came in; default now."),
            click.option("--confidential", is_flag=True, help="Never show its names; they come with --file."),
            click.option("--accept-overblocking", is_flag=True, help="Follow URLs and addresses by DNS too."),
        )
    ):
        command = option(command)
    return command


@order.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@_demand_options
@common
def add(config: Path | None, as_json: bool, **demand: Any) -> None:
    """Take an order in. With orders.approvals: 2 it waits for another person's approval.

    One that hits popular names, a service, a way around, a suffix of a hosting service or a wide prefix, and
    one of an authority or ground that the jurisdiction does not have, always waits, and takes
    --proportionality. An order is complete with a name, --authority, --official, --document, --ground (and
    --law, where the ground is procedure alone) and --reason.
    """
    from filterd.operations.orders import taking
    from filterd.operations.orders.intake import IncompleteOrderError

    async def take(context: Context) -> Order:
        try:
            return await taking.add(context, _request(**demand))
        except IncompleteOrderError as error:
            message = f"{error}: {error.remedy}"
            raise click.UsageError(message) from None

    perform_on(config, as_json, take, next_step, warns=True)


@order.command()
@click.argument("reference")
@click.option("--proportionality", default="", help="Why its reach is bearable, where nobody said it yet.")
@common
def approve(reference: str, proportionality: str, config: Path | None, as_json: bool) -> None:
    """Stand behind an order as another person; with enough of them it is in force."""
    from filterd.operations.orders import taking

    async def stand(context: Context) -> Order:
        return await taking.approve(context, reference, proportionality=proportionality)

    perform_on(config, as_json, stand, next_step, warns=True)


@order.command()
@click.argument("reference")
@click.option("--reason", required=True, help="Why it ends.")
@click.option("--damaged", is_flag=True, help="Its row in the store is damaged or gone, and it shall end.")
@click.option(
    "--replaced-by",
    metavar="ORDER",
    default="",
    help="The order as which a damaged one was taken in again; refused unless that one is in force.",
)
@click.option("--emergency", is_flag=True, help="Another person looks at it afterwards: order review.")
@common
def withdraw(
    reference: str,
    reason: str,
    damaged: bool,
    replaced_by: str,
    emergency: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """End an order at once. One person is enough, at any hour."""
    from filterd.operations.orders import ending

    if replaced_by and not damaged:
        message = "--replaced-by goes with --damaged: a sound order is just withdrawn"
        raise click.UsageError(message)

    async def end(context: Context) -> Order:
        return await ending.withdraw(
            context,
            reference,
            reason=reason,
            damaged=damaged,
            replaced_by=replaced_by,
            emergency=emergency,
        )

    perform_on(config, as_json, end, next_step, reaches=False)


@order.command("list")
@click.option(
    "--state",
    type=click.Choice((*STATES, *STANDINGS)),
    metavar="STATE",
    help=f"Only those: {', '.join((*STATES, *STANDINGS))}.",
)
@common
def list_(state: str | None, config: Path | None, as_json: bool) -> None:
    """List the orders."""
    from filterd.model.order import OrderState
    from filterd.operations.orders import showing

    chosen = OrderState(state) if state in STATES else None
    found = perform(config, lambda context: showing.list_orders(context, chosen))
    if state in STANDINGS:
        found = tuple(each for each in found if standing(each, time.time()) == state)
    if as_json:
        output.show_json([plain_shown(each) for each in found])
        return
    columns = ("order", "state", "authority", "document", "names", "from", "until")
    rows = [
        (
            each.reference,
            standing(each, time.time()),
            each.demand.authority,
            each.demand.document,
            each.entries,
            output.moment(each.demand.not_before or each.accepted_at),
            output.moment(each.demand.not_after),
        )
        for each in found
    ]
    empty = "there is no order; add one with: filterd order add NAME ..."
    if state is not None:
        empty = f"there is no order that is {state}; all of them: filterd order list"
    output.show_table(columns, rows, empty)


@order.command()
@click.argument("reference")
@common
def show(reference: str, config: Path | None, as_json: bool) -> None:
    """Show an order; the names of a confidential one stay hidden."""
    from filterd.operations.orders import showing

    perform_on(config, as_json, lambda context: showing.show(context, reference), waiting)


def _request(
    names: tuple[str, ...], named: tuple[str, ...], file: Any, scope: str, mode: str, **options: Any
) -> OrderRequest:
    """The order as typed: names from arguments, options and file; times as Unix seconds."""
    from filterd.model.blocking_mode import BlockingMode
    from filterd.operations import input_values
    from filterd.operations.orders.intake import OrderRequest

    if options["confidential"] and (names or named):
        message = "other users can read a command line: give the names of a confidential order with --file"
        raise click.UsageError(message)
    lines = [] if file is None else [_COMMENT.sub("", line).strip() for line in file]
    read = [(line, f"{file.name}:{number}") for number, line in enumerate(lines, start=1) if line]
    entries = tuple(
        (name, input_values.scope(scope)) for name in (*names, *named, *(line for line, _ in read))
    )
    options["places"] = ("",) * (len(names) + len(named)) + tuple(place for _, place in read)
    for at in ("not_before", "not_after", "review_at", "received_at", "enforce_by", "report_by"):
        options[at] = input_values.when(options[at], "--" + at.replace("_", "-")) if options[at] else 0
    return OrderRequest(entries=entries, mode=BlockingMode[mode.upper()], **options)


for _each in order_life.COMMANDS:
    order.add_command(_each)
