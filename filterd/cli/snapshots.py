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
    from filterd.policy.losses import Losses
    from filterd.policy.unread_categories import Unread


@click.group(cls=Group)
def snapshot() -> None:
    """Compile and check the policy snapshot."""


@snapshot.command()
@click.option("--accept-profile", "profiles", multiple=True, metavar="PROFILE", help="Let it lose its rules.")
@click.option("--reason", help="With --accept-profile: why it is right.")
@common
def build(profiles: tuple[str, ...], reason: str | None, config: Path | None, as_json: bool) -> None:
    """Compile the lists and orders of this moment into a snapshot and publish it.

    A profile that lines have, and whose file lost all of one kind of restriction or more than half of them,
    stays as it is in force, for the file may have been cut off. Where the loss is meant, accept it with
    --accept-profile and --reason; the audit trail keeps both.

    Where a profile restricts a category that has lists, and none of them was ever read, the snapshot is
    published and the exit code is 1: lines with that profile get what dns.parental_fail says.
    """
    if bool(profiles) != bool((reason or "").strip()):
        message = "--accept-profile and --reason belong together"
        raise click.UsageError(message)
    from filterd.cli.failure import Failure
    from filterd.operations import lost_rules, snapshot_losses, snapshots
    from filterd.operations.feeds import listing

    async def run(context: Context) -> tuple[Built, Losses, list[str], Unread]:
        accepted = lost_rules.AcceptedLoss(profiles, reason or "")
        built = await snapshots.make(context, clock_is_right=True, accepted=accepted, progress=tell)
        lost = snapshot_losses.losses_in_force(context)
        unread = [each.feed.id for each in await listing.list_feeds(context) if each.version is None]
        return built, lost, unread, snapshot_losses.unread_in_force(context)

    with output.progress("compiling") as tell:
        built, lost, unread, lacking = perform(config, run)
    if as_json:
        remarks: dict[str, object] = {
            "unread_categories": output.plain(lacking),
            "unread": unread,
            "stand_ins": output.plain(built.stand_ins),
            "losses": lost,
        }
        output.show_json({**output.plain(built.record), **remarks})
    else:
        output.show_fields(_fields(built.record))
        output.done("published; nodes take it up within a second")
    _show_losses(lost)
    if built.stand_ins:
        lists = ", ".join(map(str, built.stand_ins))
        output.done(f"in it with other rules than those of the store, which cannot be had: {lists}")
        output.done("see: filterd audit verify; read them again: filterd feed update")
    if unread:
        output.done(f"not in it, as they were never read: {', '.join(unread)}")
        output.done("see why: filterd feed list; read them: filterd feed update")
    for profile, waiting in lacking.waiting.items():
        output.warn(
            f"the profile {profile} stays without {', '.join(waiting)}: no list of it was ever read",
            "see why: filterd feed list; read them: filterd feed update",
        )
    if lacking.categories:
        message = (
            "published; no list was ever read of categories that profiles restrict: "
            f"{', '.join(lacking.categories)}; lines with such a profile get what dns.parental_fail says"
        )
        raise Failure(message, "see why: filterd feed list; then: filterd feed update, and build again")


def _show_losses(lost: Losses) -> None:
    from filterd.operations import lost_rules

    for profile, what in lost.profiles.items():
        output.warn(lost_rules.kept_message(profile, what), lost_rules.REMEDY.format(profile=profile))
    for each in lost.gone:
        output.warn(f"{each} is gone from the policies", "put it back, if it was not meant")


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
