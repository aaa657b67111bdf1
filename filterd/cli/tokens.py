"""``filterd token``: the people and systems that may use the API, and what for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common, duration
from filterd.cli.use_case import perform
from filterd.model.token import DAY, Permission, TokenRole

if TYPE_CHECKING:
    from filterd.model.token import Token

COLUMNS = ("token", "name", "role", "state", "expires at", "last used", "made by", "limits")


@click.group(cls=Group)
def token() -> None:
    """Make, list and revoke the tokens of the API."""


@token.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice([each.value for each in TokenRole]), required=True, help="The work."
)
@click.option(
    "--for",
    "seconds",
    callback=duration,
    default="90d",
    show_default=True,
    help="How long it holds: 30d.",
)
@click.option("--system", is_flag=True, help="A system, not a person: it stands behind no order.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="PERMISSION",
    type=click.Choice([each.value for each in Permission]),
    help="Only this of what the role may do: " + ", ".join(Permission) + "; repeatable.",
)
@click.option("--lines", default="", help="Only subscribers whose id begins with this.")
@click.option("--from", "networks", multiple=True, help="Only from this address or prefix; repeatable.")
@common
def add(
    name: str,
    role: str,
    scopes: tuple[str, ...],
    config: Path | None,
    as_json: bool,
    **limits: Any,
) -> None:
    """Make a token, and print its secret this once.

    NAME is the person's account on this system, or a name for a system. A person with an account and a token
    is one person, where an order takes two.
    """
    from filterd.operations import tokens

    asked = tokens.TokenRequest(name, TokenRole(role), scopes=tuple(map(Permission, scopes)), **limits)
    made = perform(config, lambda context: tokens.add(context, asked))
    if as_json:
        output.show_json({**_plain(made.token), "secret": made.secret})
        return
    _show(made.token)
    click.echo(made.secret)
    output.done("this is the token: it is not stored and not shown again; who has it, acts under its name")


@token.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """List the tokens, those among them that hold no longer."""
    from filterd.operations import tokens

    found = perform(config, tokens.list_tokens)
    if as_json:
        output.show_json([_plain(each) for each in found])
        return
    empty = "there is no token; make one with: filterd token add NAME --role ROLE"
    output.show_table(COLUMNS, [_row(each) for each in found], empty)


@token.command()
@click.argument("token", metavar="TOKEN")
@click.option("--reason", required=True, help="Why.")
@common
def revoke(token: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End a token at once, by its number (T-7), or all of a name."""
    from filterd.operations import tokens

    ended = perform(config, lambda context: tokens.revoke(context, token, reason=reason))
    if as_json:
        output.show_json([_plain(each) for each in ended])
        return
    numbers = ", ".join(tokens.reference(each) for each in ended)
    output.done(f"revoked: {numbers}" if ended else f"{token} was revoked before")


def _show(found: Token) -> None:
    output.show_fields(list(zip(COLUMNS, _row(found), strict=True)))


def _row(found: Token) -> tuple[object, ...]:
    limits = [*found.scopes, *([f"lines {found.lines}..."] if found.lines else []), *found.networks]
    return (
        f"T-{found.number}",
        f"{found.name} (system)" if found.system else found.name,
        found.role,
        _state(found),
        output.moment(found.expires_at),
        _used(found),
        found.made_by,
        limits,
    )


def _state(found: Token) -> str:
    import time

    if found.revoked_at:
        return "revoked"
    return "valid" if found.holds(time.time()) else "expired"


def _used(found: Token) -> str:
    return output.moment(found.used_day * DAY)[:10] if found.used_day else "never"


def _plain(found: Token) -> dict[str, object]:
    """The token for JSON, with the day of its last use as a date."""
    value: dict[str, object] = output.plain(found)
    del value["used_day"]
    used = None if not found.used_day else _used(found)
    return {"token": f"T-{found.number}", **value, "state": _state(found), "last_used": used}
