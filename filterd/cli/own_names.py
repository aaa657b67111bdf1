"""``filterd subscriber allow``, ``deny`` and ``remove``: the own names of a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.line_view import RECORDED, show_line
from filterd.cli.options import common, optional_time_span, own_scope_option
from filterd.cli.use_case import perform
from filterd.operations import advice

if TYPE_CHECKING:
    from filterd.model.subscriber import Subscriber
    from filterd.operations.context import Context
    from filterd.operations.ends import End
    from filterd.operations.explain import Explanation

Command = Callable[..., Any]


def ends_option(command: Command) -> Command:
    """Add ``--for``, ``--until`` and ``--today``, which the command gets as ``ends``."""
    for option in (
        click.option("--today", is_flag=True, help="Until midnight on the line's clock."),
        click.option("--until", default="", metavar="TIME", help="The end: 21:00, 2026-12-24T21:00."),
        click.option(
            "--for", "seconds", callback=optional_time_span, default="", help="How long: 45m, 2h, 1d."
        ),
    ):
        command = option(command)
    return command


def end_of(seconds: int, until: str, today: bool) -> End:
    """The end that was typed. Raises UsageError for two of them."""
    from filterd.operations.ends import End

    if (seconds > 0) + bool(until) + today > 1:
        message = "give one end: --for, --until or --today"
        raise click.UsageError(message)
    return End(seconds, until, today)


@click.command()
@click.argument("id")
@click.argument("name")
@own_scope_option
@ends_option
@common
def allow(id: str, name: str, scope: str, config: Path | None, as_json: bool, **ends: Any) -> None:
    """Let a name through that the profile or security blocks; never an order or a mandatory list.

    A URL stands for its site. With --for, --until or --today control takes the name off by itself.
    """
    from filterd.operations import input_values, staying, subscribers

    end = end_of(**ends)

    async def let_through(context: Context) -> tuple[Subscriber, Explanation | None]:
        found = await subscribers.allow(context, id, name, input_values.scope(scope), end=end)
        return found, await staying.on_line(context, found.id, input_values.site(name))

    found, stays = perform(config, let_through)
    warnings = [] if stays is None else [advice.stays(stays, output.moment(stays.at))]
    show_line(found, as_json, RECORDED, {"warnings": (*warnings,), **_taken_as(name)})
    _tell_site(found, name)
    if stays is not None:
        output.warn(warnings[0], advice.next_step(stays))


@click.command()
@click.argument("id")
@click.argument("name")
@own_scope_option
@ends_option
@common
def deny(id: str, name: str, scope: str, config: Path | None, as_json: bool, **ends: Any) -> None:
    """Block a name for the line: needs no profile and holds through a pause.

    A URL stands for its site. With --for, --until or --today control takes the name off by itself.
    """
    from filterd.operations import input_values, subscribers

    end = end_of(**ends)
    found = perform(
        config, lambda context: subscribers.deny(context, id, name, input_values.scope(scope), end=end)
    )
    show_line(found, as_json, RECORDED, _taken_as(name))
    _tell_site(found, name)


@click.command()
@click.argument("id")
@click.argument("name")
@common
def remove(id: str, name: str, config: Path | None, as_json: bool) -> None:
    """Take a name off the line's own names (erase removes the line itself)."""
    from filterd.operations import subscribers

    found = perform(config, lambda context: subscribers.remove(context, id, name))
    show_line(found, as_json, RECORDED, _taken_as(name))


def _taken_as(name: str) -> dict[str, object]:
    """The site of a URL, for JSON."""
    from filterd.operations import input_values

    return {"taken_as": input_values.site(name)} if input_values.is_url(name) else {}


def _tell_site(found: Subscriber, name: str) -> None:
    """Say which site a URL was taken for, and when the name ends."""
    from filterd.operations import input_values

    site = input_values.site(name)
    if input_values.is_url(name):
        output.done(f"taken as {site}: the whole site, since single pages are not seen")
    for own in found.choices.own_names:
        if own.name == site and own.until:
            output.done(f"ends by itself: {output.local_moment(own.until, found.choices.zone)}")
