"""``filterd feed``: lists, read into the product or only looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.failure import Failure
from filterd.cli.options import common

if TYPE_CHECKING:
    from filterd.feed.parsing import Report, Run

FORMATS = ("domains", "wildcard", "hosts")


@click.group()
def feed() -> None:
    """Read lists into the product."""


@feed.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="How the file is written.")
@click.option(
    "--scope",
    type=click.Choice(("exact", "subtree", "below")),
    help="Scope of entries that say none; default exact for hosts, subtree else.",
)
@common
def parse(file: Path, form: str, scope: str | None, config: Path | None, as_json: bool) -> None:
    """Show what a list would give, name by name, and every line that is skipped; load nothing."""
    from filterd.config.policies import icann_suffixes
    from filterd.feed.parsing import Report, parse
    from filterd.feed.source import SourceError, line_blocks, read_chunks
    from filterd.model.rule import Scope
    from filterd.policy.documents import Format

    report = Report(keep=None)
    chosen = Format(form)
    default = chosen.default_scope if scope is None else Scope[scope.upper()]
    try:
        blocks = line_blocks(read_chunks(file))
        runs = list(parse(blocks, chosen, default, icann_suffixes(), report))
    except SourceError as error:
        raise Failure(str(error), "give a readable file: plain text, gzip or xz") from None
    if as_json:
        output.show_json(_as_objects(runs, report))
    else:
        _show_parsed(file, runs, report)


def _rules(runs: list[Run]) -> Iterator[tuple[str, str, str]]:
    """(name, scope, action) of every rule, in the order of the runs."""
    for run in runs:
        for name in run.names.decode("ascii").splitlines():
            yield name, run.scope.word, run.action.word


def _as_objects(runs: list[Run], report: Report) -> dict[str, Any]:
    names = [{"name": name, "scope": scope, "action": action} for name, scope, action in _rules(runs)]
    return {"names": names, "skipped": report.kept}


def _show_parsed(file: Path, runs: list[Run], report: Report) -> None:
    for name, scope, action in _rules(runs):
        click.echo(f"{action} {scope} {name}")
    for skipped in report.kept:
        click.echo(f"{file}:{skipped.line}: {skipped.reason}: {skipped.text}", err=True)
    output.done(f"{sum(run.count for run in runs)} names, {report.count} skipped")
