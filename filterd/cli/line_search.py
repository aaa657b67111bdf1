"""``filterd subscriber list`` and ``find``: the lines by state, profile, id and prefix, and the line of an
address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.subscriber import Subscriber
    from filterd.operations.context import Context
    from filterd.operations.selection import LineOfAddress, Selection

SHOWN = 100
"""lines of a table without --limit"""
STATES = ("opted-in", "paused", "not-opted-in", "left-security")
COLUMNS = ("subscriber", "line", "opted in", "profile", "paused until", "own names", "bindings")


@click.command("list")
@click.option("--opted-in/--not-opted-in", default=None, help="Only those who did, or did not.")
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@click.option("--profile", default="", help="Only those with this profile.")
@click.option("--text", default="", help="Only those with this in their id.")
@click.option("--address", default="", help="Only those with a prefix that covers this address.")
@click.option("--prefix", default="", help="Only those with this prefix, or one inside it.")
@click.option("--limit", type=click.IntRange(1), help="So many at most; default 100 in tables, else all.")
@click.option("--after", default="", metavar="ID", help="Only those behind this id, to go on with a list.")
@click.option("--count", "counts", is_flag=True, help="Say how many they are, by state.")
@common
def list_(
    config: Path | None,
    as_json: bool,
    limit: int | None,
    after: str,
    counts: bool,
    state: str | None,
    **wanted: Any,
) -> None:
    """List the lines in the order of their ids, or count them."""
    from filterd.operations.selection import Selection

    selection = Selection(state=state or "", **wanted)
    if counts:
        if limit is not None or after:
            message = "--count counts all of them: leave out --limit and --after"
            raise click.UsageError(message)
        _count(config, as_json, selection)
    elif as_json:
        _print_all(config, selection, after, limit)
    else:
        _show(config, selection, after, SHOWN if limit is None else limit)


def _count(config: Path | None, as_json: bool, selection: Selection) -> None:
    from filterd.operations import subscribers

    found = perform(config, lambda context: subscribers.count(context, selection))
    every = {"lines": sum(found.values()), **found}
    if as_json:
        output.show_json(every)
    else:
        output.show_fields([(name.replace("_", " "), number) for name, number in every.items()])


def _print_all(config: Path | None, selection: Selection, after: str, limit: int | None) -> None:
    """Print the lines as they are read: a million of them are never held at once."""
    from filterd.operations import subscribers
    from filterd.operations.erasure import choices_of

    async def run(context: Context) -> None:
        with output.json_list() as put:
            found = subscribers.list_subscribers(context, wanted=selection, after=after, limit=limit)
            async for each in found:
                put(choices_of(each))

    perform(config, run)


def _show(config: Path | None, selection: Selection, after: str, limit: int) -> None:
    from filterd.operations import subscribers

    async def read(context: Context) -> list[Subscriber]:
        one_more = subscribers.list_subscribers(context, wanted=selection, after=after, limit=limit + 1)
        return [each async for each in one_more]

    found = perform(config, read)
    nobody = selection != type(selection)() or after
    empty = (
        "no line is like that; filterd subscriber list shows them all"
        if nobody
        else "no line is registered; add one with: filterd subscriber add ID"
    )
    output.show_table(COLUMNS, [_row(each) for each in found[:limit]], empty)
    if len(found) > limit:
        output.done(
            f"there are more: go on with --after {found[limit - 1].id}, raise --limit, or narrow it down"
        )


def _row(found: Subscriber) -> Sequence[object]:
    choices = found.choices
    paused = output.moment(choices.paused_until)
    own = len(choices.own_names)
    return (found.id, found.line, choices.opted_in, choices.profile, paused, own, found.bindings)


@click.command()
@click.option("--address", default="", help="The address that a client asks from.")
@click.option("--port", type=click.IntRange(1, 65_535), help="The port, where lines share the address.")
@click.option("--identity", default="", help="mac:00:11:22:aa:bb:cc, device:TEXT, cpe:TEXT or tlv:TEXT.")
@common
def find(address: str, port: int | None, identity: str, config: Path | None, as_json: bool) -> None:
    """Say which line an address or an identity is bound to, and why: by the port, else by the longest prefix.

    A session comes before a binding of the address: filterd session show tells it.
    """
    from filterd.operations import selection

    if bool(address) == bool(identity) or (port and identity):
        message = "give --address, and --port where lines share it, or --identity"
        raise click.UsageError(message)
    if identity:
        _find_identity(config, as_json, identity)
        return
    found = perform(config, lambda context: selection.find(context, address, port or 0))
    if as_json:
        output.show_json(_plain(found))
        return
    line = found.subscriber
    output.show_fields(
        [
            ("address", found.address),
            ("subscriber", "unknown" if line is None else line.id),
            ("line", None if line is None else line.line),
            ("why", _why(found)),
            ("opted in", None if line is None else line.choices.opted_in),
            ("profile", None if line is None else line.choices.profile),
        ]
    )
    if not found.admitted:
        output.warn(
            f"{found.address} is outside dns.allow_from: its queries get REFUSED",
            "if it is a customer's, add its prefix to dns.allow_from",
        )
    if line is None:
        output.done(
            f"  what to do: if you know whose it is, filterd binding add {found.address} SUBSCRIBER; "
            "an unknown line gets mandatory and security blocking only"
        )


def _find_identity(config: Path | None, as_json: bool, identity: str) -> None:
    from filterd.operations import selection

    bound, line = perform(config, lambda context: selection.line_of_identity(context, identity))
    if as_json:
        number = None if line is None else line.line
        output.show_json({"identity": bound, "subscriber": None if line is None else line.id, "line": number})
        return
    known = (None, None) if line is None else (line.line, line.choices.profile)
    output.show_fields(
        [
            ("identity", bound),
            ("subscriber", "unknown" if line is None else line.id),
            ("line", known[0]),
            ("profile", known[1]),
        ]
    )
    if line is None:
        output.done(f"  what to do: if you know whose it is, filterd binding add {bound} SUBSCRIBER")


def _why(found: LineOfAddress) -> str:
    if not found.prefix:
        return "no bound prefix covers it"
    reason = f"bound: {found.prefix}"
    if not found.wider:
        return reason
    others = ", ".join(f"{prefix} ({subscriber})" for prefix, subscriber in found.wider)
    return f"{reason}, which is longer than {others}"


def _plain(found: LineOfAddress) -> dict[str, Any]:
    line = found.subscriber
    return {
        "address": found.address,
        "subscriber": None if line is None else line.id,
        "line": None if line is None else line.line,
        "method": "unknown" if line is None else "binding",
        "prefix": found.prefix or None,
        "why": _why(found),
        "wider": [{"prefix": prefix, "subscriber": subscriber} for prefix, subscriber in found.wider],
        "admitted": found.admitted,
        "opted_in": None if line is None else line.choices.opted_in,
        "profile": None if line is None else line.choices.profile,
    }
