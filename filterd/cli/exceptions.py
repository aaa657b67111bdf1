"""``filterd exception``: lets a name through for a while that a list wrongly blocks, on every line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, own_scope_option, time_span
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.lifting import Lifting

STAYS = (
    "what is mandatory, what a line itself blocks, safe search, and hours in which a profile blocks"
    " everything stay as they are: filterd check {}"
)


@click.group(cls=Group)
def exception() -> None:
    """Let a name through that a list wrongly blocks, on every line, for a while."""


@exception.command()
@click.argument("name")
@click.option(
    "--for", "seconds", callback=time_span, default="24h", show_default=True, help="How long: 30m, 24h, 7d."
)
@click.option("--reason", required=True, help="Why: the ticket, the incident.")
@own_scope_option
@common
def add(name: str, seconds: int, reason: str, scope: str, config: Path | None, as_json: bool) -> None:
    """Let a name through at once, whatever categories, services and security lists say.

    One person is enough; it ends by itself, after 7 days at most.
    """
    from filterd.operations import exceptions, input_values

    added = perform(
        config,
        lambda context: exceptions.add(
            context, name, seconds, reason=reason, scope=input_values.scope(scope)
        ),
    )
    if as_json:
        output.show_json(added)
    else:
        _show(added.exception)
        output.done("in force within a second on every node that follows the store; it ends by itself")
    if added.mandatory:
        output.warn(
            f"{added.exception.name} stays blocked: mandatory, {added.mandatory}",
            "an order ends with: filterd order withdraw ORDER --reason ...; a mandatory list is mended at"
            " its source",
        )
    elif not as_json:
        output.done(STAYS.format(added.exception.name))
        if added.closed_hours:
            output.done(
                f"profiles that block everything at some hours, and {added.exception.name} then: "
                f"{', '.join(added.closed_hours)}\n"
                "  what to do: for one line filterd subscriber pause ID --for 1h; for all put the name into a"
                " group of protected.yaml that the profile leaves open"
            )


@exception.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over too, newest first.")
@common
def list_(everything: bool, config: Path | None, as_json: bool) -> None:
    """List the exceptions in force."""
    from filterd.operations import exceptions

    found = perform(config, lambda context: exceptions.list_exceptions(context, everything=everything))
    if as_json:
        output.show_json([{**output.plain(each), "state": _state(each)} for each in found])
        return
    columns = ("number", "name", "scope", "state", "until", "by", "reason")
    rows = [
        (
            each.number,
            each.name,
            each.scope,
            _state(each),
            output.moment(each.until),
            each.made_by,
            each.reason,
        )
        for each in found
    ]
    empty = "there is no exception; make one with: filterd exception add NAME --for 24h --reason ..."
    output.show_table(columns, rows, empty)


@exception.command()
@click.argument("what", metavar="NAME|NUMBER")
@click.option("--reason", default="", help="Why it ends before its time.")
@common
def end(what: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End an exception before its time: all of a name, or the one with this number."""
    from filterd.operations import exceptions

    ended = perform(config, lambda context: exceptions.end(context, what, reason=reason))
    if as_json:
        output.show_json(ended)
        return
    for each in ended:
        _show(each)
    output.done("ended; the lists count again within a second on every node that follows the store")


def _show(each: Lifting) -> None:
    output.show_fields(
        [
            ("number", each.number),
            ("name", each.name),
            ("scope", each.scope),
            ("state", _state(each)),
            ("until", output.moment(each.until)),
            ("by", each.made_by),
            ("reason", each.reason),
        ]
    )


def _state(each: Lifting) -> str:
    if each.ended_at:
        return f"ended by {each.ended_by}"
    return "in force" if each.holds(int(time.time())) else "over"
