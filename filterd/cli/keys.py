"""``filterd key``: the keys that seal confidential names, and those that sign."""

from __future__ import annotations

from pathlib import Path

import click

from filterd.cli import output, signing_keys
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

REASON = click.option("--reason", required=True, help="Why; it goes into the audit trail.")


@click.group(cls=Group)
def key() -> None:
    """Look after the keys that seal confidential names, and those that sign."""


for _command in (signing_keys.make, signing_keys.accept, signing_keys.export):
    key.add_command(_command)


@key.command("list")
@click.option("--signing", is_flag=True, help="Those that sign checkpoints, receipts and lists.")
@common
def list_(signing: bool, config: Path | None, as_json: bool) -> None:
    """Show the keys by their ids, and what each seals. No key is shown.

    They stand in state_dir/keys/confidential.key. Keep a copy of that file apart from the backups: a backup
    holds no key, and without the key its confidential orders cannot be read.
    """
    if signing:
        signing_keys.show_keys(config, as_json)
        return
    from filterd.operations import key_rotation

    found = perform(config, key_rotation.status)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            each.id,
            "seals" if each.seals else "earlier" if each.present else "LOST",
            output.moment(each.made_at),
            each.orders,
            each.files,
        )
        for each in found
    ]
    output.show_table(("key", "state", "made", "orders", "list versions"), rows, "nothing was sealed yet")
    if any(not each.present for each in found):
        output.warn(
            "what a lost key sealed stays in force, and cannot be compiled anew",
            "put the key's line back into state_dir/keys/confidential.key",
        )


@key.command()
@click.option(
    "--purpose", type=click.Choice(signing_keys.PURPOSES), help="The key that signs these, instead."
)
@REASON
@common
def rotate(purpose: str | None, reason: str, config: Path | None, as_json: bool) -> None:
    """Make a new key, and seal with it what earlier keys have sealed.

    The earlier keys stay, since backups may need them: filterd key drop removes one. Copy the file of the
    keys to where you keep it afterwards. Of a key that signs, the public part of the earlier one stays alone.
    """
    if purpose is not None:
        signing_keys.rotate_signing(config, purpose, reason, as_json)
        return
    from filterd.operations import key_rotation

    done = perform(config, lambda context: key_rotation.rotate(context, reason=reason))
    if as_json:
        output.show_json(done)
        return
    output.done(
        f"sealed with the new key {done.key}: {done.orders} orders, {done.files} versions of lists; copy"
        " state_dir/keys/confidential.key to where you keep it"
    )


@key.command()
@click.argument("identifier", metavar="ID")
@REASON
@common
def drop(identifier: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Remove the key ID, which nothing here needs any more. Backups that need it cannot be opened then."""
    from filterd.operations import key_rotation

    perform(config, lambda context: key_rotation.drop(context, identifier, reason=reason))
    if as_json:
        output.show_json({"dropped": identifier})
        return
    output.done(f"the key {identifier} is gone")
