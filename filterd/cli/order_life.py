"""``filterd order suspend | resume | lift | …``: the life of an order after it was taken in."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli.options import common
from filterd.cli.order_shown import next_step, perform_on, waiting
from filterd.cli.waiting import NodeWait, wait_option

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
@wait_option
@common
def suspend(
    reference: str,
    until: str,
    document: str,
    received_at: str,
    reason: str,
    wait: NodeWait,
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
        awaited=wait,
    )


@click.command()
@click.argument("reference")
@click.option("--document", default="", help="The number of the authority's paper that asks for it.")
@click.option("--reason", required=True, help="Why it resumes before its time.")
@wait_option
@common
def resume(
    reference: str, document: str, reason: str, wait: NodeWait, config: Path | None, as_json: bool
) -> None:
    """Put a suspended order back in force before its time."""
    from filterd.operations.orders import suspending

    perform_on(
        config,
        as_json,
        lambda context: suspending.resume(context, reference, document=document, reason=reason),
        next_step,
        awaited=wait,
    )


@click.command()
@click.argument("reference")
@click.option("--document", required=True, help="The number of the authority's paper that demands it.")
@received_option
@click.option("--reason", required=True, help="Why it ends.")
@click.option("--emergency", is_flag=True, help="Another person looks at it afterwards: order review.")
@wait_option
@common
def lift(
    reference: str,
    document: str,
    received_at: str,
    reason: str,
    emergency: bool,
    wait: NodeWait,
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
        awaited=wait,
    )


@click.command()
@click.argument("reference")
@click.option("--until", default="", help="The next review, ISO 8601 with offset; default by its ground.")
@click.option("--document", default="", help="The authority's paper; a provisional order takes one.")
@received_option
@click.option("--reason", required=True, help="Why it stands.")
@common
def confirm(
    reference: str,
    until: str,
    document: str,
    received_at: str,
    reason: str,
    config: Path | None,
    as_json: bool,
) -> None:
    """Note that an order stands: the authority confirmed it, or somebody looked at it again."""
    from filterd.operations.orders import confirming

    perform_on(
        config,
        as_json,
        lambda context: confirming.confirm(
            context,
            reference,
            until=seconds(until, "--until"),
            document=document,
            received_at=seconds(received_at, "--received-at"),
            reason=reason,
        ),
        waiting,
    )


@click.command()
@click.argument("reference")
@click.option("--evidence", required=True, help="What was done instead, and where it can be seen.")
@click.option("--digest", default="", help="SHA-256 of a document that proves it.")
@click.option("--reason", default="", help="Why it is executed outside DNS.")
@common
def execute(
    reference: str, evidence: str, digest: str, reason: str, config: Path | None, as_json: bool
) -> None:
    """Note that an order was carried out outside DNS; its names leave the nodes."""
    from filterd.operations.orders import outside

    perform_on(
        config,
        as_json,
        lambda context: outside.execute(context, reference, evidence=evidence, digest=digest, reason=reason),
        next_step,
        reaches=False,
    )


@click.command()
@click.argument("reference")
@click.option("--reason", required=True, help="What was found.")
@common
def review(reference: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Note that you looked at an order that another person ended in an emergency."""
    from filterd.operations.orders import reviewing

    perform_on(
        config,
        as_json,
        lambda context: reviewing.review(context, reference, reason=reason),
        waiting,
        reaches=False,
    )


COMMANDS = (suspend, resume, lift, confirm, execute, review)
"""those of ``filterd order`` that are here"""
