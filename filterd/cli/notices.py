"""``filterd notice``: the notices to holders, and those that no receiver has taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.group import Group
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.context import Context
    from filterd.operations.notices.keeping import NoticeShown


@click.group(cls=Group)
def notice() -> None:
    """Show the notices to holders, and send those anew that no receiver has taken."""


@notice.command("list")
@click.option("--undelivered", is_flag=True, help="Only those that were not delivered.")
@click.option("--line", default="", metavar="ID", help="Only those of this subscriber.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Go on behind this number.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The most to show."
)
@common
def list_notices(
    undelivered: bool, line: str, after: int, limit: int, config: Path | None, as_json: bool
) -> None:
    """List notices, oldest first, with their state and who has not taken them."""
    from filterd.operations.notices import keeping
    from filterd.operations.plain_records import plain_notice
    from filterd.store.notices import NoticeFilter

    async def read(context: Context) -> list[NoticeShown]:
        wanted = NoticeFilter(undelivered, line)
        return await keeping.list_notices(context, wanted, after=after, limit=limit)

    found = perform(config, read)
    if as_json:
        output.show_json([plain_notice(each) for each in found])
        return
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo("no notice is like that")
    elif len(found) == limit:
        click.echo(f"there may be more: --after {found[-1].notice.number}")


@notice.command()
@click.argument("id")
@common
def show(id: str, config: Path | None, as_json: bool) -> None:
    """Show a notice: the text as the holder gets it, and who has not taken it."""
    from filterd.operations.notices import keeping
    from filterd.operations.plain_records import plain_notice

    async def read(context: Context) -> NoticeShown:
        return await keeping.show(context, id)

    found = perform(config, read)
    if as_json:
        output.show_json(plain_notice(found))
        return
    click.echo(_line(found))
    click.echo(found.told.text.es or "the policies have no text for it: put one into notices/VERSION.yaml")


@notice.command()
@click.argument("id", required=False)
@click.option("--all", "every", is_flag=True, help="Every notice that was not delivered.")
@common
def retry(id: str | None, every: bool, config: Path | None, as_json: bool) -> None:
    """Send a notice anew, at once, to the receivers that have not taken it."""
    from filterd.operations.notices import keeping

    if (id is None) == (not every):
        message = "give the ID of a notice, or --all"
        raise click.UsageError(message)

    async def write(context: Context) -> int:
        return await (keeping.retry_all(context) if id is None else keeping.retry(context, id))

    sent = perform(config, write)
    if as_json:
        output.show_json({"notices": sent})
        return
    click.echo(f"{sent} {'notice is' if sent == 1 else 'notices are'} sent again")
    if not sent:
        click.echo("no receiver of the settings wants them: see notices.webhooks")


def _line(each: NoticeShown) -> str:
    found = each.notice
    ways = "".join(
        f"\n  {way.webhook}: {'given up' if way.failed else 'next ' + output.moment(way.next_at)}, "
        f"after {way.attempts} attempts{': ' + way.trouble if way.trouble else ''}"
        for way in each.deliveries
    )
    return (
        f"{found.id}  {output.moment(found.at)}  {found.subscriber}  {found.kind}  {found.state.value}{ways}"
    )
