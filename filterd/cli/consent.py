"""``filterd consent``: the texts that are shown before a line opts in, and the requests of each line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.subscriber import Subscriber
    from filterd.operations.consent import ConsentRequest
    from filterd.operations.context import Context
    from filterd.policy.documents import ConsentText

EVENTS = ("transferred", "cancelled", "moved", "reassigned")
NOTED = ("added", "suspended", "resumed")


@click.group(cls=Group)
def consent() -> None:
    """Show what was asked for each line, by whom, and the text that was shown; end consent."""


@consent.command()
@common
def texts(config: Path | None, as_json: bool) -> None:
    """List the versions of the text that is shown before a line opts in."""
    from filterd.operations import consent

    async def read(context: Context) -> tuple[ConsentText, ...]:
        return consent.texts(context)

    found = perform(config, read)
    if as_json:
        output.show_json([_text_words(each) for each in found])
        return
    if not found:
        output.warn(
            "the policies have no text of consent", "put one into consent/VERSION.yaml of the policies"
        )
    for each in found:
        click.echo(f"{each.id}  since {each.since}  {each.digest}")


@consent.command()
@click.argument("version")
@click.option(
    "--lang", type=click.Choice(("es", "en")), default="es", show_default=True, help="The language."
)
@common
def text(version: str, lang: str, config: Path | None, as_json: bool) -> None:
    """Show a version of the text, to be read aloud before a line opts in."""
    from filterd.operations import consent

    async def read(context: Context) -> ConsentText:
        return consent.text(context, version)

    found = perform(config, read)
    if as_json:
        output.show_json({**_text_words(found), "es": found.text.es, "en": found.text.en})
        return
    click.echo(found.text.es if lang == "es" else found.text.en)


@consent.command()
@click.argument("id")
@common
def show(id: str, config: Path | None, as_json: bool) -> None:
    """Show the requests of a line, oldest first: who asked, when, how, and the text that was shown."""
    from filterd.operations import consent

    async def read(context: Context) -> tuple[Subscriber, tuple[ConsentRequest, ...]]:
        return await consent.requests(context, id)

    found, asked = perform(config, read)
    if as_json:
        output.show_json(
            {
                "id": found.id,
                "opted_in": found.choices.opted_in,
                "requests": [_request_words(each) for each in asked],
            }
        )
        return
    click.echo(f"{found.id}: {'opted in' if found.choices.opted_in else 'not opted in'}")
    for each in asked:
        click.echo(_request_line(each))
    if not asked:
        click.echo("nothing was ever asked for: only orders and the lists for everyone reach this line")


@consent.command()
@click.argument("id")
@click.option("--event", type=click.Choice(EVENTS), required=True, help="What became of the contract.")
@click.option("--reference", required=True, help="The document of the event.")
@click.option("--reason", default="", help="More of it, in words.")
@common
def end(id: str, event: str, reference: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End consent with an event of the contract: the line asks for nothing any more, own names included."""
    from filterd.operations import consent
    from filterd.operations.consent import ContractEvent

    async def write(context: Context) -> Subscriber:
        return await consent.end(context, id, ContractEvent(event), reference=reference, reason=reason)

    ended = perform(config, write)
    if as_json:
        output.show_json(
            {"id": ended.id, "line": ended.line, "event": event, "opted_in": ended.choices.opted_in}
        )
        return
    click.echo(f"{ended.id}: consent ended ({event}); it asks for nothing, and sees mandatory blocking only")
    click.echo(f"what was asked for before: filterd consent show {ended.id}")


@consent.command()
@click.argument("id")
@click.option("--event", type=click.Choice(NOTED), required=True, help="What became of the contract.")
@click.option("--reference", required=True, help="The document of the event.")
@click.option("--reason", default="", help="More of it, in words.")
@common
def note(id: str, event: str, reference: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Record an event of the contract that ends no consent; it changes nothing on the line."""
    from filterd.operations import contract_events
    from filterd.operations.contract_events import NotedEvent

    async def write(context: Context) -> Subscriber:
        noted = NotedEvent(event)
        return await contract_events.note(context, id, noted, reference=reference, reason=reason)

    found = perform(config, write)
    if as_json:
        output.show_json({"id": found.id, "line": found.line, "event": event})
        return
    output.done(f"recorded: {event}; see it with: filterd audit tail --of line:{found.line}")


def _text_words(each: ConsentText) -> dict[str, Any]:
    return {"version": each.id, "since": each.since, "digest": each.digest}


def _state(each: ConsentRequest) -> str:
    """How the text that was shown stands to its file."""
    if not each.evidence.text_version:
        return "none"
    if each.text is None:
        return "absent"
    return "as shown" if each.text_is_as_shown else "altered" if each.evidence.text_digest else "unproven"


def _request_words(each: ConsentRequest) -> dict[str, Any]:
    from dataclasses import asdict

    shown = None if each.text is None else {"es": each.text.text.es, "en": each.text.text.en}
    return {"kind": each.kind, **asdict(each.evidence), "text_state": _state(each), "text": shown}


_STATES = {
    "none": "no text was shown",
    "as shown": "read it with: filterd consent text {version}",
    "absent": "its file is not in the policies",
    "altered": "its file was changed since: it is not what was shown",
    "unproven": "recorded before texts had digests: filterd consent text {version}",
}


def _request_line(each: ConsentRequest) -> str:
    evidence = each.evidence
    state = _STATES[_state(each)].format(version=evidence.text_version)
    version = f"text {evidence.text_version}: {state}" if evidence.text_version else state
    return (
        f"{output.moment(evidence.at)}  {each.kind}  by {evidence.who} ({evidence.role.value}), "
        f"{evidence.channel}, {evidence.reference}\n  {version}"
    )
