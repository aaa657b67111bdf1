"""``filterd binding``: prefixes, ports of an address and identities, and the lines they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, warn_of_wide, wide_option
from filterd.cli.use_case import perform

SESSIONS_INSTEAD = (
    "an address that comes and goes is a session, of which no history is kept: set accounting.radius or "
    "accounting.leases, or tell each one with: filterd session put"
)
"""the remedy where moving addresses are written as bindings"""

if TYPE_CHECKING:
    from filterd.operations.context import Context


@click.group(cls=Group)
def binding() -> None:
    """Bind prefixes, ports of an address, or identities to lines."""


@binding.command()
@click.argument("bound", metavar="BOUND")
@click.argument("subscriber")
@wide_option
@common
def add(bound: str, subscriber: str, wide: bool, config: Path | None, as_json: bool) -> None:
    """Bind something to a subscriber's line; its queries are the line's.

    BOUND is an address or prefix (192.0.2.7, 2001:db8:1::/56), ports of an IPv4 address that several lines
    share (192.0.2.1:1024-2047), or an identity that a trusted sender adds to the query
    (mac:00:11:22:aa:bb:cc, device:TEXT, cpe:TEXT, tlv:TEXT). What comes and goes is no binding, but a
    session: filterd session put.
    """
    from filterd.operations import bindings, trusted_senders

    made = perform(config, lambda context: bindings.add(context, bound, subscriber, wide=wide))
    warn_of_wide((made.bound,))
    _show(made.bound, subscriber, as_json, f"{made.bound} is bound to {subscriber}")
    if made.rule is not None:
        output.warn(made.rule.message, made.rule.remedy)
    if made.unbelieved:
        message = f"nobody is believed for {made.bound} yet: {made.unbelieved}"
        output.warn(message, trusted_senders.REMEDY)
    if made.too_often:
        output.warn(f"the bindings of this line changed {made.changes} times within a day", SESSIONS_INSTEAD)


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
@click.argument("bound", metavar="BOUND")
@common
def remove(bound: str, config: Path | None, as_json: bool) -> None:
    """End a binding: of a prefix, ports of an address, or an identity, as the list shows it."""
    from filterd.operations import bindings

    gone = perform(config, lambda context: bindings.remove(context, bound))
    _show(gone, None, as_json, f"{gone} is bound no more")


def _show(prefix: str, subscriber: str | None, as_json: bool, message: str) -> None:
    if as_json:
        output.show_json({"prefix": prefix, "subscriber": subscriber})
    else:
        output.done(message)
