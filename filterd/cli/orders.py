"""``filterd order``: takes in, approves, withdraws and shows the orders of authorities."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import ReadText, common, scope_option
from filterd.cli.use_case import perform
from filterd.cli.waiting import (
    NO_WAITING,
    NodeWait,
    plain_times,
    say_waited,
    time_fields,
    wait_for_nodes,
    wait_option,
)
from filterd.operations.plain_records import plain_order, standing

if TYPE_CHECKING:
    from filterd.model.order import Order
    from filterd.operations.context import Context
    from filterd.operations.orders.intake import OrderRequest
    from filterd.operations.orders.reach import Hit
    from filterd.operations.orders.showing import Lifted
    from filterd.operations.orders.times import OrderTimes
    from filterd.operations.orders.warnings import Notice

Command = Callable[..., Any]
STATES = ("pending", "quarantined", "accepted", "withdrawn")
STANDINGS = ("in force", "not yet in force", "ended", "damaged")
"""what the table says of an order beside its state"""
REQUIRED = ("authority", "official", "document", "ground", "reason")
"""the options without which an order is incomplete"""
MODES = ("nxdomain", "nodata", "null", "sinkhole")
SHOWN_HITS = 12
"""of an order's reach; --json has all"""
NOT_SHOWN = "not shown: its rows in the store were damaged"
_COMMENT = re.compile(r"(^|\s)#.*")
"""a comment, up to the end of the line; inside a word, ``#`` is part of a URL"""


@click.group(cls=Group)
def order() -> None:
    """Record what an authority demands; it holds for every line, and nobody's choice lifts it."""


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
            click.option("--reason", default="", help="Why it is recorded."),
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
@wait_option
@common
def add(config: Path | None, as_json: bool, waiting: NodeWait, **demand: Any) -> None:
    """Take an order in. With orders.approvals: 2 it waits for another person's approval.

    One that hits popular names, a service, a suffix of a hosting service or a wide prefix always waits.
    An order is complete with a name, --authority, --official, --document, --ground and --reason.
    """
    from filterd.operations.orders import taking

    _require_all(demand)

    async def take_in(context: Context) -> Order:
        return await taking.add(context, _request(**demand))

    _perform(config, as_json, take_in, _next_step, warns=True, waiting=waiting)


@order.command()
@click.argument("reference")
@wait_option
@common
def approve(reference: str, waiting: NodeWait, config: Path | None, as_json: bool) -> None:
    """Stand behind an order as another person; with enough of them it is in force."""
    from filterd.operations.orders import taking

    async def stand_behind(context: Context) -> Order:
        return await taking.approve(context, reference)

    _perform(config, as_json, stand_behind, _next_step, warns=True, waiting=waiting)


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
@wait_option
@common
def withdraw(
    reference: str,
    reason: str,
    damaged: bool,
    replaced_by: str,
    waiting: NodeWait,
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
            context, reference, reason=reason, damaged=damaged, replaced_by=replaced_by
        )

    _perform(config, as_json, end, _next_step, reaches=False, waiting=waiting)


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
        output.show_json([_plain(each) for each in found])
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

    _perform(config, as_json, lambda context: showing.show(context, reference), _waiting)


def _require_all(demand: Mapping[str, Any]) -> None:
    """Report everything that is missing at once. The operation judges the values."""
    missing = [f"--{part}" for part in REQUIRED if not demand[part].strip()]
    if not demand["names"] and not demand["named"] and demand["file"] is None:
        missing.insert(0, "a NAME")
    if missing:
        message = f"the order is incomplete: give {', '.join(missing)}"
        raise click.UsageError(message)


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
    for at in ("not_before", "not_after", "review_at", "received_at"):
        options[at] = input_values.when(options[at], "--" + at.replace("_", "-")) if options[at] else 0
    return OrderRequest(entries=entries, mode=BlockingMode[mode.upper()], **options)


def _plain(found: Order, hits: tuple[Hit, ...] | None = None, lifted: Lifted | None = None) -> dict[str, Any]:
    """The order for JSON, with names and their scopes as objects."""
    value = plain_order(found, time.time())
    if hits is not None:
        value["reach"] = output.plain(hits)
        value["protected"] = None if lifted is None else output.plain(lifted)
    return value


@dataclass(frozen=True, slots=True)
class _Shown:
    """All that is told of one order."""

    order: Order
    held_back: str
    hits: tuple[Hit, ...] | None
    """None: nobody asked for its reach"""
    lifted: Lifted | None
    times: OrderTimes
    probing: bool
    noticed: tuple[Notice, ...]


def _perform(
    config: Path | None,
    as_json: bool,
    use_case: Callable[[Context], Awaitable[Order]],
    say: Callable[[Order, str, tuple[Hit, ...]], str],
    *,
    reaches: bool = True,
    warns: bool = False,
    waiting: NodeWait = NO_WAITING,
) -> None:
    """Run a use case on one order, show the order, and print warnings and the next step."""
    from filterd.operations.orders import showing, times, warnings

    async def run(context: Context) -> _Shown:
        found = await use_case(context)
        return _Shown(
            found,
            await showing.held_back(context, found),
            await showing.hits_of(context, found) if reaches else None,
            await showing.lifted(context, found) if reaches else None,
            await times.show(context, found.reference),
            context.settings.canary.zone is not None,
            await warnings.notices(context, found) if warns else (),
        )

    shown = perform(config, run)
    waited = wait_for_nodes(waiting, config, shown.order.reference)
    if waited is not None:
        shown = replace(shown, times=waited.times)
    _tell(shown, as_json=as_json, warns=warns)
    said = "" if as_json else say(shown.order, shown.held_back, shown.hits or ())
    if said and (waited is None or waited.effect is None):
        output.done(said)
    say_waited(waited, as_json=as_json)


def _tell(shown: _Shown, *, as_json: bool, warns: bool) -> None:
    """Print an order, and the warnings on it."""
    if as_json:
        value = {**_plain(shown.order, shown.hits, shown.lifted), **plain_times(shown.times)}
        output.show_json({**value, "warnings": shown.noticed} if warns else value)
    else:
        times = time_fields(shown.times, probing=shown.probing)
        _show(shown.order, shown.hits or (), shown.lifted, times)
    for each in shown.noticed:
        output.warn(each.says, each.remedy)


def _waiting(found: Order, held_back: str, hits: tuple[Hit, ...]) -> str:
    """The action that an order waits for; empty if it waits for none."""
    from filterd.operations.integrity import DAMAGED_REMEDY
    from filterd.operations.orders.showing import PROTECTED_REMEDY

    if found.damage:
        remedy = DAMAGED_REMEDY.format(found.reference)
        return f"damaged in the store: {found.damage}; nodes stay as they were\n  what to do: {remedy}"
    if held_back:
        return f"{held_back}\n  what to do: {PROTECTED_REMEDY.format(found.reference)}"
    if found.state.value == "pending" and hits:
        return (
            "not in force: what it reaches takes two people, whatever orders.approvals says; waits for "
            f"another person: filterd order approve {found.reference}"
        )
    if found.state.value == "pending":
        return f"not in force: waits for another person: filterd order approve {found.reference}"
    return ""


def _next_step(found: Order, held_back: str, hits: tuple[Hit, ...]) -> str:
    """The action that a changed order waits for, or where its effect can be seen."""
    if found.state.value in ("accepted", "withdrawn"):
        return (
            "recorded; nodes apply it within a second (filterd node list), and devices ask again once the "
            "answer that they hold has run out (dns.block_ttl for a blocked one)"
        )
    return _waiting(found, held_back, hits)


def _reach(hits: tuple[Hit, ...]) -> list[tuple[str, str]]:
    """A line for each thing that it hits; the rest as a number."""
    more = len(hits) - SHOWN_HITS
    lines = [each.says for each in hits[:SHOWN_HITS]] + ([f"and {more} more"] if more > 0 else [])
    return [("reaches" if number == 0 else "", line) for number, line in enumerate(lines)]


def _protected(lifted: Lifted | None) -> list[tuple[str, str]]:
    """A line on the part of the order that protection lifts, if there is one."""
    if lifted is None or not lifted.count:
        return []
    more = len(lifted.names) - SHOWN_HITS
    named = ", ".join(lifted.names[:SHOWN_HITS]) + (f" and {more} more" if more > 0 else "")
    said = f"{lifted.count} now protected (protected.yaml), answered in spite of the order"
    return [("protected", f"{said}: {named or 'not named, the order is confidential'}")]


def _show(found: Order, hits: tuple[Hit, ...], lifted: Lifted | None, times: list[tuple[str, str]]) -> None:
    demand = found.demand
    names = [f"{name} ({scope.word})" for name, scope in demand.names]
    output.show_fields(
        [
            ("order", found.reference),
            ("state", standing(found, time.time())),
            ("authority", demand.authority),
            ("official", demand.official),
            ("document", demand.document),
            ("ground", demand.ground),
            ("names", "confidential" if demand.confidential else [*names, *demand.addresses] or NOT_SHOWN),
            *_reach(hits),
            *_protected(lifted),
            ("mode", demand.mode),
            ("from", output.moment(demand.not_before or found.accepted_at)),
            ("until", output.moment(demand.not_after)),
            ("review at", output.moment(demand.review_at)),
            ("received at", output.moment(demand.received_at)),
            ("reason", found.reason),
            ("added", _who(found.added_at, found.added_by)),
            ("approved by", found.approvals[1:]),
            ("accepted at", output.moment(found.accepted_at)),
            *times,
            ("withdrawn", _who(found.withdrawn_at, found.withdrawn_by)),
            ("withdrawn for", found.withdrawal_reason),
        ]
    )


def _who(at: float, actor: str) -> str:
    return f"{output.moment(at)} by {actor}" if at else ""
