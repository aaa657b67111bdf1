"""``filterd page``: the public pages, written out, recorded and compared with what runs."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, sudo
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.service_page.drift import PageCheck
    from filterd.operations.service_page.records import RecordedPages


@click.group(cls=Group)
def page() -> None:
    """Write the public pages out, and say where what is published differs from what runs."""


@page.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--record", type=click.IntRange(min=1), help="The pages of this record, not those of now.")
@click.option("--at", metavar="TIME", default="", help="The pages as they were then: 2026-03-03T12:00 (UTC).")
@common
def export(directory: Path, record: int | None, at: str, config: Path | None, as_json: bool) -> None:
    """Write the public pages in both languages to DIRECTORY, for any web server.

    They need no script and no other server. What they say is kept: --record and --at write the same bytes
    again. Other files of DIRECTORY stay as they are.
    """
    from filterd.operations.service_page.shown import plain_record
    from filterd.operations.service_page.writing import write_files

    moment, place = _moment(at), sudo.written_place(directory)
    if record is not None and at:
        message = "--record and --at name one record each: give one of them"
        raise click.UsageError(message)

    async def read(context: Context) -> RecordedPages:
        from filterd.operations.service_page import records
        from filterd.web.published.site import render

        if record is not None or moment:
            found = await records.recorded(context, number=record or 0, at=moment)
            await asyncio.to_thread(write_files, place, found.files)
            return found
        found = await records.publish(context, render)
        await asyncio.to_thread(write_files, place, found.files)
        return await records.note_export(context, found)  # only now: they are on the disk

    found = perform(config, read)
    if as_json:
        output.show_json({"directory": str(directory), **plain_record(found.record)})
        return
    stamp = found.record.stamp
    output.done(
        f"{directory} holds record {stamp.number} of {output.moment(stamp.at)}: {len(found.files)} files, "
        f"digest {found.record.digest}"
    )
    _tell_missing(config)


@page.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--url", default="", help="The web server that has them, by the address above servicio/.")
@common
def check(directory: Path | None, url: str, config: Path | None, as_json: bool) -> None:
    """Compare what is published, in DIRECTORY or at --url, with what runs; exit 1 where they differ.

    Facts are compared one by one, and files with the record that they are of. Without either, what was
    exported last is compared.
    """
    from filterd.operations.service_page.shown import plain_check

    if directory is not None and url:
        message = "give a directory or --url, not both"
        raise click.UsageError(message)

    async def compare(context: Context) -> PageCheck:
        from filterd.operations.service_page import drift, places
        from filterd.web.published.site import render

        if directory is not None:
            files = await asyncio.to_thread(places.read_directory, directory)
        elif url:
            files = await places.read_site(url)
        else:
            return await drift.check_exported(context, render)
        return await drift.check(context, files, render)

    found = perform(config, compare)
    if as_json:
        output.show_json(plain_check(found))
    else:
        _show(found)
    if not found.same:
        sys.exit(1)


@page.command("list")
@common
def list_records(config: Path | None, as_json: bool) -> None:
    """List the records of the pages, the newest first: what they said, and since when."""
    from filterd.operations.service_page import records
    from filterd.operations.service_page.shown import plain_record

    found = perform(config, records.records)
    if as_json:
        output.show_json([plain_record(each) for each in found])
        return
    rows = [
        (
            each.stamp.number,
            output.moment(each.stamp.at),
            each.stamp.revision,
            sum(file.since == each.stamp.number for file in each.files.values()),
            output.moment(each.exported_at) or "never",
            each.digest[:16],
        )
        for each in found
    ]
    columns = ("record", "made", "revision", "changed files", "exported", "digest")
    output.show_table(columns, rows, "nothing was published yet: filterd page export DIRECTORY")


def _show(found: PageCheck) -> None:
    if found.same:
        click.echo(f"what is published is record {found.record}, and is what runs")
        return
    for each in found.differences:
        click.echo(f"{each.kind.value}  {each.place}")
        click.echo(f"  published: {each.published}")
        click.echo(f"  running:   {each.running}")
    count = len(found.differences)
    output.warn(f"differences: {count}", "publish anew: filterd page export DIRECTORY")


def _tell_missing(config: Path | None) -> None:
    from filterd.cli.options import settings_of

    missing = settings_of(config).service.missing
    if missing:
        output.warn(
            f"the pages do not say what LMTR 191 asks for: {', '.join(missing)}",
            "write it into the configuration file, and export again",
        )


def _moment(text: str) -> float:
    """A time in UTC; 0 for none."""
    if not text:
        return 0.0
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text[:40]!r} is no time like 2026-03-03T12:00"
        raise click.UsageError(message) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
