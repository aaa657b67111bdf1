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
@click.option(
    "--format",
    "form",
    type=click.Choice(("json", "pdf")),
    default="json",
    show_default=True,
    help="The signed JSON alone, or beside it a PDF that presents it and has it attached.",
)
@click.option(
    "--language", type=click.Choice(("es", "en")), default="es", show_default=True, help="Of the PDF."
)
@common
def receipt(
    reference: str, out: Path | None, form: str, language: str, config: Path | None, as_json: bool
) -> None:
    """Issue a signed receipt on an order: each step with its time, for the authority that demanded it.

    The names of a confidential order are not in it. The audit trail records each receipt by its digest.
    """
    from filterd.operations.receipts import issuing, writing
    from filterd.operations.receipts.words import SheetLanguage

    if form == "pdf" and out is None:
        message = "a PDF is a file: say with --out in which directory"
        raise click.UsageError(message)
    place = None if out is None else sudo.written_place(out, "receipts")
    shown_in = SheetLanguage(language) if form == "pdf" else None

    async def run(context: Context) -> tuple[Receipt, tuple[Path, ...]]:
        issued = await issuing.issue(context, reference)
        if place is None:
            return issued, ()
        return issued, await writing.write(place, issued, shown_in)

    issued, files = perform(config, run)
    if not issued.body["provider"]:
        message = f"the receipt on {issued.reference} does not name the provider"
        output.warn(message, "set service.name in filterd.yaml, and issue another one")
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
@click.option("--pdf", type=ReadFile(), help="A PDF that must be exactly what this filterd makes of it.")
@json_option
def verify_receipt(file: GivenFile, key: GivenFile, pdf: GivenFile | None, as_json: bool) -> None:
    """Verify the JSON of a receipt by the public key of who issued it; no store is needed."""
    from filterd.operations.errors import OperationError
    from filterd.operations.receipts import typesetting, verifying

    try:
        found = verifying.verify(file.read_bytes(), key.read_bytes())
        if pdf is not None:
            asyncio.run(typesetting.require_same(found.text, pdf.read_bytes()))
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    if as_json:
        shown = {"verified": True, "pdf": None if pdf is None else True, "key_id": found.key_id}
        output.show_json({**shown, "digest": found.digest, "says": found.body})
        return
    _show(found.body)
    output.done(f"the signature of the key {found.key_id} holds; digest {found.digest}")
    if pdf is not None:
        output.done(f"{pdf} is what this filterd makes of it, byte for byte")


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
