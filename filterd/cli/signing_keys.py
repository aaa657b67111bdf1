"""``filterd key make``, ``accept`` and ``export``: the keys that sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import new_file, output
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filterd.operations.trail.rotating import SigningKeyStatus

PURPOSES = ("checkpoint", "receipt", "list")


def show_keys(config: Path | None, as_json: bool) -> None:
    """Show the keys that sign, and those that signed before."""
    from filterd.operations.trail import rotating

    _show(perform(config, rotating.status), as_json)


def _show(found: Sequence[SigningKeyStatus], as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.purpose,
            each.id,
            "signs" if each.in_use else "earlier",
            each.how if each.accepted else f"{each.how}, NOT ACCEPTED",
            output.moment(each.at),
            each.checkpoint or "not yet",
        )
        for each in found
    ]
    columns = ("for", "key", "state", "came by", "since", "announced in")
    output.show_table(columns, rows, "no key that signs was made yet")
    if any(not each.accepted for each in found):
        output.warn(
            "a key took the place of another one, which did not sign for it",
            "find out why; then: filterd key accept ID --reason ...",
        )


def rotate_signing(config: Path | None, purpose: str, reason: str, as_json: bool) -> None:
    """Make a new key that signs."""
    from filterd.operations.signing import Purpose
    from filterd.operations.trail import rotating

    done = perform(config, lambda context: rotating.rotate(context, Purpose(purpose), reason=reason))
    if as_json:
        output.show_json(done)
        return
    if done.how == "replaced":
        output.warn(
            f"the new key {done.id} took the place of one that is lost: nothing vouches for it",
            f"filterd key accept {done.id} --reason ..., and tell those who take the lists: {done.minisign}",
        )
        return
    if purpose == "list":
        output.done(
            f"the new key {done.minisign} signs from now on, and the one before endorses it: publish the"
            " lists again (filterd feed publish), and tell those who take them"
        )
        return
    output.done(
        f"the new key {done.id} signs from now on; checkpoint {done.checkpoint} announces it, signed by the"
        " one before: publish it (filterd key export)"
    )


@click.command()
@common
def make(config: Path | None, as_json: bool) -> None:
    """Make the keys that sign, where there are none, and announce them in the trail. Control does it too."""
    from filterd.operations.trail import rotating

    _show(perform(config, rotating.make), as_json)


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--reason", required=True, help="Why it took another's place; it goes into the audit trail.")
@common
def accept(identifier: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Accept a key that took the place of another one without its signature."""
    from filterd.operations.trail import rotating

    perform(config, lambda context: rotating.accept(context, identifier, reason=reason))
    if as_json:
        output.show_json({"accepted": identifier})
        return
    output.done(
        f"the key {identifier} is accepted; tell those who verify, they cannot follow it by themselves"
    )


@click.command()
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    default=PURPOSES[0],
    show_default=True,
    help="Of this purpose: a key serves one. Exports of the trail are verified by those of checkpoints.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write them to this new file.")
@common
def export(purpose: str, out: Path | None, config: Path | None, as_json: bool) -> None:
    """Show the public keys in PEM, the newest first. No private key is ever shown."""
    from filterd.operations.signing import Purpose
    from filterd.operations.trail import rotating

    text = perform(config, lambda context: rotating.public_pem(context, Purpose(purpose)))
    if out is not None:
        new_file.write(out, text.encode("ascii"), "public keys")
    if as_json:
        output.show_json({"pem": text})
    elif out is None:
        click.echo(text, nl=False)
    else:
        output.done(f"written: {out}")
