"""``filterd passkey``: the passkeys by which people with a token sign in at the desks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.passkeys.keeping import ShownPasskey

COLUMNS = ("passkey", "token", "name", "role", "state", "device", "host", "made at", "last used")
_STATES = {"token": "token ended"}


@click.group(cls=Group)
def passkey() -> None:
    """See and end passkeys. A person adds one at a desk, signed in with the token."""


@passkey.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the passkeys, those among them that hold no longer."""
    from filterd.operations.passkeys import keeping
    from filterd.operations.plain_values import with_times

    found = perform(config, keeping.list_passkeys)
    if as_json:
        output.show_json([with_times(keeping.plain_passkey(each)) for each in found])
        return
    empty = "there is no passkey; a person adds one at a desk, under Passkeys"
    output.show_table(COLUMNS, [_row(each) for each in found], empty)


@passkey.command()
@click.argument("passkey", metavar="PASSKEY")
@click.option("--reason", required=True, help="Why.")
@common
def revoke(passkey: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End a passkey at once, by its number (K-7): one of a device that was lost. Its token stays."""
    from filterd.operations.passkeys import keeping
    from filterd.operations.plain_values import with_times

    ended = perform(config, lambda context: keeping.revoke(context, passkey, reason=reason))
    if as_json:
        output.show_json(with_times(keeping.plain_passkey(ended)))
        return
    number = keeping.reference(ended.passkey)
    output.done(f"revoked: {number}; its token T-{ended.token.number} still signs in")


def _row(found: ShownPasskey) -> tuple[object, ...]:
    from filterd.operations.passkeys.keeping import plain_passkey

    plain = plain_passkey(found)
    return (
        *(plain[each] for each in ("passkey", "token", "name", "role")),
        _STATES.get(found.state, found.state),
        *(plain[each] for each in ("device", "host")),
        output.moment(found.passkey.made_at),
        output.moment(plain["used_at"])[:10] if plain["used_at"] else "never",
    )
