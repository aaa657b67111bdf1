"""``filterd store``: the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, refused, settings_of


@click.group(cls=Group)
def store() -> None:
    """Prepare the database."""


@store.command()
@common
def migrate(config: Path | None, as_json: bool) -> None:
    """Make the store, or bring it to this version's schema."""
    from filterd.operations import migrate as operation
    from filterd.operations.context import OperationError

    settings = settings_of(config)
    try:
        done = asyncio.run(operation.migrate(settings))
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None
    if as_json:
        output.show_json({"before": done.before, "after": done.after, "changed": done.changed})
    else:
        output.done(f"migrated to {done.after}" if done.changed else f"at {done.after} already")
