"""``filterd audit checkpoint``, ``anchors``, ``countersign``, ``statement``: the trail beyond the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import new_file, output
from filterd.cli.failure import Failure
from filterd.cli.options import ReadFile, common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.disk.given_file import GivenFile
    from filterd.model.checkpoint import Checkpoint
    from filterd.operations.context import Context
    from filterd.operations.trail.anchors import AnchorStatus
    from filterd.store.statements import StatementRow

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write exactly what is signed to this new file.",
)


@click.command()
@click.option("--count", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@common
def checkpoints(count: int, config: Path | None, as_json: bool) -> None:
    """Show the newest checkpoints of the trail, the newest first."""
    from filterd.operations.trail import checkpoints as operation

    found = perform(config, lambda context: operation.newest_ones(context, count))
    if as_json:
        output.show_json([shown_checkpoint(each) for each in found])
        return
    rows = [
        (each.number, output.moment(each.at), each.audit_sequence, each.audit_hash[:16], each.key_id)
        for each in found
    ]
    output.show_table(("checkpoint", "at", "entry", "hash", "key"), rows, "no checkpoint was signed yet")


def shown_checkpoint(row: Checkpoint) -> dict[str, object]:
    """A checkpoint as commands show it: where it stands, and its signed text."""
    return {
        "number": row.number,
        "at": output.text(output.moment(row.at)),
        "sequence": row.audit_sequence,
        "hash": row.audit_hash,
        "digest": row.digest,
        "key_id": row.key_id,
        "text": row.text,
    }


@click.command()
@click.option("--number", type=click.IntRange(1), help="Which; default: the newest.")
@click.option("--sign", is_flag=True, help="Sign one now, where the trail has grown.")
@OUT
@common
def checkpoint(number: int | None, sign: bool, out: Path | None, config: Path | None, as_json: bool) -> None:
    """Show a signed checkpoint of the trail: what to keep outside, and what a regulator countersigns.

    Whoever keeps it finds any later change of the trail up to its entry. It names nobody and no name.
    """
    from filterd.operations.trail import checkpoints as operation

    if sign and number is not None:
        message = "--sign and --number exclude each other"
        raise click.UsageError(message)

    async def read(context: Context) -> Checkpoint:
        if sign:
            await operation.make(context)
        return await operation.show(context, number or 0)

    found = perform(config, read)
    _give(found.text, shown_checkpoint(found), out, as_json)


@click.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--key", type=ReadFile(), required=True, help="The signer's public key (Ed25519), PEM.")
@click.option(
    "--signature", type=ReadFile(), required=True, help="Their signature on the file that --out wrote."
)
@common
def countersign(
    number: int, key: GivenFile, signature: GivenFile, config: Path | None, as_json: bool
) -> None:
    """Keep a countersignature on checkpoint NUMBER, after verifying it.

    They sign the file of: filterd audit checkpoint --number NUMBER --out FILE
    with: openssl pkeyutl -sign -rawin -inkey THEIR.pem -in FILE -out SIGNATURE
    """
    from filterd.operations.trail import countersigning

    pem, signed = key.read_bytes(), signature.read_bytes()
    found = perform(config, lambda context: countersigning.record(context, number, key=pem, signature=signed))
    if as_json:
        output.show_json(found)
        return
    output.done(f"checkpoint {number} has the countersignature of the key {found.key_id}")


@click.command()
@click.option("--check", is_flag=True, help="Also look if each has the newest checkpoint that it was given.")
@common
def anchors(check: bool, config: Path | None, as_json: bool) -> None:
    """Show how far each anchor outside is, and why one is behind."""
    from filterd.operations.trail import anchors as operation

    async def read(context: Context) -> tuple[tuple[AnchorStatus, ...], dict[str, str]]:
        return await operation.status(context), await operation.check(context) if check else {}

    found, faults = perform(config, read)
    if as_json:
        output.show_json([{**output.plain(each), "fault": faults.get(each.id, "")} for each in found])
    else:
        rows = [
            (
                each.id,
                each.kind,
                each.checkpoint or "none",
                output.moment(each.told_at or each.at),
                each.waiting,
                faults.get(each.id) or each.trouble or ("due" if each.due else "good"),
            )
            for each in found
        ]
        empty = "there is no anchor: name some in signing.anchors, else nothing outside fixes the trail"
        output.show_table(("anchor", "kind", "checkpoint", "at", "waiting", "state"), rows, empty)
    if any(faults.values()):
        message = "an anchor does not have what it was given"
        raise Failure(message, "keep both sides as evidence; see: filterd audit verify")


@click.command()
@click.option("--day", metavar="YYYY-MM-DD", default="", help="Of this day; default: the newest.")
@click.option("--sign", is_flag=True, help="Sign that of this day now, where there is none yet.")
@OUT
@common
def statement(day: str, sign: bool, out: Path | None, config: Path | None, as_json: bool) -> None:
    """Show the signed public statement of a day: what is blocked for everybody, in numbers, and the head of
    the trail."""
    from filterd.operations.trail import statements as operation

    if sign and day:
        message = "--sign and --day exclude each other"
        raise click.UsageError(message)

    async def read(context: Context) -> StatementRow:
        return await operation.make(context) if sign else await operation.show(context, day)

    found = perform(config, read)
    _give(found.text, {**output.plain(found), "at": output.moment(found.at)}, out, as_json)


def _give(text: str, shown: object, out: Path | None, as_json: bool) -> None:
    """Write the signed text, byte for byte, or show it."""
    if out is not None:
        new_file.write(out, text.encode(), "statements")
    if as_json:
        output.show_json(shown)
    elif out is None:
        click.echo(text)
    else:
        output.done(f"written: {out}")
