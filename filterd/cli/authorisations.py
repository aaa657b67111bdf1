"""``filterd subscriber authorise``, ``authorisations``, ``revoke``: persons whom a holder authorised."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import common, duration
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.subscriber import Authorisation

COLUMNS = ("authorisation", "person", "state", "since", "until", "asked by", "made by")


@click.command()
@click.argument("id")
@click.option("--person", required=True, help="Who is authorised, as the holder names them.")
@click.option("--reference", required=True, help="The recording, ticket or document of the holder's request.")
@click.option("--channel", default="operator", show_default=True, help="The way by which the holder asked.")
@click.option(
    "--for",
    "seconds",
    callback=duration,
    default="366d",
    show_default=True,
    help="How long it holds: 30d.",
)
@common
def authorise(id: str, person: str, config: Path | None, as_json: bool, **asked: Any) -> None:
    """Authorise another person for a line, as its holder asks, and print their credential this once."""
    from filterd.operations import authorisations

    made = perform(config, lambda context: authorisations.add(context, id, person, **asked))
    if as_json:
        output.show_json({**authorisation_words(made.authorisation), "credential": made.credential})
        return
    output.show_fields(list(zip(COLUMNS, _row(made.authorisation), strict=True)))
    click.echo(made.credential)
    output.done("this is the credential: it is not stored and not shown again; give it to that person alone")


@click.command()
@click.argument("id")
@common
def authorisations(id: str, config: Path | None, as_json: bool) -> None:
    """List the persons who were authorised for a line, those among them who are so no longer."""
    from filterd.operations import authorisations as operation

    _, found = perform(config, lambda context: operation.list_authorisations(context, id))
    if as_json:
        output.show_json([authorisation_words(each) for each in found])
        return
    empty = f"nobody but the holder; another person: filterd subscriber authorise {id} --person ..."
    output.show_table(COLUMNS, [_row(each) for each in found], empty)


@click.command()
@click.argument("id")
@click.argument("authorisation", metavar="AUTHORISATION")
@click.option("--reason", required=True, help="Why.")
@common
def revoke(id: str, authorisation: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End an authorisation (A-7) at once; its credential opens nothing any more."""
    from filterd.operations import authorisations

    ended = perform(config, lambda context: authorisations.revoke(context, id, authorisation, reason=reason))
    if as_json:
        output.show_json(authorisation_words(ended))
        return
    output.done(f"revoked: {ended.reference_text}; what was asked for with it stays until it is changed")


def _row(found: Authorisation) -> tuple[object, ...]:
    return (
        found.reference_text,
        found.person,
        found.state(time.time()).value,
        output.moment(found.made_at),
        output.moment(found.revoked_at or found.expires_at),
        f"the holder, {found.channel}, {found.reference}",
        found.made_by,
    )


def authorisation_words(found: Authorisation) -> dict[str, Any]:
    """An authorisation for JSON."""
    value: dict[str, Any] = output.plain(found)
    return {"authorisation": found.reference_text, **value, "state": found.state(time.time()).value}
