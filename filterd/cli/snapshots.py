"""``filterd snapshot``: compiles, shows and verifies the policy that nodes apply."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.records import SnapshotRecord
    from filterd.operations.context import Context
    from filterd.operations.snapshots import Built, SnapshotView


@click.group(cls=Group)
def snapshot() -> None:
    """Compile and check the policy snapshot."""


@snapshot.command()
@common
def build(config: Path | None, as_json: bool) -> None:
    """Compile the lists and orders of this moment into a snapshot and publish it."""
    from filterd.operations import snapshots
    from filterd.operations.feeds import listing

    async def run(context: Context) -> tuple[Built, list[str]]:
        built = await snapshots.make(context, clock_is_right=True, progress=tell)
        return built, [each.feed.id for each in await listing.list_feeds(context) if each.version is None]

    with output.progress("compiling") as tell:
        built, unread = perform(config, run)
    if as_json:
        stand_ins = output.plain(built.stand_ins)
        output.show_json({**output.plain(built.record), "unread": unread, "stand_ins": stand_ins})
    else:
        output.show_fields(_fields(built.record))
        output.done("published; nodes take it up within a second")
    if built.stand_ins:
        lists = ", ".join(map(str, built.stand_ins))
        output.done(f"in it with other rules than those of the store, which cannot be had: {lists}")
        output.done("see: filterd audit verify; read them again: filterd feed update")
    if unread:
        output.done(f"not in it, as they were never read: {', '.join(unread)}; run: filterd feed update")


@snapshot.command()
@common
def show(config: Path | None, as_json: bool) -> None:
    """Show the current snapshot and the lists in it."""
    from filterd.operations import snapshots

    _show(config, as_json, snapshots.show)


@snapshot.command()
@common
def verify(config: Path | None, as_json: bool) -> None:
    """Read the current snapshot as a node does: every byte under its checksum."""
    from filterd.operations import snapshots

    _show(config, as_json, snapshots.verify)
    output.done("the snapshot is whole")


def _show(config: Path | None, as_json: bool, use_case: Callable[[Context], SnapshotView]) -> None:
    async def read(context: Context) -> SnapshotView:
        return use_case(context)

    view = perform(config, read)
    if as_json:
        output.show_json(view)
        return
    output.show_fields(_fields(view.record))
    click.echo()
    columns = ("list", "kind", "version", "names", "digest")
    rows = [
        (each["id"], each["kind"], each.get("version"), each.get("names"), str(each.get("digest", ""))[:16])
        for each in view.lists
    ]
    output.show_table(columns, rows, "it contains no list")


def _fields(record: SnapshotRecord) -> list[tuple[str, object]]:
    return [
        ("file", record.file),
        ("digest", record.digest),
        ("revision", record.revision),
        ("built at", output.moment(record.built_at)),
        ("names", record.names),
        ("size", f"{record.size} bytes"),
    ]
