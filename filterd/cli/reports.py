"""``filterd report``: what a regulator and the public are told, for any range."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import new_file, output, sudo
from filterd.cli.group import Group
from filterd.cli.options import Command, common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context

FORMS = ("text", "html", "pdf", "csv", "json")


def _options(command: Command) -> Command:
    """The options of every report."""
    for option in (
        click.option("--from", "first", metavar="DAY", default="", help="The first day, like 2026-07-01."),
        click.option("--to", "last", metavar="DAY", default="", help="The last day."),
        click.option("--year", type=click.IntRange(1, 9998), default=None, help="A calendar year."),
        click.option("--half", metavar="HALF", default="", help="A half-year, like 2026-H2."),
        click.option("--preset", default="", help="For whom: lmtr-183-xii, half-year or agcom."),
        click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True),
        click.option("--language", type=click.Choice(("es", "en")), default="es", show_default=True),
        click.option(
            "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this new file."
        ),
    ):
        command = option(command)
    return common(command)


@click.group(cls=Group)
def report() -> None:
    """Tell a regulator, or the public, what was blocked and how; no figure leads to a line.

    Without a range it is this year so far. docs/report-record.md defines each figure.
    """


@report.command()
@_options
def compliance(**options: Any) -> None:
    """Report to the regulator: orders, deadlines, coverage, lists, availability, take-up, complaints."""
    _run("compliance", **options)


@report.command()
@_options
def transparency(**options: Any) -> None:
    """Report to the public: how much is blocked at whose demand, how fast, and what was refused."""
    _run("transparency", **options)


@report.command()
@_options
def categories(**options: Any) -> None:
    """Show the categories in force, with the lists behind each, their versions and digests."""
    _run("categories", **options)


def _run(kind: str, form: str, language: str, out: Path | None, config: Path | None, **options: Any) -> None:
    from filterd.operations.reports.making import AskedReport
    from filterd.operations.reports.ranges import AskedRange

    form = "json" if options["as_json"] else form
    if form == "pdf" and out is None:
        message = "a PDF is a file: say with --out which"
        raise click.UsageError(message)
    days = AskedRange(options["year"] or 0, options["half"], options["first"], options["last"])
    asked = AskedReport(kind, days, options["preset"])
    if out is not None:
        sudo.written_place(out, "reports")  # refused before it is made

    async def made(context: Context) -> bytes:
        from filterd.web.published.reporting.giving import ReportForm, give

        return await give(context, asked, ReportForm(form), language)

    content = perform(config, made)
    if out is None:
        click.echo(content, nl=False)
        return
    new_file.write(out, content, "reports")
    output.done(f"written: {out}")
