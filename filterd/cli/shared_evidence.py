"""``filterd consent shared``, ``approve``, ``reject`` and ``report``: evidence that lines share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.subscriber import SharedEvidence
    from filterd.store.consent import Alike

COLUMNS = ("evidence", "state", "lines waiting", "imported by", "at", "decided by", "why")


@click.command()
@common
def shared(config: Path | None, as_json: bool) -> None:
    """List the evidence that rows of an import share, and what waits for a second person."""
    from filterd.operations import shared_evidence

    found = perform(config, shared_evidence.list_shared)
    if as_json:
        output.show_json([{**_words(each.evidence), "waiting": each.waiting} for each in found])
        return
    rows = [
        (
            each.evidence.reference,
            each.evidence.state,
            each.waiting,
            each.evidence.asked_by,
            output.moment(each.evidence.asked_at),
            each.evidence.approved_by or each.evidence.rejected_by,
            each.evidence.reason,
        )
        for each in found
    ]
    output.show_table(COLUMNS, rows, "no evidence is shared")


@click.command()
@click.argument("evidence", metavar="EVIDENCE")
@common
def approve(evidence: str, config: Path | None, as_json: bool) -> None:
    """Stand behind shared evidence (E-7) as another person: its lines opt in, labelled as shared."""
    from filterd.operations import shared_evidence

    done = perform(config, lambda context: shared_evidence.approve(context, evidence))
    if as_json:
        counts = {"opted_in": done.opted_in, "passed_over": done.passed_over}
        output.show_json({**_words(done.evidence), **counts})
        return
    found = done.evidence
    output.done(f"{found.reference} is approved by {found.approved_by}: {done.opted_in} opted in")
    if done.passed_over:
        output.done(f"{done.passed_over} decided for themselves meanwhile, and were passed over")


@click.command()
@click.argument("evidence", metavar="EVIDENCE")
@click.option("--reason", required=True, help="Why.")
@common
def reject(evidence: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End shared evidence that waits; its lines stay as they are."""
    from filterd.operations import shared_evidence

    found, waited = perform(config, lambda context: shared_evidence.reject(context, evidence, reason=reason))
    if as_json:
        output.show_json({**_words(found), "waited": waited})
        return
    output.done(f"{found.reference} is rejected: {waited} lines waited, and ask for nothing")


@click.command()
@common
def report(config: Path | None, as_json: bool) -> None:
    """Report what the lines that have opted in rest on: evidence of their own, shared, repeated, or none."""
    from filterd.operations import consent_report

    found = perform(config, consent_report.report)
    if as_json:
        totals = {"opted_in": found.opted_in, "share_not_own": found.share_not_own}
        output.show_json({**output.plain(found), **totals})
        return
    output.show_fields(
        [
            ("opted in", found.opted_in),
            ("on evidence of their own", found.own),
            ("on shared evidence, approved", found.shared),
            ("on a repeated reference", found.repeated),
            ("without evidence", found.none),
            ("not their own", f"{found.share_not_own:.1%}"),
            ("waiting for a second person", found.waiting),
        ]
    )
    for each in found.alike:
        click.echo(_alike(each))
    if found.alike:
        output.done("look at these with the records of their days: evidence of many households rarely agrees")


def _alike(group: Alike) -> str:
    what = f"asked in one minute, {output.moment(group.at)}" if group.at else "were asked for by one person"
    recorder = f", recorded by {group.recorded_by}" if group.recorded_by else ""
    return f"alike: {group.lines} lines {what}, by {group.channel}{recorder}"


def _words(found: SharedEvidence) -> dict[str, Any]:
    value: dict[str, Any] = output.plain(found)
    return {"evidence": found.reference, **value, "state": found.state}
