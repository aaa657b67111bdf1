"""``filterd arco``: the terms of requests for access, rectification, cancellation and opposition."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform
from filterd.model.arco import ArcoKind, ArcoOutcome

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.privacy.arco import ShownArco

COLUMNS = ("request", "id", "kind", "state", "due", "business days left", "received on", "ticket")
OUTCOMES = tuple(each.value for each in ArcoOutcome if each.value)
_NEXT = {
    ArcoKind.ACCESS: "filterd subscriber export {id} --text",
    ArcoKind.RECTIFICATION: "filterd subscriber show {id}",
    ArcoKind.CANCELLATION: "filterd subscriber erase {id} --reason {request}",
    ArcoKind.OPPOSITION: "filterd subscriber opt-out {id} --reason {request}",
}


@click.group(cls=Group)
def arco() -> None:
    """Keep the terms of holders' requests: access, rectification, cancellation, opposition."""


@arco.command()
@click.argument("id")
@click.option(
    "--kind", type=click.Choice([each.value for each in ArcoKind]), required=True, help="The right."
)
@click.option("--channel", required=True, help="How it came: counter, letter, e-mail.")
@click.option("--ticket", required=True, help="The reference under which you keep who asked.")
@click.option(
    "--received", "received_on", default="", help="The day it was received: 2026-11-27. Default: today."
)
@common
def add(
    id: str, kind: str, channel: str, ticket: str, received_on: str, config: Path | None, as_json: bool
) -> None:
    """Put a request about the line ID on record, and tell the last day to answer it."""
    from filterd.operations.privacy import arco

    _show(
        config,
        as_json,
        lambda context: arco.add(
            context, id, ArcoKind(kind), channel=channel, ticket=ticket, received_on=received_on
        ),
    )


@arco.command("list")
@click.option("--closed", is_flag=True, help="Those that are closed too.")
@common
def list_(closed: bool, config: Path | None, as_json: bool) -> None:
    """List the open requests, the most urgent first."""
    from filterd.operations.privacy.plain import plain_arco

    found, held = perform(config, lambda context: _listed(context, closed=closed))
    if as_json:
        output.show_json([plain_arco(each, held.get(each.reference, 0)) for each in found])
        return
    rows = [_row(each, held.get(each.reference, 0)) for each in found]
    output.show_table(COLUMNS, rows, "no request is open")


async def _listed(context: Context, *, closed: bool) -> tuple[list[ShownArco], dict[str, int]]:
    """The requests, and until when a hold stops what some of them ask for."""
    from filterd.operations.privacy import arco, preservation

    found = await arco.list_requests(context, closed=closed)
    return found, await preservation.held_requests(context, found)


@arco.command()
@click.argument("request", metavar="REQUEST")
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="What the holder was told.")
@click.option("--reason", default="", help="Why, where it was not granted in full.")
@common
def answer(request: str, outcome: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Record the answer to a request (R-7). What was granted is then to be carried out."""
    from filterd.operations.privacy import arco

    given = ArcoOutcome(outcome)
    _show(config, as_json, lambda context: arco.answer(context, request, given, reason=reason))


@arco.command()
@click.argument("request", metavar="REQUEST")
@click.option("--reason", required=True, help="Why, as the holder was told.")
@common
def extend(request: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Extend the term that runs by as long again, once."""
    from filterd.operations.privacy import arco

    _show(config, as_json, lambda context: arco.extend(context, request, reason=reason))


@arco.command()
@click.argument("request", metavar="REQUEST")
@click.option("--reason", default="", help="How it was carried out.")
@common
def close(request: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Record that what was granted is carried out."""
    from filterd.operations.privacy import arco

    _show(config, as_json, lambda context: arco.close(context, request, reason=reason))


def _show(config: Path | None, as_json: bool, use_case: Callable[[Context], Awaitable[ShownArco]]) -> None:
    from filterd.operations.privacy.plain import plain_arco

    async def with_hold(context: Context) -> tuple[ShownArco, int]:
        from filterd.operations.privacy import preservation

        done = await use_case(context)
        return done, (await preservation.held_requests(context, [done])).get(done.reference, 0)

    found, held = perform(config, with_hold)
    if as_json:
        output.show_json(plain_arco(found, held))
        return
    output.show_fields(list(zip(COLUMNS, _row(found, held), strict=True)))
    if held:
        output.warn(
            f"a preservation hold keeps this line from being erased until {output.moment(held)}",
            "answer within the term all the same, without naming the authority; erase after that day:"
            " filterd hold list",
        )
    elif found.id and found.request.answered_at and not found.request.closed_at:
        command = _NEXT[found.request.kind].format(id=found.id, request=found.reference)
        output.done(f"next: {command}; then: filterd arco close {found.reference}")


def _row(found: ShownArco, held: int = 0) -> tuple[object, ...]:
    request = found.request
    return (
        found.reference,
        found.id or "(erased)",
        request.kind,
        _state(found) + (f", HELD until {output.moment(held)}" if held else ""),
        request.due,
        found.days_left if request.due else None,
        request.received_on,
        request.reference,
    )


def _state(found: ShownArco) -> str:
    request = found.request
    if request.closed_at:
        return f"closed, {request.outcome.value}"
    state = f"to carry out, {request.outcome.value}" if request.answered_at else "to answer"
    return f"OVERDUE {state}" if found.overdue else state
