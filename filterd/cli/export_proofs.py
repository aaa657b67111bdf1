"""Writes exports of the audit trail, and proves them: the work of ``filterd audit export`` and ``verify``."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.failure import Failure
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.audit.export_proof import ExportProof
    from filterd.operations.context import Context
    from filterd.operations.trail.exporting import Exported

NOT_PROVEN = (
    "that nothing was left out at its end: compare with what you kept from before (--against)",
    "that what was recorded is true: only that it was recorded then, and not changed since",
    "that the operator did not write the whole trail anew before anybody outside kept a checkpoint of it",
    "what withheld entries say: only that each stands in its place",
)
"""the limits of a proof"""


def write_file(
    config: Path | None, out: Path, scope: tuple[str, str, str], *, with_verifier: bool, as_json: bool
) -> None:
    """Write an export. ``scope``: from when, until when, and of which order; empty: all."""
    from filterd.operations.trail import exporting, verifying

    async def write(context: Context) -> Exported:
        wanted = exporting.scope_of(*scope)
        with output.progress("entries") as tell:
            return await exporting.write(
                context, out, wanted, None if tell is None else lambda done, total: tell("", done, total)
            )

    done = perform(config, write)
    if with_verifier:
        shutil.copyfile(verifying.VERIFIER, out.with_name(verifying.VERIFIER.name))
    if done.warning:
        output.warn(
            f"no checkpoint was signed at its end: {done.warning}",
            "send it nevertheless if it is to be evidence; see what is wrong with: filterd audit verify",
        )
    if as_json:
        output.show_json(output.plain(done))
        return
    click.echo(
        f"{done.path}: {done.entries} entries, {done.withheld} of them withheld, {done.checkpoints}"
        f" checkpoints, {done.size} bytes\nSHA-256 {done.digest}\n"
        f"verify it with: filterd audit verify {done.path} --key PUB"
    )


def prove_file(
    export: Path, keys: Path | None, against: Path | None, authorities: Path | None, *, as_json: bool
) -> None:
    """Prove an export, and fail where anything is found."""
    from filterd.operations.errors import OperationError
    from filterd.operations.trail import verifying

    if keys is None:
        message = "an export is proven by the operator's public key: --key PUB.pem"
        raise click.UsageError(message)
    try:
        proof = verifying.prove(export, keys, against, authorities)
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    if as_json:
        output.show_json({"holds": proof.holds, **asdict(proof), "not_proven": NOT_PROVEN})
    else:
        _show(proof)
    if not proof.holds:
        message = f"the export does not hold: {len(proof.faults)} faults"
        raise Failure(
            message, "keep the file as evidence, and ask the operator for the trail that it should be"
        )


def plain(text: str) -> str:
    """A text of the file, on one line, with escapes for what a terminal would obey."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _show(proof: ExportProof) -> None:
    for each in proof.faults:
        where = f"line {each.line}: " if each.line else ""
        click.echo(plain(f"{where}{each.what}: {each.fault}"))
    rows = ", ".join(f"{count} of {name}" for name, count in proof.rows.items()) or "none"
    output.show_fields(
        (
            ("installation", plain(proof.installation)),
            ("made", plain(proof.made_at)),
            ("entries", f"up to {proof.sequence}, {proof.withheld} of them withheld"),
            ("hash", plain(proof.hash)),
            (
                "checkpoints",
                f"{proof.checkpoints}, the newest {proof.checkpoint} of {plain(proof.checkpoint_at)}",
            ),
            ("rows", rows),
            ("sealed by", plain(proof.key_id)),
            ("compared with", proof.earlier or "nothing that was kept from before"),
        )
    )
    for text in _remarks(proof):
        click.echo(f"note: {text}")
    click.echo("\nit does not prove:")
    for text in NOT_PROVEN:
        click.echo(f"  - {text}")


def _remarks(proof: ExportProof) -> list[str]:
    found = []
    if proof.behind_checkpoint:
        found.append(f"{proof.behind_checkpoint} entries stand behind the newest checkpoint")
    if proof.bare_links:
        found.append(
            f"{proof.bare_links} withheld entries of an earlier version: only checkpoints bind their place,"
            " and nothing binds the entries that are shown before them"
        )
    if proof.orders_not_shown:
        found.append(f"{proof.orders_not_shown} confidential orders have a row that is not shown")
    if proof.stamps_unchecked:
        found.append(f"{proof.stamps_unchecked} time stamps were not verified: --tsa-ca FILE")
    found += [f"a restore lost the checkpoints up to {each}" for each in proof.lost]
    found += [
        f"the key {each} took the place of another, and you gave it as trusted"
        for each in proof.replaced_keys
    ]
    return found
