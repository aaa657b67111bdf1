"""``filterd feed publish``: lists for other providers, and for anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, sudo
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filterd.operations.publishing.publish import PublishedList


@click.command()
@click.argument("lists", nargs=-1, metavar="[LIST ...]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory to write; default: publish.directory.",
)
@click.option("--all-mandatory-public", is_flag=True, help="Every mandatory list that is not confidential.")
@common
def publish(
    lists: tuple[str, ...], out: Path | None, all_mandatory_public: bool, config: Path | None, as_json: bool
) -> None:
    """Publish lists that are in force: files for filterd and for other resolvers, a manifest, signatures.

    A list that did not change stays as it is, byte for byte. A confidential one is refused.
    """
    from filterd.operations.publishing import publish as operation

    place = None if out is None else sudo.written_place(out, "published lists")
    done = perform(
        config,
        lambda context: operation.publish(context, lists, all_mandatory=all_mandatory_public, out=place),
    )
    if as_json:
        output.show_json(done)
        return
    _show(done)


def _show(done: Sequence[PublishedList]) -> None:
    rows = [
        (each.list, each.version, each.entries, each.format, each.serial, each.digest[:16]) for each in done
    ]
    output.show_table(("list", "version", "entries", "format", "serial", "digest"), rows, "none")
    output.show_fields([("key", done[0].key_id), ("public key", done[0].public_key)])
    new = sum(each.changed for each in done)
    output.done(f"{new} of {len(done)} written; others take them with this public key: docs/publishing.md")


@click.command()
@click.argument("name", metavar="LIST")
@click.option("--reason", required=True, help="Why it is withdrawn; the trail alone has it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory where it was published; default: publish.directory.",
)
@common
def unpublish(name: str, reason: str, out: Path | None, config: Path | None, as_json: bool) -> None:
    """Withdraw a published list: its files go, and a signed manifest says that it is withdrawn, not why.

    The list stays in force. What others took before is in their hands. Done twice, it changes nothing.
    """
    from filterd.operations.publishing import withdrawing

    place = None if out is None else sudo.written_place(out, "published lists")
    done = perform(config, lambda context: withdrawing.unpublish(context, name, reason=reason, out=place))
    if as_json:
        output.show_json(done)
        return
    output.show_fields([("list", done.list), ("serial", done.serial), ("key", done.key_id)])
    output.done("withdrawn" if done.changed else "it was withdrawn already")
