"""``filterd parental``: turns parental filtering off for every line, for a while, and on again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, time_span
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.lifting import Lifting


@click.group(cls=Group)
def parental() -> None:
    """Turn parental filtering off for every line, for a while."""


@parental.command()
@click.option(
    "--for", "seconds", callback=time_span, default="1h", show_default=True, help="How long: 30m, 1h, 24h."
)
@click.option("--reason", required=True, help="Why: the ticket, the incident.")
@common
def suspend(seconds: int, reason: str, config: Path | None, as_json: bool) -> None:
    """Turn it off at once, as if every line had paused; it comes back by itself, after 24 hours at most.

    Own block names, security and what is mandatory stay. One person is enough.
    """
    from filterd.operations import suspension

    made = perform(config, lambda context: suspension.suspend(context, seconds, reason=reason))
    if as_json:
        output.show_json(made)
        return
    _show(made)
    output.done(
        "off within a second on every node that follows the store; on again before its time with:"
        " filterd parental resume"
    )


@parental.command()
@click.option("--reason", default="", help="Why before its time.")
@common
def resume(reason: str, config: Path | None, as_json: bool) -> None:
    """Turn it on again before the time."""
    from filterd.operations import suspension

    ended = perform(config, lambda context: suspension.resume(context, reason=reason))
    if as_json:
        output.show_json(ended)
    else:
        output.done("parental filtering is on again, within a second on every node that follows the store")


@parental.command()
@common
def status(config: Path | None, as_json: bool) -> None:
    """Say whether it is on."""
    from filterd.operations import suspension

    found = perform(config, suspension.present)
    if as_json:
        output.show_json({"suspended": found is not None, "suspension": found})
    elif found is None:
        output.show_fields([("parental filtering", "on")])
    else:
        _show(found)


def _show(each: Lifting) -> None:
    output.show_fields(
        [
            ("parental filtering", "suspended for every line"),
            ("until", output.moment(each.until)),
            ("by", each.made_by),
            ("reason", each.reason),
        ]
    )
