"""``filterd feed hold``: takes a feed back to the version before, and lets it go on."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.use_case import perform


@click.command()
@click.argument("feed")
@click.option("--reason", default="", help="Why; required unless --release is given.")
@click.option("--release", is_flag=True, help="Let it take what its source says, with the next update.")
@common
def hold(feed: str, reason: str, release: bool, config: Path | None, as_json: bool) -> None:
    """Take a feed back to the version before, and keep it there.

    One person is enough. Where a mandatory feed would block less, it takes as many as an order.
    """
    if release:
        _release(feed, reason, config, as_json)
        return
    if not reason.strip():
        message = "give --reason: why the newer version must not be in use"
        raise click.UsageError(message)
    from filterd.operations.feeds import holding

    done = perform(config, lambda context: holding.hold(context, feed, reason=reason))
    if as_json:
        output.show_json({**output.plain(done), "waits": done.waits})
        return
    output.show_fields(
        [
            ("feed", done.hold.feed),
            ("state", "asked for" if done.waits else "held"),
            ("version in use", done.version.version),
            ("names in use", done.version.names),
            ("version in question", done.hold.version if done.waits else done.left.version),
            ("reason", done.hold.reason),
        ]
    )
    if done.waits:
        output.done(
            "nothing has changed: going back unblocks names of a mandatory feed, so it waits for another"
            " person, who gives the same command"
        )
    else:
        output.done(
            "it reaches the nodes with the next snapshot; a running control builds it by itself, else:"
            " filterd snapshot build. Let it go on with: filterd feed hold FEED --release"
        )


def _release(feed: str, reason: str, config: Path | None, as_json: bool) -> None:
    from filterd.operations.feeds import holding

    ended = perform(config, lambda context: holding.release(context, feed, reason=reason))
    if as_json:
        output.show_json(ended)
    else:
        output.done(
            f"{ended.feed} is held no more; it takes what its source says when it is read the next time."
            f" At once: filterd feed update {ended.feed}"
        )
