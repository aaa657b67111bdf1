"""``filterd subscriber link`` and ``pin-reset``: how a holder comes into the portal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from filterd.cli import output
from filterd.cli.options import common, time_span
from filterd.cli.use_case import perform


@click.command()
@click.argument("id")
@click.option("--also", multiple=True, metavar="ID", help="Another line of the same organisation.")
@click.option("--organisation", default="", help="Name of a school or library; several lines need it.")
@click.option(
    "--person",
    default="",
    metavar="AUTHORISATION",
    help="For a person whom the holder authorised: A-7. Otherwise it is for the holder.",
)
@click.option(
    "--for",
    "seconds",
    callback=time_span,
    default="15m",
    show_default=True,
    help="How long it can be used; at most 24h.",
)
@common
def link(id: str, config: Path | None, as_json: bool, **asked: Any) -> None:
    """Make a one-time link to the portal for the holder of a line, with a code that can be spoken.

    Both are printed this once, and either signs in once: give them to the holder alone. Opening the link uses
    nothing; the button on its page does.
    """
    from filterd.operations.portal import links

    made = perform(config, lambda context: links.issue(context, id, **asked))
    if as_json:
        shown = {"link": made.reference, "url": made.url, "code": made.code, "expires_at": made.expires_at}
        output.show_json(shown | {"subscribers": list(made.subscribers)})
        return
    click.echo(made.url)
    click.echo(made.code)
    of = ", ".join(made.subscribers)
    output.done(f"{made.reference} for {of}, until {output.moment(made.expires_at)}; it is not shown again")


@click.command("pin-reset")
@click.argument("id")
@click.option("--reference", required=True, help="The recording, ticket or document of the holder's request.")
@click.option("--reason", required=True, help="Why.")
@common
def pin_reset(id: str, reference: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Take the PIN off a line, as its holder asks; the holder chooses another one in the portal."""
    from filterd.operations.portal import pins

    gone = perform(config, lambda context: pins.reset(context, id, reference=reference, reason=reason))
    if as_json:
        output.show_json({"id": id, "removed": gone})
        return
    output.done(f"the PIN of {id} is gone; a link to choose another: filterd subscriber link {id}")
