"""``filterd subscriber import|export|erase``: many lines at once, and everything that is held of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.evidence import evidence_options, evidence_typed
from filterd.cli.failure import Failure
from filterd.cli.options import common
from filterd.cli.session import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.importing import ImportResult

SHOWN = 20
"""rejected rows that are shown; --json shows all that are kept"""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@evidence_options
@common
def import_(file: Path, config: Path | None, as_json: bool, **evidence: str) -> None:
    """Register lines from a CSV file; running it again changes nothing.

    Its first line names the columns: subscriber, and as needed prefixes (separated by spaces), profile
    (opts the line in), zone, and the evidence who, channel, at, text_version, reference. The options say
    what a row with a profile does not say itself.
    """
    from filterd.operations import importing

    size = file.stat().st_size
    with output.progress("importing") as tell:

        async def run(context: Context) -> ImportResult:
            return await importing.import_file(
                context,
                file,
                evidence=evidence_typed(**evidence),
                progress=None if tell is None else lambda rows, read: tell(f"{rows} rows", read, size),
            )

        done = perform(config, run)
    if as_json:
        output.show_json(done)
    else:
        output.show_fields(
            [
                ("added", done.added),
                ("changed", done.changed),
                ("unchanged", done.unchanged),
                ("rejected", done.rejected),
            ]
        )
    if done.rejected:
        lines = [f"{file}:{each.line}: {each.reason}" for each in done.rejections[:SHOWN]]
        raise Failure([*lines, f"{done.rejected} rows were rejected"], "mend them and import the file again")


@click.command()
@click.argument("id")
@common
def export(id: str, config: Path | None, as_json: bool) -> None:
    """Print everything that is held of a subscriber (it is JSON with and without --json)."""
    from filterd.operations import erasure

    output.show_json(perform(config, lambda context: erasure.export(context, id)))


@click.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why: the request, its reference.")
@common
def erase(id: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Remove the line and delete everything that leads to a person."""
    from filterd.operations import erasure

    erased = perform(config, lambda context: erasure.erase(context, id, reason=reason))
    if as_json:
        output.show_json(erased)
    else:
        output.done(f"erased {id}: {erased.bindings} bindings, {erased.requests} requests on record")


COMMANDS = (import_, export, erase)
