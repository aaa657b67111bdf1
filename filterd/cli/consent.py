"""``filterd consent``: the texts that are shown before a line opts in, and the requests of each line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output, shared_evidence
from filterd.cli.authorisations import authorisation_words
from filterd.cli.consent_proof import prove
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filterd.model.subscriber import SharedEvidence, Subscriber
    from filterd.operations.consent import ConsentRequest, UsedText
    from filterd.operations.consent_history import ConsentChange, ConsentRecord
    from filterd.operations.context import Context
    from filterd.policy.documents import ConsentText

EVENTS = ("transferred", "cancelled", "moved", "reassigned")
NOTED = ("added", "suspended", "reactivated")


@click.group(cls=Group)
def consent() -> None:
    """Show what was asked for each line, by whom, and the text that was shown; end consent."""


for command in (prove, *(shared_evidence.shared, shared_evidence.approve, shared_evidence.reject)):
    consent.add_command(command)
consent.add_command(shared_evidence.report)


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
@click.option("--digest", default="", help="The text as it was used, by its SHA-256 or the begin of it.")
@common
def text(version: str, lang: str, digest: str, config: Path | None, as_json: bool) -> None:
    """Show a version of the text, to be read aloud before a line opts in.

    With --digest it is the one that requests rest on, whatever became of its file.
    """
    from filterd.operations import consent

    async def read(context: Context) -> tuple[ConsentText, tuple[UsedText, ...]]:
        used = await consent.used_texts(context, version)
        return await consent.text_or_used(context, version, digest), used

    found, used = perform(config, read)
    altered = [each for each in used if each.text.digest != found.digest]
    if as_json:
        texts = {"es": found.text.es, "en": found.text.en}
        output.show_json({**_text_words(found), **texts, "used": [_used_words(each) for each in used]})
        return
    click.echo(found.text.es if lang == "es" else found.text.en)
    for each in altered:
        output.warn(
            f"requests rest on another text of this version, first used {output.moment(each.first_used)}",
            f"see it with: filterd consent text {version} --digest {each.text.digest[:12]}",
        )


@consent.command()
@click.argument("id")
@common
def show(id: str, config: Path | None, as_json: bool) -> None:
    """Show a line's consent: how it came, since when, the text that was shown, and each change after it."""
    from filterd.operations import consent_history

    found = perform(config, lambda context: consent_history.record(context, id))
    if as_json:
        output.show_json(_record_words(found))
        return
    subscriber = found.subscriber
    since = f" since {output.moment(found.since)}" if found.since else ""
    click.echo(f"{subscriber.id}: {'opted in' if subscriber.choices.opted_in else 'not opted in'}{since}")
    for each in found.requests:
        click.echo(_request_line(each, found.shared))
    if all(each.of_contract for each in found.requests):
        click.echo(_without_request(subscriber))
    if found.pending is not None:
        waits = f"E-{found.pending.evidence.shared}"
        click.echo(f"shared evidence waits for a second person: filterd consent approve {waits}")
    if found.changes:
        columns = ("at", "who", "what", "by", "changed")
        output.show_table(columns, [_change_row(each) for each in found.changes], "")


@consent.command()
@click.argument("id")
@click.option("--event", type=click.Choice(EVENTS), required=True, help="What became of the contract.")
@click.option("--reference", required=True, help="The document of the event.")
@click.option("--reason", default="", help="More of it, in words.")
@common
def end(id: str, event: str, reference: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End consent with an event of the contract: choices, own names and authorised persons end with it."""
    ended = _event(id, event, reference, reason, config)
    if as_json:
        output.show_json(_event_words(ended, event))
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
    """Record that a contract began, was suspended or reactivated; the line's choices stay as they are."""
    noted = _event(id, event, reference, reason, config)
    if as_json:
        output.show_json(_event_words(noted, event))
        return
    click.echo(f"{noted.id}: recorded ({event}); its choices stay as they are")


def _event(id: str, event: str, reference: str, reason: str, config: Path | None) -> Subscriber:
    from filterd.operations import consent
    from filterd.operations.consent import ContractEvent

    async def write(context: Context) -> Subscriber:
        return await consent.end(context, id, ContractEvent(event), reference=reference, reason=reason)

    return perform(config, write)


def _event_words(found: Subscriber, event: str) -> dict[str, Any]:
    return {"id": found.id, "line": found.line, "event": event, "opted_in": found.choices.opted_in}


def _text_words(each: ConsentText) -> dict[str, Any]:
    return {"version": each.id, "since": each.since, "digest": each.digest}


def _used_words(each: UsedText) -> dict[str, Any]:
    return {
        "digest": each.text.digest,
        "first_used": each.first_used,
        "state": each.state.value,
        "es": each.text.text.es,
        "en": each.text.text.en,
    }


def _record_words(found: ConsentRecord) -> dict[str, Any]:
    basis = found.basis
    return {
        "id": found.subscriber.id,
        "opted_in": found.subscriber.choices.opted_in,
        "since": found.since,
        "shared": basis is not None and basis.evidence.shared > 0,
        "requests": [_request_words(each) for each in found.requests],
        "changes": output.plain(found.changes),
        "authorisations": [authorisation_words(each) for each in found.authorisations],
        "pending": None if found.pending is None else f"E-{found.pending.evidence.shared}",
    }


def _request_words(each: ConsentRequest) -> dict[str, Any]:
    from dataclasses import asdict

    shown = None if each.text is None else {"es": each.text.text.es, "en": each.text.text.en}
    state = each.text_state.value
    return {"kind": each.kind, **asdict(each.evidence), "text_state": state, "text": shown}


_STATES = {
    "none": "no text was shown",
    "as shown": "read it with: filterd consent text {version}",
    "absent": "its file is not in the policies",
    "altered": "its file was changed since: it is not what was shown",
    "unproven": "recorded before texts had digests: filterd consent text {version}",
}
_KEPT = "; what was shown: filterd consent text {version} --digest {digest}"


def _without_request(subscriber: Subscriber) -> str:
    own = len(subscriber.choices.own_names)
    if subscriber.choices.blank:
        return "nothing was ever asked for: only orders and the lists for everyone reach this line"
    return (
        f"no request is on record, and the line has choices of its own (own names: {own}): the changes below"
        " say who made them"
    )


def _request_line(each: ConsentRequest, shared: Sequence[SharedEvidence]) -> str:
    evidence = each.evidence
    state = _STATES[each.text_state.value].format(version=evidence.text_version)
    if each.text is not None and each.text_state.value in ("absent", "altered"):
        state += _KEPT.format(version=evidence.text_version, digest=evidence.text_digest[:12])
    version = f"text {evidence.text_version}: {state}" if evidence.text_version else state
    role = "contract" if each.of_contract else evidence.role.value
    role += f" A-{evidence.authorisation}" if evidence.authorisation else ""
    label = "".join(
        f"\n  SHARED evidence {found.reference}: imported by {found.asked_by}, "
        f"approved by {found.approved_by} ({found.reason})"
        for found in shared
        if found.number == evidence.shared
    )
    return (
        f"{output.moment(evidence.at)}  {each.kind}  by {evidence.who} ({role}), "
        f"{evidence.channel}, {evidence.reference}\n  {version}{label}"
    )


def _change_row(each: ConsentChange) -> tuple[object, ...]:
    return output.moment(each.at), each.actor, each.action, each.channel, list(each.changed)
