"""``filterd evidence``: one signed archive about an order or a range of days, and its proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, sudo
from filterd.cli.export_proofs import plain
from filterd.cli.failure import Failure
from filterd.cli.group import Group
from filterd.cli.options import common, json_option
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.evidence_pack.verifying import PackProof
    from filterd.operations.evidence_pack.writing import WrittenPack

NOT_PROVEN = (
    "rows that are signed and not proven: the operator's word, which nobody can change afterwards",
    "what reports show as HTML and PDF: that rests on the manifest's signature alone; the JSON holds",
    "that what was recorded is true: only that it was recorded then, and not changed since",
    "that the trail has not grown since: compare its export with what you kept from before",
)
"""the limits of a proof"""


@click.group(cls=Group)
def evidence() -> None:
    """Pack what proves how orders were handled, for a regulator or a court."""


@evidence.command()
@click.option("--order", default="", help="Of this order alone, O-1.")
@click.option("--from", "since", default="", metavar="DAY", help="From this day on, 2026-01-01.")
@click.option("--to", "until", default="", metavar="DAY", help="Up to this day, inclusive.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write; default: a name of its own.")
@click.option("--no-pdf", is_flag=True, help="Leave the PDFs out: each takes about a second to make.")
@common
def pack(
    order: str, since: str, until: str, out: Path | None, no_pdf: bool, config: Path | None, as_json: bool
) -> None:
    """Write one signed archive about an order or a range of days, with everything to verify it.

    It has the sealed trail, statements, receipts, the record and the reports that follow from it, the scripts
    that verify them without filterd, and instructions in two languages. It has nothing of any line, and no
    name of a confidential order. Receipts that would say something new are issued.
    """
    from filterd.operations.evidence_pack import scope, writing
    from filterd.web.published.reporting import giving

    place = None if out is None else sudo.written_place(out, "evidence packs")

    async def run(context: Context) -> WrittenPack:
        wanted = await scope.scope_of(context, order, since, until)
        path = place or sudo.written_place(Path(wanted.name), "evidence packs")
        with output.progress("evidence") as tell:
            return await writing.write(
                context, path, wanted, sheet=giving.sheet, pdf=not no_pdf, progress=tell
            )

    done = perform(config, run)
    if done.warning:
        output.warn(
            f"no checkpoint was signed at its end: {done.warning}",
            "send it nevertheless if it is to be evidence; see what is wrong with: filterd audit verify",
        )
    if as_json:
        output.show_json(output.plain(done))
        return
    for each in done.left_out:
        click.echo(f"left out: {each['name']}: {each['why']}")
    click.echo(f"{done.path}: {done.files} files, {done.size} bytes\nSHA-256 {done.digest}")
    click.echo(f"verify it with: filterd evidence verify {done.path} --key PUB")


@evidence.command()
@click.argument("pack", metavar="PACK", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "keys",
    required=True,
    type=click.Path(path_type=Path),
    help="The operator's public keys, in PEM, from elsewhere than the pack.",
)
@json_option
def verify(pack: Path, keys: Path, as_json: bool) -> None:
    """Prove a pack: its form, its signature, the trail in it, each row of the record against that trail, and
    each figure of the reports against the record. No store and no configuration are needed."""
    from filterd.operations.errors import OperationError
    from filterd.operations.evidence_pack import verifying

    try:
        proof = verifying.verify(pack, keys)
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    if as_json:
        output.show_json({"holds": proof.holds, **output.plain(proof), "not_proven": NOT_PROVEN})
    else:
        _show(proof)
    if not proof.holds:
        message = f"the pack does not hold: {len(proof.faults)} faults"
        raise Failure(
            message, "keep the file as evidence, and ask the operator for the pack that it should be"
        )


def _show(proof: PackProof) -> None:
    for each in proof.faults:
        click.echo(plain(each))
    what = f"order {proof.order}" if proof.order else f"{proof.first} to {proof.last}"
    output.show_fields(
        (
            ("installation", plain(proof.installation)),
            ("of", plain(what)),
            ("made", plain(proof.made_at)),
            ("signed by", plain(proof.key_id)),
            ("files", proof.files),
            ("trail", f"{proof.entries} entries"),
            ("statements", proof.statements),
            ("receipts", proof.receipts),
        )
    )
    rows = [
        (table, proof.proven.get(table, 0), proof.signed.get(table, 0))
        for table in sorted(proof.proven.keys() | proof.signed.keys())
    ]
    output.show_table(("rows", "proven by the trail", "from the record, signed"), rows, "there are no rows")
    for report in proof.reports:
        click.echo(plain(f"{report.name}: {report.figures} figures computed again, {report.differ} differ"))
    for left in proof.left_out:
        click.echo(plain(f"left out: {left['name']}: {left['why']}"))
    click.echo("\nit does not prove:")
    for text in NOT_PROVEN:
        click.echo(f"  - {text}")
