"""``filterd backup`` and ``filterd restore``."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, sudo
from filterd.cli.options import common, refused, settings_of
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.restore import Restored


def _silent(_what: str, _done: int, _all: int) -> None:
    pass


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@common
def backup(directory: Path, config: Path | None, as_json: bool) -> None:
    """Copy the store and the lists in use to a new DIRECTORY, while everything runs.

    The backup holds subscribers, orders and their names, audit trail and lists: keep it as secret as the
    store. It holds no key. Keep apart from it: the configuration, the policies directory, state_dir/keys
    (without fingerprint.key and digest.key nodes and confidential digests begin anew), and the ledger
    (store.ledger), which remembers what a restore must not undo.
    """
    from filterd.operations import backup as operation

    place = directory.absolute()
    place = sudo.backup_place(place.parent) / place.name
    with output.progress("backup") as tell:
        made = perform(config, lambda context: operation.backup(context, place, tell))
    if as_json:
        output.show_json({"directory": str(directory), **output.plain(made)})
        return
    output.done(f"{directory} holds the store at revision {made.revision} and {len(made.files) - 1} lists")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option(
    "--in-place",
    is_flag=True,
    help="Take the store that stands at its place as the truth, or a new one where there is none.",
)
@click.option("--reason", required=True, help="Why, for the audit trail.")
@click.option(
    "--accept-lost-endings",
    is_flag=True,
    help="Restore though what was ended since is not known in full, and may be undone.",
)
@common
def restore(
    directory: Path | None,
    in_place: bool,
    reason: str,
    accept_lost_endings: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Put the backup in DIRECTORY in force. The resolver and control may go on running.

    Writers wait or are refused meanwhile. Opt-outs, erasures and withdrawals made after the backup are made
    again, from the ledger and the store that is replaced; where neither has all of them, nothing is restored.
    Numbers of revisions, lines and orders go on behind all that were ever given out. Nodes read the full
    state, and keep in force each order that they alone know: filterd node resync shows those.
    """
    from filterd.operations import restore as operation
    from filterd.operations.context import OperationError, os_actor

    if in_place == (directory is not None):
        message = "name the directory of a backup, or say --in-place"
        raise click.UsageError(message)
    settings = settings_of(config)
    source = None if directory is None else sudo.backup_place(directory.absolute())
    try:
        with output.progress("restore") as tell:
            done = asyncio.run(
                operation.restore(
                    settings,
                    source,
                    reason=reason,
                    actor=os_actor(),
                    clock=time.time,
                    progress=tell or _silent,
                    accept_lost=accept_lost_endings,
                )
            )
    except OperationError as error:
        raise refused(config, str(error), error.remedy) from None
    if as_json:
        output.show_json(done)
    else:
        _tell(done)


def _tell(done: Restored) -> None:
    again = [f"{kind.replace('_', '-')}: {count}" for kind, count in done.ended_again.items()]
    output.show_fields(
        [
            ("restored state", f"revision {done.backup_revision}{_lost_after(done)}"),
            ("store now at", f"revision {done.revision}"),
            ("next order", f"O-{done.next_order}"),
            (
                "ended again",
                ", ".join(again) or "nothing",
            ),
        ]
    )
    for remark in done.remarks:
        output.done(f"look at this: {remark}")
    if done.set_aside:
        output.done(f"the old store could not be opened; its files have {done.set_aside} behind their names")
    if not done.lines:
        output.done(
            "this store has no lines: where nodes knew any, all opt-ins end at once, and what those lines had"
            " blocked is answered; to begin anew: filterd subscriber import, then opt in again"
        )
    output.done(
        "next: see that control runs, then filterd node list, until each node is ready at the new revision"
    )
    output.done(
        "then: filterd node resync shows orders that nodes keep in force and this store does not know"
    )


def _lost_after(done: Restored) -> str:
    """What the restored state lacks. It names the last revision: a restore skips 1,000 numbers, so the
    difference of two revisions does not count changes."""
    if done.lost_revisions < 0:
        return "; what came after it is lost, and how much is not known"
    if done.lost_revisions == 0:
        return ", the newest on record"
    return f"; what came after it, up to revision {done.backup_revision + done.lost_revisions}, is lost"
