"""``filterd subscriber import``: lines from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import import_source, output
from filterd.cli.bindings import SESSIONS_INSTEAD
from filterd.cli.evidence import evidence_options, evidence_typed
from filterd.cli.failure import Failure
from filterd.cli.options import accept_empty_option, common, wide_option
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.importing import ImportResult

SHOWN = 20
"""rejected rows that are shown; --json shows all that are kept"""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True))
@evidence_options
@click.option(
    "--shared",
    default="",
    metavar="REASON",
    help="Keep rows without evidence of their own for a second person, and why they have none.",
)
@wide_option
@accept_empty_option
@common
def import_(
    file: Path,
    shared: str,
    wide: bool,
    accept_empty: bool,
    config: Path | None,
    as_json: bool,
    **evidence: str,
) -> None:
    """Register lines from a CSV file; running it again changes nothing.

    The file - is standard input. The first line names the columns: subscriber, and as needed prefixes
    (separated by spaces), profile (opts the line in), zone, and the evidence who, channel, at, text_version,
    reference. The options say what a row with a profile does not say itself; a request without a time counts
    as made now. With yes in the column accept_empty a row opts in though no list of a category of its profile
    was ever read; such rows are rejected otherwise. Rows whose evidence is that of other rows too are
    rejected, unless --shared keeps them for a second person to approve.
    """
    from filterd.operations import importing

    with import_source.opened(file) as (path, size), output.progress("importing") as tell:

        async def run(context: Context) -> ImportResult:
            return await importing.import_file(
                context,
                path,
                evidence=evidence_typed(**evidence),
                shared=shared,
                wide=wide,
                accept_empty=accept_empty,
                progress=None if tell is None else lambda rows, read: tell(_rows(rows), read, size),
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
    _warn(done)
    _refuse(file, done)


def _warn(done: ImportResult) -> None:
    """Say what is still to do about lines that were imported."""
    from filterd.operations.bindings import PACE

    if done.shared:
        output.warn(
            f"{_lines(done.pending)} wait on the shared evidence {done.shared}, and ask for nothing yet",
            f"another person approves it: filterd consent approve {done.shared}",
        )
    if done.moving:
        output.warn(
            f"the bindings of {_lines(done.moving)} changed more than {PACE} times within a day",
            SESSIONS_INSTEAD,
        )
    if done.unbound:
        output.warn(
            f"{_rows(done.unbound)} without prefixes: no address leads to such a line",
            "fill the column prefixes and import the file again, or: filterd binding add PREFIX SUBSCRIBER",
        )


def _refuse(file: Path, done: ImportResult) -> None:
    """Fail with the rows that were rejected, if any were."""
    if done.rejected:
        name = import_source.named(file)
        told = sorted(done.rejections, key=lambda each: each.line)[:SHOWN]
        verb = "was" if done.rejected == 1 else "were"
        lines = [f"{name}:{each.line}: {each.reason}" for each in told]
        raise Failure(
            [*lines, f"{_rows(done.rejected)} {verb} rejected"], "mend them and import the file again"
        )


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
