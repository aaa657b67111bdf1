"""``filterd order receipt`` and ``verify-receipt``: what was done about an order, signed, and its proof."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output, sudo
from filterd.cli.failure import Failure
from filterd.cli.options import ReadFile, common, json_option
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.disk.given_file import GivenFile
    from filterd.model.signed_text import Body
    from filterd.operations.context import Context
    from filterd.operations.receipts.issuing import Receipt


@click.command()
@click.argument("reference")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the files there; without it the JSON goes to standard output.",
)
@common
def receipt(reference: str, out: Path | None, config: Path | None, as_json: bool) -> None:
    """Issue a signed receipt on an order: each step with its time, for the authority that demanded it.

    The names of a confidential order are not in it. The audit trail records each receipt by its digest.
    """
    from filterd.operations.receipts import issuing, writing

    place = None if out is None else sudo.written_place(out, "receipts")

    async def run(context: Context) -> tuple[Receipt, tuple[Path, ...]]:
        issued = await issuing.issue(context, reference)
        if place is None:
            return issued, ()
        return issued, await asyncio.to_thread(writing.write, place, issued)

    issued, files = perform(config, run)
    if place is None:
        click.echo(issued.text)
        return
    if as_json:
        output.show_json(
            {
                "order": issued.reference,
                "issued_at": issued.issued_at,
                "digest": issued.digest,
                "key_id": issued.key_id,
                "files": [str(each) for each in files],
            }
        )
        return
    for each in files:
        click.echo(each)
    output.done(f"receipt on {issued.reference}, digest {issued.digest}, signed by the key {issued.key_id}")


@click.command("verify-receipt")
@click.argument("file", type=ReadFile())
@click.option("--key", type=ReadFile(), required=True, help="The issuer's public key of receipts, in PEM.")
@json_option
def verify_receipt(file: GivenFile, key: GivenFile, as_json: bool) -> None:
    """Verify the JSON of a receipt by the public key of who issued it; no store is needed."""
    from filterd.operations.errors import OperationError
    from filterd.operations.receipts import verifying

    try:
        found = verifying.verify(file.read_bytes(), key.read_bytes())
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    if as_json:
        output.show_json(
            {"verified": True, "key_id": found.key_id, "digest": found.digest, "says": found.body}
        )
        return
    _show(found.body)
    output.done(f"the signature of the key {found.key_id} holds; digest {found.digest}")


def _show(body: Body) -> None:
    order, trail = body["order"], body["trail"]
    output.show_fields(
        [
            ("order", order["reference"]),
            ("issued at", body["issued_at"]),
            ("issued by", body["provider"]),
            ("installation", body["installation"]),
            ("authority", order["authority"]),
            ("document", order["document"]),
            ("state", order["standing"]),
            ("entries", body["entries"]["count"]),
            *((each["step"].replace("_", " "), each["at"]) for each in body["steps"]),
            ("trail", f"{trail['sequence']} {trail['hash']}"),
            ("checkpoint", trail["checkpoint"]),
        ]
    )
