"""Prints the announced changes of profiles, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.options import common

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.meanings import ShownChange


@click.command()
@common
def changes(config: Path | None, as_json: bool) -> None:
    """List changes of profiles that lines were told of and that have not taken effect, with their dates."""
    from filterd.cli.use_case import perform
    from filterd.operations import meanings
    from filterd.operations.shown_meanings import plain_change

    shown = perform(config, meanings.changes_in_words)
    if as_json:
        output.show_json([plain_change(each) for each in shown])
        return
    for each in shown:
        _show(each)
    if not shown:
        click.echo("no profile is about to change")


@click.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why it cannot wait, for the audit trail.")
@common
def hasten(id: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Let an announced change of a profile take effect at once, as one that mends a mistake.

    Two people have to say so, each with this command; with orders.approvals 1 one person alone.
    """
    from filterd.cli.use_case import perform
    from filterd.operations import meanings
    from filterd.operations.shown_meanings import plain_change

    async def write(context: Context) -> ShownChange:
        return await meanings.hasten(context, id, reason=reason)

    shown = perform(config, write)
    if as_json:
        output.show_json(plain_change(shown))
        return
    _show(shown)
    if not shown.in_force:
        click.echo("another person has to say so too, with the same command")


def _show(shown: ShownChange) -> None:
    meaning = shown.change.meaning
    click.echo(
        f"{meaning.profile}  change {meaning.number}, noted {output.moment(meaning.noted_at)}, takes effect "
        f"{output.moment(meaning.takes_effect_at)}; lines: {shown.change.lines}"
    )
    click.echo(f"  {shown.words.es}")
    if meaning.hasten_by and not shown.in_force:
        click.echo(f"  {meaning.hasten_by} asked that it take effect at once: {meaning.hasten_reason}")
