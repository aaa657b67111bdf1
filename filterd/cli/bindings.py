"""``filterd binding``: static address prefixes and the lines they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, warn_of_wide, wide_option
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context


@click.group(cls=Group)
def binding() -> None:
    """Bind address prefixes to lines."""


@binding.command()
@click.argument("prefix")
@click.argument("subscriber")
@wide_option
@common
def add(prefix: str, subscriber: str, wide: bool, config: Path | None, as_json: bool) -> None:
    """Bind an address or prefix to a subscriber's line; queries from it are the line's."""
    from filterd.operations import bindings

    bound = perform(config, lambda context: bindings.add(context, prefix, subscriber, wide=wide))
    warn_of_wide((bound,))
    _show(bound, subscriber, as_json, f"{bound} is bound to {subscriber}")


@binding.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the bindings."""
    from filterd.operations import bindings

    async def read(context: Context) -> list[tuple[str, str]]:
        return [each async for each in bindings.list_bindings(context)]

    found = perform(config, read)
    if as_json:
        output.show_json([{"prefix": prefix, "subscriber": subscriber} for prefix, subscriber in found])
        return
    empty = "no prefix is bound; bind one with: filterd binding add PREFIX SUBSCRIBER"
    output.show_table(("prefix", "subscriber"), found, empty)


@binding.command()
@click.argument("prefix")
@common
def remove(prefix: str, config: Path | None, as_json: bool) -> None:
    """End a binding."""
    from filterd.operations import bindings

    gone = perform(config, lambda context: bindings.remove(context, prefix))
    _show(gone, None, as_json, f"{gone} is bound no more")


def _show(prefix: str, subscriber: str | None, as_json: bool, message: str) -> None:
    if as_json:
        output.show_json({"prefix": prefix, "subscriber": subscriber})
    else:
        output.done(message)
