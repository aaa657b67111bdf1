"""``filterd duty roster | contact | handover``: from one officer to the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import output
from filterd.cli.duty import duty
from filterd.cli.group import Group
from filterd.cli.options import ReadText, common
from filterd.cli.use_case import perform
from filterd.model.duty import ContactKind

if TYPE_CHECKING:
    from io import TextIOWrapper

SHIFTS = ("shift", "begins", "ends", "account", "deputy", "authority told")
CONTACTS = ("id", "kind", "name", "telephone", "mail", "deputy", "note")
LARGEST = 4_000_000
"""characters of a file"""


@duty.group(cls=Group)
def roster() -> None:
    """Say who is on duty when: 24 hours a day, every day of the year (LMTR 183-IV).

    Gaps are told ahead, and so is each change of officer, of which the authority is told a day before.
    """


@roster.command("show")
@common
def show_roster(config: Path | None, as_json: bool) -> None:
    """Show who is on duty, the shifts to come, and gaps."""
    from filterd.operations.duty import roster as people
    from filterd.operations.duty.plain import plain_roster

    found = perform(config, people.look)
    if as_json:
        output.show_json(plain_roster(found))
        return
    rows = [
        (
            each.number,
            people.local(each.begins_at, found.zone),
            people.local(each.ends_at, found.zone),
            each.account,
            each.deputy,
            each.told_reference,
        )
        for each in found.shifts
    ]
    output.show_table(
        SHIFTS, rows, "the roster is empty: filterd duty roster week 2026-11-30 ACCOUNT ACCOUNT"
    )
    for gap in found.gaps:
        where = f"{people.local(gap.begins_at, found.zone)} to {people.local(gap.ends_at, found.zone)}"
        output.warn(
            f"nobody is on duty from {where}", "filterd duty roster add ACCOUNT --begins ... --ends ..."
        )


@roster.command("add")
@click.argument("account")
@click.option("--begins", required=True, help="ISO 8601 with offset: 2026-11-30T08:00-06:00.")
@click.option("--ends", required=True, help="ISO 8601 with offset; exclusive.")
@click.option("--deputy", default="", help="The account of whoever stands in.")
@common
def add_shift(account: str, begins: str, ends: str, deputy: str, config: Path | None, as_json: bool) -> None:
    """Put somebody on the roster."""
    from filterd.operations import input_values
    from filterd.operations.duty import roster as people

    first, last = input_values.when(begins, "--begins"), input_values.when(ends, "--ends")
    made = perform(config, lambda context: people.add(context, account, first, last, deputy=deputy))
    if as_json:
        output.show_json(made)
        return
    output.done(f"shift {made.number}: see it with filterd duty roster show")


@roster.command("week")
@click.argument("day")
@click.argument("accounts", metavar="ACCOUNT", nargs=-1, required=True)
@click.option(
    "--at", "hand_over", default="08:00", show_default=True, help="When one hands over to the next."
)
@click.option("--days", type=click.IntRange(1, 92), default=7, show_default=True)
@common
def fill_week(
    day: str, accounts: tuple[str, ...], hand_over: str, days: int, config: Path | None, as_json: bool
) -> None:
    """Fill days from DAY on by local time, the officers in turn; what stood there is replaced.

    Where clocks change, that day has 23 or 25 hours, and nobody is missing.
    """
    from filterd.operations.duty import roster as people

    made = perform(
        config, lambda context: people.add_week(context, day, accounts, hand_over=hand_over, days=days)
    )
    if as_json:
        output.show_json(made)
        return
    output.done(f"{len(made)} shifts: see them with filterd duty roster show")


@roster.command("remove")
@click.argument("number", type=int)
@click.option("--reason", required=True)
@common
def remove_shift(number: int, reason: str, config: Path | None, as_json: bool) -> None:
    """Take a shift off the roster."""
    from filterd.operations.duty import roster as people

    perform(config, lambda context: people.remove(context, number, reason=reason))
    if as_json:
        output.show_json({"number": number})
        return
    output.done("gone; see what is open now: filterd duty roster show")


@roster.command()
@click.argument("number", type=int)
@click.option("--reference", required=True, help="Of the notice to the authority.")
@common
def told(number: int, reference: str, config: Path | None, as_json: bool) -> None:
    """Note that the authority was told of the change of officer at shift NUMBER, and those before it."""
    from filterd.operations.duty import roster as people

    count = perform(config, lambda context: people.told(context, number, reference=reference))
    if as_json:
        output.show_json({"shifts": count})
        return
    output.done(f"noted for {count} shifts")


@roster.command("export")
@common
def export_roster(config: Path | None, as_json: bool) -> None:
    """Print the shifts to come as CSV, with local times and offsets."""
    from filterd.operations.duty import roster_csv

    text = perform(config, roster_csv.export_shifts)
    _print(text, as_json)


@roster.command("import")
@click.argument("file", type=ReadText())
@click.option("--replace", "replacing", is_flag=True, help="Shifts that stood in that stretch go.")
@common
def import_roster(file: TextIOWrapper, replacing: bool, config: Path | None, as_json: bool) -> None:
    """Read shifts from CSV (account,begins,ends,deputy), all or none; every faulty row is told."""
    from filterd.operations.duty import roster_csv

    text = file.read(LARGEST)
    made = perform(config, lambda context: roster_csv.import_shifts(context, text, replacing=replacing))
    if as_json:
        output.show_json(made)
        return
    output.done(f"{len(made)} shifts read")


@duty.group(cls=Group)
def contact() -> None:
    """Note how to reach the officers, their deputies, and the authorities."""


@contact.command("set")
@click.argument("name", metavar="ID")
@click.option("--kind", type=click.Choice([each.value for each in ContactKind]), required=True)
@click.option("--name", "full_name", default="", help="In words; default the id.")
@click.option("--telephone", required=True)
@click.option("--mail", default="", help="The e-mail address.")
@click.option("--deputy", default="", help="Of an officer: the account of whoever stands in.")
@click.option("--note", default="", help="Further numbers, hours.")
@common
def put_contact(
    config: Path | None, as_json: bool, name: str, kind: str, full_name: str, **rest: str
) -> None:
    """Note how to reach an officer (ID is the account) or an authority, in place of what was noted."""
    from filterd.model.duty import DutyContact
    from filterd.operations.duty import roster as people

    given = DutyContact(name, ContactKind(kind), full_name, **rest)
    made = perform(config, lambda context: people.put_contact(context, given))
    if as_json:
        output.show_json(made)
        return
    output.done(f"{made.name}: {made.telephone}")


@contact.command("list")
@common
def list_contacts(config: Path | None, as_json: bool) -> None:
    """List everybody who can be reached."""
    from filterd.operations.duty import roster as people

    found = perform(config, people.look).contacts
    if as_json:
        output.show_json(found)
        return
    rows = [tuple(getattr(each, column) for column in CONTACTS) for each in found]
    output.show_table(CONTACTS, rows, "nobody is noted: filterd duty contact set ACCOUNT --kind officer ...")


@contact.command("remove")
@click.argument("name", metavar="ID")
@common
def remove_contact(name: str, config: Path | None, as_json: bool) -> None:
    """Forget how to reach somebody."""
    from filterd.operations.duty import roster as people

    perform(config, lambda context: people.remove_contact(context, name))
    if as_json:
        output.show_json({"id": name})
        return
    output.done("forgotten")


@contact.command("export")
@common
def export_contacts(config: Path | None, as_json: bool) -> None:
    """Print everybody as CSV."""
    from filterd.operations.duty import roster_csv

    _print(perform(config, roster_csv.export_contacts), as_json)


@contact.command("import")
@click.argument("file", type=ReadText())
@common
def import_contacts(file: TextIOWrapper, config: Path | None, as_json: bool) -> None:
    """Read contacts from CSV (kind,id,name,telephone,mail,deputy,note); every faulty row is told."""
    from filterd.operations.duty import roster_csv

    text = file.read(LARGEST)
    made = perform(config, lambda context: roster_csv.import_contacts(context, text))
    if as_json:
        output.show_json(made)
        return
    output.done(f"{len(made)} contacts read")


@duty.group(cls=Group)
def handover() -> None:
    """Write what the next officer must know, and acknowledge what the last one wrote."""


@handover.command("write")
@click.argument("text")
@common
def write_handover(text: str, config: Path | None, as_json: bool) -> None:
    """Hand over: what is open now is kept with TEXT. It is never changed; no confidential name, no line."""
    from filterd.operations.duty import handing_over
    from filterd.operations.duty.plain import plain_handover

    made = perform(config, lambda context: handing_over.write_down(context, text))
    if as_json:
        output.show_json(plain_handover(made))
        return
    output.done(f"hand-over {made.number}, with {len(made.open_items)} open items; the next officer reads it")


@handover.command("read")
@click.argument("number", type=int)
@common
def read_handover(number: int, config: Path | None, as_json: bool) -> None:
    """Acknowledge a hand-over, as another person than its writer."""
    from filterd.operations.duty import handing_over
    from filterd.operations.duty.plain import plain_handover

    found = perform(config, lambda context: handing_over.read(context, number))
    if as_json:
        output.show_json(plain_handover(found))
        return
    output.show_fields(
        [("from", found.actor), ("written", output.moment(found.written_at)), ("text", found.text)]
    )


@handover.command("list")
@common
def list_handovers(config: Path | None, as_json: bool) -> None:
    """List the newest hand-overs, newest first."""
    from filterd.operations.duty import handing_over
    from filterd.operations.duty.plain import plain_handover

    found = perform(config, handing_over.listed)
    if as_json:
        output.show_json([plain_handover(each) for each in found])
        return
    rows = [
        (
            each.number,
            output.moment(each.written_at),
            each.actor,
            ", ".join(actor for actor, _ in each.seen) or "nobody yet",
            len(each.open_items),
            " / ".join(each.text.split("\n")),
        )
        for each in found
    ]
    output.show_table(
        ("number", "written", "by", "read by", "open items", "text"), rows, "nothing was handed over"
    )


def _print(text: str, as_json: bool) -> None:
    if as_json:
        output.show_json({"csv": text})
    else:
        click.echo(text, nl=False)
