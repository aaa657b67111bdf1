"""``filterd order suspend | resume | lift | …``: the life of an order after it was taken in."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli.options import common
from filterd.cli.order_shown import next_step, perform_on

received_option = click.option("--received-at", default="", help="When it came in, ISO 8601; default now.")


def seconds(value: str, option: str) -> int:
    """A moment as typed, in Unix seconds; 0 where it is empty."""
    from filterd.operations import input_values

    return input_values.when(value, option) if value else 0


@click.command()
@click.argument("reference")
@click.option("--until", required=True, help="When it resumes by itself, ISO 8601 with offset.")
@click.option("--document", required=True, help="The number of the authority's paper that asks for it.")
@received_option
@click.option("--reason", required=True, help="Why it is suspended.")
@common
def suspend(
    reference: str,
    until: str,
    document: str,
    received_at: str,
    reason: str,
    config: Path | None,
    as_json: bool,
) -> None:
    """Suspend an order at the authority's request; nodes resume it by themselves at the end."""
    from filterd.operations.orders import suspending

    perform_on(
        config,
        as_json,
        lambda context: suspending.suspend(
            context,
            reference,
            until=seconds(until, "--until"),
            document=document,
            received_at=seconds(received_at, "--received-at"),
            reason=reason,
        ),
        next_step,
    )


@click.command()
@click.argument("reference")
@click.option("--document", default="", help="The number of the authority's paper that asks for it.")
@click.option("--reason", required=True, help="Why it resumes before its time.")
@common
def resume(reference: str, document: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Put a suspended order back in force before its time."""
    from filterd.operations.orders import suspending

    perform_on(
        config,
        as_json,
        lambda context: suspending.resume(context, reference, document=document, reason=reason),
        next_step,
    )


@click.command()
@click.argument("reference")
@click.option("--document", required=True, help="The number of the authority's paper that demands it.")
@received_option
@click.option("--reason", required=True, help="Why it ends.")
@click.option("--emergency", is_flag=True, help="Another person looks at it afterwards: order review.")
@common
def lift(
    reference: str,
    document: str,
    received_at: str,
    reason: str,
    emergency: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """End an order because the authority demands it. One person is enough, at any hour."""
    from filterd.operations.orders import lifting

    perform_on(
        config,
        as_json,
        lambda context: lifting.lift(
            context,
            reference,
            document=document,
            received_at=seconds(received_at, "--received-at"),
            reason=reason,
            emergency=emergency,
        ),
        next_step,
        reaches=False,
    )
