"""``filterd subscriber code`` and ``own-names``: the holder lets somebody see the own names of a line."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.use_case import perform


@click.command()
@click.argument("id")
@common
def code(id: str, config: Path | None, as_json: bool) -> None:
    """Make a code for the holder, by which support sees the own names of the line for ten minutes.

    It is printed this once: give it to the holder alone, who reads it out to support.
    """
    from filterd.operations import view_codes

    made = perform(config, lambda context: view_codes.issue(context, id))
    if as_json:
        output.show_json(made)
        return
    click.echo(made.code)
    output.done(f"for the holder of {id}, until {output.moment(made.expires_at)}; it is not shown again")


@click.command("own-names")
@click.argument("id")
@click.option("--code", required=True, help="The code that the holder read out.")
@common
def own_names(id: str, code: str, config: Path | None, as_json: bool) -> None:
    """Show the own names of a line by the holder's code; that you looked is written in the audit trail."""
    from filterd.operations import view_codes

    found = perform(config, lambda context: view_codes.view(context, id, code))
    names = found.choices.own_names
    if as_json:
        output.show_json({"id": found.id, "own_names": names})
        return
    rows = [(each.name, each.action, each.scope, output.moment(each.until)) for each in names]
    output.show_table(("name", "action", "scope", "until"), rows, f"{found.id} has no own names")
