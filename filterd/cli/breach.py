"""``filterd breach``: whose data was exposed, and the notice to those people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, sudo
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.privacy.breach import ExposedLine

COLUMNS = (
    "id",
    "line",
    "profile",
    "differences",
    "own names",
    "requests",
    "bindings",
    "authorised",
    "notices",
    "changed",
    "remarks",
)


@click.group(cls=Group)
def breach() -> None:
    """Say whose data was exposed, and of what kind."""


@breach.command()
@click.option("--store", "whole_store", is_flag=True, help="The file of the store.")
@click.option("--backup", type=click.Path(path_type=Path), help="The directory of a backup.")
@click.option("--node", default="", help="A node, by name.")
@click.option("--token", default="", help="A token of the API, by name or number (T-7).")
@click.option("--since", default="", help="From when on, as 2026-11-27T09:00-06:00.")
@click.option("--notice", is_flag=True, help="Print the notice to the holders (LFPDPPP 19), in Spanish.")
@common
def report(
    whole_store: bool,
    backup: Path | None,
    node: str,
    token: str,
    since: str,
    notice: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """List the lines whose data was exposed: by the store, a backup, a node or a token."""
    from filterd.operations import input_values
    from filterd.operations.privacy import breach
    from filterd.operations.privacy.texts import breach_notice

    exposure = breach.Exposure(
        store=whole_store,
        backup=None if backup is None else sudo.backup_place(backup.absolute()),
        node=node,
        credential=token,
        since=input_values.when(since, "the time") if since else 0.0,
    )
    found = perform(config, lambda context: breach.report(context, exposure))
    if as_json:
        output.show_json({**output.plain(found), "notice": breach_notice(found)})
    elif notice:
        click.echo(breach_notice(found), nl=False)
    else:
        rows = [_row(each) for each in found.lines]
        output.show_table(COLUMNS, rows, "no line is concerned")
        output.done(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in found.counts.items()))


def _row(found: ExposedLine) -> tuple[object, ...]:
    return (
        found.id,
        found.line,
        found.profile,
        found.differences,
        found.own_names,
        found.requests,
        found.bindings,
        found.authorised,
        found.notices,
        found.changed,
        ", ".join(_remarks(found)),
    )


def _remarks(found: ExposedLine) -> Iterator[str]:
    if found.own_names_seen:
        yield "own names seen"
    if found.sessions_seen:
        yield "session seen"
    if found.erased_since:
        yield "erased since"
