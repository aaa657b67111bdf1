"""``filterd audit``: the record of who did what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, trail
from filterd.cli.failure import Failure
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filterd.model.audit_chain import StoredEntry
    from filterd.operations.audit import TrailProof
    from filterd.operations.context import Context
    from filterd.operations.integrity import RowFault
    from filterd.operations.trail.checkpoints import CheckpointFault


BROKEN_REMEDY = (
    "keep the store file as evidence; then restore the newest backup whose trail is whole: filterd restore "
    "DIRECTORY --reason ... proves it before anything is replaced"
)
UNLIKE_REMEDY = (
    "keep the store file as evidence, and compare it with the anchors outside and with a backup; then: "
    "filterd restore (DIRECTORY | --in-place) --reason ..., after which the trail is verified anew"
)


@click.group(cls=Group)
def audit() -> None:
    """Prove that the record is whole."""


for _command in (trail.checkpoints, trail.checkpoint, trail.anchors, trail.countersign, trail.statement):
    audit.add_command(_command)


@audit.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option("--from", "since", default="", help="From the checkpoint before this time on.")
@click.option("--to", "until", default="", help="Up to the checkpoint behind this time.")
@click.option("--order", default="", help="Show the entries of this order alone, O-1.")
@click.option("--with-verifier", is_flag=True, help="Put verify-export.py beside it.")
@common
def export(
    out: Path,
    since: str,
    until: str,
    order: str,
    with_verifier: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write the trail into one file that a regulator verifies alone: entries, signed checkpoints, and the
    rows of orders and lists. It holds nothing of any line: such entries are withheld."""
    from filterd.cli.export_proofs import write_file

    write_file(config, out, (since, until, order), with_verifier=with_verifier, as_json=as_json)


@audit.command()
@click.option("--count", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@click.option(
    "--of", "subject", help="Of this alone: order:O-1, line:7, feed:ID, snapshot:FILE, file:DIGEST."
)
@common
def tail(count: int, subject: str | None, config: Path | None, as_json: bool) -> None:
    """Show the last entries, oldest first."""
    from filterd.operations import audit as operation

    if subject is not None:
        _require_kind(subject)

    async def read(context: Context) -> Sequence[StoredEntry]:
        entries = await operation.tail(context, count, subject)
        if subject is not None and not entries:
            await operation.require_subject(context, subject)
        return entries

    found = perform(config, read)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.sequence,
            output.moment(each.entry.at),
            each.entry.actor,
            each.entry.action,
            each.entry.subject,
            each.entry.reason,
        )
        for each in found
    ]
    empty = f"nothing was recorded of {subject}" if subject else "nothing was recorded yet"
    output.show_table(("entry", "at", "who", "what", "of", "why"), rows, empty)


def _require_kind(subject: str) -> None:
    """Refuse a subject of which nothing can ever be recorded."""
    from filterd.operations.audit import KINDS, STORE
    from filterd.operations.nearest import did_you_mean

    kind, _, name = subject.partition(":")
    if subject == STORE or (kind in KINDS and name):
        return
    known = f"{', '.join(f'{each}:...' for each in KINDS)}, {STORE}"
    if kind in KINDS:
        message = f"--of {kind} lacks what it is called: {kind}:..."
    else:
        message = (
            f"nothing is recorded of a {kind[:32]!r}: {did_you_mean((kind,), KINDS)}write one of {known}"
        )
    raise click.UsageError(message)


@audit.command()
@click.argument("export", required=False, type=click.Path(path_type=Path))
@click.option("--key", "keys", type=click.Path(path_type=Path), help="Of an export: the public keys, in PEM.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Of an export: an earlier export, checkpoint or statement that you kept.",
)
@click.option(
    "--tsa-ca", type=click.Path(path_type=Path), help="Of an export: verify its time stamps by these."
)
@click.option("--whole", is_flag=True, help="Verify every entry, not only those since the last verification.")
@common
def verify(
    export: Path | None,
    keys: Path | None,
    against: Path | None,
    tsa_ca: Path | None,
    whole: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Prove that no entry was altered, dropped or put in between, that the rows of orders and lists are as
    recorded, and that the change log which nodes follow is whole.

    It goes on from the entry up to which it found no fault last time, if the store still has that entry;
    otherwise, and with --whole, it begins at the first one. Rows of lines, what a subscriber chose, are not
    compared with the trail. With EXPORT, prove a file that filterd audit export wrote: that needs no store
    and no configuration.
    """
    if export is not None and whole:
        message = "--whole is of the store: an export is always verified whole"
        raise click.UsageError(message)
    if export is not None:
        from filterd.cli.export_proofs import prove_file

        prove_file(export, keys, against, tsa_ca, as_json=as_json)
    elif keys or against or tsa_ca:
        message = "--key, --against and --tsa-ca are of an export: filterd audit verify EXPORT --key PUB.pem"
        raise click.UsageError(message)
    else:
        _prove_store(config, whole=whole, as_json=as_json)


def _prove_store(config: Path | None, *, whole: bool, as_json: bool) -> None:
    from filterd.operations import audit as operation

    async def prove(
        context: Context,
    ) -> tuple[TrailProof, tuple[RowFault, ...], str, str, tuple[CheckpointFault, ...]]:
        trail, rows = await operation.verify_on(context, whole=whole), await operation.compare(context)
        log_fault, behind = await operation.verify_changes(context), await operation.standing(context)
        return trail, rows, log_fault, behind, await operation.verify_signed(context)

    trail, rows, log_fault, behind, signed = perform(config, prove)
    proof = trail.proof
    if as_json:
        found = {**output.plain(proof), "rows": output.plain(rows), "change_log": log_fault, "store": behind}
        holds = proof.holds and not (rows or log_fault or behind or signed or trail.unlike)
        begun = {key: value for key, value in output.plain(trail).items() if key != "proof"}
        output.show_json({"holds": holds, **found, "signed": output.plain(signed), "verified": begun})
    else:
        _show_proof(trail, rows, log_fault)
        if behind:
            click.echo(f"not the newest: {behind}")
        for each in signed:
            click.echo(f"checkpoint {each.number}: {each.fault}" if each.number else each.fault)
    _require_no_fault(trail, rows, log_fault, behind, signed)


def _require_no_fault(
    trail: TrailProof,
    rows: Sequence[RowFault],
    log_fault: str,
    behind: str,
    signed: Sequence[CheckpointFault],
) -> None:
    """Raise Failure for the first of the faults that were printed."""
    if not trail.proof.holds:
        message = "the audit chain is broken"
        raise Failure(message, BROKEN_REMEDY)
    if rows:
        message = "the store is not what the audit trail says was decided"
        raise Failure(message, "see above; until then, nodes and snapshots stay as they last were")
    if log_fault:
        message = "the change log is damaged; nodes keep what they have"
        raise Failure(message, "run: filterd restore --in-place --reason ..., which begins the log anew")
    if behind:
        message = "the store is not the one that was written last"
        raise Failure(
            message,
            "put the newest store back, or: filterd restore (DIRECTORY | --in-place) --reason ...",
        )
    if trail.unlike:
        message = f"the trail is not the one that was verified before: {trail.unlike}"
        raise Failure(message, UNLIKE_REMEDY)
    if signed:
        message = "what was signed is not what stands there"
        raise Failure(message, "keep the store file as evidence, and compare it with the anchors outside")


def _show_proof(trail: TrailProof, rows: Sequence[RowFault], log_fault: str) -> None:
    """Print the result, good or bad, on standard output."""
    proof = trail.proof
    if proof.holds:
        click.echo(f"whole: {proof.entries} entries, the last with hash {proof.last_hash[:16]}")
    else:
        click.echo(f"broken at entry {proof.sequence}: {proof.fault}")
    if trail.start:
        before = output.moment(trail.whole_at)
        click.echo(f"verified from entry {trail.start} on; from the first one: {before}, or now with --whole")
    elif trail.because:
        click.echo(f"verified from the first entry on: {trail.because}")
    if trail.remark:
        click.echo(f"the next verification does not go on from here: {trail.remark}")
    for each in rows:
        click.echo(f"{each.subject}: {each.fault}\n    {each.remedy}")
    if log_fault:
        click.echo(f"change log: {log_fault}")
