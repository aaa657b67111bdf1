"""``filterd duty``: the duty desk by command: what is due, and what authorities asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, time_span
from filterd.cli.use_case import perform
from filterd.model.duty import AskedKind, AskedStep, AskedWay, RefusalReason
from filterd.model.time_left import time_left

if TYPE_CHECKING:
    from filterd.model.duty import AuthorityRequest

DUE = ("due", "left", "what", "about", "authority", "note", "next")
REQUESTS = ("request", "received", "authority", "document", "asks", "by", "outcome", "due")


def _span_if_given(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    return time_span(context, parameter, value) if value else None


@click.group(cls=Group)
def duty() -> None:
    """Work at the duty desk: what is due, what authorities asked, who is on duty, and the hand-over.

    A single call at three in the morning: filterd duty due.
    """


@duty.command()
@click.option(
    "--within", callback=_span_if_given, default="", help="Only what is late, or due by then: 24h, 7d."
)
@common
def due(within: int | None, config: Path | None, as_json: bool) -> None:
    """List everything that is due, what is late first: deadlines of orders, approvals, requests of
    authorities, complaints, emergencies to look at, lists held back, gaps of the roster, anchors and keys."""
    from filterd.operations.duty import due as everything
    from filterd.operations.duty.plain import plain_due

    found = perform(config, lambda context: everything.everything(context, within=within))
    if as_json:
        output.show_json(plain_due(found))
        return
    rows = [
        (
            output.moment(each.due_at),
            said_left(each.seconds_left(found.at)),
            each.kind.value.replace("_", " "),
            each.reference if not each.reference.isdecimal() or each.path.startswith("/desk/reviews") else "",
            each.authority,
            each.note,
            each.command,
        )
        for each in found.items
    ]
    output.show_table(DUE, rows, "nothing is due")
    for each in found.troubles:
        output.warn(f"some of it cannot be told: {each}", "filterd doctor")


def said_left(seconds: float) -> str:
    """A stretch of time in words: ``in 2 h 10 min``, ``3 d ago``."""
    found = time_left(seconds)
    said = {
        "minutes": f"{found.minutes} min",
        "hours": f"{found.hours} h {found.minutes} min",
        "days": f"{found.days} d",
    }[found.unit]
    return f"{said} ago" if found.late else f"in {said}"


@duty.group(cls=Group)
def request() -> None:
    """Keep the register of what authorities asked, and what became of it.

    Nothing in it is ever changed: each step is added, with its time and who took it.
    """


@request.command("add")
@click.option("--authority", default="", help="An id of the jurisdiction, such as sat, or a name.")
@click.option("--document", default="", help="The number of its paper; a telephone call may have none.")
@click.option("--asked", default="", help="In a few words; without confidential names.")
@click.option(
    "--kind",
    type=click.Choice([each.value for each in AskedKind]),
    default=AskedKind.BLOCK.value,
    show_default=True,
)
@click.option(
    "--way",
    type=click.Choice([each.value for each in AskedWay]),
    default=AskedWay.MAIL.value,
    show_default=True,
    help="How it came.",
)
@click.option("--official", default="", help="The official who signed.")
@click.option("--received-at", default="", help="When it came in, ISO 8601 with offset; default now.")
@click.option("--due-at", default="", help="By when it needs an outcome; default duty.answer_within.")
@common
def add(
    config: Path | None, as_json: bool, received_at: str, due_at: str, kind: str, way: str, **given: str
) -> None:
    """Note what an authority asked; its clock runs until it has an outcome, such as an order."""
    from filterd.cli.order_life import seconds
    from filterd.operations.duty import requests

    asked = requests.RequestAsked(
        kind=AskedKind(kind),
        way=AskedWay(way),
        received_at=seconds(received_at, "--received-at"),
        due_at=seconds(due_at, "--due-at"),
        **given,
    )
    made = perform(config, lambda context: requests.enter(context, asked))
    _show(made, as_json)
    if not as_json:
        output.done(
            f"once it has an order: filterd duty request step {made.reference} --step order --reference O-..."
        )


@request.command("list")
@click.option("--document", default="", help="Its document number, however it is typed.")
@click.option("--authority", default="", help="What this one asked: an id or a name.")
@click.option("--day", default="", help="On this day (2026-11-27), in the installation's zone.")
@common
def list_(document: str, authority: str, day: str, config: Path | None, as_json: bool) -> None:
    """Find what authorities asked, and what became of it: by document number, or by authority and day."""
    import time

    from filterd.operations.duty import requests
    from filterd.operations.duty.plain import plain_request

    wanted = requests.Search(document, authority, day)
    found = perform(config, lambda context: requests.search(context, wanted))
    if as_json:
        output.show_json([plain_request(each, time.time()) for each in found])
        return
    output.show_table(REQUESTS, [_row(each) for each in found], "no such request was noted")


@request.command()
@click.argument("reference")
@common
def show(reference: str, config: Path | None, as_json: bool) -> None:
    """Show a request (P-7) with its steps."""
    from filterd.operations.duty import requests

    _show(perform(config, lambda context: requests.show(context, reference)), as_json)


@request.command()
@click.argument("request", metavar="REQUEST")
@click.option("--step", type=click.Choice([each.value for each in AskedStep]), required=True)
@click.option("--reason", default="", help=f"Of a refusal: {', '.join(RefusalReason)}.")
@click.option("--reference", default="", help="The order (O-17), or whom it was forwarded to.")
@click.option("--text", default="", help="Further words.")
@common
def step(
    request: str, step: str, reason: str, reference: str, text: str, config: Path | None, as_json: bool
) -> None:
    """Note what became of a request, or a step on the way: a question back, the answer to it."""
    from filterd.operations.duty import requests

    taken = requests.StepTaken(AskedStep(step), reason, reference, text)
    _show(perform(config, lambda context: requests.take(context, request, taken)), as_json)


def _show(found: AuthorityRequest, as_json: bool) -> None:
    import time

    from filterd.operations.duty.plain import plain_request

    if as_json:
        output.show_json(plain_request(found, time.time()))
        return
    output.show_fields([*zip(REQUESTS, _row(found), strict=True), ("asked", found.asked)])
    rows = [
        (each.number, output.moment(each.at), each.actor, each.step, each.reason, each.reference, each.text)
        for each in found.steps
    ]
    if rows:
        output.show_table(("step", "at", "by", "what", "reason", "reference", "words"), rows, "")


def _row(found: AuthorityRequest) -> tuple[object, ...]:
    outcome = found.outcome
    became = (
        "waits" if outcome is None else f"{outcome.step.value} {outcome.reference or outcome.reason}".strip()
    )
    return (
        found.reference,
        output.moment(found.received_at),
        found.authority,
        found.document,
        found.kind.value,
        found.way.value,
        became,
        output.moment(found.due_at) if outcome is None else None,
    )
