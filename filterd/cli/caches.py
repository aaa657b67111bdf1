"""``filterd cache``: what the resolver on this machine has cached."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, refused, settings_of


@click.group(cls=Group)
def cache() -> None:
    """Make the resolver forget cached answers."""


@cache.command("flush")
@click.argument("name", required=False)
@click.option("--subtree", is_flag=True, help="Forget what is below NAME too.")
@common
def flush(config: Path | None, as_json: bool, name: str | None, subtree: bool) -> None:
    """Forget the answers to questions for NAME, of all types; without NAME all answers.

    Stale answers are forgotten too. Answers to other names that lead to NAME by an alias stay. Orders and
    choices need no flush: the cache is below filtering. The resolver must run on this machine; control need
    not.
    """
    from filterd.operations import flushing
    from filterd.operations.errors import OperationError

    if subtree and name is None:
        message = "--subtree needs a NAME; without one everything is forgotten"
        raise click.UsageError(message)
    settings = settings_of(config)
    try:
        flushed = asyncio.run(flushing.flush(settings, name, subtree=subtree))
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None
    if as_json:
        output.show_json(flushed)
        return
    output.done(f"forgot {flushed.removed} answers" if flushed.removed != 1 else "forgot 1 answer")
